"""Watching the engines of pools: each once, none that hangs holds up another, what changed is told once."""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from tests.worlds.pools import CONTAINERS, HERE, OTHERS, PROCESSES, FakePools

from modelyard.control.pools import PoolWatch
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.identity import Project
from modelyard.domain.pools import PoolEngine, Sight
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Revision, Template, Variant
from modelyard.domain.service import Desired, InferType, Service
from modelyard.store.services import EventQuery
from modelyard.store.sql import SqlStore


@dataclass
class World:
    store: SqlStore
    engines: FakePools = field(default_factory=FakePools)
    nudged: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = PoolWatch(self.store, self.engines, self.nudged.append, lambda: 7, look_s=0.05)

    async def pool(self, name: str, engine: PoolEngine = CONTAINERS, status: str = "running") -> None:
        attributes = {"engine": engine.kind.value, "endpoint": engine.endpoint}
        async with self.store.write() as w:
            await w.save_pool(PoolEntry(name, "p1", name, status, 1, attributes))

    async def service(self, name: str, pool: str, desired: Desired = Desired.RUNNING) -> None:
        template = Template("m", "d", "custom", pool=pool, resources=Resources(1, 1))
        variant = Variant(1, "m", "iris", "1", template, 1, 100)
        async with self.store.write() as w:
            await w.add_service(Service(name, "p1", name, InferType.REAL_TIME, "u", 1, desired, revision=1))
            await w.add_revision(Revision(name, 1, 1, (variant,)))

    async def round(self) -> None:
        await self.watch.round()
        await self.watch.settled()

    async def told(self, service_id: str) -> list[tuple[str, str]]:
        async with self.store.read() as r:
            _, found = await r.events(service_id, EventQuery())
        return [(event.type.value, event.info) for event in reversed(found)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = SqlStore.memory()
    await store.open()
    async with store.write() as w:
        await w.save_project(Project("p1", "default", "d1", "Default"))
    yield World(store)
    await store.close()


async def test_each_engine_is_asked_once_however_many_pools_name_it(world: World) -> None:
    for name, engine in (("a", CONTAINERS), ("b", CONTAINERS), ("c", OTHERS), ("d", PROCESSES)):
        await world.pool(name, engine)
    assert world.watch.sight(CONTAINERS) is None
    await world.round()
    assert sorted(world.engines.asked, key=str) == sorted([CONTAINERS, OTHERS, PROCESSES], key=str)
    assert world.watch.sight(CONTAINERS) == Sight("a fake engine", "", (HERE,))


async def test_one_that_hangs_holds_up_no_other_and_is_not_asked_twice(world: World) -> None:
    await world.pool("a", CONTAINERS)
    await world.pool("b", OTHERS)
    world.engines.hangs = {CONTAINERS}
    await world.watch.round()
    await world.engines.answered.wait()
    assert world.watch.sight(OTHERS) is not None
    await world.watch.round()
    assert world.engines.asked.count(CONTAINERS) == 1
    await world.watch.settled()
    sight = world.watch.sight(CONTAINERS)
    assert sight is not None
    assert sight.why == "it did not answer within 0.05 s"


async def test_what_was_seen_last_is_known_while_the_engine_is_away(world: World) -> None:
    await world.pool("a")
    await world.round()
    world.engines.away(CONTAINERS)
    await world.round()
    assert world.watch.sight(CONTAINERS) == Sight("a fake engine", "connection refused", (HERE,))


async def test_an_engine_whose_client_fails_is_a_sight_too(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_engine: PoolEngine) -> Sight:
        raise ValueError("no JSON")

    monkeypatch.setattr(world.engines, "look", broken)
    assert (await world.watch.look(CONTAINERS)).why == "it could not be looked at: no JSON"
    assert "could not be looked at" in caplog.text


async def test_a_change_is_told_once_to_those_that_use_the_pool(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "modelyard.control.pools")
    await world.pool("lab")
    await world.pool("attic", OTHERS)
    await world.service("mine", "lab")
    await world.service("stopped", "lab", Desired.STOPPED)
    await world.service("elsewhere", "attic")
    await world.round()
    assert (world.nudged, caplog.messages) == ([], [])
    world.engines.away(CONTAINERS)
    for _ in range(3):
        await world.round()
    away = "the resource pool 'lab' is abnormal: connection refused"
    assert await world.told("mine") == [("abnormal", away)]
    assert caplog.messages == [f"{away} (project p1)"]
    world.nudged.clear()
    world.engines.back(CONTAINERS)
    for _ in range(3):
        await world.round()
    assert await world.told("mine") == [("abnormal", away), ("normal", "the resource pool 'lab' is running")]
    assert world.nudged == ["mine"]
    assert [await world.told(one) for one in ("stopped", "elsewhere")] == [[], []]


async def test_what_no_pool_names_any_more_is_forgotten(world: World) -> None:
    await world.pool("lab")
    await world.round()
    async with world.store.write() as w:
        await w.delete_pool("lab")
    await world.round()
    assert world.watch.sight(CONTAINERS) is None


async def test_a_row_of_a_later_release_is_nobodys_to_ask(world: World) -> None:
    async with world.store.write() as w:
        await w.save_pool(PoolEntry("x", "p1", "x", "running", 1, {"engine": "swarm"}))
    await world.round()
    assert world.engines.asked == []


async def test_it_ends_when_it_is_cancelled(world: World) -> None:
    await world.pool("lab")
    world.engines.hangs = {CONTAINERS}
    task = asyncio.create_task(world.watch.run())
    await world.engines.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.watch.settled()
