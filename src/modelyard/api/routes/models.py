"""Models: `/v1/{project_id}/models` (contract §3)."""

from typing import Annotated

from fastapi import APIRouter, Depends

from modelyard.api import convert
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.requests import Caller, ContextDep, body, query
from modelyard.api.schemas import answers
from modelyard.api.schemas import models as wire
from modelyard.api.schemas.queries import Removal, RuntimeList
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.identity import CONTROL_READ
from modelyard.operations import models
from modelyard.operations.context import authorise

router = APIRouter(prefix="/v1/{project_id}/models", tags=["models"], responses=ERRORS)


@router.post(
    "",
    summary="Publish a model",
    openapi_extra=takes(wire.ModelCreate, wire.EXAMPLE),
)
async def create(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    _: Annotated[Removal, Depends(query(Removal))],
    request: Annotated[Parsed[wire.ModelCreate], Depends(body(wire.ModelCreate))],
) -> answers.CreatedModel:
    """Takes a snapshot of the package in the background: poll until `model_status` is published or failed."""
    model = await models.publish(ctx, caller, project_id, convert.model_request(request))
    return answers.CreatedModel(model_id=model.id)


@router.get("", summary="List models", openapi_extra=asks(wire.ModelList))
async def index(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[wire.ModelList, Depends(query(wire.ModelList))],
) -> answers.ModelPage:
    total, page = await models.models(ctx, caller, project_id, convert.model_query(asked))
    return convert.models(total, page)


@router.get(
    "/ai-engine-runtimes",
    summary="List runtimes",
    openapi_extra=asks(RuntimeList),
)
async def runtimes(
    _: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[RuntimeList, Depends(query(RuntimeList))],
) -> answers.RuntimePage:
    """What models can be published for."""
    authorise(caller, project_id, CONTROL_READ, "listRuntimes")
    page = convert.page(asked.offset, asked.limit)
    return convert.runtimes(page.offset, page.limit)


@router.get("/{model_id}", summary="Show a model")
async def show(ctx: ContextDep, caller: Caller, project_id: str, model_id: str) -> answers.ModelEcho:
    return convert.model(await models.detail(ctx, caller, project_id, model_id))


@router.delete(
    "/{model_id}",
    summary="Delete a model",
    openapi_extra=asks(wire.ModelDelete),
)
async def delete(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    model_id: str,
    asked: Annotated[wire.ModelDelete, Depends(query(wire.ModelDelete))],
) -> answers.DeletedModels:
    """A model that a service uses stays, and is named in `delete_failed_list`."""
    done = await models.delete(ctx, caller, project_id, model_id, cascade=bool(asked.cascade))
    return convert.deleted_models(done)
