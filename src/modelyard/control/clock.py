"""Time, as a thing that can be passed in."""

import asyncio
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is due later."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Milliseconds since 1970 UTC, and calls at such a moment."""

    def now_ms(self) -> int: ...

    def call_at(self, when_ms: int, call: Callable[[], None]) -> Timer: ...


class WallClock:
    """The machine's clock. Calls happen in the running event loop, not before they are due."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def call_at(self, when_ms: int, call: Callable[[], None]) -> Timer:
        delay_s = max(when_ms - self.now_ms(), 0) / 1000
        return asyncio.get_running_loop().call_later(delay_s, call)
