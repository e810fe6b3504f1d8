"""Directory trees of any depth, length and kind: walked and removed.

A model leaves behind what it likes: thousands of nested directories, names that together are longer than any path
may be, pipes, sockets, links to everywhere, directories that nobody may enter, a million files. So a removal does
not recurse, holds no path that grows and follows no link; a handful of descriptors is open at a time. What is
mounted somewhere in a tree is neither entered nor removed.

`remove` flattens. A directory that is not empty is emptied of its files, and the directories in it that are not
empty are renamed to stand beside it, below the root, where their turn comes:

    root/a/b/c/f   →   root/a/b is renamed root/1, and root/a goes   →   root/1/c is root/2   →   root/2/f goes
"""

import contextlib
import errno
import fcntl
import logging
import os
import secrets
import stat
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

log = logging.getLogger(__name__)

ASIDE = ".gone-"
"""How the name of a tree begins that is being removed."""
LIMIT_S = 300.0
"""A removal gives up then: something may be growing what it removes."""
_ROUNDS = 3
_GET_FLAGS, _SET_FLAGS, _PINNED = 0x80086601, 0x40086602, 0x30  # FS_IOC_*FLAGS; immutable, append only


def remove(path: Path, *, limit_s: float = LIMIT_S) -> str:
    """Remove whatever is there; why something is left, "" when nothing is. Raises nothing.

    The name is free at once: what is removed was moved aside before (`ASIDE`), and what is left of it can be
    removed with `clear` another time.
    """
    aside = path
    if not path.name.startswith(ASIDE):
        aside = path.with_name(f"{ASIDE}{secrets.token_hex(6)}")
        try:
            try:
                path.rename(aside)
            except PermissionError:
                _free(os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC))
                path.rename(aside)
        except FileNotFoundError:
            return ""
        except OSError:
            aside = path  # a mount point, or a directory that takes no new name
    try:
        removal = _Removal(os.open(aside.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC), limit_s)
    except OSError as error:
        return f"{path}: {error.strerror}"
    with removal:
        why = removal.remove(aside.name)
    if why:
        log.warning("%s could not be removed, %s is left and tried again later: %s", path, aside, why)
    return why


def make_way(path: Path) -> None:
    """For a file of ours that is written anew: what lies there and is no regular file is removed."""
    try:
        if stat.S_ISREG(path.lstat().st_mode):
            return
    except OSError:
        return  # nothing, or nothing that can be looked at: whoever writes there is told
    log.warning("%s is no regular file: removed, and written anew", path)
    remove(path)


def make_directory(path: Path, mode: int = 0o700) -> None:
    """For a directory of ours whose contents come anew: what lies there and is none is removed. Raises OSError."""
    if os.path.lexists(path) and not path.is_dir():
        log.warning("%s is no directory: removed, and made anew", path)
        remove(path)
    path.mkdir(mode=mode, parents=True, exist_ok=True)


