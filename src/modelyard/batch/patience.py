"""What fails and passes: tried again with a growing pause, visibly, for as long as it takes.

Passing: the store or the object store is away, the disk is full, or the project's buckets are. Everything else is
for the caller. What the task waits for is in `Task.waiting`, as far as that can be written.
"""

import errno
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TypeVar

from modelyard.batch.timing import Clock, sleep
from modelyard.core.backoff import delay_ms
from modelyard.objects.base import ObjectStoreUnavailableError
from modelyard.store.base import Store, StoreUnavailableError

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
FIRST_MS = 200
LONGEST_MS = 15_000


class NoRoomError(Exception):
    """The project's buckets hold as much as they may."""


log = logging.getLogger(__name__)
T = TypeVar("T")


def passing(error: BaseException) -> str:
    """What is waited for, as a sentence; "" for what does not pass."""
    match error:
        case StoreUnavailableError():
            return f"waiting for the database: {error}"
        case ObjectStoreUnavailableError():
            return f"waiting for the object store: {error}"
        case NoRoomError():
            return f"waiting for room for results: {error}"
        case OSError(errno=number) if number in DISK_FULL:
            return f"waiting for disk space: {error.strerror}"
        case _:
            return ""


class Patience:
    """Of one task."""

    def __init__(self, store: Store, clock: Clock, task_id: str) -> None:
        self._store = store
        self._clock = clock
        self._task_id = task_id
        self._waits: dict[str, str] = {}
        self._told = ""

    async def until_done(self, what: str, act: Callable[[], Awaitable[T]]) -> T:
        """The result of `act`, called again and again while it fails with something that passes. `what` tells
        apart those that wait at the same time."""
        failures = 0
        try:
            while True:
                try:
                    return await act()
                except Exception as error:  # noqa: BLE001 - raised again unless it passes
                    failures += 1
                    await self._wait(what, error, failures)
        finally:
            await self._over(what)

    async def stream(
        self, what: str, pieces: Callable[[int], AsyncGenerator[bytes, None]]
    ) -> AsyncGenerator[bytes, None]:
        """The bytes that `pieces` gives, from a place on; where that fails with something that passes, it is asked
        again for the rest."""
        failures = seen = 0
        try:
            while True:
                try:
                    async with aclosing(pieces(seen)) as some:
                        async for piece in some:
                            seen += len(piece)
                            yield piece
                            failures = 0
                    return
                except Exception as error:  # noqa: BLE001 - raised again unless it passes
                    failures += 1
                    await self._wait(what, error, failures)
        finally:
            await self._over(what)

    async def _wait(self, what: str, error: Exception, failures: int) -> None:
        sentence = passing(error)
        if not sentence:
            raise error
        if what not in self._waits:
            log.warning("task %s: %s: %s", self._task_id, what, sentence)
        self._waits[what] = sentence
        await self.tell()
        await sleep(self._clock, max(FIRST_MS, min(delay_ms(failures), LONGEST_MS)))

    async def _over(self, what: str) -> None:
        self._waits.pop(what, None)
        await self.tell()

    async def tell(self) -> None:
        """Write down what is waited for, if that is another thing than is written there. Where it cannot be
        written, the next call does."""
        text = next(iter(self._waits.values()), "")
        if text == self._told:
            return
        try:
            async with self._store.write() as w:
                task = await w.task(self._task_id)
                if task is not None and task.at_work and task.waiting != text:
                    await w.save_task(replace(task, waiting=text))
        except StoreUnavailableError:
            return
        self._told = text
