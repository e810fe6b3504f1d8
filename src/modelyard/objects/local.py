"""An object store in a directory: one directory per bucket below it, files are objects (obstore's LocalStore).

obstore follows symbolic links wherever they lead; this adapter refuses those that lead out of their bucket.
"""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from modelyard.objects.base import (
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.paths import ObjectPath

if TYPE_CHECKING:
    from obstore import ObjectMeta


class LocalObjects:
    """Objects below `root`, which is made if it is not there."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root.resolve()
        self._store = LocalStore(self._root)

    async def list(self, path: ObjectPath) -> Sequence[ObjectInfo]:
        base = self._inside(path)
        if not base.is_dir():
            return ()
        prefix = f"{path.bucket}/{path.key}".rstrip("/") + "/"
        found: list[ObjectMeta] = []
        try:
            async for chunk in self._store.list(prefix):
                found.extend(chunk)
        except (OSError, BaseError) as error:
            raise ObjectStoreUnavailableError(f"{path} cannot be listed: {error}") from error
        objects = [
            ObjectInfo(meta["path"].removeprefix(prefix), meta["size"], meta["e_tag"] or "") for meta in found
        ]
        for info in objects:
            self._inside(path / info.key)
        return tuple(sorted(objects, key=lambda info: info.key))

    async def read(self, path: ObjectPath, *, offset: int = 0) -> AsyncIterator[bytes]:
        self._inside(path)
        try:
            result = await self._store.get_async(
                f"{path.bucket}/{path.key}", options={"range": {"offset": offset}} if offset else None
            )
            async for piece in result.stream():
                yield bytes(piece)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(f"{path} does not exist") from error
        except (OSError, BaseError) as error:
            raise ObjectStoreUnavailableError(f"{path} cannot be read: {error}") from error

    def _inside(self, path: ObjectPath) -> Path:
        """Where `path` leads on disk; ObjectRefusedError when that is outside of the bucket."""
        try:
            resolved = (self._root / path.bucket / path.key).resolve()
        except (OSError, RuntimeError) as error:
            raise ObjectRefusedError(f"{path} leads nowhere: {error}") from error
        if not resolved.is_relative_to(self._root / path.bucket):
            raise ObjectRefusedError(f"{path} leads out of its bucket through a symbolic link")
        return resolved
