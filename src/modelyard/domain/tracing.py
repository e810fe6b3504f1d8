"""Traces: who called whom, and how long it took (W3C Trace Context, OpenTelemetry's words).

A *trace* is everything that came of one request; a *span* is a part of it with a beginning and an end, told when
it is over by whoever ends it. What takes long, from the request for a change until the service runs as it was
asked to, is an *open trace*: it is stored with the service, so that whoever goes on with the change goes on with
the trace.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum


class SpanKind(IntEnum):
    """Numbers of OpenTelemetry."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


OURS, GATEWAY = "modelyard", "modelyard-gateway"
"""The parts of Modelyard that tell, by the names that receivers know them by."""

Attribute = str | int | float | bool


@dataclass(frozen=True, slots=True)
class TraceContext:
    """What goes from one to the next: `trace_id` (32 hexadecimal digits) and `span_id` (16), the span that
    whatever comes next belongs to. `state`: the tracestate of whoever began the trace, as it came."""

    trace_id: str
    span_id: str
    state: str = ""
    sampled: bool = True

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.sampled else '00'}"


@dataclass(frozen=True, slots=True)
class Span:
    """`parent_id` "": nothing is above it. Times are nanoseconds since 1970 UTC. `error`: why it failed (None: it
    did not; "": nobody knows). `origin`: which part of Modelyard tells it."""

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    start_ns: int
    end_ns: int
    kind: SpanKind = SpanKind.INTERNAL
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    error: str | None = None
    state: str = ""
    origin: str = OURS


@dataclass(frozen=True, slots=True)
class OpenTrace:
    """A change that is under way. `context`: the span of the change itself; `parent_id`: that of the request that
    asked for it. `rollout`: the rollout that brings it about ("": none does). Times are milliseconds since 1970
    UTC; `turned_ms`: when the rollout turned back (None: it did not). `over`: the change has its end, and old
    instances are still leaving. `attributes`: what its span says besides."""

    service_id: str
    context: TraceContext
    parent_id: str
    name: str
    started_ms: int
    rollout: str = ""
    turned_ms: int | None = None
    over: bool = False
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
