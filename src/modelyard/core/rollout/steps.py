"""What a rollout starts and drains next. It only decides.

Every track moves on its own, inside its budget (n = the instance count asked for):

- no start at or above `ceiling` = n + surge instances that hold resources (a draining one still does);
- no drain of a serving instance at or below `floor` = n - unavailable serving ones, and never of the last one
  while there is anything to serve;
- instances that do not serve cost no budget and go first: stale ones, and those that used up their time to start.

Until the new weights are in force, a track also keeps what its old weight needs (`base_floor`). While nothing of
the service answers, one instance of the old template is kept, or started again: it may answer sooner.

Worked examples, one track (o: old serving, s: starting, n: new serving, d: draining):

    n=1, surge 1, unavailable 0     o → o s → o n → d n → n
    n=2, surge 1, unavailable 0     oo → oo s → oo n → o d n → o n → o n s → o nn → d nn → nn
    n=4, surge 2, unavailable 1     oooo → ooo d ss → …   (one may go at once, six may hold)
    n=1 from 3 of another template  ooo → o dd → o → o s → o n → d n → n    (no room before two are gone)

Crashed instances hold nothing: the first replacement starts at once, the next after a back-off (`core.backoff`).
An instance that hangs counts as stale: its replacement is there before it goes.
One that nobody can see (its node is out of reach) holds its place and is not counted on; once it is lost it holds
nothing, and goes when enough others serve.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from modelyard.core import backoff
from modelyard.core.rollout.situation import InstanceObservation, Situation, Track
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.revision import Variant

HUNG = "it hangs"
LOST = "it was out of reach for too long"
LATE = "it was not able to serve in time"


@dataclass(frozen=True, slots=True)
class Start:
    """Start one more instance of the track: of its goal, or of its base while only the base may answer."""

    track: int
    template: str


@dataclass(frozen=True, slots=True)
class Drain:
    """Take the instance out of the routing, then stop it. `why` is for people."""

    instance_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """`again_ms`: when a back-off or a time limit ends, so that the plan may differ (None: never)."""

    starts: tuple[Start, ...] = ()
    drains: tuple[Drain, ...] = ()
    again_ms: int | None = None


@dataclass(frozen=True, slots=True)
class TrackContext:
    """What a track must know of the others. `serves`: a track that stays serves; `answers`: anything answers."""

    now_ms: int
    switched: bool
    serves: bool
    answers: bool


def plan(situation: Situation, now_ms: int) -> Plan:
    """The starts and drains that are allowed now; empty when there is nothing to do."""
    tracks = situation.tracks()
    if not situation.goal:
        return Plan(drains=tuple(Drain(o.id, "the service stops") for t in tracks for o in t.stale))
    context = TrackContext(
        now_ms,
        switched=situation.switched,
        serves=any(t.serving for t in tracks if t.variant is not None),
        answers=any(o.answers for o in situation.observations),
    )
    return Plan(
        tuple(start for track in tracks for start in _starts(track, context)),
        tuple(drain for track in tracks for drain in _drains(track, context)),
        min((t for track in tracks for t in _times(track, context) if t > now_ms), default=None),
    )


def _starts(track: Track, context: TrackContext) -> Iterator[Start]:
    """New instances up to the count; then an old one, if it may have to answer in the meantime."""
    room = track.ceiling - len(track.holding)
    for template, missing in _missing(track, context):
        if _next_try_ms(track, template) <= context.now_ms:
            for _ in range(min(missing, room)):
                yield Start(track.number, template)
            room -= max(min(missing, room), 0)


def _missing(track: Track, context: TrackContext) -> Iterator[tuple[str, int]]:
    """Which templates lack instances, and how many."""
    if track.variant is not None:
        yield track.variant.template.hash, track.count - len(track.fresh) + len(_late(track, context.now_ms))
    if _must_answer(track, context) and not _of(track, track.base):
        assert track.base is not None
        yield track.base.template.hash, 1


def _must_answer(track: Track, context: TrackContext) -> bool:
    """Whether callers are waiting for the base: its weight is in force, and nothing answers."""
    return not context.switched and not context.answers and track.base_floor > 0 and track.base_differs


def _drains(track: Track, context: TrackContext) -> Iterator[Drain]:
    """First the ones that cost nothing; then serving ones, oldest first, as far as the floor allows."""
    late = _late(track, context.now_ms)
    if track.variant is None and not context.switched:
        return
    why = "another version replaces it" if track.variant else "its variant was removed"
    for observation in _free(track, late, context):
        yield Drain(observation.id, _why(observation, late, why))
    floor = _floor(track, context)
    if track.serving >= floor:
        for observation in _away(track):
            yield Drain(observation.id, LOST)
    spare = max(track.serving - floor, 0)
    leaving = sorted((o for o in track.stale if track.serves(o)), key=_age)[:spare]
    for observation in leaving:
        yield Drain(observation.id, _why(observation, late, why))
    for observation in _surplus(track, late, spare - len(leaving)):
        yield Drain(observation.id, "fewer instances are asked for")


def _floor(track: Track, context: TrackContext) -> int:
    if not context.switched:
        return max(track.floor, track.base_floor)
    if track.variant is None and not context.serves:
        return 1
    return track.floor


def _late(track: Track, now_ms: int) -> list[InstanceObservation]:
    """Instances of the goal that do not serve although their time to do so is over."""
    return [o for o in track.fresh if (limit := _limit_ms(track, o)) is not None and now_ms >= limit]


def _free(track: Track, late: list[InstanceObservation], context: TrackContext) -> list[InstanceObservation]:
    """Instances whose end costs callers nothing.

    While nothing of the service answers, the instance most likely to answer next stays: the youngest that was
    ready once (it may only be slow, and the routing has it as its last resort), else one of the base before the
    switch. A ready instance that the gateway does not know yet is about to serve, so it is not free.
    """
    idle = [o for o in track.stale if o.phase is Phase.STARTING] + late
    hopeful = [] if context.answers else [o for o in idle if o.instance.ready_ms is not None]
    if not hopeful and _must_answer(track, context):
        hopeful = [o for o in idle if o in _of(track, track.base)]
    kept = sorted(hopeful, key=_age)[-1:]
    return [o for o in idle if o not in kept]


def _away(track: Track) -> list[InstanceObservation]:
    """Lost ones that may still answer callers: they stay in the routing until enough others are known to serve."""
    return [o for o in track.stale if o.lost and o.phase is Phase.READY]


def _why(observation: InstanceObservation, late: list[InstanceObservation], otherwise: str) -> str:
    if observation.lost:
        return LOST
    if observation.hung:
        return HUNG
    return LATE if observation in late else otherwise


def _surplus(track: Track, late: list[InstanceObservation], spare: int) -> Iterator[InstanceObservation]:
    """Instances of the goal beyond the count: first those that do not serve, then the youngest."""
    fresh = [o for o in track.fresh if o not in late]
    ready = Phase.READY
    order = sorted(
        fresh, key=lambda o: (track.serves(o), o.answers, o.phase is ready, -o.instance.started_ms, o.id)
    )
    for observation in order[: max(len(fresh) - track.count, 0)]:
        if track.serves(observation):
            if spare <= 0:
                return
            spare -= 1
        yield observation


def _of(track: Track, variant: Variant | None) -> list[InstanceObservation]:
    """Live instances of the variant's template."""
    wanted = variant.template.hash if variant else None
    return [o for o in track.observations if o.phase in LIVE and not o.lost and o.instance.template == wanted]


def _age(observation: InstanceObservation) -> tuple[int, str]:
    return (observation.instance.started_ms, observation.id)


def _limit_ms(track: Track, observation: InstanceObservation) -> int | None:
    """When an instance that does not serve is given up; None while it has no time limit."""
    if observation.phase is not Phase.STARTING or track.variant is None:
        return None
    if observation.instance.ready_ms is not None:
        return observation.instance.phase_ms + observation.process.patience_ms
    return None if observation.obstacle else track.deadline_ms(observation)


def _next_try_ms(track: Track, template: str) -> int:
    ended = [o for o in track.observations if o.phase is Phase.EXITED and o.instance.template == template]
    return backoff.next_try_ms([o.instance.phase_ms for o in ended])


def _times(track: Track, context: TrackContext) -> Iterator[int]:
    for template, missing in _missing(track, context):
        if missing > 0:
            yield _next_try_ms(track, template)
    for observation in track.fresh:
        for limit in (_limit_ms(track, observation), track.deadline_ms(observation)):
            if limit is not None:
                yield limit
