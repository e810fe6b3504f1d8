"""Groups and streams of logs: `/v2/{project_id}/groups…` (contract §7), as the public API of LTS has them."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.requests import Caller, ContextDep, body, query
from modelyard.api.schemas import log_streams as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.core import log_words
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.log_streams import LogGroup, LogStream
from modelyard.operations import log_stream_query, log_streams
from modelyard.operations.log_stream_query import SearchType, Shown, StreamQuery

router = APIRouter(prefix="/v2/{project_id}", tags=["log streams (LTS)"], responses=ERRORS)

Json = dict[str, Any]
DEFAULT_LIMIT = 50
TAG = "HighLightTag"


@router.get("/groups", summary="List log groups")
async def groups(ctx: ContextDep, caller: Caller, project_id: str) -> Json:
    return {"log_groups": [_group(one) for one in await log_streams.groups(ctx, caller, project_id)]}


@router.post(
    "/groups",
    status_code=201,
    summary="Create a log group",
    openapi_extra=takes(wire.LogGroupCreate, wire.GROUP),
)
async def create_group(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    sent: Annotated[Parsed[wire.LogGroupCreate], Depends(body(wire.LogGroupCreate))],
) -> Json:
    """`ttl_in_days`: its streams show no older lines. How long lines are kept at all is the server's to say."""
    if sent.violations:
        raise Invalid(*sent.violations)
    value = sent.value
    made = await log_streams.create_group(ctx, caller, project_id, value.log_group_name, value.ttl_in_days)
    return {"log_group_id": made.id}


@router.post(
    "/groups/{log_group_id}",
    summary="Change how far back a log group shows",
    openapi_extra=takes(wire.LogGroupUpdate, {"ttl_in_days": 30}),
)
async def change_group(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    log_group_id: str,
    sent: Annotated[Parsed[wire.LogGroupUpdate], Depends(body(wire.LogGroupUpdate))],
) -> Json:
    if sent.violations:
        raise Invalid(*sent.violations)
    return _group(await log_streams.change_group(ctx, caller, project_id, log_group_id, sent.value.ttl_in_days))


@router.delete("/groups/{log_group_id}", summary="Delete a log group")
async def delete_group(ctx: ContextDep, caller: Caller, project_id: str, log_group_id: str) -> Json:
    """With its streams, none of which a service may report to. The lines of services stay."""
    await log_streams.delete_group(ctx, caller, project_id, log_group_id)
    return {}


@router.get("/groups/{log_group_id}/streams", summary="List the streams of a log group")
async def streams(ctx: ContextDep, caller: Caller, project_id: str, log_group_id: str) -> Json:
    found = await log_streams.streams(ctx, caller, project_id, log_group_id)
    return {"log_streams": [_stream(*one) for one in found]}


@router.get("/log-streams", summary="List all log streams", openapi_extra=asks(wire.LogStreamList))
async def all_streams(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[wire.LogStreamList, Depends(query(wire.LogStreamList))],
) -> Json:
    """Of every group."""
    found = await log_streams.streams(ctx, caller, project_id)
    chosen = [
        (group, stream)
        for group, stream in found
        if asked.log_group_name in (None, group.name) and asked.log_stream_name in (None, stream.name)
    ]
    return {"log_streams": [{**_stream(*one), "log_group_id": one[0].id} for one in chosen]}


@router.post(
    "/groups/{log_group_id}/streams",
    status_code=201,
    summary="Create a log stream",
    openapi_extra=takes(wire.LogStreamCreate, wire.STREAM),
)
async def create_stream(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    log_group_id: str,
    sent: Annotated[Parsed[wire.LogStreamCreate], Depends(body(wire.LogStreamCreate))],
) -> Json:
    """It shows the lines of the services whose `log_report_channels` name it."""
    if sent.violations:
        raise Invalid(*sent.violations)
    value = sent.value
    made = await log_streams.create_stream(
        ctx, caller, project_id, log_group_id, name=value.log_stream_name, ttl_days=value.ttl_in_days
    )
    return {"log_stream_id": made.id}


@router.delete("/groups/{log_group_id}/streams/{log_stream_id}", summary="Delete a log stream")
async def delete_stream(
    ctx: ContextDep, caller: Caller, project_id: str, log_group_id: str, log_stream_id: str
) -> Json:
    """Which no service may report to. The lines of services stay."""
    await log_streams.delete_stream(ctx, caller, project_id, log_group_id, log_stream_id)
    return {}


@router.post(
    "/groups/{log_group_id}/streams/{log_stream_id}/content/query",
    summary="Read the lines of a log stream",
    openapi_extra=takes(wire.LogContentQuery, wire.QUERY),
)
async def content(
    *,
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    log_group_id: str,
    log_stream_id: str,
    sent: Annotated[Parsed[wire.LogContentQuery], Depends(body(wire.LogContentQuery))],
) -> Json:
    """Page by page, in both directions: from the `line_num` of the last line on, until `isQueryComplete`."""
    asked = _asked(sent)
    page = await log_stream_query.query(ctx, caller, project_id, (log_group_id, log_stream_id), asked)
    lit = _highlighter(asked.words) if sent.value.highlight else None
    return {
        "count": page.count,
        "logs": [_line(one, lit) for one in page.lines],
        "isQueryComplete": page.complete,
    }


def _asked(sent: Parsed[wire.LogContentQuery]) -> StreamQuery:
    """Raises Invalid."""
    value, violations = sent.value, [*sent.violations]
    words, wrong = log_words.parsed("keywords", value.keywords)
    violations += wrong
    start, end = value.start_time, value.end_time
    if start is not None and end is not None and start > end:
        violations.append(Violation("start_time", f"is {start}, must not be after end_time, {end}"))
    if violations:
        raise Invalid(*violations)
    line_num = "" if value.line_num is None else str(value.line_num)
    search = SearchType(value.search_type or (SearchType.FORWARDS if line_num else SearchType.INIT))
    return StreamQuery(
        words=words,
        labels={name: str(label) for name, label in (value.labels or {}).items()},
        since_ms=start,
        until_ms=end,
        search=search,
        line_num=line_num,
        newest_first=bool(value.is_desc),
        limit=value.limit or DEFAULT_LIMIT,
        count=bool(value.is_count),
    )


def _line(shown: Shown, lit: re.Pattern[str] | None) -> Json:
    line = shown.placed.line
    return {
        "content": lit.sub(rf"<{TAG}>\g<0></{TAG}>", line.text) if lit else line.text,
        "line_num": shown.placed.name,
        "labels": log_stream_query.labels_of(line, shown.service_name),
    }


def _highlighter(words: tuple[str, ...]) -> re.Pattern[str] | None:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if words else None


def _group(group: LogGroup) -> Json:
    return {
        "log_group_id": group.id,
        "log_group_name": group.name,
        "ttl_in_days": group.ttl_days,
        "creation_time": group.created_ms,
    }


def _stream(group: LogGroup, stream: LogStream) -> Json:
    return {
        "log_stream_id": stream.id,
        "log_stream_name": stream.name,
        "ttl_in_days": group.ttl_days if stream.ttl_days is None else stream.ttl_days,
        "creation_time": stream.created_ms,
        "filter_count": 0,
    }
