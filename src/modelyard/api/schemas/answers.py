"""What callers read about services and models (contract §2, §3), for the OpenAPI document and the tests that hold
every answer to it. `convert` writes the answers; a field it writes and this does not know fails a test.

A field with a default is left out where it says nothing; none is ever null.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, StrictFloat, StrictInt

Number = StrictInt | StrictFloat
Unset: Any = None
"""Not there: the answer has no null."""


class Answer(BaseModel):
    """Base of all answers: strict types, nothing unknown."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Done(Answer):
    """Nothing to say but that it was done."""


class CreatedService(Answer):
    service_id: str
    resource_ids: list[str]


class UpdatedService(Answer):
    """Empty when no update was started."""

    update_time: int = Unset
    resource_ids: list[str] = Unset


Status = Literal[
    "running",
    "deploying",
    "concerning",
    "failed",
    "stopped",
    "finished",
    "stopping",
    "deleting",
    "pending",
    "waiting",
]


class ServiceSummary(Answer):
    service_id: str
    service_name: str
    description: str
    tenant: str
    project: str
    owner: str
    publish_at: int
    infer_type: Literal["real-time", "batch", "edge"]
    workspace_id: str
    status: Status
    error_msg: str = Unset
    update_time: int = Unset
    transition_at: int = Unset
    operation_time: int = Unset
    invocation_times: int
    failed_times: int
    is_shared: bool
    shared_count: int
    is_free: bool
    access_address: str
    bind_access_address: str
    debug_url: str
    cluster_id: str = Unset
    pool_name: str = Unset
    vpc_id: str = Unset
    subnet_network_id: str = Unset
    security_group_id: str = Unset
    schedule: list[dict[str, Any]] = Unset
    due_time: int = Unset
    additional_properties: dict[str, Any] = Unset
    load_balancer_policy: str = Unset
    priority: int = Unset


class ConfigShown(Answer):
    """An entry as it was sent, and what became of it."""

    model_id: str
    specification: str
    instance_count: int
    weight: int
    envs: dict[str, str] = Unset
    custom_spec: dict[str, Number] = Unset
    deploy_timeout_in_seconds: int = Unset
    cluster_id: str = Unset
    pool_name: str = Unset
    additional_properties: dict[str, Any] = Unset
    affinity: dict[str, Any] = Unset
    nodes: list[Any] = Unset
    src_path: str = Unset
    dest_path: str = Unset
    req_uri: str = Unset
    mapping_type: str = Unset
    mapping_rule: dict[str, Any] = Unset
    src_type: str = Unset
    model_name: str
    model_version: str
    status: Literal["running", "deploying", "concerning", "failed", "stopped", "finished"] = Unset
    scaling: bool = Unset
    support_debug: bool = Unset


class ServiceDetail(ServiceSummary):
    progress: int = Unset
    config: list[ConfigShown]


class ServicePage(Answer):
    total_count: int
    count: int
    services: list[ServiceSummary]


class EventShown(Answer):
    event_type: Literal["normal", "abnormal"]
    event_info: str
    occur_time: int


class EventPage(Answer):
    service_name: str
    service_id: str
    total_count: int
    count: int
    events: list[EventShown]


class UpdateRecordShown(Answer):
    update_time: int
    result: Literal["SUCCESS", "FAIL", "RUNNING"]
    config: list[ConfigShown]
    cluster_id: str = Unset
    extend_config: list[Any]
    error_msg: str = Unset


class UpdateRecords(Answer):
    service_name: str
    service_id: str
    logs: list[UpdateRecordShown]


class ModelUse(Answer):
    model_id: str
    model_name: str
    model_version: str
    invocation_times: int = Unset
    failed_times: int = Unset
    cpu_core_usage: Number
    cpu_core_total: Number
    cpu_memory_usage: Number
    cpu_memory_total: Number
    gpu_usage: Number
    gpu_total: Number
    gpu_memory_usage: Number
    gpu_memory_total: Number
    npu_usage: Number
    npu_total: Number
    npu_memory_usage: Number
    npu_memory_total: Number
    model_running_instance_count: int
    model_instance_count: int


class MonitorShown(Answer):
    service_name: str
    service_id: str
    monitors: list[ModelUse]
    service_running_instance_count: int
    service_instance_count: int
    req_count_per_min: int


class Specification(Answer):
    specification: str
    billing_spec: str
    category: Literal["CPU", "GPU", "NPU"]
    cpu_info: dict[str, Any]
    memory_info: dict[str, Any]
    gpu_info: dict[str, Any] = Unset
    npu_info: dict[str, Any] = Unset
    display_en: str
    display_cn: str
    is_open: bool
    spec_status: Literal["normal", "sellout"]
    is_free: bool
    over_quota: bool
    source_type: str
    extend_params: str


class SpecificationPage(Answer):
    total_count: int
    count: int
    specifications: list[Specification]


class ClusterNodes(Answer):
    specification: str
    count: int
    available_count: int


class Cluster(Answer):
    cluster_id: str
    cluster_name: str
    description: str
    tenant: str
    project: str
    owner: str = Unset
    created_at: int
    status: Literal["deploying", "running", "concerning", "abnormal"]
    nodes: ClusterNodes
    allocatable_cpu_cores: Number = Unset
    allocatable_memory: Number = Unset
    allocatable_gpus: Number = Unset


class ClusterPage(Answer):
    total_count: int
    count: int
    clusters: list[Cluster]


class CreatedModel(Answer):
    model_id: str


class ModelShown(Answer):
    """What was sent, and what was found in the package."""

    model_config = ConfigDict(extra="allow", strict=True)

    model_id: str
    model_name: str
    model_version: str
    model_type: str
    model_status: Literal["publishing", "published", "failed"]
    model_size: int
    model_source: str
    source_location: str
    description: str
    workspace_id: str
    tenant: str
    project: str
    owner: str
    create_at: int
    install_type: list[str]
    config: str = Unset
    apis: str = Unset
    model_metrics: str = Unset
    error_msg: str = Unset
    specification: dict[str, Number]
    tunable: bool
    market_flag: bool
    publishable_flag: bool


class ModelPage(Answer):
    total_count: int
    count: int
    models: list[ModelShown]


class NotDeleted(Answer):
    model_id: str
    error_code: str
    error_msg: str


class DeletedModels(Answer):
    delete_success_list: list[str]
    delete_failed_list: list[NotDeleted]


class Runtime(Answer):
    ai_engine: str
    runtimes: list[str]
    request_mode: list[str]
    accelerators: list[str]
    arch: list[str]
    status_list: list[str]
    image_source: list[str]


class RuntimePage(Answer):
    count: int
    total_count: int
    engine_runtimes: list[Runtime]
