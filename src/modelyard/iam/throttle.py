"""Slows down whoever guesses a password, without ever locking anybody out or answering 429.

An account from one address has five tries at full speed; each further one in a row waits twice as long as the one
before, 0.25 s at first, at most 5 s. A success forgets the failures, and so does a quiet quarter of an hour.
Nobody else waits for that: neither another account at the address nor the same account at another one.

    failures in a row    0 … 4    5      6      7     8     9     10 …
    delay in seconds     0        0.25   0.5    1     2     4     5

Tries count when they begin, so that a thousand at once are a thousand failures, not one. Whoever takes another
name for each try is slowed down by `turns`.

Pure: time is passed in.
"""

from collections import OrderedDict

FREE_TRIES = 5
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 5.0
FORGOTTEN_AFTER_MS = 15 * 60 * 1000
REMEMBERED = 10_000
NAME_CHARS = 128
"""How much of a name is remembered: it comes from the caller, and may be as long as a body."""


class Throttle:
    """Remembers tries and successes by (account, address), the most recent ones only."""

    def __init__(self) -> None:
        self._tries: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def begin(self, account: str, address: str, now_ms: int) -> float:
        """Count a try. Returns how many seconds it must wait before it is verified."""
        key = (account[:NAME_CHARS], address)
        count, last_ms = self._tries.pop(key, (0, now_ms))
        if now_ms - last_ms > FORGOTTEN_AFTER_MS:
            count = 0
        self._tries[key] = (count + 1, now_ms)
        if len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        if count < FREE_TRIES:
            return 0
        return min(FIRST_DELAY_S * 2.0 ** min(count - FREE_TRIES, 16), LONGEST_DELAY_S)

    def failures(self, account: str, address: str) -> int:
        """Tries in a row that have not proved right yet."""
        return self._tries.get((account[:NAME_CHARS], address), (0, 0))[0]

    def known(self, account: str, address: str) -> bool:
        """Whether the account logged in from there before, and nobody guesses at it from there now."""
        key = (account[:NAME_CHARS], address)
        return key in self._known and self.failures(account, address) <= FREE_TRIES

    def succeeded(self, account: str, address: str) -> None:
        """The password was right: forget what came before."""
        key = (account[:NAME_CHARS], address)
        self._tries.pop(key, None)
        self._known.pop(key, None)
        self._known[key] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
