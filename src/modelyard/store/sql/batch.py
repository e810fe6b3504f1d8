"""Tasks of batch services, their sources and splits: statements.

What a change makes of a split, and what that does to the counts of its task, is decided in `core.batch.ledger`; it
is looked up and written in one transaction, and transactions that write follow each other.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Row, bindparam, delete, func, insert, select, tuple_, update

from modelyard.core.batch import ledger
from modelyard.domain.batch import Counts, Publication, Source, Split, SplitState, Task, TaskState
from modelyard.store.sql import batch_rows as rows
from modelyard.store.sql import queries
from modelyard.store.sql.batch_tables import batch_sources, batch_splits, batch_tasks
from modelyard.store.sql.session import Session, chunks

LEDGERS_KEPT = 10
"""Of a service: the sources and splits of its newest tasks. Of older ones the counts remain."""

TASKS_KEPT = 200

_ROWS_PER_STATEMENT = 10_000
_PLACES_PER_STATEMENT = 250
_TASK, _SOURCE, _SPLIT = batch_tasks.c, batch_sources.c, batch_splits.c


_EACH = (
    _SPLIT.task_id == bindparam("of_task"),
    _SPLIT.source == bindparam("of_source"),
    _SPLIT.start == bindparam("of_start"),
)
_NEW: dict[str, BindParameter[Any]] = {
    column.name: bindparam(f"new_{column.name}") for column in batch_splits.columns if not column.primary_key
}


def _key(task_id: str, split: Split) -> rows.Values:
    return {"of_task": task_id, "of_source": split.source, "of_start": split.start}


def _new(values: rows.Values) -> rows.Values:
    return {f"new_{name}": values[name] for name in _NEW}


def _at(task_id: str, source: int, start: int) -> tuple[ColumnElement[bool], ...]:
    return _SPLIT.task_id == task_id, _SPLIT.source == source, _SPLIT.start == start


class BatchReading(Session):
    async def task(self, task_id: str) -> Task | None:
        row = await self._row(select(batch_tasks).where(_TASK.id == task_id))
        return None if row is None else rows.task(row)

    async def tasks(self, service_id: str, limit: int = 200) -> Sequence[Task]:
        statement = select(batch_tasks).where(_TASK.service_id == service_id)
        return [rows.task(row) for row in await self._rows(statement.order_by(_TASK.number.desc()).limit(limit))]

    async def latest_tasks(self, service_ids: Collection[str] | None = None) -> Sequence[Task]:
        if service_ids is None:
            return [rows.task(row) for row in await self._rows(queries.latest_tasks(some=False))]
        found: list[Row[Any]] = []
        for some in chunks(list(service_ids)):
            found += await self._rows(queries.latest_tasks(some=True), {"service_ids": list(some)})
        return [rows.task(row) for row in found]

    async def sources(self, task_id: str, first: int = 0, limit: int = 1000) -> Sequence[Source]:
        statement = select(batch_sources).where(_SOURCE.task_id == task_id, _SOURCE.number >= first)
        found = await self._rows(statement.order_by(_SOURCE.number).limit(limit))
        return [rows.source(row, self._box) for row in found]

    async def taken_results(self, task_id: str, names: Collection[str]) -> Collection[str]:
        taken: set[str] = set()
        for some in chunks(list(names)):
            statement = select(_SOURCE.result).where(_SOURCE.task_id == task_id, _SOURCE.result.in_(some))
            taken.update(row.result for row in await self._rows(statement))
        return taken

    async def splits(
        self, task_id: str, first: int = 0, last: int | None = None, limit: int = 1000, after: int = -1
    ) -> Sequence[Split]:
        behind = tuple_(_SPLIT.source, _SPLIT.start) > tuple_(first, after)
        statement = select(batch_splits).where(_SPLIT.task_id == task_id, behind)
        if last is not None:
            statement = statement.where(_SPLIT.source <= last)
        found = await self._rows(statement.order_by(_SPLIT.source, _SPLIT.start).limit(limit))
        return [rows.split(row) for row in found]

    async def objects_of(
        self, task_id: str, after: tuple[int, int] = (0, -1), limit: int = 1000
    ) -> Sequence[tuple[int, int, str]]:
        place = (_SPLIT.source, _SPLIT.start)
        mine = (_SPLIT.task_id == task_id, _SPLIT.part != "", _SPLIT.content.is_(None))
        statement = select(*place, _SPLIT.part).where(*mine, tuple_(*place) > tuple_(*after)).order_by(*place)
        return [(row.source, row.start, row.part) for row in await self._rows(statement.limit(limit))]

    async def leased(self, task_id: str) -> Sequence[Split]:
        statement = select(batch_splits).where(_SPLIT.task_id == task_id, _SPLIT.state == SplitState.LEASED.value)
        return [rows.split(row) for row in await self._rows(statement.order_by(_SPLIT.source, _SPLIT.start))]


class BatchWriting(BatchReading):
    async def add_task(self, task: Task) -> None:
        name = f"{task.service_id} task {task.number}"
        await self._add(insert(batch_tasks).values(rows.task_row(task)), "task", name)
        await self._forget(task.service_id, task.number)

    async def _forget(self, service_id: str, newest: int) -> None:
        mine = _TASK.service_id == service_id
        if newest > TASKS_KEPT:
            await self._run(delete(batch_tasks).where(mine, _TASK.number <= newest - TASKS_KEPT))
        if newest > LEDGERS_KEPT:
            old = select(_TASK.id).where(mine, _TASK.number <= newest - LEDGERS_KEPT)
            await self._run(delete(batch_sources).where(_SOURCE.task_id.in_(old)))
            await self._run(delete(batch_splits).where(_SPLIT.task_id.in_(old)))

    async def save_task(self, task: Task) -> None:
        await self._run(update(batch_tasks).where(_TASK.id == task.id).values(rows.saved_task_row(task)))

    async def plan(
        self,
        task_id: str,
        sources: Sequence[Source],
        splits: Sequence[Split],
        cursor: str,
        *,
        planned: bool = False,
    ) -> None:
        last_source = await self._last_source(task_id) if sources else -1
        new_sources = [source for source in sources if source.number > last_source]
        await self._insert(batch_sources, (rows.source_row(task_id, each, self._box) for each in new_sources))
        new_splits = await self._new_splits(task_id, splits) if splits else []
        await self._insert(batch_splits, (rows.split_row(task_id, split) for split in new_splits))
        more = Counts(
            sources=len(new_sources),
            sources_failed=sum(1 for source in new_sources if source.error),
            bytes=sum(source.size for source in new_sources),
        )
        await self._count(
            task_id, [more, *map(ledger.counted, new_splits)], cursor=cursor, planned=planned or _TASK.planned
        )

    async def _last_source(self, task_id: str) -> int:
        last = await self._value(select(func.max(_SOURCE.number)).where(_SOURCE.task_id == task_id))
        return -1 if last is None else int(last)

    async def _new_splits(self, task_id: str, splits: Sequence[Split]) -> list[Split]:
        """Those behind all that are there, of sources that can be read."""
        order = (_SPLIT.source.desc(), _SPLIT.start.desc())
        statement = select(batch_splits).where(_SPLIT.task_id == task_id).order_by(*order).limit(1)
        last = await self._row(statement)
        behind = ledger.unplanned(None if last is None else rows.split(last), splits)
        numbers = [split.source for split in behind]
        if not numbers:
            return []
        failed = select(_SOURCE.number).where(
            _SOURCE.task_id == task_id, _SOURCE.number.between(min(numbers), max(numbers)), _SOURCE.error != ""
        )
        unreadable = {row.number for row in await self._rows(failed)}
        return [split for split in behind if split.source not in unreadable]

    async def _insert(self, table: Any, values: Iterable[rows.Values]) -> None:
        every = list(values)
        for at in range(0, len(every), _ROWS_PER_STATEMENT):
            await self._run(insert(table), every[at : at + _ROWS_PER_STATEMENT])

    async def lease(self, task_id: str, worker: str, now_ms: int) -> Split | None:
        leased = await self.lease_bundle(task_id, worker, now_ms, 1)
        return leased[0] if leased else None

    async def lease_bundle(self, task_id: str, worker: str, now_ms: int, most: int) -> Sequence[Split]:
        first = (
            select(batch_splits, _TASK.started_ms)
            .join(batch_tasks, _TASK.id == _SPLIT.task_id)
            .where(_SPLIT.task_id == task_id, _SPLIT.state == SplitState.PENDING.value)
            .where(_TASK.state == TaskState.ACTIVE.value)
            .order_by(_SPLIT.source, _SPLIT.start)
            .limit(most)
        )
        found = await self._rows(first)
        if not found:
            return []
        leased = [
            replace(split, state=SplitState.LEASED, attempt=split.attempt + 1, worker=worker)
            for split in ledger.bundled([rows.split(row) for row in found])
        ]
        changed = {"state": SplitState.LEASED.value, "attempt": bindparam("of_attempt"), "worker": worker}
        await self._run(
            update(batch_splits).where(*_EACH).values(changed),
            [{**_key(task_id, each), "of_attempt": each.attempt} for each in leased],
        )
        if found[0].started_ms is None:
            await self._run(update(batch_tasks).where(_TASK.id == task_id).values(started_ms=now_ms))
        return leased

    async def publish(self, task_id: str, publication: Publication) -> bool:
        return (await self.publish_all(task_id, [publication]))[0]

    async def publish_all(self, task_id: str, publications: Sequence[Publication]) -> Sequence[bool]:
        held = await self._held(task_id, publications)
        rests: list[Split] = []
        less: list[Counts] = []
        firsts: list[Split] = []
        done: list[bool] = []
        for publication in publications:
            split = held.get((publication.source, publication.start))
            done.append(split is not None and split.attempt == publication.attempt)
            if split is None or not done[-1]:
                continue
            first, rest = ledger.published(split, publication)
            less.append(ledger.counted(split))
            firsts.append(first)
            rests += [] if rest is None else [rest]
        if firsts:
            values = [{**_key(task_id, each), **_new(rows.split_row(task_id, each))} for each in firsts]
            await self._run(update(batch_splits).where(*_EACH).values(_NEW), values)
            await self._insert(batch_splits, (rows.split_row(task_id, each) for each in rests))
            await self._count(task_id, map(ledger.counted, [*firsts, *rests]), less)
        return done

    async def _held(self, task_id: str, publications: Sequence[Publication]) -> dict[tuple[int, int], Split]:
        """Those of their splits that are leased."""
        places = [(each.source, each.start) for each in publications]
        found: dict[tuple[int, int], Split] = {}
        for at in range(0, len(places), _PLACES_PER_STATEMENT):
            some = places[at : at + _PLACES_PER_STATEMENT]
            near = _SPLIT.source.between(min(some)[0], max(some)[0])  # of the pairs alone SQLite asks no index
            leased = (_SPLIT.task_id == task_id, _SPLIT.state == SplitState.LEASED.value, near)
            these = tuple_(_SPLIT.source, _SPLIT.start).in_(some)
            for row in await self._rows(select(batch_splits).where(*leased, these)):
                found[row.source, row.start] = rows.split(row)
        return found

    async def release(self, task_id: str, source: int, start: int, attempt: int, *, died: bool = False) -> bool:
        held = (_SPLIT.state == SplitState.LEASED.value, _SPLIT.attempt == attempt)
        changed = {"state": SplitState.PENDING.value, "worker": "", "deaths": _SPLIT.deaths + int(died)}
        statement = update(batch_splits).where(*_at(task_id, source, start), *held).values(changed)
        return await self._run(statement) > 0

    async def release_all(self, task_id: str) -> int:
        leased = (_SPLIT.task_id == task_id, _SPLIT.state == SplitState.LEASED.value)
        changed = {"state": SplitState.PENDING.value, "worker": ""}
        return await self._run(update(batch_splits).where(*leased).values(changed))

    async def fail_source(self, task_id: str, number: int, error: str) -> None:
        this = (_SOURCE.task_id == task_id, _SOURCE.number == number)
        source = await self._row(select(_SOURCE.error).where(*this))
        if source is None:
            return
        mine = (_SPLIT.task_id == task_id, _SPLIT.source == number)
        gone = [rows.split(row) for row in await self._rows(select(batch_splits).where(*mine))]
        if any(split.end == 0 for split in gone):
            raise ValueError(f"source {number} is a row of a split of files: it fails as a row")
        await self._run(delete(batch_splits).where(*mine))
        await self._run(update(batch_sources).where(*this).values(error=error))
        more = Counts(sources_failed=0 if source.error else 1)
        await self._count(task_id, [more], [ledger.counted(split) for split in gone])

    async def save_results(self, task_id: str, sources: Sequence[Source]) -> None:
        if not sources:
            return
        this = (_SOURCE.task_id == bindparam("of_task"), _SOURCE.number == bindparam("of_number"))
        values = [
            {"of_task": task_id, "of_number": source.number, "now": source.result_version} for source in sources
        ]
        await self._run(update(batch_sources).where(*this).values(result_version=bindparam("now")), values)

    async def clear_parts(self, task_id: str) -> None:
        mine = (_SPLIT.task_id == task_id, _SPLIT.part != "")
        await self._run(update(batch_splits).where(*mine).values(part="", content=None))

    async def reopen_failed(self, task_id: str) -> int:
        failed = (_SPLIT.task_id == task_id, _SPLIT.state == SplitState.PUBLISHED.value, _SPLIT.failed > 0)
        total = await self._row(
            select(func.count().label("splits"), func.sum(_SPLIT.failed).label("rows")).where(*failed)
        )
        if total is None or not total.splits:
            return 0
        changed = {"state": SplitState.PENDING.value, "retry": True, "deaths": 0}
        await self._run(update(batch_splits).where(*failed).values(changed))
        gone = Counts(splits_done=int(total.splits), rows_failed=int(total.rows))
        await self._count(task_id, [], [gone], retries=_TASK.retries + 1)
        return gone.rows_failed

    async def _count(
        self, task_id: str, more: Iterable[Counts], less: Iterable[Counts] = (), **besides: Any
    ) -> None:
        """Change the task's counts, and what else of it is named."""
        change = ledger.change(more, less)
        counts = {name: _TASK[name] + by for name, by in change.items() if by}
        if counts or besides:
            await self._run(update(batch_tasks).where(_TASK.id == task_id).values(**counts, **besides))
