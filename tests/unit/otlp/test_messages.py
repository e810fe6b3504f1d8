"""The messages of OTLP that are described here are those that the protocol has published."""

from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from modelyard.otlp import messages

PUBLISHED = (
    trace_service_pb2.ExportTraceServiceRequest,
    trace_service_pb2.ExportTraceServiceResponse,
    logs_service_pb2.ExportLogsServiceRequest,
    logs_service_pb2.ExportLogsServiceResponse,
)
ENUM, INT32 = 14, 5


def pairs(ours: Any, published: Any, seen: set[str]) -> Iterator[tuple[Any, Any]]:
    """Each field of a message, and of what it holds, beside the published one."""
    if ours.name in seen:
        return
    seen.add(ours.name)
    for field in ours.fields:
        other = published.fields_by_name[field.name]
        yield field, other
        if field.message_type is not None:
            yield from pairs(field.message_type, other.message_type, seen)


@pytest.mark.parametrize("published", PUBLISHED, ids=lambda one: one.DESCRIPTOR.name)
def test_each_field_has_the_number_and_the_type_that_are_published(published: Any) -> None:
    ours = getattr(messages, published.DESCRIPTOR.name).DESCRIPTOR
    seen: set[str] = set()
    for field, other in pairs(ours, published.DESCRIPTOR, seen):
        kind = INT32 if other.type == ENUM else other.type
        assert (field.number, field.type) == (other.number, kind), f"{field.containing_type.name}.{field.name}"
        assert field.is_repeated == other.is_repeated, field.name
    assert seen


def test_what_is_written_is_read_by_a_receiver_of_the_protocol() -> None:
    made = messages.ExportTraceServiceRequest()
    span = made.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.name, span.kind, span.status.code = bytes(range(16)), "PUT", 2, 2
    added = span.attributes.add()
    added.key, added.value.int_value = "count", -3
    read = trace_service_pb2.ExportTraceServiceRequest.FromString(made.SerializeToString())
    (came,) = read.resource_spans[0].scope_spans[0].spans
    assert (came.trace_id, came.name, came.kind, came.status.code) == (bytes(range(16)), "PUT", 2, 2)
    assert (came.attributes[0].key, came.attributes[0].value.int_value) == ("count", -3)
    assert came.attributes[0].value.WhichOneof("value") == "int_value"
