"""What a process may use, and how far this machine can hold it to that.

Decides where control groups are made (v1 or v2, below the group this process is in, so that a limit of the
machine's owner holds for the instances too) and what is written into them. A limit that cannot be enforced is
named with the reason (`Enforcement`), never silently dropped. Limits are limits, not reservations: together they
may exceed the machine.

The groups of one data directory are siblings named `modelyard-<hash>.<id>`, not children of a common group:
under v1 a common group would share one weight against every single thread of the gateway.

Worked example, cpu 2, memory 512 MiB on v1: `cpu/…/cpu.cfs_quota_us` 200000 per 100000 us,
`memory/…/memory.limit_in_bytes` 536870912.
"""

import contextlib
import hashlib
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

PERIOD_US = 100_000
CONTROLLERS = ("cpu", "memory", "pids")
CONTROL = ".control"


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a process may use; 0 means no limit. `cpu` in cores, memory in MiB."""

    cpu: float = 0.0
    memory_mib: int = 0
    pids: int = 0
    open_files: int = 0


@dataclass(frozen=True, slots=True)
class Group:
    """One control group to be made: its directory, and what to write into which of its files."""

    path: str
    files: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The groups of one process. `oom` is the file that counts kills for memory, `weight` the one with the
    process's share of a busy CPU ("" when there is none)."""

    groups: tuple[Group, ...] = ()
    oom: str = ""
    weight: str = ""


@dataclass(frozen=True, slots=True)
class Enforcement:
    """What limits this machine can enforce: a base directory, or a reason why not, for each controller."""

    version: int
    prefix: str
    bases: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def describe(self) -> Mapping[str, str]:
        """For people: controller → `enforced (cgroup v1)` or `not enforced: …`."""
        return {
            name: f"enforced (cgroup v{self.version})"
            if name in self.bases
            else f"not enforced: {self.reasons.get(name, 'no control groups here')}"
            for name in CONTROLLERS
        } | {"open_files": "enforced (rlimit)"}

    def plan(self, process_id: str, limits: Limits, *, weight: float = 1.0, quota: bool = True) -> Plan:
        """The groups for one process; `weight` scales its share of a busy CPU, `quota` caps it at its cores."""
        files: dict[str, list[tuple[str, str]]] = {}
        base = {name: f"{path}/{self.prefix}.{process_id}" for name, path in self.bases.items()}
        v1 = self.version == 1
        if "cpu" in base:
            entries = [("cpu.shares", str(int(1024 * weight))) if v1 else ("cpu.weight", str(int(100 * weight)))]
            if limits.cpu and quota:
                share = math.ceil(limits.cpu * PERIOD_US)
                entries += (
                    [("cpu.cfs_period_us", str(PERIOD_US)), ("cpu.cfs_quota_us", str(share))]
                    if v1
                    else [("cpu.max", f"{share} {PERIOD_US}")]
                )
            files.setdefault(base["cpu"], []).extend(entries)
        if "memory" in base and limits.memory_mib:
            size = str(limits.memory_mib * 1024 * 1024)
            entries = [("memory.limit_in_bytes" if v1 else "memory.max", size)]
            swap, value = ("memory.memsw.limit_in_bytes", size) if v1 else ("memory.swap.max", "0")
            if Path(self.bases["memory"], swap).exists():
                entries.append((swap, value))
            files.setdefault(base["memory"], []).extend(entries)
        if "pids" in base:
            entries = [("pids.max", str(limits.pids))] if limits.pids else []
            files.setdefault(base["pids"], []).extend(entries)
        oom = f"{base['memory']}/{'memory.oom_control' if v1 else 'memory.events'}" if "memory" in base else ""
        share_file = f"{base['cpu']}/{'cpu.shares' if v1 else 'cpu.weight'}" if "cpu" in base else ""
        return Plan(tuple(Group(path, tuple(entries)) for path, entries in files.items()), oom, share_file)

    def groups(self, process_id: str) -> Plan:
        """Every group that a process may have been given, whatever its limits were."""
        return self.plan(process_id, Limits(memory_mib=1))


def weigh(plan: Plan, weight: float) -> None:
    """Set the share of a busy CPU for a process that runs already; 1.0 is normal."""
    if plan.weight:
        scale = 1024 if plan.weight.endswith("shares") else 100
        with contextlib.suppress(OSError):
            Path(plan.weight).write_text(str(int(scale * weight)))


