"""How the installation stands: `/v1/{project_id}/modelyard/status`, an extension of the contract."""

from typing import Any

from fastapi import APIRouter

from modelyard.api.documents import ERRORS
from modelyard.api.requests import Caller, ContextDep, Everything
from modelyard.operations import installation_status

router = APIRouter(prefix="/v1/{project_id}/modelyard", tags=["health"], responses=ERRORS)


@router.get("/status", summary="How the installation stands")
async def status(ctx: ContextDep, deps: Everything, caller: Caller, project_id: str) -> dict[str, Any]:
    """Gateway, the project's instances by phase, and for each limit whether it is enforced, or why not."""
    counted = await installation_status.instances(ctx, caller, project_id)
    installation = deps.status()
    return {
        "version": deps.version,
        "gateway": {"connected": installation.gateway_connected},
        "instances": counted,
        "disk": dict(await installation_status.disk(ctx, project_id, installation.disk)),
        "limits": dict(installation.limits),
        **({"export": dict(installation.exports)} if installation.exports else {}),
    }
