"""What this machine has: cores and memory; less where the kernel holds this process to less. (Of cards see
`accelerators`.)

Read once at start. Bounds of a container, or of a systemd unit, are those of its control group, v1 or v2.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from modelyard.domain.resources import Capacity

GROUPS = Path("/sys/fs/cgroup")
MIB = 1024 * 1024


def capacity(*, proc: Path = Path("/proc"), groups: Path = GROUPS, cores: int | None = None) -> Capacity:
    """What there is. What cannot be read bounds nothing."""
    cores = len(os.sched_getaffinity(0)) if cores is None else cores
    memory = [*_total(proc / "meminfo"), *_memory(proc, groups)]
    return Capacity(
        cpu=min([float(cores), *_quotas(proc, groups)]),
        memory_mib=min(memory) // MIB if memory else None,
    )


def _total(meminfo: Path) -> Iterator[int]:
    for line in _read(meminfo).splitlines():
        if line.startswith("MemTotal:"):
            yield int(line.split()[1]) * 1024


def _memory(proc: Path, groups: Path) -> Iterator[int]:
    for directory in _directories(proc, groups, "memory"):
        for name in ("memory.max", "memory.limit_in_bytes"):
            if (text := _read(directory / name).strip()).isdigit():
                yield int(text)


def _quotas(proc: Path, groups: Path) -> Iterator[float]:
    for directory in _directories(proc, groups, "cpu"):
        quota, period = [*_read(directory / "cpu.max").split(), "max", "max"][:2]
        if not quota.isdigit():
            quota = _read(directory / "cpu.cfs_quota_us").strip()
            period = _read(directory / "cpu.cfs_period_us").strip()
        if quota.isdigit() and period.isdigit() and int(period):
            yield int(quota) / int(period)


def _directories(proc: Path, groups: Path, controller: str) -> Iterator[Path]:
    """The groups this process is in, up to the top of what it sees."""
    for line in _read(proc / "self" / "cgroup").splitlines():
        _, names, own = line.split(":", 2)
        if names and controller not in names.split(","):
            continue
        top = groups / controller if names else groups
        path = top / own.strip("/")
        while path != top and path.is_relative_to(top):
            yield path
            path = path.parent
        yield top


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
