"""The bytes of a backup: a tar in gzip, as `tar xzf` reads it, and an end that tells whether it is whole.

    gzip( tar( entries in the order of `layout` ) )    gzip( "modelyard backup, whole: <inflated bytes> <sha256>" )

The second member has a fixed length and only one spelling. Its sha256 is of every byte before it, so that whatever
was changed, cut off or appended anywhere is noticed before anything is looked at. (It is no signature: who may
write the file may write another. What protects from that is where backups are kept, or a passphrase.)

Everything streams: neither writing nor reading holds more than a piece of a file.
"""

import gzip
import hashlib
import io
import struct
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from modelyard.backup import layout
from modelyard.backup.layout import DamagedBackupError, Entry

PIECE = 1 << 20
BLOCK = 512
LEVEL = 1
"""Of gzip. Weights hardly shrink, so time is what counts."""
_TEXT = "modelyard backup, whole: {size:020d} {sha256}\n"
_LENGTH = len(_TEXT.format(size=0, sha256="0" * 64))
END_BYTES = 10 + 5 + _LENGTH + 8
MOST_INFLATION = 1040
"""What gzip makes of a byte at most is 1032."""


class Sink(Protocol):
    def write(self, data: bytes, /) -> object: ...


class Writer:
    """Appends entries, in order. `finish` makes it whole."""

    def __init__(self, sink: Sink, spool: BinaryIO) -> None:
        """`spool` takes the manifest until it is written."""
        self._hashed = _Hashed(sink)
        self._packed = gzip.GzipFile(fileobj=self._hashed, mode="wb", compresslevel=LEVEL, mtime=0)
        self._inflated = 0
        self._spool = spool
        self._last = ""
        self.totals = layout.Totals()

    def add(self, name: str, size: int, pieces: Iterator[bytes], *, time_ns: int = 0, version: str = "") -> None:
        """A file. Raises DamagedBackupError when the pieces are not `size` bytes together."""
        self._head(name, size, time_ns)
        digest, left = hashlib.sha256(), size
        for piece in pieces:
            left -= len(piece)
            if left < 0:
                break
            digest.update(piece)
            self._put(piece)
        if left:
            raise DamagedBackupError(f"{name} changed while it was read: try again")
        self._put(bytes(-size % BLOCK))
        self._noted(Entry(name, size, digest.hexdigest(), time_ns, version))

    def add_bytes(self, name: str, content: bytes, *, time_ns: int = 0) -> None:
        self.add(name, len(content), iter((content,)), time_ns=time_ns)

    def add_directory(self, name: str) -> None:
        self._head(name, -1, 0)
        self._noted(Entry(name, -1))

    def finish(self) -> None:
        size = self._spool.tell()
        self._spool.seek(0)
        self._head(layout.MANIFEST, size, 0)
        while piece := self._spool.read(PIECE):
            self._put(piece)
        self._put(bytes(-size % BLOCK))
        self._put(bytes(2 * BLOCK))
        self._packed.close()
        self._hashed.sink.write(_end(self._inflated, self._hashed.digest.hexdigest()))

    def _head(self, name: str, size: int, time_ns: int) -> None:
        self._last = layout.checked(name, self._last)
        info = tarfile.TarInfo(name)
        info.type = tarfile.DIRTYPE if size < 0 else tarfile.REGTYPE
        info.size, info.mode = max(size, 0), 0o700 if size < 0 else 0o600
        info.mtime = max(time_ns // 1_000_000_000, 0)
        self._put(info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape"))

    def _put(self, data: bytes) -> None:
        self._packed.write(data)
        self._inflated += len(data)

    def _noted(self, entry: Entry) -> None:
        self._spool.write(entry.line())
        self.totals.add(entry)


class _Hashed:
    """What is written goes on to `sink`, and is counted."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.digest = hashlib.sha256()

    def write(self, data: bytes, /) -> int:
        self.digest.update(data)
        self.sink.write(data)
        return len(data)

    def flush(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that is as it was written. `size`: of the archive, without its end; `inflated`: of what is in it."""

    size: int
    inflated: int


def whole(file: BinaryIO, progress: Callable[[int], None] = lambda _seen: None) -> Whole:
    """Read all of it, from its beginning. Raises DamagedBackupError."""
    digest, held, size = hashlib.sha256(), b"", 0
    while piece := file.read(PIECE):
        held += piece
        done, held = held[:-END_BYTES], held[-END_BYTES:]
        digest.update(done)
        size += len(done)
        progress(size)
    text = held[15:-8].decode("ascii", "replace")
    number, _, sha256 = text.removeprefix("modelyard backup, whole: ").partition(" ")
    if len(held) < END_BYTES or not number.isdecimal() or held != _end(int(number), sha256.strip()):
        raise DamagedBackupError("it does not end as a backup does: it was cut off, changed, or is something else")
    if sha256.strip() != digest.hexdigest():
        raise DamagedBackupError("it is not what was written: its checksum is another one")
    if int(number) > size * MOST_INFLATION + PIECE:
        raise DamagedBackupError(f"it cannot hold the {int(number)} bytes that it tells of")
    return Whole(size, int(number))


def _end(inflated: int, sha256: str) -> bytes:
    """A member of gzip that is stored, not compressed: it has one spelling, whatever library wrote it."""
    text = _TEXT.format(size=inflated, sha256=sha256).encode()[:_LENGTH]
    stored = struct.pack("<BHH", 1, len(text), len(text) ^ 0xFFFF) + text
    return b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + stored + struct.pack("<II", zlib.crc32(text), len(text))


class Reader:
    """The entries of a file that is whole, one after the other. Raises DamagedBackupError wherever it is not what
    we write."""

    def __init__(self, file: BinaryIO, size: Whole) -> None:
        """`file` is at its beginning."""
        self._inflating = gzip.GzipFile(fileobj=_Bounded(file, size.size), mode="rb")
        self._left = size.inflated

    def entries(self) -> "Iterator[tuple[Entry, Iterator[bytes]]]":
        """Each with its content, which is taken before the next. Without times and versions: those are in the
        manifest, which comes as the last."""
        last = ""
        while True:
            head = self._take(BLOCK)
            if head == bytes(BLOCK):
                break
            info = _header(head)
            name = info.name
            if info.type == tarfile.GNUTYPE_LONGNAME:
                if not 0 < info.size <= layout.MOST_NAME + 1:
                    raise DamagedBackupError("a name is longer than any that we write")
                name = self._take(_padded(info.size))[: info.size - 1].decode("utf-8", "surrogateescape")
                info = _header(self._take(BLOCK))
            if info.type not in {tarfile.REGTYPE, tarfile.DIRTYPE} or info.linkname or info.size < 0:
                raise DamagedBackupError(f"{layout.shown(name)} is neither a file nor a directory")
            is_directory = info.type == tarfile.DIRTYPE
            if is_directory:
                name = name.removesuffix("/")
            last = layout.checked(name, last)
            if is_directory:
                if info.size:
                    raise DamagedBackupError(f"{layout.shown(name)} is a directory with content")
                yield Entry(name, -1), iter(())
                continue
            pieces = self._content(info.size)
            yield Entry(name, info.size), pieces
            for _ in pieces:
                pass  # what nobody took
            if any(self._take(-info.size % BLOCK)):
                raise DamagedBackupError(f"there is something behind {layout.shown(name)}")
        if self._take(BLOCK) != bytes(BLOCK) or self._left or self._read(1):
            raise DamagedBackupError("there is something behind its end")
        if last != layout.MANIFEST:
            raise DamagedBackupError("it has no manifest")

    def _content(self, size: int) -> Iterator[bytes]:
        while size:
            piece = self._take(min(size, PIECE))
            size -= len(piece)
            yield piece

    def _take(self, count: int) -> bytes:
        if count > self._left:
            raise DamagedBackupError("an entry is longer than all of it")
        data = self._read(count)
        if len(data) != count:
            raise DamagedBackupError("it ends within an entry")
        self._left -= count
        return data

    def _read(self, count: int) -> bytes:
        try:
            return self._inflating.read(count)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DamagedBackupError(f"it cannot be unpacked: {error}") from error


def _header(head: bytes) -> tarfile.TarInfo:
    try:
        return tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError, struct.error) as error:
        raise DamagedBackupError(f"the head of an entry is damaged: {error}") from error


def _padded(size: int) -> int:
    return size + -size % BLOCK


class _Bounded(io.RawIOBase):
    """The first `left` bytes of a file."""

    def __init__(self, file: BinaryIO, left: int) -> None:
        self._file = file
        self._left = left

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._left if size < 0 else min(size, self._left))
        self._left -= len(data)
        return data
