"""The files below a directory, as a store of objects or a package sees them, whatever lies there.

They come in the order of S3: by the whole name, so that `a-b` is before `a/b`, and `a.b` behind it. However many
there are, only a page of one directory's names is held (`PAGE`): a larger directory is read once for each page.

Links are followed as far as `inside`. Refused, by name: a link out of it, into nothing or in a circle; what is no
file (a pipe, a socket, a device); a name that is not UTF-8 or has a control character or a backslash in it; a
longer one than an object's key may be. Nothing here recurses.
"""

import errno
import heapq
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from modelyard.objects.paths import MAX_KEY_BYTES

PAGE = 50_000
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


def files(
    base: Path,
    inside: Path,
    *,
    after: str = "",
    most: int | None = None,
    hidden: str = "",
    odd: Callable[[RefusedFileError], None] | None = None,
) -> Iterator[File]:
    """Those behind the name `after`. `inside` is a resolved directory that holds `base`; `most` entries of
    directories are looked at; what is called `hidden` in `inside` itself is not there. `odd` is told what is
    refused, which is left out then. Raises RefusedFileError without it, OSError."""
    seen = 0
    top = _Place(base, "", identity(base.stat()), None)
    secret = identity(inside.stat()) if hidden else None
    waiting = [(top, _names(top, after))]
    while waiting:
        place, names = waiting[-1]
        try:
            entry = next(names, None)
            if entry is None:
                waiting.pop()
                continue
            if entry == hidden and place.identity == secret:
                continue
            seen += 1
            found = _found(place, entry, inside) if most is None or seen <= most else None
        except RefusedFileError as error:
            if odd is None:
                raise
            odd(error)
            continue
        if most is not None and seen > most:
            raise RefusedFileError(place.prefix or ".", f"is too much: at most {most} files are taken")
        if isinstance(found, _Place):
            waiting.append((found, _names(found, after)))
        elif found is not None and found.name > after:
            yield found


def _found(place: _Place, entry: str, inside: Path) -> "_Place | File | None":
    """What a name in a directory is; None: it went. Raises RefusedFileError, OSError."""
    name, path = place.prefix + entry, place.path / entry
    named(name)
    info = _looked_at(path, name, inside)
    if info is None:
        return None
    if stat.S_ISDIR(info.st_mode):
        if path.is_symlink() and place.lies_in(identity(info)):
            raise RefusedFileError(name, "is a symbolic link that leads in a circle")
        return _Place(path, f"{name}/", identity(info), place)
    if stat.S_ISREG(info.st_mode):
        return File(name, info.st_size, version(info))
    raise RefusedFileError(name, f"is {KINDS.get(stat.S_IFMT(info.st_mode), 'no file')}")


def version(info: os.stat_result) -> str:
    """A word that changes with a file's content."""
    return f"{info.st_ino:x}-{info.st_mtime_ns:x}-{info.st_size:x}"


def _names(place: _Place, after: str) -> Iterator[str]:
    """The names in a directory, sorted as the keys of what they are or hold; only those that may have something
    behind `after`."""
    last = ""
    while True:
        page = heapq.nsmallest(PAGE, _keys(place, after, last))
        yield from (key.removesuffix("/") for key in page)
        if len(page) < PAGE:
            return
        last = page[-1]


def _keys(place: _Place, after: str, last: str) -> Iterator[str]:
    """The names in a directory in no order, those of directories with a slash at their end."""
    try:
        with os.scandir(place.path) as entries:
            for entry in entries:
                key = f"{entry.name}/" if _is_directory(entry) else entry.name
                whole = place.prefix + key
                if key > last and (whole > after or after.startswith(whole)):
                    yield key
    except FileNotFoundError:  # it went while we looked
        return
    except PermissionError:
        raise RefusedFileError(place.prefix or ".", "cannot be read: permission denied") from None
    except OSError as error:
        if error.errno not in PERMANENT:
            raise
        raise RefusedFileError(place.prefix or ".", f"cannot be read: {error.strerror}") from error


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # whoever looks at it is told
        return False


def _looked_at(path: Path, name: str, inside: Path) -> os.stat_result | None:
    """What is there, or where a link there leads; None: it went while we looked."""
    try:
        info = path.lstat()
        if not stat.S_ISLNK(info.st_mode):
            return info
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(inside):
            raise RefusedFileError(name, f"leads out of {inside.name} through a symbolic link")
        return path.stat()
    except FileNotFoundError:
        if os.path.lexists(path):
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


def named(name: str) -> None:
    """Raises RefusedFileError for a name that no object may have."""
    try:
        name.encode()
    except UnicodeEncodeError:
        printable = os.fsencode(name).decode(errors="backslashreplace")
        raise RefusedFileError(printable, "has a name that is not UTF-8 text") from None
    if len(name.encode()) > MAX_KEY_BYTES:
        raise RefusedFileError(f"{name[:80]}…", f"lies too deep: its name has more than {MAX_KEY_BYTES} bytes")
    if any(ord(char) < 0x20 or ord(char) == 0x7F or char == "\\" for char in name):
        raise RefusedFileError(name, "has a control character or a backslash in its name")


def identity(info: os.stat_result) -> tuple[int, int]:
    return info.st_dev, info.st_ino
