"""The object store port: where packages, inputs and outputs live.

Contract:

- `list` yields every object below a path, in the order of the keys (by code points), with keys relative to it,
  from behind the key `after` on. It never holds all of them. A path with nothing below it yields nothing. A path
  that is itself an object is not below itself. What is written or deleted meanwhile may be missed or seen.
- `head` tells of one object; its `key` is "".
- `read` yields the content in pieces, `length` bytes of it (None: all) from byte `offset` on; fewer at the end of
  the object, none behind it. What it read first is of the same object as what it reads last, and of that `version`
  if one is given: otherwise it raises ObjectChangedError.
- `write` makes an object, or another in its place. It is there, whole and to stay, when it returns; before that,
  and when it raises, there is nothing of it. `create`: only where no object is, of several writers one
  (ObjectExistsError for the others).
- `delete` removes an object; one that is not there is removed already.
- `obstacle` says why no object can be below a path: a store of directories has an object where it needs a folder.
  "": nothing is known to be in the way.
- `sign` answers a URL with which whoever has it may do `method` ("GET", "PUT") for so many seconds; None: this
  store has no such thing. It is a secret.
- None of them leaves the bucket: whatever a key or a link says, no byte outside of it is read or written.
- An error's message is for people, and holds no secret.
"""

from collections.abc import AsyncGenerator, AsyncIterable
from dataclasses import dataclass
from typing import Literal, Protocol

from modelyard.objects.paths import ObjectPath, Presigned

Place = ObjectPath | Presigned
Content = bytes | AsyncIterable[bytes]
Method = Literal["GET", "PUT"]


class ObjectStoreError(Exception):
    """Base of what an object store raises."""


class ObjectNotFoundError(ObjectStoreError):
    """There is no such object."""


class ObjectRefusedError(ObjectStoreError):
    """It cannot be had or written, now or later: it would leave the bucket, or the store does not let us."""


class ObjectChangedError(ObjectStoreError):
    """The object is not the one any more that was meant, or changed while it was read."""


class ObjectExistsError(ObjectStoreError):
    """An object is there already."""


class ObjectStoreUnavailableError(ObjectStoreError):
    """The store cannot be asked now; nothing follows about its objects. Try again."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """One object: its key relative to the path that was listed, its size in bytes, and a word that changes with
    its content ("": the store has none)."""

    key: str
    size: int
    version: str = ""


class ObjectStore(Protocol):
    """See the module's contract."""

    def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]: ...

    async def head(self, path: ObjectPath) -> ObjectInfo: ...

    def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]: ...

    async def write(self, path: ObjectPath, content: Content, *, create: bool = False) -> ObjectInfo: ...

    async def delete(self, path: ObjectPath) -> None: ...

    async def obstacle(self, path: ObjectPath) -> str: ...

    async def sign(self, path: ObjectPath, method: Method, expires_s: int) -> str | None: ...


class Objects(ObjectStore, Protocol):
    """The store that has every bucket, wherever each is; it also reads what somebody presigned."""

    async def locate(self, text: str) -> Place:
        """Where a file is that a manifest names (`paths.located`). Raises MalformedPathError,
        ObjectStoreUnavailableError."""

    async def head(self, path: Place) -> ObjectInfo: ...

    def read(
        self, path: Place, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]: ...
