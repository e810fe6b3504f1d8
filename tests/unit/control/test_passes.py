"""Which routes are told of, as the gateway answers."""

from typing import Any, cast

import pytest

from modelyard.control.passes import Passes
from modelyard.domain.routing import RouteState, ServiceRoute
from modelyard.gateway.base import GatewayView
from modelyard.operations.tracing import Tracing

ONE, TWO = ServiceRoute("s", "p", RouteState.OPEN), ServiceRoute("s", "p", RouteState.STOPPED)


class Answering:
    """A gateway, of which only its view is asked."""

    def __init__(self) -> None:
        self.seen = GatewayView()

    def view(self, service_id: str) -> GatewayView:
        return self.seen


@pytest.fixture
def gateway() -> Answering:
    return Answering()


@pytest.fixture
def passes(gateway: Answering) -> Passes:
    moments = iter(range(1, 100))
    tracing = Tracing(lambda: 0, lambda: 0, now_ns=lambda: next(moments))
    return Passes(cast("Any", None), cast("Any", gateway), tracing)


def told(passes: Passes, route: ServiceRoute | None) -> tuple[int, str | None] | None:
    """One pass: since when the route was on its way, and why it was refused."""
    passes.pushing("s", route)
    over = passes._acknowledged("s")
    return None if over is None else (over[0].since_ns, over[1])


def test_a_route_is_told_once_when_it_is_acknowledged(passes: Passes, gateway: Answering) -> None:
    assert told(passes, ONE) is None
    gateway.seen = GatewayView(acked=ONE)
    assert told(passes, ONE) == (1, None)
    assert told(passes, ONE) is None


def test_a_refusal_is_told_once(passes: Passes, gateway: Answering) -> None:
    gateway.seen = GatewayView(rejected="too long")
    assert [told(passes, ONE) for _ in range(3)] == [(1, "too long"), None, None]
    assert told(passes, TWO) == (2, "too long")


def test_a_route_that_was_taken_back_is_pushed_anew_when_it_is_wanted_again(
    passes: Passes, gateway: Answering
) -> None:
    gateway.seen = GatewayView(acked=ONE)
    assert told(passes, TWO) is None
    assert told(passes, ONE) is None
    assert told(passes, TWO) is None
    gateway.seen = GatewayView(acked=TWO)
    assert told(passes, TWO) == (2, None)
