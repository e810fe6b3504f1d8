"""What the instances of a service wrote: `GET /v1/{project_id}/services/{service_id}/logs/lines` in pages, and
`…/logs/watch` as server-sent events. An extension of the contract, whose own `…/logs` are the records of updates.

    id: 1041
    event: line
    data: {"number": 1041, "time": …, "text": …}

    event: skipped                   so many lines were cut before they could be told (null: nobody knows how many)
    data: {"lines": 120}

    event: deleted                   the service is gone, and all that is kept was told
    event: end                       whoever watches may not any more, the server ends, or `until` is ("over")
    data: {"error_msg": …}

A stream reads from the store as fast as its reader does, and nothing waits for it or is kept for it in memory. It
goes on after the line that Last-Event-ID names. A line that begins with a colon comes when nothing else did for a
while.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from modelyard.api.convert import logs as convert
from modelyard.api.documents import ERRORS, asks
from modelyard.api.requests import Caller, ContextDep, caller, query
from modelyard.api.routes.watch import ENDING, EVENTS, HEADERS, QUIET, STREAM, event
from modelyard.api.schemas import logs as wire
from modelyard.api.schemas.answer import body_of
from modelyard.domain.errors import Forbidden, Invalid, NotFound, Unauthenticated, Violation
from modelyard.domain.identity import Principal
from modelyard.domain.logs import Line, LogQuery
from modelyard.domain.texts import shown
from modelyard.logs.base import LogsUnavailableError
from modelyard.operations import logs
from modelyard.operations.bells import Bell
from modelyard.operations.context import Context
from modelyard.operations.logs import News
from modelyard.store.base import StoreUnavailableError

router = APIRouter(prefix="/v1/{project_id}/services", tags=["logs"], responses=ERRORS)

PIECE_BYTES = 64 * 1024
OVER = "until is over: nothing that is written now is looked for"


@router.get(
    "/{service_id}/logs/lines",
    summary="Read what instances wrote",
    response_model=wire.LogLinePage,
    openapi_extra=asks(wire.LogLineList),
)
async def lines(
    *,
    ctx: ContextDep,
    asking: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[wire.LogLineList, Depends(query(wire.LogLineList))],
    request: Request,
) -> wire.LogLinePage | Response:
    """In pages, in both directions: `newer` of an answer is the `after` of the next, `older` the `before`. Lines
    outlive their instance, and their service, until they are too old or too many. With `Accept: text/event-stream`
    it is the same as `watch`."""
    if EVENTS in request.headers.get("accept", ""):
        if asked.before is not None or asked.order is not None:
            raise Invalid(Violation("before" if asked.order is None else "order", "is for pages, not for streams"))
        return await _watched(ctx, asking, asked, request)
    page = await logs.page(ctx, asking, project_id, service_id, convert.line_query(asked, ctx.clock()))
    return convert.line_page(service_id, page)


@router.get(
    "/{service_id}/logs/watch",
    summary="Follow what instances write",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `line`, `skipped`, `deleted`, `end`.",
            "content": STREAM,
        }
    },
    openapi_extra=asks(wire.LogWatch),
)
async def watch(
    *,
    ctx: ContextDep,
    asking: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[wire.LogWatch, Depends(query(wire.LogWatch))],
    request: Request,
) -> Response:
    """Server-sent events: the lines that are there, then each as it comes. `Last-Event-ID` continues after a line,
    so that none is lost or doubled over a new connection; what was cut meanwhile is said."""
    return await _watched(ctx, asking, asked, request)


async def _watched(
    ctx: Context, asking: Principal, asked: wire.LogWatch | wire.LogLineList, request: Request
) -> Response:
    project_id, service_id = request.path_params["project_id"], request.path_params["service_id"]
    there = await logs.may_read(ctx, asking, project_id, service_id)
    wanted = convert.line_query(asked, ctx.clock())
    if seen := request.headers.get("last-event-id", "").strip():
        if not (seen.isascii() and seen.isdigit() and len(seen) < 19):
            raise Invalid(Violation("Last-Event-ID", f"is {shown(seen)}, must be the number of a line"))
        wanted = replace(wanted, after=int(seen))
    if request.scope["state"]["method"] == "HEAD":
        return Response(headers=HEADERS, media_type=EVENTS)
    bell = ctx.log_bells.enter(project_id, service_id)
    request.scope["state"]["ends"].append(partial(ctx.log_bells.leave, project_id, service_id, bell))
    after = await logs.begin(ctx, service_id, wanted, asked.limit)
    look = _Look(ctx, project_id, service_id, partial(caller, request, request.headers.get("x-auth-token")))
    stream = _events(look, _Asked(asking, there), wanted, after, bell)
    return StreamingResponse(stream, headers=HEADERS, media_type=EVENTS)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who watches, and whether the service is there still."""

    by: Principal
    there: bool


@dataclass(frozen=True, slots=True)
class _Look:
    """At the lines of one service. `again`: finds out who asks once more, as at the beginning."""

    ctx: Context
    project_id: str
    service_id: str
    again: Callable[[], Awaitable[Principal]]

    async def news(self, query: LogQuery, after: int) -> News | None:
        """None when nothing can be read now: then nobody knows what there is to tell."""
        with suppress(LogsUnavailableError):
            return await logs.news(self.ctx, self.service_id, query, after)
        return None

    async def allowed(self, asked: _Asked) -> _Asked:
        """Found out again. Raises Unauthenticated, Forbidden, NotFound."""
        with suppress(StoreUnavailableError, LogsUnavailableError):
            by = await self.again()
            return _Asked(by, await logs.may_read(self.ctx, by, self.project_id, self.service_id))
        return asked

    def over(self, query: LogQuery) -> bool:
        return query.until_ms is not None and self.ctx.clock() > query.until_ms


async def _events(
    look: _Look, asked: _Asked, query: LogQuery, after: int, bell: Bell
) -> AsyncGenerator[bytes, None]:
    bounds, time = look.ctx.log_bells.bounds, asyncio.get_running_loop().time
    spoke = checked = time()
    try:
        while not bell.closed:
            bell.hush()
            over = look.over(query)
            read = await look.news(query, after)
            news = read or News(after=after)
            after = news.after
            if news.skipped != 0:
                yield event("skipped", {"lines": news.skipped})
            for piece in _pieces(news.lines):
                yield piece
            if news.lines or news.skipped != 0:
                spoke = time()
            elif time() - spoke >= bounds.beat_s:
                yield QUIET
                spoke = time()
            if time() - checked >= bounds.beat_s:
                asked, checked = await look.allowed(asked), time()
            if news.more:
                continue
            if read is not None and not asked.there:
                yield event("deleted", {"service_id": look.service_id})
                return
            if read is not None and over:
                yield event("end", {"error_msg": OVER, "over": True})
                return
            await asyncio.sleep(bounds.apart_s)
            await bell.wait(min(bounds.look_s, max(bounds.beat_s - (time() - spoke), 0.0)))
        yield event("end", {"error_msg": ENDING})
    except NotFound:
        yield event("deleted", {"service_id": look.service_id})
    except (Unauthenticated, Forbidden) as error:
        yield event("end", {"error_msg": str(error)})


def _pieces(told: tuple[Line, ...]) -> Iterator[bytes]:
    """Events of lines, many in one write."""
    piece = bytearray()
    for one in told:
        piece += event("line", body_of(convert.line(one)), str(one.number))
        if len(piece) >= PIECE_BYTES:
            yield bytes(piece)
            piece.clear()
    if piece:
        yield bytes(piece)
