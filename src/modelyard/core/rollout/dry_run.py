"""What a change would do, found by making it in a fair world, where every start succeeds, the gateway acknowledges
everything at once and requests take no time. The decisions are the real ones (`core.rollout.decide`), one look
after another; nothing here knows how a rollout proceeds.

    1 instance, another model    → starts 1, stops 1, room for 1 more; both answer for a moment, then the new one
    weights 100:0 → 0:100        → starts 0, stops 0, stays 2; 100:0, then 0:100
    3 instances → 2              → stops 1, stays 2

In a world that is not fair (no room, a model that does not start) the real rollout rolls back instead.
"""

from dataclasses import dataclass

from modelyard.core.rollout.simulation import FairWorld, Room, Traffic
from modelyard.domain.instance import LIVE
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Variant


@dataclass(frozen=True, slots=True)
class TrackPlan:
    """How many instances of a track start, stop, and stay as they are. `before`, `after`: its variants."""

    track: int
    before: Variant | None
    after: Variant | None
    starts: int = 0
    stops: int = 0
    stays: int = 0


@dataclass(frozen=True, slots=True)
class DryRun:
    tracks: tuple[TrackPlan, ...]
    room: Room
    traffic: tuple[Traffic, ...]
    finished: bool


def dry_run(before: ServiceRecord | None, after: ServiceRecord, now_ms: int) -> DryRun:
    """What follows after a change from `before` to `after` (`before` is None for a new service)."""
    world = FairWorld.of(before, after, now_ms)
    return told(world, before, after, finished=world.run())


def told(world: FairWorld, before: ServiceRecord | None, after: ServiceRecord, *, finished: bool) -> DryRun:
    """What happened in the world on the way."""
    olds = {v.track: v for v in before.variants} if before else {}
    news = {v.track: v for v in after.variants}
    tracks = sorted({*olds, *news, *(o.instance.track for o in world.first.values())})
    return DryRun(
        tuple(_track(world, number, olds.get(number), news.get(number)) for number in tracks),
        world.room(),
        tuple(world.traffic),
        finished,
    )


def _track(world: FairWorld, number: int, old: Variant | None, new: Variant | None) -> TrackPlan:
    was = {i for i, o in world.first.items() if o.instance.track == number and o.phase in LIVE}
    ends = {i for i, o in world.observations.items() if o.instance.track == number and o.phase in LIVE}
    started = sum(1 for track in world.started.values() if track == number)
    return TrackPlan(number, old, new, started, len(was - ends), len(was & ends))
