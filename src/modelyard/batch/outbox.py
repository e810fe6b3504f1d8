"""What one worker told of rows, on its way into parts and the ledger, while the worker goes on.

Outcomes are published in the order in which they came. Those of a split that wait are put together, as far as a
part may be large (`frames.FLUSH_BYTES`), and small ones of several splits are published in one transaction, so
that many cost no more than a few; whoever brings more than may wait is held up, and with it the worker.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from modelyard.batch import parts
from modelyard.batch.frames import FLUSH_BYTES
from modelyard.batch.leases import Lease
from modelyard.batch.parts import Written
from modelyard.batch.retrying import Retries
from modelyard.batch.work import GivenUpError, Work
from modelyard.core.batch.outcomes import Outcomes, together
from modelyard.objects.base import ObjectStoreError

MOST_WAITING_BYTES = 2 * FLUSH_BYTES
MOST_TOGETHER = 256
"""Publications of one transaction."""
_EACH = 64
"""Bytes that outcomes have besides."""


class Outbox:
    """See the module. `stir` is called when a lease turned out to be void, and when nothing more can be published:
    then `check` raises why."""

    def __init__(self, work: Work, retries: Retries, stir: Callable[[], None]) -> None:
        self._work = work
        self._retries = retries
        self._stir = stir
        self._waiting: deque[tuple[Lease, Outcomes]] = deque()
        self._bytes = 0
        self._sending: asyncio.Task[None] | None = None
        self._less = asyncio.Event()

    async def put(self, lease: Lease, told: Outcomes) -> None:
        """Returns when there is room for more. Raises GivenUpError."""
        self.check()
        self._waiting.append((lease, told))
        self._bytes += _size(told)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send())
        while self._bytes > MOST_WAITING_BYTES:
            await self._until_less()

    async def give_up(self, lease: Lease, cause: str) -> None:
        """The source of a split cannot be read: it fails as a whole; where it could be once, the rows that were to
        be tried again fail again."""
        if lease.void:
            return
        if lease.retried is None:
            await self._work.leases.fail_source(lease.leased.source, cause)
            return
        lease.retried.fail_all(cause)
        lease.told = None
        await self.put(lease, Outcomes(lease.leased.rows, b""))

    async def empty(self) -> None:
        """Returns when all that was put has been published. Raises GivenUpError."""
        while self._sending is not None:
            await self._until_less()

    async def close(self) -> None:
        """What was not published by now is not published."""
        self._waiting.clear()
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.gather(self._sending, return_exceptions=True)

    async def _until_less(self) -> None:
        self._less.clear()
        less = asyncio.ensure_future(self._less.wait())
        assert self._sending is not None
        try:
            await asyncio.wait((less, self._sending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            less.cancel()
        self.check()

    def check(self) -> None:
        """Raises what ended the sending."""
        if self._sending is not None and self._sending.done():
            self._sending.result()

    async def _send(self) -> None:
        try:
            while self._waiting:
                group = self._next()
                await self._publish([(lease, told) for lease, told in group if not lease.void])
                self._bytes -= sum(_size(told) for _, told in group)
                self._less.set()
            self._sending = None
        finally:
            if self._sending is not None:
                asyncio.get_running_loop().call_soon(self._stir)  # behind the end of this task

    def _next(self) -> list[tuple[Lease, Outcomes]]:
        """The oldest ones, with those behind them of the same lease; if they are small, with more such, each of
        another lease."""
        group = [self._of_one_lease()]
        leases = {group[0][0]}
        while self._waiting and len(group) < MOST_TOGETHER and _small(*group[-1]):
            if not _small(*self._waiting[0]) or self._waiting[0][0] in leases:
                break
            group.append(self._of_one_lease())
            leases.add(group[-1][0])
        return group

    def _of_one_lease(self) -> tuple[Lease, Outcomes]:
        lease, told = self._waiting.popleft()
        some = [told]
        size = _size(told)
        while self._waiting and self._waiting[0][0] is lease:
            size += _size(self._waiting[0][1])
            if size > FLUSH_BYTES:
                break
            some.append(self._waiting.popleft()[1])
        return lease, together(some)

    async def _publish(self, group: Sequence[tuple[Lease, Outcomes]]) -> None:
        several = [(lease, *await self._part(lease, told)) for lease, told in group]
        if several and not await self._work.leases.publish(several):
            self._stir()
        for lease, _ in group:
            if lease.retried is not None and not lease.void:
                self._retries.done(lease.leased)

    async def _part(self, lease: Lease, told: Outcomes) -> tuple[Outcomes, Written]:
        assert lease.rest is not None
        name = self._work.parts.name(lease.rest)
        await self._work.until_room(name)
        if lease.retried is not None:
            part, told = await self._retries.write(lease.rest, lease.retried, name)
        else:
            part = self._work.parts.small(name, told) or await self._written(name, told)
        self._work.written(part)
        return told, part

    async def _written(self, name: str, told: Outcomes) -> Written:
        work = self._work
        try:
            return await work.patience.until_done(f"writing {name}", lambda: work.parts.write(name, told))
        except ObjectStoreError as error:
            raise GivenUpError(f"results cannot be written: {error}") from error


def _small(lease: Lease, told: Outcomes) -> bool:
    """Whether its part is likely to be in the ledger."""
    return lease.retried is None and _size(told) <= parts.IN_LEDGER_BYTES


def _size(told: Outcomes) -> int:
    return len(told.lines) + sum(len(cause) + _EACH for _, cause in told.failures) + _EACH
