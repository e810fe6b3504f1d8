"""What services and their instances count, as one page of Prometheus' text format.

The instances are asked side by side, AT_ONCE at a time. One that is silent for LIMIT_S, or that was not asked when
PAGE_S were over, is reported as down and left out: the page must be there before the scraper gives up, which in
Prometheus is after 10 s.
"""

import asyncio
from collections import Counter as Tally
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelyard.core import metrics, outbox_metrics
from modelyard.core.metrics import Family, Lines
from modelyard.domain.batch import Task
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.instance import HOLDING, Instance, Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Variant
from modelyard.domain.service import Counter, InferType
from modelyard.operations.accounts import administer
from modelyard.operations.context import Context, authorise
from modelyard.operations.reading import newest
from modelyard.operations.services.load import load_counted

LIMIT_S = 1.0
PAGE_S = 8.0
AT_ONCE = 128
"""Each takes two descriptors while it is asked."""

CONNECTED = Family("modelyard_gateway_connected", "gauge", "1: the gateway is connected to the control plane.")
INSTANCES = Family("modelyard_instances", "gauge", "Instances of a service by their phase.")
INVOCATIONS = Family(
    "modelyard_invocations_total", "counter", "Requests of a service, as the gateway counts them."
)
FAILED = Family("modelyard_invocations_failed_total", "counter", "Of these, those answered with 500 or above.")
UP = Family(
    "modelyard_instance_up", "gauge", "1: the instance told what it counts. 0: the page lacks its samples."
)
SILENT = Family("modelyard_instances_silent", "gauge", "Instances whose samples the page lacks.")
TASK_ROWS = Family(
    "modelyard_task_rows", "gauge", "Rows of the newest task of a batch service by their outcome.", "outcome"
)
TASK_AT_WORK = Family("modelyard_task_at_work", "gauge", "1: the newest task of a batch service is at work.")
OF_TASKS = (TASK_ROWS, TASK_AT_WORK)
FAMILIES = (
    CONNECTED,
    *outbox_metrics.FAMILIES,
    INSTANCES,
    INVOCATIONS,
    FAILED,
    *OF_TASKS,
    UP,
    SILENT,
    *metrics.OF_INSTANCES,
)


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


async def of_service(ctx: Context, principal: Principal, project_id: str, service_id: str) -> str:
    """Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "getServiceMetrics")
    await ctx.facts()
    async with ctx.store.read() as r:
        record, counter = await load_counted(r, project_id, service_id)
        tasks = await newest(r, [record.service])
    return metrics.page(FAMILIES, await _parts(ctx, [record], {service_id: counter}, tasks))


async def of_all(ctx: Context, principal: Principal, *, gateway_connected: bool) -> str:
    """Every service of every project. Raises Forbidden for anybody but an administrator of the installation."""
    administer(principal, "getMetrics")
    await ctx.facts()
    async with ctx.store.read() as r:
        records = await r.records()
        counters = await r.counters()
        backlog = await r.backlog()
        tasks = await newest(r, [record.service for record in records])
    connected: Lines = {CONNECTED.name: [metrics.sample(CONNECTED.name, "", int(gateway_connected))]}
    outbox = outbox_metrics.lines(backlog, ctx.clock())
    return metrics.page(FAMILIES, [connected, outbox, *await _parts(ctx, records, counters, tasks)])


async def _parts(
    ctx: Context, records: Sequence[ServiceRecord], counters: Mapping[str, Counter], tasks: Mapping[str, Task]
) -> list[Lines]:
    """Of each service, of each of its instances, and how many of these were silent. Workers of batch services are
    not asked: they serve nobody."""
    asking = Asking(ctx, asyncio.get_running_loop().time() + PAGE_S)
    services = [
        _of_task(record, task)
        if (task := tasks.get(record.service.id)) is not None
        else _of_service(record, counters.get(record.service.id, Counter()))
        for record in records
    ]
    serving = (record for record in records if record.service.infer_type is not InferType.BATCH)
    asked = [_of_instance(asking, *one) for record in serving for one in _origins(record)]
    instances = await asyncio.gather(*asked)
    silent = sum(len(one) == 1 for one in instances)
    return [*services, *instances, {SILENT.name: [metrics.sample(SILENT.name, "", silent)]}]


def _of_task(record: ServiceRecord, task: Task) -> Lines:
    """A batch service: its workers, and its newest task."""
    values, counts = _names(record), task.counts
    left = max(counts.rows - counts.rows_done - counts.rows_failed, 0)
    outcomes = {"successful": counts.rows_done, "failed": counts.rows_failed, "none yet": left}
    return {
        INSTANCES.name: _of_service(record, Counter())[INSTANCES.name],
        TASK_ROWS.name: [
            metrics.sample(TASK_ROWS.name, metrics.labels({**values, "outcome": outcome}), rows)
            for outcome, rows in outcomes.items()
        ],
        TASK_AT_WORK.name: [metrics.sample(TASK_AT_WORK.name, metrics.labels(values), int(task.at_work))],
    }


def _of_service(record: ServiceRecord, counter: Counter) -> Lines:
    values = _names(record)
    phases = Tally(instance.phase for instance in record.instances)
    return {
        INSTANCES.name: [
            metrics.sample(INSTANCES.name, metrics.labels({**values, "phase": phase.value}), phases[phase])
            for phase in Phase
            if phase is not Phase.GONE
        ],
        INVOCATIONS.name: [metrics.sample(INVOCATIONS.name, metrics.labels(values), counter.totals.total)],
        FAILED.name: [metrics.sample(FAILED.name, metrics.labels(values), counter.totals.failed)],
    }


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
    return {**_names(record), "model_name": name, "model_version": version, "instance": instance.id}


def _names(record: ServiceRecord) -> Mapping[str, str]:
    service = record.service
    return {"project_id": service.project_id, "service_id": service.id, "service_name": service.name}
