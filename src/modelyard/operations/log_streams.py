"""Use cases of groups and streams of logs (contract §7): make, list, change and delete them.

A stream that a service reports to cannot be deleted: the service could not be told to report elsewhere (what is
enabled of `log_report_channels` stays as it is). That of a deleted service can.
"""

import re
from collections.abc import Sequence
from hashlib import sha256

from modelyard.domain.errors import Conflict, Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal
from modelyard.domain.log_streams import LogGroup, LogStream
from modelyard.domain.texts import shown
from modelyard.operations.context import Context, authorise
from modelyard.store.base import ReadTransaction

NAME = re.compile(r"[A-Za-z0-9-](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9_-])?")
NAME_RULE = "must be 1 to 64 letters, digits, '_', '-' or '.', not begin with '.' or '_' and not end with '.'"
TTL_DAYS = 30
MOST_TTL_DAYS = 365
MOST_GROUPS = 100
MOST_STREAMS = 100
"""Of a project; of a group."""


async def groups(ctx: Context, principal: Principal, project_id: str) -> Sequence[LogGroup]:
    authorise(principal, project_id, CONTROL_READ, "listLogGroups")
    async with ctx.store.read() as r:
        return await r.log_groups(project_id)


async def create_group(
    ctx: Context, principal: Principal, project_id: str, name: str | None, ttl_days: int | None
) -> LogGroup:
    """Raises Forbidden, Invalid, AlreadyExists."""
    authorise(principal, project_id, CONTROL_WRITE, "createLogGroup")
    if wrong := (*_name("log_group_name", name), *_ttl(ttl_days)):
        raise Invalid(*wrong)
    made = LogGroup(new_id(ctx), project_id, name or "", ttl_days or TTL_DAYS, ctx.clock())
    async with ctx.store.write() as w:
        if len(await w.log_groups(project_id)) >= MOST_GROUPS:
            raise Conflict(f"a project has at most {MOST_GROUPS} log groups: delete one first", code="0104")
        await w.add_log_group(made)
    return made


async def change_group(
    ctx: Context, principal: Principal, project_id: str, group_id: str, ttl_days: int | None
) -> LogGroup:
    """Another ttl. Raises Forbidden, NotFound, Invalid."""
    authorise(principal, project_id, CONTROL_WRITE, "updateLogGroup")
    wrong = [*_ttl(ttl_days)] if ttl_days is not None else [Violation("ttl_in_days", "is mandatory")]
    async with ctx.store.write() as w:
        await group(w, project_id, group_id)
        if wrong:
            raise Invalid(*wrong)
        await w.set_log_group_ttl(group_id, ttl_days or TTL_DAYS)
        return await group(w, project_id, group_id)


async def delete_group(ctx: Context, principal: Principal, project_id: str, group_id: str) -> None:
    """With its streams. Raises Forbidden, NotFound, Conflict."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteLogGroup")
    async with ctx.store.write() as w:
        await group(w, project_id, group_id)
        for stream in await w.log_streams(project_id, group_id):
            await _unused(w, stream)
        await w.delete_log_group(group_id)


async def streams(
    ctx: Context, principal: Principal, project_id: str, group_id: str | None = None
) -> Sequence[tuple[LogGroup, LogStream]]:
    """Of a group, or all of the project. Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "listLogStreams")
    async with ctx.store.read() as r:
        if group_id is not None:
            await group(r, project_id, group_id)
        of = {one.id: one for one in await r.log_groups(project_id)}
        return [(of[one.group_id], one) for one in await r.log_streams(project_id, group_id)]


async def create_stream(
    ctx: Context, principal: Principal, project_id: str, group_id: str, *, name: str | None, ttl_days: int | None
) -> LogStream:
    """Raises Forbidden, NotFound, Invalid, AlreadyExists."""
    authorise(principal, project_id, CONTROL_WRITE, "createLogStream")
    made = LogStream(new_id(ctx), group_id, project_id, name or "", ctx.clock(), ttl_days)
    async with ctx.store.write() as w:
        await group(w, project_id, group_id)
        if wrong := (*_name("log_stream_name", name), *_ttl(ttl_days)):
            raise Invalid(*wrong)
        if len(await w.log_streams(project_id, group_id)) >= MOST_STREAMS:
            raise Conflict(f"a log group has at most {MOST_STREAMS} streams: delete one first", code="0104")
        await w.add_log_stream(made)
    return made


async def delete_stream(
    ctx: Context, principal: Principal, project_id: str, group_id: str, stream_id: str
) -> None:
    """Raises Forbidden, NotFound, Conflict."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteLogStream")
    async with ctx.store.write() as w:
        _, found = await stream(w, project_id, group_id, stream_id)
        await _unused(w, found)
        await w.delete_log_stream(stream_id)


async def group(r: ReadTransaction, project_id: str, group_id: str) -> LogGroup:
    """Raises NotFound."""
    found = await r.log_group(project_id, group_id)
    if found is None:
        raise NotFound("log group", group_id)
    return found


async def stream(r: ReadTransaction, project_id: str, group_id: str, stream_id: str) -> tuple[LogGroup, LogStream]:
    """Raises NotFound."""
    of = await group(r, project_id, group_id)
    found = await r.log_stream(project_id, stream_id)
    if found is None or found.group_id != group_id:
        raise NotFound("log stream", stream_id)
    return of, found


def new_id(ctx: Context) -> str:
    """64 characters, as the vendor's."""
    return sha256(ctx.new_id().encode()).hexdigest()


async def _unused(r: ReadTransaction, stream: LogStream) -> None:
    for channel in await r.channels(stream_id=stream.id):
        if await r.service(stream.project_id, channel.service_id) is not None:
            raise Conflict(
                f"service {shown(channel.service_name)} reports to log stream {shown(stream.name)}, "
                "and that cannot be changed: delete the service first",
                code="0104",
            )


def _name(field: str, name: str | None) -> Sequence[Violation]:
    if name is None:
        return (Violation(field, "is mandatory"),)
    return () if NAME.fullmatch(name) else (Violation(field, f"is {shown(name)}, {NAME_RULE}"),)


def _ttl(days: int | None) -> Sequence[Violation]:
    if days is None or 1 <= days <= MOST_TTL_DAYS:
        return ()
    return (Violation("ttl_in_days", f"is {days}, must be 1 to {MOST_TTL_DAYS}"),)
