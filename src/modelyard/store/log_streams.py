"""Groups and streams of logs, which services they show, and how far lines were exported."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from modelyard.domain.log_streams import Channel, LogGroup, LogStream


class LogStreamReads(Protocol):
    async def log_groups(self, project_id: str) -> Sequence[LogGroup]:
        """By name."""

    async def log_group(self, project_id: str, group_id: str) -> LogGroup | None: ...

    async def log_group_named(self, project_id: str, name: str) -> LogGroup | None: ...

    async def log_streams(self, project_id: str, group_id: str | None = None) -> Sequence[LogStream]:
        """By name."""

    async def log_stream(self, project_id: str, stream_id: str) -> LogStream | None: ...

    async def log_stream_named(self, group_id: str, name: str) -> LogStream | None: ...

    async def channels(self, stream_id: str | None = None, service_id: str | None = None) -> Sequence[Channel]:
        """Those of a stream, of a service, or all; the oldest first."""

    async def log_exports(self, target: str) -> Mapping[str, int]:
        """Service id → the number of its last line that `target` has acknowledged."""


class LogStreamWrites(LogStreamReads, Protocol):
    async def add_log_group(self, group: LogGroup) -> None:
        """Raises AlreadyExists for a name taken in the project."""

    async def set_log_group_ttl(self, group_id: str, ttl_days: int) -> None: ...

    async def delete_log_group(self, group_id: str) -> None:
        """With its streams and their channels."""

    async def add_log_stream(self, stream: LogStream) -> None:
        """Raises AlreadyExists for a name taken in the group."""

    async def delete_log_stream(self, stream_id: str) -> None:
        """With its channels."""

    async def add_channels(self, channels: Sequence[Channel]) -> None: ...

    async def delete_channels(self, service_ids: Collection[str]) -> None: ...

    async def save_log_exports(self, target: str, numbers: Mapping[str, int]) -> None: ...

    async def forget_log_exports(self, service_ids: Collection[str]) -> None:
        """Of every target."""
