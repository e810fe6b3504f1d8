"""What instances are given: sizes of flavors, of an administrator's flavors, of one's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.plane import PROJECT, PlaneWorld, plane_world, variant_request

from modelyard.core.admission.placement import CustomSpec, Placement
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.resources import Resources
from modelyard.engines.base import InstanceSpec


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        async with made.store.write() as w:
            await w.save_pool(PoolEntry("pool-1", PROJECT, "lab", "running", 1, {"nodes": ["n1"]}))
            await w.save_flavor(FlavorEntry("tiny", True, {"cpu": 0.5, "memory_mib": 128}))
        yield made


def custom(memory: int) -> Placement:
    return Placement(pool_name="lab", custom_spec=CustomSpec(0.335, memory))


def size(spec: InstanceSpec) -> tuple[float, int]:
    return spec.resources.cpu, spec.resources.memory_mib


async def test_sizes(world: PlaneWorld) -> None:
    model = await world.model("m")
    service_id = await world.create(variant_request(model))
    await world.converge(service_id)
    await world.put(service_id, variant_request(model, specification="tiny"))
    await world.converge(service_id)
    await world.put(service_id, variant_request(model, specification="custom", placement=custom(64)))
    await world.converge(service_id)
    assert [size(spec) for spec in world.engine.started] == [(2, 8192), (0.5, 128), (0.34, 64)]
    await world.put(service_id, variant_request(model, specification="custom", placement=custom(65)))
    await world.converge(service_id)
    assert size(world.engine.started[-1]) == (0.34, 65)
    assert len(await world.running()) == 1


async def test_what_a_flavor_says_of_processes_and_files_reaches_the_engine(world: PlaneWorld) -> None:
    many = {"cpu": 1, "memory_mib": 256, "pids": 4096, "open_files": 65_536}
    async with world.store.write() as w:
        await w.save_flavor(FlavorEntry("many", True, many))
    model = await world.model("m")
    service_id = await world.create(variant_request(model, specification="many"))
    await world.converge(service_id)
    assert world.engine.started[-1].resources == Resources(1, 256, 4096, 65_536)
    await world.restart()
    await world.converge(service_id)
    async with world.store.write() as w:
        await w.save_flavor(FlavorEntry("many", True, {**many, "pids": 64, "cpu": 9}))
    (running,) = await world.running()
    world.engine.kill(running.instance_id)
    await world.elapse(60_000, service_id)
    assert [spec.resources for spec in world.engine.started] == [Resources(1, 256, 4096, 65_536)] * 2
    await world.put(service_id, variant_request(model, specification="tiny"))
    await world.converge(service_id)
    assert world.engine.started[-1].resources == Resources(0.5, 128, 1024, 16_384)


async def test_a_flavor_that_is_gone_goes_on_with_what_it_was(world: PlaneWorld) -> None:
    model = await world.model("m")
    service_id = await world.create(variant_request(model, specification="tiny"))
    await world.converge(service_id)
    async with world.store.write() as w:
        await w.delete_flavor("tiny")
    (running,) = await world.running()
    world.engine.kill(running.instance_id)
    await world.elapse(60_000, service_id)
    assert [size(spec) for spec in world.engine.started] == [(0.5, 128)] * 2
