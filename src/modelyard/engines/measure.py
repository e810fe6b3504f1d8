"""What a process and everything it started uses now, as the kernel counts it.

CPU time comes from the control group where there is one (it also counts children that ended), else from /proc;
memory is the resident set of every member. Reads only; a process that has gone meanwhile counts as nothing.

    3.0 s of CPU at 10:00:00, 3.5 s at 10:00:01   → 0.5 cores
"""

import contextlib
import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelyard.engines.base import Usage
from modelyard.processes.limits import Plan, members

PROC = Path("/proc")
NOT_SOONER_MS = 500
"""Two readings closer together than this say nothing: the previous rate is reported again."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Cumulative CPU seconds at a time, and the rate since the sample before."""

    at_ms: int
    cpu_s: float
    cores: float


def sampled(before: Sample | None, cpu_s: float, now_ms: int, started_ms: int) -> Sample:
    """The next sample. The first one tells the average since the process began."""
    if before is not None and now_ms - before.at_ms < NOT_SOONER_MS:
        return before
    since_ms, since_cpu_s = (before.at_ms, before.cpu_s) if before else (started_ms, 0.0)
    span_s = max(now_ms - since_ms, 1) / 1000
    return Sample(now_ms, cpu_s, max(cpu_s - since_cpu_s, 0.0) / span_s)


def usage(sample: Sample, memory_bytes: int) -> Usage:
    return Usage(round(sample.cores, 3), round(memory_bytes / 1024**2, 1))


def read(plan: Plan, pid: int | None, proc: Path = PROC) -> tuple[float, int] | None:
    """(CPU seconds, bytes of memory) of the members of the groups, else of `pid`; None when nothing is there."""
    pids = members(plan) or ({pid} if pid is not None else set())
    measured = [one for one in (_of_process(proc / str(p)) for p in pids) if one is not None]
    if not measured:
        return None
    grouped = _of_groups(plan)
    return sum(cpu for cpu, _ in measured) if grouped is None else grouped, sum(memory for _, memory in measured)


def _of_groups(plan: Plan) -> float | None:
    for group in plan.groups:
        with contextlib.suppress(OSError, ValueError):
            return int(Path(group.path, "cpuacct.usage").read_text()) / 1e9
        with contextlib.suppress(OSError, ValueError):
            lines = Path(group.path, "cpu.stat").read_text().splitlines()
            used_us = next(_named(lines, "usage_usec"), None)
            if used_us is not None:
                return used_us / 1e6
    return None


def _named(lines: Collection[str], name: str) -> Iterator[int]:
    return (int(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def _of_process(path: Path) -> tuple[float, int] | None:
    """Fields 14 and 15 of stat are ticks in user and kernel mode; the name before them may hold anything."""
    try:
        fields = (path / "stat").read_text().rpartition(")")[2].split()
        pages = int((path / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    ticks = int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")
