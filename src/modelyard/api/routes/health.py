"""Whether this process is at work: `/healthz`, which needs no token."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from modelyard.api.requests import Everything

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the control plane is at work")
async def healthz(deps: Everything) -> JSONResponse:
    healthy = deps.healthy()
    content: dict[str, Any] = {"status": "ok" if healthy else "unhealthy", "version": deps.version}
    if deps.status().disk.low:
        content["disk"] = "full"
    return JSONResponse(content, status_code=200 if healthy else 503)
