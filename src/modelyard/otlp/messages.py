"""The messages of OTLP that are sent and read here: those of logs and traces.

They are described here, by the names and numbers that the protocol has published (opentelemetry-proto 1.x, which
are stable), and kept in a pool of their own. The package `opentelemetry-proto` cannot be relied on beside
`xds-protos`, which Envoy's messages come from: both install files of the same names, xds-protos those of a
protocol before 1.0, and whichever was installed last is the one that is there.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "modelyard.otlp"
_SCALARS = {
    "bool": _FIELD.TYPE_BOOL,
    "bytes": _FIELD.TYPE_BYTES,
    "double": _FIELD.TYPE_DOUBLE,
    "fixed32": _FIELD.TYPE_FIXED32,
    "fixed64": _FIELD.TYPE_FIXED64,
    "int32": _FIELD.TYPE_INT32,
    "int64": _FIELD.TYPE_INT64,
    "string": _FIELD.TYPE_STRING,
    "uint32": _FIELD.TYPE_UINT32,
}
_VALUE = "value"
"""The only choice among fields (`oneof`): what an AnyValue holds."""

_MESSAGES: Mapping[str, str] = {
    "AnyValue": "string string_value 1, bool bool_value 2, int64 int_value 3, double double_value 4,"
    " ArrayValue array_value 5, KeyValueList kvlist_value 6, bytes bytes_value 7",
    "ArrayValue": "AnyValue* values 1",
    "KeyValueList": "KeyValue* values 1",
    "KeyValue": "string key 1, AnyValue value 2",
    "InstrumentationScope": "string name 1, string version 2, KeyValue* attributes 3,"
    " uint32 dropped_attributes_count 4",
    "Resource": "KeyValue* attributes 1, uint32 dropped_attributes_count 2",
    # Traces. Kinds and codes are enumerations there: numbers that are written alike.
    "Status": "string message 2, int32 code 3",
    "Span": "bytes trace_id 1, bytes span_id 2, string trace_state 3, bytes parent_span_id 4, string name 5,"
    " int32 kind 6, fixed64 start_time_unix_nano 7, fixed64 end_time_unix_nano 8, KeyValue* attributes 9,"
    " Status status 15",
    "ScopeSpans": "InstrumentationScope scope 1, Span* spans 2, string schema_url 3",
    "ResourceSpans": "Resource resource 1, ScopeSpans* scope_spans 2, string schema_url 3",
    "ExportTraceServiceRequest": "ResourceSpans* resource_spans 1",
    "ExportTracePartialSuccess": "int64 rejected_spans 1, string error_message 2",
    "ExportTraceServiceResponse": "ExportTracePartialSuccess partial_success 1",
    # Logs.
    "LogRecord": "fixed64 time_unix_nano 1, int32 severity_number 2, string severity_text 3, AnyValue body 5,"
    " KeyValue* attributes 6, uint32 dropped_attributes_count 7, fixed32 flags 8, bytes trace_id 9,"
    " bytes span_id 10, fixed64 observed_time_unix_nano 11",
    "ScopeLogs": "InstrumentationScope scope 1, LogRecord* log_records 2, string schema_url 3",
    "ResourceLogs": "Resource resource 1, ScopeLogs* scope_logs 2, string schema_url 3",
    "ExportLogsServiceRequest": "ResourceLogs* resource_logs 1",
    "ExportLogsPartialSuccess": "int64 rejected_log_records 1, string error_message 2",
    "ExportLogsServiceResponse": "ExportLogsPartialSuccess partial_success 1",
}
"""Message → its fields, as `type name number`; `type*`: any number of them."""


def _described() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="modelyard/otlp.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if name == "AnyValue":
            message.oneof_decl.add(name=_VALUE)
        for words in fields.split(", "):
            kind, field, number = words.split()
            many, kind = kind.endswith("*"), kind.removesuffix("*")
            added = message.field.add(name=field, number=int(number))
            added.label = _FIELD.LABEL_REPEATED if many else _FIELD.LABEL_OPTIONAL
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type, added.type_name = _FIELD.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            if name == "AnyValue":
                added.oneof_index = 0
    return file


_POOL = descriptor_pool.DescriptorPool()
_POOL.Add(_described())


def _class(name: str) -> Any:
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


ExportTraceServiceRequest = _class("ExportTraceServiceRequest")
ExportTraceServiceResponse = _class("ExportTraceServiceResponse")
ExportLogsServiceRequest = _class("ExportLogsServiceRequest")
ExportLogsServiceResponse = _class("ExportLogsServiceResponse")
