"""Which connections the API waits for no longer: pure, time is passed in.

A request that arrives costs memory and a place, and whoever sends it is not known yet. So what may take its time
is bounded, and how many may take it at once:

    stage    it is                                    at most
    new      connected, nothing sent yet              30 s
    head     in the middle of a head                  10 s
    body     in the middle of a body                  20 s, and a second more for each 16 KiB that came
    upload   in the middle of an object               what whoever reads it allows (`api.transfers`)
    busy     being answered                           60 s without taking any of the answer
    idle     kept alive between requests              65 s (uvicorn's own timer)
    linger   answered before its body had come        10 s, so that the answer is read before the connection ends

Of one address, 100 may be in the middle of a head or a body for longer than a second, and 1,000 of all; of more,
the oldest go. So somebody who trickles displaces their own, and a crowd of honest clients, whose requests arrive
at once, loses none. Connections of a trusted proxy are those of many, and only count among all.

An upload is of somebody who is known, of whom there are only so many: it displaces nobody and is not displaced.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

ARRIVAL = "arrival"
"""The name of a connection's Arrival in the state of its requests' scope."""


class Stage(StrEnum):
    """Where a connection stands."""

    NEW = "new"
    HEAD = "head"
    BODY = "body"
    UPLOAD = "upload"
    BUSY = "busy"
    IDLE = "idle"
    LINGER = "linger"


@dataclass(frozen=True, slots=True)
class Bounds:
    """In seconds, bytes and connections."""

    new_s: float = 30
    head_s: float = 10
    body_s: float = 20
    body_bytes_per_s: int = 16 * 1024
    stalled_s: float = 60
    idle_s: int = 65
    linger_s: float = 10
    linger_bytes: int = 64 * 1024 * 1024
    young_s: float = 1
    arriving_of_address: int = 100
    arriving: int = 1000
    connections: int = 0  # 0: as many as this process may open


@dataclass(slots=True, eq=False)
class Arrival:
    """One connection. `since`: when it entered its stage; `stalled_since`: when the client stopped reading."""

    address: str
    since: float
    stage: Stage = Stage.NEW
    received: int = 0
    stalled_since: float | None = None

    def enter(self, stage: Stage, now: float) -> None:
        """A stage that it is in already goes on."""
        if stage is not self.stage:
            self.stage, self.since, self.received = stage, now, 0

    def upload(self, now: float) -> None:
        """What still comes of its body is an object of somebody who is known."""
        if self.stage is Stage.BODY:
            self.enter(Stage.UPLOAD, now)


@dataclass(frozen=True, slots=True)
class Rules:
    """Bounds, and whose connections are those of many."""

    bounds: Bounds = Bounds()
    proxies: Collection[str] = field(default_factory=frozenset)

    def overdue(self, arrivals: Iterable[Arrival], now: float) -> list[Arrival]:
        """Those that have had their time, and the oldest of those that are too many."""
        late, arriving = [], []
        for one in arrivals:
            if self._late(one, now):
                late.append(one)
            elif one.stage in {Stage.HEAD, Stage.BODY}:
                arriving.append(one)
        arriving.sort(key=lambda one: one.since)
        old = [one for one in arriving if now - one.since > self.bounds.young_s]
        left = Counter(one.address for one in arriving)
        total = len(arriving)
        for one in old:
            crowded = one.address not in self.proxies and left[one.address] > self.bounds.arriving_of_address
            if crowded or total > self.bounds.arriving:
                left[one.address] -= 1
                total -= 1
                late.append(one)
        return late

    def _late(self, one: Arrival, now: float) -> bool:
        age, bounds = now - one.since, self.bounds
        match one.stage:
            case Stage.NEW:
                return age > bounds.new_s
            case Stage.HEAD:
                return age > bounds.head_s
            case Stage.BODY:
                return age > bounds.body_s + one.received / bounds.body_bytes_per_s
            case Stage.LINGER:
                return age > bounds.linger_s or one.received > bounds.linger_bytes
            case Stage.UPLOAD:
                return False
            case Stage.BUSY | Stage.IDLE:
                return one.stalled_since is not None and now - one.stalled_since > bounds.stalled_s

    def displaced(self, arrivals: Iterable[Arrival], now: float) -> Arrival | None:
        """Who makes room for one more connection when there are as many as can be: the one that has been idle for
        longest, else the oldest that arrives; None when all are at work."""
        order = {Stage.LINGER: 0, Stage.IDLE: 1, Stage.NEW: 2, Stage.HEAD: 3, Stage.BODY: 4}
        unfinished = [
            one
            for one in arrivals
            if one.stage in order and (one.stage is Stage.IDLE or now - one.since > self.bounds.young_s)
        ]
        return min(unfinished, key=lambda one: (order[one.stage], one.since), default=None)
