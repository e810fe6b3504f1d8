"""Traces in tests: a request as the API makes one, a tree of spans, and a receiver of traces by OTLP (gRPC)."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from tests.worlds.otlp import values

from modelyard.domain.tracing import Span, TraceContext
from modelyard.operations.tracing import Requested, Tracing

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
REQUEST = "00f067aa0ba902b7"


@contextmanager
def requesting(tracing: Tracing | None, span_id: str = REQUEST, trace_id: str = TRACE) -> Iterator[Requested]:
    """What is done inside is done by a request that is traced."""
    assert tracing is not None
    context = TraceContext(trace_id, span_id, "vendor=1")
    requested = Requested(context, "", tracing.now_ns(), lambda: ("PUT /services", {}))
    try:
        with tracing.serving(requested):
            yield requested
    except Exception as error:
        tracing.answered(requested, type(error).__name__)
        raise
    tracing.answered(requested, None)


@dataclass(frozen=True)
class Received:
    """A span as it came, with the attributes of its resource."""

    span: Any
    resource: Mapping[str, Any]

    @property
    def id(self) -> str:
        return str(self.span.span_id.hex())

    @property
    def parent(self) -> str:
        return str(self.span.parent_span_id.hex())

    @property
    def trace(self) -> str:
        return str(self.span.trace_id.hex())

    @property
    def name(self) -> str:
        return str(self.span.name)

    @property
    def attributes(self) -> Mapping[str, Any]:
        return values(self.span.attributes)


def spans_of(request: Any) -> list[Received]:
    return [
        Received(one, values(of.resource.attributes))
        for of in request.resource_spans
        for scope in of.scope_spans
        for one in scope.spans
    ]


@dataclass
class TraceReceiver(trace_service_pb2_grpc.TraceServiceServicer):
    """What came, in order. `failing`: how many requests are answered UNAVAILABLE."""

    came: list[Received] = field(default_factory=list)
    metadata: list[Mapping[str, str]] = field(default_factory=list)
    failing: int = 0
    port: int = 0
    _server: Any = None

    async def Export(self, request: Any, context: Any) -> Any:
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata()})
        if self.failing:
            self.failing -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "fell over")
        self.came += spans_of(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    async def start(self) -> None:
        self._server = grpc.aio.server()
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)


@asynccontextmanager
async def receiving() -> AsyncIterator[TraceReceiver]:
    made = TraceReceiver()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


def orphans(came: Sequence[Received], roots: set[str] = frozenset()) -> list[str]:  # type: ignore[assignment]
    """Names of the spans whose parents never came."""
    known = {one.id for one in came} | set(roots) | {""}
    return [one.name for one in came if one.parent not in known]


def named(spans: Sequence[Span], name: str) -> list[Span]:
    return [one for one in spans if one.name == name]
