"""Spans over OTLP, out to a receiver and in from the gateway.

The resource is the part of Modelyard that tells (`service.name`: modelyard, modelyard-gateway). Of what the
gateway tells a query is cut out of every URL: callers may have put secrets there. And only calls of services are
taken, by who may call at all: the control plane asks the gateway twice a second whether it answers, and strangers
may ask for anything as often as they like.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelyard import __version__
from modelyard.core import tracing as core
from modelyard.domain.tracing import GATEWAY, Attribute, Span, SpanKind
from modelyard.otlp.attributes import fill
from modelyard.otlp.base import TRACES, Transport
from modelyard.otlp.transport import transport
from modelyard.traces.base import SpanReceiver

CALLS = "/v1/infers"
MOST_ATTRIBUTES = 64
_ERROR = 2
_URLS = frozenset({"http.url", "url.full", "url.path"})
_STATUSES = ("http.status_code", "http.response.status_code")
_SERVICE = "modelyard.service.id"


def receiver(endpoint: str, protocol: str, more: Mapping[str, str]) -> SpanReceiver:
    return OtlpSpans(transport(TRACES, endpoint, protocol, more))


class OtlpSpans:
    """Implements `traces.base.SpanReceiver`."""

    def __init__(self, way: Transport) -> None:
        self._way = way

    async def send(self, spans: Sequence[Span]) -> int:
        from google.protobuf.message import DecodeError

        from modelyard.otlp.messages import ExportTraceServiceResponse

        answer = await self._way.send(request(spans))
        try:
            told = ExportTraceServiceResponse.FromString(answer)
        except DecodeError:  # an answer that says nothing has taken everything
            return 0
        return int(told.partial_success.rejected_spans)

    async def close(self) -> None:
        await self._way.close()


def request(spans: Sequence[Span]) -> bytes:
    """An ExportTraceServiceRequest."""
    from modelyard.otlp.messages import ExportTraceServiceRequest

    made = ExportTraceServiceRequest()
    by_origin: defaultdict[str, list[Span]] = defaultdict(list)
    for one in spans:
        by_origin[one.origin].append(one)
    for origin, group in by_origin.items():
        resource_spans = made.resource_spans.add()
        resource = {"service.name": origin, "service.version": __version__}
        fill(resource_spans.resource.attributes, resource)
        scope = resource_spans.scope_spans.add()
        scope.scope.name = "modelyard"
        for one in group:
            _write(scope.spans.add(), one)
    return bytes(made.SerializeToString())


def _write(to: Any, span: Span) -> None:
    to.trace_id = bytes.fromhex(span.trace_id)
    to.span_id = bytes.fromhex(span.span_id)
    to.parent_span_id = bytes.fromhex(span.parent_id)
    to.trace_state = span.state
    to.name = span.name
    to.kind = int(span.kind)
    to.start_time_unix_nano = span.start_ns
    to.end_time_unix_nano = span.end_ns
    fill(to.attributes, span.attributes)
    if span.error is not None:
        to.status.code = _ERROR
        to.status.message = span.error


def of_gateway(body: bytes) -> Sequence[Span]:
    """The calls that an ExportTraceServiceRequest of Envoy tells of. Raises ValueError for anything else."""
    from google.protobuf.message import DecodeError

    from modelyard.otlp.messages import ExportTraceServiceRequest

    try:
        came = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise ValueError("these are no spans") from error
    told = (_read(one) for of in came.resource_spans for scope in of.scope_spans for one in scope.spans)
    return [one for one in told if _is_call(one)]


def _is_call(span: Span) -> bool:
    """Not what leads to no service, and not what the gateway refused for want of a credential: its path is as it
    came then, where that of a call is as the model has it."""
    if span.attributes.get(_SERVICE, "-") in {"-", ""}:
        return False
    refused = any(str(span.attributes.get(name)) == "401" for name in _STATUSES)
    urls = (str(span.attributes.get(name, "")) for name in _URLS)
    return not (refused and any(_path(url).startswith(f"{CALLS}/") for url in urls))


def _path(url: str) -> str:
    _, scheme, rest = url.partition("://")
    return f"/{rest.partition('/')[2]}" if scheme else url


def _read(span: Any) -> Span:
    failed = span.status.code == _ERROR
    attributes = dict(_attributes(span.attributes))
    method = attributes.get("http.method") or attributes.get("http.request.method")
    return Span(
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        f"{method} {CALLS}" if method else span.name,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        kind=SpanKind(span.kind) if span.kind in {*SpanKind} else SpanKind.SERVER,
        attributes=attributes,
        error=span.status.message if failed else None,
        state=core.state(span.trace_state),
        origin=GATEWAY,
    )


def _attributes(attributes: Any) -> Iterable[tuple[str, Attribute]]:
    for one in attributes[:MOST_ATTRIBUTES]:
        kind = one.value.WhichOneof("value")
        if kind in {"string_value", "int_value", "bool_value", "double_value"}:
            value: Attribute = getattr(one.value, kind)
            if isinstance(value, str):
                value = (value.partition("?")[0] if one.key in _URLS else value)[: core.MOST_TEXT]
            yield one.key, value
