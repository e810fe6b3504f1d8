"""What one project may use now: its quotas, flavors and pools, as the administrator stored them over the defaults.

Read inside the transaction that admits a request, so that a limit is the one in force when the change is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.core.admission import catalog
from modelyard.core.admission.catalog import Flavor, Pool, Quotas
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.resources import Capacity
from modelyard.operations.context import Context
from modelyard.store.base import ReadTransaction


@dataclass(frozen=True, slots=True)
class Limits:
    """`flavors` by name, those that the project may not use with `open` False; `pools` by id and by name."""

    quotas: Quotas
    flavors: Mapping[str, Flavor]
    pools: Mapping[str, Pool]


async def limits(ctx: Context, r: ReadTransaction, project_id: str) -> Limits:
    return Limits(
        await quotas(ctx, r, project_id), await flavors(ctx, r, project_id), await pools(ctx, r, project_id)
    )


async def quotas(ctx: Context, r: ReadTransaction, project_id: str) -> Quotas:
    return catalog.quotas(ctx.quotas, await r.quotas(project_id))


async def flavors(ctx: Context, r: ReadTransaction, project_id: str | None) -> Mapping[str, Flavor]:
    """As the project sees them; None: as they are for everybody."""
    stored = [flavor(entry, project_id) for entry in await r.flavors()]
    return catalog.flavors(ctx.flavors, stored)


async def pools(ctx: Context, r: ReadTransaction, project_id: str) -> Mapping[str, Pool]:
    del ctx  # every reader of this module is called alike
    known = [pool(entry) for entry in await r.pools(project_id)]
    return {**{one.name: one for one in known}, **{one.id: one for one in known}}


def flavor(entry: FlavorEntry, project_id: str | None) -> Flavor:
    """Open to this project: opened for it, or for all."""
    return catalog.flavor(entry.name, entry.attributes, open=entry.open or project_id in entry.projects)


def pool(entry: PoolEntry) -> Pool:
    nodes = entry.attributes.get("nodes")
    names = frozenset(str(node) for node in nodes) if isinstance(nodes, list | tuple) else frozenset()
    return Pool(entry.id, entry.name, entry.status, names, _capacity(entry.attributes))


def _capacity(said: Mapping[str, object]) -> Capacity:
    """As far as it is set. Accelerators are of either kind."""
    cpu, memory, devices = said.get("cpu"), said.get("memory_mib"), said.get("accelerators")
    count = float(devices) if isinstance(devices, int | float) else None
    return Capacity(
        cpu=float(cpu) if isinstance(cpu, int | float) else None,
        memory_mib=int(memory) if isinstance(memory, int | float) else None,
        gpus=count,
        npus=count,
    )
