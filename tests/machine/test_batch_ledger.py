"""The ledger of batch services against a model of it, in any order of what may happen to it.

The model knows rows, not splits: for each row of the input whether it has its outcome, and of which lease. Workers
come and go, publish a beginning or all, are late, die; planning is cut off and repeated; sources turn out to be
unreadable, failed rows are tried again. After every step:

- every row that was planned is in exactly one split, and the splits of a source follow each other without a gap;
- a row has its outcome, or somebody has it, or it waits, and the store says the same of it as the model;
- the counts of the task are the sums over its splits;
- what was said under an old lease has changed nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from tests.contract import store_samples as a

from modelyard.core.batch import ledger
from modelyard.domain.batch import Counts, Publication, Source, Split, SplitState, Task, TaskState
from modelyard.store.base import ReadTransaction, WriteTransaction
from modelyard.store.sql import SqlStore
from modelyard.store.sql.batch import BatchWriting

T = TypeVar("T")
TASK = Task("t1", "s1", 1, 1, "r1", 1)
BYTES = 7
"""Of each row."""


@dataclass
class Row:
    """`lease`: under which it is out (0: nobody has it). `outcome`: None, done or FAILED; `retry`: its split had
    failed rows, and is to be published again."""

    lease: int = 0
    outcome: bool | None = None
    retry: bool = False


@dataclass
class Lease:
    """`number` is the model's, of all leases; `left`: what of the split is not published, and under which attempt.
    `void`: somebody gave it back."""

    number: int
    left: Split
    void: bool = False


class Ledger(RuleBasedStateMachine):
    files: ClassVar[bool] = False
    """Each source is a row, and a split takes several (format FILE)."""

    @initialize()
    def start(self) -> None:
        self.runner = asyncio.Runner()
        self.store = SqlStore.memory()
        self.runner.run(self.store.open())
        self.sources: list[list[Row]] = []
        self.unreadable: set[int] = set()
        self.chunks: list[tuple[list[Source], list[Split]]] = []
        self.leases: list[Lease] = []
        self.deaths: dict[tuple[int, int], int] = {}
        self.retries = self.numbers = 0

        async def work(w: WriteTransaction) -> None:
            await w.add_service(a.service("s1"))
            await w.add_task(TASK)

        self.write(work)

    def teardown(self) -> None:
        if hasattr(self, "runner"):
            self.runner.run(self.store.close())
            self.runner.close()

    def write(self, work: Callable[[WriteTransaction], Awaitable[T]]) -> T:
        async def go() -> T:
            async with self.store.write() as w:
                return await work(w)

        return self.runner.run(go())

    def read(self, work: Callable[[ReadTransaction], Awaitable[T]]) -> T:
        async def go() -> T:
            async with self.store.read() as r:
                return await work(r)

        return self.runner.run(go())

    # ── what may happen ───────────────────────────────────────────────────────────────────────────────────────

    @rule(sizes=st.lists(st.lists(st.integers(1, 6), max_size=3), min_size=1, max_size=3), broken=st.booleans())
    def plan(self, sizes: list[list[int]], broken: bool) -> None:
        """The next chunk: some sources, each cut into splits of so many rows. One may be broken from the start."""
        sources: list[Source] = []
        splits: list[Split] = []
        for cut in sizes:
            for rows in cut if self.files else [sum(cut)]:
                self._plan_source(sources, splits, [rows] if self.files else cut)
        if broken:
            number = len(self.sources)
            sources.append(self._source(number, error="it is broken"))
            self.sources.append([])
            self.unreadable.add(number)
        self.chunks.append((sources, splits))
        self._send(len(self.chunks) - 1)

    def _plan_source(self, sources: list[Source], splits: list[Split], cut: list[int]) -> None:
        number = len(self.sources)
        if self.files:
            several = cut[0]
            splits.append(Split(number, 0, 0, 0, several))
            sources += [self._source(number + n) for n in range(several)]
            self.sources += [[Row()] for _ in range(several)]
            return
        sources.append(self._source(number))
        at = 0
        for rows in cut:
            splits.append(Split(number, at * BYTES, (at + rows) * BYTES, at, rows))
            at += rows
        self.sources.append([Row() for _ in range(at)])

    def _source(self, number: int, error: str = "") -> Source:
        return Source(number, f"/b/{number}", "b", f"{number}", 10, "v", "" if error else f"{number}", error)

    @precondition(lambda self: self.chunks)
    @rule(which=st.integers(0, 9))
    def plan_again(self, which: int) -> None:
        """As after a crash of whom nobody learned whether it had committed."""
        self._send(which % len(self.chunks))

    def _send(self, chunk: int) -> None:
        sources, splits = self.chunks[chunk]
        self.write(lambda w: w.plan("t1", sources, splits, str(chunk)))

    @rule()
    def lease(self) -> None:
        split = self.write(lambda w: w.lease("t1", "i1", 5))
        waiting = [at for at, row in self._rows() if row.lease == 0 and (row.outcome is None or row.retry)]
        if split is None:
            assert waiting == []
            return
        self.numbers += 1
        assert self._places(split)[0] == min(waiting), "in the order of the input"
        assert split.deaths == self.deaths.get((split.source, split.start), 0)
        for at in self._places(split):
            assert at in waiting
            self._row(at).lease = self.numbers
        self.leases.append(Lease(self.numbers, split))

    @precondition(lambda self: self.leases)
    @rule(which=st.integers(0, 9), share=st.floats(0, 1), failing=st.integers(0, 3))
    def publish(self, which: int, share: float, failing: int) -> None:
        """A beginning, or all, of a split; its every `failing`-th row failed. The lease may be an old one."""
        lease = self.leases[which % len(self.leases)]
        left = lease.left
        rows = max(1, round(share * left.rows))
        places = self._places(left)[:rows]
        failed = [at for n, at in enumerate(places) if failing and n % failing == 0]
        former = sum(self._row(at).outcome is False for at in places) if left.retry else 0
        rest = self._rest(left, rows)
        part = f"p/{left.source}-{left.start}-{left.attempt}"
        publication = Publication(
            *(left.source, left.start, left.attempt, rows, len(failed), part, 10, 20),
            rest,
            former=former if rest else 0,
        )
        content = b"lines" * (which % 2)
        publication = replace(publication, content=content)
        written = self.write(lambda w: w.publish("t1", publication))
        assert written == (not lease.void)
        if not written:
            return
        for at in places:
            row = self._row(at)
            row.lease, row.outcome, row.retry = 0, at not in failed, False
        self.deaths.pop((left.source, left.start), None)
        if rest is None:
            lease.void = True
            return
        lease.left = ledger.published(left, publication)[1] or left

    def _rest(self, split: Split, rows: int) -> tuple[int, int] | None:
        if rows == split.rows:
            return None
        return (split.source + rows, 0) if self.files else (split.source, split.start + rows * BYTES)

    @precondition(lambda self: self.leases)
    @rule(which=st.integers(0, 9), died=st.booleans())
    def release(self, which: int, died: bool) -> None:
        lease = self.leases[which % len(self.leases)]
        left = lease.left
        given = self.write(lambda w: w.release("t1", left.source, left.start, left.attempt, died=died))
        assert given == (not lease.void)
        if given:
            self._give_back(lease)
            if died:
                key = (left.source, left.start)
                self.deaths[key] = self.deaths.get(key, 0) + 1

    @rule()
    def release_all(self) -> None:
        out = [lease for lease in self.leases if not lease.void]
        assert self.write(lambda w: w.release_all("t1")) == len(out)
        for lease in out:
            self._give_back(lease)

    def _give_back(self, lease: Lease) -> None:
        lease.void = True
        for at in self._places(lease.left):
            self._row(at).lease = 0

    @precondition(lambda self: self.sources)
    @rule(which=st.integers(0, 9))
    def fail_source(self, which: int) -> None:
        number = which % len(self.sources)
        if self.files:
            return
        self.write(lambda w: w.fail_source("t1", number, "it cannot be read"))
        self.unreadable.add(number)
        self.sources[number] = []
        for lease in self.leases:
            lease.void = lease.void or lease.left.source == number

    @rule()
    def retry(self) -> None:
        """Every split with a failed row, whole: what it is made of only the store says."""
        splits = self.read(lambda r: r.splits("t1", limit=10_000))
        again = [split for split in splits if split.state is SplitState.PUBLISHED and split.failed]
        failed = sum(self._row(at).outcome is False for split in again for at in self._places(split))
        assert self.write(lambda w: w.reopen_failed("t1")) == failed
        self.retries += bool(failed)
        for split in again:
            for at in self._places(split):
                self._row(at).retry = True

    @rule()
    def stop_and_go_on(self) -> None:
        self.write(lambda w: w.save_task(replace(TASK, state=TaskState.STOPPED)))
        assert self.write(lambda w: w.lease("t1", "i1", 5)) is None
        self.write(lambda w: w.save_task(TASK))

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _places(self, split: Split) -> list[tuple[int, int]]:
        """(source, row) of each row of a split."""
        if self.files:
            return [(split.source + n, 0) for n in range(split.rows)]
        return [(split.source, split.first_row + n) for n in range(split.rows)]

    def _row(self, at: tuple[int, int]) -> Row:
        return self.sources[at[0]][at[1]]

    def _rows(self) -> list[tuple[tuple[int, int], Row]]:
        return [((n, m), row) for n, rows in enumerate(self.sources) for m, row in enumerate(rows)]

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def every_row_is_where_the_model_has_it(self) -> None:
        if not hasattr(self, "runner"):
            return

        async def work(r: ReadTransaction) -> Any:
            return await r.task("t1"), await r.splits("t1", limit=10_000), await r.sources("t1", limit=10_000)

        task, splits, sources = self.read(work)
        there = [at for split in splits for at in self._places(split)]
        assert there == [at for at, _ in self._rows()], "each row once, in order"
        self._check_edges(splits)
        for split in splits:
            rows = [self._row(at) for at in self._places(split)]
            if split.state is SplitState.PUBLISHED:
                assert all(row.outcome is not None and not row.retry and not row.lease for row in rows)
                assert split.failed == sum(row.outcome is False for row in rows)
            else:
                assert all((row.lease > 0) == (split.state is SplitState.LEASED) for row in rows)
                assert len({row.lease for row in rows}) == 1
                assert all(row.retry == split.retry and (row.outcome is None or split.retry) for row in rows)
                assert split.failed == (sum(row.outcome is False for row in rows) if split.retry else 0)
        assert {source.number for source in sources if source.error} == self.unreadable
        assert len(sources) == len(self.sources)
        self._check_counts(task, splits)

    def _check_edges(self, splits: list[Split]) -> None:
        for split in splits:
            expected = (0, 0) if self.files else (split.first_row * BYTES, (split.first_row + split.rows) * BYTES)
            assert (split.start, split.end) == expected

    def _check_counts(self, task: Task, splits: list[Split]) -> None:
        rows = [row for _, row in self._rows()]
        done = [split for split in splits if split.state is SplitState.PUBLISHED]
        assert task.counts == Counts(
            sources=len(self.sources),
            sources_failed=len(self.unreadable),
            bytes=10 * len(self.sources),
            splits=len(splits),
            splits_done=len(done),
            rows=len(rows),
            rows_done=sum(row.outcome is True for row in rows),
            rows_failed=sum(row.outcome is False and not row.retry for row in rows),
        )
        assert task.retries == self.retries
        assert (task.started_ms == 5) == (self.numbers > 0)


class LedgerOfFiles(Ledger):
    files = True


SETTINGS = settings(
    max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
Ledger.TestCase.settings = LedgerOfFiles.TestCase.settings = SETTINGS
test_any_order_of_what_may_happen = Ledger.TestCase
test_any_order_with_splits_of_files = LedgerOfFiles.TestCase


# ── seeded faults: the machine sees them ──────────────────────────────────────────────────────────────────────

_published, _counted, _unplanned = ledger.published, ledger.counted, ledger.unplanned


def _loses_a_row(split: Split, publication: Publication) -> tuple[Split, Split | None]:
    """The rest begins one row too late."""
    first, rest = _published(split, publication)
    if rest is not None and rest.rows > 1:
        rest = replace(rest, first_row=rest.first_row + 1, start=rest.start + BYTES, rows=rest.rows - 1)
    return first, rest


def _doubles_a_row(split: Split, publication: Publication) -> tuple[Split, Split | None]:
    """The rest holds the last published row once more."""
    first, rest = _published(split, publication)
    if rest is not None:
        rest = replace(rest, first_row=rest.first_row - 1, start=rest.start - 1, rows=rest.rows + 1)
    return first, rest


def _forgets_the_rest(split: Split, publication: Publication) -> tuple[Split, Split | None]:
    return _published(split, publication)[0], None


def _counts_failures_as_done(split: Split) -> Counts:
    counts = _counted(split)
    return replace(counts, rows_done=counts.rows_done + counts.rows_failed)


def _plans_twice(last: Split | None, splits: list[Split]) -> list[Split]:
    """Splits beside those that were published in part."""
    new = _unplanned(last, splits)
    return [*new, *(replace(split, start=split.start + 1) for split in splits if split not in new)]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("published", _loses_a_row),
        ("published", _doubles_a_row),
        ("published", _forgets_the_rest),
        ("counted", _counts_failures_as_done),
        ("unplanned", _plans_twice),
    ],
)
def test_a_seeded_fault_is_seen(monkeypatch: pytest.MonkeyPatch, name: str, fault: object) -> None:
    walk()
    monkeypatch.setattr(ledger, name, fault)
    with pytest.raises((AssertionError, ledger.ImpossiblePublicationError)):
        walk()


async def _held_by_anybody(
    self: BatchWriting, task_id: str, publications: Sequence[Publication]
) -> dict[tuple[int, int], Split]:
    found = {}
    for each in publications:
        for split in await self.splits(task_id, each.source, each.source, 1, each.start - 1):
            found[split.source, split.start] = replace(split, attempt=each.attempt)
    return found


def test_a_stale_lease_that_could_publish_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BatchWriting, "_held", _held_by_anybody)
    with pytest.raises((AssertionError, ledger.ImpossiblePublicationError)):
        walk()


def walk() -> None:
    """One order in which everything happens, looked at after each step."""
    machine = Ledger()
    machine.start()
    try:
        for step in (
            lambda: machine.plan([[4, 3], [2]], True),
            machine.lease,
            lambda: machine.publish(0, 0.5, 2),
            lambda: machine.plan_again(0),
            lambda: machine.release(0, True),
            machine.lease,
            lambda: machine.publish(0, 1.0, 0),
            lambda: machine.publish(1, 1.0, 1),
            machine.lease,
            lambda: machine.publish(2, 1.0, 0),
            machine.retry,
            machine.lease,
            lambda: machine.publish(3, 0.5, 0),
            lambda: machine.fail_source(0),
        ):
            step()
            machine.every_row_is_where_the_model_has_it()
    finally:
        machine.teardown()
