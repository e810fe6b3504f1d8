"""What a service uses and does now (contract §2, GET …/monitor)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelyard.core.admission.catalog import CUSTOM, Flavor
from modelyard.core.size import resources
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.instance import LIVE, Instance
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Revision, Template, Variant
from modelyard.domain.service import Invocations
from modelyard.engines.base import EngineUnavailableError, Usage
from modelyard.operations import facts, limits
from modelyard.operations.context import Context, authorise
from modelyard.operations.progress import ready_count
from modelyard.operations.services.load import load_record
from modelyard.store.base import Counter, ServiceRecord


@dataclass(frozen=True, slots=True)
class VariantUse:
    """One model of a service. `cpu` in cores, memory in MiB, `accelerators` in devices; used and altogether.

    `invocations` is None where the service has several models: requests are counted by service.
    """

    variant: Variant
    category: str
    cpu: float
    cpu_total: float
    memory_mib: float
    memory_total_mib: int
    accelerators_total: float
    running: int
    invocations: Invocations | None


@dataclass(frozen=True, slots=True)
class Monitor:
    record: ServiceRecord
    revision: Revision
    uses: tuple[VariantUse, ...]
    requests_per_minute: int


async def monitor(ctx: Context, principal: Principal, project_id: str, service_id: str) -> Monitor:
    """Raises Forbidden, NotFound. Where the engine cannot be asked now, nothing is used."""
    authorise(principal, project_id, CONTROL_READ, "getServiceMonitor")
    answers = await ctx.facts()
    async with ctx.store.read() as r:
        record = facts.record(await load_record(r, project_id, service_id), answers=answers)
        flavors = await limits.flavors(ctx, r, project_id)
        counter = (await r.counters([service_id])).get(service_id, Counter())
    try:
        usage = await ctx.usage(service_id)
    except EngineUnavailableError:
        usage = {}
    revision = record.revisions[record.service.revision]
    variants = (*revision.variants, *_others(record, revision))
    alone = counter.totals if len(variants) == 1 else None
    uses = []
    for variant in variants:
        flavor = _size(variant.template, flavors.get(variant.template.specification))
        used = [usage[i.id] for i in _live(record, variant) if i.id in usage]
        uses.append(_use(record, variant, flavor, used, alone))
    return Monitor(record, revision, tuple(uses), ctx.requests_per_minute(service_id))


def _live(record: ServiceRecord, variant: Variant) -> list[Instance]:
    what = (variant.track, variant.template.hash)
    return [i for i in record.instances if i.phase in LIVE and (i.track, i.template) == what]


def _others(record: ServiceRecord, revision: Revision) -> Iterator[Variant]:
    """What runs beside the revision that should: the one before, until the new one took over. Each with as many
    instances as there are, newest revision first."""
    known = {(v.track, v.template.hash) for v in revision.variants}
    for _, other in sorted(record.revisions.items(), reverse=True):
        for variant in other.variants:
            what = (variant.track, variant.template.hash)
            live = _live(record, variant)
            if what not in known and live:
                known.add(what)
                yield replace(variant, instance_count=len(live))


def _size(template: Template, flavor: Flavor | None) -> Flavor:
    size = resources(template) or Resources()
    category = flavor.category if flavor else "CPU"
    more = flavor.accelerators if flavor else 0
    return Flavor(template.specification or CUSTOM, size.cpu, size.memory_mib, category, accelerators=more)


def _use(
    record: ServiceRecord, variant: Variant, flavor: Flavor, used: list[Usage], invocations: Invocations | None
) -> VariantUse:
    count = variant.instance_count
    return VariantUse(
        variant=variant,
        category=flavor.category,
        cpu=round(sum(u.cpu for u in used), 3),
        cpu_total=flavor.cpu * count,
        memory_mib=round(sum(u.memory_mib for u in used), 1),
        memory_total_mib=flavor.memory_mib * count,
        accelerators_total=flavor.accelerators * count,
        running=ready_count(record, variant),
        invocations=invocations,
    )
