"""Slowing down who guesses passwords, without ever locking anybody out or answering 429.

A user from one address has five tries at full speed; each further one in a row waits twice as long as the one
before, 0.25 s at first, at most 5 s. A success forgets the failures, and so does a quiet quarter of an hour.

    failures in a row    0 … 4    5      6      7     8     9     10 …
    delay in seconds     0        0.25   0.5    1     2     4     5

Tries count when they begin, so that a thousand at once are a thousand failures, not one.

Whoever takes another name for each try meets a second bound, per address over all names: 100 failures at full
speed, then ten a second, each waiting for its turn; who would wait longer than 5 s is sent away (TooBusy). So one
address takes a fifth of the time that verifications have, however many tries it sends at once.

Pure: time is passed in.
"""

from collections import OrderedDict

from modelyard.domain.errors import TooBusy

FREE_TRIES = 5
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 5.0
FREE_TRIES_OF_ADDRESS = 100
INTERVAL_OF_ADDRESS_MS = 100
FORGOTTEN_AFTER_MS = 15 * 60 * 1000
REMEMBERED = 10_000
NAME_CHARS = 128
"""So much of a name is remembered: it comes from whoever asks, and may be as long as a body."""


class Throttle:
    """Remembers tries by (user, address) and by address, the most recent ones only."""

    def __init__(self) -> None:
        self._tries: OrderedDict[tuple[str, str], tuple[int, int]] = OrderedDict()
        self._due_ms: OrderedDict[str, int] = OrderedDict()  # when the next try of an address has its turn

    def begin(self, user: str, address: str, now_ms: int) -> float:
        """Count a try; how many seconds it must wait before it is looked at. Raises TooBusy."""
        by_address = self._of_address(address, now_ms)
        key = (user[:NAME_CHARS], address)
        count, last_ms = self._tries.pop(key, (0, now_ms))
        if now_ms - last_ms > FORGOTTEN_AFTER_MS:
            count = 0
        self._tries[key] = (count + 1, now_ms)
        if len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        if count < FREE_TRIES:
            return by_address
        return max(by_address, min(FIRST_DELAY_S * 2.0 ** min(count - FREE_TRIES, 16), LONGEST_DELAY_S))

    def _of_address(self, address: str, now_ms: int) -> float:
        longest_ms = int(LONGEST_DELAY_S * 1000)
        earliest_ms = now_ms - (FREE_TRIES_OF_ADDRESS - 1) * INTERVAL_OF_ADDRESS_MS
        due_ms = max(self._due_ms.pop(address, earliest_ms), earliest_ms)
        due_ms = min(due_ms, now_ms + longest_ms + INTERVAL_OF_ADDRESS_MS)  # the clock may have gone back
        late = due_ms > now_ms + longest_ms
        self._due_ms[address] = due_ms if late else due_ms + INTERVAL_OF_ADDRESS_MS
        if len(self._due_ms) > REMEMBERED:
            self._due_ms.popitem(last=False)
        if late:
            raise TooBusy("Too many logins from this address at a time. Try again in some seconds.")
        return max(0, due_ms - now_ms) / 1000

    def succeeded(self, user: str, address: str) -> None:
        """The password was right: forget what came before of this user, and this one try of the address."""
        if address in self._due_ms:
            self._due_ms[address] -= INTERVAL_OF_ADDRESS_MS
        self._tries.pop((user[:NAME_CHARS], address), None)
