"""What a service uses and does now (contract §2, GET …/monitor). The requests of a batch service are the rows of
its newest task."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from modelyard.core import card_use
from modelyard.core.card_use import CardUse
from modelyard.domain.devices import Kind
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.instance import LIVE, Instance
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import Invocations
from modelyard.engines.base import EngineUnavailableError, Usage
from modelyard.operations import cards, facts
from modelyard.operations.context import Context, authorise
from modelyard.operations.progress import ready_count
from modelyard.operations.reading import invocations, newest
from modelyard.operations.services.load import load_counted


@dataclass(frozen=True, slots=True)
class VariantUse:
    """One model of a service: what its instances use now (cores and MiB, `gpu` and `npu` of their cards), and
    `total`, what they may use.

    `invocations` is None where the service has several models: requests are counted by service.
    """

    variant: Variant
    cpu: float
    memory_mib: float
    total: Resources
    running: int
    invocations: Invocations | None
    gpu: CardUse = CardUse()
    npu: CardUse = CardUse()


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
        stored, counter = await load_counted(r, project_id, service_id)
        task = (await newest(r, [stored.service])).get(service_id)
    record = facts.record(stored, answers=answers)
    try:
        usage = await ctx.usage(service_id)
    except EngineUnavailableError:
        usage = {}
    revision = record.revisions[record.service.revision]
    variants = (*revision.variants, *_others(record, revision))
    totals = counter.totals if task is None else invocations(task)
    alone = totals if len(variants) == 1 else None
    uses, known = [], await cards.now(ctx)
    for variant in variants:
        live = _live(record, variant)
        use = _use(record, variant, [usage[i.id] for i in live if i.id in usage], alone)
        grants = [grant for instance in live for grant in instance.devices]
        gpu, npu = (card_use.used(kind, grants, known) for kind in Kind)
        uses.append(replace(use, gpu=gpu, npu=npu))
    per_minute = ctx.requests_per_minute(service_id)
    if task is not None:
        per_minute = round(ctx.batch.pace(task.id).rows_per_s * 60)
    return Monitor(record, revision, tuple(uses), per_minute)


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


def _use(
    record: ServiceRecord, variant: Variant, used: list[Usage], invocations: Invocations | None
) -> VariantUse:
    return VariantUse(
        variant=variant,
        cpu=round(sum(u.cpu for u in used), 3),
        memory_mib=round(sum(u.memory_mib for u in used), 1),
        total=variant.template.resources.times(variant.instance_count),
        running=ready_count(record, variant),
        invocations=invocations,
    )
