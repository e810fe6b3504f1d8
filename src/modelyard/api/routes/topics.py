"""Topics and publishing: `/v2/{project_id}/notifications/topics`, as SMN v2 has it (contract §7)."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from modelyard.api.convert import notifications as convert
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.envelope import request_id
from modelyard.api.requests import Caller, ContextDep, body, ignored, query
from modelyard.api.schemas import notifications as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.core import topics as rules
from modelyard.domain.errors import Invalid, Violation
from modelyard.operations import topics
from modelyard.operations.topics import Publication

router = APIRouter(prefix="/v2/{project_id}/notifications/topics", tags=["notifications"], responses=ERRORS)


@router.get("", summary="List topics", openapi_extra=asks(wire.TopicList))
async def index(
    ctx: ContextDep,
    caller: Caller,
    request: Request,
    project_id: str,
    asked: Annotated[wire.TopicList, Depends(query(wire.TopicList))],
) -> wire.TopicPage:
    """Oldest first."""
    if asked.name is not None:
        found = await topics.topics_named(ctx, caller, project_id, asked.name)
        return convert.topics(request_id(request), len(found), found)
    window = convert.window(asked.offset, asked.limit)
    total, shown = await topics.topics(ctx, caller, project_id, window)
    return convert.topics(request_id(request), total, shown)


@router.post("", summary="Create a topic", status_code=201, openapi_extra=takes(wire.TopicCreate, wire.TOPIC))
async def create(
    ctx: ContextDep,
    caller: Caller,
    request: Request,
    response: Response,
    project_id: str,
    *,
    sent: Annotated[Parsed[wire.TopicCreate], Depends(body(wire.TopicCreate))],
) -> wire.TopicMade:
    """200 when the project has one of this name, which stays as it is."""
    if sent.violations:
        raise Invalid(*sent.violations)
    name, shown = sent.value.name or "", sent.value.display_name or ""
    made, new = await topics.create(ctx, caller, project_id, name, shown)
    response.status_code = 201 if new else 200
    return wire.TopicMade(request_id=request_id(request), topic_urn=made.urn)


@router.get("/{topic_urn}", summary="Show a topic")
async def show(
    ctx: ContextDep, caller: Caller, request: Request, project_id: str, topic_urn: str
) -> wire.TopicShown:
    found = await topics.topic(ctx, caller, project_id, topic_urn)
    return convert.topic(found, request_id(request))


@router.put(
    "/{topic_urn}",
    summary="Change what a topic is shown as",
    openapi_extra=takes(wire.TopicUpdate, wire.RENAMED),
)
async def rename(
    ctx: ContextDep,
    caller: Caller,
    request: Request,
    project_id: str,
    topic_urn: str,
    *,
    sent: Annotated[Parsed[wire.TopicUpdate], Depends(body(wire.TopicUpdate))],
) -> wire.Requested:
    if sent.violations:
        raise Invalid(*sent.violations)
    await topics.rename(ctx, caller, project_id, topic_urn, sent.value.display_name or "")
    return wire.Requested(request_id=request_id(request))


@router.delete("/{topic_urn}", summary="Delete a topic")
async def delete(
    ctx: ContextDep, caller: Caller, request: Request, project_id: str, topic_urn: str
) -> wire.Requested:
    """With its subscriptions, and all that was published to it."""
    await topics.delete(ctx, caller, project_id, topic_urn)
    return wire.Requested(request_id=request_id(request))


@router.post("/{topic_urn}/publish", summary="Publish to a topic", openapi_extra=takes(wire.Publish, wire.MESSAGE))
async def publish(
    ctx: ContextDep,
    caller: Caller,
    request: Request,
    project_id: str,
    topic_urn: str,
    *,
    sent: Annotated[Parsed[wire.Publish], Depends(body(wire.Publish))],
) -> wire.Published:
    """To every subscription that is confirmed now, at least once, with this message_id each time."""
    said = sent.value
    violations = [*sent.violations]
    structure: Mapping[str, str] = {}
    if said.message_structure is not None:
        remote = ctx.notifications.remote
        at_smn = remote is not None and remote.has(topic_urn)
        structure, wrong, unknown = rules.structure(said.message_structure, at_smn=at_smn)
        ignored(request, [*unknown])
        violations += wrong
    if said.message is None and said.message_structure is None:
        violations.append(Violation("message", "is mandatory, or message_structure is"))
    if violations:
        raise Invalid(*violations)
    text = None if said.message_structure is not None else said.message
    publication = Publication(text, said.subject or "", said.time_to_live, structure)
    message = await topics.publish(ctx, caller, project_id, topic_urn, publication)
    return wire.Published(request_id=request_id(request), message_id=message.id)
