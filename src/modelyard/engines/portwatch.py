"""Ends instances that have a port of ours: while nobody held it, one of them was quicker.

Only instances of our own data directory are looked at, and only when a port cannot be held: another server's are
that server's matter. Why one was ended is written down beside it (`diskwatch.explain`), so that its service's
events tell it, whoever looks after it then.
"""

import contextlib
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard.engines.diskwatch import explain, members
from modelyard.processes import supervise, trespass
from modelyard.processes.directory import ProcessDir, SpecUnreadableError, State

log = logging.getLogger(__name__)

LOOKS = 5
"""A socket that is opened and closed again and again is not there in every look."""
PAUSE_S = 0.02
END_S = 5.0


@dataclass(frozen=True, slots=True)
class Suspect:
    """A running instance: its processes, and its user if it has one for itself."""

    directory: ProcessDir
    pids: frozenset[int]
    user: int | None


def evict(instances: Path, ports: Collection[int]) -> list[str]:
    """End every instance in `instances` that has one of the ports; which those were. Returns when they have ended,
    or after a few seconds."""
    for _ in range(LOOKS):
        suspects = _suspects(instances)
        if not suspects:
            return []
        if taken := trespassers(suspects, ports):
            _end(taken)
            return [directory.path.name for directory in taken]
        time.sleep(PAUSE_S)
    return []


def trespassers(suspects: Collection[Suspect], ports: Collection[int]) -> Mapping[ProcessDir, str]:
    """Which of them has one of the ports, and where."""
    seen = list(trespass.listeners(ports))
    of_user = {one.user: one.place for one in seen}
    of_inode = {one.inode: one.place for one in seen}
    places = {}
    for one in suspects:
        place = of_user.get(one.user, "") if one.user is not None else ""
        if place := place or trespass.held(one.pids, ports, of_inode):
            places[one.directory] = place
    return places


def _suspects(instances: Path) -> list[Suspect]:
    running: list[tuple[ProcessDir, int, int | None]] = []
    for path in instances.glob("*"):
        directory = ProcessDir(path)
        with contextlib.suppress(OSError):
            sight = directory.sight()
            if sight.state is State.RUNNING and sight.supervisor is not None:
                running.append((directory, sight.supervisor[0], _user(directory)))
    families = trespass.families([shim for _, shim, _ in running]) if running else {}
    times = Counter(user for _, _, user in running)
    return [
        Suspect(
            directory,
            frozenset(families[shim] | members(directory)),
            user if user not in {None, os.geteuid()} and times[user] == 1 else None,
        )
        for directory, shim, user in running
    ]


def _user(directory: ProcessDir) -> int | None:
    try:
        spec = directory.spec()
    except SpecUnreadableError:
        return None
    return spec.user[0] if spec is not None and spec.user is not None else None


def _end(taken: Mapping[ProcessDir, str]) -> None:
    for directory, place in taken.items():
        why = f"took {place}, a port of this server"
        log.error("instance %s is ended: it %s", directory.path.name, why)
        explain(directory, why)
        birth = directory.birth()
        family = trespass.families([birth.shim])[birth.shim] if birth is not None else set()
        supervise.kill(directory)
        for pid in family:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
    end = time.monotonic() + END_S
    while any(directory.locked() for directory in taken) and time.monotonic() < end:
        time.sleep(supervise.POLL_S)
