"""The collector: what instances write becomes kept lines, off everybody's way.

It is woken by time, several times a second while something is written, less often while all are silent. In each
round everybody who wrote has one turn after the other, of one piece, until nobody has anything left or the round
is over; the next round begins behind whoever had the last turn. Nobody waits for it: not the gateway, not the
instances (their shims keep what they wrote, up to a bound), not the loop of services (what a removed instance
wrote waits as well).

How far each instance's output was read is stored with its lines in one step, and nothing is deleted before. So
whenever this process is killed, the next one goes on where the last line was kept: no line is lost, none doubled.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from modelyard.core.metric_catalogue import LOG_GAPS, LOG_LAG, LOG_LOST, LOG_READ
from modelyard.core.output_lines import Place
from modelyard.core.tallies import Sample, Tallies
from modelyard.domain.logs import Origin
from modelyard.domain.output import Output, OutputSource, Position, Writers
from modelyard.engines.base import EngineUnavailableError
from modelyard.logs.base import LogsUnavailableError
from modelyard.logs.keeper import Keeper
from modelyard.store.base import StoreUnavailableError

log = logging.getLogger(__name__)

BUSY_S = 0.25
SILENT_S = 1.0
AWAY_S = 5.0
INSTANCES = "instances"
PIECE_BYTES = 256 * 1024
ROUND_BYTES = 8 * 1024 * 1024
RELEASE_BYTES = 1024 * 1024
"""So much is kept elsewhere before files are looked at that may be deleted."""
UNFINISHED_MS = 2000
"""A line that got no end for so long has none."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose output it is, and what must not be told of it."""

    origin: Origin
    secrets: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Reader:
    """One instance. `mark`: what its output looked like when all of it was read (None: there is more).
    `unfinished_ms`: since when a line waits for its end. `over`: it has ended, and everything was kept."""

    owner: Owner
    place: Place
    mark: str | None = None
    unfinished_ms: int | None = None
    released: int = 0
    over: bool = False


