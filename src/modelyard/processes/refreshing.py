"""Something that may hang, asked in a thread beside those who need what it says.

Promises: it is asked once at a time, however many need it. Who needs it waits until PATIENCE_S after it was asked
at most, and then takes what was known before.
"""

import asyncio
import logging
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

PATIENCE_S = 1.0


class Refreshing:
    def __init__(self, ask: Callable[[], None], what: str) -> None:
        """`ask` blocks, and keeps what it was told. `what` it asks for, for people."""
        self._ask = ask
        self._what = what
        self._task: asyncio.Task[None] | None = None
        self._begun_s = 0.0
        self._done_s = float("-inf")

    def age_s(self) -> float:
        """Since it last answered, or failed to."""
        return time.monotonic() - self._done_s

    def ask(self) -> None:
        """Now. Blocks for as long as it takes."""
        try:
            self._ask()
        finally:
            self._done_s = time.monotonic()

    async def newer_than(self, age_s: float) -> None:
        """Have it asked if that is longer ago. Returns when it answered, or within PATIENCE_S without that."""
        if self._task is None and self.age_s() > age_s:
            self._begun_s = time.monotonic()
            self._task = asyncio.create_task(self._beside(), name=self._what)
        if self._task is not None and (left_s := self._begun_s + PATIENCE_S - time.monotonic()) > 0:
            await asyncio.wait({self._task}, timeout=left_s)

    async def _beside(self) -> None:
        try:
            await asyncio.to_thread(self.ask)
        except Exception:
            log.exception("%s failed", self._what)
        finally:
            self._task = None
