"""Holds a change against what all services of the project may take together, in the transaction that makes it: of
two changes that do not fit together, the second one sees the first."""

from collections.abc import Iterable

from modelyard.core.admission import totals
from modelyard.core.admission.catalog import Quotas
from modelyard.core.admission.totals import Total
from modelyard.domain.errors import Violation
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Variant
from modelyard.operations.context import Context
from modelyard.store.base import ReadTransaction


async def refusals(
    around: tuple[Context, ReadTransaction],
    quotas: Quotas,
    where: tuple[str, str],
    variants: Iterable[Variant],
    record: ServiceRecord | None = None,
) -> list[Violation]:
    """What speaks against running these variants. `where`: the project and the field to blame; `record`: the
    service as it is (None: a new one)."""
    (ctx, r), (project_id, field) = around, where
    if not totals.bounded(quotas):
        return []
    own = record.service.id if record else ""
    others = await taken(ctx, r, project_id, but=own)
    before = totals.present(record, ctx.instance_disk_mib) if record else Total()
    wanted = totals.asked(variants, ctx.instance_disk_mib)
    return list(totals.violations(field, quotas, others, before, wanted))


async def taken(ctx: Context, r: ReadTransaction, project_id: str, *, but: str = "") -> Total:
    """What the services of a project take now, `but` one."""
    total = Total()
    for record in await r.records(project_id):
        if record.service.id != but:
            total += totals.taken(record, ctx.instance_disk_mib)
    return total
