"""The port to whoever spans are exported to: it raises what `otlp.base` says."""

from collections.abc import Sequence
from typing import Protocol

from modelyard.domain.tracing import Span


class SpanReceiver(Protocol):
    async def send(self, spans: Sequence[Span]) -> int:
        """Returns how many of them it refused for good."""

    async def close(self) -> None: ...
