"""What the control plane's process tells of itself, and of the disk that it stands on.

Its event loop is asked four times a second how late it comes: whatever blocks it holds up every pass and every
answer. What takes the disk is walked now and then, in a thread, never more than a hundredth of the time.
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.core.metric_catalogue import (
    API_IN_FLIGHT,
    BACKUP_BYTES,
    BACKUP_TIME,
    BUILD,
    CPU,
    DATABASE_SECONDS,
    DATABASE_SIZE,
    DISK_FREE,
    DISK_LOW,
    DISK_SIZE,
    DISK_USE,
    LAG,
    MEMORY,
    OPEN_FILES,
    STARTED,
)
from modelyard.core.tallies import Sample, Tallies
from modelyard.engines.base import DiskStatus
from modelyard.processes import last_backup
from modelyard.processes.disk import space

log = logging.getLogger(__name__)

LOOK_S = 0.25
MEASURE_S = 300.0
REST = 100
"""Times as long as a walk took is waited before the next."""
DATABASE = "modelyard.db"


@dataclass(slots=True)
class Figures:
    """All that the page of metrics tells of this process and of what it stands on, from whoever knows it.
    `in_flight`: an entry for each request that the API has not answered to its end."""

    tallies: Tallies = field(default_factory=Tallies)
    in_flight: list[float] = field(default_factory=list)
    _tells: list[Callable[[], Iterable[Sample]]] = field(default_factory=list)

    def tell(self, *tells: Callable[[], Iterable[Sample]]) -> None:
        """From now on the page has these samples too. Each is called for every page, so none may cost much."""
        self._tells += tells

    def transaction(self, kind: str, took_s: float) -> None:
        self.tallies.observe(DATABASE_SECONDS, took_s, kind)

    def samples(self) -> Iterator[Sample]:
        yield from self.tallies.samples()
        yield Sample(API_IN_FLIGHT, len(self.in_flight))
        for tell in self._tells:
            yield from tell()


class SelfWatch:
    """See the module. `disk`: how it stands for instances; `measured`: bytes by use."""

    def __init__(
        self,
        data_dir: Path,
        version: str,
        tallies: Tallies,
        disk: Callable[[], DiskStatus],
        measured: Callable[[], Awaitable[Mapping[str, int]]],
        *,
        steady_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._steady_s = steady_s
        self._data_dir = data_dir
        self._version = version
        self._tallies = tallies
        self._disk = disk
        self._measured = measured
        self._started_s = time.time()
        self._uses: Mapping[str, int] = {}

    async def look(self) -> None:
        """How late the event loop is. Until cancelled."""
        while True:
            asked_s = self._steady_s()
            await asyncio.sleep(LOOK_S)
            self._tallies.observe(LAG, max(self._steady_s() - asked_s - LOOK_S, 0.0))

    async def measure(self) -> None:
        """What takes the disk. Until cancelled."""
        while True:
            began_s = time.monotonic()
            try:
                self._uses = await self._measured()
            except Exception:  # a loop's edge: see control.loop
                log.exception("what takes the disk could not be measured")
            await asyncio.sleep(max(MEASURE_S, REST * (time.monotonic() - began_s)))

    def samples(self) -> Iterator[Sample]:
        """What cannot be told now is left out."""
        yield Sample(BUILD, 1, (self._version,))
        yield Sample(STARTED, round(self._started_s, 3))
        yield Sample(CPU, time.process_time())
        try:
            resident = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            yield Sample(MEMORY, resident * os.sysconf("SC_PAGE_SIZE"))
            yield Sample(OPEN_FILES, sum(1 for _ in Path("/proc/self/fd").iterdir()))
            room = space(self._data_dir)
            yield Sample(DISK_FREE, room.free)
            yield Sample(DISK_SIZE, room.size)
            if (self._data_dir / DATABASE).is_file():
                parts = self._data_dir.glob(f"{DATABASE}*")
                kept = (DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm")
                yield Sample(DATABASE_SIZE, sum(one.stat().st_size for one in parts if one.name in kept))
        except OSError as error:
            log.warning("the page of metrics lacks what this machine does not tell: %s", error)
        if backup := last_backup.last(self._data_dir):
            yield Sample(BACKUP_TIME, backup.at_ms / 1000)
            yield Sample(BACKUP_BYTES, backup.bytes)
        yield Sample(DISK_LOW, int(self._disk().low))
        yield from (Sample(DISK_USE, used, (use,)) for use, used in self._uses.items())
