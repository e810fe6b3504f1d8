"""The object store port: where packages, inputs and outputs live.

Contract:

- `list` answers every object below a path, in the order of the keys, with keys relative to it; a path
  with nothing below it answers (). A path that is itself an object is not below itself.
- `read` yields the content in pieces, from byte `offset` on; what it read first is of the same object as what it
  reads last.
- Neither leaves the bucket: whatever a key or a link says, no byte outside of it is read.
- Raises ObjectNotFoundError, ObjectRefusedError (a link out of the bucket), ObjectStoreUnavailableError.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelyard.objects.paths import ObjectPath


class ObjectStoreError(Exception):
    """Base of what an object store raises."""


class ObjectNotFoundError(ObjectStoreError):
    """There is no such object."""


class ObjectRefusedError(ObjectStoreError):
    """The object is there, but reading it would leave the store."""


class ObjectStoreUnavailableError(ObjectStoreError):
    """The store cannot be asked now; nothing follows about its objects."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object: its key relative to the path that was listed, its size in bytes, and a word that changes with
    its content ("": the store has none)."""

    key: str
    size: int
    version: str = ""


class ObjectStore(Protocol):
    """See the module's contract."""

    async def list(self, path: ObjectPath) -> Sequence[ObjectInfo]: ...

    def read(self, path: ObjectPath, *, offset: int = 0) -> AsyncIterator[bytes]: ...
