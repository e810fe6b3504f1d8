"""Passwords: Argon2id with OWASP's parameters (19 MiB, 2 passes, 1 lane), about 20 ms of one core.

One verification at a time, in a thread: a burst of logins must not take the cores that carry requests, nor more
memory than one needs. So a queue forms, which has an end: whoever would be the 201st to wait, 4 s, is sent away.
An unknown user costs the same time as a wrong password.
"""

import asyncio
import secrets

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from modelyard.domain.errors import TooBusy

MOST_WAITING = 200
_MAX_BYTES = 4096


class Passwords:
    """Hashes and verifies."""

    def __init__(self, *, memory_kib: int = 19 * 1024, passes: int = 2) -> None:
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """An Argon2 string for `User.password_hash`."""
        async with self._turn:
            return await asyncio.to_thread(self._hasher.hash, password)

    async def matches(self, password_hash: str | None, password: str) -> bool:
        """Whether it is the password; None (no such user) takes as long and is never right. Raises
        TooBusy when too many wait."""
        if self._waiting >= MOST_WAITING:
            raise TooBusy("Too many logins at a time. Try again in some seconds.")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(self._matches, password_hash, password)
        finally:
            self._waiting -= 1

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
