"""What services count, for Prometheus: one service, or the whole installation. An extension of the contract."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse

from modelyard.api.documents import ERRORS
from modelyard.api.requests import ContextDep, Everything, Scraper
from modelyard.core.metrics import CONTENT_TYPE
from modelyard.operations import metrics

router = APIRouter(tags=["metrics"], responses=ERRORS)

TEXT: dict[int | str, dict[str, Any]] = {
    200: {"description": "Prometheus' text format.", "content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get(
    "/v1/{project_id}/services/{service_id}/metrics",
    summary="What a service counts",
    response_class=PlainTextResponse,
    responses=TEXT,
)
async def of_service(ctx: ContextDep, caller: Scraper, project_id: str, service_id: str) -> PlainTextResponse:
    """In Prometheus' text format: requests, errors, latency, queue and batches of each instance, and what the
    gateway counts. Who may read the service may read this. An instance that does not answer within a second has
    `modelyard_instance_up` 0 and nothing else."""
    return _text(await metrics.of_service(ctx, caller, project_id, service_id))


@router.get(
    "/metrics",
    summary="What the installation counts",
    response_class=PlainTextResponse,
    responses=TEXT,
)
async def of_all(ctx: ContextDep, deps: Everything, caller: Scraper) -> PlainTextResponse:
    """The same of every service of every project, for administrators of the installation."""
    connected = deps.status().gateway_connected
    return _text(await metrics.of_all(ctx, caller, gateway_connected=connected))


def _text(page: str) -> PlainTextResponse:
    return PlainTextResponse(page, headers={"content-type": CONTENT_TYPE})