def clear(directory: Path) -> None:
    """Remove what earlier removals left in `directory`."""
    try:
        left = [path for path in directory.iterdir() if path.name.startswith(ASIDE)]
    except OSError:
        return
    for path in left:
        remove(path)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something below a root: its path from there, with `/` between the parts, and what it is."""

    name: str
    stat: os.stat_result

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.stat.st_mode)

    @property
    def is_file(self) -> bool:
        return stat.S_ISREG(self.stat.st_mode)


def walk(root: Path) -> Iterator[Entry]:
    """Everything below `root`, a directory before what is in it; links are links, and not followed.

    Raises OSError, and so for paths longer than the system takes.
    """
    waiting = [""]
    while waiting:
        below = waiting.pop()
        for path in sorted((root / below).iterdir()):
            entry = Entry(f"{below}/{path.name}" if below else path.name, path.lstat())
            if entry.is_directory:
                waiting.append(entry.name)
            yield entry


def size_bytes(root: Path) -> int:
    """What `root` and everything below it measure together; what cannot be looked at counts as nothing."""
    total = 0
    with contextlib.suppress(OSError):
        total = root.lstat().st_size
        for entry in walk(root):
            total += entry.stat.st_size
    return total


class _Removal:
    """One removal in the directory `parent`, an open descriptor that it closes."""

    def __init__(self, parent: int, limit_s: float) -> None:
        self._parent = parent
        self._until_s = time.monotonic() + limit_s
        self._root = -1
        self._prefix = f"{ASIDE}{secrets.token_hex(6)}."
        self._made = self._done = 0
        self._why = ""

    def __enter__(self) -> "_Removal":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._parent)

    def remove(self, name: str) -> str:
        """Why it is still there; "" when it is not."""
        if self._tried(self._parent, name) is not _Is.FULL:
            return self._why
        try:
            self._root = _entered(self._parent, name)
        except OSError as error:
            return self._noted(error)
        try:
            for _ in range(_ROUNDS):
                self._why = ""
                for below in _names(self._root):
                    self._empty(below)
                    self._catch_up()
                if self._tried(self._parent, name) is not _Is.FULL or self._late():
                    return self._why
        except OSError as error:
            self._noted(error)
        finally:
            os.close(self._root)
        return self._why or "something keeps growing it"

    def _catch_up(self) -> None:
        """Remove the directories that were put below the root. Those that do not go stay there."""
        while self._done < self._made:
            self._done += 1
            self._empty(f"{self._prefix}{self._done}")

    def _empty(self, name: str) -> None:
        """Remove `name`, which is below the root; full directories in it are put beside it."""
        for _ in range(_ROUNDS):
            if self._late() or self._tried(self._root, name) is not _Is.FULL:
                return
            try:
                here = _entered(self._root, name)
            except OSError as error:
                self._noted(error)
                return
            try:
                for below in _names(here):
                    if self._late():
                        return
                    if self._tried(here, below) is _Is.FULL:
                        self._put_up(here, below)
            except OSError as error:
                self._noted(error)
            finally:
                os.close(here)

    def _put_up(self, here: int, name: str) -> None:
        self._made += 1
        beside = f"{self._prefix}{self._made}"
        with contextlib.suppress(FileNotFoundError):
            try:
                _insisting(here, name, lambda: os.rename(name, beside, src_dir_fd=here, dst_dir_fd=self._root))
            except OSError as error:
                self._noted(error)

    def _tried(self, place: int, name: str) -> "_Is":
        """Remove it, unless it is a directory with something in it; what became of it."""
        try:
            kind = os.stat(name, dir_fd=place, follow_symlinks=False).st_mode
            act = os.rmdir if stat.S_ISDIR(kind) else os.unlink
            if place == self._parent:
                act(name, dir_fd=place)
            else:
                _insisting(place, name, lambda: act(name, dir_fd=place))
        except FileNotFoundError:
            return _Is.GONE
        except OSError as error:
            if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
                return _Is.FULL
            self._noted(error)  # among others EBUSY: something is mounted there
            return _Is.STUCK
        return _Is.GONE

    def _noted(self, error: OSError) -> str:
        name = os.fsencode(error.filename or "")[-100:]
        self._why = self._why or f"{error.strerror}: {name!r}"
        return self._why

    def _late(self) -> bool:
        if time.monotonic() < self._until_s:
            return False
        self._why = self._why or "it takes too long"
        return True


class _Is(Enum):
    GONE = "gone"
    FULL = "full"
    STUCK = "stuck"


def _names(directory: int) -> Iterator[str]:
    """As they are read, however many there are."""
    with os.scandir(directory) as entries:
        for entry in entries:
            yield entry.name


def _entered(place: int, name: str) -> int:
    """The directory, open and made ours to change. Raises OSError, NotADirectoryError for a link."""
    handle = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
    try:
        if os.fstat(handle).st_mode & 0o700 != 0o700:
            with contextlib.suppress(OSError):
                os.chmod(f"/proc/self/fd/{handle}", 0o700)  # noqa: PTH101 - this very one
        entered = os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        _unpin(entered)
        return entered
    finally:
        os.close(handle)


def _insisting(place: int, name: str, act: Callable[[], None]) -> None:
    """Do it; where it is forbidden, take away what forbids it, and do it again."""
    try:
        act()
    except PermissionError:
        _free(os.dup(place))
        with contextlib.suppress(OSError):
            _free(os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place))
        act()


def _free(handle: int) -> None:
    """Let a file or a directory be changed, by its owner at least; closes the descriptor. A file may also be known
    by a name that lies elsewhere: its mode stays as it is."""
    try:
        kind = os.fstat(handle).st_mode
        if stat.S_ISDIR(kind):
            with contextlib.suppress(OSError):
                os.chmod(f"/proc/self/fd/{handle}", 0o700)  # noqa: PTH101 - this very one
        if stat.S_ISREG(kind) or stat.S_ISDIR(kind):
            with contextlib.suppress(OSError):
                opened = os.open(f"/proc/self/fd/{handle}", os.O_RDONLY | os.O_CLOEXEC)
                _unpin(opened)
                os.close(opened)
    finally:
        os.close(handle)


def _unpin(descriptor: int) -> None:
    """Let it be changed: take off what `chattr +i` and `+a` set."""
    with contextlib.suppress(OSError):
        (flags,) = struct.unpack("l", fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8)))
        if flags & _PINNED:
            fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("l", flags & ~_PINNED))
