"""An object store in a directory: one directory per bucket below it, files are objects.

    ROOT/BUCKET/KEY                        an object
    ROOT/BUCKET/.modelyard-writing/…       what is being written; no key begins so
    …/.modelyard-writing/backup-TOKEN/…    objects that a backup has yet to read, while it is made

A file that is written lies in its bucket, so that it only has to be renamed, whatever is mounted there. What a
kill left of it is removed at the next start (`sweep`). A key cannot be an object and the beginning of another, as
it can in S3: the second one is refused.
"""

import asyncio
import errno
import os
import secrets
import stat
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path
from threading import RLock
from typing import TypeVar

from modelyard import trees
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
from modelyard.objects.paths import BUCKET, ObjectPath
from modelyard.objects.syncs import SharedSyncs

WRITING = ".modelyard-writing"
PINS = "backup-"
"""How the name of a directory in it begins that belongs to a backup."""
PIECE = 1 << 20
LISTED_TOGETHER = 1000
AT_ONCE = 16
"""Calls of the disk at a time: sixteen small files are synced as fast as one."""
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})

T = TypeVar("T")


class LocalObjects:
    """Objects below `root`, which is made if it is not there."""

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._root = root.resolve()
        self._threads = ThreadPoolExecutor(AT_ONCE, "objects")
        self._syncs = SharedSyncs()
        self._directories = RLock()  # whoever makes them for an object must not meet whoever removes empty ones

    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]:
        base = await self._do(path, "listed", lambda: self._base(path))
        if base is None:
            return
        bucket = self._root / path.bucket
        found = tree.files(base, bucket, after=after, hidden=WRITING)
        while page := await self._do(path, "listed", lambda: _page(found)):
            for file in page:
                yield ObjectInfo(file.name, file.size, file.version)

    async def head(self, path: ObjectPath) -> ObjectInfo:
        info = await self._do(path, "read", lambda: self._looked_at(path))
        return ObjectInfo("", info.st_size, tree.version(info))

    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        end = None if length is None else offset + length
        most = PIECE if end is None else min(PIECE, end - offset)
        file, now, first = await self._do(path, "read", lambda: self._begun(path, offset, most, version))
        if version and now != version:
            raise ObjectChangedError(f"{path} is another object by now")
        while end is None or offset < end:
            most = PIECE if end is None else min(PIECE, end - offset)
            if first is None:
                piece, then = await self._do(path, "read", lambda: file.piece(offset, most))  # noqa: B023
            else:
                (piece, then), first = first, None
            if then != now:
                raise ObjectChangedError(f"{path} changed while it was read")
            if not piece:
                return
            offset += len(piece)
            yield piece

    async def write(self, path: ObjectPath, content: Content, *, create: bool = False) -> ObjectInfo:
        if isinstance(content, bytes):
            return await self._do(path, "written", lambda: self._written(path, content, create=create))
        _, made = await self._do(path, "written", lambda: self._writable(path))
        fresh = self._root / path.bucket / WRITING / secrets.token_hex(12)
        try:
            file = await self._do(path, "written", lambda: _fresh(fresh))
            async for piece in content:
                await self._do(path, "written", lambda: file.fill(piece))  # noqa: B023
            info = await self._do(path, "written", file.synced)
            await self._do(path, "written", lambda: self._put(path, fresh, made, create=create))
        finally:
            fresh.unlink(missing_ok=True)
        return ObjectInfo("", info.st_size, tree.version(info))

    async def delete(self, path: ObjectPath) -> None:
        await self._do(path, "deleted", lambda: self._removed(path))

    async def obstacle(self, path: ObjectPath) -> str:
        return await self._do(path, "looked at", lambda: self._in_the_way(path))

    async def sign(self, path: ObjectPath, method: Method, expires_s: int) -> str | None:
        return None

    def sweep(self, *, pins: bool = True) -> None:
        """Remove what a kill left half written. Call it at start, before anything is written. `pins`: also what
        backups left; not while one is made."""
        for place in _places(self._root):
            kept = [] if pins else [each for each in _in(place) if each.name.startswith(PINS)]
            for path in (each for each in _in(place) if each not in kept) if kept else (place,):
                trees.remove(path)

    async def _do(self, path: ObjectPath, done: str, act: Callable[[], T]) -> T:
        """In a thread, to its end even if nobody waits for it any more: what comes next may undo it. `done`: what
        cannot be, in the words of its error."""
        acting = asyncio.get_running_loop().run_in_executor(self._threads, act)
        try:
            return await asyncio.shield(acting)
        except asyncio.CancelledError:
            await asyncio.wait([acting])
            raise
        except tree.RefusedFileError as error:
            raise ObjectRefusedError(f"{path}: {error}") from error
        except FileNotFoundError as error:
            raise ObjectNotFoundError(f"{path} does not exist") from error
        except FileExistsError as error:
            raise ObjectExistsError(f"{path} is there already") from error
        except PermissionError as error:
            raise ObjectRefusedError(f"{path} cannot be {done}: permission denied") from error
        except OSError as error:
            text = f"{path} cannot be {done}: {error.strerror or error}"
            if error.errno in tree.PERMANENT or error.errno == errno.EXDEV:
                raise ObjectRefusedError(text) from error
            raise ObjectStoreUnavailableError(text) from error

    def _base(self, path: ObjectPath) -> Path | None:
        """The directory that a path is, if it is one."""
        base = self._inside(path)
        if not self._root.is_dir():
            raise ObjectStoreUnavailableError(f"the object store {self._root} is not there")
        return base if base.is_dir() else None

    def _looked_at(self, path: ObjectPath) -> os.stat_result:
        try:
            info = self._inside(path).stat()
        except NotADirectoryError as error:
            raise FileNotFoundError from error
        if stat.S_ISDIR(info.st_mode):
            raise ObjectNotFoundError(f"{path} does not exist: there are only objects below it")
        if not stat.S_ISREG(info.st_mode):
            raise ObjectRefusedError(f"{path} is no file")
        return info

    def _begun(
        self, path: ObjectPath, offset: int, most: int, version: str
    ) -> "tuple[_File, str, tuple[bytes, str] | None]":
        """(an open file, its version, the first piece and its version); no piece of a version that is not
        wanted."""
        self._looked_at(path)
        file = _File(os.open(self._inside(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        now = tree.version(os.fstat(file.descriptor))
        wanted = most > 0 and version in {"", now}
        return file, now, file.piece(offset, most) if wanted else None

    def _written(self, path: ObjectPath, content: bytes, *, create: bool) -> ObjectInfo:
        """All of `write` at once, for what is small: handing its steps to threads would cost more than they do."""
        fresh = self._root / path.bucket / WRITING / secrets.token_hex(12)
        place = None if create else self._known(path)
        made = self._writable(path)[1] if place is None else ()
        try:
            file = _fresh(fresh)
            file.fill(content)
            info = file.synced()
            if place is None or not self._replaced(fresh, place):
                self._put(path, fresh, made, create=create)
        finally:
            fresh.unlink(missing_ok=True)  # as put in its place it has another name
        return ObjectInfo("", info.st_size, tree.version(info))

    def _in_the_way(self, path: ObjectPath) -> str:
        step = path
        while step.key:
            place = self._inside(step)
            if os.path.lexists(place) and not place.is_dir():
                return f"{step} is an object itself, so there can be none below it"
            step = step.above
        return ""

    def _writable(self, path: ObjectPath) -> tuple[Path, Sequence[Path]]:
        """Where an object is to be; the directories on its way are there, and none in its place. And those of the
        directories that are new."""
        if not BUCKET.fullmatch(path.bucket):
            raise ObjectRefusedError(f"{path.bucket!r} cannot name a bucket")
        if not path.key:
            raise ObjectRefusedError(f"{path} names a bucket, not an object in it")
        tree.named(path.key)
        if not self._root.is_dir():
            raise ObjectStoreUnavailableError(f"the object store {self._root} is not there")
        above = self._inside(path.above)
        place = above / path.name
        if place == self._root / path.bucket / WRITING:
            raise ObjectRefusedError(f"{path}: no key begins with {WRITING}")
        steps = [
            step for step in (*reversed(above.parents), above) if step.is_relative_to(self._root / path.bucket)
        ]
        with self._directories:
            made = [step for step in steps if _made(step, path)]
            if place.is_dir() and not place.is_symlink():
                try:
                    place.rmdir()
                except OSError as error:
                    raise ObjectRefusedError(f"{path} cannot be written: there are objects below it") from error
        return place, made

    def _known(self, path: ObjectPath) -> Path | None:
        """Where an object is to be that has been there before, or another in its directory; None: who knows."""
        if not (path.key and BUCKET.fullmatch(path.bucket)):
            return None
        tree.named(path.key)
        above = self._inside(path.above)
        return above / path.name if path.above.key and above.is_dir() else None

    def _replaced(self, fresh: Path, place: Path) -> bool:
        """Whether it could be named at once. Otherwise its directory is gone, or something is in its way."""
        try:
            fresh.replace(place)
        except OSError:
            return False
        with suppress(FileNotFoundError):  # it went since, and the object with it
            self._syncs.sync(place.parent)
        return True

    def _put(self, path: ObjectPath, fresh: Path, made: Sequence[Path], *, create: bool) -> None:
        with self._directories:
            place, also_made = self._writable(path)
            _name(fresh, place, create=create)
        for directory in {place.parent, *(each.parent for each in (*made, *also_made))}:
            with suppress(FileNotFoundError):  # one that was made before, and went
                self._syncs.sync(directory)

    def _removed(self, path: ObjectPath) -> None:
        above = self._inside(path.above)
        place = above / path.name
        try:
            if not path.key or (place.is_dir() and not place.is_symlink()):
                return  # no object
            place.unlink()
            self._syncs.sync(above)
        except (FileNotFoundError, NotADirectoryError):
            return
        bucket = self._root / path.bucket
        with self._directories:
            while above != bucket:
                try:
                    above.rmdir()
                except OSError:
                    return  # something is in it
                above = above.parent

    def _inside(self, path: ObjectPath) -> Path:
        """Where `path` leads on disk; ObjectRefusedError when that is outside of the bucket."""
        bucket = self._root / path.bucket
        try:
            resolved = (bucket / path.key).resolve()
        except (OSError, RuntimeError, ValueError) as error:
            raise ObjectRefusedError(f"{path} leads nowhere: {error}") from error
        if not resolved.is_relative_to(bucket):
            raise ObjectRefusedError(f"{path} leads out of its bucket through a symbolic link")
        if resolved.is_relative_to(bucket / WRITING):
            raise ObjectRefusedError(f"{path}: no key begins with {WRITING}")
        return resolved


def sweep_pins(root: Path) -> None:
    """Remove what backups left that were killed, from the store in `root`. Not while one is made."""
    for place in _places(root):
        for path in _in(place):
            if path.name.startswith(PINS):
                trees.remove(path)


def _places(root: Path) -> list[Path]:
    """Where buckets have what is being written. Raises OSError."""
    with os.scandir(root) as buckets:
        return [root / one.name / WRITING for one in buckets if one.is_dir(follow_symlinks=False)]


def _in(place: Path) -> list[Path]:
    """What is in a directory; nothing in what is none."""
    try:
        return [] if place.is_symlink() else list(place.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _made(directory: Path, path: ObjectPath) -> bool:
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        if not directory.is_dir():
            raise ObjectRefusedError(f"{path} cannot be written: {directory.name} is an object itself") from None
        return False
    return True


def _name(fresh: Path, place: Path, *, create: bool) -> None:
    if not create:
        fresh.replace(place)
        return
    try:
        os.link(fresh, place)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(place):
            raise FileExistsError from error
        fresh.replace(place)


def _page(found: Iterator[tree.File]) -> list[tree.File]:
    try:
        return [*islice(found, LISTED_TOGETHER)]
    except FileNotFoundError:  # the directory went meanwhile
        return []


class _File:
    """An open file, closed when nobody has it any more: a thread may still be at it when its reader has gone."""

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __del__(self) -> None:
        os.close(self.descriptor)

    def fill(self, content: bytes) -> None:
        left = memoryview(content)
        while left:
            left = left[os.write(self.descriptor, left) :]

    def synced(self) -> os.stat_result:
        os.fsync(self.descriptor)
        return os.fstat(self.descriptor)

    def piece(self, offset: int, most: int) -> tuple[bytes, str]:
        """What is there, and the version that it is of."""
        piece = os.pread(self.descriptor, most, offset)
        return piece, tree.version(os.fstat(self.descriptor))


def _fresh(path: Path) -> _File:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    return _File(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
