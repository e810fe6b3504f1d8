"""A model: one published version of a model package."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ModelStatus(StrEnum):
    """The words that pollers know (contract §3); they would take any other for an error."""

    PUBLISHING = "publishing"
    PUBLISHED = "published"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Model:
    """One version of a model package.

    `digest` names the snapshot taken at publishing ("" until then): instances run that content, whatever later
    happens at `source_location`. `attributes` keeps the optional fields of the request as they came (description,
    runtime, apis, dependencies, …), so that a read returns what was sent; `config` is the parsed config.json of
    the snapshot, overridden by initial_config. `size_bytes` is the size of the snapshot. `error`: why publishing
    failed; while it is in progress, what is being done; once published, what the author should know. Times are
    milliseconds since 1970 UTC.
    """

    id: str
    project_id: str
    name: str
    version: str
    type: str
    source_location: str
    owner: str
    created_ms: int
    status: ModelStatus = ModelStatus.PUBLISHING
    digest: str = ""
    size_bytes: int = 0
    install_types: frozenset[str] = frozenset({"real-time", "batch", "edge"})
    attributes: Mapping[str, object] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)
    error: str = ""
