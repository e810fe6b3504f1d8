"""One example of every answer, for the OpenAPI document; a test holds each to its schema."""

from collections.abc import Mapping
from typing import Any

from modelyard.api.schemas import audit, notifications, objects
from modelyard.api.schemas.answer import Answer
from modelyard.api.schemas.answers import (
    ClusterPage,
    CreatedModel,
    CreatedService,
    DeletedModels,
    Done,
    EventPage,
    FailedRowPage,
    ModelPage,
    ModelShown,
    MonitorShown,
    RuntimePage,
    ServiceDetail,
    ServicePage,
    SpecificationPage,
    TaskPage,
    TaskShown,
    UpdatedService,
    UpdateRecords,
)
from modelyard.api.schemas.logs import LINES, LogLinePage
from modelyard.api.schemas.plans import PLAN, REVISION, REVISIONS, Plan, RevisionPage, RevisionShown
from modelyard.api.schemas.pools import ClusterDetail, ShownPools

_SERVICE: dict[str, Any] = {
    "service_id": "f76f20ba-78f5-44e8-893a-37c8c600c02f",
    "service_name": "digits",
    "description": "",
    "tenant": "8a2c",
    "project": "8a2c",
    "owner": "b1d4",
    "publish_at": 1700000000000,
    "infer_type": "real-time",
    "workspace_id": "0",
    "status": "running",
    "update_time": 1700000000000,
    "transition_at": 1700000002000,
    "operation_time": 1700000002000,
    "invocation_times": 1234,
    "failed_times": 0,
    "is_shared": False,
    "shared_count": 0,
    "is_free": False,
    "access_address": "http://127.0.0.1:8471/v1/infers/f76f20ba-78f5-44e8-893a-37c8c600c02f",
    "bind_access_address": "http://127.0.0.1:8471/v1/infers/f76f20ba-78f5-44e8-893a-37c8c600c02f",
    "debug_url": "http://127.0.0.1:8471/v1/infers/f76f20ba-78f5-44e8-893a-37c8c600c02f",
}
_ENTRY = {
    "model_id": "0e07b41b-173e-42db-8c16-8e1b44cc0d44",
    "weight": 100,
    "specification": "modelarts.vm.cpu.2u",
    "instance_count": 1,
    "model_name": "digits",
    "model_version": "1.0.0",
}
_ABOUT = {"service_name": "digits", "service_id": "f76f20ba-78f5-44e8-893a-37c8c600c02f"}
_MODEL: dict[str, Any] = {
    "model_id": "0e07b41b-173e-42db-8c16-8e1b44cc0d44",
    "model_name": "digits",
    "model_version": "1.0.0",
    "model_type": "Scikit_Learn",
    "model_status": "published",
    "model_size": 48211,
    "model_source": "custom",
    "source_location": "obs://models/digits/1.0.0",
    "description": "",
    "workspace_id": "0",
    "tenant": "8a2c",
    "project": "8a2c",
    "owner": "b1d4",
    "create_at": 1700000000000,
    "install_type": ["real-time"],
    "specification": {"min_cpu": 0, "min_gpu": 0, "min_memory": 0},
    "tunable": False,
    "market_flag": False,
    "publishable_flag": False,
}
_NOTHING = {
    f"{d}_{what}": 0 for d in ("gpu", "npu") for what in ("usage", "total", "memory_usage", "memory_total")
}

_TASK: dict[str, Any] = {
    "task_id": "5c0b6f0e-3a77-4c7e-9a6b-1f0f7d0f7b1d",
    "number": 1,
    "state": "active",
    "planned": True,
    "rows": 10000,
    "rows_done": 4090,
    "rows_failed": 10,
    "sources": 4,
    "sources_failed": 0,
    "rows_per_second": 512.5,
    "seconds_left": 12,
    "retries": 0,
    "revision": 1,
    "created_at": 1700000000000,
    "started_at": 1700000002000,
}

_CLUSTER: dict[str, Any] = {
    "cluster_id": "6d0e",
    "cluster_name": "lab",
    "description": "",
    "tenant": "8a2c",
    "project": "8a2c",
    "created_at": 1700000000000,
    "status": "running",
    "nodes": {"specification": "custom", "count": 1, "available_count": 1},
    "allocatable_cpu_cores": 6,
    "allocatable_memory": 24576,
    "allocatable_gpus": 1,
}
_POOL: dict[str, Any] = {
    "pool_id": "6d0e",
    "pool_name": "lab",
    "description": "",
    "status": "running",
    "engine": "container",
    "runs_on": "Docker 26.1.5 at /var/run/docker.sock",
    "nodes": [{"name": "node-1", "ready": True, "cpu_cores": 8, "memory": 32768, "gpus": 1, "npus": 0}],
    "capacity_cpu_cores": 8,
    "capacity_memory": 32768,
    "capacity_gpus": 1,
    "capacity_npus": 0,
    "used_cpu_cores": 2,
    "used_memory": 8192,
    "used_gpus": 0,
    "used_npus": 0,
}

