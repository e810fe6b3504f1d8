"""Instances that hang, under a whole control plane: found, and replaced before they go."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.plane import PlaneWorld, plane_world, variant_request

from modelyard.domain.health import Check, Health
from modelyard.domain.process import ProcessState
from modelyard.domain.service import ServiceStatus
from modelyard.engines.fake import Freezes, Hangs, KeepsWaiting, SlowStart


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        yield made


@pytest.mark.parametrize("count", [1, 3])
async def test_one_that_hangs_serves_until_its_replacement_does(world: PlaneWorld, count: int) -> None:
    model = await world.model("iris")
    world.engine.behave_next(Hangs(10_000), *[None] * (count - 1), SlowStart(2_000))
    service_id = await world.create(variant_request(model, count=count))
    await world.converge(service_id)
    first = {o.instance_id for o in await world.running()}
    await world.elapse(10_000, service_id)
    assert len(world.engine.started) == count + 1
    await world.elapse(1_900, service_id)
    assert world.shares(service_id) == {1: (100, count)}
    assert (await world.service(service_id)).status is ServiceStatus.CONCERNING
    assert {o.instance_id for o in await world.running()} > first
    await world.run_until(lambda r: len(r.instances) == count, service_id)
    await world.elapse(120_000, service_id)
    running = await world.running()
    assert [o.process.state for o in running] == [ProcessState.READY] * count
    assert not any(o.process.hung for o in running)
    assert world.shares(service_id) == {1: (100, count)}
    assert len(world.engine.started) == count + 1
    assert any("hangs: another one replaces it" in line for line in await world.events(service_id))
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING


async def test_an_instance_is_asked_what_its_model_says(world: PlaneWorld) -> None:
    model_id = await world.model("iris")
    async with world.store.write() as w:
        model = await w.model(None, model_id)
        assert model is not None
        config = {"health": {"check_method": "EXEC", "command": "true", "failure_threshold": "4"}}
        await w.save_model(replace(model, config=config))
    await world.converge(await world.create(variant_request(model_id)))
    command = ("/bin/sh", "-c", "true")
    quick = Check(command=command, period_s=1, delay_s=0, failures=3)
    (started,) = world.engine.started
    assert started.health == Health(quick, quick, Check(command=command, failures=4), stalled_s=120)
    assert (started.resources.pids, started.resources.open_files) == (1024, 16_384)


async def test_one_that_a_signal_stopped_is_ended_at_once_where_another_answers(world: PlaneWorld) -> None:
    """Its requests wait for nothing; the other one gets them when the connections break."""
    model = await world.model("iris")
    world.engine.behave_next(Freezes(10_000), None, SlowStart(2_000))
    service_id = await world.create(variant_request(model, count=2))
    await world.converge(service_id)
    (frozen, other) = [o.instance_id for o in await world.running()]
    world.engine.serve(frozen, 1)
    await world.elapse(10_000, service_id)
    left = {o.instance_id for o in await world.running()}
    assert frozen not in left and other in left
    assert world.shares(service_id) == {1: (100, 1)}
    await world.elapse(3_000, service_id)
    assert world.shares(service_id) == {1: (100, 2)}
    assert any("was stopped by a signal" in line for line in await world.events(service_id))
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING


async def test_the_only_one_is_ended_when_its_replacement_answers(world: PlaneWorld) -> None:
    model = await world.model("iris")
    world.engine.behave_next(Freezes(10_000), SlowStart(2_000))
    service_id = await world.create(variant_request(model))
    await world.converge(service_id)
    (frozen,) = [o.instance_id for o in await world.running()]
    world.engine.serve(frozen, 1)
    await world.elapse(11_900, service_id)
    assert world.shares(service_id) == {1: (100, 1)}
    assert frozen in {o.instance_id for o in await world.running()}
    await world.elapse(200, service_id)
    assert world.shares(service_id) == {1: (100, 1)}
    assert frozen not in {o.instance_id for o in await world.running()}


async def test_one_that_keeps_its_check_waiting_gets_nothing_new(world: PlaneWorld) -> None:
    """It may only be busy: it is left alone, and gets requests again when it answers."""
    model = await world.model("iris")
    world.engine.behave_next(KeepsWaiting(10_000, 14_000), None)
    service_id = await world.create(variant_request(model, count=2))
    await world.converge(service_id)
    first = {o.instance_id for o in await world.running()}
    await world.elapse(10_500, service_id)
    assert world.shares(service_id) == {1: (100, 1)}
    await world.elapse(5_000, service_id)
    assert world.shares(service_id) == {1: (100, 2)}
    assert {o.instance_id for o in await world.running()} == first


async def test_all_that_keep_their_checks_waiting_go_on(world: PlaneWorld) -> None:
    model = await world.model("iris")
    world.engine.behave_next(KeepsWaiting(10_000, 14_000), KeepsWaiting(10_000, 14_000))
    service_id = await world.create(variant_request(model, count=2))
    await world.converge(service_id)
    await world.elapse(10_500, service_id)
    assert world.shares(service_id) == {1: (100, 2)}
