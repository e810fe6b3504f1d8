"""Room in pools, counted in the transaction that writes what takes it: of two changes that do not fit together,
the second one sees the first. Nothing is read while no pool with a capacity is named."""

from collections.abc import Collection, Iterable, Mapping

from modelyard.core.admission import room
from modelyard.core.admission.catalog import Pool
from modelyard.core.admission.room import Room
from modelyard.domain.errors import Violation
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Variant
from modelyard.operations import limits
from modelyard.operations.context import Context
from modelyard.store.base import ReadTransaction


async def others(r: ReadTransaction, pools: Mapping[str, Pool], project_id: str, service_id: str) -> Room:
    """What the other services of the project, whose pools these are, take of them."""
    if not room.bounded(pools.values(), pools.keys()):
        return {}
    return room.taken(await r.records(project_id), but=service_id)


async def of_start(
    around: tuple[Context, ReadTransaction], record: ServiceRecord, variants: Iterable[Variant], field: str
) -> list[Violation]:
    """What speaks against starting a service that took no room until now."""
    (ctx, r), service = around, record.service
    wanted = room.asked(variants)
    if not wanted:
        return []
    pools = named(await limits.pools(ctx, r, service.project_id), wanted)
    taken = await others(r, pools, service.project_id, service.id)
    return [*room.violations(field, wanted, pools, taken, room.wanted(record))]


def named(pools: Mapping[str, Pool], ids: Collection[str]) -> Mapping[str, Pool]:
    return {one: pools[one] for one in ids if one in pools}
