"""Many at once: writers queue, readers do not wait for them, and a cancellation leaves all or nothing."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncConnection
from tests.contract import store_samples as a

from modelyard.domain.record import Changes
from modelyard.store.services import ServiceQuery
from modelyard.store.sql import SqlStore
from modelyard.store.sql import store as store_module


async def test_no_increment_of_many_writers_is_lost(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1", version=0))

    async def increment() -> None:
        async with store.write() as w:
            service = await w.service(None, "s1")
            assert service is not None
            await w.save_service(replace(service, version=service.version + 1))

    await asyncio.gather(*(increment() for _ in range(50)))
    async with store.read() as r:
        service = await r.service(None, "s1")
    assert service is not None
    assert service.version == 50


async def test_of_many_decisions_on_one_version_one_is_written(store: SqlStore) -> None:
    async with store.write() as w:
        await w.add_service(a.service("s1"))

    async def decide(number: int) -> bool:
        async with store.write() as w:
            return await w.apply("s1", Changes(1, service=a.service("s1", version=2, description=str(number))))

    assert sum(await asyncio.gather(*(decide(number) for number in range(20)))) == 1


async def test_readers_do_not_wait_for_a_writer_nor_for_each_other(store: SqlStore) -> None:
    hold, held = asyncio.Event(), asyncio.Event()

    async def slow_writer() -> None:
        async with store.write() as w:
            await w.add_service(a.service("s1"))
            held.set()
            await hold.wait()

    async def read() -> int:
        async with store.read() as r:
            return (await r.services("p1", ServiceQuery()))[0]

    writer = asyncio.create_task(slow_writer())
    await held.wait()
    assert await asyncio.gather(*(read() for _ in range(30))) == [0] * 30
    hold.set()
    await writer
    assert await read() == 1


def connections_of(store: SqlStore) -> list[object]:
    """Grows with every connection that is made from now on."""
    made: list[object] = []
    for engine in store.engines:
        event.listen(engine.sync_engine, "connect", lambda connection, _record: made.append(connection))
    return made


async def test_cancelled_at_every_step_a_write_is_whole_or_absent(store: SqlStore) -> None:
    """A task is cancelled after 0, 1, 2 … turns of the event loop, so at every await of a write in turn."""

    async def write(key: str, done: list[str]) -> None:
        async with store.write() as w:
            await w.add_service(a.service(key))
            await w.add_revision(a.revision(key, 1))
        done.append(key)

    done: list[str] = []
    await write("first", done)
    made = connections_of(store)
    cancelled = 0
    for turns in range(400):
        task = asyncio.create_task(write(f"s{turns}", done))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
    assert cancelled > 10
    await write("after", done)
    assert made == [], "a cancellation costs no connection"
    async with store.read() as r:
        records = {record.service.id: list(record.revisions) for record in await r.records()}
    assert records.keys() >= set(done)
    assert all(numbers == [1] for numbers in records.values())


async def test_cancelled_readers_give_their_connections_back(store: SqlStore) -> None:
    async def read() -> None:
        async with store.read() as r:
            while True:
                await r.service_ids()

    async with store.read() as r:
        await r.service_ids()
    made = connections_of(store)
    for turns in range(60):
        task = asyncio.create_task(read())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with store.read() as r:
        assert await r.service_ids() == []
    assert made == [], "a cancellation costs no connection"


async def test_a_commit_that_has_begun_is_not_cut_off(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    commit = store_module._commit

    async def held(connection: AsyncConnection) -> None:
        begun.set()
        await go_on.wait()
        await commit(connection)

    async def write() -> None:
        async with store.write() as w:
            await w.add_service(a.service("s1"))

    monkeypatch.setattr(store_module, "_commit", held)
    task = asyncio.create_task(write())
    await begun.wait()
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with store.read() as r:
        assert await r.service_ids() == ["s1"]


async def test_cancelled_in_the_queue_a_writer_leaves_it(store: SqlStore) -> None:
    async with store.write() as w:
        waiting = asyncio.create_task(store.write().__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await w.add_service(a.service("s1"))
    async with store.write() as w:
        assert await w.service_ids() == ["s1"]


async def test_closing_waits_for_the_writer_at_work(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    held, hold = asyncio.Event(), asyncio.Event()

    async def write() -> None:
        async with store.write() as w:
            await w.add_service(a.service("s1"))
            held.set()
            await hold.wait()

    writer = asyncio.create_task(write())
    await held.wait()
    closing = asyncio.create_task(store.close())
    await asyncio.sleep(0)
    assert not closing.done()
    hold.set()
    await asyncio.gather(writer, closing)
    await store.open()
    async with store.read() as r:
        assert await r.service_ids() == ["s1"]
    await store.close()
