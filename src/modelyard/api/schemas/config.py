"""One entry of `config` on the wire (contract §2, ServiceConfig)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, StrictBool, WithJsonSchema

from modelyard.api.schemas.wire import Integer, Number, Wire
from modelyard.core import json_text
from modelyard.core.admission import places

BATCH = "batch services only"
CSV = "mapping_type csv of batch services only"
EDGE = "edge services only"
POOL = "dedicated pools only"


def _rule(value: object) -> object:
    """A mapping_rule arrives as an object or as a JSON string."""
    if isinstance(value, str):
        try:
            value = json_text.read(value)
        except json_text.Malformed as error:
            raise ValueError(f"must be an object, or JSON text of one: {error.said}") from error
    return value


MappingRule = Annotated[
    dict[str, Any],
    BeforeValidator(_rule),
    WithJsonSchema({"anyOf": [{"type": "object"}, {"type": "string", "description": "JSON text of an object"}]}),
]


class CustomSpec(Wire):
    """A size of one's own; for the specification `custom` in a dedicated pool."""

    cpu: Annotated[Number | None, Field(description="cores, 0.01 or more; the third decimal is rounded")] = None
    memory: Annotated[Integer | None, Field(description="MB")] = None
    gpu_p4: Annotated[Number | None, Field(description="0 or more; excludes ascend_a310")] = None
    ascend_a310: Integer | None = None

    required: ClassVar[Sequence[str]] = ("cpu", "memory")


class LogVolume(Wire):
    """A directory of the host for a model's logs."""

    host_path: str | None = None
    mount_path: str | None = None

    required: ClassVar[Sequence[str]] = ("host_path", "mount_path")


class PersistentVolume(Wire):
    """A directory that outlives instances."""

    name: Annotated[str | None, Field(description="a label")] = None
    mount_path: Annotated[str | None, Field(description="absolute, not a system directory")] = None
    storage_type: Annotated[str | None, Field(description="hostPath")] = None
    source_address: Annotated[str | None, Field(description="the directory of the host")] = None
    read_only: Annotated[
        StrictBool | None, Field(description="instances cannot write to it. Default false. An extension.")
    ] = None

    required: ClassVar[Sequence[str]] = ("mount_path",)


class ErrorThreshold(Wire):
    """The task fails as soon as more rows have failed. An extension."""

    count: Annotated[Integer | None, Field(description="so many; 0 or more")] = None
    share: Annotated[Number | None, Field(description="this share of those that were tried, 0 to 1")] = None


class ModelProperties(Wire):
    """Model-level additional_properties: how far a rolling update may leave the instance count, volumes, and what
    batch services may be told besides."""

    max_surge: Annotated[Number | None, Field(description="> 0; below 1 a fraction, else a count. Default 1.")] = (
        None
    )
    max_unavailable: Annotated[Number | None, Field(description="> 0; as max_surge. Default 0.")] = None
    termination_grace_period_seconds: Annotated[Integer | None, Field(description="0 or more. Default 30.")] = None
    log_volume: Annotated[list[LogVolume] | None, Field(description=POOL)] = None
    persistent_volumes: list[PersistentVolume] | None = None
    csv_header: Annotated[
        StrictBool | None,
        Field(description=f"the first row of each file names the columns; {CSV}. Default false."),
    ] = None
    csv_delimiter: Annotated[str | None, Field(description=f"one character; {CSV}. Default a comma.")] = None
    csv_encoding: Annotated[
        str | None, Field(description=f"of files without a byte order mark; {CSV}. Default utf-8.")
    ] = None
    output_format: Annotated[str | None, Field(description=f"txt (default) or parquet; {BATCH}")] = None
    error_threshold: Annotated[
        ErrorThreshold | None, Field(description=f"{BATCH}. Default: however many rows fail, the others are done.")
    ] = None
    row_timeout_seconds: Annotated[
        Number | None, Field(description=f"how long the prediction of one row may take; {BATCH}. Default 60.")
    ] = None
    max_row_bytes: Annotated[
        Integer | None, Field(description=f"how large a row, or a file, may be; {BATCH}. Default 12 MiB.")
    ] = None

    may_be_wrapped: ClassVar[bool] = True
    place = places.MODEL_PROPERTIES


class Node(Wire):
    name: str | None = None


class PoolInfo(Wire):
    pool_name: str | None = None
    nodes: list[Node] | None = None


class NodeAffinity(Wire):
    mode: Annotated[str | None, Field(description="required or preferred")] = None
    pool_infos: list[PoolInfo] | None = None


class Affinity(Wire):
    """Nodes of pools to run on."""

    node_affinity: NodeAffinity | None = None


class ServiceConfig(Wire):
    """One entry of `config`: a model, its share of the traffic and its size."""

    model_id: str | None = None
    weight: Annotated[Integer | None, Field(description="0 to 100; all weights sum to 100")] = None
    specification: Annotated[str | None, Field(description="a flavor, such as modelarts.vm.cpu.2u")] = None
    instance_count: Annotated[Integer | None, Field(description="1 up to the quota")] = None
    envs: Annotated[dict[str, str] | None, Field(description="environment variables of the model")] = None
    secret_envs: Annotated[
        list[str] | None,
        Field(description="which of envs are secrets, to be shown as `***`. An extension."),
    ] = None
    custom_spec: CustomSpec | None = None
    deploy_timeout_in_seconds: Annotated[
        Integer | None, Field(description="time one instance may take to become ready. Default 1200.")
    ] = None
    cluster_id: Annotated[str | None, Field(description="a dedicated pool, by its id")] = None
    pool_name: Annotated[str | None, Field(description="a dedicated pool; goes before cluster_id")] = None
    additional_properties: ModelProperties | None = None
    affinity: Annotated[Affinity | None, Field(description=POOL)] = None
    nodes: Annotated[list[str] | None, Field(description=EDGE)] = None
    src_path: Annotated[
        str | None, Field(description=f"where the input is: a folder, a file, or a list of files; {BATCH}")
    ] = None
    dest_path: Annotated[str | None, Field(description=f"the folder of the results; {BATCH}")] = None
    req_uri: Annotated[str | None, Field(description=f"one of the model's API urls; {BATCH}")] = None
    mapping_type: Annotated[
        str | None, Field(description=f"file or csv (extensions: jsonl, parquet); {BATCH}")
    ] = None
    mapping_rule: Annotated[
        MappingRule | None, Field(description=f"the request's schema with an index in each leaf; {BATCH}")
    ] = None
    src_type: Annotated[str | None, Field(description=f"ManifestFile; {BATCH}")] = None

    required: ClassVar[Sequence[str]] = ("model_id", "specification", "instance_count")
    place = places.ENTRY


def unwrapped(holder: object) -> object:
    """`holder` with its additional_properties out of an outer wrapper of one arbitrary key around known ones (the
    page types them as maps). Those of the other level count as known, to be refused by name."""
    if not isinstance(holder, Mapping):
        return holder
    outer = holder.get("additional_properties")
    if isinstance(outer, Mapping) and len(outer) == 1:
        ((key, inner),) = outer.items()
        if key not in places.PROPERTIES and isinstance(inner, Mapping) and inner.keys() & places.PROPERTIES:
            return {**holder, "additional_properties": inner}
    return holder


class Configured(Wire):
    """A body with a `config`, whose entries may wrap their additional_properties."""

    config: list[ServiceConfig] | None = None

    place = places.TOP

    @classmethod
    def prepared(cls, value: Mapping[str, object]) -> Mapping[str, object]:
        config = value.get("config")
        if not isinstance(config, list):
            return value
        return {**value, "config": [unwrapped(entry) for entry in config]}
