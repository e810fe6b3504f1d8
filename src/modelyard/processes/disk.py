"""What a process has written, and a reserve for the day on which the disk is full.

What counts is the room that its files take on the disk, at least `LEAST_BYTES` each: that is a file system's usual
share of an inode, so a million empty files do not get around the bound. Files that were
removed and are still open or mapped count too, as far as /proc shows them: not those in a message that nobody has
received. The tree may be of any depth and change while it is looked at; no link is followed, no file opened, and a
look ends as soon as `enough` is reached.
"""

import contextlib
import os
import stat
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelyard import trees

LEAST_BYTES = 16 * 1024
NEAR_BYTES = 2048
"""The longest path below an open directory that is used; deeper ones begin at another open directory."""
MOST_OPEN = 256
REMOVED = " (deleted)"
MIB = 1024 * 1024


def size(count: int) -> str:
    return f"{count / 1024**3:.1f} GiB" if count >= 1024**3 else f"{count / MIB:.0f} MiB"


class UncountableError(Exception):
    """Counting this tree would cost more than any instance may."""


@dataclass(frozen=True, slots=True)
class Space:
    """Of a file system: bytes that are free for everybody, bytes in all, the share of inodes that is free."""

    free: int
    size: int
    inodes: float = 1.0


def space(path: Path) -> Space:
    status = os.statvfs(path)
    inodes = status.f_favail / status.f_files if status.f_files else 1.0
    return Space(status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize, inodes)


def used(work: Path, pids: Collection[int], enough: int) -> int:
    """Bytes in `work` and in removed files of its file system that `pids` hold; stops counting at `enough`. Raises
    UncountableError."""
    total = 0
    seen: set[int] = set()
    device = 0
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        device = work.lstat().st_dev
    for status in _removed(pids):
        if status.st_dev == device and status.st_ino not in seen:
            seen.add(status.st_ino)
            total += _counted(status)
    for status in _below(work):
        if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
            if status.st_ino in seen:
                continue
            seen.add(status.st_ino)
        total += _counted(status)
        if total >= enough:
            break
    return total


def _counted(status: os.stat_result) -> int:
    return max(status.st_blocks * 512, LEAST_BYTES)


def _removed(pids: Collection[int]) -> Iterator[os.stat_result]:
    """The files without a name that these have open or mapped."""
    for pid in pids:
        for place in (f"/proc/{pid}/fd", f"/proc/{pid}/map_files"):
            try:
                names = os.listdir(place)  # noqa: PTH208
            except OSError:  # it ended, or is not ours to ask
                continue
            for name in names:
                with contextlib.suppress(OSError):
                    if os.readlink(f"{place}/{name}").endswith(REMOVED):  # noqa: PTH115
                        status = os.stat(f"{place}/{name}")  # noqa: PTH116
                        if stat.S_ISREG(status.st_mode):
                            yield status


def _below(root: Path) -> Iterator[os.stat_result]:
    """Everything below `root`, in no order. A path is walked from the nearest of a few open directories: all of it
    may be longer than the kernel takes."""
    try:
        first = _Anchor(os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC))
    except OSError:
        return
    first.waiting = 1
    waiting = [(first, ".")]
    anchors = {first}
    try:
        while waiting:
            anchor, path = waiting.pop()
            try:
                here = os.open(
                    path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=anchor.descriptor
                )
            except OSError:  # it is gone meanwhile
                _leave(anchor, anchors)
                continue
            below = anchor
            if len(os.fsencode(path)) > NEAR_BYTES:
                if len(anchors) >= MOST_OPEN:
                    os.close(here)
                    raise UncountableError("its directories are nested too deep to be counted")
                below = _Anchor(os.dup(here))
                anchors.add(below)
                path = "."
            try:
                with os.scandir(here) as entries:
                    for entry in entries:
                        with contextlib.suppress(FileNotFoundError):
                            status = entry.stat(follow_symlinks=False)
                            if stat.S_ISDIR(status.st_mode):
                                below.waiting += 1
                                waiting.append((below, f"{path}/{entry.name}"))
                            yield status
            except OSError:
                pass  # as above
            finally:
                os.close(here)
            if below is not anchor and not below.waiting:
                _close(below, anchors)
            _leave(anchor, anchors)
    finally:
        while anchors:
            os.close(anchors.pop().descriptor)


class _Anchor:
    """An open directory, and how many paths from it are still to be walked."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.waiting = 0


def _leave(anchor: _Anchor, anchors: set[_Anchor]) -> None:
    anchor.waiting -= 1
    if anchor.waiting <= 0:
        _close(anchor, anchors)


def _close(anchor: _Anchor, anchors: set[_Anchor]) -> None:
    if anchor in anchors:
        anchors.discard(anchor)
        os.close(anchor.descriptor)


class Reserve:
    """A file of `size` bytes without content: it is removed when the disk is full, so that what must work then
    does.

    size 0: none is kept.
    """

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def low(self, room: Space) -> bool:
        """Whether so little is free that what must work may soon fail."""
        return room.free < self._size // 4 or room.inodes < 0.001

    def kept(self) -> bool:
        if self._size == 0:
            return True
        with contextlib.suppress(OSError):
            status = self._path.lstat()
            return stat.S_ISREG(status.st_mode) and status.st_blocks * 512 >= self._size
        return False

    def keep(self, room: Space) -> bool:
        """Make it, if as much again stays free; whether it is there."""
        if self.kept():
            return True
        if room.free < 2 * self._size:
            return False
        trees.make_way(self._path)
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, self._size)
            finally:
                os.close(descriptor)
        except OSError:
            self.release()
            return False
        return True

    def release(self) -> bool:
        """Give it up; whether there was something to give."""
        try:
            status = self._path.lstat()
            if not stat.S_ISREG(status.st_mode):
                return False
            held = status.st_blocks > 0
            os.truncate(self._path, 0)
            self._path.unlink()
        except OSError:
            return False
        return held
