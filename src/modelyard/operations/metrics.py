"""What services and their instances count, as one page of Prometheus' text format.

The instances are asked side by side, AT_ONCE at a time. One that is silent for LIMIT_S, or that was not asked when
PAGE_S were over, is reported as down and left out: the page must be there before the scraper gives up, which in
Prometheus is after 10 s.
"""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from modelyard.core import card_use, metrics, outbox_metrics, pool_metrics, service_metrics
from modelyard.core.metric_catalogue import CATALOGUE, CONNECTED, SILENT, UP
from modelyard.core.metrics import Lines
from modelyard.core.tallies import Sample
from modelyard.domain.batch import Task
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.instance import HOLDING, Instance
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Variant
from modelyard.domain.service import Counter, InferType, Rollout
from modelyard.gateway.base import Answers, GatewayMeasures
from modelyard.operations import cards, facts, gateway_metrics, limits, pools
from modelyard.operations.accounts import administer
from modelyard.operations.context import Context, authorise
from modelyard.operations.reading import newest
from modelyard.operations.services.load import load_counted

LIMIT_S = 1.0
PAGE_S = 8.0
AT_ONCE = 128
"""Each takes two descriptors while it is asked."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What the asking of one page's instances shares. `until_s`: when it is over, by the loop's clock."""

    ctx: Context
    until_s: float
    places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    async def told(self, instance_id: str) -> bytes | None:
        async with self.places:
            left_s = self.until_s - asyncio.get_running_loop().time()
            return await self.ctx.metrics(instance_id, min(LIMIT_S, left_s)) if left_s > 0 else None


@dataclass(frozen=True, slots=True)
class _Known:
    """What is stored of the services of a page, and what the gateway counted. `answers`: of each service, None
    where the gateway cannot be asked."""

    records: Sequence[ServiceRecord]
    counters: Mapping[str, Counter]
    tasks: Mapping[str, Task]
    rollouts: Mapping[str, Rollout]
    answers: Mapping[str, Sequence[Answers]]


async def of_service(ctx: Context, principal: Principal, project_id: str, service_id: str) -> str:
    """Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "getServiceMetrics")
    answers = await ctx.facts()
    measures = await ctx.watched.gateway()
    async with ctx.store.read() as r:
        record, counter = await load_counted(r, project_id, service_id)
        tasks = await newest(r, [record.service])
        rollouts = (await r.rollouts(service_id))[:1]
    known = _Known(
        [_shown(record, answers=answers)],
        {service_id: counter},
        tasks,
        {one.service_id: one for one in rollouts},
        _by_service(measures),
    )
    return metrics.page(CATALOGUE, await _parts(ctx, known))


async def of_all(ctx: Context, principal: Principal, *, gateway_connected: bool) -> str:
    """Every service of every project. Raises Forbidden for anybody but an administrator of the installation."""
    administer(principal, "getMetrics")
    answers = await ctx.facts()
    measures = await ctx.watched.gateway()
    async with ctx.store.read() as r:
        records = [_shown(record, answers=answers) for record in await r.records()]
        counters = await r.counters()
        backlog = await r.backlog()
        tasks = await newest(r, [record.service for record in records])
        rollouts = await r.newest_rollouts()
        quotas = {one.id: await limits.quotas(ctx, r, one.id) for one in await r.projects()}
        entries = await r.pools(None)
    own = [
        *ctx.watched.own(),
        Sample(CONNECTED, int(gateway_connected)),
        *gateway_metrics.samples(measures, answers=answers),
        *outbox_metrics.samples(backlog, ctx.clock()),
        *card_use.samples(await cards.now(ctx)),
    ]
    disk_mib = ctx.instance_disk_mib
    projects = [
        metrics.lines_of(service_metrics.quotas(records, one, bounds, disk_mib), {"project_id": one})
        for one, bounds in quotas.items()
    ]
    projects += [
        metrics.lines_of(
            pool_metrics.samples(view.entry.name, view.capacity, view.used, healthy=view.standing.healthy),
            {"project_id": view.entry.project_id},
        )
        for view in pools.of_records(ctx, entries, records)
    ]
    known = _Known(records, counters, tasks, {one.service_id: one for one in rollouts}, _by_service(measures))
    return metrics.page(CATALOGUE, [metrics.lines_of(own), *projects, *await _parts(ctx, known)])


def _shown(record: ServiceRecord, *, answers: bool) -> ServiceRecord:
    """With the status that the API tells."""
    return replace(record, service=facts.service(record.service, answers=answers))


def _by_service(measures: GatewayMeasures | None) -> Mapping[str, Sequence[Answers]]:
    found: dict[str, list[Answers]] = {}
    for one in measures.answers if measures else ():
        found.setdefault(one.service_id, []).append(one)
    return found


async def _parts(ctx: Context, known: _Known) -> list[Lines]:
    """Of each service, of each of its instances, and how many of these were silent. Workers of batch services are
    not asked: they serve nobody."""
    asking = Asking(ctx, asyncio.get_running_loop().time() + PAGE_S)
    now_ms = ctx.clock()
    services = [part for record in known.records for part in _of_service(record, known, now_ms)]
    serving = (record for record in known.records if record.service.infer_type is not InferType.BATCH)
    asked = [_of_instance(asking, *one) for record in serving for one in _origins(record)]
    instances = await asyncio.gather(*asked)
    silent = sum(len(one) == 1 for one in instances)
    return [*services, *instances, metrics.lines_of([Sample(SILENT, silent)])]


def _of_service(record: ServiceRecord, known: _Known, now_ms: int) -> Iterator[Lines]:
    service_id, names = record.service.id, _names(record)
    counter = known.counters.get(service_id, Counter())
    task, rollout = known.tasks.get(service_id), known.rollouts.get(service_id)
    yield metrics.lines_of(service_metrics.samples(record, counter, task, rollout, now_ms), names)
    for (name, version), samples in gateway_metrics.of_models(known.answers.get(service_id, ())):
        yield metrics.lines_of(samples, {**names, "model_name": name, "model_version": version})


async def _of_instance(asking: Asking, instance_id: str, origin: str) -> Lines:
    """Just whether it is up, when it told nothing that counts."""
    told = await asking.told(instance_id)
    samples = metrics.told(told, origin) if told is not None else {}
    return {UP.name: [metrics.sample(UP.name, origin, int(bool(samples)))], **samples}


def _origins(record: ServiceRecord) -> Iterator[tuple[str, str]]:
    """(id, labels) of each instance that may count something."""
    variants = {v.template.hash: v for revision in record.revisions.values() for v in revision.variants}
    for instance in record.instances:
        if instance.phase in HOLDING:
            yield instance.id, metrics.labels(_origin(record, instance, variants.get(instance.template)))


def _origin(record: ServiceRecord, instance: Instance, variant: Variant | None) -> Mapping[str, str]:
    name, version = (variant.model_name, variant.model_version) if variant else ("", "")
    ours = {"model_name": name, "model_version": version, "revision": str(instance.revision)}
    return {**_names(record), **ours, "instance": instance.id}


def _names(record: ServiceRecord) -> Mapping[str, str]:
    service = record.service
    return {"project_id": service.project_id, "service_id": service.id, "service_name": service.name}
