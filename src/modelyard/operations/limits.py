"""What one project may use now: its quotas, flavors and pools, as the administrator stored them over the defaults.

Read inside the transaction that admits a request, so that a limit is the one in force when the change is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.core import pools as core
from modelyard.core.admission import catalog
from modelyard.core.admission.catalog import Flavor, Pool, Quotas
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.pools import EngineKind, Sight
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
    """As they stand: an engine is not asked for that, what was last seen of it is in memory."""
    known = [pool(entry, seen(ctx, entry)) for entry in await r.pools(project_id)]
    return {**{one.name: one for one in known}, **{one.id: one for one in known}}


def flavor(entry: FlavorEntry, project_id: str | None) -> Flavor:
    """Open to this project: opened for it, or for all."""
    return catalog.flavor(entry.name, entry.attributes, open=entry.open or project_id in entry.projects)


def pool(entry: PoolEntry, sight: Sight | None = None) -> Pool:
    standing, engine = core.standing(entry, sight), core.engine_of(entry)
    return Pool(
        entry.id,
        entry.name,
        standing.status,
        frozenset(core.declared(entry)),
        core.set_capacity(entry.attributes),
        standing.why,
        sight.nodes if sight is not None else (),
        engine.kind if engine is not None else EngineKind.PROCESS,
    )


def seen(ctx: Context, entry: PoolEntry) -> Sight | None:
    """None: nobody has looked at its engine yet, or this release has no such engine."""
    engine = core.engine_of(entry)
    return ctx.pools.sight(engine) if engine is not None else None
