"""What all services of a project may take together: the quotas `total_cpu`, `total_memory_mib`, `total_disk_mib`.

A service takes what the revision that it is to run asks for (a stopped one and a batch that ended: nothing), or
what runs of it, whichever is more: until an instance has ended, nobody else has its room. The exchange of a
rollout, in which old and new instances run side by side for a while (`max_surge`), is not counted: otherwise a
project would need twice its quota to change anything at all.

    quota 16 cores, others take 12, asked 4 × 2    → refused: asks for 8, 4 of 16 are left
    the same, and the service had 5 × 2 before     → allowed: it lowers
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from modelyard.core.admission.catalog import Quotas
from modelyard.domain.errors import Violation
from modelyard.domain.instance import Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Resources
from modelyard.domain.revision import Variant

CODE = "0118"
THERE = frozenset({Phase.STARTING, Phase.READY, Phase.DRAINING, Phase.STOPPING})


@dataclass(frozen=True, slots=True)
class Total:
    """Cores, and MiB of memory and of disk."""

    cpu: float = 0.0
    memory_mib: float = 0.0
    disk_mib: float = 0.0

    def __add__(self, other: "Total") -> "Total":
        return Total(self.cpu + other.cpu, self.memory_mib + other.memory_mib, self.disk_mib + other.disk_mib)


def bounded(quotas: Quotas) -> bool:
    """Whether anybody set one: otherwise nobody needs to count."""
    free = Quotas()
    return any(getattr(quotas, name) != getattr(free, name) for name, _, _ in PARTS)


def asked(variants: Iterable[Variant], disk_mib: int) -> Total:
    """All instances of a config. `disk_mib`: what each may have on disk."""
    return _sum((one.template.resources, one.instance_count) for one in variants).with_disk(disk_mib)


def taken(record: ServiceRecord, disk_mib: int) -> Total:
    """By a service: see the module."""
    wanted, here = present(record, disk_mib), live(record, disk_mib)
    return Total(
        max(wanted.cpu, here.cpu), max(wanted.memory_mib, here.memory_mib), max(wanted.disk_mib, here.disk_mib)
    )


def present(record: ServiceRecord, disk_mib: int) -> Total:
    """What it is to run."""
    service = record.service
    if not service.takes_room:
        return Total()
    return asked(record.revisions[service.revision].variants, disk_mib)


def live(record: ServiceRecord, disk_mib: int) -> Total:
    sizes = {v.template.hash: v.template.resources for r in record.revisions.values() for v in r.variants}
    there = (one for one in record.instances if one.phase in THERE)
    return _sum((sizes.get(one.template, Resources()), 1) for one in there).with_disk(disk_mib)


PARTS = (
    ("total_cpu", "cpu", "cores"),
    ("total_memory_mib", "memory_mib", "MiB of memory"),
    ("total_disk_mib", "disk_mib", "MiB of disk"),
)


def violations(field: str, quotas: Quotas, others: Total, before: Total, wanted: Total) -> Iterator[Violation]:
    """`others`: what the other services of the project take; `before`: what this one was to run until now. Whoever
    lowers what they have is never refused."""
    for name, part, unit in PARTS:
        most, gone = getattr(quotas, name), getattr(others, part)
        amount = getattr(wanted, part)
        if amount <= getattr(before, part) or round(gone + amount - most, 6) <= 0:
            continue
        left = max(round(most - gone, 6), 0)
        text = f"asks for {amount:.10g} {unit}; of the {most} that the project may have (quota {name}), "
        yield Violation(field, f"{text}other services take {gone:.10g}, {left:.10g} are left", CODE)


@dataclass(frozen=True, slots=True)
class _Sum:
    resources: Resources
    count: int

    def with_disk(self, disk_mib: int) -> Total:
        return Total(self.resources.cpu, self.resources.memory_mib, disk_mib * self.count)


def _sum(parts: Iterable[tuple[Resources, int]]) -> _Sum:
    resources, count = Resources(), 0
    for size, times in parts:
        resources += size.times(times)
        count += times
    return _Sum(resources, count)
