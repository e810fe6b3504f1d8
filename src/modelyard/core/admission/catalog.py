"""What administrators allow: flavors (resource specifications), pools, quotas. Values for admission.

`flavors` and `quotas` lay what an administrator has stored over the product's defaults.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType

from modelyard.domain.pools import EngineKind, Node
from modelyard.domain.resources import Capacity, Resources

CUSTOM = "custom"
"""The specification whose size is given by `custom_spec`; for dedicated pools only (contract §2)."""


@dataclass(frozen=True, slots=True)
class Flavor:
    """A resource specification. `open`: anybody may use it; otherwise an administrator has to open it.

    `pids` counts processes and threads; `open_files` also bounds how many requests one instance can hold.
    `accelerators` is the number of GPUs or NPUs that go with it.
    """

    name: str
    cpu: float
    memory_mib: int
    category: str = "CPU"
    open: bool = True
    pids: int = 1024
    open_files: int = 16_384
    accelerators: float = 0
    display: str = ""

    @property
    def resources(self) -> Resources:
        """What one instance gets."""
        gpus, npus = (0, self.accelerators) if self.category == "NPU" else (self.accelerators, 0)
        return Resources(self.cpu, self.memory_mib, self.pids, self.open_files, gpus, npus)


FLAVORS: Mapping[str, Flavor] = MappingProxyType(
    {
        flavor.name: flavor
        for flavor in (
            Flavor("modelarts.vm.cpu.2u", cpu=2, memory_mib=8192),
            Flavor(
                "modelarts.vm.gpu.p4",
                cpu=8,
                memory_mib=32768,
                pids=4096,
                category="GPU",
                open=False,
                accelerators=1,
            ),
            Flavor(
                "modelarts.vm.gpu.pnt004",
                cpu=8,
                memory_mib=32768,
                pids=4096,
                category="GPU",
                open=False,
                accelerators=1,
            ),
            Flavor("modelarts.vm.ai1.a310", cpu=3, memory_mib=6144, category="NPU", open=False, accelerators=1),
            Flavor("modelarts.vm.ai1.snt3", cpu=3, memory_mib=6144, category="NPU", open=False, accelerators=1),
        )
    }
)
"""The flavors that every installation has (contract §2, GET /services/specifications)."""


def flavor(name: str, attributes: Mapping[str, object], *, open: bool) -> Flavor:
    """A stored flavor. Its attributes are named like the fields; a field that is absent or of the wrong type is
    taken from the built-in flavor of that name, else from one with one core and 1 GiB."""
    base = FLAVORS.get(name, Flavor(name, cpu=1, memory_mib=1024))
    said = {f.name: attributes[f.name] for f in fields(Flavor) if f.name in attributes}
    numbers = {
        key: value
        for key, value in said.items()
        if isinstance(value, int | float) and key in {"cpu", "memory_mib", "accelerators", "pids", "open_files"}
    }
    texts = {
        key: value for key, value in said.items() if isinstance(value, str) and key in {"category", "display"}
    }
    return replace(base, **numbers, **texts, name=name, open=open)  # type: ignore[arg-type]  # by the names above


def flavors(defaults: Mapping[str, Flavor], stored: Iterable[Flavor]) -> Mapping[str, Flavor]:
    """The flavors of a project: a stored one takes precedence over a default of the same name."""
    return {**defaults, **{one.name: one for one in stored}}


@dataclass(frozen=True, slots=True)
class Pool:
    """A dedicated pool. `status` in the contract's words, `why` it is not running where that was seen. `nodes`:
    the names that an administrator gave, `seen` those that its engine had when it was last looked at. `capacity`:
    what all its instances together may take, as far as it is set. `engine`: what they are."""

    id: str
    name: str
    status: str
    nodes: frozenset[str] = frozenset()
    capacity: Capacity = Capacity()
    why: str = ""
    seen: tuple[Node, ...] = ()
    engine: EngineKind = EngineKind.PROCESS

    @property
    def bounded(self) -> bool:
        return self.capacity != Capacity()

    @property
    def healthy(self) -> bool:
        return self.status == "running"


UNBOUNDED = 10**12
"""More than there is of anything: nobody set this quota."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """The limits of one project; an administrator may change each of them.

    `buckets`: how many it may claim by itself. `objects_max_bytes`: of all that its users upload into its buckets,
    together with what is there; `object_max_bytes`: of one object that they upload. `topics`, `subscriptions`: of
    notifications, how many a project may have; `messages`: of what its users publish, how many are
    kept that wait for somebody or were given up. `total_…`: of all its services
    (`admission.totals`).
    """

    instances_per_model: int = 5
    variants_per_service: int = 32
    real_time_services: int = 20
    batch_services: int = 1000
    deploy_timeout_min_s: int = 1
    deploy_timeout_max_s: int = 7200
    termination_grace_max_s: int = 7 * 24 * 3600
    envs_max_bytes: int = 64 * 1024
    request_timeout_max_s: int = 3600
    request_body_max_bytes: int = 100 * 1024 * 1024
    buckets: int = 100
    objects_max_bytes: int = 1024**4
    object_max_bytes: int = 50 * 1024**3
    topics: int = 100
    subscriptions: int = 1000
    messages: int = 10_000
    total_cpu: int = UNBOUNDED
    total_memory_mib: int = UNBOUNDED
    total_disk_mib: int = UNBOUNDED

    def services(self, infer_type: str) -> int:
        """How many services of this type a project may have."""
        return self.batch_services if infer_type == "batch" else self.real_time_services


def quotas(defaults: Quotas, stored: Mapping[str, int]) -> Quotas:
    """The defaults, overridden by what was set for a project. Names unknown to this release are ignored."""
    known = {f.name for f in fields(Quotas)}
    return replace(defaults, **{name: value for name, value in stored.items() if name in known})
