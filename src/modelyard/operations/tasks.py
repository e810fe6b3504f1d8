"""Use cases about the tasks of batch services: look at them, at the rows that failed, try these again."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from modelyard.batch.runner import Pace
from modelyard.core.batch import names
from modelyard.core.batch.course import resumed, same
from modelyard.core.batch.situation import BatchSituation
from modelyard.core.rollout import stopping
from modelyard.domain.batch import Format, Job, Split, Task, TaskState
from modelyard.domain.errors import Invalid, NotFound, TooBusy, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal
from modelyard.domain.notifications import Lane
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision
from modelyard.domain.service import (
    Desired,
    Event,
    EventType,
    InferType,
    Rollout,
    RolloutKind,
    Service,
    ServiceStatus,
)
from modelyard.objects.base import ObjectStoreError, ObjectStoreUnavailableError
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path
from modelyard.operations import limits
from modelyard.operations.context import Context, authorise
from modelyard.operations.services import totals
from modelyard.operations.services.load import load_record, load_service, not_owner
from modelyard.operations.services.preconditions import UNBOUND, Changed, Preconditions
from modelyard.store.base import ReadTransaction, WriteTransaction
from modelyard.store.page import Page

SPLITS_AT_ONCE = 1000
LINE_MAX = 64 * 1024
"""Bytes of one line about a row that failed; longer ones are none of ours."""
REFUSED = "3519"


@dataclass(frozen=True, slots=True)
class TaskView:
    """A task as people see it. `manifest`: where the list of its results is ("": not yet)."""

    task: Task
    pace: Pace = Pace()
    manifest: str = ""


@dataclass(frozen=True, slots=True)
class FailedRow:
    """`row` counts from 0 in its source; in the format `file` it is 0. `source` as the input spells it."""

    source: str
    row: int
    error: str


@dataclass(frozen=True, slots=True)
class FailedRows:
    service: Service
    task: Task
    total: int
    rows: Sequence[FailedRow] = field(default_factory=tuple)


def view(ctx: Context, task: Task, revision: Revision | None) -> TaskView:
    """`revision`: the one that the task was made for, if it is still known."""
    pace = ctx.batch.pace(task.id) if task.at_work else Pace()
    if task.state is not TaskState.FINISHED:
        return TaskView(task, pace)
    below = _destination(_job(revision))
    return TaskView(task, pace, str(below / names.manifest_name(task.id)) if below is not None else "")


def _job(revision: Revision | None) -> Job | None:
    return revision.variants[0].job if revision is not None and revision.variants else None


def _destination(job: Job | None) -> ObjectPath | None:
    try:
        return object_path(job.destination) if job is not None else None
    except MalformedPathError:
        return None


async def tasks(
    ctx: Context, principal: Principal, project_id: str, service_id: str, page: Page
) -> tuple[Service, int, Sequence[TaskView]]:
    """(the service, how many there are, one page of them, newest first). Raises Forbidden, NotFound, Invalid."""
    authorise(principal, project_id, CONTROL_READ, "listServiceTasks")
    async with ctx.store.read() as r:
        service = _batch(await load_service(r, project_id, service_id))
        known = await r.tasks(service_id)
        chosen = known[page.offset * page.limit :][: page.limit]
        revisions = await _revisions(r, service_id, chosen)
    return service, len(known), [view(ctx, one, revisions.get(one.revision)) for one in chosen]


async def task(
    ctx: Context, principal: Principal, project_id: str, service_id: str, task_id: str
) -> tuple[Service, TaskView]:
    """Raises Forbidden, NotFound, Invalid."""
    authorise(principal, project_id, CONTROL_READ, "getServiceTask")
    async with ctx.store.read() as r:
        service, one = await _found(r, project_id, service_id, task_id)
        revisions = await _revisions(r, service_id, [one])
    return service, view(ctx, one, revisions.get(one.revision))


async def failed_rows(
    ctx: Context, principal: Principal, project_id: str, service_id: str, task_id: str, *, page: Page
) -> FailedRows:
    """One page of the rows that failed so far, in the order of the input. Nothing but that page is held in memory.
    Raises Forbidden, NotFound, Invalid, TooBusy (the object store cannot be asked now)."""
    authorise(principal, project_id, CONTROL_READ, "listFailedRows")
    async with ctx.store.read() as r:
        service, one = await _found(r, project_id, service_id, task_id)
        revisions = await _revisions(r, service_id, [one])
    below = _destination(_job(revisions.get(one.revision)))
    if below is None or ctx.batch.objects is None or not one.counts.rows_failed:
        return FailedRows(service, one, one.counts.rows_failed)
    told = _Told(ctx, one, below, by_file=_by_file(revisions.get(one.revision)))
    lines = told.assembled() if one.state is TaskState.FINISHED else told.published(page.offset * page.limit)
    rows: list[FailedRow] = []
    to_skip = page.offset * page.limit
    try:
        async with aclosing(lines) as found:
            async for row in found:
                if to_skip > 0:
                    to_skip -= 1
                elif row is not None:
                    rows.append(row)
                if len(rows) >= page.limit:
                    break
    except ObjectStoreUnavailableError as error:
        raise TooBusy(f"the object store cannot be asked now: {error}") from error
    except ObjectStoreError as error:
        text = f"the rows that failed cannot be read where the results are: {error}"
        raise Invalid(Violation("task_id", text, "3551")) from error
    return FailedRows(service, one, one.counts.rows_failed, rows)


async def retry_failed(
    ctx: Context,
    principal: Principal,
    project_id: str,
    service_id: str,
    task_id: str,
    *,
    preconditions: Preconditions = UNBOUND,
) -> Changed:
    """Try the rows that failed again, and no others. Raises Forbidden, NotFound, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "retryFailedRows")
    async with ctx.store.write() as w:
        now = ctx.clock()
        await preconditions.begun(w, project_id, now)
        record = await load_record(w, project_id, service_id)
        preconditions.hold(record.service)
        _, one = await _found(w, project_id, service_id, task_id)
        wrong = [*not_owner(principal, record.service), *await _not_now(w, record, one)]
        variants = record.revisions[record.service.revision].variants
        quotas = await limits.quotas(ctx, w, project_id)
        wrong += await totals.refusals((ctx, w), quotas, (project_id, ""), variants, record)
        if wrong:
            raise Invalid(*wrong)
        changed, waiting = await _reopened(ctx, w, record.service, one, now)
        await preconditions.concluded(w, record, changed, now)
    ctx.teller.wake(waiting)
    ctx.nudge("service", service_id)
    return changed


