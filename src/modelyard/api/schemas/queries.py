"""Query parameters of calls about services (contract §2)."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from modelyard.api.schemas.wire import Integer, QueryFlag, Wire

Offset = Annotated[
    Annotated[Integer, Field(ge=0, le=10**9), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 10**9})]
    | None,
    Field(description="page index: rows begin at offset x limit"),
]
Limit = Annotated[
    Annotated[Integer, Field(ge=1, le=10**6), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 10**6})]
    | None,
    Field(description="rows of a page. Default 1000."),
]
Order = Annotated[Literal["asc", "desc"] | None, Field(description="default desc")]


ServiceStatus = Literal[
    "deploying",
    "running",
    "concerning",
    "pending",
    "waiting",
    "failed",
    "stopping",
    "stopped",
    "finished",
    "deleting",
]


class ServiceList(Wire):
    """Query of GET /services."""

    service_id: str | None = None
    service_name: Annotated[str | None, Field(description="a part of the name")] = None
    model_id: str | None = None
    workspace_id: str | None = None
    infer_type: Literal["real-time", "batch", "edge"] | None = None
    status: ServiceStatus | None = None
    tags: Annotated[str | None, Field(description="no service has tags here: any value finds none")] = None
    offset: Offset = None
    limit: Limit = None
    sort_by: Literal["publish_at", "service_name", "transition_at"] | None = None
    order: Order = None


class EventList(Wire):
    """Query of GET /services/{id}/events."""

    event_type: Literal["normal", "abnormal"] | None = None
    event_info: Annotated[str | None, Field(description="a part of the text")] = None
    start_time: Annotated[Integer | None, Field(description="milliseconds since 1970 UTC, inclusive")] = None
    end_time: Annotated[Integer | None, Field(description="milliseconds since 1970 UTC, inclusive")] = None
    offset: Offset = None
    limit: Limit = None
    sort_by: Literal["occur_time"] | None = None
    order: Order = None


class UpdateRecordList(Wire):
    """Query of GET /services/{id}/logs."""

    update_time: Annotated[Integer | None, Field(description="only the record of this update")] = None


class MonitorQuery(Wire):
    """Query of GET /services/{id}/monitor."""

    node_id: Annotated[str | None, Field(description="for edge services; others are refused with it")] = None


class SpecificationList(Wire):
    """Query of GET /services/specifications."""

    is_personal_cluster: Annotated[QueryFlag | None, Field(description="those for dedicated pools")] = None
    infer_type: Annotated[
        Literal["real-time", "batch", "edge"] | None, Field(description="every specification is for every type")
    ] = None
    offset: Offset = None
    limit: Limit = None


class CleanQuery(Wire):
    """Query of POST /v1/modelyard/admin/clean."""

    dry_run: Annotated[QueryFlag | None, Field(description="remove nothing, say what would be")] = None


class ClusterList(Wire):
    """Query of GET /clusters."""

    cluster_name: Annotated[str | None, Field(description="a part of the name")] = None
    status: Literal["deploying", "running", "concerning", "abnormal"] | None = None
    offset: Offset = None
    limit: Limit = None
    sort_by: Literal["created_at", "cluster_name"] | None = None
    order: Order = None


class RuntimeList(Wire):
    """Query of GET /models/ai-engine-runtimes."""

    offset: Offset = None
    limit: Limit = None


class RevisionList(Wire):
    """Query of GET /services/{id}/revisions."""

    offset: Offset = None
    limit: Limit = None


class TaskList(Wire):
    """Query of GET /services/{id}/tasks."""

    offset: Offset = None
    limit: Limit = None


FailedLimit = Annotated[
    Annotated[Integer, Field(ge=1, le=1000), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 1000})]
    | None,
    Field(description="rows of a page. Default 100."),
]


class FailedRowList(Wire):
    """Query of GET /services/{id}/tasks/{task_id}/failed-rows."""

    offset: Offset = None
    limit: FailedLimit = None


class Change(Wire):
    """Query of calls that change a service."""

    dry_run: Annotated[QueryFlag | None, Field(description="change nothing, answer with the plan")] = None


class Removal(Wire):
    """Query of calls that change something, and cannot be tried."""

    later: ClassVar[Mapping[str, str]] = {"dry_run": "trying this without doing it"}
