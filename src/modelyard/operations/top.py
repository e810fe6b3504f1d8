"""What services use and do now, one row for each: of a project, or for administrators of all.

Instances are asked side by side, as for the page of metrics; one that is silent has no part in the latencies,
which are of all requests since its instances began.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from modelyard.core import metrics, quantiles
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Resources
from modelyard.domain.service import Counter, InferType, Invocations, Service
from modelyard.engines.base import EngineUnavailableError, Usage
from modelyard.operations import facts
from modelyard.operations.accounts import administer
from modelyard.operations.context import Context, authorise
from modelyard.operations.metrics import PAGE_S, Asking
from modelyard.operations.reading import invocations, newest


@dataclass(frozen=True, slots=True)
class ServiceUse:
    """`cpu` in cores and `memory_mib` are used now, `allowed` is what its instances may use together. `p50_s`,
    `p99_s`, `in_flight`: None where nobody knows."""

    service: Service
    instances: int
    ready: int
    cpu: float
    memory_mib: float
    allowed: Resources
    requests_per_minute: int
    invocations: Invocations
    in_flight: int | None = None
    p50_s: float | None = None
    p99_s: float | None = None


async def of_project(ctx: Context, principal: Principal, project_id: str) -> Sequence[ServiceUse]:
    """By name. Raises Forbidden."""
    authorise(principal, project_id, CONTROL_READ, "getTop")
    return await _uses(ctx, project_id)


async def of_installation(ctx: Context, principal: Principal) -> Sequence[ServiceUse]:
    """Of every project. Raises Forbidden."""
    administer(principal, "getTop")
    return await _uses(ctx, None)


async def _uses(ctx: Context, project_id: str | None) -> Sequence[ServiceUse]:
    answers = await ctx.facts()
    async with ctx.store.read() as r:
        stored = await r.records(project_id)
        counters = await r.counters([one.service.id for one in stored])
        tasks = await newest(r, [one.service for one in stored])
    records = [facts.record(one, answers=answers) for one in stored]
    asking = Asking(ctx, asyncio.get_running_loop().time() + PAGE_S)
    uses = await asyncio.gather(*(_use(asking, one, counters.get(one.service.id, Counter())) for one in records))
    done = []
    for use in uses:
        task = tasks.get(use.service.id)
        if task is None:
            done.append(use)
            continue
        rows = round(ctx.batch.pace(task.id).rows_per_s * 60)
        done.append(_of_task(use, rows, invocations(task)))
    return sorted(done, key=lambda use: (use.service.name, use.service.id))


def _of_task(use: ServiceUse, rows: int, counts: Invocations) -> ServiceUse:
    return replace(use, requests_per_minute=rows, invocations=counts)


async def _use(asking: Asking, record: ServiceRecord, counter: Counter) -> ServiceUse:
    ctx, service = asking.ctx, record.service
    live = [one for one in record.instances if one.phase in LIVE]
    usage: Mapping[str, Usage] = {}
    if live:
        try:
            usage = await ctx.usage(service.id)
        except EngineUnavailableError:
            usage = {}
    sizes = {v.template.hash: v.template.resources for r in record.revisions.values() for v in r.variants}
    allowed = Resources()
    for one in live:
        allowed += sizes.get(one.template, Resources())
    used = [usage[one.id] for one in live if one.id in usage]
    lines: list[str] = []
    if service.infer_type is not InferType.BATCH:
        told = await asyncio.gather(*(asking.told(one.id) for one in live))
        for text in told:
            if text is not None:
                lines += [line for family in metrics.told(text, 'instance="-"').values() for line in family]
    latencies = quantiles.buckets(lines)
    return ServiceUse(
        service=service,
        instances=len(live),
        ready=sum(one.phase is Phase.READY for one in live),
        cpu=round(sum(one.cpu for one in used), 3),
        memory_mib=round(sum(one.memory_mib for one in used), 1),
        allowed=allowed,
        requests_per_minute=ctx.requests_per_minute(service.id),
        invocations=counter.totals,
        in_flight=quantiles.in_flight(lines) if lines else None,
        p50_s=quantiles.quantile(latencies, 0.5),
        p99_s=quantiles.quantile(latencies, 0.99),
    )
