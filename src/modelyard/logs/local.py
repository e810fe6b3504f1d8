"""The store of lines in files below one directory: DIRECTORY/SERVICE_ID/NUMBER.db.

One thread writes, for all services: what came while it was busy is one transaction per service. Searches run in a
few threads of their own, over connections that are kept for a while; neither ever waits for the other. Memory is
bounded by the appends under way, and for each of the `SEARCHERS` searches by its page and a block of every
segment that is looked at ahead (`LOOK_AHEAD`).

    full disk      `append` raises LogsUnavailableError, and so does it below `spare_bytes` of room: what appends
                   keeps its lines, or loses them visibly; what is stored stays
    damaged file   set aside under another name and said in the log; everything else goes on
"""

import asyncio
import itertools
import logging
import queue
import re
import shutil
import sqlite3
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from modelyard.domain.logs import Found, Kept, Line, LogQuery, Origin
from modelyard.logs import segment
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.incoming import Incoming
from modelyard.logs.readers import Readers
from modelyard.logs.searching import Search
from modelyard.logs.segment import DamagedSegmentError
from modelyard.logs.shelf import Closed, Shelf

log = logging.getLogger(__name__)

SEARCH_S = 2.0
MIB = 1 << 20
SMALLEST_SEGMENT = MIB
LARGEST_SEGMENT = 256 * MIB
SEGMENTS = 8
"""Into so many at least what a service may keep is cut."""
OPEN_SHELVES = 32
"""Services whose newest segment stays open for appending."""
SEARCHERS = 2
LOOK_AHEAD = 6
LINES_TOGETHER = 50_000
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
Answer = TypeVar("Answer")


@dataclass(slots=True)
class _Append:
    service_id: str
    incoming: Incoming
    future: "Future[int]" = field(default_factory=Future)


@dataclass(slots=True)
class _Call:
    act: Callable[[], object]
    future: "Future[object]" = field(default_factory=Future)


class _End:
    """Nothing comes any more."""


_Ahead = tuple[Closed, Search, "Future[sqlite3.Error | None]"]
_Job = _Append | _Call | _End


