"""Whose password is verified next. A verification takes 20 ms of a core and happens one at a time, so whoever
sends many must not get ahead of everybody else. Pure: time is passed in.

- Addresses take turns.
- Within one address, whoever logged in from there before comes first, then the account with the fewest failures,
  then the newest try: a flood of guesses, under one name or under thousands, leaves room for the one who knows a
  password.
- An address has 100 tries at full speed, then ten a second; those that proved right do not count. So guesses from
  one address cost at most a fifth of the time there is. Whoever logged in from there before need not wait for
  that.
- Only so many may wait, and only so long; beyond that, the last in line of the address with the most tries is
  turned away (TooBusy).

What it is not: a defence of one address against itself. Behind a proxy that is not named in `trusted_proxies` all
are one address, and a first login then waits for some tenths of a second while somebody guesses.
"""

from collections import OrderedDict
from dataclasses import dataclass

FREE_TRIES = 100
INTERVAL_MS = 100
LONGEST_WAIT_MS = 5000
REMEMBERED = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """One try that waits. `known`: the account logged in from this address before."""

    address: str
    failures: int
    known: bool
    number: int
    since_ms: int

    @property
    def order(self) -> tuple[bool, int, int]:
        return (not self.known, self.failures, -self.number)


@dataclass(frozen=True, slots=True)
class Pick:
    """Whose turn it is; None: nobody's for `wait_ms` (None: until somebody comes). `gone`: who waited too long."""

    ticket: Ticket | None
    wait_ms: int | None = None
    gone: tuple[Ticket, ...] = ()


class Turns:
    """The tries that wait, and when an address has its next turn."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, list[Ticket]] = OrderedDict()
        self._due_ms: OrderedDict[str, int] = OrderedDict()
        self._number = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def enter(self, address: str, now_ms: int, *, failures: int = 0, known: bool = False) -> Ticket:
        self._number += 1
        ticket = Ticket(address, failures, known, self._number, now_ms)
        self._waiting.setdefault(address, []).append(ticket)
        return ticket

    def surplus(self, most: int) -> Ticket | None:
        """Takes out the try that must go when more than `most` wait."""
        if len(self) <= most:
            return None
        crowd = max(self._waiting.values(), key=len)
        gone = max(crowd, key=lambda ticket: ticket.order)
        self.leave(gone)
        return gone

    def leave(self, ticket: Ticket) -> None:
        waiting = self._waiting.get(ticket.address, [])
        if ticket in waiting:
            waiting.remove(ticket)
        if not waiting:
            self._waiting.pop(ticket.address, None)

    def pick(self, now_ms: int) -> Pick:
        """Takes out whose turn it is."""
        gone = tuple(
            ticket
            for waiting in self._waiting.values()
            for ticket in waiting
            if now_ms - ticket.since_ms > LONGEST_WAIT_MS
        )
        for ticket in gone:
            self.leave(ticket)
        waits = []
        for address, waiting in self._waiting.items():
            first = min(waiting, key=lambda ticket: ticket.order)
            late = self._due(address, now_ms) - now_ms
            if first.known or late <= 0:
                self.leave(first)
                if address in self._waiting:
                    self._waiting.move_to_end(address)
                if not first.known:
                    self._spend(address, now_ms)
                return Pick(first, gone=gone)
            waits.append(late)
        return Pick(None, min(waits, default=None), gone)

    def proved(self, ticket: Ticket) -> None:
        """The password was right: the try does not count."""
        if not ticket.known and ticket.address in self._due_ms:
            self._due_ms[ticket.address] -= INTERVAL_MS

    def _due(self, address: str, now_ms: int) -> int:
        earliest = now_ms - (FREE_TRIES - 1) * INTERVAL_MS
        return min(max(self._due_ms.get(address, earliest), earliest), now_ms + INTERVAL_MS)

    def _spend(self, address: str, now_ms: int) -> None:
        due = self._due(address, now_ms) + INTERVAL_MS
        self._due_ms.pop(address, None)
        self._due_ms[address] = due
        if len(self._due_ms) > REMEMBERED:
            self._due_ms.popitem(last=False)
