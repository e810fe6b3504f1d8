"""Services on the wire: what callers send (contract §2). What they read is written by `convert`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from modelyard.api.schemas.wire import Integer, Number, Wire

POOLS = "dedicated resource pools"
BATCH = "batch services"
EDGE = "edge services"
VPC = "there are no virtual private clouds here"

EXAMPLE: dict[str, Any] = {
    "description": "",
    "status": "running",
    "config": [
        {
            "model_id": "0e07b41b-173e-42db-8c16-8e1b44cc0d44",
            "weight": "100",
            "specification": "modelarts.vm.cpu.2u",
            "instance_count": 1,
        }
    ],
}
"""The example of the page this API was asked to implement."""


class ModelProperties(Wire):
    """Model-level additional_properties: how far a rolling update may leave the instance count."""

    max_surge: Annotated[Number | None, Field(description="> 0; below 1 a fraction, else a count. Default 1.")] = (
        None
    )
    max_unavailable: Annotated[Number | None, Field(description="> 0; as max_surge. Default 0.")] = None
    termination_grace_period_seconds: Annotated[Integer | None, Field(description="0 or more. Default 30.")] = None

    later: ClassVar[Mapping[str, str]] = {"log_volume": POOLS, "persistent_volumes": "mounting volumes"}


class ServiceConfig(Wire):
    """One entry of `config`: a model, its share of the traffic and its size."""

    model_id: str | None = None
    weight: Annotated[Integer | None, Field(description="0 to 100; all weights sum to 100")] = None
    specification: Annotated[str | None, Field(description="a flavor, such as modelarts.vm.cpu.2u")] = None
    instance_count: Annotated[Integer | None, Field(description="1 up to the quota")] = None
    envs: Annotated[dict[str, str] | None, Field(description="environment variables of the model")] = None
    deploy_timeout_in_seconds: Annotated[
        Integer | None, Field(description="time one instance may take to become ready. Default 1200.")
    ] = None
    additional_properties: ModelProperties | None = None

    required: ClassVar[Sequence[str]] = ("model_id", "specification", "instance_count")
    later: ClassVar[Mapping[str, str]] = {
        "custom_spec": POOLS,
        "cluster_id": POOLS,
        "pool_name": POOLS,
        "affinity": POOLS,
        "nodes": EDGE,
        "src_path": BATCH,
        "dest_path": BATCH,
        "req_uri": BATCH,
        "mapping_type": BATCH,
        "mapping_rule": BATCH,
        "src_type": BATCH,
    }


def _unwrapped(entry: object) -> object:
    """additional_properties without an outer wrapper of one arbitrary key (the page types it as a map)."""
    if not isinstance(entry, dict):
        return entry
    outer = entry.get("additional_properties")
    known = {*ModelProperties.model_fields, *ModelProperties.later}
    if isinstance(outer, dict) and len(outer) == 1:
        ((key, inner),) = outer.items()
        if key not in known and isinstance(inner, dict) and known & inner.keys():
            return {**entry, "additional_properties": inner}
    return entry


class _Configured(Wire):
    config: list[ServiceConfig] | None = None

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        config = value.get("config")
        return {**value, "config": [_unwrapped(entry) for entry in config]} if isinstance(config, list) else value


LATER: Mapping[str, str] = {
    "schedule": "auto stop",
    "additional_properties": "service-level properties",
    "load_balancer_policy": "load balancing policies",
    "service_secrets": "secrets",
    "priority": "priorities",
}


class ServiceUpdate(_Configured):
    """PUT /services/{id}: what is absent stays as it is."""

    description: Annotated[str | None, Field(description="at most 100 characters, none of < > = & \" '")] = None
    status: Annotated[Literal["running", "stopped"] | None, Field(description="starts or stops the service")] = (
        None
    )

    later: ClassVar[Mapping[str, str]] = LATER


class ServiceCreate(_Configured):
    """POST /services."""

    service_name: Annotated[str | None, Field(description="1 to 64 characters")] = None
    infer_type: Literal["real-time", "batch", "edge"] | None = None
    description: Annotated[str | None, Field(description="at most 100 characters, none of < > = & \" '")] = None
    workspace_id: str | None = None

    required: ClassVar[Sequence[str]] = ("service_name", "infer_type", "config")
    later: ClassVar[Mapping[str, str]] = {
        **LATER,
        "cluster_id": POOLS,
        "pool_name": POOLS,
        "vpc_id": VPC,
        "subnet_network_id": VPC,
        "security_group_id": VPC,
    }

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        value = super().prepared(value)
        workspace = value.get("workspace_id")
        if isinstance(workspace, int) and not isinstance(workspace, bool):
            return {**value, "workspace_id": str(workspace)}
        return value


Offset = Annotated[Integer | None, Field(ge=0, le=10**9, description="page index: rows begin at offset x limit")]
Limit = Annotated[Integer | None, Field(ge=1, le=10**6, description="rows of a page. Default 1000.")]
Order = Annotated[Literal["asc", "desc"] | None, Field(description="default desc")]


class ServiceList(Wire):
    """Query of GET /services."""

    service_id: str | None = None
    service_name: Annotated[str | None, Field(description="a part of the name")] = None
    model_id: str | None = None
    workspace_id: str | None = None
    infer_type: str | None = None
    status: str | None = None
    offset: Offset = None
    limit: Limit = None
    sort_by: Literal["publish_at", "service_name", "transition_at"] | None = None
    order: Order = None

    later: ClassVar[Mapping[str, str]] = {"tags": "tags"}


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


class Change(Wire):
    """Query of calls that change something."""

    later: ClassVar[Mapping[str, str]] = {"dry_run": "trying a change without making it"}
