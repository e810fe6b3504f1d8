"""Cards in a whole control plane: who gets them, who waits and with what words, and when they are free again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.plane import PlaneWorld, plane_world, variant_request

from modelyard.core.admission.placement import CustomSpec, Placement
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.devices import Device, Inventory, Kind
from modelyard.domain.record import Changes
from modelyard.domain.service import Desired, ServiceStatus
from modelyard.engines.fake import NoRoom

ONE = Inventory((Device(Kind.GPU, 0, "GPU-a"),))
TWO = Inventory((*ONE.devices, Device(Kind.GPU, 1, "GPU-b")))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        made.cards = ONE
        async with made.store.write() as w:
            await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 1, {"nodes": ["n1"]}))
        await made.model("m")
        yield made


def config(gpus: float, count: int = 1, number: int = 0, **more: object) -> VariantRequest:
    return variant_request(
        "m-1.0.0",
        count=count,
        specification="custom",
        placement=Placement(pool_name="lab", custom_spec=CustomSpec(1, 64, gpus)),
        envs=(("N", str(number)),),
        **more,
    )


async def shares(world: PlaneWorld) -> list[tuple[str, int, float]]:
    running = await world.running()
    return sorted((o.service_id, g.number, g.share) for o in running for g in o.devices)


async def obstacle(world: PlaneWorld, service_id: str) -> str:
    return world.plane._reconciler._memory[service_id].obstacles.popitem()[1]


async def test_two_halves_share_a_card_and_the_third_waits_until_one_is_gone(world: PlaneWorld) -> None:
    first = await world.create_named("a", config(0.5))
    await world.converge(first)
    second = await world.create_named("b", config(0.5))
    await world.converge(second)
    third = await world.create_named("c", config(0.5))
    await world.elapse(20_000, third)
    assert await shares(world) == sorted([(first, 0, 0.5), (second, 0, 0.5)])
    assert (await world.service(third)).status is ServiceStatus.PENDING
    assert "insufficient resources: the service waits for room" in str(await world.events(third))
    assert await obstacle(world, third) == "it takes 0.5 of a GPU, and at most 0 is free on one card"
    await world.delete(first)
    await world.converge(third)
    assert await shares(world) == sorted([(second, 0, 0.5), (third, 0, 0.5)])


async def test_a_grant_is_recorded_before_its_instance_is_started(world: PlaneWorld) -> None:
    world.engine.behave_next(*[NoRoom()] * 5)
    service_id = await world.create(config(0.5))
    await world.settle()
    (instance,) = (await world.record(service_id)).instances
    assert [(g.number, g.share, g.uuid) for g in instance.devices] == [(0, 0.5, "GPU-a")]
    assert await world.running() == []
    await world.converge(service_id)
    (spec,) = world.engine.started
    assert spec.devices == instance.devices, "who tries again has it"


async def test_a_rollout_on_the_only_card_waits_and_says_what_it_needs(world: PlaneWorld) -> None:
    service_id = await world.create(config(1))
    await world.converge(service_id)
    await world.put(service_id, config(1, number=1))
    await world.elapse(10_000, service_id)
    assert await obstacle(world, service_id) == (
        "it takes 1 whole GPU, and 0 of 1 are free; the instance before it has some, and serves until it is "
        "there: stop the service to change it"
    )
    assert len(await world.running()) == 1, "the old one serves on"
    await world.elapse(1_300_000, service_id)
    rollout = (await world.rollouts(service_id))[0]
    assert (rollout.state, "for want of room: it takes 1 whole GPU" in rollout.cause) == ("fail", True)
    assert "Each takes 1 cores, 64 MiB and 1 GPU (custom)" in rollout.cause


async def test_stopped_it_is_changed_on_its_only_card(world: PlaneWorld) -> None:
    service_id = await world.create(config(1))
    await world.converge(service_id)
    await world.put(service_id, status=Desired.STOPPED)
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)
    await world.put(service_id, config(1, number=1))
    await world.put(service_id, status=Desired.RUNNING)
    await world.converge(service_id)
    assert [spec.envs for spec in world.engine.started] == [(("N", "0"),), (("N", "1"),)]
    assert await shares(world) == [(service_id, 0, 1.0)]


async def test_with_max_unavailable_several_roll_over_on_all_the_cards_there_are(world: PlaneWorld) -> None:
    world.cards = TWO
    service_id = await world.create(config(1, count=2))
    await world.converge(service_id)
    await world.put(service_id, config(1, count=2, number=1))
    await world.elapse(10_000, service_id)
    assert "with max_unavailable 1 one makes room for the next" in await obstacle(world, service_id)
    await world.elapse(1_300_000, service_id)
    await world.put(service_id, config(1, count=2, number=2, max_unavailable=1))
    await world.converge(service_id)
    assert (await world.rollouts(service_id))[0].state == "success"
    assert await shares(world) == [(service_id, 0, 1.0), (service_id, 1, 1.0)]


async def test_halves_roll_over_on_two_cards(world: PlaneWorld) -> None:
    world.cards = TWO
    service_id = await world.create(config(0.5, count=2))
    await world.converge(service_id)
    assert await shares(world) == [(service_id, 0, 0.5)] * 2, "one card is left whole"
    await world.put(service_id, config(0.5, count=2, number=1))
    await world.converge(service_id)
    assert len(await shares(world)) == 2


async def test_a_database_that_is_older_than_the_processes_grants_no_card_twice(world: PlaneWorld) -> None:
    service_id = await world.create(config(1))
    await world.converge(service_id)
    (running,) = await world.running()
    await world.plane.close()
    async with world.store.write() as w:
        record = await w.record(service_id)
        assert record is not None
        await w.apply(service_id, Changes(record.service.version, forget_instances=(running.instance_id,)))
    await world.restart()
    other = await world.create_named("other", config(0.5))
    await world.elapse(10_000, other)
    assert await shares(world) == [(service_id, 0, 1.0)]
    (adopted,) = (await world.record(service_id)).instances
    assert adopted.devices == running.devices
    await world.delete(service_id)
    await world.converge(other)
    assert await shares(world) == [(other, 0, 0.5)]


async def test_where_nobody_can_tell_what_there_is_it_waits(world: PlaneWorld) -> None:
    world.cards = Inventory((), "nvidia-smi did not answer in time")
    service_id = await world.create(config(0.5))
    await world.elapse(10_000, service_id)
    assert "nvidia-smi did not answer in time" in await obstacle(world, service_id)
    world.cards = ONE
    await world.converge(service_id)
    assert await shares(world) == [(service_id, 0, 0.5)]


async def test_what_runs_and_nobody_knows_has_its_card_until_it_has_ended(world: PlaneWorld) -> None:
    """Its service was made after the database was backed up that is here now."""
    gone = await world.create_named("gone", config(1))
    await world.converge(gone)
    (spec,) = world.engine.started
    await world.delete(gone)
    await world.elapse(5_000, await world.create_named("keeps the clock going", config(0)))
    assert await shares(world) == []
    world.engine.stop_ms = 20_000
    world.engine.intrude(replace(spec, instance_id="i-unknown", service_id="unknown"))
    other = await world.create_named("other", config(0.5))
    await world.settle()
    assert await shares(world) == [("unknown", 0, 1.0)]
    assert await obstacle(world, other) == "it takes 0.5 of a GPU, and at most 0 is free on one card"
    world.plane.nudge("service", "unknown")
    await world.converge(other)
    assert await shares(world) == [(other, 0, 0.5)]
