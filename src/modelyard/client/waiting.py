"""Asking again until something ended, without hammering the server.

The pause grows with the time already waited (a tenth of it, between 50 ms and 2 s): what ends quickly is noticed
quickly, and what takes long is asked about seldom. The answer is at most a tenth late.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from modelyard.client.errors import Unreachable, WaitTimeout

T = TypeVar("T")


def pause_s(waited_s: float) -> float:
    """How long to wait before asking again.

    >>> pause_s(0), pause_s(5), pause_s(600)
    (0.05, 0.5, 2.0)
    """
    return min(max(waited_s / 10, 0.05), 2.0)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and the clock to wait by. A server that is away is asked again until the time is over."""

    timeout_s: float = 1800.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def until(self, ask: Callable[[], T], ended: Callable[[T], bool], what: str) -> T:
        """The first answer of `ask` for which `ended`; WaitTimeout (which names `what`) when it takes too long."""
        start = self.now()
        while True:
            away: Unreachable | None = None
            try:
                answer = ask()
                if ended(answer):
                    return answer
            except Unreachable as e:
                away = e
            waited_s = self.now() - start
            if waited_s >= self.timeout_s:
                raise WaitTimeout(f"{what} after {waited_s:.0f} s" + (f" ({away})" if away else "")) from away
            self.sleep(min(pause_s(waited_s), self.timeout_s - waited_s))