async def _reopened(
    ctx: Context, w: WriteTransaction, service: Service, task: Task, now: int
) -> tuple[Changed, Sequence[Lane]]:
    rows = await w.reopen_failed(task.id)
    rollout = Rollout(ctx.new_id(), service.id, RolloutKind.START, service.revision, None, now)
    await w.save_rollout(rollout)
    begun = await w.task(task.id)
    assert begun is not None
    await w.save_task(replace(resumed(begun), rollout=rollout.id, revision=service.revision))
    told = f"task {task.number} tries {rows} FAILED {'row' if rows == 1 else 'rows'} again"
    await w.add_events([Event(service.id, EventType.NORMAL, told, now)])
    started = stopping.turned(service, Desired.RUNNING, ServiceStatus.DEPLOYING, now)
    started = replace(started, version=service.version + 1)
    return Changed(started, rollout), await ctx.teller.save(w, service, started)


async def _not_now(r: ReadTransaction, record: ServiceRecord, task: Task) -> list[Violation]:
    """Why the rows of this task that failed cannot be tried again."""
    service, (newest, *_) = record.service, await r.tasks(record.service.id, 1)
    revisions = {**record.revisions, **await _revisions(r, service.id, [task])}
    if service.desired is Desired.DELETED or service.status is ServiceStatus.STOPPING:
        return [Violation("", f"the service is {service.status}, its failed rows cannot be tried again", REFUSED)]
    if task.id != newest.id:
        return [Violation("task_id", f"is task {task.number}: task {newest.number} took its place", REFUSED)]
    if task.at_work:
        text = f"is {task.state}: wait until the service is finished, or stop it"
        return [Violation("task_id", text, REFUSED)]
    if not same(BatchSituation(service, revisions, None, ()), task):
        text = (
            f"was made for revision {task.revision}: the config asks for something else since, start the service"
        )
        return [Violation("task_id", text, REFUSED)]
    if not task.counts.rows_failed:
        return [Violation("", f"no row of task {task.number} failed: there is nothing to try again", REFUSED)]
    return []


