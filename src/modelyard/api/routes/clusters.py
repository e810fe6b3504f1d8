"""Clusters, which are dedicated resource pools: `/v1/{project_id}/clusters` (contract §2)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from modelyard.api import convert
from modelyard.api.documents import ERRORS, asks
from modelyard.api.requests import Caller, ContextDep, query
from modelyard.api.schemas.answers import ClusterPage
from modelyard.api.schemas.queries import ClusterList
from modelyard.operations import catalog

router = APIRouter(prefix="/v1/{project_id}/clusters", tags=["clusters"], responses=ERRORS)


@router.get("", summary="List clusters", openapi_extra=asks(ClusterList))
async def index(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[ClusterList, Depends(query(ClusterList))],
) -> ClusterPage:
    """The dedicated resource pools of the project, which an administrator sets up."""
    total, clusters = await catalog.clusters(ctx, caller, project_id, convert.cluster_query(asked))
    return convert.clusters(total, clusters)
