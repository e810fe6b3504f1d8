"""What a rollout starts and drains next. It decides; it never does.

Every track moves on its own, inside its budget (n = the instance count asked for):

- no start at or above `ceiling` = n + surge instances that hold resources (a draining one still does);
- no drain of a serving instance at or below `floor` = n - unavailable serving ones, and never of the last one
  while there is anything to serve;
- instances that do not serve cost no budget and go first: stale ones, and those that had their time to.

Until the new weights are in force a track also keeps what its old weight needs (`base_floor`), and while nothing
of the service answers, one instance of its old template is kept or started again: it may answer sooner.

Worked examples, one track (o: old serving, s: starting, n: new serving, d: draining):

    n=1, surge 1, unavailable 0     o → o s → o n → d n → n
    n=2, surge 1, unavailable 0     oo → oo s → oo n → o d n → o n → o n s → o nn → d nn → nn
    n=4, surge 2, unavailable 1     oooo → ooo d ss → …   (one may go at once, six may hold)
    n=1 from 3 of another template  ooo → o dd → o → o s → o n → d n → n    (no room before two are gone)

Crashed instances hold nothing: their replacement starts at once, the next after a back-off (`core.backoff`). One
that hangs counts as of another template: its replacement is there before it goes.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.core import backoff
from modelyard.core.rollout.situation import Sight, Situation, Track
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.revision import Variant

HUNG = "it hangs"


@dataclass(frozen=True, slots=True)
class Start:
    """Start one more instance of the track: of its goal, or of its base while that must answer."""

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


@dataclass(frozen=True, slots=True)
class TrackContext:
    """What a track must know of the others. `serves`: a track that stays serves; `answers`: anything does."""

    now_ms: int
    switched: bool
    serves: bool
    answers: bool


def plan(situation: Situation, now_ms: int) -> Plan:
    """The starts and drains that are allowed now. Empty when there is nothing to do."""
    tracks = situation.tracks()
    if not situation.goal:
        return Plan(drains=tuple(Drain(s.id, "the service stops") for t in tracks for s in t.stale))
    moment = TrackContext(
        now_ms,
        switched=situation.switched,
        serves=any(t.serving for t in tracks if t.variant is not None),
        answers=any(s.answers for s in situation.sights),
    )
    return Plan(
        tuple(start for track in tracks for start in _starts(track, moment)),
        tuple(drain for track in tracks for drain in _drains(track, moment)),
        min((t for track in tracks for t in _times(track, moment) if t > now_ms), default=None),
    )


def _starts(track: Track, moment: TrackContext) -> Iterator[Start]:
    """New ones up to the count; then an old one, if it may have to answer in the meantime."""
    room = track.ceiling - len(track.holding)
    for template, missing in _missing(track, moment):
        if _next_try_ms(track, template) <= moment.now_ms:
            for _ in range(min(missing, room)):
                yield Start(track.number, template)
            room -= max(min(missing, room), 0)


def _missing(track: Track, moment: TrackContext) -> Iterator[tuple[str, int]]:
    """Templates of which something should be started, and how many."""
    if track.variant is not None:
        yield track.variant.template.hash, track.count - len(track.fresh) + len(_lost(track, moment.now_ms))
    if _must_answer(track, moment) and not _of(track, track.base):
        assert track.base is not None
        yield track.base.template.hash, 1


def _must_answer(track: Track, moment: TrackContext) -> bool:
    """Whether the base is what callers wait for: its weight is in force, and nothing answers."""
    return not moment.switched and not moment.answers and track.base_floor > 0 and track.base_differs


def _drains(track: Track, moment: TrackContext) -> Iterator[Drain]:
    """Those that cost nothing first; then serving ones, oldest first, as far as the floor allows."""
    lost = _lost(track, moment.now_ms)
    if track.variant is None and not moment.switched:
        return
    why = "another version replaces it" if track.variant else "its variant was removed"
    for sight in _free(track, lost, moment):
        yield Drain(sight.id, "it was not able to serve in time" if sight in lost else HUNG if sight.hung else why)
    spare = max(track.serving - _floor(track, moment), 0)
    leaving = sorted((s for s in track.stale if track.serves(s)), key=_age)[:spare]
    for sight in leaving:
        yield Drain(sight.id, HUNG if sight.hung else why)
    for sight in _surplus(track, lost, spare - len(leaving)):
        yield Drain(sight.id, "fewer instances are asked for")


def _floor(track: Track, moment: TrackContext) -> int:
    if not moment.switched:
        return max(track.floor, track.base_floor)
    if track.variant is None and not moment.serves:
        return 1
    return track.floor


def _lost(track: Track, now_ms: int) -> list[Sight]:
    """Instances of the goal that had their time to serve and do not."""
    return [s for s in track.fresh if (limit := _limit_ms(track, s)) is not None and now_ms >= limit]


def _free(track: Track, lost: list[Sight], moment: TrackContext) -> list[Sight]:
    """Instances whose end takes nothing from callers.

    While nothing of the service answers, the one that is likeliest to answer next stays: the youngest of those
    that were ready once (they may only be slow, and the routing has them as its last resort), else one of the
    base before the switch. A ready one that the gateway does not have yet is about to serve: it is not free.
    """
    idle = [s for s in track.stale if s.phase is Phase.STARTING] + lost
    hopeful = [] if moment.answers else [s for s in idle if s.instance.ready_ms is not None]
    if not hopeful and _must_answer(track, moment):
        hopeful = [s for s in idle if s in _of(track, track.base)]
    kept = sorted(hopeful, key=_age)[-1:]
    return [s for s in idle if s not in kept]


def _surplus(track: Track, lost: list[Sight], spare: int) -> Iterator[Sight]:
    """Instances of the goal above the count: those that do not serve first, the youngest first."""
    fresh = [s for s in track.fresh if s not in lost]
    order = sorted(fresh, key=lambda s: (track.serves(s), s.phase is Phase.READY, -s.instance.started_ms, s.id))
    for sight in order[: max(len(fresh) - track.count, 0)]:
        if track.serves(sight):
            if spare <= 0:
                return
            spare -= 1
        yield sight


def _of(track: Track, variant: Variant | None) -> list[Sight]:
    """Live instances of the variant's template."""
    wanted = variant.template.hash if variant else None
    return [s for s in track.sights if s.phase in LIVE and s.instance.template == wanted]


def _age(sight: Sight) -> tuple[int, str]:
    return (sight.instance.started_ms, sight.id)


def _limit_ms(track: Track, sight: Sight) -> int | None:
    """When an instance that does not serve is given up; None while nothing runs against it."""
    if sight.phase is not Phase.STARTING or track.variant is None:
        return None
    if sight.instance.ready_ms is not None:
        return sight.instance.phase_ms + sight.patience_ms
    return None if sight.obstacle else track.deadline_ms(sight)


def _next_try_ms(track: Track, template: str) -> int:
    ended = [s for s in track.sights if s.phase is Phase.EXITED and s.instance.template == template]
    return backoff.next_try_ms([s.instance.phase_ms for s in ended])


def _times(track: Track, moment: TrackContext) -> Iterator[int]:
    for template, missing in _missing(track, moment):
        if missing > 0:
            yield _next_try_ms(track, template)
    for sight in track.fresh:
        for limit in (_limit_ms(track, sight), track.deadline_ms(sight)):
            if limit is not None:
                yield limit
