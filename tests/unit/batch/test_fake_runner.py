"""The fake runner writes into the ledger what a real run would."""

from collections.abc import AsyncIterator

import pytest
from tests.worlds.plane import VirtualClock
from tests.worlds.services import service

from modelyard.batch.fake import ROWS, FakeRunner
from modelyard.batch.runner import Runner
from modelyard.domain.batch import Format, Job, Task, TaskState
from modelyard.domain.identity import Project
from modelyard.store.sql import SqlStore

JOB = Job("obs://in/", "obs://out/", "/", Format.CSV)
TASK = Task("t1", "svc", 1, 1, "r1", 1)


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore.memory()
    await store.open()
    async with store.write() as w:
        await w.save_project(Project("p1", "default", "d1", "Default"))
        await w.save_service(service())
        await w.add_task(TASK)
    yield store
    await store.close()


async def stored(store: SqlStore) -> Task:
    async with store.read() as r:
        task = await r.task("t1")
    assert task is not None
    return task


async def test_a_task_goes_from_its_first_rows_to_its_end(store: SqlStore) -> None:
    nudged: list[str] = []
    fake = FakeRunner(store, nudged.append, VirtualClock().wall_ms)
    runner: Runner = fake
    runner.run(TASK, JOB, "p1", ())
    await fake.progress("t1", rows=4, failed=1)
    counts = (await stored(store)).counts
    assert (counts.rows, counts.rows_done, counts.rows_failed) == (ROWS, 3, 1)
    await fake.finish("t1")
    task = await stored(store)
    assert (task.state, task.complete, task.counts.rows_done) == (TaskState.FINISHED, True, ROWS - 1)
    assert nudged == ["svc", "svc"]
    assert fake.running == {}


async def test_a_task_that_cannot_go_on_says_why(store: SqlStore) -> None:
    fake = FakeRunner(store, lambda _: None, VirtualClock().wall_ms)
    fake.run(TASK, JOB, "p1", ())
    await fake.fail("t1", "no rights")
    task = await stored(store)
    assert (task.state, task.error, task.finished_ms) == (TaskState.FAILED, "no rights", 1_000_000)
    await runner_calls(fake)


async def runner_calls(fake: FakeRunner) -> None:
    await fake.halt("t1")
    await fake.discard(TASK, JOB)
    await fake.close()
    assert fake.calls == [("run", "t1"), ("halt", "t1"), ("discard", "t1"), ("close", "")]
