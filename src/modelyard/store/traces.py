"""Changes that are under way, as traces, and spans that wait to be exported. Written only while traces are."""

from collections.abc import Sequence
from typing import Protocol

from modelyard.domain.tracing import OpenTrace, Span


class TraceReads(Protocol):
    async def open_trace(self, service_id: str) -> OpenTrace | None:
        """The last change of the service that something may still come of."""

    async def waiting_spans(self, limit: int) -> Sequence[tuple[int, Span]]:
        """The oldest, each with its number."""

    async def count_spans(self) -> int: ...


class TraceWrites(TraceReads, Protocol):
    async def save_open_trace(self, trace: OpenTrace) -> None:
        """In place of the one that the service had."""

    async def close_trace(self, service_id: str) -> None: ...

    async def add_spans(self, spans: Sequence[Span]) -> None:
        """One that waits already, by its id, is replaced."""

    async def delete_spans(self, numbers: Sequence[int]) -> None: ...

    async def forget_traces(self) -> None:
        """All of them, and every span."""
