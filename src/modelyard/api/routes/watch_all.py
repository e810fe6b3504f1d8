"""Watch all services of a project: `GET /v1/{project_id}/services/watch`, server-sent events. An extension.

    event: services                  what there is, when the stream begins with nothing that is known
    data: {"service_ids": […]}

    event: service                   what GET …/services says of one, at first and when it changed
    data: {"service_id": …}

    id: 5d41402a.3-17                with the last of what was told together
    event: deleted                   one is gone
    data: {"service_id": …}

    event: end                       whoever watches may not any more, or the server ends

`Last-Event-ID` continues where an earlier stream broke off: what changed since is told, and what was deleted.
Where nobody knows that any more, for the server was started anew, the stream begins as if nothing were known: what
a watcher has that is not in `services` was deleted meanwhile. Counts of calls alone are no change.
"""

import asyncio
import hashlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse

from modelyard.api import convert
from modelyard.api.documents import ERRORS
from modelyard.api.requests import Caller, ContextDep, caller
from modelyard.api.routes.watch import ENDING, EVENTS, HEADERS, QUIET, STREAM, event
from modelyard.api.schemas.answer import Json, body_of
from modelyard.domain.errors import Forbidden, Unauthenticated
from modelyard.domain.identity import Principal
from modelyard.operations import reading
from modelyard.operations.bells import EVERY, Bell
from modelyard.operations.context import Context
from modelyard.operations.sights import Sights
from modelyard.store.base import StoreUnavailableError
from modelyard.store.page import Page
from modelyard.store.services import ServiceQuery

router = APIRouter(prefix="/v1/{project_id}/services", tags=["watching"], responses=ERRORS)

ALL = ServiceQuery(page=Page(limit=1_000_000))
COUNTS = frozenset({"invocation_times", "failed_times"})
SHARE = 10
"""Looking takes at most a tenth of the time, however many services there are."""


@router.get(
    "/watch",
    summary="Watch all services of a project",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "Server-sent events: `services`, `service` (as in the list), `deleted`, `end`.",
            "content": STREAM,
        }
    },
)
async def watch_all(ctx: ContextDep, asking: Caller, project_id: str, request: Request) -> Response:
    """Server-sent events: every service as the list has it, then each that has changed, and which were deleted. A
    slow reader misses what came in between, never what came last. `Last-Event-ID` continues where an earlier
    stream broke off."""
    look = _Look(ctx, project_id, partial(caller, request, request.headers.get("x-auth-token")))
    found = await look.found(asking)
    if request.scope["state"]["method"] == "HEAD":
        return Response(headers=HEADERS, media_type=EVENTS)
    bell = ctx.bells.enter(project_id, EVERY)
    request.scope["state"]["ends"].append(partial(ctx.bells.leave, project_id, EVERY, bell))
    stream = _events(look, asking, found, bell, request.headers.get("last-event-id", ""))
    return StreamingResponse(stream, headers=HEADERS, media_type=EVENTS)


@dataclass(frozen=True, slots=True)
class _Found:
    """What there is, by id. `busy`: rows of a task are predicted, for which no bell rings."""

    services: Mapping[str, Json]
    busy: bool

    def words(self) -> Mapping[str, str]:
        """What changes with each."""
        told = ({name: each for name, each in one.items() if name not in COUNTS} for one in self.services.values())
        texts = (json.dumps(one).encode() for one in told)
        return dict(zip(self.services, (hashlib.sha256(text).hexdigest()[:16] for text in texts), strict=True))


@dataclass(frozen=True, slots=True)
class _Look:
    ctx: Context
    project_id: str
    again: Callable[[], Awaitable[Principal]]

    async def found(self, asking: Principal) -> _Found:
        """Raises Forbidden, StoreUnavailableError."""
        _, page = await reading.services(self.ctx, asking, self.project_id, ALL)
        shown = {one.service.id: body_of(convert.service_summary(one, self.ctx.gateway_url)) for one in page}
        return _Found(shown, any(one.task is not None and one.task.task.at_work for one in page))

    async def allowed(self, asking: Principal) -> Principal:
        """Raises Unauthenticated, Forbidden."""
        with suppress(StoreUnavailableError):
            return await self.again()
        return asking


async def _events(
    look: _Look, asking: Principal, found: _Found, bell: Bell, seen: str
) -> AsyncGenerator[bytes, None]:
    bounds, time = look.ctx.bells.bounds, asyncio.get_running_loop().time
    sights = look.ctx.bells.sights.of(look.project_id)
    spoke = checked = time()
    cost_s = 0.0
    sights.look(found.words(), found.services)
    number = sights.known(seen)
    if number is None:
        yield event("services", {"service_ids": list(found.services)}, "" if found.services else sights.mark())
    try:
        while not bell.closed:
            pieces, number = _told(sights, number), sights.number
            for piece in pieces:
                yield piece
                spoke = time()
            if time() - spoke >= bounds.beat_s:
                yield QUIET
                spoke = time()
            await asyncio.sleep(max(bounds.apart_s, SHARE * cost_s))
            left_s = bounds.beat_s - (time() - spoke)
            await bell.wait(max(min(left_s, bounds.look_s) if found.busy else left_s, 0.0))
            bell.hush()
            if time() - checked >= bounds.beat_s:
                asking, checked = await look.allowed(asking), time()
            began = time()
            with suppress(StoreUnavailableError):
                found = await look.found(asking)
                sights.look(found.words(), found.services)
            cost_s = time() - began
        yield event("end", {"error_msg": ENDING})
    except (Unauthenticated, Forbidden) as error:
        yield event("end", {"error_msg": str(error)})


def _told(sights: Sights, number: int | None) -> list[bytes]:
    """Only the last one has the mark: whoever breaks off before is told all of them again."""
    missed, mark = sights.since(number), sights.mark()
    told = [("service", sights.shown[one]) for one in missed.changed]
    told += [("deleted", {"service_id": one}) for one in missed.gone]
    return [event(kind, data, mark if at == len(told) else "") for at, (kind, data) in enumerate(told, start=1)]
