"""The port to whoever lines are exported to.

Contract: `send` returns when the receiver has taken the lines, with how many of them it refused for good. It
raises ReceiverAwayError for what may be sent again later as it is, LinesRefusedError for what will never be taken
in one piece (too large, or not understood).
"""

from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import unquote, urlsplit

from modelyard.domain.logs import Line

GRPC, HTTP = "grpc", "http/protobuf"
PROTOCOLS = (GRPC, HTTP)


class ReceiverAwayError(Exception):
    """Nothing was taken, or nobody knows: send it again. `after_s`: not before (None: the sender decides)."""

    def __init__(self, text: str, after_s: float | None = None) -> None:
        super().__init__(text)
        self.after_s = after_s


class LinesRefusedError(Exception):
    """The receiver will not take these lines."""


class LogReceiver(Protocol):
    async def send(self, lines: Sequence[Line], names: Mapping[str, str]) -> int:
        """`names`: service id → name."""

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
        raise ValueError("must have neither a user nor a query: MODELYARD_OTLP_HEADERS says who sends")
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
