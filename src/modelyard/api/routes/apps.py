"""AppCodes: `/v1/{project_id}/app-auth` and what binds applications to services (contract §6).

Answers with codes are not to be cached, and no URL of ours has a code in it but the vendor's DELETE: the server
logs no URLs.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends

from modelyard.api.auditing import reveals
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.requests import Caller, ContextDep, body, query, uncached
from modelyard.api.schemas import apps as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.apps import App, AppCode
from modelyard.domain.errors import Invalid
from modelyard.operations import acting, apps
from modelyard.operations.apps import AppDetail

router = APIRouter(prefix="/v1/{project_id}", tags=["AppCodes"], responses=ERRORS)

Json = dict[str, Any]


@router.get(
    "/app-auth/apps",
    summary="List applications",
    dependencies=[Depends(uncached)],
    openapi_extra=asks(wire.AppList),
)
@reveals
async def index(
    ctx: ContextDep, caller: Caller, project_id: str, asked: Annotated[wire.AppList, Depends(query(wire.AppList))]
) -> Json:
    """With their codes, for those who may change them."""
    found = [one for one in await apps.apps(ctx, caller, project_id) if asked.name in (None, one.app.name)]
    shown = _details(found)
    return {"total_count": len(shown), "count": len(shown), "apps": shown}


@router.post(
    "/app-auth/apps",
    summary="Create an application",
    dependencies=[Depends(uncached)],
    openapi_extra=takes(wire.AppCreate, wire.APP),
)
async def create(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    sent: Annotated[Parsed[wire.AppCreate], Depends(body(wire.AppCreate))],
) -> Json:
    """With a first code. It opens nothing until the application is bound to a service."""
    if sent.violations:
        raise Invalid(*sent.violations)
    made = await apps.create(ctx, caller, project_id, sent.value.name, sent.value.description or "")
    return _detail(made)


@router.get("/app-auth/apps/{app_id}", summary="Show an application", dependencies=[Depends(uncached)])
@reveals
async def show(ctx: ContextDep, caller: Caller, project_id: str, app_id: str) -> Json:
    (shown,) = _details([await apps.app(ctx, caller, project_id, app_id)])
    return shown


@router.delete("/app-auth/apps/{app_id}", summary="Delete an application")
async def delete(ctx: ContextDep, caller: Caller, project_id: str, app_id: str) -> Json:
    """With its codes, which open nothing any more within seconds."""
    await apps.delete(ctx, caller, project_id, app_id)
    return {}


@router.post("/app-auth/apps/{app_id}/app-code", summary="Create one more code", dependencies=[Depends(uncached)])
async def create_code(ctx: ContextDep, caller: Caller, project_id: str, app_id: str) -> Json:
    """At most five at a time: create one, have callers use it, delete the old one."""
    made = await apps.create_code(ctx, caller, project_id, app_id)
    return {"app_id": app_id, **_code(made)}


@router.delete("/app-auth/apps/{app_id}/app-code/{app_code}", summary="Delete a code")
async def delete_code(ctx: ContextDep, caller: Caller, project_id: str, app_id: str, app_code: str) -> Json:
    """It opens nothing any more within seconds."""
    await apps.delete_code(ctx, caller, project_id, app_id, app_code)
    return {}


@router.post(
    "/services/{service_id}/app-auth-api",
    summary="Let applications invoke a service",
    openapi_extra=takes(wire.AppBinding, wire.BINDING),
)
async def bind(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    sent: Annotated[Parsed[wire.AppBinding], Depends(body(wire.AppBinding))],
) -> Json:
    """Callers then send `X-Apig-AppCode` instead of a token."""
    if sent.violations:
        raise Invalid(*sent.violations)
    ids = [one.app_id or "" for one in sent.value.apps or ()]
    bound = await apps.bind(ctx, caller, project_id, service_id, ids)
    return {"service_id": service_id, "apps": [_app(one) for one in bound]}


@router.delete(
    "/services/{service_id}/app-auth-api/{app_id}", summary="No longer let an application invoke a service"
)
async def unbind(ctx: ContextDep, caller: Caller, project_id: str, service_id: str, app_id: str) -> Json:
    await apps.unbind(ctx, caller, project_id, service_id, app_id)
    return {}


@router.get("/services/{service_id}/api-auths", summary="List who may invoke a service with an AppCode")
async def bound(ctx: ContextDep, caller: Caller, project_id: str, service_id: str) -> Json:
    service, bound_apps = await apps.bound(ctx, caller, project_id, service_id)
    address = f"{ctx.gateway_url}/v1/infers/{service_id}"
    auths = [{"auth_type": "APP", **_app(one)} for one in bound_apps]
    shown = {"service_id": service_id, "service_name": service.name, "access_address": address}
    return {**shown, "total_count": len(auths), "count": len(auths), "auths": auths}


def _app(one: App) -> Json:
    return {
        "app_id": one.id,
        "name": one.name,
        "description": one.description,
        "owner": one.owner,
        "created_at": one.created_ms,
    }


def _code(one: AppCode) -> Json:
    return {"app_code": one.code, "created_at": one.created_ms}


def _details(found: Sequence[AppDetail]) -> list[Json]:
    """Whoever may only read sees no code: nothing for the audit to tell."""
    if not any(one.codes for one in found):
        acting.unchanged()
    return [_detail(one) for one in found]


def _detail(one: AppDetail) -> Json:
    codes = [_code(code) for code in one.codes]
    return {**_app(one.app), "app_codes": codes, "services": list(one.services)}
