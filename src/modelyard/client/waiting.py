# Made by scripts/twin.py from aio/waiting.py: change that one, then `make client`.

"""Asking again until something ended, without hammering the server.

The pause grows with the time already waited (a tenth of it, between 50 ms and 2 s): what ends quickly is noticed
quickly, and what takes long is asked about seldom. The answer is at most a tenth late.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from modelyard.client.clockwork import sleep
from modelyard.client.errors import Subject, Unreachable, WaitTimeout
from modelyard.client.status import pause_s

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, and the clock to wait by. A server that is away is asked again until the time is over."""

    timeout_s: float = 1800.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = sleep

    def until(
        self,
        ask: Callable[[], T],
        ended: Callable[[T], bool],
        what: str,
        subject: Subject | None = None,
        start: float | None = None,
    ) -> T:
        """The first answer of `ask` for which `ended`; WaitTimeout (which names `what`) when it takes too long.
        `start`: when the waiting began (None: now)."""
        start = self.now() if start is None else start
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
                text = f"{what} after {waited_s:.0f} s" + (f" ({away})" if away else "")
                raise WaitTimeout(text, subject) from away
            self.sleep(min(pause_s(waited_s), self.timeout_s - waited_s))
