"""Somebody sets the wall clock while something is on its way: nothing takes longer or shorter for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.plane import PlaneWorld, plane_world, variant_request

from modelyard.domain.instance import Phase
from modelyard.domain.service import Desired, RolloutState, ServiceStatus
from modelyard.engines.fake import CrashAtStart, NeverReady, SlowStart

HOUR_MS = 3_600_000
V1, V2 = "iris-1.0.0", "iris-2.0.0"
LIMIT_S = 30

jumps = pytest.mark.parametrize("jump_ms", [HOUR_MS, -HOUR_MS], ids=["an hour ahead", "an hour back"])
lives = pytest.mark.parametrize("restart", [False, True], ids=["same control plane", "the next one"])


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        for version in ("1.0.0", "2.0.0"):
            await made.model("iris", version)
        yield made


async def updating(world: PlaneWorld) -> str:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    await world.put(service_id, variant_request(V2, deploy_timeout_s=LIMIT_S))
    return service_id


async def jump(world: PlaneWorld, jump_ms: int, service_id: str, *, restart: bool) -> None:
    world.clock.jump(jump_ms)
    if restart:
        await world.restart()
    world.plane.nudge("service", service_id)
    await world.settle()


@jumps
@lives
async def test_a_slow_start_has_its_time(world: PlaneWorld, jump_ms: int, restart: bool) -> None:
    world.engine.behave_next(None, SlowStart(29_000))
    service_id = await updating(world)
    await world.elapse(10_000, service_id)
    await jump(world, jump_ms, service_id, restart=restart)
    began_ms = world.clock.now - 10_000
    await world.run_until(lambda r: r.rollout is None, service_id)
    assert 29_000 <= world.clock.now - began_ms < 31_000
    assert (await world.rollouts(service_id))[0].state is RolloutState.SUCCESS
    assert world.shares(service_id) == {1: (100, 1)}


@jumps
@lives
async def test_one_that_is_never_ready_has_no_more_than_its_time(
    world: PlaneWorld, jump_ms: int, restart: bool
) -> None:
    world.engine.behave_next(None, NeverReady())
    service_id = await updating(world)
    await world.elapse(10_000, service_id)
    await jump(world, jump_ms, service_id, restart=restart)
    await world.elapse(LIMIT_S * 1000 - 10_001, service_id)
    (update, _) = await world.rollouts(service_id)
    assert update.state is RolloutState.RUNNING
    await world.elapse(1, service_id)
    (update, _) = await world.rollouts(service_id)
    assert update.state is not RolloutState.RUNNING
    assert "deployment timed out" in update.cause
    await world.converge(service_id)
    (update, _) = await world.rollouts(service_id)
    assert update.state is RolloutState.FAIL
    assert update.ended_ms is not None
    assert update.ended_ms >= world.clock.wall_ms() - 1_000, "people are shown the wall clock"


@jumps
async def test_a_drain_has_its_time(world: PlaneWorld, jump_ms: int) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    (old,) = await world.running()
    world.engine.serve(old.instance_id, 1)
    await world.put(service_id, variant_request(V2))
    await world.run_until(lambda r: any(i.phase is Phase.DRAINING for i in r.instances), service_id)
    began_ms = world.clock.now
    await world.elapse(1_000, service_id)
    await jump(world, jump_ms, service_id, restart=False)
    await world.run_until(lambda r: all(i.id != old.instance_id for i in r.instances), service_id)
    assert 60_000 <= world.clock.now - began_ms < 61_000, "the request inside may take the service's timeout"


@jumps
async def test_a_version_that_crashes_is_still_given_up(world: PlaneWorld, jump_ms: int) -> None:
    world.engine.behave_next(None, CrashAtStart(), CrashAtStart(), CrashAtStart())
    world.clock.jump(jump_ms)
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    await jump(world, -2 * jump_ms, service_id, restart=False)
    await world.put(service_id, variant_request(V2))
    await world.elapse(150, service_id)
    await jump(world, jump_ms, service_id, restart=False)
    await world.converge(service_id)
    (update, _) = await world.rollouts(service_id)
    assert update.state is RolloutState.FAIL
    assert "ended 3 times" in update.cause


async def test_stamps_are_what_the_wall_clock_said(world: PlaneWorld) -> None:
    world.clock.jump(HOUR_MS)
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    (rollout,), service = await world.rollouts(service_id), await world.service(service_id)
    assert rollout.ended_ms is not None
    assert HOUR_MS < rollout.started_ms <= rollout.ended_ms <= world.clock.wall_ms()
    assert service.transition_ms == rollout.ended_ms
    assert all(int(line.split()[0]) >= HOUR_MS for line in await world.events(service_id))
    await world.put(service_id, status=Desired.STOPPED)
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)
