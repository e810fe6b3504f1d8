"""Bounds what instances write to disk: measures what each has written, and decides which must end, and why.

    over its bound                              → it ends
    the disk is nearly full, nobody over bound  → whoever has written most ends, if that is worth mentioning

When the next look is due follows from how far the nearest bound is: nothing writes faster than `RATE` for long.
A bound of 1 GiB with nothing used is looked at again in half a second, one of 10 GiB in five; so an instance may
get past its bound by what it writes in that time. Nothing is watched while no control plane runs; one that starts
on a full disk does this first of all (`rescue`).
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard import files, trees
from modelyard.engines.base import DiskStatus
from modelyard.processes import limits, supervise
from modelyard.processes.directory import ProcessDir, SpecUnreadableError, State
from modelyard.processes.disk import MIB, Reserve, UncountableError, size, space, used

log = logging.getLogger(__name__)

RATE = 2048 * MIB
"""Bytes a second."""
SHORTEST_S, LONGEST_S = 0.25, 10.0
WORTH = 16 * MIB
"""An instance that wrote less did not fill the disk."""


def _nothing() -> int:
    return 0


@dataclass(frozen=True, slots=True)
class Written:
    """Whose files are where, and which processes are its own. `more`: what it wrote elsewhere, in bytes."""

    instance_id: str
    service_id: str
    name: str
    work: Path
    pids: Callable[[], Collection[int]]
    more: Callable[[], int] = _nothing


def condemned(written: Mapping[str, int], bound: int, *, low: bool) -> Mapping[str, str]:
    """Which instances must end, and why. `bound` 0: none."""
    over = {
        one: f"wrote {size(count)} to disk, more than the {size(bound)} that an instance may"
        for one, count in written.items()
        if bound and count > bound
    }
    if over or not low or not written:
        return over
    most = max(written, key=lambda one: written[one])
    if written[most] < WORTH:
        return {}
    return {most: f"the server's disk is full, and this instance wrote most: {size(written[most])}"}


def pause_s(written: Collection[int], bound: int, free: int) -> float:
    """Until the next look."""
    nearest = min([free, *((bound - count) for count in written if bound)])
    return min(LONGEST_S, max(SHORTEST_S, nearest / RATE))


CAUSE = "cause"
"""A file in the directory of an instance that was ended for what it wrote: why."""
RESCUE_S = 5.0


def rescue(data_dir: Path, instances: Path, work: str, bound: int, reserve: Reserve) -> None:
    """Before anything is written on a full disk: end whoever fills it, remove what it wrote, and release the
    reserve if that was not it."""
    try:
        if not reserve.low(space(data_dir)):
            return
    except OSError:
        return
    running = {}
    for path in instances.glob("*"):
        directory = ProcessDir(path)
        with contextlib.suppress(OSError, SpecUnreadableError, UncountableError):
            if directory.sight().state is State.RUNNING:
                running[path.name] = used(path / work, members(directory), 1 << 62)
    for name, why in condemned(running, bound, low=True).items():
        log.error("instance %s is ended: %s", name, why)
        directory = ProcessDir(instances / name)
        supervise.kill(directory)
        end = time.monotonic() + RESCUE_S
        while directory.locked() and time.monotonic() < end:
            time.sleep(supervise.POLL_S)
        purge(directory.path / work)
        explain(directory, why)
    if reserve.low(space(data_dir)) and reserve.release():
        log.warning("the disk of %s is full: the reserve is released", data_dir)


def members(directory: ProcessDir) -> set[int]:
    """The processes of an instance: those in its groups; where there are none, the one that was started."""
    try:
        spec, pid = directory.spec(), directory.sight().pid
    except (OSError, SpecUnreadableError):
        return set()
    grouped = limits.members(spec.plan) if spec else set()
    return grouped or ({pid} if pid is not None else set())


def explain(directory: ProcessDir, why: str) -> None:
    """Write down why it was ended, for a later control plane; on a full disk this may be lost."""
    with contextlib.suppress(OSError):
        files.write(directory.path / CAUSE, why.encode(), durable=False)


def explained(directory: ProcessDir) -> str:
    try:
        return files.read(directory.path / CAUSE).decode(errors="replace")[:1000]
    except OSError:
        return ""


def purge(work: Path) -> None:
    """Remove what an ended instance wrote now, rather than when nobody needs its log any more."""
    trees.remove(work)


class DiskWatch:
    """Looks until cancelled. `everybody` tells whom to look at; `end` ends one and says why; it must not wait."""

    def __init__(
        self,
        data_dir: Path,
        bound: int,
        reserve: Reserve,
        everybody: Callable[[], Collection[Written]],
        end: Callable[[str, str], None],
    ) -> None:
        self.status = DiskStatus()
        self.bound = bound
        self._data_dir = data_dir
        self._reserve = reserve
        self._everybody = everybody
        self._end = end
        self._condemned: set[str] = set()
        self._told = False

    async def run(self) -> None:
        while True:
            try:
                pause = await self.look()
            except OSError as error:
                log.error("cannot look at what instances write: %s", error)
                pause = LONGEST_S
            await asyncio.sleep(pause)

    async def look(self) -> float:
        """One look at everybody; how long until the next."""
        everybody = {one.instance_id: one for one in self._everybody()}
        self._condemned &= everybody.keys()
        room = space(self._data_dir)
        low = self._reserve.low(room)
        if low and self._reserve.release():
            log.warning("the disk of %s is full: the reserve is released", self._data_dir)
        written = {}
        for one in everybody.values():
            written[one.instance_id] = await asyncio.to_thread(self._used, one)
        candidates = {one: count for one, count in written.items() if one not in self._condemned}
        for instance_id, why in condemned(candidates, self.bound, low=low).items():
            one = everybody[instance_id]
            log.error("service %s, instance %s (%s) is ended: %s", one.service_id, instance_id, one.name, why)
            self._condemned.add(instance_id)
            self._end(instance_id, why)
        most = max(written, key=lambda one: written[one], default="")
        reserved = self._reserve.kept() if low else self._reserve.keep(room)
        who = everybody[most].service_id if most else ""
        self.status = DiskStatus(room, low, reserved, who, written.get(most, 0))
        self._tell(low)
        return pause_s(written.values(), self.bound, room.free)

    def _used(self, one: Written) -> int:
        enough = self.bound + 1 if self.bound else 1 << 62
        try:
            return used(one.work, one.pids(), enough) + one.more()
        except UncountableError as error:
            if self.bound:
                log.error("service %s, instance %s: %s", one.service_id, one.instance_id, error)
            return enough if self.bound else 0

    def _tell(self, low: bool) -> None:
        if low and not self._told:
            most = self.status
            by = f"; service {most.service_id} wrote most: {size(most.written)}" if most.service_id else ""
            log.error("the disk of %s is full: %s are free%s", self._data_dir, size(most.space.free), by)
        elif self._told and not low:
            log.warning("the disk of %s has room again", self._data_dir)
        self._told = low
