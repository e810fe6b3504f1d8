"""Reads the output that a shim wrote down, from a position on, while it goes on writing.

    log                    the newest bytes
    log.START              earlier ones, named by how many came before them; deleted when they were read, or by the
                           shim, the oldest first, when there are too many
    times, times.START     when they came (see `shim.Log`)

The newest `log.START` is never deleted by us: its name and size say where `log` begins, and its lines are the last
words of an instance whose `log` has just begun. A shim that keeps nothing, as those of earlier releases do, has
`log` and `log.1`: there each file is a source of its own, known again by its inode and first bytes.

Never waits; only `release` changes anything. Raises OSError for what a disk does.
"""

import contextlib
import errno
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from modelyard.domain.output import UNKNOWN_SIZE, Output, Position
from modelyard.processes.directory import SEGMENT

TRIES = 5
HEAD = 64
ENTRY = 16
BEGIN = Position()


@dataclass(frozen=True, slots=True)
class _Segment:
    """`descriptor` is open; `size` as of now."""

    start: int
    size: int
    name: str

    @property
    def end(self) -> int:
        return self.start + self.size

    @property
    def times(self) -> str:
        return self.name.replace("log", "times", 1)


class _MovedError(Exception):
    """The shim began a new file meanwhile."""


def mark(path: Path) -> str:
    """Another text after more was written."""
    try:
        status = os.lstat(path / "log")
    except OSError:
        return ""
    return f"{status.st_ino}:{status.st_size}"


def read(path: Path, after: Position | None, most_bytes: int, *, kept: bool) -> Output:
    """What came after the position (None: from the beginning), of at most `most_bytes`. `kept`: as the spec's
    `log_kept_bytes` says. `last` is False: who lives is not known here."""
    if not kept:
        return _of_two(path, after, most_bytes)
    for _ in range(TRIES):
        with contextlib.suppress(_MovedError, FileNotFoundError):
            return _of_segments(path, after or BEGIN, most_bytes)
    return Output(after or BEGIN)


def release(path: Path, before: Position) -> None:
    """Delete the files that end there, or before."""
    rotated = _rotated(path)
    for segment in rotated[:-1]:
        if segment.end <= before.offset:
            for name in (segment.name, segment.times):
                with contextlib.suppress(FileNotFoundError):
                    (path / name).unlink()


def size(path: Path) -> int:
    """How many bytes of output are there."""
    sizes = 0
    for name in _names(path):
        with contextlib.suppress(OSError):
            sizes += os.lstat(path / name).st_size if name.startswith("log") else 0
    return sizes


def _names(path: Path) -> Sequence[str]:
    try:
        return os.listdir(path)  # noqa: PTH208
    except FileNotFoundError:
        return ()


def _rotated(path: Path) -> list[_Segment]:
    """Those with a number in their name, oldest first."""
    found = []
    for name in _names(path):
        if match := SEGMENT.fullmatch(name):
            with contextlib.suppress(FileNotFoundError):
                found.append(_Segment(int(match[1]), os.lstat(path / name).st_size, name))
    return sorted(found, key=lambda segment: segment.start)


def _of_segments(path: Path, after: Position, most_bytes: int) -> Output:
    """`log` is opened first: if the shim begins a new one meanwhile, ours is among the others then."""
    with _opened(path / "log") as newest:
        segments = _rotated(path)
        if newest is not None:
            status = os.fstat(newest)
            begin = segments[-1].end if segments else 0
            if not any(os.path.samestat(status, os.lstat(path / segment.name)) for segment in segments):
                if status.st_nlink == 0:
                    raise _MovedError
                segments.append(_Segment(begin, status.st_size, "log"))
        chosen = next((segment for segment in segments if segment.end > after.offset), None)
        if chosen is None:
            return Output(after)
        begin = max(chosen.start, after.offset)
        data, times = b"", tuple[tuple[int, int], ...]()
        for segment in segments[segments.index(chosen) :]:
            offset = begin + len(data)
            if offset != max(segment.start, begin) or len(data) == most_bytes:
                break
            octets = _octets(path, segment, offset, most_bytes - len(data), newest)
            found = _times(path / segment.times, offset, len(octets), status_ms(path / segment.name))
            times += tuple((index + len(data), ms) for index, ms in found) if octets else ()
            data += octets
            if offset + len(octets) < segment.end:
                break
        return Output(Position(begin), data, times, dropped=begin - after.offset)