class Collector:
    """See the module. `owner` says whose an instance is; None: nobody's, its service is gone."""

    def __init__(
        self,
        engine: Writers,
        keeper: Keeper,
        owner: Callable[[OutputSource], Awaitable[Owner | None]],
        now_ms: Callable[[], int],
        *,
        source: str = INSTANCES,
        tallies: Tallies | None = None,
    ) -> None:
        """`source`: what is counted as written by whom, in `tallies`."""
        self._engine = engine
        self._keeper = keeper
        self._owner = owner
        self._now_ms = now_ms
        self._readers: dict[str, _Reader] = {}
        self._unreadable: set[str] = set()
        self._unkept: set[str] = set()
        self._source = source
        self._tallies = tallies if tallies is not None else Tallies()
        for family in (LOG_READ, LOG_GAPS, LOG_LOST):
            self._tallies.add(family, source, by=0)
        self._all_read_ms = now_ms()
        self._last = ""
        self._away = ""

    async def run(self) -> None:
        """Until cancelled."""
        pause_s = BUSY_S
        while True:
            await asyncio.sleep(pause_s)
            try:
                pause_s = BUSY_S if await self.round() else min(SILENT_S, pause_s * 1.25)
            except (EngineUnavailableError, LogsUnavailableError, StoreUnavailableError) as error:
                self._tell(str(error))
                pause_s = AWAY_S
            except Exception:  # a loop's edge: see control.loop
                log.exception("output was not collected, again in %g s", AWAY_S)
                pause_s = AWAY_S
            else:
                self._tell("")

    async def round(self) -> int:
        """Everybody's turns; how many bytes were read. Raises EngineUnavailableError, and LogsUnavailableError
        where nothing was kept of anybody: a service whose lines alone cannot be kept holds up nobody."""
        began_ms = self._now_ms()
        sources = {source.instance_id: source for source in await self._engine.outputs()}
        for gone in self._readers.keys() - sources.keys():
            del self._readers[gone]
        self._unreadable &= sources.keys()
        self._unkept &= {_whose(source) for source in sources.values()}
        turns, total = _beginning_after(self._last, sources), 0
        failed: dict[str, LogsUnavailableError] = {}
        while turns and total < ROUND_BYTES:
            more = []
            for instance_id in turns:
                if total >= ROUND_BYTES:
                    break
                try:
                    count = await self._turn(sources[instance_id])
                except LogsUnavailableError as error:
                    self._last = instance_id
                    failed[_whose(sources[instance_id])] = error
                    continue
                if count:
                    self._unkept.discard(_whose(sources[instance_id]))
                    total += count
                    self._last = instance_id
                    more.append(instance_id)
            turns = more
        for whose in failed.keys() - self._unkept:
            if not total:
                raise failed[whose]
            log.warning("what was written waits, that of others is kept: %s", failed[whose])
            self._unkept.add(whose)
        if total < ROUND_BYTES and not self._unreadable and not failed:
            self._all_read_ms = began_ms
        return total

    def samples(self) -> Iterator[Sample]:
        """How far behind it is."""
        yield Sample(LOG_LAG, max(self._now_ms() - self._all_read_ms, 0) / 1000, (self._source,))

    def _count(self, output: Output, before: Position | None, kept: Position) -> None:
        """A line that waits for its end is read again, and counted when it is kept. The gateway's log is read from
        its beginning by each control plane: what it lacks then was kept."""
        self._tallies.add(LOG_READ, self._source, by=max(kept.offset - output.position.offset, 0))
        if output.dropped and (before is not None or self._source == INSTANCES):
            self._tallies.add(LOG_GAPS, self._source)
            self._tallies.add(LOG_LOST, self._source, by=max(output.dropped, 0))

    async def _turn(self, source: OutputSource) -> int:
        """One piece of one instance; how many bytes it had."""
        try:
            reader = await self._reader(source)
            count = await self._read(source, reader) if reader is not None else 0
        except LogsUnavailableError:
            self._readers.pop(source.instance_id, None)  # nobody knows whether it was kept: the store is asked
            raise
        except OSError as error:
            if source.instance_id not in self._unreadable:  # it is told once, until it can be read again
                log.warning("output of instance %s cannot be read: %s", source.instance_id, error)
            self._unreadable.add(source.instance_id)
            return 0
        self._unreadable.discard(source.instance_id)
        return count

    async def _reader(self, source: OutputSource) -> _Reader | None:
        if (reader := self._readers.get(source.instance_id)) is not None:
            return reader
        owner = await self._owner(source)
        if owner is None:
            if source.removed:
                await self._engine.release(source.instance_id, Position(), last=True)
            return None
        reader = _Reader(owner, await self._keeper.place(owner.origin))
        self._readers[source.instance_id] = reader
        return reader

    async def _read(self, source: OutputSource, reader: _Reader) -> int:
        overdue = reader.unfinished_ms is not None and self._now_ms() - reader.unfinished_ms >= UNFINISHED_MS
        if reader.mark != source.mark or overdue or (source.ended and not reader.over):
            return await self._take(source, reader, overdue=overdue and reader.mark == source.mark)
        if source.removed and reader.over:
            await self._engine.release(source.instance_id, reader.place.position or Position(), last=True)
        return 0

    async def _take(self, source: OutputSource, reader: _Reader, *, overdue: bool) -> int:
        output = await self._engine.output(source.instance_id, reader.place.position, PIECE_BYTES)
        if not output.times:
            output = replace(output, times=((0, self._now_ms()),))
        whole = overdue or output.last or output.closed
        before = reader.place.position
        if output.data or output.dropped or (whole and reader.place.passed):
            reader.place = await self._keeper.take(
                reader.owner.origin, output, reader.place, reader.owner.secrets, whole=whole
            )
        everything = len(output.data) < PIECE_BYTES and not output.closed
        kept = reader.place.position or output.position
        self._count(output, before, kept)
        if not everything or kept == output.at(len(output.data)):
            reader.unfinished_ms = None
        elif reader.mark != source.mark:
            reader.unfinished_ms = self._now_ms()
        reader.mark = source.mark if everything else None
        reader.over = output.last
        await self._release(source, reader, kept)
        return len(output.data)

    async def _release(self, source: OutputSource, reader: _Reader, kept: Position) -> None:
        over = reader.over and source.removed
        if over or kept.offset - reader.released >= RELEASE_BYTES or kept.offset < reader.released:
            await self._engine.release(source.instance_id, kept, last=over)
            reader.released = kept.offset

    def _tell(self, why: str) -> None:
        if why and not self._away:
            log.error("what instances write is not collected now, and waits: %s", why)
        elif self._away and not why:
            log.warning("what instances write is collected again")
        self._away = why


def _whose(source: OutputSource) -> str:
    """Whose log its lines are in: a service's, or (of a process of the gateway) its own."""
    return source.service_id or source.instance_id


def _beginning_after(last: str, sources: Mapping[str, OutputSource]) -> list[str]:
    ids = sorted(sources)
    return [*(one for one in ids if one > last), *(one for one in ids if one <= last)]
