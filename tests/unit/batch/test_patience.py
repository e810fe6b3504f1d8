"""What passes is waited for, visibly; what does not is raised."""

import asyncio
import errno
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

import pytest
from tests.worlds.plane import VirtualClock
from tests.worlds.services import service

from modelyard.batch.patience import Patience
from modelyard.domain.batch import Task
from modelyard.domain.identity import Project
from modelyard.objects.base import ObjectRefusedError, ObjectStoreUnavailableError
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql import SqlStore


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    store = SqlStore.memory()
    await store.open()
    async with store.write() as w:
        await w.save_project(Project("p1", "default", "d1", "Default"))
        await w.save_service(service())
        await w.add_task(Task("t1", "svc", 1, 1, "r1", 1))
    yield store
    await store.close()


async def waiting(store: SqlStore) -> str:
    async with store.read() as r:
        task = await r.task("t1")
    assert task is not None
    return task.waiting


async def until_waiting(store: SqlStore) -> None:
    for _ in range(10_000):
        if await waiting(store):
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it does not wait")


def failing(*errors: Exception) -> Callable[[], Awaitable[str]]:
    left = [*errors]

    async def act() -> str:
        if left:
            raise left.pop(0)
        return "done"

    return act


async def passes(clock: VirtualClock, work: "asyncio.Task[object]") -> list[int]:
    """When it tried again, in milliseconds from the beginning."""
    began, times = clock.now, []
    while not work.done():
        if (due := clock.next_ms()) is not None:
            times.append(due - began)
            clock.advance(due)
        await asyncio.sleep(0.001)
    return times


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ObjectStoreUnavailableError("no route"), "waiting for the object store: no route"),
        (StoreUnavailableError("locked"), "waiting for the database: locked"),
        (OSError(errno.ENOSPC, "No space left on device"), "waiting for disk space: No space left on device"),
    ],
)
async def test_it_is_tried_again_and_says_so(store: SqlStore, error: Exception, text: str) -> None:
    clock = VirtualClock()
    patience = Patience(store, clock, "t1")
    work = asyncio.create_task(patience.until_done("it", failing(*[error] * 7)))
    await until_waiting(store)
    assert await waiting(store) == text
    assert await passes(clock, work) == [200, 1200, 3200, 7200, 15200, 30200, 45200]
    assert work.result() == "done"
    assert await waiting(store) == ""


@pytest.mark.parametrize("error", [ObjectRefusedError("denied"), OSError(errno.EIO, "I/O error"), ValueError("x")])
async def test_what_does_not_pass_is_raised_at_once(store: SqlStore, error: Exception) -> None:
    with pytest.raises(type(error)):
        await Patience(store, VirtualClock(), "t1").until_done("it", failing(error))


async def test_a_stream_goes_on_where_it_broke_off(store: SqlStore) -> None:
    clock, content, asked = VirtualClock(), bytes(range(100)), []

    async def pieces(seen: int) -> AsyncGenerator[bytes, None]:
        asked.append(seen)
        for at in range(seen, 100, 10):
            if at in {30, 60} and seen < at:
                raise ObjectStoreUnavailableError("broke off")
            yield content[at : at + 10]

    async def read() -> bytes:
        return b"".join([piece async for piece in Patience(store, clock, "t1").stream("it", pieces)])

    work = asyncio.create_task(read())
    await passes(clock, work)
    assert work.result() == content
    assert asked == [0, 30, 60]
    assert await waiting(store) == ""


async def test_a_wait_that_could_not_be_struck_out_is_struck_out_later(store: SqlStore) -> None:
    clock = VirtualClock()
    patience = Patience(store, clock, "t1")
    work = asyncio.create_task(patience.until_done("it", failing(ObjectStoreUnavailableError("away"))))
    await until_waiting(store)
    write = store.write
    store.write = lambda: (_ for _ in ()).throw(StoreUnavailableError("away"))  # type: ignore[method-assign]
    await passes(clock, work)
    store.write = write  # type: ignore[method-assign]
    assert await waiting(store)
    await patience.until_done("another", failing())
    assert await waiting(store) == ""
