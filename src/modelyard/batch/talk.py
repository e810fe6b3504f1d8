"""One split, or a bundle of them, in the hands of one worker: bytes go out as it asks for them, outcomes come in,
until it is over.

It has `Job.row_timeout_s` from the last time that we gave it something of this split, or it gave outcomes, to give
more; what we need ourselves to fetch bytes or to write results does not count, nor does the time before, while it
had another one. It may be told to give the split up, because the worker is to go, or because the split is
another's by now; what is ready then is still taken in the first case. `said_ahead`: it has the next one too.
"""

import asyncio

from modelyard.batch import frames
from modelyard.batch.frames import Frame, Kind
from modelyard.batch.leases import Lease
from modelyard.batch.outbox import Outbox
from modelyard.batch.serving import Given, Serving
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


class Talk:
    """See the module. `stir`: set by whoever changes `leaving`, or finds the lease void. `masker`
    hides what failed rows may not show."""

    def __init__(
        self,
        work: Work,
        serving: Serving,
        given: Given,
        outbox: Outbox,
        stir: asyncio.Event,
        *,
        masker: Masker,
    ) -> None:
        self._masker = masker
        self.leaving = False
        self.said_ahead = False
        self.ending = asyncio.Event()
        """All rows have been told of: soon there is room for the next split."""
        self._work = work
        self._link = serving.link
        self._serving = serving
        self._given = given
        self._leases = given.leases
        self._rows = 0
        self._outbox = outbox
        self._stir = stir
        self._heard_ms = 0
        self._gave_up_ms: int | None = None
        self._useless = False
        self._over = False

    async def until_over(self) -> None:
        """Raises NonsenseError, SlowError, LeftError, GivenUpError, and EOFError or OSError when the connection is
        over. A source that turned out unreadable has failed when it returns."""
        self._serving.say(self._given)
        self._heard_ms = self._work.clock.now_ms()
        try:
            while True:
                frame = await self._frame()
                if frame.kind is Kind.READ:
                    self._serving.ask(frames.wanted(frame.payload))
                elif frame.kind is Kind.PUBLISH:
                    await self._told(frame.payload)
                elif frame.kind is Kind.END:
                    self._check_end(frames.abandoned(frame.payload))
                    return
                else:
                    await self._unreadable(self._masker.text(frames.failure(frame.payload)))
                    return
        finally:
            self._over = True
            await self._serving.over(self._given)

    def say_ahead(self, given: Given) -> None:
        """Give the worker the next one too, so that it need not wait for it; unless this one comes to an end."""
        if not self._over and self._gave_up_ms is None:
            self.said_ahead = True
            self._serving.say(given)

    @property
    def gave_up(self) -> bool:
        """Whether the worker was told to give up all that it has."""
        return self._gave_up_ms is not None

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
        if self._useless:
            return  # it was given up already
        lease = next((each for each in self._leases if each.told is not None), self._leases[-1])
        if self._work.job.format is not Format.FILE or lease.retried is not None:
            await self._outbox.give_up(lease, cause)
            return
        if lease.told is not None and not lease.void:  # each is a row of its own
            rows = range(lease.told.source, lease.told.source + lease.told.rows)
            failures = tuple((row, cause) for row in rows)
            lease.told = None
            await self._outbox.put(lease, Outcomes(len(rows), failed_line(cause) * len(rows), failures))

    async def _frame(self) -> Frame:
        serving, given = self._serving, self._given
        while True:
            self._outbox.check()
            self._give_up_if_told()
            reading = self._link.reading()
            if reading.done():
                return self._link.take()
            if (trouble := serving.trouble(given)) is not None:
                await self._troubled(trouble)
            if serving.served(given):
                self._heard_ms = self._work.clock.now_ms()
            reading.add_done_callback(self._on_read)
            timer = self._work.clock.call_at(self._due_ms(), self._stir.set)
            try:
                await self._stir.wait()
            finally:
                timer.cancel()
                reading.remove_done_callback(self._on_read)
            self._stir.clear()
            if not reading.done():
                self._check_time()

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

    def _check_time(self) -> None:
        now_ms = self._work.clock.now_ms()
        if self._serving.served(self._given):
            self._heard_ms = now_ms
        due_ms = self._due_ms()
        if now_ms < due_ms:
            return
        if self.leaving:
            raise LeftError
        if self._serving.fetching(self._given) or now_ms - due_ms > LATE_MS:
            self._heard_ms = now_ms
            return
        seconds = f"{self._work.job.row_timeout_s:g} s"
        raise SlowError(f"the worker gave no result within {seconds} (row_timeout_seconds)")

    async def _troubled(self, trouble: Exception) -> None:
        """We cannot give it what it asks for, as it was told."""
        if not isinstance(trouble, ObjectStoreError):
            raise trouble
        if not self._useless:
            self._useless = True
            await self._outbox.give_up(self._leases[0], str(trouble))
