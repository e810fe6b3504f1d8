"""Tasks of batch services: `/v1/{project_id}/services/{service_id}/tasks`. An extension of the contract."""

from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends

from modelyard.api import convert
from modelyard.api.binding import Bound, binds
from modelyard.api.documents import ERRORS, asks
from modelyard.api.requests import Caller, ContextDep, query
from modelyard.api.schemas import queries
from modelyard.api.schemas.answers import FailedRowPage, TaskPage, TaskShown, UpdatedService
from modelyard.api.schemas.plans import Plan
from modelyard.operations import tasks
from modelyard.store.page import Page

router = APIRouter(prefix="/v1/{project_id}/services/{service_id}/tasks", tags=["services"], responses=ERRORS)

FAILED_ROWS = 100


@router.get("", summary="List the tasks of a batch service", openapi_extra=asks(queries.TaskList))
async def index(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    asked: Annotated[queries.TaskList, Depends(query(queries.TaskList))],
) -> TaskPage:
    """Newest first: one for each run over the input."""
    page = convert.page(asked.offset, asked.limit)
    return convert.tasks(*await tasks.tasks(ctx, caller, project_id, service_id, page))


@router.get("/{task_id}", summary="Show a task of a batch service")
async def show(ctx: ContextDep, caller: Caller, project_id: str, service_id: str, task_id: str) -> TaskShown:
    _, one = await tasks.task(ctx, caller, project_id, service_id, task_id)
    return convert.task(one)


@router.get(
    "/{task_id}/failed-rows",
    summary="List the rows of a task that failed",
    openapi_extra=asks(queries.FailedRowList),
)
async def failed_rows(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    service_id: str,
    task_id: str,
    *,
    asked: Annotated[queries.FailedRowList, Depends(query(queries.FailedRowList))],
) -> FailedRowPage:
    """In the order of the input, each with its cause; while the task is at work, those that failed so far."""
    page = Page(offset=asked.offset or 0, limit=asked.limit or FAILED_ROWS)
    return convert.failed_rows(await tasks.failed_rows(ctx, caller, project_id, service_id, task_id, page=page))


@router.post("/{task_id}/retry-failed", summary="Try the rows of a task that failed again", openapi_extra=binds())
async def retry_failed(
    ctx: ContextDep, caller: Caller, project_id: str, service_id: str, task_id: str, *, bound: Bound
) -> UpdatedService | Plan:
    """Those rows and no others; the results of the task are written anew when it is over. For the newest task of a
    service, once it is at rest. Needs no body."""
    use = partial(tasks.retry_failed, ctx, caller, project_id, service_id, task_id)
    return await bound.answer(ctx, use, convert.updated)
