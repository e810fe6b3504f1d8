"""Use cases that read services: detail, list, events and update records. They change nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelyard.domain.batch import Task
from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision
from modelyard.domain.service import Counter, Event, InferType, Invocations, Rollout, Service
from modelyard.operations import facts
from modelyard.operations.context import Context, authorise
from modelyard.operations.services.load import load_counted, load_service
from modelyard.operations.tasks import TaskView, view
from modelyard.store.base import ReadTransaction
from modelyard.store.services import EventQuery, ServiceQuery


@dataclass(frozen=True, slots=True)
class Summary:
    """A service as lists show it; `task` is the newest of a batch service."""

    service: Service
    invocations: Invocations
    task: TaskView | None = None


@dataclass(frozen=True, slots=True)
class Detail:
    """A service with the revision that it should run now."""

    record: ServiceRecord
    revision: Revision
    invocations: Invocations
    task: TaskView | None = None

    @property
    def service(self) -> Service:
        return self.record.service


@dataclass(frozen=True, slots=True)
class UpdateRecord:
    """A rollout with the revision that it was to reach."""

    rollout: Rollout
    revision: Revision


async def detail(ctx: Context, principal: Principal, project_id: str, service_id: str) -> Detail:
    """Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "getService")
    answers = await ctx.facts()
    async with ctx.store.read() as r:
        stored, counter = await load_counted(r, project_id, service_id)
        tasks = await newest(r, [stored.service])
    record = facts.record(stored, answers=answers)
    revision, task = record.revisions[record.service.revision], tasks.get(service_id)
    if task is None:
        return Detail(record, revision, counter.totals)
    made_for = record.revisions.get(task.revision)
    return Detail(record, revision, invocations(task), view(ctx, task, made_for))


async def services(
    ctx: Context, principal: Principal, project_id: str, query: ServiceQuery
) -> tuple[int, Sequence[Summary]]:
    """(how many match, one page of them). Raises Forbidden."""
    authorise(principal, project_id, CONTROL_READ, "listServices")
    answers = await ctx.facts()
    asked = facts.query(query, answers=answers)
    if asked is None:
        return 0, []
    async with ctx.store.read() as r:
        total, stored = await r.services(project_id, asked)
        shown = [facts.service(one, answers=answers) for one in stored]
        counters = await r.counters([service.id for service in shown])
        tasks = await newest(r, shown)
    return total, [_summary(ctx, service, _total(counters, service.id), tasks) for service in shown]


async def events(
    ctx: Context, principal: Principal, project_id: str, service_id: str, query: EventQuery
) -> tuple[Service, int, Sequence[Event]]:
    """(the service, how many match, one page of them). Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "listServiceEvents")
    await ctx.facts()
    async with ctx.store.read() as r:
        service = await load_service(r, project_id, service_id)
        total, events = await r.events(service_id, query)
    return service, total, events


async def update_records(
    ctx: Context, principal: Principal, project_id: str, service_id: str, update_time_ms: int | None = None
) -> tuple[Service, Sequence[UpdateRecord]]:
    """(the service, its update records, newest first); `update_time_ms` picks one. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "listServiceLogs")
    async with ctx.store.read() as r:
        service = await load_service(r, project_id, service_id)
        revisions = {revision.number: revision for revision in await r.revisions(service_id)}
        rollouts = await r.rollouts(service_id)
    chosen = [x for x in rollouts if update_time_ms in {None, x.started_ms} and x.target in revisions]
    return service, [UpdateRecord(rollout, revisions[rollout.target]) for rollout in chosen]


async def newest(r: ReadTransaction, services: Sequence[Service]) -> Mapping[str, Task]:
    """The newest task of each that is a batch service and has one, by the service's id."""
    ids = [service.id for service in services if service.infer_type is InferType.BATCH]
    return {task.service_id: task for task in await r.latest_tasks(ids)} if ids else {}


def invocations(task: Task) -> Invocations:
    """The rows that were tried."""
    counts = task.counts
    return Invocations(counts.rows_done + counts.rows_failed, counts.rows_failed)


def _summary(ctx: Context, service: Service, total: Invocations, tasks: Mapping[str, Task]) -> Summary:
    task = tasks.get(service.id)
    return Summary(service, total) if task is None else Summary(service, invocations(task), view(ctx, task, None))


def _total(counters: Mapping[str, Counter], service_id: str) -> Invocations:
    return counters.get(service_id, Counter()).totals
