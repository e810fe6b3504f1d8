"""Clusters, which are dedicated resource pools: `/v1/{project_id}/clusters` (contract §2)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from modelyard.api import convert
from modelyard.api.documents import ERRORS, asks
from modelyard.api.requests import Caller, ContextDep, query
from modelyard.api.schemas.answers import ClusterPage
from modelyard.api.schemas.pools import ClusterDetail, ShownPools
from modelyard.api.schemas.queries import ClusterList
from modelyard.operations import catalog
from modelyard.operations import pools as operations

router = APIRouter(prefix="/v1/{project_id}/clusters", tags=["clusters"], responses=ERRORS)

of_pools = APIRouter(prefix="/v1/{project_id}/modelyard/pools", tags=["clusters"], responses=ERRORS)


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


@router.get("/{cluster_id}", summary="Show a cluster")
async def show(ctx: ContextDep, caller: Caller, project_id: str, cluster_id: str) -> ClusterDetail:
    """With what it runs on, its nodes, how much of it is used, and what is wrong with it. An extension."""
    return convert.cluster_detail(await operations.pool(ctx, caller, project_id, cluster_id))


@of_pools.get("", summary="List pools with all that is known of them")
async def pools(ctx: ContextDep, caller: Caller, project_id: str) -> ShownPools:
    """The same pools as `GET /clusters`. An extension."""
    return convert.pools(await operations.pools(ctx, caller, project_id))
