"""Services: `/v1/{project_id}/services` (contract §2)."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from modelyard.api import convert
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.requests import Caller, World, body, query
from modelyard.api.schemas import services as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.operations import reading, services

router = APIRouter(prefix="/v1/{project_id}/services", tags=["services"], responses=ERRORS)

CREATE_EXAMPLE = {"service_name": "digits", "infer_type": "real-time", "config": wire.EXAMPLE["config"]}

Json = dict[str, Any]


@router.post("", summary="Create a service", openapi_extra=takes(wire.ServiceCreate, CREATE_EXAMPLE))
async def create(
    ctx: World,
    caller: Caller,
    project_id: str,
    _: Annotated[wire.Change, Depends(query(wire.Change))],
    request: Annotated[Parsed[wire.ServiceCreate], Depends(body(wire.ServiceCreate))],
) -> Json:
    """Deploys at once: poll the service until its status is no longer `deploying`."""
    return convert.created(await services.create(ctx, caller, project_id, convert.service_request(request)))


@router.get("", summary="List services", openapi_extra=asks(wire.ServiceList))
async def index(
    ctx: World,
    caller: Caller,
    project_id: str,
    asked: Annotated[wire.ServiceList, Depends(query(wire.ServiceList))],
) -> Json:
    total, found = await reading.services(ctx, caller, project_id, convert.service_query(asked))
    return convert.services(total, found)


@router.get("/{service_id}", summary="Show a service")
async def show(ctx: World, caller: Caller, project_id: str, service_id: str) -> Json:
    return convert.service_detail(await reading.detail(ctx, caller, project_id, service_id), ctx.gateway_url)


@router.put(
    "/{service_id}",
    summary="Change, start or stop a service",
    openapi_extra=takes(wire.ServiceUpdate, wire.EXAMPLE),
)
async def update(
    ctx: World,
    caller: Caller,
    project_id: str,
    service_id: str,
    _: Annotated[wire.Change, Depends(query(wire.Change))],
    request: Annotated[Parsed[wire.ServiceUpdate], Depends(body(wire.ServiceUpdate))],
) -> Json:
    """All or nothing: any invalid field leaves everything as it was. No caller of the service notices a change of
    `config`, except that the new model answers. A status that differs from the present one is applied and a config
    beside it ignored; one that equals it is no change."""
    done = await services.update(ctx, caller, project_id, service_id, convert.update_request(request))
    return convert.updated(done)


@router.delete("/{service_ids}", summary="Delete services")
async def delete(
    ctx: World,
    caller: Caller,
    project_id: str,
    service_ids: str,
    _: Annotated[wire.Change, Depends(query(wire.Change))],
) -> Json:
    """One id, or several with commas between them. `deleting` while instances drain, then 404."""
    ids = [part.strip() for part in service_ids.split(",") if part.strip()]
    await services.delete(ctx, caller, project_id, ids or [service_ids])
    return {}


@router.get("/{service_id}/events", summary="What happened to a service", openapi_extra=asks(wire.EventList))
async def events(
    ctx: World,
    caller: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[wire.EventList, Depends(query(wire.EventList))],
) -> Json:
    found = await reading.events(ctx, caller, project_id, service_id, convert.event_query(asked))
    return convert.events(*found)


@router.get("/{service_id}/logs", summary="Update records of a service", openapi_extra=asks(wire.UpdateRecordList))
async def logs(
    ctx: World,
    caller: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[wire.UpdateRecordList, Depends(query(wire.UpdateRecordList))],
) -> Json:
    """Newest first; one that failed says why in `error_msg`."""
    found = await reading.update_records(ctx, caller, project_id, service_id, asked.update_time)
    return convert.update_records(*found)
