"""What there is to deploy on and with, and what it uses: as callers read it."""

import platform
import sys
from collections.abc import Sequence

from modelyard.api.convert.echo import Json, set_only
from modelyard.core.admission.catalog import CUSTOM, Flavor
from modelyard.core.admission.fields import MODEL_TYPES
from modelyard.core.size import fits_anywhere, shortage
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.resources import Capacity
from modelyard.domain.service import Invocations
from modelyard.operations.monitoring import Monitor, VariantUse

ARCH = {"x86_64": "x86", "aarch64": "arm"}.get(platform.machine(), platform.machine())
INTERPRETER = f"python{sys.version_info.major}.{sys.version_info.minor}"


EVERYTHING = Capacity()


def monitor(value: Monitor) -> Json:
    service = value.record.service
    return {
        "service_name": service.name,
        "service_id": service.id,
        "monitors": [_use(use) for use in value.uses],
        "service_running_instance_count": sum(use.running for use in value.uses),
        "service_instance_count": sum(use.variant.instance_count for use in value.uses),
        "req_count_per_min": value.requests_per_minute,
    }


def _use(use: VariantUse) -> Json:
    counts = use.invocations or Invocations()
    return set_only(
        model_id=use.variant.model_id,
        model_name=use.variant.model_name,
        model_version=use.variant.model_version,
        invocation_times=counts.total if use.invocations else None,
        failed_times=counts.failed if use.invocations else None,
        cpu_core_usage=use.cpu,
        cpu_core_total=use.total.cpu,
        cpu_memory_usage=use.memory_mib,
        cpu_memory_total=use.total.memory_mib,
        gpu_usage=0,
        gpu_total=use.total.gpus,
        gpu_memory_usage=0,
        gpu_memory_total=0,
        npu_usage=0,
        npu_total=use.total.npus,
        npu_memory_usage=0,
        npu_memory_total=0,
        model_running_instance_count=use.running,
        model_instance_count=use.variant.instance_count,
    )


def specifications(total: int, found: Sequence[Flavor], *, pools: bool, there: Capacity = EVERYTHING) -> Json:
    """`pools`: those for dedicated pools, which is every flavor and a size of one's own. Each runs every type.
    `there`: what the machine has; what does not fit is sold out."""
    shown = [_flavor(flavor, there) for flavor in found]
    if pools:
        shown.append(_custom())
        total += 1
    return {"total_count": total, "count": len(shown), "specifications": shown}


def _flavor(flavor: Flavor, there: Capacity = EVERYTHING) -> Json:
    fits = fits_anywhere(flavor) or not shortage(flavor.resources, there)
    memory = {"unit": "MB", "memory": flavor.memory_mib}
    text = flavor.display or f"CPU: {flavor.cpu:g} vCPUs, memory: {flavor.memory_mib / 1024:g} GiB"
    device: Json = {}
    if flavor.category == "GPU":
        device["gpu_info"] = {"gpu": flavor.accelerators}
    elif flavor.category == "NPU":
        device["npu_info"] = {"npu": flavor.accelerators}
    return {
        "specification": flavor.name,
        "billing_spec": flavor.name,
        "category": flavor.category,
        "cpu_info": {"arch": ARCH, "cpu": flavor.cpu},
        "memory_info": memory,
        **device,
        "display_en": text,
        "display_cn": text,
        "is_open": flavor.open,
        "spec_status": "normal" if fits else "sellout",
        "is_free": False,
        "over_quota": False,
        "source_type": "",
        "extend_params": "",
    }


def _custom() -> Json:
    return {**_flavor(Flavor(CUSTOM, 0, 0, display="a size of your own (custom_spec)")), "is_open": True}


def clusters(total: int, found: Sequence[PoolEntry]) -> Json:
    return {"total_count": total, "count": len(found), "clusters": [_cluster(pool) for pool in found]}


def _cluster(pool: PoolEntry) -> Json:
    said = pool.attributes
    names = said.get("nodes")
    count = len(names) if isinstance(names, list) else 0
    return set_only(
        cluster_id=pool.id,
        cluster_name=pool.name,
        description=said.get("description", ""),
        tenant=pool.project_id,
        project=pool.project_id,
        owner=said.get("owner"),
        created_at=pool.created_ms,
        status=pool.status,
        nodes={
            "specification": said.get("specification", CUSTOM),
            "count": count,
            "available_count": count if pool.status == "running" else 0,
        },
        allocatable_cpu_cores=said.get("allocatable_cpu_cores", said.get("cpu")),
        allocatable_memory=said.get("allocatable_memory", said.get("memory_mib")),
        allocatable_gpus=said.get("allocatable_gpus", 0),
    )


def runtimes(offset: int, limit: int) -> Json:
    """What models can be published for: the frameworks that can be served, on the interpreter that is here."""
    every = [
        {
            "ai_engine": name,
            "runtimes": [INTERPRETER],
            "request_mode": ["sync"],
            "accelerators": ["none"],
            "arch": [ARCH],
            "status_list": ["normal"],
            "image_source": ["system"],
        }
        for name in sorted(MODEL_TYPES)
    ]
    shown = every[offset * limit :][:limit]
    return {"count": len(shown), "total_count": len(every), "engine_runtimes": shown}
