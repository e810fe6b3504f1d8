"""What a change of a batch service would do to its workers. Pure.

    3 workers asked for, none there            → starts 3
    the same template, 1 of 3 asked for        → stops 2, stays 1
    another template, 2 there, 2 asked for     → starts 2, stops 2

Nothing answers callers, so there is no traffic; what it does to the task is told in `core.batch.course`.
"""

from modelyard.core.rollout.dry_run import DryRun, TrackPlan
from modelyard.core.rollout.simulation import Room
from modelyard.domain.instance import HOLDING, LIVE
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import Desired


def dry_run(before: ServiceRecord | None, after: ServiceRecord) -> DryRun:
    """`before` is None for a new service."""
    old, new = before.variants[0] if before else None, after.variants[0]
    live = [i for i in after.instances if i.phase in LIVE]
    count = new.instance_count if after.service.desired is Desired.RUNNING else 0
    stays = min(sum(1 for i in live if i.template == new.template.hash), count)
    starts, now = count - stays, sum(1 for i in after.instances if i.phase in HOLDING)
    room = Room(now, now + starts, count, new.template.resources.times(starts))
    return DryRun((TrackPlan(new.track, old, new, starts, len(live) - stays, stays),), room, (), finished=True)
