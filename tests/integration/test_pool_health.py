"""Instances of a pool whose engine is away: none is started, that is told, and it goes on when it is back."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.plane import PROJECT, PlaneWorld, plane_world, variant_request
from tests.worlds.pools import CONTAINERS, FakePools

from modelyard.control.pools import PoolWatch
from modelyard.core.admission.placement import Placement
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.service import Desired, ServiceStatus
from modelyard.operations.context import PoolPorts

LAB = {"engine": "container", "endpoint": CONTAINERS.endpoint}


class Pooled:
    """A plane whose pools are watched."""

    def __init__(self, world: PlaneWorld) -> None:
        self.world = world
        self.engines = FakePools()
        self.watch = PoolWatch(world.store, self.engines, self._nudge, world.clock.wall_ms)

    def _nudge(self, service_id: str) -> None:
        self.world.plane.nudge("service", service_id)

    async def look(self) -> None:
        await self.watch.round()
        await self.watch.settled()
        await self.world.settle()


@pytest.fixture
async def pooled(tmp_path: Path) -> AsyncIterator[Pooled]:
    async with plane_world(tmp_path) as world:
        made = Pooled(world)
        world.world = replace(world.world, sights=made.watch.sight)
        world.context = replace(world.context, pools=PoolPorts(made.watch.sight, made.watch.look))
        async with world.store.write() as w:
            await w.save_pool(PoolEntry("lab", PROJECT, "lab", "running", 1, LAB))
            await w.save_pool(PoolEntry("plain", PROJECT, "plain", "running", 1))
        await world.restart()
        await world.model("iris")
        await made.look()
        yield made


async def test_what_runs_goes_on_and_what_is_lost_waits_and_says_why(pooled: Pooled) -> None:
    world = pooled.world
    service_id = await world.create(variant_request("iris-1.0.0", placement=Placement(pool_name="lab")))
    other = await world.create_named(
        "other", variant_request("iris-1.0.0", placement=Placement(pool_name="plain"))
    )
    await world.converge(service_id)
    await world.converge(other)
    pooled.engines.away(CONTAINERS)
    await pooled.look()
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
    (mine,) = [o for o in await world.running() if o.service_id == service_id]
    (theirs,) = [o for o in await world.running() if o.service_id == other]
    started = len(world.engine.started)
    for instance in (mine, theirs):
        world.engine.kill(instance.instance_id)
    await world.elapse(60_000, service_id)
    assert [spec.service_id for spec in world.engine.started[started:]] == [other]
    assert (await world.service(other)).status is ServiceStatus.RUNNING
    assert (await world.service(service_id)).status is ServiceStatus.CONCERNING
    told = [event for event in await world.events(service_id) if "'lab' is abnormal: connection refused" in event]
    assert len(told) == 1
    pooled.engines.back(CONTAINERS)
    await pooled.look()
    await world.converge(service_id)
    await world.elapse(10_000, service_id)
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
    assert [o.service_id for o in await world.running()].count(service_id) == 1


async def test_a_stopped_service_waits_for_its_pool(pooled: Pooled) -> None:
    world = pooled.world
    service_id = await world.create(variant_request("iris-1.0.0", placement=Placement(pool_name="lab")))
    await world.converge(service_id)
    await world.put(service_id, status=Desired.STOPPED)
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)
    pooled.engines.away(CONTAINERS)
    await pooled.look()
    await world.put(service_id, status=Desired.RUNNING)
    await world.settle()
    assert (await world.service(service_id)).status is ServiceStatus.PENDING
    waits = "the service waits: the resource pool lab cannot be used now: connection refused"
    assert any(waits in event for event in await world.events(service_id))
    pooled.engines.back(CONTAINERS)
    await pooled.look()
    await world.converge(service_id)
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
