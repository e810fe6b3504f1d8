"""What the processes of a job cost: CPU seconds and memory, by what they are; and the cores that they may use."""

import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.processes import descendants

EVERY_S = 0.05
TICK = os.sysconf("SC_CLK_TCK")
ROLES = {"modelyard_runtime": "worker", "modelyard up": "control plane", "envoy": "gateway"}


@dataclass
class Cost:
    """Of all processes of one role while somebody watched: `peak_mib` is the largest sum of their proportional set
    sizes (a page that several share counts once)."""

    cpu_s: float = 0.0
    peak_mib: float = 0.0


@dataclass
class Watch:
    """Looks every 50 ms at everything below this process. What a process used in its last moment is missed."""

    before: dict[int, float] = field(default_factory=dict)
    used: dict[int, tuple[str, float]] = field(default_factory=dict)
    peaks: dict[str, float] = field(default_factory=dict)
    history: list[tuple[float, float]] = field(default_factory=list)

    def look(self) -> None:
        now: dict[str, float] = {}
        for pid in descendants():
            with suppress(OSError, ValueError, IndexError):
                role, cpu_s, pss_mib = _role(pid), _cpu_s(pid), _pss_mib(pid)
                self.used[pid] = (role, cpu_s)
                now[role] = now.get(role, 0.0) + pss_mib
        for role, mib in now.items():
            self.peaks[role] = max(self.peaks.get(role, 0.0), mib)
        self.history.append((time.time(), sum(cost.cpu_s for cost in self.costs().values())))

    def costs(self) -> dict[str, Cost]:
        found: dict[str, Cost] = {}
        for pid, (role, cpu_s) in self.used.items():
            cost = found.setdefault(role, Cost(peak_mib=self.peaks.get(role, 0.0)))
            cost.cpu_s += cpu_s - self.before.get(pid, 0.0)
        return found

    def cpu_between(self, begin_s: float, end_s: float) -> float:
        """CPU seconds of all of them between two times of day."""
        at = [max((cpu for when, cpu in self.history if when <= limit), default=0.0) for limit in (begin_s, end_s)]
        return at[1] - at[0]


@contextmanager
def watching() -> Iterator[Watch]:
    watch, done = Watch(), threading.Event()
    watch.before = {pid: _cpu_s(pid) for pid in descendants()}

    def look() -> None:
        while not done.wait(EVERY_S):
            watch.look()

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        done.set()
        thread.join()
        watch.look()


def pin(cores: Iterable[int]) -> None:
    """Everything below this process, each of its threads, and what they start from now on."""
    allowed = set(cores)
    for pid in descendants():
        for thread in Path(f"/proc/{pid}/task").glob("[0-9]*"):
            with suppress(OSError):
                os.sched_setaffinity(int(thread.name), allowed)


@contextmanager
def on(cores: Iterable[int]) -> Iterator[None]:
    """What is started meanwhile may use these cores only."""
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(cores))
    try:
        yield
    finally:
        os.sched_setaffinity(0, mine)


def _role(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return next((role for mark, role in ROLES.items() if mark in command), "rest")


def _cpu_s(pid: int) -> float:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / TICK


def _pss_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0
