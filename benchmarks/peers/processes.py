"""Processes of one peer at a time: spawned, weighed, and ended to the last one, however they detached themselves.

This process becomes the reaper of its orphans, so whatever a peer starts stays below it in the process tree: what
is weighed and ended is exactly what was started here, and nothing of anybody else.
"""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNET = 0x40000000


def adopt_orphans() -> None:
    """Call once, before anything is spawned."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def loopback_only() -> bool:
    """Move this process, and what it starts from now on, into a network that has nothing but a loopback.

    Some peers listen on every interface or on fixed ports, whatever they are told. False without the right to it.
    """
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
        return False
    return subprocess.run(["ip", "link", "set", "lo", "up"], check=False).returncode == 0


def spawn(command: list[str], env: Mapping[str, str], cwd: Path, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as file:
        return subprocess.Popen(
            command,
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def descendants() -> list[int]:
    """Everything below this process that has not ended."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            if fields[0] != "Z":
                parents[int(path.parent.name)] = int(fields[1])
    found = [os.getpid()]
    for parent in found:
        found += [pid for pid, its in parents.items() if its == parent]
    return found[1:]


def memory_mib() -> tuple[float, float]:
    """Of everything below this process: resident memory as `ps` adds it up, and with shared pages counted once."""
    rss = pss = 0
    for pid in descendants():
        with suppress(OSError):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                name, _, rest = line.partition(":")
                if name == "Rss":
                    rss += int(rest.split()[0])
                elif name == "Pss":
                    pss += int(rest.split()[0])
    return rss / 1024, pss / 1024


@dataclass(frozen=True)
class Clock:
    """CPU seconds so far: of the whole machine, and of this process with everything below it."""

    machine_s: float
    ours_s: float
    at_s: float

    def others(self, before: "Clock") -> float:
        """Cores that processes of somebody else kept busy since `before`: noise, if it is not near 0."""
        busy = (self.machine_s - before.machine_s) - (self.ours_s - before.ours_s)
        return max(0.0, busy / (self.at_s - before.at_s))


def clock() -> Clock:
    tick = os.sysconf("SC_CLK_TCK")
    user, nice, system, _idle, _iowait, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    ours = sum(os.times()[:4])
    for pid in descendants():
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ours += (int(fields[11]) + int(fields[12])) / tick
    return Clock((user + nice + system + irq + softirq) / tick, ours, time.monotonic())


def end(process: "subprocess.Popen[bytes]", grace_s: float = 4) -> None:
    """End a peer, politely first."""
    if process.stdin is not None:
        process.stdin.close()
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
    sweep(grace_s)
    process.wait()


def sweep(grace_s: float = 0) -> None:
    """Wait for everything below this process to end, and end what does not."""
    deadline = time.monotonic() + grace_s
    while left := descendants():
        if time.monotonic() >= deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
