"""Lines of logs over OTLP: gRPC, or protobuf over HTTP (OpenTelemetry protocol 1.x). Needs the extra `otlp`.

A line is a log record: its time, its text as the body, and as attributes `log.record.uid` (SERVICE/NUMBER, the
same whenever it is sent again), `modelyard.line.number`, and where there are some `modelyard.reference` and
`modelyard.line.cut`. The resource is its instance: `service.name`, `service.instance.id`, `modelyard.service.id`,
`modelyard.project.id`, `modelyard.revision`, `modelyard.model`.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc
import httpx

from modelyard.domain.logs import Line, Origin
from modelyard.logs.exports import GRPC, LinesRefusedError, LogReceiver, ReceiverAwayError

TIMEOUT_S = 10.0
LOGS_PATH = "/v1/logs"
REFUSED = frozenset({400, 413, 422})


def receiver(endpoint: str, protocol: str, more: Mapping[str, str]) -> LogReceiver:
    """`endpoint`: http:// or https://."""
    return GrpcReceiver(endpoint, more) if protocol == GRPC else HttpReceiver(endpoint, more)


def request(lines: Sequence[Line], names: Mapping[str, str]) -> Any:
    """An ExportLogsServiceRequest: the lines in their order, those of one instance together where they follow."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    made = ExportLogsServiceRequest()
    for origin, group in itertools.groupby(lines, lambda line: line.origin):
        resource_logs = made.resource_logs.add()
        for name, value in _resource(origin, names.get(origin.service_id, origin.service_id)).items():
            _set(resource_logs.resource.attributes, name, value)
        scope_logs = resource_logs.scope_logs.add()
        scope_logs.scope.name = "modelyard.logs"
        for line in group:
            record = scope_logs.log_records.add()
            record.time_unix_nano = record.observed_time_unix_nano = line.at_ms * 1_000_000
            record.body.string_value = line.text
            for name, value in _attributes(line).items():
                _set(record.attributes, name, value)
    return made


def _resource(origin: Origin, service_name: str) -> Mapping[str, str | int]:
    return {
        "service.name": service_name,
        "service.instance.id": origin.instance_id,
        "modelyard.service.id": origin.service_id,
        "modelyard.project.id": origin.project_id,
        "modelyard.revision": origin.revision,
        "modelyard.model": origin.model,
    }


def _attributes(line: Line) -> Mapping[str, str | int]:
    more: dict[str, str | int] = {"modelyard.reference": line.reference} if line.reference else {}
    if line.cut:
        more["modelyard.line.cut"] = line.cut
    uid = f"{line.origin.service_id}/{line.number}"
    return {"log.record.uid": uid, "modelyard.line.number": line.number, **more}


def _set(attributes: Any, name: str, value: str | int) -> None:
    added = attributes.add()
    added.key = name
    if isinstance(value, int):
        added.value.int_value = value
    else:
        added.value.string_value = value


class GrpcReceiver:
    """gRPC; TLS where the endpoint is https."""

    def __init__(self, endpoint: str, more: Mapping[str, str]) -> None:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2_grpc import LogsServiceStub

        parts = urlsplit(endpoint)
        target = f"{parts.hostname}:{parts.port or 4317}"
        if ":" in (parts.hostname or ""):
            target = f"[{parts.hostname}]:{parts.port or 4317}"
        options = (("grpc.enable_http_proxy", 0), ("grpc.max_reconnect_backoff_ms", 5000))
        self._channel = (
            grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(), options)
            if parts.scheme == "https"
            else grpc.aio.insecure_channel(target, options)
        )
        self._export = LogsServiceStub(self._channel).Export  # type: ignore[no-untyped-call]
        self._metadata = tuple(more.items())

    async def send(self, lines: Sequence[Line], names: Mapping[str, str]) -> int:
        try:
            answer = await self._export(request(lines, names), timeout=TIMEOUT_S, metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            said = f"{error.code().name}: {error.details()}"
            if error.code() in {grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.RESOURCE_EXHAUSTED} and (
                error.code() is grpc.StatusCode.INVALID_ARGUMENT or "larger than max" in (error.details() or "")
            ):
                raise LinesRefusedError(said) from error
            raise ReceiverAwayError(said) from error
        return int(answer.partial_success.rejected_log_records)

    async def close(self) -> None:
        await self._channel.close()


class HttpReceiver:
    """Protobuf over HTTP; the path /v1/logs is added where the endpoint has none."""

    def __init__(self, endpoint: str, more: Mapping[str, str]) -> None:
        bare = urlsplit(endpoint).path in {"", "/"}
        self._url = endpoint.rstrip("/") + LOGS_PATH if bare else endpoint
        self._headers = {**more, "content-type": "application/x-protobuf"}
        self._http = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)

    async def send(self, lines: Sequence[Line], names: Mapping[str, str]) -> int:
        from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

        body = request(lines, names).SerializeToString()
        try:
            answer = await self._http.post(self._url, content=body, headers=self._headers)
        except httpx.HTTPError as error:
            raise ReceiverAwayError(str(error) or type(error).__name__) from error
        if answer.status_code in REFUSED:
            raise LinesRefusedError(f"status {answer.status_code}")
        if not answer.is_success:
            later = answer.headers.get("retry-after", "")
            raise ReceiverAwayError(f"status {answer.status_code}", float(later) if later.isdecimal() else None)
        try:
            told = ExportLogsServiceResponse.FromString(answer.content)
        except Exception:  # noqa: BLE001 - protobuf's own error: an answer that says nothing has taken everything
            return 0
        return int(told.partial_success.rejected_log_records)

    async def close(self) -> None:
        await self._http.aclose()
