"""What a worker may ask for on one connection: bytes of the splits that it was given, in the order of its asking.

Each question is answered, also one about a split that is over by now, so that a worker with two splits knows which
answer is whose. A worker that knows no numbers has one split at a time, and forgets with it what it asked.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.batch import frames
from modelyard.batch.bundles import BundleBytes
from modelyard.batch.frames import Assignment, Kind, Wanted
from modelyard.batch.inputs import SplitBytes
from modelyard.batch.leases import Lease
from modelyard.batch.link import Link
from modelyard.core.batch.outcomes import NonsenseError
from modelyard.domain.batch import Format, Job
from modelyard.objects.base import ObjectStoreError

OVER = frames.unreadable("the split is over")


@dataclass(frozen=True, slots=True, eq=False)
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

    @property
    def rows_of_one_source(self) -> bool:
        """One after the other, none of which was tried before: these may wait in a worker that predicts others."""
        split, assignment = self.assignment.split, self.assignment
        return bool(split.end) and not (split.deaths or split.retry or assignment.members)


@dataclass(slots=True, eq=False)
class _Said:
    """A split that the worker has, and what became of its questions. `trouble`: why one had no answer."""

    given: Given
    number: int
    open: int = 0
    served: int = 0
    reading: asyncio.Future[bytes] | None = None
    trouble: Exception | None = None
    over: bool = False


class Serving:
    """See the module. `stir`: set when something was answered, or could not be."""

    def __init__(self, link: Link, job: Job, stir: asyncio.Event) -> None:
        self.link = link
        self._job = job
        self._stir = stir
        self._splits = 0
        self._said: list[_Said] = []
        self._broken: Exception | None = None
        self._open: asyncio.Queue[tuple[_Said, Wanted] | None] = asyncio.Queue()
        self._strays = 0
        self._task = asyncio.create_task(self._serve())

    def say(self, given: Given) -> None:
        """Give it to the worker, unless it has it already."""
        if self._of(given) is None:
            self._splits += 1
            number = self._splits if self.link.ahead else 0
            self._said.append(_Said(given, number))
            self.link.say(frames.assigned(self._job, given.assignment, number))

    def has(self, given: Given) -> bool:
        """Whether the worker was given it, and it is not over."""
        return self._of(given) is not None

    def ask(self, wanted: Wanted) -> None:
        """Raises NonsenseError."""
        said = next((each for each in self._said if each.number == wanted.split), None)
        if said is None:
            if not 0 < wanted.split <= self._splits or self._strays >= frames.MOST_OPEN_READS:
                raise NonsenseError("it asked for bytes of a split that it does not have")
            self._strays += 1
            self._open.put_nowait(None)
            return
        if said.open >= frames.MOST_OPEN_READS:
            raise NonsenseError(f"it asked for more than {frames.MOST_OPEN_READS} things at a time")
        said.open += 1
        self._open.put_nowait((said, wanted))

    def trouble(self, given: Given) -> Exception | None:
        """Why the worker cannot be given what it asks for."""
        said = self._of(given)
        return self._broken or (said.trouble if said is not None else None)

    def served(self, given: Given) -> int:
        """How many of its questions were answered since this was asked last."""
        said = self._of(given)
        count = said.served if said is not None else 0
        if said is not None:
            said.served = 0
        return count

    def fetching(self, given: Given) -> bool:
        """Whether it is we whom the worker waits for."""
        said = self._of(given)
        return said is not None and said.reading is not None

    async def over(self, given: Given) -> None:
        """It is not to be read any more."""
        said = self._of(given)
        if said is not None:
            said.over = True
            self._said.remove(said)
            if said.reading is not None:
                said.reading.cancel()
        await given.bytes.close()

    async def close(self) -> None:
        """The connection is over."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _of(self, given: Given) -> _Said | None:
        return next((each for each in self._said if each.given is given), None)

    async def _serve(self) -> None:
        try:
            while True:
                asked = await self._open.get()
                if asked is None:
                    self._strays -= 1
                    await self.link.send(OVER)
                    continue
                said, wanted = asked
                answer = await self._answer(said, wanted)
                if answer is not None:
                    await self.link.send(answer)
                said.open -= 1
                said.served += 1
                self._stir.set()
        except Exception as error:  # noqa: BLE001 - raised again by whoever talks
            self._broken = error
            self._stir.set()

    async def _answer(self, said: _Said, wanted: Wanted) -> bytes | None:
        none = OVER if said.number else None
        if said.over or said.trouble is not None:
            return none
        said.reading = reading = asyncio.ensure_future(said.given.bytes.read(wanted))
        try:
            await asyncio.wait((reading,))
        finally:
            reading.cancel()
            said.reading = None
        if reading.cancelled():
            return none
        error = reading.exception()
        if error is None:
            return frames.framed(Kind.DATA, reading.result())
        assert isinstance(error, Exception)
        if self._job.format is not Format.FILE or not isinstance(error, ObjectStoreError):
            said.trouble = error
        return frames.unreadable(str(error))
