"""The files of a data directory on their way into a backup, whatever else is done with them meanwhile."""

import hashlib
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from heapq import merge
from pathlib import Path

from modelyard import trees
from modelyard.backup.archive import PIECE, Writer
from modelyard.backup.layout import BackupError, Entry
from modelyard.objects import tree
from modelyard.objects.local import WRITING
from modelyard.objects.paths import BUCKET

IN_MEMORY = 4 << 20
"""What is not longer is read before it is written, and again when it changed under our eyes."""
TRIES = 5
PAUSE_S = 0.2


class RestlessError(BackupError):
    """A file changed while it was read. `begun`: a part of it is written already."""

    def __init__(self, path: Path, *, begun: bool) -> None:
        super().__init__(f"{path} changed while it was read, which nothing of ours does: leave it alone for now")
        self.begun = begun


@dataclass(frozen=True, slots=True)
class Object:
    """`path`: where it can be read."""

    bucket: str
    key: str
    path: Path

    @property
    def name(self) -> str:
        return f"objects/{self.bucket}/{self.key}"


def add_file(
    writer: Writer,
    name: str,
    path: Path,
    *,
    follow: bool = False,
    versioned: bool = False,
    seen: Callable[[bytes], None] = lambda _piece: None,
) -> bool:
    """Append it; False: it is not there (any more), or no file. `seen` is told what is in it. Raises OSError,
    RestlessError."""
    for _ in range(TRIES):
        descriptor = _opened(path, follow=follow)
        if descriptor is None:
            return False
        try:
            info = os.fstat(descriptor)
            version = tree.version(info) if versioned else ""
            if info.st_size > IN_MEMORY:
                pieces = _pieces(descriptor, info.st_size, path, seen)
                writer.add(name, info.st_size, pieces, time_ns=info.st_mtime_ns, version=version)
                return True
            content = _all(descriptor, info.st_size + 1)
            if len(content) == info.st_size and _same(info, os.fstat(descriptor)):
                seen(content)
                writer.add(name, len(content), iter((content,)), time_ns=info.st_mtime_ns, version=version)
                return True
        finally:
            os.close(descriptor)
    raise RestlessError(path, begun=False)


def add_restless(writer: Writer, name: str, path: Path, room: Path) -> bool:
    """Append an object that changed while it was read: a copy in `room` of a moment in which it did not. False:
    there is none. Raises OSError."""
    for number in range(TRIES):
        time.sleep(PAUSE_S if number else 0)
        descriptor = _opened(path, follow=True)
        if descriptor is None:
            return True
        try:
            info = os.fstat(descriptor)
            with tempfile.TemporaryFile(dir=room) as copy:
                while copy.tell() <= info.st_size and (piece := os.read(descriptor, PIECE)):
                    copy.write(piece)
                if copy.tell() != info.st_size or not _same(info, os.fstat(descriptor)):
                    continue
                copy.seek(0)
                pieces = iter(partial(copy.read, PIECE), b"")
                writer.add(name, info.st_size, pieces, time_ns=info.st_mtime_ns, version=tree.version(info))
                return True
        finally:
            os.close(descriptor)
    return False


def forbidden(name: str, error: PermissionError) -> str:
    return f"{printable(name)}: it cannot be read: {(error.strerror or 'permission denied').lower()}"


def listed(name: str, path: Path) -> Entry | None:
    """What would be said of it in the manifest; None: it is not there any more."""
    descriptor = _opened(path, follow=True)
    if descriptor is None:
        return None
    try:
        info, digest, size = os.fstat(descriptor), hashlib.sha256(), 0
        while piece := os.read(descriptor, PIECE):
            digest.update(piece)
            size += len(piece)
        return Entry(name, size, digest.hexdigest(), info.st_mtime_ns, tree.version(info))
    finally:
        os.close(descriptor)


def objects(root: Path, pins: Callable[[str], Mapping[str, Path]], odd: Callable[[str], None]) -> Iterator[Object]:
    """Every object of the store in `root`, by bucket and key; of those that are pinned the pinned file. `odd` is
    told what lies there and is no object."""
    buckets = [path for path in root.iterdir() if not path.name.startswith(".")] if root.is_dir() else []
    for bucket in sorted(buckets, key=lambda path: f"{path.name}/"):
        if not BUCKET.fullmatch(bucket.name) or bucket.is_symlink() or not bucket.is_dir():
            odd(f"{printable(f'objects/{bucket.name}')}: it is no bucket")
            continue
        kept = pins(bucket.name)
        last = ""
        for key in merge(sorted(kept), _keys(bucket.resolve(), odd)):
            if key != last:
                last = key
                yield Object(bucket.name, key, kept.get(key) or bucket / key)


def tree_names(root: Path) -> list[tuple[str, bool]]:
    """(name, whether it is a directory) of the files and the empty directories in `root`, sorted by name."""
    found = list(trees.walk(root))
    full = {entry.name.rpartition("/")[0] for entry in found}
    kept = [e for e in found if e.is_file or (e.is_directory and e.name not in full)]
    return sorted((entry.name, entry.is_directory) for entry in kept)


def _keys(bucket: Path, odd: Callable[[str], None]) -> Iterator[str]:
    def refused(error: tree.RefusedFileError) -> None:
        odd(f"{printable(f'objects/{bucket.name}/{error.name}')}: it {error.text}")

    try:
        for found in tree.files(bucket, bucket, hidden=WRITING, odd=refused):
            yield found.name
    except FileNotFoundError:  # the bucket went
        return


def is_text(name: str) -> bool:
    return name == name.encode(errors="surrogateescape").decode(errors="replace")


def printable(name: str) -> str:
    """For people: in whatever bytes it is spelled."""
    text = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
    return text if text.isprintable() else repr(text)


def _opened(path: Path, *, follow: bool) -> int | None:
    """Of a regular file. Raises OSError."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
    try:
        if not stat.S_ISREG((path.stat() if follow else path.lstat()).st_mode):
            return None
        descriptor = os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    return descriptor


def _pieces(descriptor: int, size: int, path: Path, seen: Callable[[bytes], None]) -> Iterator[bytes]:
    before = os.fstat(descriptor)
    while size and (piece := os.read(descriptor, min(PIECE, size))):
        size -= len(piece)
        seen(piece)
        yield piece
    if size or not _same(before, os.fstat(descriptor)):
        raise RestlessError(path, begun=True)


def _all(descriptor: int, most: int) -> bytes:
    taken = bytearray()
    while len(taken) < most and (piece := os.read(descriptor, most - len(taken))):
        taken += piece
    return bytes(taken)


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)
