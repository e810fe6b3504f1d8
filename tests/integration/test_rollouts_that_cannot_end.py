"""A rollout ends, whatever the new version does and whatever is missing: the old one goes on serving."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.plane import PlaneWorld, plane_world, variant_request

from modelyard.domain.service import Rollout, RolloutState, ServiceStatus
from modelyard.engines.base import InstanceSpec
from modelyard.engines.fake import CrashLater, Flaky, Hangs, Misbehaviour

V1, V2, ROSE = "iris-1.0.0", "iris-2.0.0", "rose-1.0.0"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        for name, version in (("iris", "1.0.0"), ("iris", "2.0.0"), ("rose", "1.0.0")):
            await made.model(name, version)
        yield made


async def running(world: PlaneWorld, count: int = 1) -> str:
    service_id = await world.create(variant_request(V1, count=count))
    await world.converge(service_id)
    return service_id


async def failed(world: PlaneWorld, service_id: str) -> Rollout:
    """The update's record: it failed, and the old version serves as before."""
    service, (update, *_) = await world.service(service_id), await world.rollouts(service_id)
    assert update.state is RolloutState.FAIL
    assert (service.status, service.revision, service.error) == (ServiceStatus.RUNNING, 1, update.cause)
    old = (await world.record(service_id)).revisions[1].variants[0].template.hash
    assert {seen.template for seen in await world.running()} == {old}
    return update


class TestNoRoom:
    async def test_the_old_serves_and_the_user_is_told_what_to_free(self, world: PlaneWorld) -> None:
        service_id = await running(world, 2)
        world.engine.capacity = 2
        begin = len(world.gateway.history)
        await world.put(service_id, variant_request(V2, count=2, deploy_timeout_s=60))
        await world.elapse(59_999, service_id)
        assert (await world.service(service_id)).status is ServiceStatus.PENDING
        assert await world.converge(service_id) == 1
        update = await failed(world, service_id)
        assert "room for 2 instances, 2 there" in update.cause
        assert "2 cores and 8192 MiB (modelarts.vm.cpu.2u)" in update.cause
        assert "fewer instances or a smaller specification" in update.cause
        assert world.shares(service_id) == {1: (100, 2)}
        assert all(r and sum(len(t.endpoints) for t in r.tracks) == 2 for _, r in world.gateway.history[begin:])
        assert len(world.engine.started) == 2

    async def test_room_that_comes_in_time_is_used(self, world: PlaneWorld) -> None:
        service_id = await running(world)
        world.engine.capacity = 1
        await world.put(service_id, variant_request(V2, deploy_timeout_s=60))
        await world.elapse(50_000, service_id)
        world.engine.capacity = 2
        await world.converge(service_id)
        assert (await world.rollouts(service_id))[0].state is RolloutState.SUCCESS

    async def test_the_next_control_plane_does_not_begin_anew(self, world: PlaneWorld) -> None:
        service_id = await running(world)
        world.engine.capacity = 1
        await world.put(service_id, variant_request(V2, deploy_timeout_s=60))
        await world.elapse(50_000, service_id)
        await world.restart()
        assert await world.converge(service_id) == 10_000
        assert "for want of room" in (await failed(world, service_id)).cause

    async def test_a_first_deployment_is_failed(self, world: PlaneWorld) -> None:
        other = await running(world)
        world.engine.capacity = 1
        service_id = await world.create_named("second", variant_request(ROSE, deploy_timeout_s=60))
        await world.run_until(lambda r: r.service.status is ServiceStatus.FAILED, service_id, limit_ms=60_000)
        await world.elapse(1_000, service_id)
        service = await world.service(service_id)
        assert "for want of room" in service.error
        assert (await world.record(service_id)).instances == ()
        assert world.shares(other) == {1: (100, 1)}


class TestFlapping:
    """Beside it a variant that never gets ready in this time keeps the rollout open."""

    async def update(self, world: PlaneWorld, how: Misbehaviour) -> str:
        service_id = await running(world)
        start = world.engine.start

        async def talking(spec: InstanceSpec) -> None:
            world.engine.behave(spec.template, how if spec.model_version == "2.0.0" else None)
            world.engine.start_ms = 100 if spec.model_name == "iris" else 50_000_000
            await start(spec)
            if spec.model_name == "iris":
                world.engine.write_log(spec.instance_id, "RuntimeError: lost the device")

        world.engine.start = talking  # type: ignore[method-assign]
        config = (variant_request(V2, 50), variant_request(ROSE, 50, deploy_timeout_s=7_200))
        await world.put(service_id, *config)
        return service_id

    @pytest.mark.parametrize(
        "how",
        [
            pytest.param(CrashLater(1_000), id="it crashes soon"),
            pytest.param(CrashLater(400_000), id="it crashes after minutes"),
            pytest.param(Flaky(5_000, 5_000), id="it is ready and not ready"),
            pytest.param(Flaky(5_000, 500_000), id="it is not ready for long and replaced"),
            pytest.param(Hangs(5_000), id="it hangs and is replaced"),
        ],
    )
    async def test_it_fails_after_some_times_with_its_log(self, world: PlaneWorld, how: Misbehaviour) -> None:
        service_id = await self.update(world, how)
        await world.run_until(lambda r: r.rollout is None, service_id, limit_ms=7_100_000)
        update = await failed(world, service_id)
        assert "instances of iris 2.0.0" in update.cause
        assert "5 times" in update.cause
        assert "RuntimeError: lost the device" in update.cause
        assert world.shares(service_id) == {1: (100, 1)}

    async def test_once_is_forgiven(self, world: PlaneWorld) -> None:
        service_id = await running(world)
        world.engine.behave_next(Flaky(1_000, 1_000))
        await world.put(service_id, variant_request(V2))
        await world.converge(service_id)
        assert (await world.rollouts(service_id))[0].state is RolloutState.SUCCESS
