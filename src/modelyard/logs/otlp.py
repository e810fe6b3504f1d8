"""Lines of logs over OTLP: gRPC, or protobuf over HTTP (OpenTelemetry protocol 1.x).

A line is a log record: its time, its text as the body, and as attributes `log.record.uid` (SERVICE/NUMBER, the
same whenever it is sent again), `modelyard.line.number`, and where there are some `modelyard.reference` and
`modelyard.line.cut`. The resource is its instance: `service.name`, `service.instance.id`, `modelyard.service.id`,
`modelyard.project.id`, `modelyard.revision`, `modelyard.model`.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

from modelyard.domain.logs import Line, Origin
from modelyard.logs.exports import LogReceiver
from modelyard.otlp.attributes import fill
from modelyard.otlp.base import LOGS, Transport
from modelyard.otlp.transport import transport


def receiver(endpoint: str, protocol: str, more: Mapping[str, str]) -> LogReceiver:
    """`endpoint`: http:// or https://."""
    return OtlpReceiver(transport(LOGS, endpoint, protocol, more))


def request(lines: Sequence[Line], names: Mapping[str, str]) -> Any:
    """An ExportLogsServiceRequest: the lines in their order, those of one instance together where they follow."""
    from modelyard.otlp.messages import ExportLogsServiceRequest

    made = ExportLogsServiceRequest()
    for origin, group in itertools.groupby(lines, lambda line: line.origin):
        resource_logs = made.resource_logs.add()
        resource = _resource(origin, names.get(origin.service_id, origin.service_id))
        fill(resource_logs.resource.attributes, resource)
        scope_logs = resource_logs.scope_logs.add()
        scope_logs.scope.name = "modelyard.logs"
        for line in group:
            record = scope_logs.log_records.add()
            record.time_unix_nano = record.observed_time_unix_nano = line.at_ms * 1_000_000
            record.body.string_value = line.text
            fill(record.attributes, _attributes(line))
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


class OtlpReceiver:
    """Implements `logs.exports.LogReceiver`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def send(self, lines: Sequence[Line], names: Mapping[str, str]) -> int:
        from google.protobuf.message import DecodeError

        from modelyard.otlp.messages import ExportLogsServiceResponse

        answer = await self._transport.send(request(lines, names).SerializeToString())
        try:
            told = ExportLogsServiceResponse.FromString(answer)
        except DecodeError:  # an answer that says nothing has taken everything
            return 0
        return int(told.partial_success.rejected_log_records)

    async def close(self) -> None:
        await self._transport.close()
