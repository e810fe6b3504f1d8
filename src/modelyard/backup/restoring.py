"""Restoring a backup: into a place where nothing is, all of it or nothing.

    1. it is checked, from its first byte to its last
    2. it is unpacked beside its place, compared with its manifest again, and brought to this release
    3. rows are made to fit what is around them now (`store.sql.copies.settle`)
    4. everything is on the disk, and gets its name in one step

Until 4 nothing that `up` would start is there. Where a directory cannot be renamed into its place (a mount point,
or one below a directory of others), it is unpacked in it and moved one by one, under a mark
(`processes.datadir.UNFINISHED`) with which `up` refuses it.
"""

import asyncio
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modelyard import database, files, trees
from modelyard.artifacts.snapshots import settle_modes
from modelyard.backup import checking, layout, scratch
from modelyard.backup.archive import Reader, Whole
from modelyard.backup.checking import FAILURES, ROOM, Backup, Checked, Say
from modelyard.backup.layout import BackupError, Entry
from modelyard.backup.reading import printable
from modelyard.objects import tree
from modelyard.operations import audit
from modelyard.processes.datadir import FORMAT, UNFINISHED
from modelyard.settings import Settings
from modelyard.store.base import SchemaError
from modelyard.store.sql import SqlStore
from modelyard.store.sql.copies import settle, single_file

_VERSION = re.compile(r"[0-9a-f]+(-[0-9a-f]+){2}")
DIRECTORIES = ("keys", "objects", "packages")


def restore(settings: Settings, backup: Backup, say: Say) -> Checked:
    """Into the data directory of the settings, and where they name PostgreSQL, into that database. Raises
    BackupError, OSError."""
    place = settings.data_dir.resolve()
    _refuse_what_is_used(place)
    with ExitStack() as stack:
        whole = backup.whole(say)
        checked = checking.check(backup, whole, say)
        place.parent.mkdir(parents=True, exist_ok=True)
        within = _only_within(place)
        if within:
            stack.enter_context(_marked(place))
        room = stack.enter_context(scratch.beside(place / "restored" if within else place, "restoring"))
        _refuse_without_room(room, checked)
        try:
            built = _built(backup, whole, room, say, settings)
            _owned(built, place)
            _place(built, place, within=within)
        except FAILURES as error:
            raise BackupError(str(error)) from error
    return checked


def _only_within(place: Path) -> bool:
    """Whether nothing can be renamed into its place: a mount point, or in a directory of others."""
    return place.is_dir() and (os.path.ismount(place) or not os.access(place.parent, os.W_OK | os.X_OK))


@contextmanager
def _marked(place: Path) -> Iterator[None]:
    """From here on `up` refuses it, whatever happens, until it is whole; or empty again. The mark is locked, which
    tells another restore that it is not what a kill left. Raises BackupError, OSError."""
    mark = place / UNFINISHED
    made = not os.path.lexists(mark)
    descriptor = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK, 0o600)
    try:
        if not _held(descriptor):
            raise BackupError(f"another restore into {place} is under way")
        try:
            _refuse_what_is_used(place, marked=made)  # an `up` may have begun before the mark was there
        except BackupError:
            if made:
                mark.unlink()
            raise
        files.sync(place)
        try:
            yield
        finally:
            if all(path.name == UNFINISHED or _may_be_there(path) for path in place.iterdir()):
                mark.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _held(mark: int) -> bool:
    """False: another restore has the mark, or had it and removed it just now."""
    try:
        fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(mark).st_nlink > 0


def _refuse_what_is_used(place: Path, *, marked: bool = False) -> None:
    """`marked`: by this very restore."""
    if not os.path.lexists(place):
        return
    if not place.is_dir():
        raise BackupError(f"{place} is no directory: name one that is empty or not there")
    inside = [path.name for path in place.iterdir() if not _may_be_there(path)]
    if marked:
        inside.remove(UNFINISHED)
    if inside == [UNFINISHED]:
        return  # a restore that ended before it had put anything there
    if UNFINISHED in inside:
        raise BackupError(f"a restore into {place} was not finished: remove what is in it, and restore again")
    if inside:
        raise BackupError(
            f"{place} is not empty ({', '.join(sorted(inside)[:3])} …): restore into an empty directory, or one"
            " that is not there; to replace what is in it, `modelyard down` first and move it away"
        )


def _may_be_there(path: Path) -> bool:
    """In a directory that counts as empty."""
    return path.name == "lost+found" or path.name.startswith((".restored.restoring-", trees.ASIDE))


def _refuse_without_room(room: Path, checked: Checked) -> None:
    free = shutil.disk_usage(room).free
    if checked.inflated + ROOM > free:
        raise BackupError(f"it needs {checked.inflated} bytes, and {room.parent} has {free} free")


