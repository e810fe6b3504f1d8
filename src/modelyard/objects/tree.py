"""The files below a directory, as a store of objects or a package sees them, whatever lies there.

Links are followed as far as `inside`. Refused, by name: a link out of it, into nothing or in a circle; what is no
file (a pipe, a socket, a device); a name that is not UTF-8 or has a control character or a backslash in it; a
longer one than an object's key may be; more than MAX_ENTRIES of them. Nothing here recurses.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelyard.objects.paths import MAX_KEY_BYTES

MAX_ENTRIES = 200_000
KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
PERMANENT = frozenset({errno.ENAMETOOLONG, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.EILSEQ, errno.ELOOP})
"""What the disk says of a file that no later try will find otherwise."""


class RefusedFileError(Exception):
    """`name` (relative, printable) and what is wrong with it."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name!r} {text}")
        self.name = name
        self.text = text


@dataclass(frozen=True, slots=True)
class File:
    """`name` is relative, with `/`; `version` is a word that changes with the content."""

    name: str
    size: int
    version: str


class _Place:
    """A directory on the way down, and the one that it was reached from."""

    __slots__ = ("above", "identity", "path", "prefix")

    def __init__(self, path: Path, prefix: str, identity: tuple[int, int], above: "_Place | None") -> None:
        self.path = path
        self.prefix = prefix
        self.identity = identity
        self.above = above

    def lies_in(self, identity: tuple[int, int]) -> bool:
        place: _Place | None = self
        while place is not None:
            if place.identity == identity:
                return True
            place = place.above
        return False


def files(base: Path, inside: Path) -> Iterator[File]:
    """In no order. `inside` is a resolved directory that holds `base`. Raises RefusedFileError, OSError."""
    seen = 0
    waiting = [_Place(base, "", _identity(base.stat()), None)]
    while waiting:
        place = waiting.pop()
        for entry in _entries(place):
            seen += 1
            if seen > MAX_ENTRIES:
                raise RefusedFileError(place.prefix or ".", f"is too much: at most {MAX_ENTRIES} files are taken")
            name = place.prefix + entry.name
            _named(name)
            info = _looked_at(entry, name, inside)
            if info is None:
                continue
            if stat.S_ISDIR(info.st_mode):
                if entry.is_symlink() and place.lies_in(_identity(info)):
                    raise RefusedFileError(name, "is a symbolic link that leads in a circle")
                waiting.append(_Place(place.path / entry.name, f"{name}/", _identity(info), place))
            elif stat.S_ISREG(info.st_mode):
                yield File(name, info.st_size, f"{info.st_ino:x}-{info.st_mtime_ns:x}-{info.st_size:x}")
            else:
                raise RefusedFileError(name, f"is {KINDS.get(stat.S_IFMT(info.st_mode), 'no file')}")


def _entries(place: _Place) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(place.path) as entries:
            return list(entries)
    except FileNotFoundError:  # it went while we looked
        return []
    except PermissionError:
        raise RefusedFileError(place.prefix or ".", "cannot be read: permission denied") from None
    except OSError as error:
        if error.errno not in PERMANENT:
            raise
        raise RefusedFileError(place.prefix or ".", f"cannot be read: {error.strerror}") from error


def _looked_at(entry: "os.DirEntry[str]", name: str, inside: Path) -> os.stat_result | None:
    """What the entry is, or leads to; None: it went while we looked."""
    try:
        if not entry.is_symlink():
            return entry.stat(follow_symlinks=False)
        target = Path(os.path.realpath(entry.path))
        if not target.is_relative_to(inside):
            raise RefusedFileError(name, f"leads out of {inside.name} through a symbolic link")
        return entry.stat()
    except FileNotFoundError:
        if os.path.lexists(entry.path):
            raise RefusedFileError(name, "is a symbolic link that leads nowhere") from None
        return None
    except PermissionError:
        raise RefusedFileError(name, "cannot be read: permission denied") from None
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise RefusedFileError(name, "is a symbolic link that leads in a circle") from None
        if error.errno not in PERMANENT:
            raise
        raise RefusedFileError(name, f"cannot be read: {error.strerror}") from error


def _named(name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError:
        printable = os.fsencode(name).decode(errors="backslashreplace")
        raise RefusedFileError(printable, "has a name that is not UTF-8 text") from None
    if len(name.encode()) > MAX_KEY_BYTES:
        raise RefusedFileError(f"{name[:80]}…", f"lies too deep: its name has more than {MAX_KEY_BYTES} bytes")
    if any(ord(char) < 0x20 or ord(char) == 0x7F or char == "\\" for char in name):
        raise RefusedFileError(name, "has a control character or a backslash in its name")


def _identity(info: os.stat_result) -> tuple[int, int]:
    return info.st_dev, info.st_ino
