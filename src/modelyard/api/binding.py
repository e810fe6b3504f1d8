"""What a caller binds a change to: `?dry_run`, `If-Match` and `Idempotency-Key`, and the headers of the answer.

Extensions: a client that sends none of them is answered as ever, with one header more (`ETag`).
"""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Request, Response
from fastapi.responses import JSONResponse

from modelyard.api import convert
from modelyard.api.requests import Caller, query, raw_body
from modelyard.api.schemas.answer import Answer, Json, body_of
from modelyard.api.schemas.plans import Plan
from modelyard.api.schemas.queries import Change, Removal
from modelyard.domain.errors import Invalid, Violation
from modelyard.domain.service import Service
from modelyard.operations import acting
from modelyard.operations.context import Context
from modelyard.operations.services.dry_run import planned
from modelyard.operations.services.preconditions import Answered, Changed, Preconditions, Repeat, tag

AnswerT = TypeVar("AnswerT", bound=Answer)

KEY = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?")
REPLAYED = "Idempotent-Replayed"

HEADERS: dict[str, Json] = {
    "If-Match": {"type": "string", "description": "ETags of the service; otherwise 412. `*`: any."},
    "Idempotency-Key": {
        "type": "string",
        "maxLength": 255,
        "description": "names this request: it is done once within 24 hours, however often it is sent",
    },
}


def binds(*, key: bool = True) -> Json:
    """openapi_extra of a route that takes a Binding."""
    asked = [
        {"name": name, "in": "header", "required": False, "schema": schema}
        for name, schema in HEADERS.items()
        if key or name == "If-Match"
    ]
    if key:
        flag = {"type": "boolean", "description": "change nothing, answer with the plan"}
        asked.append({"name": "dry_run", "in": "query", "required": False, "schema": flag})
    return {"parameters": asked}


class Use(Protocol):
    """A use case that changes a service, with everything but what it is bound to."""

    def __call__(self, *, preconditions: Preconditions) -> Awaitable[Changed]: ...


@dataclass(frozen=True, slots=True)
class Binding:
    """`tags`: as in Preconditions. `key` "" when there is none."""

    tags: frozenset[str] | None
    key: str
    digest: str
    dry_run: bool
    response: Response

    async def answer(self, ctx: Context, use: Use, shown: Callable[[Changed], AnswerT]) -> AnswerT | Plan:
        """Do it, or plan it; what is answered, with its headers set."""
        if self.dry_run:
            acting.unchanged()
            plan = await planned(ctx, use(preconditions=Preconditions(self.tags, dry_run=True)))
            if plan.before is not None:
                self.response.headers["ETag"] = etag(plan.before)
            return convert.plan(plan)
        repeat = Repeat(self.key, self.digest, lambda changed: _written(shown(changed), changed))
        changed = await use(preconditions=Preconditions(self.tags, repeat if self.key else None))
        self.response.headers["ETag"] = etag(changed.service)
        return shown(changed)


async def binding(
    request: Request, response: Response, caller: Caller, asked: Annotated[Change, Depends(query(Change))]
) -> Binding:
    """A dependency; raises Invalid."""
    key = request.headers.get("idempotency-key", "").strip()
    if key and not KEY.fullmatch(key):
        raise Invalid(Violation("Idempotency-Key", "must be 1 to 255 printable ASCII characters"))
    about = [caller.user_id, request.method, request.scope["path"], request.url.query]
    digest = hashlib.sha256(json.dumps(about).encode() + await raw_body(request)).hexdigest() if key else ""
    return Binding(tags(request.headers.getlist("if-match")), key, digest, bool(asked.dry_run), response)


def removal(request: Request, _: Annotated[Removal, Depends(query(Removal))]) -> Preconditions:
    """What a DELETE is bound to: each service must have one of the tags. A dependency."""
    return Preconditions(tags(request.headers.getlist("if-match")))


def tags(headers: list[str]) -> frozenset[str] | None:
    """The opaque parts of an If-Match; None for no header and for `*`. Weak tags count as well, since proxies that
    compress make tags weak."""
    members = [member.strip() for header in headers for member in header.split(",") if member.strip()]
    if not headers or "*" in members:
        return None
    return frozenset(member.removeprefix("W/").strip('"') for member in members)


def etag(service: Service) -> str:
    return f'"{tag(service)}"'


def replayed(answered: Answered) -> JSONResponse:
    """The answer that was kept."""
    kept = json.loads(answered.answer)
    return JSONResponse(kept["body"], status_code=answered.status, headers={**kept["headers"], REPLAYED: "true"})


def _written(answer: Answer, changed: Changed) -> str:
    return json.dumps({"body": body_of(answer), "headers": {"ETag": etag(changed.service)}})


Bound = Annotated[Binding, Depends(binding)]
Held = Annotated[Preconditions, Depends(removal)]
