"""A receiver of logs by OTLP: a real gRPC server, which can be away, and refuse."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2, logs_service_pb2_grpc

Record = tuple[Mapping[str, Any], Mapping[str, Any], str, int]
"""(attributes of the resource, of the record, body, time in ns)"""


def values(attributes: Any) -> Mapping[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


def records(request: Any) -> list[Record]:
    return [
        (values(of.resource.attributes), values(one.attributes), one.body.string_value, one.time_unix_nano)
        for of in request.resource_logs
        for scope in of.scope_logs
        for one in scope.log_records
    ]


@dataclass
class Receiver(logs_service_pb2_grpc.LogsServiceServicer):
    """What came, in order. `refusing`: bodies for which a request is INVALID_ARGUMENT; `failing`: how many
    requests are taken and then answered UNAVAILABLE, so that nobody knows."""

    came: list[Record] = field(default_factory=list)
    refusing: set[str] = field(default_factory=set)
    metadata: list[Mapping[str, str]] = field(default_factory=list)
    failing: int = 0
    rejected: int = 0
    port: int = 0
    _server: Any = None

    async def Export(self, request: Any, context: Any) -> Any:
        told = records(request)
        self.metadata.append({key: str(value) for key, value in context.invocation_metadata()})
        if any(body in self.refusing for _, _, body, _ in told):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "not understood")
        self.came += told
        if self.failing:
            self.failing -= 1
            await context.abort(grpc.StatusCode.UNAVAILABLE, "fell over")
        answer = logs_service_pb2.ExportLogsServiceResponse()
        answer.partial_success.rejected_log_records = self.rejected
        return answer

    async def start(self) -> None:
        self._server = grpc.aio.server()
        logs_service_pb2_grpc.add_LogsServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self.port}")
        await self._server.start()

    async def stop(self) -> None:
        await self._server.stop(None)

    @property
    def bodies(self) -> list[str]:
        return [body for _, _, body, _ in self.came]


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    made = Receiver()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()
