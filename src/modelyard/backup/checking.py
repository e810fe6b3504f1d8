"""Reading a backup from its first byte to its last, and refusing it whole if anything in it is not as it must be.

In this order: it is whole (its own checksum), it is ours and of this release or an earlier one, each entry is
where it may be and is what the manifest says, a package is what its name says, the database opens and is sound,
and whatever its rows name is there. Nothing is written but a copy of the database and of the manifest, in a
directory that is removed again.
"""

import asyncio
import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

from modelyard import files
from modelyard.artifacts import snapshots
from modelyard.backup import archive, layout, scratch
from modelyard.backup.archive import Reader, Whole
from modelyard.backup.contents import Named, named
from modelyard.backup.layout import About, BackupError, DamagedBackupError, Entry
from modelyard.backup.sealing import MAGIC, Unsealed
from modelyard.domain.errors import Invalid
from modelyard.files import DamagedFileError
from modelyard.iam.tokens import KEY_FILE
from modelyard.processes.datadir import DataDirError
from modelyard.store.base import NewerSchemaError, SchemaError, StoreUnavailableError
from modelyard.store.sql import SqlStore
from modelyard.store.sql.copies import has_sealed, verify

KEY = "store.key"
ROOM = 64 << 20
"""Of a disk, which stays free beside what is unpacked."""
FAILURES = (DataDirError, DamagedFileError, SchemaError, StoreUnavailableError, Invalid, sqlite3.Error)
"""What is raised where a data directory or a database is not as it must be."""
Take = Callable[[Entry, Iterator[bytes]], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Checked:
    """`size`: of the file; `inflated`: of what is in it."""

    about: About
    totals: layout.Totals
    size: int
    inflated: int


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that may be one, opened once: what was checked is what is restored."""

    path: Path
    file: BinaryIO
    secret: bytes | None

    def begin(self) -> BinaryIO:
        """Its plain bytes, from the first."""
        self.file.seek(0)
        if self.file.read(len(MAGIC)) != MAGIC:
            self.file.seek(0)
            return self.file
        if self.secret is None:
            raise BackupError(f"{self.path} is sealed with a passphrase: name its file with --passphrase-file")
        self.file.seek(0)
        return cast("BinaryIO", Unsealed(self.file, self.secret))

    def whole(self, say: Say) -> Whole:
        return archive.whole(self.begin(), lambda seen: say(f"reading: {seen >> 20} MiB"))


@contextmanager
def opened(path: Path, secret: bytes | None) -> Iterator[Backup]:
    """Raises BackupError, OSError; whatever is raised within as damage names the file."""
    if not path.is_file():
        raise BackupError(
            f"{path} is no file: a backup is read twice, so one from a pipe must be put into a file first"
            if str(path) == "-" or (path.exists() and not path.is_dir())
            else f"{path} is no file"
        )
    with path.open("rb") as file:
        try:
            yield Backup(path, file, secret)
        except DamagedBackupError as error:
            raise DamagedBackupError(f"{path} is refused: {error}") from error


def check(backup: Backup, whole: Whole, say: Say) -> Checked:
    """All of it. Raises BackupError."""
    with scratch.temporary("checking") as room:
        checking = _Checking(room, whole.inflated)
        try:
            about, totals = walk(Reader(backup.begin(), whole), checking.take, room, say)
            checking.judge(about)
        finally:
            if checking.key:
                checking.key.close()
    return Checked(about, totals, os.fstat(backup.file.fileno()).st_size, whole.inflated)


def walk(
    reader: Reader, take: Take, room: Path, say: Say, settle: Callable[[Entry], None] = lambda _entry: None
) -> tuple[About, layout.Totals]:
    """Hands every entry but the first and the last to `take`, which may take its content, and afterwards each as
    the manifest has it, in the same order, to `settle`. Raises DamagedBackupError where they differ."""
    about: About | None = None
    totals = layout.Totals()
    with tempfile.TemporaryFile(dir=room) as seen:
        for entry, pieces in reader.entries():
            if about is None:
                if entry.name != layout.ABOUT or entry.size > layout.MOST_ABOUT:
                    raise DamagedBackupError(f"it does not begin with {layout.ABOUT}")
                content = b"".join(pieces)
                about = layout.about(content)
                found = Entry(entry.name, entry.size, hashlib.sha256(content).hexdigest())
            elif entry.name == layout.MANIFEST:
                seen.seek(0)
                _compared(seen, _lines(pieces), settle)
                continue
            else:
                found = _taken(entry, pieces, take)
            seen.write(found.line())
            totals.add(found)
            if sum(totals.files.values()) % 100 == 0:
                say(f"checking: {sum(totals.bytes.values()) >> 20} MiB")
    if about is None:
        raise DamagedBackupError("there is nothing in it")
    return about, totals


def _taken(entry: Entry, pieces: Iterator[bytes], take: Take) -> Entry:
    if entry.is_directory:
        take(entry, pieces)
        return entry
    digest = hashlib.sha256()

    def hashed() -> Iterator[bytes]:
        for piece in pieces:
            digest.update(piece)
            yield piece

    content = hashed()
    take(entry, content)
    for _ in content:
        pass  # what nobody took
    return Entry(entry.name, entry.size, digest.hexdigest())


def _compared(seen: BinaryIO, lines: Iterator[bytes], settle: Callable[[Entry], None]) -> None:
    for line in lines:
        said, found = layout.entry(line), seen.readline()
        if not found or layout.entry(found).what != said.what:
            raise DamagedBackupError(f"{layout.shown(said.name)} is not what the manifest says")
        settle(said)
    if rest := seen.readline():
        raise DamagedBackupError(f"the manifest does not know {layout.shown(layout.entry(rest).name)}")


def _lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for piece in pieces:
        held += piece
        *whole, held = held.split(b"\n")
        yield from whole
        if len(held) > layout.MOST_ABOUT:
            raise DamagedBackupError("a line of the manifest is longer than any that we write")
    if held:
        raise DamagedBackupError("the manifest ends within a line")


@dataclass(slots=True)
class _Checking:
    room: Path
    inflated: int
    digests: dict[str, bool] = field(default_factory=dict)
    parts: set[str] = field(default_factory=set)
    buckets: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    key: BinaryIO | None = None
    package: str = ""
    hashing: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def take(self, entry: Entry, pieces: Iterator[bytes]) -> None:
        first, _, rest = entry.name.partition("/")
        if first == "keys":
            self.keys.add(rest)
            if rest == KEY and entry.size <= files.SMALL:
                self._keep_key(b"".join(pieces))
        elif entry.name == layout.DATABASE:
            self._unpack(entry, pieces)
        elif first == "packages":
            self._hash(entry, rest, pieces)
        elif first == "objects":
            bucket, _, key = rest.partition("/")
            self.buckets.add(bucket)
            if ".parts/" in key:
                self.parts.add(rest)

    def judge(self, about: About) -> None:
        """After the last. Raises DamagedBackupError, BackupError."""
        self._end_package()
        if wrong := [digest for digest, sound in self.digests.items() if not sound]:
            raise DamagedBackupError(f"the package {wrong[0]} is not what its name says")
        if KEY_FILE not in self.keys:
            raise DamagedBackupError(f"keys/{KEY_FILE} is not in it, without which no token is good")
        what = self._named()
        missing = {name.removeprefix("packages/") for name in about.missing}
        if lacking := sorted(what.digests - self.digests.keys() - missing):
            raise DamagedBackupError(f"the package {lacking[0]} is not in it, which the database names")
        for part in what.parts:
            here = part.bucket in self.buckets and part.bucket not in what.elsewhere
            if here and f"{part.bucket}/{part.key}" not in self.parts:
                raise DamagedBackupError(f"{part} is not in it, which the database names")

    def _named(self) -> Named:
        path = self.room / layout.DATABASE
        if not path.exists():
            raise DamagedBackupError("there is no database in it")
        try:
            verify(path)
            key = Path(f"/proc/self/fd/{self.key.fileno()}") if self.key else self.room / KEY
            found = asyncio.run(_read(path, key))
            if not self.key and has_sealed(path):
                raise DamagedBackupError(f"keys/{KEY} is not in it, without which nobody opens what is sealed")
            return found
        except NewerSchemaError as error:
            raise BackupError(str(error)) from error
        except SchemaError as error:
            raise DamagedBackupError(str(error)) from error
        except (sqlite3.Error, StoreUnavailableError, DamagedFileError) as error:
            if shutil.disk_usage(self.room).free < ROOM // 8:
                raise BackupError(f"{self._full()} ({error})") from error
            raise DamagedBackupError(f"the database in it cannot be used: {error}") from error

    def _keep_key(self, content: bytes) -> None:
        """In memory alone: a kill leaves nothing of it on a disk."""
        self.key = os.fdopen(os.memfd_create(KEY, os.MFD_CLOEXEC), "w+b")
        self.key.write(content)
        self.key.flush()

    def _unpack(self, entry: Entry, pieces: Iterator[bytes]) -> None:
        path = self.room / entry.name
        if entry.is_directory:
            return
        if 2 * entry.size + ROOM > shutil.disk_usage(self.room).free:  # to bring it forward takes as much again
            raise BackupError(f"the database in it has {entry.size} bytes: {self._full()}")
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("xb") as file:
            path.chmod(0o600)
            for piece in pieces:
                file.write(piece)

    def _full(self) -> str:
        return f"{self.room.parent} has no room for it: free some there, or name another directory with TMPDIR"

    def _hash(self, entry: Entry, rest: str, pieces: Iterator[bytes]) -> None:
        """As `artifacts.snapshots.digest_and_size` does: names and contents, in their order."""
        package, _, name = rest.partition("/")
        if package != self.package:
            self._end_package()
            self.package, self.hashing = package, hashlib.sha256()
        if entry.is_directory or "/" not in name:
            return
        self.hashing.update(snapshots.head(name, entry.size))
        for piece in pieces:
            self.hashing.update(piece)

    def _end_package(self) -> None:
        if self.package:
            self.digests[self.package] = self.hashing.hexdigest() == self.package


async def _read(path: Path, key: Path) -> Named:
    """What its rows name. Proves that this release brings it forward, and that its key opens what is sealed."""
    store = SqlStore(path, key_file=key, makes_key=False)
    await store.open()
    try:
        return await named(store)
    finally:
        await store.close()
