"""Use cases that read services: detail, list, events and update records. They change nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelyard.domain.identity import CONTROL_READ, Principal
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision
from modelyard.domain.service import Counter, Event, Invocations, Rollout, Service
from modelyard.operations import facts
from modelyard.operations.context import Context, authorise
from modelyard.operations.services.load import load_counted, load_service
from modelyard.store.services import EventQuery, ServiceQuery


@dataclass(frozen=True, slots=True)
class Summary:
    """A service as lists show it."""

    service: Service
    invocations: Invocations


@dataclass(frozen=True, slots=True)
class Detail:
    """A service with the revision that it should run now."""

    record: ServiceRecord
    revision: Revision
    invocations: Invocations

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
    record = facts.record(stored, answers=answers)
    return Detail(record, record.revisions[record.service.revision], counter.totals)


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
    return total, [Summary(service, _total(counters, service.id)) for service in shown]


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


def _total(counters: Mapping[str, Counter], service_id: str) -> Invocations:
    return counters.get(service_id, Counter()).totals
