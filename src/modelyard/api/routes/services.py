"""Services: `/v1/{project_id}/services` (contract §2)."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from modelyard.api import convert
from modelyard.api.binding import Bound, Held, binds, etag
from modelyard.api.documents import ERRORS, asks, takes, takes_patch
from modelyard.api.requests import Caller, ContextDep, body, patch_body, query
from modelyard.api.schemas import answers, queries
from modelyard.api.schemas import services as wire
from modelyard.api.schemas.plans import Plan
from modelyard.api.schemas.wire import Parsed
from modelyard.domain import texts
from modelyard.domain.errors import Invalid, Violation
from modelyard.operations import catalog, monitoring, reading
from modelyard.operations.services.change import refuse_node, update_service
from modelyard.operations.services.create import create_service
from modelyard.operations.services.delete import delete_services

router = APIRouter(prefix="/v1/{project_id}/services", tags=["services"], responses=ERRORS)


@router.post(
    "",
    summary="Create a service",
    openapi_extra={**takes(wire.ServiceCreate, wire.CREATE_EXAMPLE), **binds()},
)
async def create(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    *,
    bound: Bound,
    request: Annotated[Parsed[wire.ServiceCreate], Depends(body(wire.ServiceCreate))],
) -> answers.CreatedService | Plan:
    """Deploys at once: poll the service until its status is no longer `deploying`."""
    wanted = convert.service_request(request)
    return await bound.answer(ctx, partial(create_service, ctx, caller, project_id, wanted), convert.created)


@router.get("", summary="List services", openapi_extra=asks(queries.ServiceList))
async def index(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[queries.ServiceList, Depends(query(queries.ServiceList))],
) -> answers.ServicePage:
    total, page = await reading.services(ctx, caller, project_id, convert.service_query(asked))
    if asked.tags:  # no service has any
        total, page = 0, []
    return convert.services(total, page, ctx.gateway_url)


@router.get(
    "/specifications",
    summary="List specifications",
    openapi_extra=asks(queries.SpecificationList),
)
async def specifications(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[queries.SpecificationList, Depends(query(queries.SpecificationList))],
) -> answers.SpecificationPage:
    """The sizes that instances can have. `is_open` says whether this project may use one."""
    page = convert.page(asked.offset, asked.limit)
    total, flavors = await catalog.specifications(ctx, caller, project_id, page)
    return convert.specifications(total, flavors, pools=bool(asked.is_personal_cluster), there=ctx.there)


@router.get("/{service_id}", summary="Show a service")
async def show(
    ctx: ContextDep, caller: Caller, project_id: str, service_id: str, response: Response
) -> answers.ServiceDetail:
    detail = await reading.detail(ctx, caller, project_id, service_id)
    response.headers["ETag"] = etag(detail.service)
    return convert.service_detail(detail, ctx.gateway_url)


@router.put(
    "/{service_id}",
    summary="Change, start or stop a service",
    openapi_extra={**takes(wire.ServiceUpdate, wire.EXAMPLE), **binds()},
)
async def update(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    *,
    bound: Bound,
    request: Annotated[Parsed[wire.ServiceUpdate], Depends(body(wire.ServiceUpdate))],
) -> answers.UpdatedService | Plan:
    """All or nothing: any invalid field leaves everything as it was. No caller of the service notices a change of
    `config`, except that the new model answers. A status that differs from the present one is applied and a config
    beside it ignored; one that equals it is no change. A failed service was told to run already: `running` with a
    config repairs it, `running` alone tries once more."""
    use = partial(update_service, ctx, caller, project_id, service_id, convert.update_request(request))
    return await bound.answer(ctx, use, convert.updated)


@router.patch(
    "/{service_id}",
    summary="Change parts of the config",
    openapi_extra={**takes_patch(wire.PATCH_EXAMPLE), **binds()},
)
async def patch(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    *,
    bound: Bound,
    operations: Annotated[object, Depends(patch_body)],
) -> answers.UpdatedService | Plan:
    """JSON Patch, only `replace`, only below `/config/{n}/`; the outcome is held to the rules of PUT."""
    use = partial(update_service, ctx, caller, project_id, service_id, convert.patched(operations))
    return await bound.answer(ctx, use, convert.updated)


@router.put(
    "/{service_id}/property",
    summary="Change instance counts",
    openapi_extra={**takes(wire.PropertyUpdate, wire.PROPERTY_EXAMPLE), **binds()},
)
async def resize(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    *,
    bound: Bound,
    request: Annotated[Parsed[wire.PropertyUpdate], Depends(body(wire.PropertyUpdate))],
) -> answers.UpdatedService | Plan:
    """Of a real-time service that is running, concerning or failed."""
    use = partial(update_service, ctx, caller, project_id, service_id, convert.resized(request))
    return await bound.answer(ctx, use, convert.updated)


@router.put(
    "/{service_id}/nodes/{node_id}/status",
    summary="Start or stop on an edge node",
    openapi_extra=takes(wire.NodeStatus, {"status": "running"}),
)
async def node_status(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    *,
    node_id: str,
    request: Annotated[Parsed[wire.NodeStatus], Depends(body(wire.NodeStatus))],
) -> answers.Done:
    """Only edge services have nodes; there are none yet, so this is always refused."""
    if request.violations:
        raise Invalid(*request.violations)
    node = Violation("node_id", f"is {texts.shown(node_id)}")
    await refuse_node(ctx, caller, project_id, service_id, node)
    return answers.Done()


@router.delete("/{service_id}", summary="Delete services", openapi_extra=binds(key=False))
async def delete(
    ctx: ContextDep, caller: Caller, project_id: str, service_id: str, preconditions: Held
) -> answers.Done:
    """One id, or several with commas between them. `deleting` while instances drain, then 404."""
    ids = [part.strip() for part in service_id.split(",") if part.strip()]
    await delete_services(ctx, caller, project_id, ids or [service_id], preconditions=preconditions)
    return answers.Done()


@router.get(
    "/{service_id}/events",
    summary="What happened to a service",
    openapi_extra=asks(queries.EventList),
)
async def events(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[queries.EventList, Depends(query(queries.EventList))],
) -> answers.EventPage:
    page = await reading.events(ctx, caller, project_id, service_id, convert.event_query(asked))
    return convert.events(*page)


@router.get(
    "/{service_id}/logs",
    summary="Update records of a service",
    openapi_extra=asks(queries.UpdateRecordList),
)
async def logs(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[queries.UpdateRecordList, Depends(query(queries.UpdateRecordList))],
) -> answers.UpdateRecords:
    """Newest first; one that failed says why in `error_msg`."""
    records = await reading.update_records(ctx, caller, project_id, service_id, asked.update_time)
    return convert.update_records(*records)


@router.get(
    "/{service_id}/monitor",
    summary="What a service uses now",
    openapi_extra=asks(queries.MonitorQuery),
)
async def monitor(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[queries.MonitorQuery, Depends(query(queries.MonitorQuery))],
) -> answers.MonitorShown:
    """CPU in cores and memory in MB, of each model's instances together; requests of the last minute."""
    variants = await monitoring.monitor(ctx, caller, project_id, service_id)
    if asked.node_id:
        service = variants.record.service
        text = f"is for edge services, service {texts.shown(service.name)} is {service.infer_type}"
        raise Invalid(Violation("node_id", text))
    return convert.monitor(variants)
