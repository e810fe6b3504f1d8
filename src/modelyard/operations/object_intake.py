"""What comes of an upload on its way into the store: counted, hashed, and held to what it may be."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Self

from modelyard.domain.errors import DomainError, Invalid, TooBusy, Violation
from modelyard.domain.objects import Digest
from modelyard.operations.object_usage import Usage

QUOTA = "0118"
HASHES = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}
HASHED_AT_ONCE_BYTES = 64 * 1024
"""More is hashed in a thread."""


class ObjectTooLarge(DomainError):
    """One object may not have so many bytes."""


class WrongDigest(Invalid):
    """What arrived is not what was sent."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """`object_bytes`: of one object; `total_bytes`: of all of the project, which has `used_bytes`; `spare_bytes`:
    what the disk has to spare now."""

    object_bytes: int
    total_bytes: int
    used_bytes: int
    spare_bytes: Callable[[], int]

    def hold(self, size: int, others: int) -> None:
        """Raises ObjectTooLarge, Invalid, TooBusy. `others`: what else of the project is on its way."""
        if size > self.object_bytes:
            raise ObjectTooLarge(f"the object is larger than {self.object_bytes} bytes (quota object_max_bytes)")
        left = self.total_bytes - self.used_bytes - others
        if size > left:
            text = (
                f"the object has {size} bytes or more, and {max(left, 0)} are left: the project's buckets may "
                f"hold {self.total_bytes} (quota objects_max_bytes)"
            )
            raise Invalid(Violation("", text, QUOTA))
        if size > self.spare_bytes():
            raise TooBusy("The server's disk is full. Send it again when there is room.")


class Intake(AbstractContextManager["Intake"]):
    """Of one object. `digest`: what it must come to. While the context lasts, its bytes count as the project's."""

    def __init__(self, allowance: Allowance, usage: Usage, project_id: str, digest: Digest | None = None) -> None:
        self._allowance = allowance
        self._usage = usage
        self._project_id = project_id
        self._wanted = digest
        self._hashes = {name: HASHES[name]() for name in {"sha-256", *([digest.algorithm] if digest else ())}}
        self._size = 0
        self._held = 0
        self.broken: Exception | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._usage.arrives(self._project_id, -self._held)
        self._held = 0

    @property
    def digest(self) -> Digest:
        """The sha-256 of what came."""
        return Digest("sha-256", self._hashes["sha-256"].digest())

    def announce(self, size: int | None) -> None:
        """It will have so many bytes. Raises as `Allowance.hold`."""
        self._hold(size or 0)

    async def pieces(self, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """What comes, as it comes; what is wrong with it is raised, and in `broken`."""
        try:
            async for piece in content:
                self._size += len(piece)
                self._hold(self._size)
                if self._allowance.spare_bytes() < 0:
                    raise TooBusy("The server's disk is full. Send it again when there is room.")
                await self._hash(piece)
                yield piece
            if self._wanted and self._hashes[self._wanted.algorithm].digest() != self._wanted.value:
                name = self._wanted.algorithm
                text = f"what arrived has another {name} than was said: nothing of it was stored"
                raise WrongDigest(Violation("digest", text))
        except Exception as error:
            self.broken = error
            raise

    def _hold(self, size: int) -> None:
        if size > self._held:
            self._allowance.hold(size, self._usage.arriving(self._project_id) - self._held)
            self._usage.arrives(self._project_id, size - self._held)
            self._held = size

    async def _hash(self, piece: bytes) -> None:
        if len(piece) <= HASHED_AT_ONCE_BYTES:
            self._update(piece)
        else:
            await asyncio.to_thread(self._update, piece)

    def _update(self, piece: bytes) -> None:
        for one in self._hashes.values():
            one.update(piece)