EXAMPLES: Mapping[type[Answer], dict[str, Any]] = {
    TaskShown: _TASK,
    TaskPage: {**_ABOUT, "total_count": 1, "count": 1, "tasks": [_TASK]},
    FailedRowPage: {
        "service_id": _SERVICE["service_id"],
        "task_id": _TASK["task_id"],
        "total_count": 10,
        "count": 1,
        "rows": [
            {
                "source": "obs://flowers/in/iris.csv",
                "row": 17,
                "error": "row 17, column 3: 'n/a' is not of the type number",
            }
        ],
    },
    Done: {},
    CreatedService: {"service_id": _SERVICE["service_id"], "resource_ids": ["INF-8f8c4b2a"]},
    UpdatedService: {"update_time": 1700000000000, "resource_ids": ["INF-8f8c4b2a"]},
    ServiceDetail: {
        **_SERVICE,
        "config": [{**_ENTRY, "status": "running", "scaling": False, "support_debug": False}],
    },
    ServicePage: {"total_count": 1, "count": 1, "services": [_SERVICE]},
    LogLinePage: LINES,
    EventPage: {
        **_ABOUT,
        "total_count": 1,
        "count": 1,
        "events": [{"event_type": "normal", "event_info": "start to deploy service", "occur_time": 1700000000000}],
    },
    UpdateRecords: {
        **_ABOUT,
        "logs": [{"update_time": 1700000000000, "result": "SUCCESS", "config": [_ENTRY], "extend_config": []}],
    },
    MonitorShown: {
        **_ABOUT,
        "monitors": [
            {
                "model_id": _ENTRY["model_id"],
                "model_name": "digits",
                "model_version": "1.0.0",
                "invocation_times": 1234,
                "failed_times": 0,
                "cpu_core_usage": 0.31,
                "cpu_core_total": 2,
                "cpu_memory_usage": 141.5,
                "cpu_memory_total": 8192,
                **_NOTHING,
                "model_running_instance_count": 1,
                "model_instance_count": 1,
            }
        ],
        "service_running_instance_count": 1,
        "service_instance_count": 1,
        "req_count_per_min": 60,
    },
    SpecificationPage: {
        "total_count": 1,
        "count": 1,
        "specifications": [
            {
                "specification": "modelarts.vm.cpu.2u",
                "billing_spec": "modelarts.vm.cpu.2u",
                "category": "CPU",
                "cpu_info": {"arch": "x86", "cpu": 2},
                "memory_info": {"unit": "MB", "memory": 8192},
                "display_en": "CPU: 2 vCPUs, memory: 8 GiB",
                "display_cn": "CPU: 2 vCPUs, memory: 8 GiB",
                "is_open": True,
                "spec_status": "normal",
                "is_free": False,
                "over_quota": False,
                "source_type": "",
                "extend_params": "",
            }
        ],
    },
    ClusterPage: {"total_count": 1, "count": 1, "clusters": [_CLUSTER]},
    ClusterDetail: {**_CLUSTER, "pool": _POOL},
    ShownPools: {"total_count": 1, "count": 1, "pools": [_POOL]},
    Plan: PLAN,
    RevisionShown: REVISION,
    RevisionPage: REVISIONS,
    CreatedModel: {"model_id": _MODEL["model_id"]},
    ModelShown: _MODEL,
    ModelPage: {"total_count": 1, "count": 1, "models": [_MODEL]},
    DeletedModels: {"delete_success_list": [_MODEL["model_id"]], "delete_failed_list": []},
    RuntimePage: {
        "count": 1,
        "total_count": 1,
        "engine_runtimes": [
            {
                "ai_engine": "Scikit_Learn",
                "runtimes": ["python3.11"],
                "request_mode": ["sync"],
                "accelerators": ["none"],
                "arch": ["x86"],
                "status_list": ["normal"],
                "image_source": ["system"],
            }
        ],
    },
    **objects.EXAMPLES,
    **audit.EXAMPLES,
    **notifications.EXAMPLES,
}