class LocalLogs:
    """See the module. `most_bytes`: what each service may keep on disk (0: no bound); what is beyond it is cut
    while lines come. `spare_bytes`: how much room is left on the disk beyond what others need."""

    def __init__(
        self,
        directory: Path,
        *,
        most_bytes: int = 256 * MIB,
        spare_bytes: Callable[[], int] | None = None,
        clock: Callable[[], float] = time.monotonic,
        search_s: float = SEARCH_S,
        segment_bytes: int | None = None,
    ) -> None:
        self._directory = directory
        self._most_bytes = most_bytes
        self._spare_bytes = spare_bytes or (lambda: shutil.disk_usage(directory).free)
        bound = most_bytes // SEGMENTS if most_bytes else LARGEST_SEGMENT
        self._segment_bytes = segment_bytes or max(SMALLEST_SEGMENT, min(bound, LARGEST_SEGMENT))
        self._clock = clock
        self._search_s = search_s
        self._shelves: OrderedDict[str, Shelf] = OrderedDict()
        self._jobs: queue.SimpleQueue[_Job] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._searchers: ThreadPoolExecutor | None = None
        self._lookers: ThreadPoolExecutor | None = None
        self._settler: ThreadPoolExecutor | None = None
        self._ending = False
        self._readers = Readers()

    async def open(self) -> None:
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:  # each append tries it again, and fails by itself
            log.error("no logs can be kept: %s", error)
        self._searchers = ThreadPoolExecutor(SEARCHERS, "log-search")
        self._lookers = ThreadPoolExecutor(LOOK_AHEAD, "log-look")
        self._settler = ThreadPoolExecutor(1, "log-settle")
        self._writer = threading.Thread(target=self._write, name="log-writer", daemon=True)
        self._writer.start()

    async def close(self) -> None:
        if self._writer is None or self._searchers is None or self._lookers is None:
            return
        writer, searchers, lookers, self._writer = self._writer, self._searchers, self._lookers, None
        self._jobs.put(_End())
        self._ending = True
        await asyncio.to_thread(writer.join)
        await asyncio.to_thread(searchers.shutdown)
        await asyncio.to_thread(lookers.shutdown)
        if self._settler is not None:
            await asyncio.to_thread(partial(self._settler.shutdown, cancel_futures=True))
        self._readers.close()

    async def append(self, origin: Origin, lines: Sequence[Line], position: str) -> int:
        _named(origin.service_id)
        job = _Append(origin.service_id, Incoming(origin, lines, position))
        self._put(job)
        return await asyncio.wrap_future(job.future)

    async def position(self, origin: Origin) -> str:
        shelf = await self._asked(partial(self._shelf, origin.service_id))
        return shelf.position(origin) if shelf else ""

    async def search(self, service_id: str, query: LogQuery) -> Found:
        segments = await self._asked(partial(self._segments, service_id))
        if not segments or query.limit < 1:
            return Found()
        assert self._searchers is not None
        running = asyncio.get_running_loop().run_in_executor
        return await running(self._searchers, self._search, service_id, segments, query)

    async def kept(self, service_id: str) -> Kept:
        return await self._asked(partial(self._kept, service_id))

    async def services(self) -> Sequence[str]:
        return await self._asked(self._names)

    async def bound(self, service_id: str, most_bytes: int, oldest_ms: int) -> None:
        await self._asked(partial(self._bound, service_id, most_bytes, oldest_ms))

    async def remove(self, service_id: str) -> None:
        await self._asked(partial(self._remove, service_id))

    # ------------------------------------------------------------------ in the thread that writes

    def _write(self) -> None:
        job = self._jobs.get()
        while not isinstance(job, _End):
            if isinstance(job, _Call):
                _settle(job.future, job.act)
                job = self._jobs.get()
            else:
                appends, following = self._gathered(job)
                for service_id, those in appends.items():
                    self._append(service_id, those)
                job = following or self._jobs.get()
        for shelf in self._shelves.values():
            _quietly(shelf.close)

    def _gathered(self, job: _Append) -> tuple[dict[str, list[_Append]], "_Job | None"]:
        """What waits, by service, up to the first thing that is no append; and that thing."""
        found: dict[str, list[_Append]] = {}
        following: _Job | None = job
        lines = 0
        while isinstance(following, _Append):
            if following.future.set_running_or_notify_cancel():
                found.setdefault(following.service_id, []).append(following)
                lines += len(following.incoming.lines)
            try:
                following = self._jobs.get_nowait() if lines < LINES_TOGETHER else None
            except queue.Empty:
                following = None
        return found, following

    def _append(self, service_id: str, those: Sequence[_Append]) -> None:
        try:
            last = self._append_to(service_id, [job.incoming for job in those])
        except Exception as error:  # noqa: BLE001 - whatever it is: the thread goes on, and whoever appends is told
            self._forget(service_id)
            for job in those:
                job.future.set_exception(LogsUnavailableError(f"lines of {service_id} cannot be kept: {error}"))
            return
        for job in those:
            job.future.set_result(last)

    def _append_to(self, service_id: str, batches: Sequence[Incoming]) -> int:
        needed = sum(len(line.text) for batch in batches for line in batch.lines)
        if self._spare_bytes() < 2 * needed:
            raise OSError("the disk is full")
        shelf = self._shelf(service_id, create=True)
        assert shelf is not None
        return shelf.append(batches, self._most_bytes)

    def _shelf(self, service_id: str, *, create: bool = False) -> Shelf | None:
        shelf = self._shelves.get(service_id)
        if shelf is None:
            if not NAME.fullmatch(service_id) or not (create or (self._directory / service_id).is_dir()):
                return None
            shelf = self._shelves[service_id] = Shelf(
                self._directory / service_id, self._segment_bytes, self._settle, self._readers.forget
            )
        self._shelves.move_to_end(service_id)
        for other in itertools.islice(self._shelves.values(), max(len(self._shelves) - OPEN_SHELVES, 0)):
            other.close()
        return shelf

    def _settle(self, path: Path) -> None:
        """Have a closed segment settled, in a thread of its own. What does not come to it stays as it is."""

        def settle() -> None:
            try:
                segment.settle(path, lambda: self._ending)
            except sqlite3.Error as error:
                log.debug("%s stays as it is: %s", path, error)

        if self._settler is not None and not self._ending:
            self._settler.submit(settle)

    def _forget(self, service_id: str) -> None:
        """What is known of it may not be what is on the disk."""
        if shelf := self._shelves.pop(service_id, None):
            _quietly(shelf.close)

    def _segments(self, service_id: str) -> Sequence[Closed]:
        shelf = self._shelf(service_id)
        return shelf.segments() if shelf else ()

    def _kept(self, service_id: str) -> Kept:
        shelf = self._shelf(service_id)
        return shelf.kept() if shelf else Kept()

    def _names(self) -> Sequence[str]:
        return sorted(
            path.name for path in self._directory.iterdir() if path.is_dir() and NAME.fullmatch(path.name)
        )

    def _bound(self, service_id: str, most_bytes: int, oldest_ms: int) -> None:
        if shelf := self._shelf(service_id):
            try:
                shelf.cut(most_bytes, oldest_ms)
            except (sqlite3.Error, OSError):
                self._forget(service_id)
                raise

    def _remove(self, service_id: str) -> None:
        if not NAME.fullmatch(service_id):
            return
        self._forget(service_id)
        shutil.rmtree(self._directory / service_id, ignore_errors=True)
        self._readers.forget(self._directory / service_id)

    def _set_aside(self, service_id: str, path: Path, why: str) -> None:
        shelf = self._shelf(service_id)
        if shelf and any(each.path == path for each in shelf.segments()):
            shelf.set_aside(path, why)

    # ------------------------------------------------------------------ in threads that search

    def _search(self, service_id: str, segments: Sequence[Closed], query: LogQuery) -> Found:
        """Its time begins here, when it has a thread. The first segment alone, since most pages are full by then;
        those behind it several at a time, since most of their time is the disk's, then taken in their order."""
        assert self._lookers is not None
        search = Search(query, self._clock, self._clock() + self._search_s)
        left = deque(each for each in segments if search.wants(each.facts))
        if search.query.newest_first:
            left.reverse()
        ahead: deque[_Ahead] = deque()
        while (left or ahead) and not search.ended:
            if ahead:
                each, other, looking = ahead.popleft()
                trouble = looking.result()
                search.take(other)
            else:
                each = left.popleft()
                trouble = self._look(each.path, search)
            if trouble is not None:
                self._cannot_read(service_id, each.path, trouble)
            if (left or ahead) and not search.ended:
                search.done_to(each.facts.first if search.query.newest_first else each.facts.last)
            while left and len(ahead) < LOOK_AHEAD and not search.ended:
                each, other = left.popleft(), search.fresh()
                ahead.append((each, other, self._lookers.submit(self._look, each.path, other)))
        for _, other, looking in ahead:
            other.dropped = True
            looking.cancel()
        if search.damaged_blocks:
            log.warning("%d blocks of the logs of %s are damaged: left out", search.damaged_blocks, service_id)
        return search.answer()

    def _look(self, path: Path, search: Search) -> sqlite3.Error | None:
        """At one segment; what went wrong."""
        try:
            with self._readers.one(path) as connection:
                search.within(connection)
        except sqlite3.Error as error:
            return error
        return None

    def _cannot_read(self, service_id: str, path: Path, error: sqlite3.Error) -> None:
        if not path.exists():
            return  # it was cut meanwhile
        if segment.damaged(error):
            self._readers.forget(path)
            self._put(_Call(partial(self._set_aside, service_id, path, str(error))))
        else:
            raise LogsUnavailableError(f"the logs of {service_id} cannot be read: {error}") from error

    def _put(self, job: _Append | _Call) -> None:
        if self._writer is None:
            raise LogsUnavailableError("the store of logs is closed")
        self._jobs.put(job)

    async def _asked(self, act: Callable[[], Answer]) -> Answer:
        job = _Call(act)
        self._put(job)
        try:
            return cast("Answer", await asyncio.wrap_future(job.future))
        except (sqlite3.Error, OSError, DamagedSegmentError) as error:
            raise LogsUnavailableError(f"the logs cannot be read: {error}") from error


def _named(service_id: str) -> None:
    if not NAME.fullmatch(service_id):
        raise ValueError(f"{service_id!r} cannot name a service's logs")


def _settle(future: "Future[object]", act: Callable[[], object]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(act())
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        future.set_exception(error)


def _quietly(act: Callable[[], None]) -> None:
    try:
        act()
    except (sqlite3.Error, OSError) as error:
        log.warning("logs: %s", error)
