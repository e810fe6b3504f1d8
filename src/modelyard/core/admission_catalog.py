"""What an administrator allows: flavors (resource specifications) and quotas. Values that admission is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

CUSTOM = "custom"
"""The specification whose size is in `custom_spec`; for dedicated pools only (contract §2)."""


@dataclass(frozen=True, slots=True)
class Flavor:
    """A resource specification. `memory_mib` in MiB; `open`: anybody may use it, else it has to be opened.

    `pids` counts processes and threads; `open_files` also bounds how many requests one instance can hold.
    """

    name: str
    cpu: float
    memory_mib: int
    category: str = "CPU"
    open: bool = True
    pids: int = 1024
    open_files: int = 16_384


FLAVORS: Mapping[str, Flavor] = MappingProxyType(
    {
        flavor.name: flavor
        for flavor in (
            Flavor("modelarts.vm.cpu.2u", cpu=2, memory_mib=8192),
            Flavor("modelarts.vm.gpu.p4", cpu=8, memory_mib=32768, pids=4096, category="GPU", open=False),
            Flavor("modelarts.vm.gpu.pnt004", cpu=8, memory_mib=32768, pids=4096, category="GPU", open=False),
            Flavor("modelarts.vm.ai1.a310", cpu=3, memory_mib=6144, category="NPU", open=False),
            Flavor("modelarts.vm.ai1.snt3", cpu=3, memory_mib=6144, category="NPU", open=False),
        )
    }
)
"""The flavors that every Modelyard knows (contract §2, GET /services/specifications)."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """Bounds of one project; the administrator may set each of them."""

    instances_per_model: int = 5
    variants_per_service: int = 32
    real_time_services: int = 20
    batch_services: int = 1000
    deploy_timeout_min_s: int = 1
    deploy_timeout_max_s: int = 7200
    termination_grace_max_s: int = 7 * 24 * 3600
    envs_max_bytes: int = 64 * 1024

    def services(self, infer_type: str) -> int:
        """How many services of this type a project may have."""
        return self.batch_services if infer_type == "batch" else self.real_time_services
