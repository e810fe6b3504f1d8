"""An object store in a directory: one directory per bucket below it, files are objects (obstore's LocalStore).

obstore follows symbolic links wherever they lead, and gives up on a name that it does not like; this adapter lists
by itself (`objects.tree`), and refuses by name what no package can hold.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from obstore.exceptions import BaseError, InvalidPathError, PermissionDeniedError
from obstore.store import LocalStore

from modelyard.objects.base import (
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.paths import ObjectPath
from modelyard.objects.tree import RefusedFileError, files


class LocalObjects:
    """Objects below `root`, which is made if it is not there."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root.resolve()
        self._store = LocalStore(self._root)

    async def list(self, path: ObjectPath) -> Sequence[ObjectInfo]:
        base = self._inside(path)
        if not self._root.is_dir():
            raise ObjectStoreUnavailableError(f"the object store {self._root} is not there")
        if not base.is_dir():
            return ()
        try:
            listed = await asyncio.to_thread(lambda: list(files(base, self._root / path.bucket)))
        except RefusedFileError as error:
            raise ObjectRefusedError(f"{path}: {error}") from error
        except OSError as error:
            raise ObjectStoreUnavailableError(f"{path} cannot be listed: {error}") from error
        objects = (ObjectInfo(file.name, file.size, file.version) for file in listed)
        return tuple(sorted(objects, key=lambda info: info.key))

    async def read(self, path: ObjectPath, *, offset: int = 0) -> AsyncIterator[bytes]:
        place = self._inside(path)
        if place.exists() and not place.is_file():
            raise ObjectRefusedError(f"{path} is no file")
        try:
            result = await self._store.get_async(
                f"{path.bucket}/{path.key}", options={"range": {"offset": offset}} if offset else None
            )
            async for piece in result.stream():
                yield bytes(piece)
        except FileNotFoundError as error:
            raise ObjectNotFoundError(f"{path} does not exist") from error
        except (PermissionError, PermissionDeniedError) as error:
            raise ObjectRefusedError(f"{path} cannot be read: permission denied") from error
        except InvalidPathError as error:
            raise ObjectRefusedError(f"{path} has a name that cannot be read: {error}") from error
        except (OSError, BaseError) as error:
            raise ObjectStoreUnavailableError(f"{path} cannot be read: {error}") from error

    def _inside(self, path: ObjectPath) -> Path:
        """Where `path` leads on disk; ObjectRefusedError when that is outside of the bucket."""
        try:
            resolved = (self._root / path.bucket / path.key).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise ObjectRefusedError(f"{path} leads nowhere: {error}") from error
        if not resolved.is_relative_to(self._root / path.bucket):
            raise ObjectRefusedError(f"{path} leads out of its bucket through a symbolic link")
        return resolved
