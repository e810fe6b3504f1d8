"""What there is to deploy on and with, and what it uses: as callers read it."""

import platform
import sys
from collections.abc import Sequence

from modelyard.api.schemas import answers
from modelyard.core.admission.catalog import CUSTOM, Flavor
from modelyard.core.admission.fields import MODEL_TYPES
from modelyard.core.size import fits_anywhere, shortage
from modelyard.domain.resources import Capacity
from modelyard.operations.monitoring import Monitor, VariantUse

ARCH = {"x86_64": "x86", "aarch64": "arm"}.get(platform.machine(), platform.machine())
INTERPRETER = f"python{sys.version_info.major}.{sys.version_info.minor}"
EVERYTHING = Capacity()


def monitor(value: Monitor) -> answers.MonitorShown:
    service = value.record.service
    return answers.MonitorShown(
        service_name=service.name,
        service_id=service.id,
        monitors=[_use(use) for use in value.uses],
        service_running_instance_count=sum(use.running for use in value.uses),
        service_instance_count=sum(use.variant.instance_count for use in value.uses),
        req_count_per_min=value.requests_per_minute,
    )


def _use(use: VariantUse) -> answers.ModelUse:
    counted = use.invocations
    return answers.ModelUse(
        model_id=use.variant.model_id,
        model_name=use.variant.model_name,
        model_version=use.variant.model_version,
        invocation_times=counted.total if counted else None,
        failed_times=counted.failed if counted else None,
        cpu_core_usage=use.cpu,
        cpu_core_total=use.total.cpu,
        cpu_memory_usage=use.memory_mib,
        cpu_memory_total=use.total.memory_mib,
        gpu_usage=use.gpu.busy,
        gpu_total=use.total.gpus,
        gpu_memory_usage=use.gpu.memory_mib,
        gpu_memory_total=use.gpu.memory_total_mib,
        npu_usage=use.npu.busy,
        npu_total=use.total.npus,
        npu_memory_usage=use.npu.memory_mib,
        npu_memory_total=use.npu.memory_total_mib,
        model_running_instance_count=use.running,
        model_instance_count=use.variant.instance_count,
    )


def specifications(
    total: int, page: Sequence[Flavor], *, pools: bool, there: Capacity = EVERYTHING
) -> answers.SpecificationPage:
    """`pools`: those for dedicated pools, which is every flavor and a size of one's own. Each runs every type.
    `there`: what the machine has; what does not fit is sold out."""
    shown = [_flavor(flavor, there) for flavor in page]
    if pools:
        shown.append(_flavor(Flavor(CUSTOM, 0, 0, display="a size of your own (custom_spec)"), EVERYTHING))
        total += 1
    return answers.SpecificationPage(total_count=total, count=len(shown), specifications=shown)


def _flavor(flavor: Flavor, there: Capacity) -> answers.Specification:
    fits = fits_anywhere(flavor) or not shortage(flavor.resources, there)
    text = flavor.display or f"CPU: {flavor.cpu:g} vCPUs, memory: {flavor.memory_mib / 1024:g} GiB"
    return answers.Specification(
        specification=flavor.name,
        billing_spec=flavor.name,
        category=flavor.category,
        cpu_info={"arch": ARCH, "cpu": flavor.cpu},
        memory_info={"unit": "MB", "memory": flavor.memory_mib},
        gpu_info={"gpu": flavor.accelerators} if flavor.category == "GPU" else None,
        npu_info={"npu": flavor.accelerators} if flavor.category == "NPU" else None,
        display_en=text,
        display_cn=text,
        is_open=flavor.open,
        spec_status="normal" if fits else "sellout",
        is_free=False,
        over_quota=False,
        source_type="",
        extend_params="",
    )


def runtimes(offset: int, limit: int) -> answers.RuntimePage:
    """What models can be published for: the frameworks that can be served, on the interpreter that is here."""
    names = sorted(MODEL_TYPES)
    page = [_runtime(name) for name in names[offset * limit :][:limit]]
    return answers.RuntimePage(count=len(page), total_count=len(names), engine_runtimes=page)


def _runtime(name: str) -> answers.Runtime:
    return answers.Runtime(
        ai_engine=name,
        runtimes=[INTERPRETER],
        request_mode=["sync"],
        accelerators=["none"],
        arch=[ARCH],
        status_list=["normal"],
        image_source=["system"],
    )
