"""Models on the wire: what callers send (contract §3)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelyard.api.schemas.queries import Limit, Offset, Order
from modelyard.api.schemas.wire import QueryFlag, Wire
from modelyard_runtime.loading.kinds import TYPES

EXAMPLE: dict[str, Any] = {
    "model_name": "digits",
    "model_version": "1.0.0",
    "model_type": "Scikit_Learn",
    "source_location": "obs://models/digits/1.0.0",
    "install_type": ["real-time"],
}


class ModelCreate(Wire):
    """POST /models. Publishing is asynchronous: `model_status` tells when it is done."""

    model_name: Annotated[str | None, Field(description="1 to 64 letters, digits, - and _")] = None
    model_version: Annotated[str | None, Field(description="three numbers, such as 0.0.1")] = None
    model_type: Annotated[str | None, Field(description=f"{', '.join(TYPES)}; auto: what config.json says")] = None
    source_location: Annotated[str | None, Field(description="the directory in the object store with model/")] = (
        None
    )
    source_copy: Annotated[
        QueryFlag | None,
        Field(description="true, or absent: publishing always takes a snapshot; false is refused"),
    ] = None
    runtime: Annotated[str | None, Field(description="another Python than the server's gets a notice")] = None
    description: Annotated[str | None, Field(description="at most 100 characters, none of < > = & \" '")] = None
    model_algorithm: Annotated[str | None, Field(description="a label: shown, and part of the snapshot")] = None
    input_params: Annotated[list[dict[str, Any]] | None, Field(description="a label: kept and shown")] = None
    output_params: Annotated[list[dict[str, Any]] | None, Field(description="a label: kept and shown")] = None
    dependencies: list[dict[str, Any]] | None = None
    model_metrics: Annotated[str | None, Field(description="a JSON string; a label: kept and shown")] = None
    apis: Annotated[list[dict[str, Any]] | None, Field(description="checked, shown, part of the snapshot")] = None
    initial_config: Annotated[str | None, Field(description="a JSON string; overrides config.json")] = None
    workspace_id: str | None = None
    model_docs: Annotated[
        list[dict[str, Any]] | None, Field(max_length=3, description="a label: kept and shown")
    ] = None
    install_type: Annotated[list[str] | None, Field(description="real-time, batch, edge; also a bare string")] = (
        None
    )
    health: dict[str, Any] | None = None
    cmd: Annotated[
        str | list[Any] | None,
        Field(description="starts the HTTP server that the package brings; a string is run by the shell"),
    ] = None

    swr_location: Annotated[
        str | None, Field(description="the image of a model of the type Image; source_location may be it as well")
    ] = None
    port: Annotated[
        int | str | None, Field(description="where a command or an image listens in a network of its own; 8080")
    ] = None

    required: ClassVar[Sequence[str]] = ("model_name", "model_version", "model_type", "source_location")
    later: ClassVar[Mapping[str, str]] = {
        "execution_code": "inference code outside of the package",
        "source_job_id": "training jobs",
        "source_job_version": "training jobs",
        "source_type": "training jobs",
    }

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        install = value.get("install_type")
        if isinstance(install, str):
            value = {**value, "install_type": [install]}
        workspace = value.get("workspace_id")
        if isinstance(workspace, int) and not isinstance(workspace, bool):
            value = {**value, "workspace_id": str(workspace)}
        return value


class ModelList(Wire):
    """Query of GET /models."""

    model_name: Annotated[str | None, Field(description="a part of the name, or all of it with exact_match")] = (
        None
    )
    exact_match: QueryFlag | None = None
    model_version: str | None = None
    model_status: Literal["publishing", "published", "failed"] | None = None
    description: str | None = None
    offset: Offset = None
    limit: Limit = None
    sort_by: Literal["create_at", "model_version", "model_size"] | None = None
    order: Order = None
    workspace_id: str | None = None
    model_type: str | None = None
    not_model_type: str | None = None


class ModelDelete(Wire):
    """Query of DELETE /models/{id}."""

    cascade: Annotated[QueryFlag | None, Field(description="every version of the model")] = None

    later: ClassVar[Mapping[str, str]] = {"dry_run": "trying a change without making it"}
