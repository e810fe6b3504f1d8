"""Revisions of a service: `/v1/{project_id}/services/{service_id}/revisions`. An extension of the contract."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends

from modelyard.api import convert
from modelyard.api.binding import Bound, binds
from modelyard.api.documents import ERRORS, asks
from modelyard.api.requests import Caller, ContextDep, query
from modelyard.api.schemas import queries
from modelyard.api.schemas.answers import UpdatedService
from modelyard.api.schemas.plans import Plan, RevisionPage, RevisionShown
from modelyard.domain.errors import NotFound
from modelyard.operations import revisions
from modelyard.operations.services.change import update_service

router = APIRouter(prefix="/v1/{project_id}/services/{service_id}/revisions", tags=["services"], responses=ERRORS)

MOST_DIGITS = 9


@router.get(
    "",
    summary="List the revisions of a service",
    openapi_extra=asks(queries.RevisionList),
)
async def index(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[queries.RevisionList, Depends(query(queries.RevisionList))],
) -> RevisionPage:
    """Newest first, each with its config as it was sent. `state`: current, deploying, stable, failed, cancelled,
    earlier, or stored (never rolled out)."""
    page = convert.page(asked.offset, asked.limit)
    return convert.revisions(*await revisions.revisions(ctx, caller, project_id, service_id, page))


@router.get("/{number}", summary="Show a revision of a service")
async def show(ctx: ContextDep, caller: Caller, project_id: str, service_id: str, number: str) -> RevisionShown:
    entry = await revisions.revision(ctx, caller, project_id, service_id, _number(number))
    return convert.revision(entry)


@router.post("/{number}/rollback", summary="Go back to a revision", openapi_extra=binds())
async def rollback(
    ctx: ContextDep, caller: Caller, project_id: str, service_id: str, number: str, *, bound: Bound
) -> UpdatedService | Plan:
    """The same as a PUT of that revision's config: a new revision, and a rollout to it. One that asks for
    what is in use already makes neither. A model of it that was deleted since is an error (3507). Needs no
    body."""
    entry = await revisions.revision(ctx, caller, project_id, service_id, _number(number))
    use = partial(update_service, ctx, caller, project_id, service_id, convert.rollback_request(entry.revision))
    return await bound.answer(ctx, use, convert.updated)


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > MOST_DIGITS:
        raise NotFound("revision", text)
    return int(text)
