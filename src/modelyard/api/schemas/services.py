"""Services on the wire: what callers send (contract §2). What they read is written by `convert`."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StrictBool

from modelyard.api.schemas.config import Configured, unwrapped
from modelyard.api.schemas.wire import Integer, Number, Wire
from modelyard.core.admission import places

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

CREATE_EXAMPLE = {"service_name": "digits", "infer_type": "real-time", "config": EXAMPLE["config"]}


class Schedule(Wire):
    """Stop the service after a while."""

    type: Annotated[str | None, Field(description="stop")] = None
    time_unit: Annotated[str | None, Field(description="DAYS, HOURS or MINUTES")] = None
    duration: Annotated[Integer | None, Field(description="1 or more")] = None


class LtsConfiguration(Wire):
    """A log stream of the project. Without it, a group and a stream named after the service are made."""

    log_group_id: Annotated[str | None, Field(description="at most 64 characters")] = None
    log_stream_id: Annotated[str | None, Field(description="at most 64 characters")] = None


class LogChannel(Wire):
    """Where the logs of the instances go."""

    type: Annotated[str | None, Field(description="LTS")] = None
    configuration: LtsConfiguration | None = None


class TrafficLimit(Wire):
    """So many requests in each unit of time; more are answered 429. {} switches it off. An extension."""

    num: Annotated[Integer | None, Field(description="1 or more")] = None
    unit: Annotated[str | None, Field(description="SECOND, MINUTE, HOUR or DAY")] = None


class RequestLimit(Wire):
    """Bounds of one request; {} goes back to the defaults. An extension."""

    max_body_bytes: Annotated[Integer | None, Field(description="larger bodies are 413. Default 12 MiB.")] = None
    timeout_seconds: Annotated[Number | None, Field(description="later answers are 504. Default 60.")] = None
    attempts: Annotated[
        Integer | None,
        Field(
            description="how many instances a request may be given to. 2 (default): to another one when its "
            "instance dies before it began to answer, so that it may be computed twice; 1: never twice."
        ),
    ] = None
    attempt_seconds: Annotated[
        Number | None,
        Field(
            description="its answers begin within so long: where another instance answers, a request whose "
            "answer has not begun by then is given to that one, and may be computed twice. Default: never."
        ),
    ] = None


class AccessLog(Wire):
    """Which calls the log of the service tells of, as the gateway saw them: never bodies, queries or credentials.
    {} switches it off. An extension."""

    mode: Annotated[
        str | None, Field(description="errors (400 and above, or broken off), all, or sampled: a share of all")
    ] = None
    share: Annotated[Number | None, Field(description="of all calls, up to 1; with the mode sampled")] = None


class ServiceProperties(Wire):
    """Service-level additional_properties, merged key by key: what is absent stays. Other keys are labels: kept
    and shown, 32 of them in 8 KiB; null removes one. Fields that belong elsewhere are refused."""

    smn_notification: Annotated[
        dict[str, Any] | None,
        Field(
            description="a topic of the project that is told when the service becomes 1 failed, 3 running, "
            '7 concerning or 11 pending: {"topic_urn", "events": [1, 3, 7, 11]}, or a map of such objects. '
            "{} is none."
        ),
    ] = None
    log_report_channels: Annotated[
        list[LogChannel] | None,
        Field(description="log streams that show the logs of the service; [] is none. Cannot be changed later."),
    ] = None
    websocket_upgrade: Annotated[
        StrictBool | None, Field(description="cannot be taken back; excludes a traffic limit")
    ] = None
    traffic_limit: TrafficLimit | None = None
    request_limit: RequestLimit | None = None
    access_log: AccessLog | None = None

    keeps_unknown: ClassVar[bool] = True
    may_be_wrapped: ClassVar[bool] = True
    place = places.SERVICE_PROPERTIES


class Secret(Wire):
    """A secret of the project that instances find as a file. The second name is the vendor's spelling."""

    secretId: Annotated[str | None, Field(description="the name of the secret")] = None  # noqa: N815 - the wire's
    mouthPath: Annotated[  # noqa: N815
        str | None, Field(description="where instances find it: the path of the file, absolute")
    ] = None


class _Settings(Configured):
    schedule: Annotated[list[Schedule] | None, Field(description="auto stop; [] switches it off")] = None
    additional_properties: ServiceProperties | None = None
    load_balancer_policy: Annotated[
        str | None, Field(description="ROUND_ROBIN (default), LEAST_CONNECTIONS or SOURCE_IP")
    ] = None
    service_secrets: Annotated[
        list[Secret] | None,
        Field(description="replaces the whole list; [] is none. Absent: those it has, with their newest values."),
    ] = None
    priority: Annotated[Integer | None, Field(description="1 to 3; a label, nothing is ordered by it here")] = None

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        inner = unwrapped(super().prepared(value))
        assert isinstance(inner, Mapping)
        return inner


class ServiceUpdate(_Settings):
    """PUT /services/{id}: what is absent stays as it is."""

    description: Annotated[str | None, Field(description="at most 100 characters, none of < > = & \" '")] = None
    status: Annotated[Literal["running", "stopped"] | None, Field(description="starts or stops the service")] = (
        None
    )

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        """`openstack ma service update` sends a config always: `[{}]`, when it was given other fields only."""
        others = (value.get(name) for name in cls.model_fields if name != "config")
        if value.get("config") == [{}] and any(other is not None for other in others):
            value = {name: field for name, field in value.items() if name != "config"}
        return super().prepared(value)


class ServiceCreate(_Settings):
    """POST /services."""

    service_name: Annotated[str | None, Field(description="1 to 64 characters")] = None
    infer_type: Literal["real-time", "batch", "edge"] | None = None
    description: Annotated[str | None, Field(description="at most 100 characters, none of < > = & \" '")] = None
    workspace_id: Annotated[str | None, Field(description="the default workspace is '0'")] = None
    cluster_id: Annotated[str | None, Field(description="a dedicated pool, by its id")] = None
    pool_name: Annotated[str | None, Field(description="a dedicated pool; goes before cluster_id")] = None
    vpc_id: Annotated[str | None, Field(description="has no effect in a dedicated pool")] = None
    subnet_network_id: str | None = None
    security_group_id: str | None = None

    required: ClassVar[Sequence[str]] = ("service_name", "infer_type", "config")

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        value = super().prepared(value)
        workspace = value.get("workspace_id")
        if isinstance(workspace, int) and not isinstance(workspace, bool):
            return {**value, "workspace_id": str(workspace)}
        return value


class PropertyChange(Wire):
    model_id: str | None = None
    changed_value: Annotated[str | int | None, Field(description="an integer as text")] = None

    required: ClassVar[Sequence[str]] = ("model_id", "changed_value")


class PropertyUpdate(Wire):
    """PUT /services/{id}/property: other instance counts, and nothing else."""

    changed_property: Annotated[str | None, Field(description="instance_count")] = None
    configs: list[PropertyChange] | None = None

    required: ClassVar[Sequence[str]] = ("changed_property", "configs")


class NodeStatus(Wire):
    """PUT /services/{id}/nodes/{node_id}/status."""

    status: Annotated[Literal["running", "stopped"] | None, Field(description="running or stopped")] = None

    required: ClassVar[Sequence[str]] = ("status",)


PROPERTY_EXAMPLE: dict[str, Any] = {
    "changed_property": "instance_count",
    "configs": [{"model_id": "0e07b41b-173e-42db-8c16-8e1b44cc0d44", "changed_value": "2"}],
}
PATCH_EXAMPLE: list[dict[str, Any]] = [{"op": "replace", "path": "/config/0/instance_count", "value": "2"}]
