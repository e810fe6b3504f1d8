"""Models: what was published, and which services use it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelyard.domain.model import Model, ModelStatus
from modelyard.store.page import Page


@dataclass(frozen=True, slots=True)
class ModelQuery:
    """None matches any. `name` is a substring unless `exact`."""

    name: str | None = None
    exact: bool = False
    version: str | None = None
    status: ModelStatus | None = None
    type: str | None = None
    not_type: str | None = None
    description: str | None = None
    workspace_id: str | None = None
    page: Page = Page()


class ModelReads(Protocol):
    async def model(self, project_id: str | None, model_id: str) -> Model | None: ...

    async def models_by_id(self, project_id: str | None, model_ids: Collection[str]) -> Mapping[str, Model]:
        """Those that exist, in one statement."""

    async def models(self, project_id: str | None, query: ModelQuery) -> tuple[int, Sequence[Model]]:
        """(how many match, one page of them)."""

    async def services_using(self, model_id: str) -> Sequence[str]:
        """Names of services whose present or stable revision, or an active rollout, uses the model."""


class ModelWrites(ModelReads, Protocol):
    async def add_model(self, model: Model) -> None:
        """Raises AlreadyExists for a taken (project, name, version)."""

    async def save_model(self, model: Model) -> None: ...

    async def delete_model(self, model_id: str) -> None: ...
