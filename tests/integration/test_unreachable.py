"""A node out of reach: what is there is unknown, never gone; the others go on; and what is lost is replaced."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.plane import PlaneWorld, plane_world, variant_request

from modelyard.control.observe import NODE_LOST_MS
from modelyard.domain.instance import Phase
from modelyard.domain.service import ServiceStatus
from modelyard.engines.base import Scope

N1, N2 = Scope(node="n1"), Scope(node="n2")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        made.engine.nodes = ("n1", "n2")
        await made.model("iris", "1.0.0")
        await made.model("iris", "2.0.0")
        yield made


async def on(world: PlaneWorld, node: str) -> list[str]:
    return [o.instance_id for o in await world.running() if o.process.node == node]


async def test_what_is_out_of_reach_stays_in_the_routing_and_is_not_replaced(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request("iris-1.0.0", count=2))
    await world.converge(service_id)
    world.engine.cut(N1)
    await world.elapse(NODE_LOST_MS - 1_000, service_id)
    assert world.shares(service_id) == {1: (100, 2)}
    assert len(world.engine.started) == 2
    assert (await world.service(service_id)).status is ServiceStatus.CONCERNING
    world.engine.mend(N1)
    await world.elapse(1_000, service_id)
    assert (await world.service(service_id)).status is ServiceStatus.RUNNING
    assert len(world.engine.started) == 2


async def test_a_new_control_plane_keeps_the_routes_to_what_it_cannot_see(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request("iris-1.0.0"))
    await world.converge(service_id)
    before = world.route(service_id)
    world.engine.cut(N1)
    await world.restart()
    await world.elapse(1_000, service_id)
    assert world.route(service_id) == before


async def test_what_is_lost_is_replaced_elsewhere_and_leaves_when_others_serve(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request("iris-1.0.0", count=2))
    await world.converge(service_id)
    begin = len(world.gateway.history)
    (gone,) = await on(world, "n1")
    world.engine.cut(N1)
    await world.elapse(NODE_LOST_MS + 90_000, service_id)
    assert len(await on(world, "n2")) == 2
    assert [len(r.instance_ids()) for _, r in world.gateway.history[begin:] if r] == [3, 2]
    record = await world.record(service_id)
    assert gone not in {i.id for i in record.instances}
    assert record.service.status is ServiceStatus.RUNNING
    world.engine.mend(N1)
    await world.elapse(60_000, service_id)
    assert gone not in {o.instance_id for o in await world.running()}
    assert {i.phase for i in (await world.record(service_id)).instances} == {Phase.READY}


async def test_the_others_are_decided_about(world: PlaneWorld) -> None:
    first = await world.create_named("first", variant_request("iris-1.0.0"))
    await world.converge(first)
    second = await world.create_named("second", variant_request("iris-1.0.0"))
    await world.converge(second)
    world.engine.cut(N1)
    await world.put(second, variant_request("iris-2.0.0"))
    await world.converge(second)
    assert {o.process.node for o in await world.running()} == {"n2"}
    assert (await world.service(second)).stable == 2
    assert world.shares(first) == {1: (100, 1)}


async def test_a_service_on_a_lost_node_can_be_deleted_and_what_comes_back_is_ended(world: PlaneWorld) -> None:
    service_id = await world.create(variant_request("iris-1.0.0"))
    await world.converge(service_id)
    world.engine.cut(N1)
    await world.delete(service_id)
    await world.settle()
    world.clock.advance(world.clock.now + NODE_LOST_MS + 60_000)
    await world.settle()
    async with world.store.read() as r:
        assert await r.record(service_id) is None
    world.engine.mend(N1)
    await world.settle()
    for _ in range(3):
        world.clock.advance(world.clock.now + 1_000)
        world.engine.announce()
        await world.settle()
    assert (await world.engine.list()).instances == ()
