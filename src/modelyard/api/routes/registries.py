"""`/v1/{project_id}/registries`: what a project is known by to registries of images. An extension."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from modelyard.api.documents import ERRORS, takes
from modelyard.api.requests import Caller, ContextDep, body
from modelyard.api.schemas import registries as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import Invalid
from modelyard.domain.registries import RegistryLogin
from modelyard.operations import registries

router = APIRouter(prefix="/v1/{project_id}/registries", tags=["Registries"], responses=ERRORS)

Json = dict[str, Any]


@router.get("", summary="List logins at registries")
async def index(ctx: ContextDep, caller: Caller, project_id: str) -> Json:
    """Without their passwords."""
    shown = [_shown(one) for one in await registries.logins(ctx, caller, project_id)]
    return {"total_count": len(shown), "count": len(shown), "registries": shown}


@router.put(
    "/{registry}", summary="Save a login at a registry", openapi_extra=takes(wire.RegistryBody, wire.LOGIN)
)
async def save(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    registry: str,
    sent: Annotated[Parsed[wire.RegistryBody], Depends(body(wire.RegistryBody))],
) -> Json:
    """For the images that models of this project name, from the next pull on."""
    if sent.violations:
        raise Invalid(*sent.violations)
    given = sent.value
    saved = await registries.save(ctx, caller, project_id, registry, user=given.user, password=given.password)
    return _shown(saved)


@router.delete("/{registry}", summary="Forget a login at a registry")
async def delete(ctx: ContextDep, caller: Caller, project_id: str, registry: str) -> Json:
    await registries.delete(ctx, caller, project_id, registry)
    return {}


def _shown(login: RegistryLogin) -> Json:
    return {"registry": login.registry, "user": login.user, "changed_at": login.changed_ms}
