"""The port to whoever is sent logs and traces.

Contract: `send` returns when the receiver has taken what it was sent, with its answer. It raises ReceiverAwayError
for what may be sent again later as it is, RefusedError for what will never be taken in one piece (too large, or
not understood).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

GRPC, HTTP = "grpc", "http/protobuf"
PROTOCOLS = (GRPC, HTTP)


MOST_AFTER_S = 300.0
"""A receiver that asks for more is tried after this: what waits for it is bounded, and lost beyond that."""


class ReceiverAwayError(Exception):
    """Nothing was taken, or nobody knows: send it again. `after_s`: not before (None: the sender decides), however
    much the receiver asks for at most MOST_AFTER_S."""

    def __init__(self, text: str, after_s: float | None = None) -> None:
        super().__init__(text)
        self.after_s = None if after_s is None else min(after_s, MOST_AFTER_S)


class RefusedError(Exception):
    """The receiver will not take this."""


@dataclass(frozen=True, slots=True)
class Signal:
    """What is sent: the method of gRPC that takes it, and the path of HTTP."""

    method: str
    path: str


LOGS = Signal("/opentelemetry.proto.collector.logs.v1.LogsService/Export", "/v1/logs")
TRACES = Signal("/opentelemetry.proto.collector.trace.v1.TraceService/Export", "/v1/traces")


class Transport(Protocol):
    async def send(self, request: bytes) -> bytes:
        """A request of the signal, and the answer to it."""

    async def close(self) -> None: ...


def headers(text: str) -> Mapping[str, str]:
    """As OTEL_EXPORTER_OTLP_HEADERS: `name=value,name=value`, percent-encoded. Raises ValueError."""
    pairs: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        name, equals, value = part.partition("=")
        if not equals or not name.strip():
            raise ValueError("must be NAME=VALUE,NAME=VALUE")
        pairs[unquote(name.strip()).lower()] = unquote(value.strip())
    return pairs


def address(endpoint: str) -> str:
    """Where it is, without who asks. Raises ValueError for what is no endpoint."""
    parts = urlsplit(endpoint)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("must be http://HOST:PORT or https://HOST:PORT")
    if parts.username or parts.password or parts.query:
        raise ValueError("must have neither a user nor a query: the headers say who sends")
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
