"""What people read of services at the moments when much moves: never `running` with nothing that answers."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, plane_world, variant_request

from modelyard.control.plane import end_instances
from modelyard.domain.service import ServiceStatus
from modelyard.operations import monitoring, reading
from modelyard.operations.progress import variant_status
from modelyard.store.services import EventQuery, ServiceQuery

V1, V2 = "iris-1.0.0", "iris-2.0.0"
MANY = 15


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        await made.model("iris", "1.0.0")
        await made.model("iris", "2.0.0")
        yield made


async def running(world: PlaneWorld, count: int = MANY) -> list[str]:
    ids = [await world.create_named(f"s{n}", variant_request(V1, count=2)) for n in range(count)]
    for service_id in ids:
        await world.converge(service_id)
    return ids


async def told(world: PlaneWorld) -> set[str]:
    """The status of every service, by list, filter and detail: they must agree."""
    total, found = await reading.services(world.context, ALICE, PROJECT, ServiceQuery())
    assert total == len(found)
    by_status = {
        status: {one.service.id for one in (await _filtered(world, status))[1]} for status in ServiceStatus
    }
    for one in found:
        service_id, status = one.service.id, one.service.status
        assert [s for s, ids in by_status.items() if service_id in ids] == [status]
        detail = await reading.detail(world.context, ALICE, PROJECT, service_id)
        assert detail.service.status is status
    return {one.service.status.value for one in found}


async def _filtered(world: PlaneWorld, status: ServiceStatus) -> tuple[int, list[reading.Summary]]:
    total, found = await reading.services(world.context, ALICE, PROJECT, ServiceQuery(status=status.value))
    return total, list(found)


async def of_variants(world: PlaneWorld, service_id: str) -> tuple[list[str], list[int]]:
    """config[].status, and running of the monitor."""
    detail = await reading.detail(world.context, ALICE, PROJECT, service_id)
    monitor = await monitoring.monitor(world.context, ALICE, PROJECT, service_id)
    statuses = [variant_status(detail.record, one) for one in detail.revision.variants]
    return statuses, [use.running for use in monitor.uses]


async def test_every_instance_dies_at_once(world: PlaneWorld) -> None:
    """Read before any pass of the loop: the first look of many services may be seconds away."""
    ids = await running(world)
    for instance in await world.running():
        world.engine.kill(instance.instance_id)
    assert await told(world) == {"concerning"}
    assert await of_variants(world, ids[-1]) == (["concerning"], [0])
    _, _, events = await reading.events(world.context, ALICE, PROJECT, ids[-1], EventQuery())
    assert sum("killed by signal 9" in event.info for event in events) == 2
    for service_id in ids:
        await world.run_until(lambda r: r.service.status is ServiceStatus.RUNNING, service_id)
    assert await told(world) == {"running"}


async def test_the_last_instance_is_not_missed(world: PlaneWorld) -> None:
    (service_id,) = await running(world, 1)
    first, second = await world.running()
    world.engine.kill(first.instance_id)
    assert (await of_variants(world, service_id))[1] == [1]
    world.engine.kill(second.instance_id)
    assert (await of_variants(world, service_id))[1] == [0]
    assert await told(world) == {"concerning"}


async def test_after_down_and_up(world: PlaneWorld) -> None:
    """The API answers from when `start` returned."""
    await running(world)
    await world.plane.close()
    ending = asyncio.create_task(end_instances(world.world))
    while not (await asyncio.wait({ending}, timeout=0.01))[0]:
        world.clock.advance(world.clock.now + 10)
        world.engine.announce()
    await world.restart()
    assert await told(world) == {"concerning"}


async def test_after_up_when_all_was_killed(world: PlaneWorld) -> None:
    await running(world)
    await world.plane.close()
    for instance in await world.running():
        world.engine.kill(instance.instance_id)
    await world.restart()
    assert await told(world) == {"concerning"}


async def test_another_control_plane_changes_no_status(world: PlaneWorld) -> None:
    ids = await running(world)
    before = [(await world.service(i)).transition_ms for i in ids]
    world.clock.advance(world.clock.now + 1000)
    await world.restart()
    assert await told(world) == {"running"}
    assert [(await world.service(i)).transition_ms for i in ids] == before


async def test_while_the_gateway_is_dead_nothing_runs(world: PlaneWorld) -> None:
    ids = await running(world)
    world.gateway.die()
    assert await told(world) == {"concerning"}
    assert (await of_variants(world, ids[0]))[1] == [0]
    await world.settle()
    assert await told(world) == {"concerning"}
    world.gateway.revive()
    assert await told(world) == {"running"}


async def test_a_service_runs_when_the_gateway_has_it(world: PlaneWorld) -> None:
    """Ready is not enough: after `up` calls were 503 until the route was acknowledged."""
    (service_id,) = await running(world, 1)
    for instance in await world.running():
        world.engine.kill(instance.instance_id)
    await world.settle()
    world.gateway.hold()
    await world.run_until(lambda r: sum(i.phase == "ready" for i in r.instances) == 2, service_id)
    assert await told(world) == {"concerning"}
    world.gateway.release()
    await world.settle()
    assert await told(world) == {"running"}


async def test_the_monitor_shows_what_answers_during_a_rollout(world: PlaneWorld) -> None:
    (service_id,) = await running(world, 1)
    await world.put(service_id, variant_request(V2, count=2))
    await world.settle()
    monitor = await monitoring.monitor(world.context, ALICE, PROJECT, service_id)
    shown = [(use.variant.model_version, use.running, use.variant.instance_count) for use in monitor.uses]
    assert shown == [("2.0.0", 0, 2), ("1.0.0", 2, 2)]
    await world.converge(service_id)
    monitor = await monitoring.monitor(world.context, ALICE, PROJECT, service_id)
    assert [(use.variant.model_version, use.running) for use in monitor.uses] == [("2.0.0", 2)]


async def test_reading_costs_no_write_while_nothing_moves(
    world: PlaneWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    await running(world, 1)
    await world.settle()
    monkeypatch.setattr(world.store, "write", None)
    assert await told(world) == {"running"}


async def test_an_engine_that_cannot_be_asked_leaves_what_is_known(world: PlaneWorld) -> None:
    await running(world, 1)
    for instance in await world.running():
        world.engine.kill(instance.instance_id)
    world.engine.unavailable = True
    assert await told(world) == {"running"}
    world.engine.unavailable = False
    assert await told(world) == {"concerning"}
