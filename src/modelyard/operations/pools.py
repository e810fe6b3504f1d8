"""Use cases that read pools: how each stands, which nodes it has, and how much of it is used.

An engine is never asked here: what was last seen of it is in memory, so that one that is away makes nobody wait.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelyard.core import pools as core
from modelyard.core.admission import room
from modelyard.core.pools import Standing
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.errors import NotFound
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.pools import EngineKind, Node
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Capacity, Resources
from modelyard.operations import limits
from modelyard.operations.context import Context, authorise
from modelyard.store.base import ReadTransaction


@dataclass(frozen=True, slots=True)
class PoolView:
    """A pool as people see it. `engine`: the word of its row; `what`: what was found there, for people. `nodes`:
    those that were seen, or, where none were, those of its row. `capacity`: as far as it is known;
    `used`: by the services that are to run, or still do."""

    entry: PoolEntry
    standing: Standing
    engine: str
    what: str = ""
    nodes: tuple[Node, ...] = ()
    capacity: Capacity = Capacity()
    used: Resources = Resources()

    @property
    def left(self) -> Capacity:
        """Of what is known; nothing where more is used than there is."""
        there, used = self.capacity, self.used
        memory = None if there.memory_mib is None else max(there.memory_mib - used.memory_mib, 0)
        return Capacity(
            _left(there.cpu, used.cpu), memory, _left(there.gpus, used.gpus), _left(there.npus, used.npus)
        )


def _left(has: float | None, gone: float) -> float | None:
    return None if has is None else max(round(has - gone, 6), 0)


async def pools(ctx: Context, principal: Principal, project_id: str) -> Sequence[PoolView]:
    """Every pool of a project, by name. Raises Forbidden."""
    authorise(principal, project_id, CONTROL_READ, "listPools")
    async with ctx.store.read() as r:
        return sorted(await views(ctx, r, project_id), key=lambda one: one.entry.name)


async def pool(ctx: Context, principal: Principal, project_id: str, key: str) -> PoolView:
    """By its id. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "getCluster")
    async with ctx.store.read() as r:
        entry = await r.pool(project_id, key)
        if entry is None or entry.id != key:
            raise NotFound("cluster", key)
        return view(ctx, entry, room.taken(await r.records(project_id)))


async def views(ctx: Context, r: ReadTransaction, project_id: str) -> list[PoolView]:
    entries = await r.pools(project_id)
    taken = room.taken(await r.records(project_id)) if entries else {}
    return [view(ctx, entry, taken) for entry in entries]


def of_records(ctx: Context, entries: Iterable[PoolEntry], records: Iterable[ServiceRecord]) -> list[PoolView]:
    """Of every project, where the records of all were read already."""
    taken = room.taken(records)
    return [view(ctx, entry, taken) for entry in entries]


def view(ctx: Context, entry: PoolEntry, taken: Mapping[str, Resources]) -> PoolView:
    sight = limits.seen(ctx, entry)
    standing = core.standing(entry, sight)
    nodes = sight.nodes if sight is not None else ()
    named = entry.attributes.get("engine")
    return PoolView(
        entry,
        standing,
        str(named or EngineKind.PROCESS),
        sight.what if sight is not None else "",
        nodes or tuple(Node(name, ready=standing.healthy) for name in core.declared(entry)),
        core.capacity(entry, nodes),
        taken.get(entry.id, Resources()),
    )
