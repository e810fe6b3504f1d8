"""What projects may use: `/v1/modelyard/admin`, for administrators of the installation. An extension."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.requests import Caller, ContextDep, Everything, body, query
from modelyard.api.schemas import capacity as wire
from modelyard.api.schemas.wire import Parsed, Wire
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.endpoints import Endpoint
from modelyard.domain.errors import Invalid, Violation
from modelyard.operations import capacity, limits
from modelyard.operations.capacity import FlavorChange
from modelyard.operations.context import Context
from modelyard.operations.pools import view as pool_view

router = APIRouter(prefix="/v1/modelyard/admin", tags=["administration"], responses=ERRORS)

Json = dict[str, Any]
FlavorSent = Annotated[Parsed[wire.FlavorBody], Depends(body(wire.FlavorBody))]
PoolSent = Annotated[Parsed[wire.PoolBody], Depends(body(wire.PoolBody))]

SIZE = {"cpu", "memory_mib", "category", "accelerators", "pids", "open_files", "display"}
POOL = {"description", "engine", "endpoint", "nodes", "specification", "cpu", "memory_mib", "accelerators"}


@router.get("/projects/{project_id}/quotas", summary="Show the quotas of a project")
async def quotas(ctx: ContextDep, deps: Everything, caller: Caller, project_id: str) -> Json:
    """And in `used` what the project has now of those that count something of it."""
    quotas = await capacity.quotas(ctx, caller, project_id)
    used = await capacity.used(ctx, caller, project_id, deps.storage.usage)
    return {"quotas": dict(quotas), "used": dict(used)}


@router.put(
    "/projects/{project_id}/quotas",
    summary="Set quotas of a project",
    openapi_extra=takes(wire.QuotasBody, wire.QUOTAS),
)
async def set_quotas(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    sent: Annotated[Parsed[wire.QuotasBody], Depends(body(wire.QuotasBody))],
) -> Json:
    """All or none of them. One below what is used stops nothing: it holds for what comes."""
    _refuse(sent)
    return {"quotas": dict(await capacity.set_quotas(ctx, caller, project_id, sent.value.quotas or {}))}


@router.get("/flavors", summary="List flavors, and whom they are open to")
async def flavors(ctx: ContextDep, caller: Caller) -> Json:
    shown = [_flavor(one) for one in await capacity.flavors(ctx, caller)]
    return {"total_count": len(shown), "count": len(shown), "flavors": shown}


@router.post("/flavors", summary="Add a flavor", openapi_extra=takes(wire.FlavorBody, wire.FLAVOR))
async def create_flavor(ctx: ContextDep, caller: Caller, sent: FlavorSent) -> Json:
    """Closed unless `open` says otherwise or `open_projects` names some."""
    _refuse(sent)
    return _flavor(await capacity.create_flavor(ctx, caller, sent.value.name, _flavor_change(sent.value)))


@router.patch(
    "/flavors/{flavor}",
    summary="Open, close or resize a flavor",
    openapi_extra=takes(wire.FlavorBody, {"open": True}),
)
async def change_flavor(ctx: ContextDep, caller: Caller, flavor: str, sent: FlavorSent) -> Json:
    """Holds for what is deployed from now on; what runs keeps its size."""
    _refuse(sent)
    _fixed(name=None if sent.value.name == flavor else sent.value.name)
    return _flavor(await capacity.change_flavor(ctx, caller, flavor, _flavor_change(sent.value)))


@router.delete("/flavors/{flavor}", summary="Delete a flavor that was added")
async def delete_flavor(ctx: ContextDep, caller: Caller, flavor: str) -> Json:
    """Refused while a service uses it, and for those that are built in: close them instead."""
    await capacity.delete_flavor(ctx, caller, flavor)
    return {}


@router.get("/pools", summary="List pools", openapi_extra=asks(wire.PoolList))
async def pools(
    ctx: ContextDep, caller: Caller, asked: Annotated[wire.PoolList, Depends(query(wire.PoolList))]
) -> Json:
    """Each with its engine as it was last seen: `effective_status`, and `reason` where something is wrong."""
    shown = [_pool(ctx, one) for one in await capacity.pools(ctx, caller, asked.project_id)]
    return {"total_count": len(shown), "count": len(shown), "pools": shown}


@router.post("/pools", summary="Add a pool", openapi_extra=takes(wire.PoolBody, wire.POOL))
async def create_pool(ctx: ContextDep, caller: Caller, sent: PoolSent) -> Json:
    """It is `running` unless `status` says otherwise: only a running one takes services. Refused where its engine
    cannot be reached now."""
    _refuse(sent)
    given = sent.value
    attributes, status = _said(given, POOL), given.status or "running"
    made = await capacity.create_pool(
        ctx, caller, given.project_id or "", name=given.name, status=status, attributes=attributes
    )
    return _pool(ctx, made)


@router.patch(
    "/pools/{pool_id}", summary="Say how a pool is", openapi_extra=takes(wire.PoolBody, {"status": "abnormal"})
)
async def change_pool(ctx: ContextDep, caller: Caller, pool_id: str, sent: PoolSent) -> Json:
    """The name and the project stay; so does the engine while a service uses the pool."""
    _refuse(sent)
    given = sent.value
    _fixed(name=given.name, project_id=given.project_id)
    made = await capacity.change_pool(ctx, caller, pool_id, status=given.status, attributes=_said(given, POOL))
    return _pool(ctx, made)


@router.delete("/pools/{pool_id}", summary="Remove a pool")
async def delete_pool(ctx: ContextDep, caller: Caller, pool_id: str) -> Json:
    """Refused while a service uses it."""
    await capacity.delete_pool(ctx, caller, pool_id)
    return {}


@router.get("/buckets", summary="List buckets that projects claimed")
async def buckets(ctx: ContextDep, caller: Caller) -> Json:
    """Where each is, if it has an endpoint of its own; never its secret key."""
    shown = [
        {"bucket": each.name, "project_id": each.project_id, **_place(each.endpoint)}
        for each in await capacity.buckets(ctx, caller)
    ]
    return {"total_count": len(shown), "count": len(shown), "buckets": shown}


@router.put(
    "/buckets/{bucket}", summary="Give a bucket to a project", openapi_extra=takes(wire.BucketBody, wire.BUCKET)
)
async def claim_bucket(
    ctx: ContextDep,
    caller: Caller,
    bucket: str,
    sent: Annotated[Parsed[wire.BucketBody], Depends(body(wire.BucketBody))],
) -> Json:
    """Refused while another project has it. With an endpoint, it is a bucket of that S3 service from then on."""
    _refuse(sent)
    given = sent.value
    where = capacity.Whereabouts(given.endpoint, given.access_key, given.secret_key, given.region)
    await capacity.claim_bucket(ctx, caller, bucket, given.project_id or "", where)
    return {}


@router.delete("/buckets/{bucket}", summary="Take a bucket from its project")
async def release_bucket(ctx: ContextDep, caller: Caller, bucket: str) -> Json:
    """What is in it stays; as one that nobody claimed it then belongs to the first project."""
    await capacity.release_bucket(ctx, caller, bucket)
    return {}


def _place(endpoint: Endpoint | None) -> Json:
    if endpoint is None:
        return {}
    return {"endpoint": endpoint.url, "region": endpoint.region, "access_key": endpoint.access_key}


def _refuse(sent: Parsed[Any]) -> None:
    if sent.violations:
        raise Invalid(*sent.violations)


def _fixed(**given: str | None) -> None:
    """Refuse what cannot be changed, rather than drop it."""
    if violations := [Violation(name, "cannot be changed") for name, value in given.items() if value is not None]:
        raise Invalid(*violations)


def _said(value: Wire, names: set[str]) -> Json:
    return {name: said for name in sorted(names) if (said := getattr(value, name)) is not None}


def _flavor_change(value: wire.FlavorBody) -> FlavorChange:
    opened, closed = tuple(value.open_projects or ()), tuple(value.close_projects or ())
    return FlavorChange(value.open, _said(value, SIZE), opened, closed)


def _flavor(one: FlavorEntry) -> Json:
    shown = {"name": one.name, "open": one.open, "projects": sorted(one.projects)}
    return {**shown, **{key: one.attributes[key] for key in sorted(SIZE & one.attributes.keys())}}


def _pool(ctx: Context, one: PoolEntry) -> Json:
    """The row as it is stored, and beside it what was seen. An engine is not asked for that."""
    shown = {"pool_id": one.id, "project_id": one.project_id, "name": one.name, "status": one.status}
    known = {key: one.attributes[key] for key in sorted(POOL & one.attributes.keys())}
    view = pool_view(ctx, one, {})
    seen: Json = {"effective_status": view.standing.status}
    if view.standing.why:
        seen["reason"] = view.standing.why
    if view.what:
        seen["runs_on"] = view.what
    if sighted := limits.seen(ctx, one):
        seen["seen_nodes"] = [node.name for node in sighted.nodes]
    return {**shown, "created_at": one.created_ms, "engine": view.engine, **known, **seen}
