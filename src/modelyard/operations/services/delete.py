"""The use case that deletes services. What runs of them is drained, and their rows removed, by the loop."""

from collections.abc import Sequence
from dataclasses import replace

from modelyard.core.rollout import stopping
from modelyard.domain.errors import Invalid
from modelyard.domain.identity import CONTROL_WRITE, Principal
from modelyard.domain.notifications import Lane
from modelyard.domain.service import Desired, ServiceStatus
from modelyard.operations.context import Context, authorise
from modelyard.operations.services.load import load_record, not_owner
from modelyard.operations.services.preconditions import UNBOUND, Preconditions


async def delete_services(
    ctx: Context,
    principal: Principal,
    project_id: str,
    service_ids: Sequence[str],
    *,
    preconditions: Preconditions = UNBOUND,
) -> None:
    """Delete services: all of them or, when one is unknown, none. Raises Forbidden, NotFound, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteService")
    now, deleted = ctx.clock(), []
    waiting: list[Lane] = []
    async with ctx.store.write() as w:
        for service_id in dict.fromkeys(service_ids):
            record = await load_record(w, project_id, service_id)
            service, rollout = record.service, record.rollout
            preconditions.hold(service)
            if refused := not_owner(principal, service):
                raise Invalid(*refused)
            if service.desired is Desired.DELETED:
                continue
            if rollout is not None and rollout.active:
                await w.save_rollout(stopping.cancelled(rollout, "the service was deleted", now))
            gone = stopping.turned(service, Desired.DELETED, ServiceStatus.DELETING, now)
            waiting += await ctx.teller.save(w, service, replace(gone, version=service.version + 1))
            deleted.append(service_id)
    ctx.teller.wake(waiting)
    for service_id in deleted:
        ctx.nudge("service", service_id)
