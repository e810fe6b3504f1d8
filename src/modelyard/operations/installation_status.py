"""How the installation stands: gateway, what runs, and how far instances are bounded and kept apart."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.engines.base import DiskStatus
from modelyard.operations.context import Context, authorise
from modelyard.processes.disk import size


@dataclass(frozen=True, slots=True)
class InstallationStatus:
    """What the composition knows. `limits`: what → "enforced (how)", or "not enforced: why". `exports`: where logs
    are sent, and how that stands."""

    gateway_connected: bool
    limits: Mapping[str, str] = field(default_factory=dict)
    disk: DiskStatus = field(default_factory=DiskStatus)
    exports: Mapping[str, str] = field(default_factory=dict)


async def disk(ctx: Context, project_id: str, status: DiskStatus) -> Mapping[str, str]:
    """How the disk stands, for people; services of other projects have no name here."""
    told = {
        "free": f"{size(status.space.free)} of {size(status.space.size)}",
        "state": "full: instances and publishing wait" if status.low else "ok",
        "reserve": "kept" if status.reserved else "not kept: no room",
    }
    if not status.service_id:
        return told
    async with ctx.store.read() as r:
        service = await r.service(project_id, status.service_id)
    name = f"service {service.name}" if service else "a service of another project"
    return {**told, "written_most": f"{name}: {size(status.written)}"}


async def instances(ctx: Context, caller: Principal, project_id: str) -> Mapping[str, int]:
    """How many instances the project's services have, by phase. Raises Forbidden."""
    authorise(caller, project_id, CONTROL_READ, "modelyard:status:get")
    await ctx.facts()
    async with ctx.store.read() as r:
        records = await r.records(project_id)
    mine = (i for record in records for i in record.instances)
    return dict(Counter(str(instance.phase) for instance in mine))
