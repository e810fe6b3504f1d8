"""Groups and streams of logs, which services they show, and how far lines were exported: statements."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, insert, select, update

from modelyard.domain.log_streams import Channel, LogGroup, LogStream
from modelyard.store.sql.log_tables import log_channels, log_exports, log_groups, log_streams
from modelyard.store.sql.session import Session, chunks


def _group(row: Row[Any]) -> LogGroup:
    return LogGroup(row.id, row.project_id, row.name, row.ttl_days, row.created_ms)


def _stream(row: Row[Any]) -> LogStream:
    return LogStream(row.id, row.group_id, row.project_id, row.name, row.created_ms, row.ttl_days)


class LogStreamReading(Session):
    async def log_groups(self, project_id: str) -> Sequence[LogGroup]:
        statement = select(log_groups).where(log_groups.c.project_id == project_id).order_by(log_groups.c.name)
        return [_group(row) for row in await self._rows(statement)]

    async def log_group(self, project_id: str, group_id: str) -> LogGroup | None:
        c = log_groups.c
        row = await self._row(select(log_groups).where(c.id == group_id, c.project_id == project_id))
        return None if row is None else _group(row)

    async def log_group_named(self, project_id: str, name: str) -> LogGroup | None:
        c = log_groups.c
        row = await self._row(select(log_groups).where(c.project_id == project_id, c.name == name))
        return None if row is None else _group(row)

    async def log_streams(self, project_id: str, group_id: str | None = None) -> Sequence[LogStream]:
        c = log_streams.c
        statement = select(log_streams).where(c.project_id == project_id).order_by(c.name, c.id)
        if group_id is not None:
            statement = statement.where(c.group_id == group_id)
        return [_stream(row) for row in await self._rows(statement)]

    async def log_stream(self, project_id: str, stream_id: str) -> LogStream | None:
        c = log_streams.c
        row = await self._row(select(log_streams).where(c.id == stream_id, c.project_id == project_id))
        return None if row is None else _stream(row)

    async def log_stream_named(self, group_id: str, name: str) -> LogStream | None:
        c = log_streams.c
        row = await self._row(select(log_streams).where(c.group_id == group_id, c.name == name))
        return None if row is None else _stream(row)

    async def channels(self, stream_id: str | None = None, service_id: str | None = None) -> Sequence[Channel]:
        c = log_channels.c
        statement = select(log_channels).order_by(c.since_ms, c.service_id, c.stream_id)
        if stream_id is not None:
            statement = statement.where(c.stream_id == stream_id)
        if service_id is not None:
            statement = statement.where(c.service_id == service_id)
        return [
            Channel(row.stream_id, row.service_id, row.service_name, row.project_id, row.since_ms)
            for row in await self._rows(statement)
        ]

    async def log_exports(self, target: str) -> Mapping[str, int]:
        rows = await self._rows(select(log_exports).where(log_exports.c.target == target))
        return {row.service_id: row.number for row in rows}


class LogStreamWriting(LogStreamReading):
    async def add_log_group(self, group: LogGroup) -> None:
        row = {
            "id": group.id,
            "project_id": group.project_id,
            "name": group.name,
            "ttl_days": group.ttl_days,
            "created_ms": group.created_ms,
        }
        await self._add(insert(log_groups).values(row), "log group", group.name)

    async def set_log_group_ttl(self, group_id: str, ttl_days: int) -> None:
        await self._run(update(log_groups).where(log_groups.c.id == group_id).values(ttl_days=ttl_days))

    async def delete_log_group(self, group_id: str) -> None:
        await self._run(delete(log_groups).where(log_groups.c.id == group_id))

    async def add_log_stream(self, stream: LogStream) -> None:
        row = {
            "id": stream.id,
            "group_id": stream.group_id,
            "project_id": stream.project_id,
            "name": stream.name,
            "ttl_days": stream.ttl_days,
            "created_ms": stream.created_ms,
        }
        await self._add(insert(log_streams).values(row), "log stream", stream.name)

    async def delete_log_stream(self, stream_id: str) -> None:
        await self._run(delete(log_streams).where(log_streams.c.id == stream_id))

    async def add_channels(self, channels: Sequence[Channel]) -> None:
        rows = [
            {
                "stream_id": channel.stream_id,
                "service_id": channel.service_id,
                "service_name": channel.service_name,
                "project_id": channel.project_id,
                "since_ms": channel.since_ms,
            }
            for channel in channels
        ]
        await self._upsert(log_channels, rows, keep=frozenset({"since_ms"}))

    async def delete_channels(self, service_ids: Collection[str]) -> None:
        for ids in chunks([*service_ids]):
            await self._run(delete(log_channels).where(log_channels.c.service_id.in_(ids)))

    async def save_log_exports(self, target: str, numbers: Mapping[str, int]) -> None:
        rows = [{"target": target, "service_id": id_, "number": number} for id_, number in numbers.items()]
        await self._upsert(log_exports, rows)

    async def forget_log_exports(self, service_ids: Collection[str]) -> None:
        for ids in chunks([*service_ids]):
            await self._run(delete(log_exports).where(log_exports.c.service_id.in_(ids)))
