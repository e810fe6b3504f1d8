"""A change as a trace, in virtual time: complete, whoever dies; and nothing where nothing is traced."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from tests.worlds.batch import batch_variant, create_batch, task
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, plane_world, variant_request
from tests.worlds.traces import REQUEST, TRACE, named, requesting

from modelyard.core.tracing import span_id
from modelyard.domain.errors import Invalid
from modelyard.domain.service import Desired
from modelyard.domain.tracing import Span
from modelyard.engines.fake import CrashAtStart, SlowStart
from modelyard.operations.services.change import UpdateRequest, update_service

V1, V2 = "iris-1.0.0", "iris-2.0.0"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path, traced=True) as made:
        for version in ("1.0.0", "2.0.0"):
            await made.model("iris", version)
        yield made


async def told(world: PlaneWorld) -> Sequence[Span]:
    async with world.store.read() as r:
        return [one for _, one in await r.waiting_spans(1000)]


async def under_way(world: PlaneWorld, service_id: str) -> bool:
    async with world.store.read() as r:
        return await r.open_trace(service_id) is not None


async def running(world: PlaneWorld) -> str:
    """A service that runs, whose first deployment was traced by nobody."""
    service_id = await world.create(variant_request(V1))
    await world.converge(service_id)
    await world.elapse(60_000, service_id)
    assert await told(world) == []
    return service_id


async def changed(world: PlaneWorld, service_id: str, model: str = V2) -> None:
    with requesting(world.tracing):
        await world.put(service_id, variant_request(model))


async def test_a_change_is_one_tree_from_the_request_to_its_effect(world: PlaneWorld) -> None:
    service_id = await running(world)
    asked_ms = world.clock.now
    world.engine.behave_next(SlowStart(2_000))
    await changed(world, service_id)
    await world.converge(service_id)
    await world.elapse(120_000, service_id)
    spans = await told(world)
    assert {one.trace_id for one in spans} == {TRACE}
    (request,) = named(spans, "PUT /services")
    (change,) = named(spans, "update service")
    (start,) = named(spans, "start instance")
    (admission,) = named(spans, "admission")
    (drain,) = named(spans, "drain instance")
    (stop,) = named(spans, "stop instance")
    passes, routes = named(spans, "pass"), named(spans, "route")
    assert (request.span_id, request.parent_id) == (REQUEST, "")
    assert {admission.parent_id, change.parent_id} == {REQUEST}
    assert {one.parent_id for one in (start, drain, stop, *passes, *routes)} == {change.span_id}
    assert (change.start_ns, change.error) == (asked_ms * 1_000_000, None)
    assert change.end_ns >= start.end_ns == (asked_ms + 2_000) * 1_000_000
    assert drain.end_ns == stop.start_ns
    assert change.attributes["modelyard.result"] == "success"
    assert change.attributes["modelyard.revision.before"] == 1
    assert change.attributes["modelyard.revision"] == 2
    assert change.attributes["modelyard.models"] == "iris 2.0.0"
    assert {one.state for one in spans} == {"vendor=1"}
    assert routes
    assert sum(int(one.attributes.get("modelyard.pass.started", 0)) for one in passes) == 1
    assert len({one.span_id for one in spans}) == len(spans)
    assert not await under_way(world, service_id)


async def test_the_next_control_plane_goes_on_with_the_trace(world: PlaneWorld) -> None:
    service_id = await running(world)
    world.engine.behave_next(SlowStart(5_000))
    await changed(world, service_id)
    await world.elapse(1_000, service_id)
    assert await under_way(world, service_id)
    await world.restart()
    await world.converge(service_id)
    await world.elapse(120_000, service_id)
    spans = await told(world)
    assert {one.trace_id for one in spans} == {TRACE}
    (change,) = named(spans, "update service")
    (start,) = named(spans, "start instance")
    assert start.parent_id == change.span_id
    assert start.end_ns - start.start_ns == 5_000_000_000
    assert named(spans, "stop instance")
    assert named(spans, "route")


async def test_what_a_request_was_is_known_though_it_was_never_answered(world: PlaneWorld) -> None:
    service_id = await running(world)
    with pytest.raises(KeyboardInterrupt), requesting(world.tracing):
        await world.put(service_id, variant_request(V2))
        raise KeyboardInterrupt
    (request,) = named(await told(world), "PUT /services")
    assert request.attributes["modelyard.request.unfinished"] is True


async def test_a_failure_has_its_cause_and_the_way_back(world: PlaneWorld) -> None:
    service_id = await running(world)
    world.engine.behave_next(*(CrashAtStart() for _ in range(20)))
    await changed(world, service_id)
    await world.converge(service_id)
    spans = await told(world)
    (change,) = named(spans, "update service")
    assert change.error
    assert (await world.rollouts(service_id))[0].cause == change.error
    assert change.attributes["modelyard.result"] == "fail"
    assert all(one.error for one in named(spans, "start instance"))
    assert named(spans, "start instance")
    assert named(spans, "roll back")


async def test_a_change_that_another_one_replaces_ends(world: PlaneWorld) -> None:
    service_id = await running(world)
    world.engine.behave_next(SlowStart(5_000))
    await changed(world, service_id)
    await world.elapse(1_000, service_id)
    other = "a" * 32
    with requesting(world.tracing, "b" * 16, other):
        await world.put(service_id, status=Desired.STOPPED)
    (first,) = named(await told(world), "update service")
    assert first.attributes["modelyard.superseded.by"] == other
    await world.run_until(lambda r: r.service.status == "stopped", service_id)
    (second,) = named(await told(world), "stop service")
    assert (second.trace_id, second.attributes["modelyard.result"]) == (other, "stopped")


async def test_a_change_that_one_replaces_that_is_not_traced_ends_too(world: PlaneWorld) -> None:
    """And what comes of the other is not told of it."""
    service_id = await running(world)
    world.engine.behave_next(SlowStart(5_000))
    await changed(world, service_id)
    await world.elapse(1_000, service_id)
    await world.put(service_id, status=Desired.STOPPED)
    spans = await told(world)
    (first,) = named(spans, "update service")
    assert first.attributes["modelyard.result"] == "superseded"
    assert "modelyard.superseded.by" not in first.attributes
    assert not await under_way(world, service_id)
    await world.run_until(lambda r: r.service.status == "stopped", service_id)
    assert await told(world) == spans


async def test_a_setting_that_is_not_traced_leaves_the_change_under_way(world: PlaneWorld) -> None:
    service_id = await running(world)
    world.engine.behave_next(SlowStart(5_000))
    await changed(world, service_id)
    await update_service(world.context, ALICE, PROJECT, service_id, UpdateRequest(description="other"))
    assert await under_way(world, service_id)


async def test_stop_start_and_delete_have_their_ends(world: PlaneWorld) -> None:
    service_id = await running(world)
    with requesting(world.tracing, "1" * 16):
        await world.put(service_id, status=Desired.STOPPED)
    await world.run_until(lambda r: r.service.status == "stopped", service_id)
    with requesting(world.tracing, "2" * 16):
        await world.put(service_id, status=Desired.RUNNING)
    await world.converge(service_id)
    with requesting(world.tracing, "3" * 16):
        await world.delete(service_id)
    await world.elapse(60_000, service_id)
    spans = await told(world)
    ends = [
        (one.name, one.attributes["modelyard.result"]) for one in spans if "modelyard.result" in one.attributes
    ]
    assert ends == [("stop service", "stopped"), ("start service", "success"), ("delete service", "deleted")]
    assert len(named(spans, "start instance")) == 1
    assert len(named(spans, "stop instance")) == 2


async def test_a_batch_task_is_one_span_with_its_rows_counted(world: PlaneWorld) -> None:
    service_id = await create_batch(world, batch_variant(2))
    with requesting(world.tracing):  # as creating it through the API does
        async with world.store.write() as w:
            service = await w.service(None, service_id)
            assert service is not None
            await world.context.teller.changed(w, None, service)
    await world.run_until(lambda r: r.service.status == "running", service_id)
    await world.elapse(2_000, service_id)
    assert await under_way(world, service_id)
    await world.restart()
    await world.elapse(1_000, service_id)
    await world.runner.finish((await task(world, service_id)).id)
    await world.run_until(lambda r: r.service.status == "finished", service_id)
    await world.elapse(60_000, service_id)
    spans = await told(world)
    (change,) = named(spans, "deploy service")
    (of_task,) = named(spans, "task")
    assert (of_task.trace_id, of_task.parent_id) == (TRACE, change.span_id)
    assert of_task.attributes["modelyard.task.rows.done"] == 10
    assert "modelyard.task.splits" in of_task.attributes
    assert len(named(spans, "start instance")) == 2
    assert not await under_way(world, service_id)


async def test_a_refused_change_says_which_rule_and_not_what_was_sent(world: PlaneWorld) -> None:
    service_id = await running(world)
    assert world.tracing is not None
    with pytest.raises(Invalid), requesting(world.tracing):
        await world.put(service_id, variant_request("no-such-model-canary"))
    assert await told(world) == []
    (admission,) = named([*world.tracing.waiting], "admission")
    assert admission.error is not None
    assert "config[0].model_id" in admission.error
    assert "canary" not in str([*world.tracing.waiting])


async def test_without_room_spans_are_dropped_and_counted(world: PlaneWorld) -> None:
    service_id = await running(world)
    assert world.tracing is not None
    world.tracing._most_stored = 3
    await changed(world, service_id)
    await world.converge(service_id)
    assert len(await told(world)) <= 3
    assert world.tracing.dropped > 0
    assert (await world.service(service_id)).revision == 2


async def test_nothing_is_written_where_nothing_is_traced(tmp_path: Path) -> None:
    async with plane_world(tmp_path) as world:
        await world.model("iris", "1.0.0")
        service_id = await world.create(variant_request(V1))
        await world.converge(service_id)
        assert await told(world) == []
        assert not await under_way(world, service_id)


async def test_a_control_plane_without_traces_forgets_those_of_earlier_ones(world: PlaneWorld) -> None:
    service_id = await running(world)
    world.engine.behave_next(SlowStart(5_000))
    await changed(world, service_id)
    world._traced = False
    await world.restart()
    assert await told(world) == []
    assert not await under_way(world, service_id)


def test_ids_of_spans_are_made_of_what_they_are_about() -> None:
    assert span_id("a", 1) == span_id("a", "1") != span_id("a1")
    assert len(span_id("a")) == 16
