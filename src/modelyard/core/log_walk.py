"""Walking through the lines of a stream, which shows those of several services. Pure.

Lines of one service have an order, their numbers; between services there is only time, which does not hold still:
a line may come late. So a place in a stream is a *cut*: for each service, how many of its lines lie before.
Walking in either direction from a cut leaves nothing out and repeats nothing, whatever comes meanwhile.

A `line_num` names the cut that ends with its line. Of a stream with one service it is the line's number, in 19
digits as the public API has it; otherwise what lies before of each service stands behind that, the line's own
first:

    0000000000000001041
    0000000000000001041.5f3a09c1-1041.77ab01de-20
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from modelyard.domain.logs import Line

Cut = Mapping[str, int]
"""Service id → the number of its last line that lies before; absent: none does."""

ALONE = re.compile(r"[0-9]{1,19}")
PART = re.compile(r"([0-9a-f]{8})-([0-9]{1,19})")
MOST_CHARS = 4000


@dataclass(frozen=True, slots=True)
class Place:
    """The cut of a line: `own` is its service."""

    own: str
    cut: Cut

    def before(self) -> Cut:
        """The cut in front of the line."""
        return {**self.cut, self.own: self.cut[self.own] - 1}


@dataclass(frozen=True, slots=True)
class Placed:
    """A line and its `line_num`."""

    line: Line
    name: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of one service in the direction of the walk. `all`: nothing else is there."""

    service_id: str
    lines: Sequence[Line]
    all: bool = True


def place(text: str, services: Sequence[str]) -> Place | None:
    """What a `line_num` says of the services of a stream, the oldest first; None for what is none. A service that
    is not in it is new to the stream: all of its lines lie behind."""
    if not services or len(text) > MOST_CHARS:
        return None
    number, *parts = text.split(".")
    if not ALONE.fullmatch(number):
        return None
    if not parts:
        return Place(services[0], {services[0]: int(number)})
    named = {_tag(service): service for service in services}
    cut: dict[str, int] = {}
    own = ""
    for i, part in enumerate(parts):
        found = PART.fullmatch(part)
        if found is None:
            return None
        service = named.get(found[1], "")
        own = service if i == 0 else own
        if service:
            cut[service] = int(found[2])
    return Place(own, cut) if own else None


def walked(
    readings: Sequence[Reading], start: Cut | None, limit: int, *, newer: bool
) -> tuple[list[Placed], bool]:
    """(at most `limit` lines in the order of the walk, whether there is more). `start`: where the walk begins,
    None for the end of the stream that it comes from. As far as all services were read."""
    cut = dict(start or {})
    if start is None and not newer:
        cut = {r.service_id: r.lines[0].number for r in readings if r.lines}
    at = [0] * len(readings)
    placed: list[Placed] = []
    while len(placed) < limit:
        if any(i == len(r.lines) and not r.all for i, r in zip(at, readings, strict=True)):
            return placed, True
        heads = [
            (r.lines[i].at_ms, j) for j, (i, r) in enumerate(zip(at, readings, strict=True)) if i < len(r.lines)
        ]
        if not heads:
            return placed, False
        _, j = min(heads) if newer else max(heads)
        service, line = readings[j].service_id, readings[j].lines[at[j]]
        at[j] += 1
        cut[service] = line.number
        placed.append(Placed(line, _name(service, cut, alone=len(readings) == 1)))
        if not newer:
            cut[service] = line.number - 1
    more = any(i < len(r.lines) or not r.all for i, r in zip(at, readings, strict=True))
    return placed, more


def _name(own: str, cut: Cut, *, alone: bool) -> str:
    name = f"{cut[own]:019d}"
    if alone:
        return name
    others = (service for service in sorted(cut) if service != own and cut[service])
    return ".".join([name, *(f"{_tag(service)}-{cut[service]}" for service in (own, *others))])


def _tag(service_id: str) -> str:
    return sha256(service_id.encode()).hexdigest()[:8]
