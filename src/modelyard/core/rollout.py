"""What a rollout starts and drains next. It decides; it never does.

Every track moves on its own, inside its budget (n = the instance count asked for):

- no start at or above `ceiling` = n + surge instances that hold resources (a draining one still does);
- no drain of a serving instance at or below `floor` = n - unavailable serving ones, and never of the last one
  while there is anything to serve;
- stale instances that do not serve cost no budget and go first.

Until the new weights are in force a track also keeps what its old weight needs (`base_floor`).

Worked examples, one track (o: old serving, s: starting, n: new serving, d: draining):

    n=1, surge 1, unavailable 0     o → o s → o n → d n → n
    n=2, surge 1, unavailable 0     oo → oo s → oo n → o d n → o n → o n s → o nn → d nn → nn
    n=4, surge 2, unavailable 1     oooo → o o o d s → …   (one may go at once, six may hold)
    n=1 from 3 of another template  ooo → o dd → o → o s → o n → d n → n    (no room before two are gone)

Crashed instances hold nothing: their replacement starts at once, the next after a back-off (`core.backoff`).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.core import backoff
from modelyard.core.situation import Sight, Situation, Track
from modelyard.domain.instance import Phase

UNHEALTHY_MS = 60_000
"""How long an instance that was ready once may fail its health check before it is replaced."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start one more instance of the track's goal."""

    track: int
    template: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Take the instance out of the routing, then end it. `why` is for people."""

    instance_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`again_ms`: when a back-off or a time limit is over and the plan may differ (None: never)."""

    starts: tuple[Start, ...] = ()
    drains: tuple[Drain, ...] = ()
    again_ms: int | None = None


def plan(situation: Situation, now_ms: int) -> Plan:
    """The starts and drains that are allowed now. Empty when there is nothing to do."""
    tracks = situation.tracks()
    if not situation.goal:
        return Plan(drains=tuple(Drain(s.id, "the service stops") for t in tracks for s in t.stale))
    starts: list[Start] = []
    drains: list[Drain] = []
    again: list[int] = []
    someone_serves = any(t.serving for t in tracks if t.variant is not None)
    for track in tracks:
        drains.extend(_drains(track, now_ms, switched=situation.switched, may_end=someone_serves))
        starts.extend(_starts(track, now_ms))
        again.extend(t for t in _times(track) if t > now_ms)
    return Plan(tuple(starts), tuple(drains), min(again, default=None))


def _starts(track: Track, now_ms: int) -> Iterator[Start]:
    if track.variant is None:
        return
    wanted = track.count - len(track.fresh)
    room = track.ceiling - len(track.holding)
    allowed = min(wanted, room)
    if allowed > 0 and backoff.next_try_ms(_failures(track)) > now_ms:
        return
    for _ in range(allowed):
        yield Start(track.number, track.variant.template.hash)


def _drains(track: Track, now_ms: int, *, switched: bool, may_end: bool) -> Iterator[Drain]:
    """Those that cost nothing first; then serving ones, oldest first, as far as the floor allows."""
    for sight in track.fresh:
        if _overdue(track, sight, now_ms):
            yield Drain(sight.id, "it did not become able to serve in time")
    if track.variant is None and not switched:
        return
    floor = track.floor if switched else max(track.floor, track.base_floor)
    if track.variant is None and not may_end:
        floor = 1
    why = "another version replaces it" if track.variant else "its variant was removed"
    for sight in _free(track):
        yield Drain(sight.id, why)
    spare = max(track.serving - floor, 0)
    leaving = sorted((s for s in track.stale if track.serves(s)), key=_age)[:spare]
    for sight in leaving:
        yield Drain(sight.id, why)
    for sight in _surplus(track, spare - len(leaving)):
        yield Drain(sight.id, "fewer instances are asked for")


def _free(track: Track) -> list[Sight]:
    """Stale instances whose end takes nothing from callers.

    One that was ready once and fails its health check now may only be slow: while nothing of the track serves,
    the youngest such one stays, as the last resort of the routing. A ready one that the gateway does not have
    yet is about to serve: it is not free.
    """
    starting = [s for s in track.stale if s.phase is Phase.STARTING]
    never_ready = [s for s in starting if s.instance.ready_ms is None]
    unwell = sorted((s for s in starting if s.instance.ready_ms is not None), key=_age)
    return never_ready + (unwell if track.serving else unwell[:-1])


def _surplus(track: Track, spare: int) -> Iterator[Sight]:
    """Fresh instances above the count: those that do not serve first, the youngest first."""
    surplus = len(track.fresh) - track.count
    order = sorted(
        track.fresh, key=lambda s: (track.serves(s), s.phase is Phase.READY, -s.instance.started_ms, s.id)
    )
    for sight in order[: max(surplus, 0)]:
        if track.serves(sight):
            if spare <= 0:
                return
            spare -= 1
        yield sight


def _age(sight: Sight) -> tuple[int, str]:
    return (sight.instance.started_ms, sight.id)


def _overdue(track: Track, sight: Sight, now_ms: int) -> bool:
    limit = _limit_ms(track, sight)
    return limit is not None and now_ms >= limit


def _limit_ms(track: Track, sight: Sight) -> int | None:
    """When an instance that does not serve is given up; None while nothing runs against it."""
    if sight.phase is not Phase.STARTING or track.variant is None:
        return None
    if sight.instance.ready_ms is not None:
        return sight.instance.phase_ms + UNHEALTHY_MS
    if sight.process_started_ms is None:
        return None
    return sight.process_started_ms + track.variant.deploy_timeout_s * 1000


def _failures(track: Track) -> list[int]:
    return [s.instance.phase_ms for s in track.sights if s.phase is Phase.EXITED and track.is_fresh(s)]


def _times(track: Track) -> Iterator[int]:
    if len(track.fresh) < track.count:
        yield backoff.next_try_ms(_failures(track))
    for sight in track.fresh:
        limit = _limit_ms(track, sight)
        if limit is not None:
            yield limit
