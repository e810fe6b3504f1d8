"""`/v1/{project_id}/secrets`: what services of a project find as files. An extension."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from modelyard.api.documents import ERRORS, takes
from modelyard.api.requests import Caller, ContextDep, body
from modelyard.api.schemas import secrets as wire
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import Invalid
from modelyard.domain.secrets import Secret
from modelyard.operations import secrets

router = APIRouter(prefix="/v1/{project_id}/secrets", tags=["Secrets"], responses=ERRORS)

Json = dict[str, Any]


@router.get("", summary="List secrets")
async def index(ctx: ContextDep, caller: Caller, project_id: str) -> Json:
    """Without their values; with the names of the services that have them."""
    found, used = await secrets.listed(ctx, caller, project_id)
    shown = [{**_shown(one), "services": list(used.get(one.name, ()))} for one in found]
    return {"total_count": len(shown), "count": len(shown), "secrets": shown}


@router.put("/{name}", summary="Save a secret", openapi_extra=takes(wire.SecretBody, wire.SECRET))
async def save(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    name: str,
    sent: Annotated[Parsed[wire.SecretBody], Depends(body(wire.SecretBody))],
) -> Json:
    """Another value makes another version. Services have it from the next change of their config, or of their
    service_secrets, on."""
    if sent.violations:
        raise Invalid(*sent.violations)
    return _shown(await secrets.save(ctx, caller, project_id, name, sent.value.value))


@router.delete("/{name}", summary="Delete a secret")
async def delete(ctx: ContextDep, caller: Caller, project_id: str, name: str) -> Json:
    """Refused while a service has it."""
    await secrets.delete(ctx, caller, project_id, name)
    return {}


def _shown(secret: Secret) -> Json:
    return {
        "secret_id": secret.name,
        "version": secret.version,
        "changed_at": secret.changed_ms,
    }
