"""Subscriptions of topics: `/v2/{project_id}/notifications/…`, as SMN v2 has it (contract §7)."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from modelyard.api.convert import notifications as convert
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.envelope import request_id
from modelyard.api.requests import Caller, ContextDep, body, query, uncached
from modelyard.api.schemas import notifications as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import Invalid
from modelyard.operations import subscriptions
from modelyard.operations.subscriptions import Wanted

router = APIRouter(prefix="/v2/{project_id}/notifications", tags=["notifications"], responses=ERRORS)
OF_TOPIC = "/topics/{topic_urn}/subscriptions"

Asked = Annotated[wire.SubscriptionList, Depends(query(wire.SubscriptionList))]


@router.get(OF_TOPIC, summary="List the subscriptions of a topic", openapi_extra=asks(wire.SubscriptionList))
async def of_topic(
    ctx: ContextDep, caller: Caller, request: Request, project_id: str, topic_urn: str, *, asked: Asked
) -> wire.SubscriptionPage:
    """Oldest first."""
    window = convert.window(asked.offset, asked.limit)
    total, shown = await subscriptions.subscriptions(ctx, caller, project_id, topic_urn, window)
    return convert.subscriptions(request_id(request), total, shown)


@router.get(
    "/subscriptions", summary="List the subscriptions of a project", openapi_extra=asks(wire.SubscriptionList)
)
async def of_project(
    ctx: ContextDep, caller: Caller, request: Request, project_id: str, asked: Asked
) -> wire.SubscriptionPage:
    """Oldest first."""
    window = convert.window(asked.offset, asked.limit)
    total, shown = await subscriptions.subscriptions(ctx, caller, project_id, None, window)
    return convert.subscriptions(request_id(request), total, shown)


@router.post(
    OF_TOPIC,
    summary="Subscribe to a topic",
    status_code=201,
    dependencies=[Depends(uncached)],
    openapi_extra=takes(wire.SubscriptionCreate, wire.SUBSCRIPTION),
)
async def subscribe(
    ctx: ContextDep,
    caller: Caller,
    request: Request,
    response: Response,
    project_id: str,
    *,
    topic_urn: str,
    sent: Annotated[Parsed[wire.SubscriptionCreate], Depends(body(wire.SubscriptionCreate))],
) -> wire.SubscriptionMade:
    """By http, https and email whoever reads there has to confirm it, within 48 hours. 200 when this endpoint is
    subscribed already; if it was not confirmed, another confirmation is sent, unless the last one is
    less than a minute old (400). Its remark and format change where the body has them."""
    if sent.violations:
        raise Invalid(*sent.violations)
    said = sent.value
    wanted = Wanted(said.protocol or "", said.endpoint or "", said.remark, said.format or None)
    one, new = await subscriptions.subscribe(ctx, caller, project_id, topic_urn, wanted)
    response.status_code = 201 if new else 200
    shown = one.secret if new else None
    return wire.SubscriptionMade(request_id=request_id(request), subscription_urn=one.urn, secret=shown)


@router.put(
    OF_TOPIC + "/{subscription_urn}",
    summary="Change the remark of a subscription",
    openapi_extra=takes(wire.SubscriptionUpdate, wire.REMARK),
)
async def annotate(
    ctx: ContextDep,
    caller: Caller,
    request: Request,
    project_id: str,
    topic_urn: str,
    *,
    subscription_urn: str,
    sent: Annotated[Parsed[wire.SubscriptionUpdate], Depends(body(wire.SubscriptionUpdate))],
) -> wire.Requested:
    if sent.violations:
        raise Invalid(*sent.violations)
    remark = sent.value.remark or ""
    await subscriptions.annotate(ctx, caller, project_id, topic_urn, subscription_urn, remark=remark)
    return wire.Requested(request_id=request_id(request))


@router.delete("/subscriptions/{subscription_urn}", summary="Delete a subscription")
async def delete(
    ctx: ContextDep, caller: Caller, request: Request, project_id: str, subscription_urn: str
) -> wire.Requested:
    """With what waits for it."""
    await subscriptions.delete(ctx, caller, project_id, subscription_urn)
    return wire.Requested(request_id=request_id(request))
