"""The control plane as a whole, in virtual time: what a user asks, what instances and routes go through."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.plane import PlaneWorld, plane_world, variant_request

from modelyard.control.plane import ControlPlane, UnknownKindError
from modelyard.control.reconcile import Reconciler, UndecidedTypeError
from modelyard.domain.errors import NotFound
from modelyard.domain.routing import RouteState
from modelyard.domain.service import Desired, InferType, RolloutState, ServiceStatus
from modelyard.engines.base import InstanceSpec
from modelyard.engines.fake import CrashAtStart, NeverReady, SlowStart
from modelyard.store.base import StoreUnavailableError


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        await made.model("iris", "1.0.0")
        await made.model("iris", "2.0.0")
        await made.model("rose", "1.0.0")
        yield made


V1, V2, ROSE = "iris-1.0.0", "iris-2.0.0", "rose-1.0.0"


async def test_a_first_deployment_runs(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    assert (await world.service(service_id)).status is ServiceStatus.DEPLOYING
    await world.converge(service_id)
    service = await world.service(service_id)
    assert (service.status, service.stable) == (ServiceStatus.RUNNING, 1)
    assert world.shares(service_id) == {1: (100, 1)}
    assert [r.state for r in await world.rollouts(service_id)] == [RolloutState.SUCCESS]


async def test_weights_alone_are_one_push_and_restart_nothing(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1, 70), variant_request(V2, 30))
    await world.converge(service_id)
    started, pushed = len(world.engine.started), len(world.gateway.history)
    await world.put(service_id, variant_request(V1, 20), variant_request(V2, 80))
    assert await world.converge(service_id) == 0
    assert len(world.engine.started) == started
    assert len(world.gateway.history) == pushed + 1
    assert world.shares(service_id) == {1: (20, 1), 2: (80, 1)}


async def test_a_new_variant_gets_no_traffic_before_it_is_ready(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    world.engine.behave_next(SlowStart(2_000))
    await world.put(service_id, variant_request(V1, 70), variant_request(V2, 30))
    await world.elapse(1_999, service_id)
    assert world.shares(service_id) == {1: (100, 1)}
    await world.converge(service_id)
    assert world.shares(service_id) == {1: (70, 1), 2: (30, 1)}


async def test_a_new_version_replaces_the_old_without_a_gap(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1, count=3))
    await world.converge(service_id)
    begin = len(world.gateway.history)
    await world.put(service_id, variant_request(V2, count=3))
    await world.converge(service_id)
    served = [sum(len(t.endpoints) for t in r.tracks) for _, r in world.gateway.history[begin:] if r]
    assert min(served) >= 3
    assert max(served) <= 4
    assert {o.template for o in await world.running()} == {
        (await world.record(service_id)).revisions[2].variants[0].template.hash
    }


async def test_more_and_fewer_instances_leave_the_others_alone(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1, count=2))
    await world.converge(service_id)
    first = {o.instance_id for o in await world.running()}
    await world.put(service_id, variant_request(V1, count=4))
    await world.converge(service_id)
    assert first < {o.instance_id for o in await world.running()}
    await world.put(service_id, variant_request(V1, count=1))
    await world.converge(service_id)
    assert {o.instance_id for o in await world.running()} < first


@pytest.mark.parametrize("how", [CrashAtStart(), NeverReady()], ids=["it crashes", "it never becomes ready"])
async def test_a_bad_version_is_rolled_back(world: PlaneWorld, how: CrashAtStart | NeverReady) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    (kept,) = await world.running()
    world.engine.behave_next(how, how, how)
    start = world.engine.start

    async def talking(spec: InstanceSpec) -> None:
        await start(spec)
        world.engine.write_log(spec.instance_id, "ValueError: no weights in /model")

    world.engine.start = talking  # type: ignore[method-assign]
    await world.put(service_id, variant_request(V2, deploy_timeout_s=30))
    await world.converge(service_id)
    service, (update, _) = await world.service(service_id), await world.rollouts(service_id)
    assert (service.status, service.revision, service.stable) == (ServiceStatus.RUNNING, 1, 1)
    assert update.state is RolloutState.FAIL
    assert "ValueError: no weights in /model" in update.cause
    assert [o.instance_id for o in await world.running()] == [kept.instance_id]
    assert all(r is None or r.tracks for _, r in world.gateway.history[1:])


async def test_a_first_deployment_that_fails_is_failed_and_can_be_mended(world: PlaneWorld) -> None:
    world.engine.behave_next(CrashAtStart(), CrashAtStart(), CrashAtStart())
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    service = await world.service(service_id)
    assert service.status is ServiceStatus.FAILED
    assert "ended 3 times" in service.error
    assert await world.running() == []
    await world.put(service_id, variant_request(V2))
    await world.converge(service_id)
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
    assert (await world.service(service_id)).error == ""


async def test_a_service_that_never_came_to_run_is_created_again_in_its_place(world: PlaneWorld) -> None:
    world.engine.behave_next(CrashAtStart(), CrashAtStart(), CrashAtStart())
    first = await world.create(variant_request(V1))
    await world.converge(first)
    assert (await world.service(first)).status is ServiceStatus.FAILED
    second = await world.create(variant_request(V1))
    await world.converge(second)
    assert (await world.service(second)).status is ServiceStatus.RUNNING
    assert [o.service_id for o in (await world.engine.list()).instances] == [second]
    assert world.route(first) is None
    text = f"takes the place of service {first}, which never came to run"
    assert any(text in event for event in await world.events(second))
    with pytest.raises(NotFound):
        await world.put(first, variant_request(V2))


async def test_stop_answers_at_once_and_start_brings_it_back(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    await world.put(service_id, status=Desired.STOPPED)
    await world.settle()
    route = world.route(service_id)
    assert route is not None
    assert route.state is RouteState.STOPPED
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)
    assert await world.running() == []
    await world.put(service_id, status=Desired.RUNNING)
    await world.converge(service_id)
    assert world.shares(service_id) == {1: (100, 1)}


async def test_stop_cancels_a_rollout_and_a_config_given_while_stopped_is_used_at_the_start(
    world: PlaneWorld,
) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    world.engine.behave_next(NeverReady())
    await world.put(service_id, variant_request(V2))
    await world.settle()
    await world.put(service_id, status=Desired.STOPPED)
    await world.run_until(lambda r: r.service.status is ServiceStatus.STOPPED, service_id)
    assert (await world.rollouts(service_id))[0].state is RolloutState.CANCELLED
    await world.put(service_id, variant_request(ROSE))
    await world.put(service_id, status=Desired.RUNNING)
    await world.converge(service_id)
    assert [s.model_name for s in world.engine.started][-1] == "rose"


async def test_delete_drains_and_leaves_nothing(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1, count=2))
    await world.converge(service_id)
    await world.delete(service_id)
    while await world.running():
        await world.elapse(100, service_id)
    async with world.store.read() as r:
        assert await r.service(None, service_id) is None
    assert world.route(service_id) is None
    assert (await world.engine.list()).instances == ()


async def test_a_killed_instance_is_replaced_at_once(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1, count=2))
    await world.converge(service_id)
    victim = (await world.running())[0]
    world.engine.kill(victim.instance_id)
    await world.settle()
    assert world.shares(service_id) == {1: (100, 1)}
    assert (await world.service(service_id)).status is ServiceStatus.CONCERNING
    await world.run_until(lambda r: r.service.status is ServiceStatus.RUNNING, service_id)
    assert world.shares(service_id) == {1: (100, 2)}


async def test_a_new_control_plane_finishes_the_rollout_of_the_old_one(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    world.engine.behave_next(SlowStart(2_000))
    await world.put(service_id, variant_request(V2))
    await world.elapse(1_000, service_id)
    begin = len(world.gateway.history)
    await world.restart()
    await world.converge(service_id)
    assert [s.model_version for s in world.engine.started] == ["1.0.0", "2.0.0"]
    assert all(r is not None and r.tracks for _, r in world.gateway.history[begin:])
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING


async def test_strangers_of_a_known_service_are_drained_when_they_do_not_fit(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    world.engine.intrude(InstanceSpec("stranger", service_id, 1, 1, "other", "digest", "iris", "0.0.1"))
    world.engine.announce()
    await world.elapse(120_000, service_id)
    assert [o.instance_id for o in (await world.engine.list()).instances] != ["stranger"]
    assert len(await world.running()) == 1


async def test_strangers_of_an_unknown_service_are_ended(world: PlaneWorld) -> None:
    world.engine.intrude(InstanceSpec("stranger", "nobody", 1, 1, "other", "digest", "iris", "0.0.1"))
    await world.restart()
    await world.elapse(60_000, "nobody")
    assert (await world.engine.list()).instances == ()


async def test_nothing_is_decided_while_the_engine_cannot_be_asked(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    world.engine.unavailable = True
    pushed = len(world.gateway.history)
    world.plane.nudge("service", service_id)
    await world.settle()
    assert len(world.gateway.history) == pushed
    world.engine.unavailable = False
    await world.elapse(2_000, service_id)
    assert world.shares(service_id) == {1: (100, 1)}


async def test_a_dead_gateway_stops_no_instance_and_gets_everything_again(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    world.gateway.die()
    await world.put(service_id, variant_request(V2))
    await world.elapse(30_000, service_id)
    assert {s.model_version for s in world.engine.started} == {"1.0.0", "2.0.0"}
    assert len(await world.running()) == 2
    world.gateway.revive()
    await world.converge(service_id)
    assert [o.template for o in await world.running()] == [world.engine.started[-1].template]


async def test_it_is_healthy_while_it_works_and_can_read(
    world: PlaneWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert world.plane.healthy()
    with monkeypatch.context() as patch:
        patch.setattr(world.store, "read", unreadable)
        assert world.plane.healthy(), "it did not look yet"
        await world.plane.ask_store()
        assert not world.plane.healthy()
    await world.plane.ask_store()
    assert world.plane.healthy()
    (counting,) = (task for task in asyncio.all_tasks() if task.get_name() == "counting")
    counting.cancel()
    await asyncio.wait({counting})
    assert not world.plane.healthy(), "a loop ended"


async def test_it_is_not_healthy_before_its_start_and_after_its_end(world: PlaneWorld) -> None:
    assert not ControlPlane(world.world, world.publisher).healthy()
    await world.plane.close()
    assert not world.plane.healthy()


async def test_a_nudge_of_an_unknown_kind_is_a_mistake(world: PlaneWorld) -> None:
    with pytest.raises(UnknownKindError, match="'task'"):
        world.plane.nudge("task", "t1")


async def test_a_service_of_a_type_without_a_decision_holds_nobody_up(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    record = await world.record(service_id)
    edge = replace(record.service, id="edge", name="edge", infer_type=InferType.EDGE)
    async with world.store.write() as w:
        await w.add_service(edge)
        await w.add_revision(replace(record.revisions[1], service_id="edge"))
    with pytest.raises(UndecidedTypeError, match="edge"):
        await Reconciler(world.world, world.context.teller).handle("edge")
    await world.restart()
    await world.settle()
    assert world.shares(service_id) == {1: (100, 1)}
    assert world.route("edge") is None


async def test_whoever_watches_is_told_after_what_changed_is_stored(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request(V1))
    await world.settle()
    seen: list[ServiceStatus] = []
    world.changed.clear()
    while not seen or seen[-1] is not ServiceStatus.RUNNING:
        await world.elapse(10, service_id)
        if world.changed:
            world.changed.clear()
            seen.append((await world.service(service_id)).status)
    assert seen[-1] is ServiceStatus.RUNNING
    await world.elapse(5_000, service_id)
    assert world.changed == []


def unreadable() -> None:
    raise StoreUnavailableError("disk I/O error")


async def test_every_act_was_recorded_before(world: PlaneWorld) -> None:
    seen: list[bool] = []
    start = world.engine.start

    async def recorded(spec: InstanceSpec) -> None:
        record = await world.record(spec.service_id)
        seen.append(any(i.id == spec.instance_id for i in record.instances))
        await start(spec)

    world.engine.start = recorded  # type: ignore[method-assign]
    service_id = await world.create(variant_request(V1, count=3))
    await world.converge(service_id)
    assert seen == [True, True, True]
