"""Watch a service: `GET /v1/{project_id}/services/{service_id}/watch`, server-sent events. An extension of the
contract.

    id: 3.2-5d41402a
    event: service
    data: {"service_id": …}          what GET …/services/{id} answers

    event: deleted                   it is gone; the stream ends
    data: {"service_id": …}

    event: end                       whoever watches may not any more, or the server ends
    data: {"error_msg": …}

The first event comes at once, unless Last-Event-ID says that it was seen; then one whenever something changed. A
line that begins with a colon comes when nothing else did for a while.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from modelyard.api import convert
from modelyard.api.documents import ERRORS
from modelyard.api.requests import Caller, ContextDep, caller
from modelyard.api.schemas.answer import body_of
from modelyard.domain.errors import Forbidden, NotFound, Unauthenticated
from modelyard.domain.identity import Principal
from modelyard.operations import reading
from modelyard.operations.bells import Bell
from modelyard.operations.context import Context
from modelyard.operations.reading import Detail
from modelyard.operations.services.preconditions import tag
from modelyard.store.base import StoreUnavailableError

router = APIRouter(prefix="/v1/{project_id}/services", tags=["watching"], responses=ERRORS)

EVENTS = "text/event-stream"
STREAM: dict[str, Any] = {EVENTS: {"schema": {}}}
"""What such an answer is, for the reference."""
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
QUIET = b": nothing new\n\n"
ENDING = "the server ends: watch again"


@router.get(
    "/{service_id}/watch",
    summary="Watch a service",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `service` (what GET of the service answers), `deleted`, `end`.",
            "content": STREAM,
        }
    },
)
async def watch(ctx: ContextDep, asking: Caller, project_id: str, service_id: str, request: Request) -> Response:
    """Server-sent events: the service as it is, then once more whenever it has changed, until it is deleted. A
    slow reader misses what came in between, never what came last. `Last-Event-ID` continues where an earlier
    stream broke off."""
    detail = await reading.detail(ctx, asking, project_id, service_id)
    if request.scope["state"]["method"] == "HEAD":
        return Response(headers=HEADERS, media_type=EVENTS)
    bell = ctx.bells.enter(project_id, service_id)
    request.scope["state"]["ends"].append(partial(ctx.bells.leave, project_id, service_id, bell))
    token = request.headers.get("x-auth-token")
    look = _Look(ctx, project_id, service_id, partial(caller, request, token))
    stream = _events(look, asking, detail, bell, request.headers.get("last-event-id", ""))
    return StreamingResponse(stream, headers=HEADERS, media_type=EVENTS)


@dataclass(frozen=True, slots=True)
class _Look:
    """At one service. `again`: finds out who asks once more, as at the beginning."""

    ctx: Context
    project_id: str
    service_id: str
    again: Callable[[], Awaitable[Principal]]

    async def detail(self, asking: Principal) -> Detail | None:
        """None: nothing can be read now. Raises NotFound, Forbidden."""
        with suppress(StoreUnavailableError):
            return await reading.detail(self.ctx, asking, self.project_id, self.service_id)
        return None

    async def allowed(self, asking: Principal) -> Principal:
        """Raises Unauthenticated, Forbidden."""
        with suppress(StoreUnavailableError):
            return await self.again()
        return asking


async def _events(
    look: _Look, asking: Principal, detail: Detail | None, bell: Bell, seen: str
) -> AsyncGenerator[bytes, None]:
    bounds, time = look.ctx.bells.bounds, asyncio.get_running_loop().time
    spoke = checked = time()
    try:
        while not bell.closed:
            if detail is not None:
                number, data = _told(detail, look.ctx.gateway_url)
                if number != seen:
                    yield event("service", data, number)
                    seen, spoke = number, time()
            if time() - spoke >= bounds.beat_s:
                yield QUIET
                spoke = time()
            await asyncio.sleep(bounds.apart_s)
            await bell.wait(_until_next(detail, bounds.beat_s - (time() - spoke), bounds.look_s))
            bell.hush()
            if time() - checked >= bounds.beat_s:
                asking, checked = await look.allowed(asking), time()
            detail = await look.detail(asking)
        yield event("end", {"error_msg": ENDING})
    except NotFound:
        yield event("deleted", {"service_id": look.service_id})
    except (Unauthenticated, Forbidden) as error:
        yield event("end", {"error_msg": str(error)})


def _until_next(detail: Detail | None, left_s: float, look_s: float) -> float:
    """How long to wait for the bell: it does not ring for rows."""
    busy = detail is None or (detail.task is not None and detail.task.task.at_work)
    return max(min(left_s, look_s) if busy else left_s, 0.0)


def _told(detail: Detail, gateway_url: str) -> tuple[str, object]:
    """What is told of it, and what names it: its ETag, and what it looks like."""
    data = body_of(convert.service_detail(detail, gateway_url))
    digest = hashlib.sha256(json.dumps(data).encode()).hexdigest()[:12]
    return f"{tag(detail.service)}-{digest}", data


def event(kind: str, data: object, number: str = "") -> bytes:
    """One server-sent event; `number`: its id."""
    name = f"id: {number}\n" if number else ""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    return f"{name}event: {kind}\ndata: {text}\n\n".encode()
