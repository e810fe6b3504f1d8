"""Requests of the API as spans: which are traced, whose trace they are in, and what they say."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world

from modelyard.core.tracing import child
from modelyard.domain.tracing import Span, TraceContext
from modelyard.operations.tracing import Requested, Tracing

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"
SERVICES = "/v1/p1/services"


@dataclass
class Traced:
    world: ApiWorld
    tracing: Tracing

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        return await self.world.call(method, path, body, headers=headers)

    def told(self) -> list[Span]:
        found = [*self.tracing.waiting]
        self.tracing.waiting.clear()
        return found


@pytest.fixture
async def traced() -> AsyncIterator[Traced]:
    async with api_world() as world:
        tracing = Tracing(world.clock, lambda: 0)
        context = replace(world.deps.context, tracing=tracing)
        world.app.state.deps = replace(world.deps, context=context)
        yield Traced(world, tracing)


@pytest.mark.parametrize(
    ("method", "headers", "count"),
    [
        ("GET", {}, 0),
        ("GET", {"traceparent": SAMPLED}, 1),
        ("GET", {"traceparent": UNSAMPLED}, 0),
        ("GET", {"traceparent": "nonsense"}, 0),
        ("POST", {"traceparent": UNSAMPLED}, 0),
        ("POST", {}, 1),
    ],
)
async def test_which_requests_are_traced(
    traced: Traced, method: str, headers: Mapping[str, str], count: int
) -> None:
    answer = await traced.call(method, SERVICES, {} if method == "POST" else None, **headers)
    told = traced.told()
    assert len([one for one in told if one.name == f"{method} /v1/{{project_id}}/services"]) == count
    assert ("traceresponse" in answer.headers) is bool(count)


async def test_a_callers_trace_is_gone_on_with(traced: Traced) -> None:
    answer = await traced.call("GET", SERVICES, traceparent=SAMPLED, tracestate="a=b")
    (span,) = traced.told()
    assert (span.trace_id, span.parent_id, span.state) == (TRACE, CALLER, "a=b")
    assert answer.headers["traceresponse"] == f"00-{TRACE}-{span.span_id}-01"
    assert span.attributes["modelyard.request.id"] == answer.headers["X-Request-Id"]
    assert span.attributes["http.response.status_code"] == 200
    assert span.attributes["enduser.id"] == "u-admin"


@pytest.mark.parametrize("parent", ["nonsense", f"ff-{TRACE}-{CALLER}-01"])
async def test_what_is_no_context_begins_a_trace(traced: Traced, parent: str) -> None:
    await traced.call("DELETE", f"{SERVICES}/none", traceparent=parent)
    span = traced.told()[-1]
    assert span.trace_id != TRACE
    assert span.parent_id == ""
    assert (span.error, span.attributes["error.type"]) == (None, "ModelArts.3502")


@pytest.mark.parametrize(("method", "path"), [("POST", SERVICES), ("GET", SERVICES), ("GET", "/health")])
async def test_strangers_do_not_fill_the_room(traced: Traced, method: str, path: str) -> None:
    await traced.world.client.request(method, path, headers={"traceparent": SAMPLED})
    assert traced.told() == []


async def test_steps_of_what_was_rolled_back_are_not_lost(traced: Traced) -> None:
    context = TraceContext("a" * 32, "b" * 16)
    requested = Requested(context, "", 0, lambda: ("PUT", {}), stored=True, steps=[child(context, "step", 0, 1)])
    traced.tracing.answered(requested, None, stored=False)
    assert [one.name for one in traced.told()] == ["PUT", "step"]


async def test_a_dry_run_is_a_request_and_no_change(traced: Traced) -> None:
    service_id = await traced.world.service()
    traced.told()
    async with traced.world.store.write() as w:
        await w.forget_traces()
    answer = await traced.call("PUT", f"{SERVICES}/{service_id}?dry_run=true", {"description": "other"})
    assert answer.status_code == 200, answer.text
    assert [one.name for one in traced.told()] == ["PUT /v1/{project_id}/services/{service_id}"]
    async with traced.world.store.read() as r:
        assert await r.open_trace(service_id) is None
        assert await r.count_spans() == 0


async def test_a_setting_has_its_effect_by_being_stored(traced: Traced) -> None:
    service_id = await traced.world.service()
    async with traced.world.store.write() as w:
        await w.forget_traces()
    await traced.call("PUT", f"{SERVICES}/{service_id}", {"description": "other"}, traceparent=SAMPLED)
    async with traced.world.store.read() as r:
        names = {one.name for _, one in await r.waiting_spans(10)}
        assert "set service" in names
        assert await r.open_trace(service_id) is None
