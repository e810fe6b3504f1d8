"""One worker at work: splits are leased for it one after the other, and what becomes of each is settled.

    told to go                      what is ready is published, the rest is given back
    it died, was too slow, or       what it told of is published; the rest is given back as one of which a worker
    talked nonsense                 died, and the next one is given its rows one by one
    … twice at the same first row   that row's outcome is FAILED, with the cause; the rest is given back

A worker that is too slow or talks nonsense is ended. One that goes away while it has no split, or that we cannot
reach although its instance is there, is connected to again. While a split is predicted the next one is prepared:
from its beginning, where the one before took a moment, so that a slow worker holds nothing that others could do.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from modelyard.batch.bundles import BundleBytes, Contents, Portions, assignment
from modelyard.batch.frames import FLUSH_S, Assignment
from modelyard.batch.inputs import SplitBytes
from modelyard.batch.leases import Lease
from modelyard.batch.link import Link
from modelyard.batch.outbox import Outbox
from modelyard.batch.retrying import Retries
from modelyard.batch.runner import BatchWorker
from modelyard.batch.talk import Given, LeftError, SlowError, Talk
from modelyard.batch.timing import all_of, happens, sleep
from modelyard.batch.tops import NoRowError, Top, Tops
from modelyard.batch.work import Work
from modelyard.core.batch.encodings import LONGEST_MARK, UncuttableEncodingError
from modelyard.core.batch.outcomes import NonsenseError, Outcomes, cause_of, failed_line
from modelyard.domain.batch import Format, Source, Split
from modelyard.objects.base import ObjectStoreError

AGAIN_MS = (200, 500, 1_000, 2_000, 5_000)
EXIT_WAIT_MS = 3_000
BUNDLED = frozenset({Format.CSV, Format.JSONL})
AT_ONCE = 16
"""Small files that are read."""
EXIT_LOOK_MS = 10
"""At first: an instance that has ended is soon forgotten by its engine."""
AS_TOLD = frozenset({"exited with status 0", "killed by signal 15"})
"""How an instance ends that was told to."""

MOST_BROKEN_OFF = 2
"""In a row, by one worker that lives on. It cannot work any more (its files were replaced under it, say): it is
ended, before a row is taken for what breaks it."""

log = logging.getLogger(__name__)


class Dispatcher:
    """See the module. `gone` once its instance is known to have ended."""

    def __init__(self, work: Work, tops: Tops, retries: Retries, worker: BatchWorker) -> None:
        self.worker = worker
        self.gone = False
        self._work = work
        self._tops = tops
        self._retries = retries
        self._stir = asyncio.Event()
        self._leaving = False
        self._broken_off = 0
        self._talk: Talk | None = None
        self._ahead: asyncio.Task[Given | None] | None = None
        self._outbox = Outbox(work, retries, self._stir.set)
        self._quick = False
        self._portions = Portions()
        self._more: deque[Given] = deque()
        self._bundles = False

    def leave(self) -> None:
        """Come to an end soon, with what is ready published and the rest given back."""
        self._leaving = True
        if self._talk is not None:
            self._talk.leaving = True
        self._stir.set()

    async def until_over(self) -> None:
        """Until it was told to leave, or its instance has ended. Raises GivenUpError, and what nobody foresaw."""
        failures = 0
        try:
            while not (self._leaving or self.gone):
                self._outbox.check()
                link = await self._linked()
                if link is None:
                    failures += 1
                    await self._pause(AGAIN_MS[min(failures, len(AGAIN_MS)) - 1])
                    continue
                self._bundles = link.bundles
                try:
                    failures = 0 if await self._converse(link) else failures + 1
                finally:
                    await link.close()
                if failures:
                    await self._pause(AGAIN_MS[min(failures, len(AGAIN_MS)) - 1])
            await self._outbox.empty()
            await self._give_back_what_is_ahead()
        finally:
            await self._outbox.close()
            await self._forget_what_is_ahead()

    async def _linked(self) -> Link | None:
        try:
            return await Link.open(self._work.instances.connect, self.worker.address)
        except OSError as error:
            log.debug("worker %s cannot be reached: %s", self.worker.instance_id, error)
        self.gone = bool(await self._work.instances.exit_of(self.worker.instance_id))
        return None

    async def _pause(self, duration_ms: int) -> None:
        await happens(self._work.clock, self._until_leaving(), duration_ms)

    async def _until_leaving(self) -> None:
        """Raises what the outbox raises."""
        while not self._leaving:
            self._outbox.check()
            await self._stir.wait()
            self._stir.clear()

    async def _converse(self, link: Link) -> bool:
        """Splits on one connection; whether there was one."""
        some = False
        while (given := await self._next(link)) is not None:
            some = True
            if not await self._settled(link, given):
                break
        return some

    async def _settled(self, link: Link, given: Given) -> bool:
        """Have one split, or a bundle, predicted; whether the connection is good for more."""
        clock = self._work.clock
        began_ms = clock.now_ms()
        self._talk = talk = Talk(self._work, link, given, self._outbox, self._stir, masker=self.worker.masker)
        talk.leaving = self._leaving
        preparing = asyncio.create_task(self._prepare_next(talk))
        try:
            await talk.until_over()
        except LeftError:
            pass
        except (NonsenseError, SlowError) as error:
            why = f"the worker does not keep to the protocol: {error}"
            await self._end_worker(cause_of(str(error) if isinstance(error, SlowError) else why))
            await self._bury(given, str(error) if isinstance(error, SlowError) else why)
            return False
        except (EOFError, OSError):
            ending = await self._ending()
            if self._leaving and ending in AS_TOLD:
                await self._outbox.empty()
                await self._work.leases.release(*given.leases)
            else:
                cause = f"the worker died: {ending}" if ending else "the worker broke the connection off"
                if not ending:
                    await self._told_again(cause)
                await self._bury(given, cause)
            return False
        finally:
            self._talk = None
            preparing.cancel()
            await asyncio.gather(preparing, return_exceptions=True)
        self._broken_off = 0
        took_ms = clock.now_ms() - began_ms
        self._quick = took_ms < FLUSH_S * 1000
        self._portions.took(len(given.leases), took_ms)
        if given.untold:
            await self._outbox.empty()
            await self._work.leases.release(*given.leases)
        return not self._leaving

    # ── what comes next ───────────────────────────────────────────────────────────────────────────────────────

    async def _prepare_next(self, talk: Talk) -> None:
        if not self._quick:
            await talk.ending.wait()
        if self._ahead is None and not self._leaving:
            self._ahead = asyncio.create_task(self._prepared())

    async def _next(self, link: Link) -> Given | None:
        """The next split; None: the worker is to leave, or went away."""
        while not self._leaving:
            news = asyncio.ensure_future(self._work.leases.news.next())
            try:
                given = await self._taken()
                if given is not None:
                    return given
                reading = link.reading()
                leaving = asyncio.ensure_future(self._until_leaving())
                try:
                    await asyncio.wait((news, reading, leaving), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    leaving.cancel()
                if leaving.done():
                    leaving.result()
            finally:
                news.cancel()
            if reading.done():  # it has nothing to say now: it went, or talks nonsense
                return None
        return None

    async def _taken(self) -> Given | None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            try:
                given = await ahead
            except asyncio.CancelledError:
                ahead.cancel()
                raise
            if given is not None and not given.void:
                return given
            if given is not None:
                await given.bytes.close()
        return await self._prepared()

    async def _prepared(self) -> Given | None:
        """A leased split, or several, with what is needed to begin them."""
        while not self._more:
            most = self._portions.most if self._bundles and self._work.job.format in BUNDLED else 1
            leases = await self._work.leases.take(self.worker.instance_id, most)
            if not leases:
                return None
            if len(leases) > 1:
                self._more.extend(await self._bundled(leases))
                continue
            try:
                return await self._given(leases[0])
            except (ObjectStoreError, UncuttableEncodingError, NoRowError) as error:
                await self._outbox.give_up(leases[0], cause_of(str(error)))
        return self._more.popleft()

    async def _given(self, lease: Lease) -> Given:
        work, split = self._work, lease.leased
        lease.retried = await self._retries.of(split) if split.retry else None
        files = await work.files(split.source, 1 if split.end else split.rows)
        top = await self._top(split, files)
        what = f"reading source {split.source}"
        held = SplitBytes(
            work.inputs, split, files, work.job.format, lambda act: work.patience.until_done(what, act)
        )
        held.begin()
        only = lease.retried.left if lease.retried is not None else None
        return Given([lease], Assignment(split, files, top.header, top.encoding, only), held)

    async def _bundled(self, leases: Sequence[Lease]) -> list[Given]:
        """A bundle of each sort of sources among them; those that cannot be read have failed."""
        sources = {each.number: each for each in await self._sources(leases)}
        read = await all_of([self._beginning(lease, sources[lease.leased.source]) for lease in leases], AT_ONCE)
        sorts: dict[Top, list[tuple[Lease, bytes]]] = {}
        for lease, found in zip(leases, read, strict=True):
            if isinstance(found, str):
                await self._outbox.give_up(lease, found)
            else:
                sorts.setdefault(found[0], []).append((lease, found[1]))
        return [
            Given(
                [lease for lease, _ in some],
                assignment([lease.leased for lease, _ in some], top),
                BundleBytes([content for _, content in some]),
            )
            for top, some in sorts.items()
        ]

    async def _sources(self, leases: Sequence[Lease]) -> list[Source]:
        """Of leases in the order of the input, which may have gaps."""
        numbers = {lease.leased.source for lease in leases}
        found: list[Source] = []
        while numbers:
            some = await self._work.files(min(numbers), len(numbers))
            if not some or some[0].number != min(numbers):
                raise RuntimeError(f"the ledger has a split of source {min(numbers)}, and not the source")
            found += [each for each in some if each.number in numbers]
            numbers.difference_update(each.number for each in some)
        return found

    async def _beginning(self, lease: Lease, source: Source) -> tuple[Top, bytes] | str:
        """Its file up to where the split ends, and what that says of its rows; or why it cannot be read."""
        work = self._work
        what, end = f"reading source {source.number}", lease.leased.end
        try:
            most = max(end, LONGEST_MARK)
            content = await work.patience.until_done(what, lambda: work.inputs.read(source, 0, most))
            top = await self._tops.of(source, Contents({source.number: content}))
        except (ObjectStoreError, UncuttableEncodingError, NoRowError) as error:
            return cause_of(str(error))
        return replace(top, mark=0), content[:end]

    async def _top(self, split: Split, files: list[Source]) -> Top:
        what = f"reading the top of source {split.source}"
        return await self._work.patience.until_done(what, lambda: self._tops.of(files[0]))

    async def _give_back_what_is_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        given = await ahead if ahead is not None else None
        for each in [*self._more, *([] if given is None else [given])]:
            await each.bytes.close()
            await self._work.leases.release(*each.leases)
        self._more.clear()

    async def _forget_what_is_ahead(self) -> None:
        ahead, self._ahead = self._ahead, None
        if ahead is not None:
            ahead.cancel()
            (given,) = await asyncio.gather(ahead, return_exceptions=True)
            if isinstance(given, Given):
                await given.bytes.close()

    # ── what became of it ─────────────────────────────────────────────────────────────────────────────────────

    async def _told_again(self, cause: str) -> None:
        self._broken_off += 1
        if self._broken_off >= MOST_BROKEN_OFF:
            await self._end_worker(cause)

    async def _end_worker(self, why: str) -> None:
        log.warning("task %s: worker %s is ended: %s", self._work.task_id, self.worker.instance_id, why)
        self.gone = True
        await self._work.instances.kill(self.worker.instance_id)

    async def _ending(self) -> str:
        """How the instance ended, which is known a moment after the connection is over; "" if it did not."""
        instance_id, clock = self.worker.instance_id, self._work.clock
        until_ms, pause_ms = clock.now_ms() + EXIT_WAIT_MS, EXIT_LOOK_MS
        while not (ending := await self._work.instances.exit_of(instance_id)) and clock.now_ms() < until_ms:
            await sleep(clock, pause_ms)
            pause_ms = min(2 * pause_ms, 200)
        self.gone = bool(ending)
        return self.worker.masker.text(ending)

    async def _bury(self, given: Given, cause: str) -> None:
        """Settle a split of which the worker died, or a bundle: nobody knows at which of its rows."""
        await self._outbox.empty()
        left = [lease for lease in given.leases if lease.rest is not None and not lease.void]
        if not left:
            return
        lease, rest = left[0], left[0].rest
        assert rest is not None
        where = f"source {rest.source}, row {rest.first_row}"
        log.warning("task %s: %s (%s)", self._work.task_id, cause, where)
        if lease.leased.deaths and lease.untouched:
            await self._fail_first_row(lease, rest, cause_of(cause))
            await self._work.leases.release(lease)
            self._work.streak.one_more(cause)
        else:
            await self._work.leases.release(*left, died=True)

    async def _fail_first_row(self, lease: Lease, rest: Split, cause: str) -> None:
        if lease.retried is not None:
            lease.retried.fail_first(cause)
            if not lease.retried.left:
                await self._outbox.put(lease, Outcomes(rest.rows, b""))
                await self._outbox.empty()
            return
        row = rest.first_row if rest.end else rest.source
        try:
            following = await self._behind_first_row(rest) if rest.rows > 1 else None
        except (ObjectStoreError, UncuttableEncodingError, NoRowError) as error:
            await self._outbox.give_up(lease, cause_of(str(error)))
            return
        await self._outbox.put(lease, Outcomes(1, failed_line(cause), ((row, cause),), following))
        await self._outbox.empty()

    async def _behind_first_row(self, rest: Split) -> tuple[int, int]:
        (source,) = await self._work.files(rest.source, 1)
        what = f"reading source {rest.source}"
        return await self._work.patience.until_done(what, lambda: self._tops.first_row_end(source, rest))