async def _found(r: ReadTransaction, project_id: str, service_id: str, task_id: str) -> tuple[Service, Task]:
    service = _batch(await load_service(r, project_id, service_id))
    one = await r.task(task_id)
    if one is None or one.service_id != service.id:
        raise NotFound("task", task_id)
    return service, one


def _batch(service: Service) -> Service:
    if service.infer_type is not InferType.BATCH:
        raise Invalid(
            Violation("service_id", f"is a {service.infer_type} service: only batch services have tasks")
        )
    return service


async def _revisions(r: ReadTransaction, service_id: str, some: Sequence[Task]) -> Mapping[int, Revision]:
    found = {number: await r.revision(service_id, number) for number in {one.revision for one in some}}
    return {number: revision for number, revision in found.items() if revision is not None}


def _by_file(revision: Revision | None) -> bool:
    job = _job(revision)
    return job is not None and job.format is Format.FILE


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of the rows of a task that failed, `below` its destination. `by_file`: a row is a file."""

    ctx: Context
    task: Task
    below: ObjectPath
    by_file: bool

    async def assembled(self) -> AsyncGenerator[FailedRow | None, None]:
        """From the file of the failed rows."""
        async with aclosing(self._objects(self.below / names.failed_name(self.task.id))) as told:
            async for one in told:
                yield FailedRow(str(one.get("source", "")), _number(one.get("row")), str(one.get("error", "")))

    async def published(self, skip: int) -> AsyncGenerator[FailedRow | None, None]:
        """From the parts; None for each row of a part of which none is wanted, and which is not read."""
        source, after = 0, -1
        while True:
            async with self.ctx.store.read() as r:
                splits = await r.splits(self.task.id, source, None, SPLITS_AT_ONCE, after)
            for split in splits:
                if not split.failed or not split.part:
                    continue
                if skip >= split.failed:
                    skip -= split.failed
                    for _ in range(split.failed):
                        yield None
                    continue
                skip = 0
                async with aclosing(self._of(split)) as rows:
                    async for row in rows:
                        yield row
            if len(splits) < SPLITS_AT_ONCE:
                return
            source, after = splits[-1].source, splits[-1].start

    async def _of(self, split: Split) -> AsyncGenerator[FailedRow, None]:
        async with self.ctx.store.read() as r:
            known = await r.sources(self.task.id, split.source, split.rows if self.by_file else 1)
        locations = {one.number: one.location for one in known}
        if split.content:
            told = _objects_in(_once(split.content[split.part_bytes :]))
        else:
            length = split.part_size - split.part_bytes
            told = self._objects(self.below / split.part, split.part_bytes, length)
        async with aclosing(told):
            async for one in told:
                row, error = _number(one.get("row")), str(one.get("error", ""))
                if self.by_file:
                    yield FailedRow(locations.get(row, ""), 0, error)
                else:
                    yield FailedRow(locations.get(split.source, ""), row, error)

    def _objects(
        self, path: ObjectPath, offset: int = 0, length: int | None = None
    ) -> AsyncGenerator[Mapping[str, Any], None]:
        assert self.ctx.batch.objects is not None
        return _objects_in(self.ctx.batch.objects.read(path, offset=offset, length=length))


async def _once(content: bytes) -> AsyncGenerator[bytes, None]:
    yield content


async def _objects_in(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[Mapping[str, Any], None]:
    """One JSON object a line; what is none of ours says nothing."""
    rest = b""
    async with aclosing(pieces):
        async for piece in pieces:
            *whole, rest = (rest + piece).split(b"\n")
            for line in whole:
                yield _object(line)
            if len(rest) > LINE_MAX:
                return


def _object(line: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeError):
        return {}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