def members(plan: Plan) -> set[int]:
    """The pids in any of the groups."""
    pids: set[int] = set()
    for group in plan.groups:
        with contextlib.suppress(OSError):
            pids.update(map(int, Path(group.path, "cgroup.procs").read_text().split()))
    return pids


def remove(plan: Plan) -> None:
    """Remove the groups of a process that ended; one that is still busy is left for a later call."""
    for group in plan.groups:
        with contextlib.suppress(OSError):
            Path(group.path).rmdir()


def remove_strays(enforcement: Enforcement, known: Collection[str]) -> None:
    """Remove empty groups of this data directory whose process has no directory any more (somebody deleted it,
    or the kernel was not done when `remove` was called)."""
    for base in set(enforcement.bases.values()):
        for path in Path(base).glob(f"{enforcement.prefix}.*"):
            if path.name.removeprefix(f"{enforcement.prefix}.") not in {*known, CONTROL[1:]}:
                with contextlib.suppress(OSError):
                    path.rmdir()


def switched_off(reason: str = "switched off") -> Enforcement:
    """No control groups at all."""
    return Enforcement(0, "", {}, dict.fromkeys(CONTROLLERS, reason))


def detect(data_dir: Path, *, proc: Path = Path("/proc/self")) -> Enforcement:
    """Look where this process may make control groups. Tries it, since rights alone do not tell."""
    prefix = "modelyard-" + hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:12]
    try:
        mounts = _mounts((proc / "mountinfo").read_text())
        own = _own((proc / "cgroup").read_text())
    except OSError as error:
        return switched_off(f"{error}")
    v1 = {name: mounts[name] for name in CONTROLLERS if name in mounts}
    bases: dict[str, str] = {}
    reasons: dict[str, str] = {}
    version = 1 if v1 else 2
    for name in CONTROLLERS:
        mount = mounts.get(name if v1 else "")
        if mount is None:
            reasons[name] = "no control group of this kind is mounted"
            continue
        base = _base(*mount, own.get(name if v1 else "", "/"))
        reason = _refusal(base, prefix) if v1 else _refusal_v2(base, prefix, name)
        if reason:
            reasons[name] = reason
        else:
            bases[name] = str(base)
    return Enforcement(version, prefix, bases, reasons)


def _mounts(mountinfo: str) -> dict[str, tuple[str, str]]:
    """Controller ("" for v2) → (root of the mount, where it is mounted)."""
    points: dict[str, tuple[str, str]] = {}
    for line in mountinfo.splitlines():
        head, _, tail = line.partition(" - ")
        kind, _, options = tail.split(" ", 2)
        root, point = head.split(" ")[3:5]
        if kind == "cgroup2":
            points.setdefault("", (root, point))
        elif kind == "cgroup":
            for option in options.split(","):
                if option in CONTROLLERS:
                    points.setdefault(option, (root, point))
    return points


def _own(cgroup: str) -> dict[str, str]:
    """Controller ("" for v2) → the group this process is in."""
    paths: dict[str, str] = {}
    for line in cgroup.splitlines():
        _, names, path = line.split(":", 2)
        paths.update(dict.fromkeys(names.split(","), path))
    return paths


def _base(root: str, point: str, own: str) -> Path:
    """Our own group as seen through the mount; the mount itself when it does not show it (a container)."""
    relative = own.removeprefix(root.rstrip("/")).lstrip("/")
    path = Path(point, relative)
    if path.name.endswith(CONTROL):
        path = path.parent  # where `_refusal_v2` put this process before
    return path if path.is_dir() else Path(point)


def _refusal(base: Path, prefix: str) -> str:
    """Why no group can be made in `base`; "" when one can."""
    probe = base / f"{prefix}.probe"
    try:
        probe.mkdir(exist_ok=True)
        probe.rmdir()
    except OSError as error:
        return f"{base}: {error.strerror}"
    return ""


def _refusal_v2(base: Path, prefix: str, name: str) -> str:
    """As `_refusal`; hands the controller down first, moving this process into a leaf when it is alone."""
    try:
        if name not in (base / "cgroup.controllers").read_text().split():
            return f"{base}: controller not delegated"
        if name not in (base / "cgroup.subtree_control").read_text().split():
            if (base / "cgroup.procs").read_text().split() == [str(os.getpid())]:
                (base / f"{prefix}{CONTROL}").mkdir(exist_ok=True)
                (base / f"{prefix}{CONTROL}" / "cgroup.procs").write_text("0")
            (base / "cgroup.subtree_control").write_text(f"+{name}")
    except OSError as error:
        return f"{base}: {error.strerror}"
    return _refusal(base, prefix)
