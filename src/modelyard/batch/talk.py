"""One split, or a bundle of them, in the hands of one worker: bytes go out as it asks for them, outcomes come in,
until it is over.

It has `Job.row_timeout_s` from the last time that we gave it something, or it gave outcomes, to give more; what we
need ourselves to fetch bytes or to write results does not count. It may be told to give the split up, because the
worker is to go, or because the split is another's by now; what is ready then is still taken in the first case.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.batch import frames
from modelyard.batch.bundles import BundleBytes
from modelyard.batch.frames import Assignment, Frame, Kind, Wanted
from modelyard.batch.inputs import SplitBytes
from modelyard.batch.leases import Lease
from modelyard.batch.link import Link
from modelyard.batch.outbox import Outbox
from modelyard.batch.work import Work
from modelyard.core.batch.outcomes import NonsenseError, Outcomes, after, divided, failed_line, hidden, outcomes
from modelyard.core.masking import Masker
from modelyard.domain.batch import Format
from modelyard.objects.base import ObjectStoreError

MARGIN_MS = 10_000
GRACE_MS = 3_000
"""For a worker that is told to give up what it has."""
LATE_MS = 2_000
"""A time limit that we notice so much later was missed by us: then it is not the worker's fault."""


class SlowError(Exception):
    """It did not give anything in time; the text says so."""


class LeftError(Exception):
    """It was told to give the split up, and did not in time."""


@dataclass(frozen=True, slots=True)
class Given:
    """A split, or several as a bundle, with all that a worker needs to begin it."""

    leases: Sequence[Lease]
    assignment: Assignment
    bytes: SplitBytes | BundleBytes

    @property
    def void(self) -> bool:
        return all(lease.void for lease in self.leases)

    @property
    def untold(self) -> Sequence[Lease]:
        """Those of which the worker has not told all, as far as anybody wants to know it."""
        return [lease for lease in self.leases if lease.told is not None and not lease.void]


class Serving:
    """Answers what a worker asks for, in its order. `trouble`: why it cannot go on."""

    def __init__(self, link: Link, given: Given, form: Format, stir: asyncio.Event) -> None:
        self.trouble: Exception | None = None
        self.fetching = False
        self.served = 0
        self._link = link
        self._given = given
        self._form = form
        self._stir = stir
        self._open: asyncio.Queue[Wanted] = asyncio.Queue(frames.MOST_OPEN_READS)
        self._task = asyncio.create_task(self._serve())

    def ask(self, wanted: Wanted) -> None:
        """Raises NonsenseError."""
        try:
            self._open.put_nowait(wanted)
        except asyncio.QueueFull:
            raise NonsenseError(f"it asked for more than {frames.MOST_OPEN_READS} things at a time") from None

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._given.bytes.close()

    async def _serve(self) -> None:
        try:
            while True:
                wanted = await self._open.get()
                await self._link.send(await self._answer(wanted))
                self.served += 1
                self._stir.set()
        except Exception as error:  # noqa: BLE001 - raised again by whoever talks
            self.trouble = error
            self._stir.set()

    async def _answer(self, wanted: Wanted) -> bytes:
        self.fetching = True
        try:
            return frames.framed(Kind.DATA, await self._given.bytes.read(wanted))
        except ObjectStoreError as error:
            if self._form is not Format.FILE:
                raise
            return frames.unreadable(str(error))
        finally:
            self.fetching = False