def _built(backup: Backup, whole: Whole, room: Path, say: Say, settings: Settings) -> Path:
    """A data directory in `room`, on the disk and with no name yet."""
    built = room / "data"
    built.mkdir(mode=0o700)
    (built / UNFINISHED).touch(0o600)
    unpacking = _Unpacking(built, room / "moved")
    about, _ = checking.walk(Reader(backup.begin(), whole), unpacking.take, room, say, unpacking.settle)
    unpacking.close()
    for package in (built / "packages").glob("*/model"):
        settle_modes(package.parent)
    say("bringing the database to this release")
    included = about.objects == "included"
    asyncio.run(
        _settled(built, unpacking.moved, objects=included, logs=about.logs, name=printable(backup.path.name))
    )
    if settings.database_url:
        asyncio.run(_moved(settings, built))
    for name in DIRECTORIES:
        (built / name).mkdir(mode=0o700, exist_ok=True)
    files.write(built / "format", f"{FORMAT}\n".encode())
    say("waiting for the disk")
    found = [entry for entry in trees.walk(built) if entry.is_file or entry.is_directory]
    files.sync_all(built / entry.name for entry in found)
    files.sync(built)
    return built


async def _settled(built: Path, moved: Path, *, objects: bool, logs: bool, name: str) -> None:
    """The database of the directory, of this release's schema and for what is around it. Raises SchemaError,
    StoreUnavailableError, DamagedFileError."""
    path = built / database.FILE
    store = SqlStore(path, key_file=built / "keys" / "store.key")
    await store.open()
    try:
        await audit.local(store, time.time_ns() // 1_000_000, "modelyard restore", name=name)
    finally:
        await store.close()
    await asyncio.to_thread(settle, path, _read(moved), objects=objects, logs=logs)
    await asyncio.to_thread(single_file, path)
    for copy in built.glob(f"{database.FILE}.*"):
        copy.unlink()  # from before the migration: the backup is one itself


async def _moved(settings: Settings, built: Path) -> None:
    """What is stored goes into PostgreSQL, which must be empty. Its transaction ends before the directory has its
    name: a kill between the two leaves a database that the next try refuses by name."""
    store = SqlStore(settings.database_url, key_file=built / "keys" / "store.key")
    try:
        await store.fill_from(built / database.FILE)
    except SchemaError as error:
        raise BackupError(
            f"{error}; if a restore into it was killed at its end, and it holds nothing else, drop what that left"
        ) from error
    (built / database.FILE).unlink()
    files.write(built / database.MARK, f"{store}\n".encode())


def _read(moved: Path) -> Iterator[tuple[str, str]]:
    with moved.open(encoding="ascii") as lines:
        for line in lines:
            old, _, new = line.rstrip("\n").partition(" ")
            yield old, new


@dataclass(slots=True)
class _Unpacking:
    """Entries become files in `root`. `moved` gets the words by which unchanged objects are known, before and
    after."""

    root: Path
    moved: Path
    _lines: "list[str]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.moved.touch(0o600)

    def take(self, entry: Entry, pieces: Iterator[bytes]) -> None:
        path = self._place(entry.name)
        if path is None:
            return
        if entry.is_directory:
            self._directory(path, entry.name)
            return
        self._directory(path.parent, entry.name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            for piece in pieces:
                file.write(piece)
        if entry.name.startswith("packages/"):
            path.chmod(0o444)  # until all of it is there, which says whether it may be run

    def settle(self, entry: Entry) -> None:
        """As the manifest has it. A snapshot is known by the times of its files, an object of the store by them
        and by its inode, which is another one now."""
        path = self._place(entry.name)
        if path is None or entry.is_directory:
            return
        if entry.time_ns > 0:
            os.utime(path, ns=(entry.time_ns, entry.time_ns))
        if _VERSION.fullmatch(entry.version):
            self._lines.append(f"{entry.version} {tree.version(path.stat())}\n")
            if len(self._lines) >= 10_000:
                self.close()

    def close(self) -> None:
        with self.moved.open("a", encoding="ascii") as file:
            file.writelines(self._lines)
        self._lines.clear()

    def _place(self, name: str) -> Path | None:
        if name in {layout.ABOUT, layout.LISTED, layout.MANIFEST}:
            return None
        return self.root / (database.FILE if name == layout.DATABASE else name)

    def _directory(self, path: Path, name: str) -> None:
        """Those of packages are read by instances, which are other users."""
        missing = []
        while not path.is_dir():
            missing.append(path)
            path = path.parent
        for each in reversed(missing):
            depth = len(each.relative_to(self.root).parts)
            each.mkdir(mode=0o700)
            if name.startswith("packages/") and depth > 1:
                each.chmod(0o755)


def _owned(built: Path, place: Path) -> None:
    """Whose the empty directory was, if root restores into it."""
    if os.geteuid() != 0 or not place.is_dir():
        return
    owner = place.stat()
    if owner.st_uid == 0:
        return
    for path in (built, *(built / entry.name for entry in trees.walk(built))):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _place(built: Path, place: Path, *, within: bool) -> None:
    if within:
        (built / UNFINISHED).unlink()
        for path in built.iterdir():
            path.rename(place / path.name)
        files.sync(place)
        (place / UNFINISHED).unlink()
        place.chmod(0o700)
        files.sync(place)
        return
    (built / UNFINISHED).unlink()
    files.sync(built)
    files.place(built, place)