def _octets(path: Path, segment: _Segment, offset: int, most_bytes: int, newest: int | None) -> bytes:
    """`newest`: the descriptor of `log`, by whatever name it goes by now."""
    length = min(most_bytes, segment.end - offset)
    if segment.name == "log" and newest is not None:
        return os.pread(newest, length, offset - segment.start)
    with _opened(path / segment.name) as descriptor:
        if descriptor is None:
            raise _MovedError
        return os.pread(descriptor, length, offset - segment.start)


def status_ms(path: Path) -> int:
    """When it was written last."""
    try:
        return os.lstat(path).st_mtime_ns // 1_000_000
    except OSError:
        return 0


def _times(path: Path, offset: int, length: int, otherwise_ms: int) -> tuple[tuple[int, int], ...]:
    """Of the octets from `offset` on. An entry that cannot be one (the file is of another segment by now, or torn)
    ends them."""
    with _opened(path) as descriptor:
        if descriptor is None:
            return ((0, otherwise_ms),)
        low, high = 0, os.fstat(descriptor).st_size // ENTRY
        count = high
        while low < high:  # the first entry after `offset`
            middle = (low + high) // 2
            low, high = (middle + 1, high) if _entry(descriptor, middle)[0] <= offset else (low, middle)
        first = max(low - 1, 0)
        octets = os.pread(descriptor, (count - first) * ENTRY, first * ENTRY)
    entries = [
        (int.from_bytes(octets[i : i + 8]), int.from_bytes(octets[i + 8 : i + ENTRY]))
        for i in range(0, len(octets) - ENTRY + 1, ENTRY)
    ]
    entries = [(place, ms) for place, ms in entries if place < offset + length]
    if not entries or entries[0][0] > offset or any(a[0] > b[0] for a, b in pairwise(entries)):
        return ((0, entries[0][1] if entries else otherwise_ms),)
    return tuple((max(place - offset, 0), ms) for place, ms in entries)


def _entry(descriptor: int, number: int) -> tuple[int, int]:
    octets = os.pread(descriptor, ENTRY, number * ENTRY)
    return int.from_bytes(octets[:8]), int.from_bytes(octets[8:])


def _of_two(path: Path, after: Position | None, most_bytes: int) -> Output:
    with _opened(path / "log") as newest, _opened(path / "log.1") as before:
        there = [(name, one) for name, one in (("log.1", before), ("log", newest)) if one is not None]
        if len(there) == 2 and os.path.samestat(os.fstat(there[0][1]), os.fstat(there[1][1])):
            del there[0]  # it was renamed just now: what is `log` by now is read next time
        found = next((i for i, (_, one) in enumerate(there) if after and _is(one, after)), None)
        dropped = UNKNOWN_SIZE if after is not None and after.source and found is None and there else 0
        for i, (name, one) in enumerate(there[found or 0 :]):
            offset = after.offset if after is not None and found is not None and i == 0 else 0
            if data := os.pread(one, most_bytes, offset):
                times = ((0, status_ms(path / name)),)
                closed = name == "log.1" and offset + len(data) >= os.fstat(one).st_size
                return Output(Position(offset, _identity(one)), data, times, dropped, closed=closed)
    return Output(after or BEGIN)


def _identity(descriptor: int) -> str:
    head = os.pread(descriptor, HEAD, 0)
    return f"{os.fstat(descriptor).st_ino:x}.{len(head)}.{zlib.crc32(head):08x}"


def _is(descriptor: int, position: Position) -> bool:
    """Whether that position is in this file."""
    inode, _, rest = position.source.partition(".")
    length, _, _ = rest.partition(".")
    status = os.fstat(descriptor)
    if f"{status.st_ino:x}" != inode or status.st_size < position.offset or not length.isdecimal():
        return False
    head = os.pread(descriptor, min(int(length), HEAD), 0)
    return f"{inode}.{len(head)}.{zlib.crc32(head):08x}" == position.source


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    """None when nothing is there that can be read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if isinstance(error, FileNotFoundError | PermissionError) or error.errno == errno.ELOOP:
            yield None
            return
        raise
    try:
        yield descriptor
    finally:
        os.close(descriptor)
