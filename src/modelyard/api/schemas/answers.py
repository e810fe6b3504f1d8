"""What callers read about services and models (contract §2, §3)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from modelyard.api.schemas.answer import Answer, EchoOf, Json, Maybe, Number, Word, answer
from modelyard.domain.batch import TaskState
from modelyard.domain.model import ModelStatus
from modelyard.domain.service import EventType, InferType, ServiceStatus
from modelyard.operations.progress import VariantStatus


@answer
class Done(Answer):
    """Nothing to say but that it was done."""


@answer
class CreatedService(Answer):
    service_id: str
    resource_ids: list[str]


@answer
class UpdatedService(Answer):
    """Empty when no update was started."""

    update_time: Maybe[int] = None
    resource_ids: Maybe[list[str]] = None


@answer
class TaskShown(Answer):
    """A task of a batch service. `rows` are those that are known so far: all of them once `planned`. `waiting`:
    what keeps it from going on for now. `manifest`: where the list of its results is, once it is finished."""

    task_id: str
    number: int
    state: Word[TaskState]
    planned: bool
    rows: int
    rows_done: int
    rows_failed: int
    sources: int
    sources_failed: int
    rows_per_second: Maybe[Number] = None
    seconds_left: Maybe[Number] = None
    waiting: Maybe[str] = None
    error: Maybe[str] = None
    retries: int
    revision: int
    manifest: Maybe[str] = None
    created_at: int
    started_at: Maybe[int] = None
    finished_at: Maybe[int] = None


@answer
class TaskPage(Answer):
    service_name: str
    service_id: str
    total_count: int
    count: int
    tasks: list[TaskShown]


@answer
class FailedRowShown(Answer):
    """`row` counts from 0 in its source; a source of the format `file` has one."""

    source: str
    row: int
    error: str


@answer
class FailedRowPage(Answer):
    service_id: str
    task_id: str
    total_count: int
    count: int
    rows: list[FailedRowShown]


@answer
class ServiceSummary(Answer):
    service_id: str
    service_name: str
    description: str
    tenant: str
    project: str
    owner: str
    publish_at: int
    infer_type: Word[InferType]
    workspace_id: str
    status: Word[ServiceStatus]
    error_msg: Maybe[str] = None
    update_time: Maybe[int] = None
    transition_at: Maybe[int] = None
    operation_time: Maybe[int] = None
    invocation_times: int
    failed_times: int
    is_shared: bool
    shared_count: int
    is_free: bool
    access_address: Maybe[str] = None
    bind_access_address: Maybe[str] = None
    debug_url: Maybe[str] = None
    cluster_id: Maybe[str] = None
    pool_name: Maybe[str] = None
    vpc_id: Maybe[str] = None
    subnet_network_id: Maybe[str] = None
    security_group_id: Maybe[str] = None
    schedule: Maybe[list[dict[str, Any]]] = None
    due_time: Maybe[int] = None
    additional_properties: Maybe[dict[str, Any]] = None
    load_balancer_policy: Maybe[str] = None
    priority: Maybe[int] = None
    batch: Maybe[TaskShown] = None


@answer
class ConfigFacts(Answer):
    """What became of an entry of a config."""

    model_name: str
    model_version: str
    weight: int
    status: Maybe[VariantStatus] = None
    scaling: Maybe[bool] = None
    support_debug: Maybe[bool] = None
    start_time: Maybe[int] = None
    finished_time: Maybe[int] = None


@answer
class ConfigShown(ConfigFacts):
    """An entry as it was sent, and what became of it."""

    model_id: str
    specification: str
    instance_count: int
    envs: Maybe[dict[str, str]] = None
    secret_envs: Maybe[list[str]] = None
    custom_spec: Maybe[dict[str, Number]] = None
    deploy_timeout_in_seconds: Maybe[int] = None
    cluster_id: Maybe[str] = None
    pool_name: Maybe[str] = None
    additional_properties: Maybe[dict[str, Any]] = None
    affinity: Maybe[dict[str, Any]] = None
    nodes: Maybe[list[Any]] = None
    src_path: Maybe[str] = None
    dest_path: Maybe[str] = None
    req_uri: Maybe[str] = None
    mapping_type: Maybe[str] = None
    mapping_rule: Maybe[dict[str, Any]] = None
    src_type: Maybe[str] = None


ConfigEcho = Annotated[Json, EchoOf(ConfigShown)]


@answer
class SecretMounted(Answer):
    """`version`: of its value, as the service has it."""

    secretId: str  # noqa: N815 - the wire's name
    mouthPath: str  # noqa: N815
    version: int


@answer
class ServiceDetail(ServiceSummary):
    progress: Maybe[int] = None
    service_secrets: Maybe[list[SecretMounted]] = None
    config: list[ConfigEcho]


@answer
class ServicePage(Answer):
    total_count: int
    count: int
    services: list[ServiceSummary]


@answer
class EventShown(Answer):
    event_type: Word[EventType]
    event_info: str
    occur_time: int


@answer
class EventPage(Answer):
    service_name: str
    service_id: str
    total_count: int
    count: int
    events: list[EventShown]


@answer
class UpdateRecordShown(Answer):
    update_time: int
    result: Literal["SUCCESS", "FAIL", "RUNNING"]
    config: list[ConfigEcho]
    cluster_id: Maybe[str] = None
    extend_config: list[Any]
    error_msg: Maybe[str] = None


@answer
class UpdateRecords(Answer):
    service_name: str
    service_id: str
    logs: list[UpdateRecordShown]


@answer
class ModelUse(Answer):
    model_id: str
    model_name: str
    model_version: str
    invocation_times: Maybe[int] = None
    failed_times: Maybe[int] = None
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


@answer
class MonitorShown(Answer):
    service_name: str
    service_id: str
    monitors: list[ModelUse]
    service_running_instance_count: int
    service_instance_count: int
    req_count_per_min: int


@answer
class Specification(Answer):
    specification: str
    billing_spec: str
    category: Annotated[str, Field(json_schema_extra={"enum": ["CPU", "GPU", "NPU"]})]
    cpu_info: dict[str, Any]
    memory_info: dict[str, Any]
    gpu_info: Maybe[dict[str, Any]] = None
    npu_info: Maybe[dict[str, Any]] = None
    display_en: str
    display_cn: str
    is_open: bool
    spec_status: Literal["normal", "sellout"]
    is_free: bool
    over_quota: bool
    source_type: str
    extend_params: str


@answer
class SpecificationPage(Answer):
    total_count: int
    count: int
    specifications: list[Specification]


@answer
class ClusterNodes(Answer):
    specification: str
    count: int
    available_count: int


@answer
class Cluster(Answer):
    cluster_id: str
    cluster_name: str
    description: str
    tenant: str
    project: str
    owner: Maybe[str] = None
    created_at: int
    status: Annotated[str, Field(json_schema_extra={"enum": ["deploying", "running", "concerning", "abnormal"]})]
    nodes: ClusterNodes
    allocatable_cpu_cores: Maybe[Number] = None
    allocatable_memory: Maybe[Number] = None
    allocatable_gpus: Maybe[Number] = None


@answer
class ClusterPage(Answer):
    total_count: int
    count: int
    clusters: list[Cluster]


@answer
class CreatedModel(Answer):
    model_id: str


@answer
class ModelFacts(Answer):
    """What is said about a model, whatever was sent."""

    model_id: str
    model_name: str
    model_version: str
    model_type: str
    model_status: Word[ModelStatus]
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
    config: Maybe[str] = None
    apis: Maybe[str] = None
    model_metrics: Maybe[str] = None
    error_msg: Maybe[str] = None
    notice: Maybe[str] = None
    specification: dict[str, Number]
    tunable: bool
    market_flag: bool
    publishable_flag: bool


@answer
class ModelShown(ModelFacts):
    """What was sent, and what was found in the package."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="allow", strict=True)


ModelEcho = Annotated[Json, EchoOf(ModelShown)]


@answer
class ModelPage(Answer):
    total_count: int
    count: int
    models: list[ModelEcho]


@answer
class NotDeleted(Answer):
    model_id: str
    error_code: str
    error_msg: str


@answer
class DeletedModels(Answer):
    delete_success_list: list[str]
    delete_failed_list: list[NotDeleted]


@answer
class Runtime(Answer):
    ai_engine: str
    runtimes: list[str]
    request_mode: list[str]
    accelerators: list[str]
    arch: list[str]
    status_list: list[str]
    image_source: list[str]


@answer
class RuntimePage(Answer):
    count: int
    total_count: int
    engine_runtimes: list[Runtime]
