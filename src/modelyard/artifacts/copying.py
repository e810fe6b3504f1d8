"""Copies a model's package from the object store onto the server's disk, within bounds.

A store that goes away in the middle is asked again for the rest, as long as the object is still the same; so it is
when whoever copied went away (`artifacts.remainder`). What can never be copied is refused in words for the
package's author; everything else is worth another try.
"""

import asyncio
import errno
import shutil
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path, PurePosixPath

from modelyard.artifacts.judgement import MAX_FILES, too_large
from modelyard.artifacts.remainder import Remainder
from modelyard.core.packages import contents
from modelyard.objects.base import (
    ObjectChangedError,
    ObjectInfo,
    ObjectStore,
    ObjectStoreError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path
from modelyard.objects.tree import PERMANENT

TRIES = 3
"""How often one file is asked for in a row, each time from where it broke off."""


class RefusedPackageError(Exception):
    """This package can never be published; the message says why, for its author."""


class Copying:
    """Copies out of `objects`. `spare_bytes` of the disk are left to others."""

    def __init__(self, objects: ObjectStore, spare_bytes: int = 0) -> None:
        self._objects = objects
        self._spare_bytes = spare_bytes

    async def copy(self, location: str, model_type: str, target: Path) -> None:
        """All below `location`/model into `target`, and nothing else; beside it must be room. What an earlier try
        left there is gone on with. Raises RefusedPackageError, ObjectStoreUnavailableError, OSError."""
        try:
            source = object_path(location) / "model"
            objects = await self._listed(source)
            if large := [*too_large({info.key: info.size for info in objects})]:
                raise RefusedPackageError("; ".join(finding.said for finding in large))
            if not objects:
                raise RefusedPackageError(
                    "; ".join(
                        f"{v.field}: {v.text}: {source} is empty or not there (ModelArts.{v.code})"
                        for v in contents.layout((), model_type)
                    )
                )
            _inside(objects)
            left = await asyncio.to_thread(_left, target, objects)
            try:
                self._need(sum(info.size - left.has(info) for info in objects), target.parent)
                for info in objects:
                    await self._fetch(source, info, target, left)
            finally:
                left.close()
        except (MalformedPathError, ObjectStoreError) as error:
            if isinstance(error, ObjectStoreUnavailableError):
                raise
            raise RefusedPackageError(f"source_location: {error}") from error

    async def _listed(self, source: ObjectPath) -> list[ObjectInfo]:
        objects: list[ObjectInfo] = []
        async with aclosing(self._objects.list(source)) as found:
            async for info in found:
                objects.append(info)
                if len(objects) > MAX_FILES:
                    raise RefusedPackageError(f"source_location: {source} has more than {MAX_FILES} files")
        return objects

    def _need(self, size: int, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(parent).free
        if size > free - self._spare_bytes:
            raise OSError(errno.ENOSPC, f"the package has {size} bytes, the server has {free} left")

    async def _fetch(self, source: ObjectPath, info: ObjectInfo, target: Path, left: Remainder) -> None:
        path = target / info.key
        there = left.has(info)
        if there == info.size and info.size:
            return
        if not there:
            left.begin(info)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            opened = path.open("ab" if there else "wb")
        except OSError as error:
            if error.errno not in PERMANENT and error.errno != errno.EEXIST:
                raise
            raise RefusedPackageError(f"{info.key!r} cannot be stored here: {error.strerror}") from error
        with opened as file:
            for tries_left in reversed(range(TRIES)):
                begun = file.tell()
                try:
                    async for piece in self._objects.read(source / info.key, offset=begun, version=info.version):
                        self._need(len(piece), path.parent)  # others are copied at the same time
                        await asyncio.to_thread(file.write, piece)
                    return
                except ObjectChangedError as error:
                    raise ObjectStoreUnavailableError(str(error)) from error  # what is there now is another try
                except ObjectStoreUnavailableError:
                    if not tries_left or not info.version:
                        raise


def _inside(objects: Sequence[ObjectInfo]) -> None:
    for info in objects:
        relative = PurePosixPath(info.key)
        if relative.is_absolute() or ".." in relative.parts:
            raise RefusedPackageError(f"source_location: {info.key!r} leads out of the package")


def _left(target: Path, objects: Sequence[ObjectInfo]) -> Remainder:
    """What an earlier try left. Its config.json may have been replaced by the effective one."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    left = Remainder(target)
    left.clear(info for info in objects if info.key != contents.CONFIG)
    return left
