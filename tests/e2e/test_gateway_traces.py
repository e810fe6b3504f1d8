"""Trace contexts through a real Envoy: unchanged where nothing is traced, and as spans where requests are."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.worlds.gateway import JWKS, GatewayWorld, answer, envoy_pid, gateway_world, route, token

from modelyard.domain.tracing import Span
from modelyard.gateway.envoy import EnvoyGateway
from modelyard.otlp.messages import ExportTraceServiceRequest
from modelyard.traces.otlp import of_gateway

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CONTEXT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "congo=t61rcWkgMzE,rojo=00f067aa0ba902b7"}


@dataclass
class Told:
    """What Envoy told: of calls, and the names that it gave to all."""

    spans: list[Span] = field(default_factory=list)
    urls: set[str] = field(default_factory=set)

    def take(self, body: bytes) -> None:
        self.spans += of_gateway(body)
        came = ExportTraceServiceRequest.FromString(body)
        every = (one for of in came.resource_spans for scope in of.scope_spans for one in scope.spans)
        self.urls |= {a.value.string_value for one in every for a in one.attributes if a.key == "http.url"}

    async def of(self, trace_id: str) -> Span:
        async with asyncio.timeout(20):
            while True:
                for one in self.spans:
                    if one.trace_id == trace_id:
                        return one
                await asyncio.sleep(0.05)


@pytest.fixture
async def plain(tmp_path: Path) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path) as made:
        await made.gateway.load(())
        yield made


async def test_without_tracing_a_context_reaches_the_model_as_it_was_sent(plain: GatewayWorld) -> None:
    model = await plain.instance("a")
    await plain.published(route(a=100))
    for sent in (CONTEXT, {**CONTEXT, "traceparent": f"00-{TRACE}-{PARENT}-00"}, {"traceparent": "no context"}):
        assert (await plain.call(headers=sent)).status_code == 200
        assert {name: model.seen[-1].headers.get(name) for name in sent} == sent
    assert (await plain.call()).status_code == 200
    assert "traceparent" not in model.seen[-1].headers


async def test_a_traced_request_is_a_span_whose_child_the_model_is(tmp_path: Path) -> None:
    told = Told()
    async with gateway_world(tmp_path, traced=0.000001, spans=told.take) as world:
        await world.gateway.load(())
        model = await world.instance("a")
        await world.published(route(a=100))
        headers = {**CONTEXT, "X-Request-Id": "my-request-1"}
        assert (await world.call("s/x?password=hunter22", headers=headers)).status_code == 200
        span = await told.of(TRACE)
        assert (span.parent_id, span.name, span.error) == (PARENT, "POST /v1/infers", None)
        assert span.attributes["modelyard.service.id"] == "s"
        assert span.attributes["guid:x-request-id"] == "my-request-1"
        assert "hunter22" not in str(told.spans)
        assert token().partition(".")[0] not in str(told.spans)
        seen = model.seen[-1].headers
        assert seen["traceparent"] == f"00-{TRACE}-{span.span_id}-01"
        assert seen["tracestate"] == CONTEXT["tracestate"]
        assert seen["x-request-id"] == "my-request-1"
        unsampled = {**CONTEXT, "traceparent": f"00-{'a' * 32}-{PARENT}-00"}
        assert (await world.call(headers=unsampled)).status_code == 200
        assert model.seen[-1].headers["traceparent"].split("-")[1::2] == ["a" * 32, "00"]
        for _ in range(20):  # of which one in a million is traced
            assert (await world.call()).status_code == 200
            assert model.seen[-1].headers["traceparent"].endswith("-00")


async def test_a_share_of_the_others_is_traced_and_a_failure_leads_to_its_log(tmp_path: Path) -> None:
    told = Told()
    async with gateway_world(tmp_path, traced=1.0, spans=told.take) as world:
        await world.gateway.load(())
        model = await world.instance("a")

        def fails(_i: object, _s: object, writer: asyncio.StreamWriter) -> None:
            answer(writer, 500, b"{}", "x-modelyard-reference: ab12cd34ef56\r\n")

        model.behave = fails  # type: ignore[assignment]
        await world.published(route(a=100))
        assert (await world.call()).status_code == 500
        _, trace_id, _, flags = model.seen[-1].headers["traceparent"].split("-")
        assert flags == "01"
        span = await told.of(trace_id)
        assert span.error is not None
        assert span.attributes["modelyard.reference"] == "ab12cd34ef56"


async def test_only_calls_are_told_of_and_no_question_of_ours_or_of_strangers(tmp_path: Path) -> None:
    told = Told()
    async with gateway_world(tmp_path, traced=1.0, spans=told.take) as world:
        await world.gateway.load(())
        model = await world.instance("a")
        await world.published(route(a=100))
        assert (await world.call(headers={"X-Auth-Token": "", "Authorization": ""})).status_code == 401
        assert (await world.call("nobody")).status_code == 404
        model.behave = lambda _i, _s, writer: answer(writer, 401, b"{}")  # type: ignore[assignment]
        assert (await world.call("s/of-the-model")).status_code == 401
        here = f"http://127.0.0.1:{world.port}"
        asked = {f"{here}/v1/infers/s", f"{here}/v1/infers/nobody", f"{here}/of-the-model", "http://modelyard/"}
        async with asyncio.timeout(20):
            while not asked <= told.urls:  # noqa: ASYNC110 - Envoy tells nobody when it told
                await asyncio.sleep(0.05)
    of_calls = [one for one in told.spans if "/of-the-model" in str(one.attributes["http.url"])]
    assert [one.attributes["modelyard.service.id"] for one in of_calls] == ["s"]
    assert {one.attributes["http.status_code"] for one in told.spans if one not in of_calls} <= {"200"}


async def test_nobody_waits_while_no_control_plane_takes_spans(tmp_path: Path) -> None:
    """Telling takes up to a second of patience (`gateway.tracing`): fifty calls that waited would take fifty."""
    async with gateway_world(tmp_path, traced=1.0, spans=lambda _: None) as world:
        await world.gateway.load(())
        await world.instance("a")
        await world.published(route(a=100))
        await world.gateway.close()
        async with asyncio.timeout(25):
            for _ in range(50):
                assert (await world.call()).status_code == 200


async def test_an_envoy_that_traces_otherwise_is_replaced_and_one_that_does_not_is_kept(tmp_path: Path) -> None:
    async with gateway_world(tmp_path) as world:
        await world.gateway.load(())
        first = envoy_pid(tmp_path)
        for traced, kept in ((0.0, True), (0.5, False), (0.5, True), (0.0, False)):
            await world.gateway.close()
            world.gateway = EnvoyGateway(
                tmp_path, world.port, JWKS, host="127.0.0.1", concurrency=1, traced=traced, spans=lambda _: None
            )
            await world.gateway.open()
            await world.gateway.load(())
            assert (envoy_pid(tmp_path) == first) is kept
            first = envoy_pid(tmp_path)