class Talk:
    """See the module. `stir`: set by whoever changes `leaving`, or finds the lease void. `masker`
    hides what failed rows may not show."""

    def __init__(
        self,
        work: Work,
        link: Link,
        given: Given,
        outbox: Outbox,
        stir: asyncio.Event,
        *,
        masker: Masker,
    ) -> None:
        self._masker = masker
        self.leaving = False
        self.ending = asyncio.Event()
        """All rows have been told of: soon there is room for the next split."""
        self._work = work
        self._link = link
        self._given = given
        self._leases = given.leases
        self._rows = 0
        self._outbox = outbox
        self._stir = stir
        self._heard_ms = 0
        self._gave_up_ms: int | None = None
        self._useless = False

    async def until_over(self) -> None:
        """Raises NonsenseError, SlowError, LeftError, GivenUpError, and EOFError or OSError when the connection is
        over. A source that turned out unreadable has failed when it returns."""
        self._link.say(frames.assigned(self._work.job, self._given.assignment))
        self._heard_ms = self._work.clock.now_ms()
        serving = Serving(self._link, self._given, self._work.job.format, self._stir)
        try:
            while True:
                frame = await self._frame(serving)
                if frame.kind is Kind.READ:
                    serving.ask(frames.wanted(frame.payload))
                elif frame.kind is Kind.PUBLISH:
                    await self._told(frame.payload)
                elif frame.kind is Kind.END:
                    self._check_end(frames.abandoned(frame.payload))
                    return
                else:
                    await self._unreadable(self._masker.text(frames.failure(frame.payload)))
                    return
        finally:
            await serving.close()

    async def _told(self, payload: bytes) -> None:
        if not (self._given.void or self._useless):
            if all(lease.told is None for lease in self._leases):
                raise NonsenseError("it told of rows again")
            if self._given.assignment.members:
                await self._told_of_bundle(payload)
            else:
                await self._told_of_split(payload, self._leases[0])
            if not self._given.untold:
                self.ending.set()
        self._heard_ms = self._work.clock.now_ms()

    async def _told_of_split(self, payload: bytes, lease: Lease) -> None:
        retried = lease.retried
        only = retried.left if retried is not None else None
        assert lease.told is not None
        told = outcomes(payload, lease.told, self._work.job.format, only)
        told = hidden(told, lease.told, self._masker)
        if told.rows:
            self._work.streak.end()
        if told.rows and retried is not None:
            retried.take(told)
            if not retried.left:
                lease.told = None
                await self._outbox.put(lease, Outcomes(lease.leased.rows, b""))
        elif told.rows:
            lease.told = after(lease.told, told)
            await self._outbox.put(lease, told)

    async def _told_of_bundle(self, payload: bytes) -> None:
        left = [(lease, lease.told) for lease in self._leases if lease.told is not None]
        shares = divided(payload, [rest for _, rest in left], self._work.job.format, self._rows)
        for (lease, rest), share in zip(left, shares, strict=False):
            told = hidden(share, rest, self._masker)
            self._rows += told.rows
            self._work.streak.end()
            lease.told = after(rest, told)
            if not lease.void:
                await self._outbox.put(lease, told)

    def _check_end(self, abandoned: bool) -> None:
        if abandoned and self._gave_up_ms is None:
            raise NonsenseError("it gave the split up without being told to")
        rows = sum(lease.told.rows for lease in self._given.untold if lease.told is not None)
        if not abandoned and rows:
            raise NonsenseError(f"it ended {rows} rows before the split does")

    async def _unreadable(self, cause: str) -> None:
        """The first source of which not all was told."""
        lease = next((each for each in self._leases if each.told is not None), self._leases[-1])
        if self._work.job.format is not Format.FILE or lease.retried is not None:
            await self._outbox.give_up(lease, cause)
            return
        if lease.told is not None and not lease.void:  # each is a row of its own
            rows = range(lease.told.source, lease.told.source + lease.told.rows)
            failures = tuple((row, cause) for row in rows)
            lease.told = None
            await self._outbox.put(lease, Outcomes(len(rows), failed_line(cause) * len(rows), failures))

    async def _frame(self, serving: Serving) -> Frame:
        while True:
            self._outbox.check()
            self._give_up_if_told()
            reading = self._link.reading()
            if reading.done():
                return self._link.take()
            if serving.trouble is not None:
                await self._troubled(serving)
            if serving.served:
                serving.served = 0
                self._heard_ms = self._work.clock.now_ms()
            due_ms = self._due_ms()
            reading.add_done_callback(self._on_read)
            timer = self._work.clock.call_at(due_ms, self._stir.set)
            try:
                await self._stir.wait()
            finally:
                timer.cancel()
                reading.remove_done_callback(self._on_read)
            self._stir.clear()
            if not reading.done() and not serving.served:
                self._check_time(due_ms, serving)

    def _on_read(self, _: object) -> None:
        self._stir.set()

    def _give_up_if_told(self) -> None:
        if self._gave_up_ms is None and (self.leaving or self._useless or self._given.void):
            self._gave_up_ms = self._work.clock.now_ms()
            self._link.say(frames.framed(Kind.ABANDON))

    def _due_ms(self) -> int:
        due_ms = self._heard_ms + int(self._work.job.row_timeout_s * 1000) + MARGIN_MS
        if self.leaving and self._gave_up_ms is not None:
            return min(due_ms, self._gave_up_ms + GRACE_MS)
        return due_ms

    def _check_time(self, due_ms: int, serving: Serving) -> None:
        now_ms = self._work.clock.now_ms()
        if now_ms < due_ms:
            return
        if self.leaving:
            raise LeftError
        if serving.fetching or now_ms - due_ms > LATE_MS:
            self._heard_ms = now_ms
            return
        seconds = f"{self._work.job.row_timeout_s:g} s"
        raise SlowError(f"the worker gave no result within {seconds} (row_timeout_seconds)")

    async def _troubled(self, serving: Serving) -> None:
        """We cannot give it what it asks for."""
        trouble = serving.trouble
        assert trouble is not None
        if not isinstance(trouble, ObjectStoreError):
            raise trouble
        await self._outbox.give_up(self._leases[0], str(trouble))
        self._useless = True
        serving.trouble = None
        self._link.say(frames.unreadable(str(trouble)))
