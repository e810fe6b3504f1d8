"""The fake's misbehaviours; what it shares with the real gateway is in tests/contract/test_gateway.py."""

from modelyard.domain.routing import RouteState, ServiceRoute
from modelyard.domain.service import Invocations
from modelyard.gateway.base import Gateway, GatewayView
from modelyard.gateway.fake import FakeGateway

A = ServiceRoute("a", "p", RouteState.STOPPED)
A2 = ServiceRoute("a", "p", RouteState.STOPPED, request_timeout_s=1)


async def loaded() -> tuple[FakeGateway, list[str]]:
    fake, told = FakeGateway(), list[str]()
    port: Gateway = fake
    port.watch(told.append)
    await port.open()
    await port.load([A])
    return fake, told


async def test_nothing_is_published_before_load() -> None:
    fake = FakeGateway()
    await fake.put(A)
    assert fake.view("a") == GatewayView()


async def test_held_values_are_acknowledged_at_release() -> None:
    fake, told = await loaded()
    fake.hold()
    await fake.put(A2)
    assert (fake.view("a").acked, told) == (A, ["a"])
    fake.release()
    assert (fake.view("a").acked, told) == (A2, ["a", "a"])


async def test_a_rejected_value_leaves_the_last_good_one() -> None:
    fake, _ = await loaded()
    fake.reject("a", "bad address")
    await fake.put(A2)
    assert fake.view("a") == GatewayView(acked=A, rejected="bad address")
    fake.reject("a", "")
    assert fake.view("a") == GatewayView(acked=A2)


async def test_a_broken_stream_keeps_views_and_a_dead_process_loses_them() -> None:
    fake, _ = await loaded()
    fake.disconnect()
    await fake.put(A2)
    assert (fake.connected(), fake.view("a").acked) == (False, A)
    fake.reconnect()
    assert fake.view("a").acked == A2
    fake.die()
    assert (fake.connected(), fake.view("a"), await fake.counters()) == (False, GatewayView(), None)
    fake.revive()
    assert fake.view("a").acked == A2


async def test_counters_restart_with_the_process() -> None:
    fake, _ = await loaded()
    fake.count("a", total=3, failed=1)
    first = await fake.counters()
    fake.die()
    fake.revive()
    second = await fake.counters()
    assert first is not None and second is not None
    assert first.services == {"a": Invocations(3, 1)}
    assert (second.services, second.epoch != first.epoch) == ({}, True)
