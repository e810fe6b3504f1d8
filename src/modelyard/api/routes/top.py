"""What services use now, and what takes the disk: `/v1/{project_id}/modelyard/top`, and for administrators
`/v1/modelyard/admin/top`, `…/disk` and `…/clean`. Extensions."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from modelyard.api.documents import ERRORS, asks
from modelyard.api.requests import Caller, ContextDep, Everything, query
from modelyard.api.schemas.queries import CleanQuery
from modelyard.operations import acting, disk_use, top
from modelyard.operations.disk_use import Unneeded
from modelyard.operations.top import ServiceUse

router = APIRouter(prefix="/v1/modelyard/admin", tags=["capacity"], responses=ERRORS)
project = APIRouter(prefix="/v1/{project_id}/modelyard", tags=["capacity"], responses=ERRORS)

Json = dict[str, Any]


@project.get("/top", summary="What a project's services use now")
async def of_project(ctx: ContextDep, deps: Everything, caller: Caller, project_id: str) -> Json:
    """One row for each service: instances, cores and MiB used and allowed, requests of the last minute, in flight,
    failed so far, seconds within which half and 99 of 100 requests were answered since its instances began. What
    is not known is left out."""
    return _page(await top.of_project(ctx, caller, project_id), deps)


@router.get("/top", summary="What all services use now")
async def of_installation(ctx: ContextDep, deps: Everything, caller: Caller) -> Json:
    """As of a project, for administrators: the services of every project."""
    return _page(await top.of_installation(ctx, caller), deps)


@router.get("/disk", summary="What takes the disk")
async def disk(deps: Everything, caller: Caller) -> Json:
    """Bytes of the data directory by what uses them, and what is free. Takes as long as there are files."""
    used = await disk_use.by_use(deps.disk, caller)
    space = deps.status().disk.space
    return {
        "free_bytes": space.free,
        "size_bytes": space.size,
        "used": dict(used),
        "total_bytes": sum(used.values()),
    }


@router.post("/clean", summary="Remove what nothing uses", openapi_extra=asks(CleanQuery))
async def clean(
    deps: Everything, caller: Caller, asked: Annotated[CleanQuery, Depends(query(CleanQuery))]
) -> Json:
    """Packages and environments that no model, revision or process uses, uploads that nobody goes on with, older
    copies of the database. With `dry_run`: what that would be. `held`: what stayed because a backup that is being
    made may read it."""
    if asked.dry_run:
        acting.unchanged()
    found = await disk_use.clean(deps.disk, caller, dry_run=bool(asked.dry_run))
    gone = [one for one in found if not one.held]
    return {
        "dry_run": bool(asked.dry_run),
        "total_bytes": sum(one.size_bytes for one in gone),
        "count": len(gone),
        "removed": [_thing(one) for one in gone],
        "held": [_thing(one) for one in found if one.held],
    }


def _thing(one: Unneeded) -> Json:
    return {"kind": one.kind, "name": one.name, "size_bytes": one.size_bytes}


def _page(uses: Sequence[ServiceUse], deps: Everything) -> Json:
    space = deps.status().disk.space
    shown = [_shown(one) for one in uses]
    free = {"free_bytes": space.free, "size_bytes": space.size}
    return {"total_count": len(shown), "count": len(shown), "services": shown, "disk": free}


def _shown(use: ServiceUse) -> Json:
    service = use.service
    known = {"in_flight": use.in_flight, "p50_seconds": use.p50_s, "p99_seconds": use.p99_s}
    return {
        "service_id": service.id,
        "service_name": service.name,
        "project_id": service.project_id,
        "infer_type": service.infer_type.value,
        "status": service.status.value,
        "instances": use.instances,
        "ready": use.ready,
        "cpu": use.cpu,
        "cpu_allowed": use.allowed.cpu,
        "memory_mib": use.memory_mib,
        "memory_mib_allowed": use.allowed.memory_mib,
        "requests_per_minute": use.requests_per_minute,
        "invocation_times": use.invocations.total,
        "failed_times": use.invocations.failed,
        **{name: value for name, value in known.items() if value is not None},
    }
