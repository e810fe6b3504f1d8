"""An object store that is a dictionary, for tests: it keeps the port's contract, and can be away.

objects.away = True                  every call raises ObjectStoreUnavailableError
objects.breaks = 3                   the next so many reads break off after their first byte
objects.content("bucket/key")        what is there now
"""

import hashlib
import itertools
from bisect import bisect_right
from collections.abc import AsyncGenerator

from modelyard.objects import tree
from modelyard.objects.base import (
    Content,
    Method,
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.paths import ObjectPath

PIECE = 64 * 1024


class MemoryObjects:
    """`away`, `breaks`: see the module."""

    def __init__(self) -> None:
        self.away = False
        self.breaks = 0
        self._objects: dict[ObjectPath, tuple[bytes, str]] = {}
        self._numbers = itertools.count(1)

    def content(self, name: str) -> bytes:
        """Of the object `BUCKET/KEY`. Raises KeyError."""
        bucket, _, key = name.partition("/")
        return self._objects[ObjectPath(bucket, key)][0]

    def keys(self, bucket: str) -> list[str]:
        return sorted(path.key for path in self._objects if path.bucket == bucket)

    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]:
        self._asked(path)
        prefix = f"{path.key}/" if path.key else ""
        keys = [key for key in self.keys(path.bucket) if key.startswith(prefix) and key != prefix]
        for key in keys[bisect_right(keys, prefix + after) :] if after else keys:
            if found := self._objects.get(ObjectPath(path.bucket, key)):
                yield ObjectInfo(key.removeprefix(prefix), len(found[0]), found[1])

    async def head(self, path: ObjectPath) -> ObjectInfo:
        content, version = self._found(path)
        return ObjectInfo("", len(content), version)

    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        content, now = self._found(path)
        if version and version != now:
            raise ObjectChangedError(f"{path} is another object by now")
        wanted = content[offset:] if length is None else content[offset : offset + length]
        if self.breaks > 0:
            self.breaks -= 1
            yield wanted[:1]
            raise ObjectStoreUnavailableError(f"{path} cannot be read: the connection broke")
        for begin in range(0, len(wanted), PIECE):
            yield wanted[begin : begin + PIECE]

    async def write(self, path: ObjectPath, content: Content, *, create: bool = False) -> ObjectInfo:
        self._asked(path)
        if not path.key:
            raise ObjectRefusedError(f"{path} names a bucket, not an object in it")
        try:
            tree.named(path.key)
        except tree.RefusedFileError as error:
            raise ObjectRefusedError(f"{path}: {error}") from error
        whole = content if isinstance(content, bytes) else b"".join([piece async for piece in content])
        self._asked(path)
        if create and path in self._objects:
            raise ObjectExistsError(f"{path} is there already")
        version = f"{next(self._numbers)}-{hashlib.sha256(whole).hexdigest()[:16]}"
        self._objects[path] = whole, version
        return ObjectInfo("", len(whole), version)

    async def delete(self, path: ObjectPath) -> None:
        self._asked(path)
        self._objects.pop(path, None)

    async def obstacle(self, path: ObjectPath) -> str:
        self._asked(path)
        return ""

    async def sign(self, path: ObjectPath, method: Method, expires_s: int) -> str | None:
        return None

    def _asked(self, path: ObjectPath) -> None:
        if self.away:
            raise ObjectStoreUnavailableError(f"{path} cannot be reached: the store is away")

    def _found(self, path: ObjectPath) -> tuple[bytes, str]:
        self._asked(path)
        try:
            return self._objects[path]
        except KeyError:
            raise ObjectNotFoundError(f"{path} does not exist") from None
