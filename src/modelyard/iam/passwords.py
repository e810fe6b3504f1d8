"""Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), about 20 ms of one core.

One verification at a time, in a thread: a burst of logins must not take the cores that carry requests, nor more
memory than one needs. So logins queue, in the order of `iam.turns`. The queue is bounded: when more than
200 wait, or after 5 s, somebody is turned away (TooBusy). An unknown user costs the same time as a wrong password.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from modelyard.domain.errors import TooBusy
from modelyard.iam.turns import Ticket, Turns

MOST_WAITING = 200
_MAX_BYTES = 4096
_BUSY = "Too many logins at a time. Try again in some seconds."


@dataclass(frozen=True, slots=True)
class Asker:
    """On whose behalf a password is verified: see `iam.turns`."""

    address: str = ""
    failures: int = 0
    known: bool = False


OURSELVES = Asker(known=True)


class Passwords:
    """Hashes and verifies."""

    def __init__(
        self, *, memory_kib: int = 19 * 1024, passes: int = 2, now_s: Callable[[], float] | None = None
    ) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._turns = Turns()
        self._granted: dict[Ticket, asyncio.Future[None]] = {}
        self._busy = False
        self._timer: asyncio.TimerHandle | None = None
        self._now_s = now_s
        self._nobody: str | None = None

    async def hash(self, password: str, asker: Asker = OURSELVES) -> str:
        """An Argon2 string for `User.password_hash`."""
        async with self._turn(asker):
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str, asker: Asker = OURSELVES) -> bool:
        """Whether it is the password. A hash of None (no such user) takes just as long and never matches. Raises
        TooBusy when too many wait."""
        async with self._turn(asker) as ticket:
            right = await asyncio.to_thread(self._matches, password_hash, password)
            if right:
                self._turns.proved(ticket)
            return right

    @asynccontextmanager
    async def _turn(self, asker: Asker) -> AsyncIterator[Ticket]:
        now_ms = self._now_ms()
        ticket = self._turns.enter(asker.address, now_ms, failures=asker.failures, known=asker.known)
        granted = self._granted[ticket] = asyncio.get_running_loop().create_future()
        if gone := self._turns.surplus(MOST_WAITING):
            self._refuse(gone)
        self._next()
        try:
            await granted
            yield ticket
        finally:
            self._turns.leave(ticket)
            self._granted.pop(ticket, None)
            if granted.done() and not granted.cancelled() and granted.exception() is None:
                self._busy = False
                self._next()

    def _next(self) -> None:
        """Let the next try begin, now or as soon as there is one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._busy:
            return
        pick = self._turns.pick(self._now_ms())
        for gone in pick.gone:
            self._refuse(gone)
        if pick.ticket is not None:
            granted = self._granted[pick.ticket]
            if granted.done():  # the waiting caller was cancelled just now
                self._next()
                return
            self._busy = True
            granted.set_result(None)
        elif pick.wait_ms is not None:
            self._timer = asyncio.get_running_loop().call_later(pick.wait_ms / 1000, self._next)

    def _refuse(self, ticket: Ticket) -> None:
        granted = self._granted.pop(ticket)
        if not granted.done():
            granted.set_exception(TooBusy(_BUSY))

    def _now_ms(self) -> int:
        return int(1000 * (self._now_s or asyncio.get_running_loop().time)())

    def _matches(self, password_hash: str | None, password: str) -> bool:
        if len(password.encode(errors="replace")) > _MAX_BYTES:
            return False
        if self._nobody is None:
            self._nobody = self._hasher.hash(secrets.token_hex(16))
        try:
            right = self._hasher.verify(password_hash or self._nobody, password)
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return False
        return right and password_hash is not None
