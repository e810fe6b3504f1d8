"""What became of messages: `/v1/{project_id}/notifications`. An extension of the contract."""

from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends

from modelyard.api.auditing import reveals
from modelyard.api.convert import notifications as convert
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.requests import Caller, ContextDep, body, query, uncached
from modelyard.api.schemas import notifications as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import Invalid
from modelyard.domain.notifications import DeliveryState
from modelyard.operations import deliveries, subscriptions

router = APIRouter(prefix="/v1/{project_id}/notifications", tags=["notifications"], responses=ERRORS)


@router.get("/deliveries", summary="List deliveries", openapi_extra=asks(wire.DeliveryList))
async def index(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[wire.DeliveryList, Depends(query(wire.DeliveryList))],
) -> wire.DeliveryPage:
    """One for each message and subscription, newest messages first. `state=dead` lists the dead letters."""
    state = None if asked.state is None else DeliveryState(asked.state)
    wanted = replace(convert.query(project_id, asked), state=state)
    window = convert.page_window(asked.offset, asked.limit)
    return convert.deliveries(*await deliveries.deliveries(ctx, caller, wanted, window))


@router.post(
    "/deliveries/redeliver", summary="Send dead letters again", openapi_extra=takes(wire.Redeliver, wire.AGAIN)
)
async def redeliver(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    sent: Annotated[Parsed[wire.Redeliver], Depends(body(wire.Redeliver))],
) -> wire.Redelivered:
    """Those that the body names, each with the id that it had; all of them when it names none. What waits for its
    next try is tried at once."""
    if sent.violations:
        raise Invalid(*sent.violations)
    wanted = convert.query(project_id, sent.value)
    return wire.Redelivered(redelivered=await deliveries.redeliver(ctx, caller, wanted))


@router.get(
    "/subscriptions/{subscription_urn}/secret",
    summary="Show what the messages to a subscription are signed with",
    dependencies=[Depends(uncached)],
)
@reveals
async def secret(ctx: ContextDep, caller: Caller, project_id: str, subscription_urn: str) -> wire.SecretShown:
    """For those who may change it (Standard Webhooks)."""
    found = await subscriptions.secret(ctx, caller, project_id, subscription_urn)
    return wire.SecretShown(subscription_urn=subscription_urn, secret=found)
