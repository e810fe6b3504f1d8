"""The ledger of batch services, over every store."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, text
from tests.contract import store_samples as a
from tests.contract.test_store import differs_from_its_defaults

from modelyard.core.batch.ledger import ImpossiblePublicationError
from modelyard.domain.batch import Counts, Publication, Source, Split, SplitState, Task, TaskState
from modelyard.domain.errors import AlreadyExists
from modelyard.domain.record import Changes
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore
from modelyard.store.sql import batch as sql_batch
from modelyard.store.sql.batch import LEDGERS_KEPT, TASKS_KEPT

COUNTS = Counts(
    sources=2**33,
    sources_failed=2,
    bytes=2**50,
    splits=2**34,
    splits_done=5,
    rows=2**40,
    rows_done=2**39,
    rows_failed=7,
)
TASK = Task(
    id="t1",
    service_id="s1",
    number=3,
    revision=7,
    rollout="r1",
    created_ms=2**41,
    state=TaskState.STOPPED,
    started_ms=2**41 + 1,
    finished_ms=2**41 + 2,
    planned=True,
    cursor="größer\n",
    error="why\nnot",
    waiting="the store is away",
    retries=2,
    counts=COUNTS,
)
SOURCE = Source(
    number=4,
    location="/bucket/ü/a.csv",
    bucket="bucket",
    key="ü/a.csv",
    size=2**40,
    version="etag",
    result="ü/a.csv_result.txt",
    error="not UTF-8",
    result_version="etag-2",
)
SPLIT = Split(
    source=5,
    start=2**40,
    end=2**41,
    first_row=2**33,
    rows=50_000,
    state=SplitState.PUBLISHED,
    attempt=3,
    deaths=1,
    worker="i1",
    failed=9,
    part="infer-result-t1.parts/4-0-3",
    part_bytes=2**33,
    part_size=2**34,
    retry=True,
    content=b'{"v":1}\n\x00',
)
SECRET = "https://b.obs.example.com/k?X-Amz-Signature=c0ffee-battery-staple"


def task(**changes: object) -> Task:
    return replace(Task(id="t1", service_id="s1", number=1, revision=1, rollout="r1", created_ms=1), **changes)  # type: ignore[arg-type]


def source(number: int, **changes: object) -> Source:
    name = f"f{number}.csv"
    plain = Source(number, f"obs://b/{name}", "b", name, 100, "v", f"{name}_result.txt")
    return replace(plain, **changes)  # type: ignore[arg-type]


def splits(number: int, *rows: int) -> list[Split]:
    """Of one source, ten bytes a row."""
    made, at = [], 0
    for count in rows:
        made.append(Split(number, at * 10, (at + count) * 10, at, count))
        at += count
    return made


def whole(split: Split, failed: int = 0) -> Publication:
    part = f"parts/{split.source}-{split.start}-{split.attempt}"
    return Publication(split.source, split.start, split.attempt, split.rows, failed, part, 10, 20)


def prefix(split: Split, rows: int, failed: int = 0) -> Publication:
    return replace(whole(split, failed), rows=rows, rest=(split.source, split.start + rows * 10))


@pytest.fixture
async def ledger(store: SqlStore) -> SqlStore:
    """A task with two sources: splits of 3 and 4 rows, and of 5."""
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.add_task(task())
        await w.plan("t1", [source(0), source(1)], [*splits(0, 3, 4), *splits(1, 5)], "c", planned=True)
    return store


async def lease(store: SqlStore, worker: str = "i1") -> Split:
    async with store.write() as w:
        split = await w.lease("t1", worker, 77)
    assert split is not None
    return split


async def publish(store: SqlStore, publication: Publication) -> bool:
    async with store.write() as w:
        return await w.publish("t1", publication)


async def state(store: SqlStore) -> tuple[Task, Sequence[Split]]:
    async with store.read() as r:
        found = await r.task("t1")
        assert found is not None
        return found, await r.splits("t1")


def test_the_samples_use_every_field() -> None:
    for value in (TASK, SOURCE, SPLIT, COUNTS):
        assert differs_from_its_defaults(value)


async def test_every_field_survives(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.add_task(TASK)
        await w.plan("t1", [SOURCE], [SPLIT], TASK.cursor)
    async with store.read() as r:
        found = await r.task("t1")
        assert found is not None
        assert replace(found, counts=COUNTS) == TASK
        assert await r.sources("t1") == [SOURCE]
        assert await r.splits("t1") == [SPLIT]
        assert await r.task("t2") is None


async def test_save_task_leaves_what_the_ledger_keeps(ledger: SqlStore) -> None:
    await lease(ledger)
    async with ledger.write() as w:
        await w.save_task(replace(TASK, id="t1", number=1))
        await w.save_task(replace(TASK, id="unknown"))
    found, _ = await state(ledger)
    kept = Counts(sources=2, bytes=200, splits=3, rows=12)
    saved = replace(TASK, number=1, counts=kept, planned=True, cursor="c", started_ms=77, retries=0)
    assert found == saved


async def test_tasks_newest_first_and_the_latest_of_each_service(store: SqlStore) -> None:
    async with store.write() as w:
        for key in ("s1", "s2", "s3"):
            await w.add_service(a.service(key))
        for key, number in (("s1", 1), ("s1", 2), ("s2", 1), ("s1", 3)):
            await w.add_task(task(id=f"{key}-{number}", service_id=key, number=number))
    async with store.read() as r:
        assert [one.id for one in await r.tasks("s1")] == ["s1-3", "s1-2", "s1-1"]
        assert [one.id for one in await r.tasks("s1", limit=2)] == ["s1-3", "s1-2"]
        assert [one.id for one in await r.latest_tasks()] == ["s1-3", "s2-1"]
        assert [one.id for one in await r.latest_tasks(["s2", "s3"])] == ["s2-1"]
        assert await r.latest_tasks([]) == []
    with pytest.raises(AlreadyExists, match="task"):
        async with store.write() as w:
            await w.add_task(task(id="other", service_id="s1", number=3))


async def test_a_task_goes_with_its_service(ledger: SqlStore) -> None:
    async with ledger.write() as w:
        assert await w.apply("s1", Changes(1, delete_service=True))
    async with ledger.read() as r:
        assert await r.task("t1") is None
        assert await r.sources("t1") == []
        assert await r.splits("t1") == []


async def test_old_ledgers_are_forgotten(ledger: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_batch, "TASKS_KEPT", 12)
    assert LEDGERS_KEPT < TASKS_KEPT
    there = []
    for number in range(2, 15):
        async with ledger.write() as w:
            await w.add_task(task(id=f"n{number}", number=number))
            there.append((await w.task("t1") is not None, len(await w.sources("t1")), len(await w.splits("t1"))))
    assert there[LEDGERS_KEPT - 2] == (True, 2, 3)
    assert there[LEDGERS_KEPT - 1] == (True, 0, 0)
    assert there[12 - 1][0] is False


async def test_sources_and_splits_page_by_page(ledger: SqlStore) -> None:
    async with ledger.read() as r:
        assert [one.number for one in await r.sources("t1", first=1)] == [1]
        assert [one.number for one in await r.sources("t1", limit=1)] == [0]
        assert await r.taken_results("t1", ["f1.csv_result.txt", "x"]) == {"f1.csv_result.txt"}
        assert await r.taken_results("t2", ["f1.csv_result.txt"]) == set()
        names = [f"{n}" for n in range(3000)] + ["f0.csv_result.txt"]
        assert await r.taken_results("t1", names) == {"f0.csv_result.txt"}

        async def where(first: int = 0, last: int | None = None, limit: int = 9, after: int = -1) -> list[object]:
            return [(s.source, s.start) for s in await r.splits("t1", first, last, limit, after)]

        assert await where() == [(0, 0), (0, 30), (1, 0)]
        assert await where(1) == [(1, 0)]
        assert await where(last=0) == [(0, 0), (0, 30)]
        assert await where(limit=2) == [(0, 0), (0, 30)]
        assert await where(after=0) == [(0, 30), (1, 0)]
        assert await where(after=30) == [(1, 0)]


async def test_planning_again_changes_nothing(ledger: SqlStore) -> None:
    first = await lease(ledger)
    assert await publish(ledger, prefix(first, 1))
    before = await state(ledger)
    async with ledger.write() as w:
        await w.plan("t1", [source(0), source(1)], [*splits(0, 3, 4), *splits(1, 5)], "c", planned=True)
        await w.plan("t1", [source(1)], [], "c")
        await w.plan("t1", [], splits(1, 5), "c")
    assert await state(ledger) == before
    async with ledger.write() as w:
        await w.plan("t1", [source(1), source(2, error="gone")], [*splits(1, 5, 2), Split(3, 5, 9, 0, 1)], "d")
    after, found = await state(ledger)
    more = Counts(sources=3, sources_failed=1, bytes=300, splits=6, splits_done=1, rows=15, rows_done=1)
    assert (after.counts, after.cursor, after.planned) == (more, "d", True)
    assert [(s.source, s.start) for s in found] == [(0, 0), (0, 10), (0, 30), (1, 0), (1, 50), (3, 5)]


async def test_planning_again_splits_of_files(store: SqlStore) -> None:
    files = [Split(0, 0, 0, 0, 3), Split(3, 0, 0, 0, 1)]
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.add_task(task())
        await w.plan("t1", [source(n) for n in range(4)], files, "c")
        split = await w.lease("t1", "i1", 1)
        assert split == replace(files[0], state=SplitState.LEASED, attempt=1, worker="i1")
        assert await w.publish("t1", replace(whole(split), rows=2, rest=(2, 0)))
        await w.plan("t1", [source(n) for n in range(5)], [*files, Split(4, 0, 0, 0, 1)], "d")
        assert [(s.source, s.rows) for s in await w.splits("t1")] == [(0, 2), (2, 1), (3, 1), (4, 1)]
        with pytest.raises(ValueError, match="fails as a row"):
            await w.fail_source("t1", 0, "no")


@pytest.mark.parametrize("start", [60, 40], ids=["a gap", "an overlap"])
async def test_a_plan_that_loses_rows_or_doubles_them_is_refused(ledger: SqlStore, start: int) -> None:
    before = await state(ledger)
    for some in (
        [Split(1, 50, 60, 5, 1), Split(1, start + 15, 90, 6, 1)],
        [Split(2, 0, 50, 0, 1), Split(2, start, 90, 6, 1)],
    ):
        with pytest.raises(ValueError, match="is cut at"):
            async with ledger.write() as w:
                await w.plan("t1", [], some, "d")
    assert await state(ledger) == before


async def test_leases_in_order_numbered_until_there_is_none(ledger: SqlStore) -> None:
    first, second, third = [await lease(ledger, f"i{n}") for n in range(3)]
    assert first == replace(splits(0, 3)[0], state=SplitState.LEASED, attempt=1, worker="i0")
    assert [(s.source, s.start) for s in (second, third)] == [(0, 30), (1, 0)]
    async with ledger.write() as w:
        assert await w.lease("t1", "i4", 99) is None
        assert await w.lease("unknown", "i4", 99) is None
        assert await w.leased("t1") == [first, second, third]
        assert await w.release("t1", 0, 30, 1)
        assert await w.lease("t1", "i4", 99) == replace(second, attempt=2, worker="i4")
    found, _ = await state(ledger)
    assert found.started_ms == 77


@pytest.mark.parametrize("state", [each for each in TaskState if each is not TaskState.ACTIVE])
async def test_only_an_active_task_is_leased_from(ledger: SqlStore, state: TaskState) -> None:
    async with ledger.write() as w:
        await w.save_task(task(state=state))
        assert await w.lease("t1", "i1", 1) is None


async def test_a_whole_split_is_published(ledger: SqlStore) -> None:
    split = await lease(ledger)
    assert await publish(ledger, whole(split, failed=1))
    found, (first, *others) = await state(ledger)
    part = {"part": "parts/0-0-1", "part_bytes": 10, "part_size": 20}
    assert first == replace(split, state=SplitState.PUBLISHED, worker="", failed=1, **part)
    assert [other.state for other in others] == [SplitState.PENDING] * 2
    assert found.counts == Counts(2, 0, 200, splits=3, splits_done=1, rows=12, rows_done=2, rows_failed=1)
    assert not found.complete


async def test_a_prefix_is_published_and_the_rest_stays_leased(ledger: SqlStore) -> None:
    async with ledger.write() as w:
        split = await w.lease("t1", "i1", 1)
        assert split is not None
        assert await w.release("t1", 0, 0, 1, died=True)
    split = await lease(ledger)
    assert split.deaths == 1
    assert await publish(ledger, prefix(split, 2, failed=1))
    found, (first, rest, *_) = await state(ledger)
    assert (first.start, first.end, first.rows, first.failed, first.deaths) == (0, 20, 2, 1, 0)
    assert rest == replace(split, start=20, first_row=2, rows=1, deaths=0)
    assert found.counts == Counts(2, 0, 200, splits=4, splits_done=1, rows=12, rows_done=1, rows_failed=1)
    assert await publish(ledger, whole(rest))
    found, _ = await state(ledger)
    assert found.counts == Counts(2, 0, 200, splits=4, splits_done=2, rows=12, rows_done=2, rows_failed=1)


async def test_a_stale_attempt_changes_nothing(ledger: SqlStore) -> None:
    old = await lease(ledger)
    async with ledger.write() as w:
        assert await w.release("t1", 0, 0, 1)
    before = await state(ledger)
    assert not await publish(ledger, whole(old)), "released"
    new = await lease(ledger)
    assert new.attempt == 2
    leased = await state(ledger)
    async with ledger.write() as w:
        assert not await w.publish("t1", prefix(old, 1))
        assert not await w.release("t1", 0, 0, 1, died=True)
        assert not await w.publish("t1", replace(whole(old), start=5)), "unknown"
    assert await state(ledger) == leased != before
    assert await publish(ledger, whole(new))
    assert not await publish(ledger, whole(new)), "twice"


@pytest.mark.parametrize(
    "change",
    [
        {"rows": 2},
        {"rows": 4},
        {"rows": 0},
        {"failed": 4},
        {"failed": -1},
        {"rows": 3, "rest": (0, 10)},
        {"rows": 1, "rest": (0, 0)},
        {"rows": 1, "rest": (0, 30)},
        {"rows": 1, "rest": (1, 10)},
        {"rows": 1, "rest": (0, 10), "former": 1},
    ],
    ids=str,
)
async def test_what_would_lose_a_row_or_double_it_is_refused(ledger: SqlStore, change: dict[str, int]) -> None:
    split = await lease(ledger)
    before = await state(ledger)
    with pytest.raises(ImpossiblePublicationError):
        await publish(ledger, replace(whole(split), **change))  # type: ignore[arg-type]
    assert await state(ledger) == before


async def test_all_leases_are_given_back(ledger: SqlStore) -> None:
    split = await lease(ledger)
    await lease(ledger)
    async with ledger.write() as w:
        assert await w.release_all("t1") == 2
        assert await w.release_all("t1") == 0
        assert await w.leased("t1") == []
        assert not await w.publish("t1", whole(split))
    assert (await lease(ledger)).attempt == 2


async def test_a_source_that_cannot_be_read_counts_nowhere(ledger: SqlStore) -> None:
    split = await lease(ledger)
    await publish(ledger, whole(split, failed=1))
    leased = await lease(ledger)
    async with ledger.write() as w:
        await w.fail_source("t1", 0, "not UTF-8")
        await w.fail_source("t1", 0, "not UTF-8 at all")
        await w.fail_source("t1", 9, "unknown")
        await w.plan("t1", [], [Split(0, 70, 90, 7, 2), Split(1, 50, 60, 5, 1)], "d")
        assert not await w.publish("t1", whole(leased))
        assert [one.error for one in await w.sources("t1")] == ["not UTF-8 at all", ""]
    found, there = await state(ledger)
    assert [(s.source, s.start) for s in there] == [(1, 0), (1, 50)]
    assert found.counts == Counts(sources=2, sources_failed=1, bytes=200, splits=2, rows=6)


async def test_results_and_parts(ledger: SqlStore) -> None:
    await publish(ledger, whole(await lease(ledger)))
    async with ledger.write() as w:
        await w.save_results(
            "t1", [source(1, result_version="e1", error="ignored"), source(0, result_version="e0")]
        )
        await w.save_results("t1", [])
        await w.clear_parts("t1")
        assert await w.sources("t1") == [source(0, result_version="e0"), source(1, result_version="e1")]
        first = (await w.splits("t1"))[0]
    assert (first.part, first.part_bytes, first.part_size) == ("", 10, 20)


async def all_published(store: SqlStore, *failed: int) -> None:
    for count in failed:
        await publish(store, whole(await lease(store), failed=count))


async def test_only_failed_rows_are_tried_again(ledger: SqlStore) -> None:
    await all_published(ledger, 2, 0, 1)
    done, _ = await state(ledger)
    assert done.complete
    async with ledger.write() as w:
        assert await w.reopen_failed("t1") == 3
    again, there = await state(ledger)
    assert (again.retries, again.complete) == (1, False)
    assert again.counts == replace(done.counts, splits_done=1, rows_failed=0)
    assert [(s.state, s.retry, s.failed, s.part) for s in there] == [
        (SplitState.PENDING, True, 2, "parts/0-0-1"),
        (SplitState.PUBLISHED, False, 0, "parts/0-30-1"),
        (SplitState.PENDING, True, 1, "parts/1-0-1"),
    ]
    first, second = await lease(ledger), await lease(ledger)
    assert (first.attempt, first.retry, first.failed) == (2, True, 2)
    assert await publish(ledger, replace(prefix(first, 2), former=1))
    rest = (await state(ledger))[1][1]
    assert (rest.rows, rest.failed, rest.retry, rest.part) == (1, 1, True, "parts/0-0-1")
    assert await publish(ledger, whole(rest, failed=1))
    assert await publish(ledger, whole(second))
    ended, there = await state(ledger)
    assert ended.complete
    assert ended.counts == Counts(2, 0, 200, splits=4, splits_done=4, rows=12, rows_done=11, rows_failed=1)
    assert not any(split.retry for split in there)


async def test_nothing_failed_nothing_is_reopened(ledger: SqlStore) -> None:
    await all_published(ledger, 0, 0, 0)
    before = await state(ledger)
    async with ledger.write() as w:
        assert await w.reopen_failed("t1") == 0
    assert await state(ledger) == before


@pytest.mark.parametrize("former", [-1, 3, 0])
async def test_former_failures_must_fit(ledger: SqlStore, former: int) -> None:
    """Of three rows, all of which failed: one of two leaves two in the last row."""
    await all_published(ledger, 3, 0, 0)
    async with ledger.write() as w:
        await w.reopen_failed("t1")
    split = await lease(ledger)
    with pytest.raises(ImpossiblePublicationError):
        await publish(ledger, replace(prefix(split, 2), former=former))


async def test_of_many_that_lease_at_once_each_has_its_own(ledger: SqlStore) -> None:
    async def work(worker: str) -> list[tuple[int, int]]:
        mine = []
        while True:
            async with ledger.write() as w:
                split = await w.lease("t1", worker, 1)
            if split is None:
                return mine
            await publish(ledger, whole(split))
            mine.append((split.source, split.start))

    done = await asyncio.gather(*(work(f"i{n}") for n in range(5)))
    assert sorted(each for mine in done for each in mine) == [(0, 0), (0, 30), (1, 0)]
    assert (await state(ledger))[0].complete


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_presigned_location_is_sealed(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    async with store.write() as w:
        await w.add_service(a.service("s1"))
        await w.add_task(task())
        await w.plan("t1", [source(0), source(1, location=SECRET), source(2, location=f"{SECRET}2")], [], "")
    async with store.read() as r:
        found = await r.sources("t1")
    assert [one.location for one in found] == ["obs://b/f0.csv", SECRET, f"{SECRET}2"]
    assert "c0ffee" not in repr(found)
    on_disk = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert b"c0ffee" not in on_disk
    assert b"obs://b/f0.csv" in on_disk
    moved = (
        "UPDATE batch_sources SET sealed_location = (SELECT sealed_location FROM batch_sources WHERE number = 2)"
        " WHERE number = 1"
    )
    async with store.write() as w:
        await w.connection.execute(text(moved))  # type: ignore[attr-defined]
    async with store.read() as r:
        with pytest.raises(StoreUnavailableError, match="is not the key"):
            await r.sources("t1")
    await store.close()


# ── cost ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_what_a_split_costs(ledger: SqlStore) -> None:
    """Exactly: who adds a statement to every split finds it here, and writes down what it is for."""
    sent: list[str] = []
    for engine in ledger.engines:
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *sending: sent.append(sending[2]))

    def spent() -> int:
        statements = [one for one in sent if not one.startswith("BEGIN")]
        sent.clear()
        return len(statements)

    await lease(ledger)
    assert spent() == 3, "find, take; the task's first: started"
    split = await lease(ledger)
    assert spent() == 2
    await publish(ledger, prefix(split, 1))
    assert spent() == 4, "is it held; its outcome; the rest; counts"
    _, there = await state(ledger)
    spent()
    await publish(ledger, whole(there[2]))
    assert spent() == 3
    many = [Split(2, n, n + 1, n, 1) for n in range(5000)]
    async with ledger.write() as w:
        await w.plan("t1", [source(2)], many, "e")
    assert spent() == 6, "what is there; sources; what is there; unreadable ones; splits; counts"


async def test_many_small_splits_cost_no_more_statements_than_one(ledger: SqlStore) -> None:
    async with ledger.write() as w:
        await w.plan("t1", [source(2)], [Split(2, n, n + 1, n, 1) for n in range(300)], "e")
        for split in await w.lease_bundle("t1", "i1", 77, 3):  # those of the fixture
            await w.publish("t1", whole(split))
    sent: list[str] = []
    for engine in ledger.engines:
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *sending: sent.append(sending[2]))
    async with ledger.write() as w:
        leased = await w.lease_bundle("t1", "i1", 77, 200)
        assert len(leased) == 200
        assert len([one for one in sent if not one.startswith("BEGIN")]) == 2
        sent.clear()
        assert all(await w.publish_all("t1", [whole(split) for split in leased]))
        assert len(sent) == 3, "which are held; their outcomes; counts"


async def test_a_bundle_is_leased_in_order_and_published_at_once(ledger: SqlStore) -> None:
    """What of it is no longer held changes nothing, and the others count."""
    async with ledger.write() as w:
        first, second = await w.lease_bundle("t1", "i1", 77, 2)
        assert [(first.source, first.start), (second.source, second.start)] == [(0, 0), (0, 30)]
        assert (first.attempt, second.attempt, second.worker) == (1, 1, "i1")
        (third,) = await w.lease_bundle("t1", "i2", 78, 9)
        assert await w.lease_bundle("t1", "i2", 78, 9) == []
        assert await w.release("t1", second.source, second.start, second.attempt)
        publications = [
            replace(prefix(first, 1), content=b"1\n"),
            whole(second),
            replace(whole(third, failed=2), content=b"2\n"),
        ]
        assert await w.publish_all("t1", publications) == [True, False, True]
    found, there = await state(ledger)
    assert [(split.start, split.state, split.content) for split in there] == [
        (0, SplitState.PUBLISHED, b"1\n"),
        (10, SplitState.LEASED, b""),
        (30, SplitState.PENDING, b""),
        (0, SplitState.PUBLISHED, b"2\n"),
    ]
    assert (found.started_ms, found.counts.rows_done, found.counts.rows_failed) == (77, 4, 2)
    assert (found.counts.splits, found.counts.splits_done) == (4, 2)
    async with ledger.write() as w:
        await w.clear_parts("t1")
    assert not any(split.content or split.part for split in (await state(ledger))[1])


async def test_the_next_split_is_found_by_an_index(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    sent: list[tuple[str, object]] = []
    event.listen(store.engines[0].sync_engine, "before_cursor_execute", lambda *s: sent.append((s[2], s[3])))
    async with store.write() as w:
        await w.lease("t1", "i1", 1)
        await w.splits("t1", 3, after=4)
        await w.taken_results("t1", ["a"])
        statements = [one for one in sent if one[0].startswith("SELECT")]
        plans = []
        for statement, parameters in statements:
            found = await w.connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)  # type: ignore[attr-defined]
            plans.append(" ".join(row[3] for row in found))
    await store.close()
    assert len(plans) == 3
    assert "batch_splits USING INDEX ix_batch_splits_task_id_state_source_start" in plans[0]
    assert "ix_batch_sources_task_id_result" in plans[2]
    for plan in plans:
        assert "SCAN" not in plan
        assert "TEMP B-TREE" not in plan
