"""Batch services in a whole control plane, in virtual time: tasks, workers, and what the runner is told."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.batch import (
    at_work,
    batch_variant,
    create_batch,
    has_status,
    reconfigure,
    task,
    tasks,
    workers,
)
from tests.worlds.plane import PlaneWorld, plane_world

from modelyard.domain.batch import Job, Task, TaskState
from modelyard.domain.service import Desired, RolloutState, ServiceStatus
from modelyard.engines.base import InstanceSpec, Listing, Scope
from modelyard.engines.fake import CrashAtStart, NeverReady, SlowStart
from modelyard.objects.base import ObjectStoreUnavailableError

RUNNING = has_status(ServiceStatus.RUNNING)
FINISHED = has_status(ServiceStatus.FINISHED)
FAILED = has_status(ServiceStatus.FAILED)
STOPPED = has_status(ServiceStatus.STOPPED)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        yield made


async def running(world: PlaneWorld, count: int = 1) -> str:
    service_id = await create_batch(world, batch_variant(count))
    await world.run_until(RUNNING, service_id)
    await all_ready(world, service_id, count)
    return service_id


async def all_ready(world: PlaneWorld, service_id: str, count: int) -> None:
    await world.elapse(1_000, service_id)
    assert len(await workers(world, service_id)) == count


async def test_a_job_runs_and_ends(world: PlaneWorld) -> None:
    service_id = await create_batch(world, batch_variant(2))
    await world.settle()
    assert (await world.service(service_id)).status is ServiceStatus.DEPLOYING
    assert await workers(world, service_id) == []
    assert (await at_work(world, service_id)) is not None
    await world.run_until(RUNNING, service_id)
    assert (await world.service(service_id)).stable == 1
    assert [r.state for r in await world.rollouts(service_id)] == [RolloutState.SUCCESS]
    await all_ready(world, service_id, 2)
    assert all(spec.batch for spec in world.engine.started)
    await world.runner.finish((await task(world, service_id)).id)
    await world.run_until(FINISHED, service_id)
    await world.elapse(5_000, service_id)
    assert (await world.engine.list()).instances == ()
    told = [line.split(" ", 1)[1] for line in reversed(await world.events(service_id))]
    assert [text for text in told if "worker" not in text and "model" not in text and "schedule" not in text] == [
        "normal task 1 began",
        "normal service started",
        "normal task 1 finished: 10 rows SUCCESSFUL, 0 FAILED",
    ]


async def test_the_gateway_is_left_alone(world: PlaneWorld) -> None:
    before = len(world.gateway.history)
    service_id = await running(world)
    await world.restart()
    await world.delete(service_id)
    await world.settle()
    assert world.gateway.history[before:] == []
    assert world.route(service_id) is None


async def test_a_stop_keeps_what_is_done_and_a_start_goes_on(world: PlaneWorld) -> None:
    service_id = await running(world)
    task_id = (await task(world, service_id)).id
    await world.runner.progress(task_id, rows=4)
    await world.put(service_id, status=Desired.STOPPED)
    await world.run_until(STOPPED, service_id)
    assert (await world.engine.list()).instances == ()
    assert await at_work(world, service_id) is None
    stopped = await task(world, service_id)
    assert (stopped.state, stopped.counts.rows_done) == (TaskState.STOPPED, 4)
    await world.put(service_id, status=Desired.RUNNING)
    await world.run_until(RUNNING, service_id)
    (only,) = await tasks(world, service_id)
    assert (only.id, only.state, only.counts.rows_done) == (task_id, TaskState.ACTIVE, 4)
    await world.runner.finish(task_id)
    await world.run_until(FINISHED, service_id)


async def test_a_finished_service_starts_over(world: PlaneWorld) -> None:
    service_id = await running(world)
    await world.runner.finish((await task(world, service_id)).id)
    await world.run_until(FINISHED, service_id)
    await world.put(service_id, status=Desired.RUNNING)
    await world.run_until(RUNNING, service_id)
    second, first = await tasks(world, service_id)
    assert (second.number, second.state, first.state) == (2, TaskState.ACTIVE, TaskState.FINISHED)


async def test_another_config_makes_another_task(world: PlaneWorld) -> None:
    service_id = await running(world)
    old = await task(world, service_id)
    await reconfigure(world, service_id, batch_variant(destination="obs://b/elsewhere/"))
    await world.run_until(RUNNING, service_id)
    new, superseded = await tasks(world, service_id)
    assert (new.number, new.revision, superseded.state) == (2, 2, TaskState.SUPERSEDED)
    assert superseded.finished_ms is not None
    assert list(world.runner.running) == [new.id]
    calls = world.runner.calls
    assert calls.index(("halt", old.id)) < calls.index(("run", new.id))
    assert calls.count(("discard", old.id)) == 1


async def test_workers_of_the_same_template_go_on_with_the_new_task(world: PlaneWorld) -> None:
    service_id = await running(world)
    (worker,) = await workers(world, service_id)
    await reconfigure(world, service_id, batch_variant(destination="obs://b/elsewhere/"))
    await world.run_until(RUNNING, service_id)
    assert await workers(world, service_id) == [worker]


async def test_workers_of_another_template_are_replaced(world: PlaneWorld) -> None:
    service_id = await running(world)
    (worker,) = await workers(world, service_id)
    await reconfigure(world, service_id, batch_variant(envs=(("A", "b"),)))
    await world.run_until(RUNNING, service_id)
    (now,) = await workers(world, service_id)
    assert now != worker
    assert [o.instance_id for o in await world.running()] == [now]


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
async def test_another_count_alone_scales_the_task_that_there_is(
    world: PlaneWorld, before: int, after: int
) -> None:
    service_id = await running(world, before)
    first = await task(world, service_id)
    await reconfigure(world, service_id, batch_variant(after))
    await world.run_until(RUNNING, service_id)
    await all_ready(world, service_id, after)
    (only,) = await tasks(world, service_id)
    assert (only.id, only.revision, only.state) == (first.id, 2, TaskState.ACTIVE)
    assert len(await world.running()) == after


async def test_workers_that_cannot_load_fail_the_job(world: PlaneWorld) -> None:
    service_id = await create_batch(world, batch_variant())
    world.engine.behave_next(CrashAtStart(), CrashAtStart(), CrashAtStart())
    start = world.engine.start

    async def talking(spec: InstanceSpec) -> None:
        await start(spec)
        world.engine.write_log(spec.instance_id, "ValueError: no weights in /model")

    world.engine.start = talking  # type: ignore[method-assign]
    await world.run_until(FAILED, service_id)
    service, failed = await world.service(service_id), await task(world, service_id)
    (rollout,) = await world.rollouts(service_id)
    assert "ended 3 times before they were ready" in failed.error
    assert "ValueError: no weights in /model" in failed.error
    assert failed.error == service.error == rollout.cause
    assert (failed.state, rollout.state) == (TaskState.FAILED, RolloutState.FAIL)
    await world.elapse(5_000, service_id)
    assert await world.running() == []
    world.engine.start = start  # type: ignore[method-assign]
    await world.put(service_id, status=Desired.RUNNING)
    await world.run_until(RUNNING, service_id)
    (again,) = await tasks(world, service_id)
    assert (again.id, again.state, again.error) == (failed.id, TaskState.ACTIVE, "")


async def test_a_worker_that_is_never_ready_fails_the_job_in_time(world: PlaneWorld) -> None:
    service_id = await create_batch(world, batch_variant(deploy_timeout_s=30))
    world.engine.behave_next(NeverReady())
    assert await world.run_until(FAILED, service_id) == 30_000
    assert "not ready within 30 s (deploy_timeout_in_seconds)" in (await world.service(service_id)).error
    await world.elapse(5_000, service_id)
    assert await world.running() == []


async def test_a_worker_that_dies_at_work_is_replaced_at_once(world: PlaneWorld) -> None:
    service_id = await running(world)
    for _ in range(8):
        (worker,) = await workers(world, service_id)
        world.engine.kill(worker)
        begin = world.clock.now
        await world.settle()
        while not (await workers(world, service_id)):
            await world.elapse(10, service_id)
        assert world.clock.now - begin <= world.engine.start_ms + 10
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
    assert (await task(world, service_id)).state is TaskState.ACTIVE


async def test_some_that_cannot_load_do_not_fail_what_others_do(world: PlaneWorld) -> None:
    service_id = await create_batch(world, batch_variant(2))
    world.engine.behave_next(None, *[CrashAtStart()] * 5)
    await world.run_until(has_status(ServiceStatus.CONCERNING), service_id)
    assert len(await workers(world, service_id)) == 1
    await world.run_until(RUNNING, service_id)
    assert len(await workers(world, service_id)) == 2


async def test_without_room_it_waits_and_says_so(world: PlaneWorld) -> None:
    world.engine.capacity = 1
    other = await create_batch(world, batch_variant(), "other")
    await world.run_until(RUNNING, other)
    service_id = await create_batch(world, batch_variant(deploy_timeout_s=30))
    await world.run_until(has_status(ServiceStatus.PENDING), service_id)
    await world.elapse(120_000, service_id)
    assert (await world.service(service_id)).status is ServiceStatus.PENDING
    await world.runner.finish((await task(world, other)).id)
    await world.run_until(RUNNING, service_id)


async def test_the_next_control_plane_adopts_the_workers(world: PlaneWorld) -> None:
    service_id = await running(world, 2)
    before = sorted(await workers(world, service_id))
    await world.restart()
    await world.settle()
    assert sorted(await workers(world, service_id)) == before
    assert len(world.engine.started) == 2


async def test_what_is_out_of_reach_is_not_lost(world: PlaneWorld) -> None:
    service_id = await running(world, 2)
    world.engine.cut(Scope())
    await world.elapse(60_000, service_id)
    assert len(world.engine.started) == 2
    assert await workers(world, service_id) == []
    assert (await world.service(service_id)).status is ServiceStatus.CONCERNING
    world.engine.mend(Scope())
    await world.elapse(1_000, service_id)
    assert len(await workers(world, service_id)) == 2
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING


async def test_a_job_that_failed_says_why_and_goes_on_when_started(world: PlaneWorld) -> None:
    service_id = await running(world)
    task_id = (await task(world, service_id)).id
    await world.runner.fail(task_id, "b may not be written")
    await world.run_until(FAILED, service_id)
    assert (await world.service(service_id)).error == "b may not be written"
    assert [r.state for r in await world.rollouts(service_id)] == [RolloutState.SUCCESS]
    await world.put(service_id, status=Desired.RUNNING)
    await world.run_until(RUNNING, service_id)
    assert (await task(world, service_id)).id == task_id
    assert (await world.service(service_id)).error == ""


async def test_deletion_leaves_nothing(world: PlaneWorld) -> None:
    service_id = await running(world)
    task_id = (await task(world, service_id)).id
    await world.delete(service_id)
    await gone(world, service_id)
    assert ("discard", task_id) in world.runner.calls
    assert world.runner.running == {}
    assert (await world.engine.list()).instances == ()


@pytest.mark.parametrize("how", ["deleted", "superseded"])
async def test_what_a_failed_task_keeps_goes_with_it(world: PlaneWorld, how: str) -> None:
    """It has its parts as long as it may go on."""
    service_id = await running(world)
    task_id = (await task(world, service_id)).id
    await world.runner.fail(task_id, "b may not be written")
    await world.run_until(FAILED, service_id)
    assert ("discard", task_id) not in world.runner.calls
    if how == "deleted":
        await world.delete(service_id)
        await gone(world, service_id)
    else:
        await reconfigure(world, service_id, batch_variant(destination="obs://b/elsewhere/"))
        await world.run_until(RUNNING, service_id)
    assert ("discard", task_id) in world.runner.calls


async def gone(world: PlaneWorld, service_id: str) -> None:
    for _ in range(50):
        await world.settle()
        async with world.store.read() as r:
            if await r.record(service_id) is None:
                return
        moments = [t for t in (world.engine.next_change_ms(), world.clock.next_ms()) if t is not None]
        assert moments
        world.clock.advance(min(moments))
        world.engine.announce()
    raise AssertionError("it is not deleted")


async def test_deletion_waits_for_the_object_store(world: PlaneWorld) -> None:
    service_id = await running(world)
    discard, back_ms = world.runner.discard, world.clock.now + 15_000

    async def refusing(left: Task, job: Job) -> None:
        if world.clock.now < back_ms:
            raise ObjectStoreUnavailableError("no answer")
        await discard(left, job)

    world.runner.discard = refusing  # type: ignore[method-assign]
    await world.delete(service_id)
    await gone(world, service_id)
    assert back_ms <= world.clock.now <= back_ms + 10_000


async def test_an_end_is_not_overwritten_by_a_decision_made_before(world: PlaneWorld) -> None:
    """The task finishes between a look and its record: the decision counts for nothing."""
    service_id = await running(world)
    task_id = (await task(world, service_id)).id
    listed = world.engine.list

    async def finishing(service: str | None = None) -> Listing:
        world.engine.list = listed  # type: ignore[method-assign]
        await world.runner.finish(task_id)
        return await listed(service)

    world.engine.list = finishing  # type: ignore[method-assign]
    await world.put(service_id, status=Desired.STOPPED)
    await world.run_until(STOPPED, service_id)
    assert (await task(world, service_id)).state is TaskState.FINISHED


async def test_a_killed_start_is_repeated(world: PlaneWorld) -> None:
    service_id = await create_batch(world, batch_variant())
    world.engine.behave_next(SlowStart(1_000))
    await world.settle()
    await world.restart()
    await world.run_until(RUNNING, service_id)
    assert len({spec.instance_id for spec in world.engine.started}) == 1


async def test_no_room_for_more_is_concerning(world: PlaneWorld) -> None:
    service_id = await running(world)
    world.engine.capacity = 1
    await reconfigure(world, service_id, batch_variant(2))
    await world.run_until(has_status(ServiceStatus.CONCERNING), service_id)
    world.engine.capacity = 2
    await world.run_until(RUNNING, service_id)
    await all_ready(world, service_id, 2)
