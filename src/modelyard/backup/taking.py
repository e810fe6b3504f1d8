"""Making a backup, of a data directory that is used meanwhile or is not.

In this order, so that whatever the copy of the database names is in the backup:

    1. nothing that a row may name is removed from now on (`processes.holding`)
    2. the database is copied, at one moment; parts of tasks that go on are pinned (`contents`)
    3. files are read: packages never change, objects are replaced and never written to
    4. the file gets its name when it is whole and on the disk

So what was written after 2 is in it or not, and nothing in the copy depends on it. Nothing is started or stopped;
the control plane's writers wait for nothing but two short rows of the audit: that it began, and how it ended.
"""

import asyncio
import hashlib
import io
import json
import logging
import os
import secrets
import sqlite3
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from modelyard import __version__, database, files
from modelyard.artifacts import snapshots
from modelyard.backup import layout, reading, scratch
from modelyard.backup.archive import Writer
from modelyard.backup.checking import FAILURES
from modelyard.backup.contents import GoneError, Named, Pinned, named, pinned
from modelyard.backup.layout import About, BackupError
from modelyard.backup.sealing import Sealed
from modelyard.domain.audit import Outcome
from modelyard.domain.errors import Invalid
from modelyard.files import DamagedFileError
from modelyard.iam.bootstrap import FILE_NAME
from modelyard.iam.tokens import KEY_FILE, TokenKey
from modelyard.objects.local import sweep_pins
from modelyard.operations import audit
from modelyard.processes import last_backup
from modelyard.processes.datadir import DataDir
from modelyard.processes.holding import Holding
from modelyard.settings import Settings
from modelyard.store import migrations
from modelyard.store.base import SchemaError, StoreUnavailableError
from modelyard.store.sql import SqlStore
from modelyard.store.sql.copies import existing, has_sealed, single_file

log = logging.getLogger(__name__)

TRIES = 10
"""Copies of the database, where tasks end while it is copied."""
AGAIN = 20
"""How often a file is begun anew because something that it has a part of already is not as it must be."""
OF_THE_PLACE = frozenset({"auth_url", "api_url", "gateway_url"})
"""What credentials.json says of where the server is."""


@dataclass(frozen=True, slots=True)
class Options:
    """`objects` False: they are listed only. `logs`: kept lines too. `secret`: a passphrase to seal it with.
    `replace`: a file that is there already."""

    objects: bool = True
    logs: bool = False
    secret: bytes | None = None
    replace: bool = False


class _AgainError(BackupError):
    """It must be begun anew, knowing that what is called `name` is not as it must be."""

    def __init__(self, name: str, text: str) -> None:
        super().__init__(text)
        self.name = name


@dataclass(frozen=True, slots=True)
class Taken:
    about: About
    totals: layout.Totals
    bytes: int
    odd: Sequence[str]


def take(
    settings: Settings, target: Path | None, options: Options, say: Callable[[str], None] = lambda _text: None
) -> Taken:
    """A backup of the data directory in `target` (None: to standard output). `say` is told what is going on.
    Raises BackupError, OSError."""
    data_dir = settings.data_dir.absolute()
    if not database.used(data_dir):
        raise BackupError(f"{data_dir} holds no Modelyard: name the directory of `modelyard up` with --data-dir")
    if target is not None:
        _refuse(target, data_dir)
        if os.path.lexists(target) and not options.replace:
            raise BackupError(f"{target} is there already: name another file, or say --replace")
    said = reading.printable(str(target or ""))
    begun = time.monotonic()
    try:
        DataDir(data_dir).check()
        store = database.store_of(settings)
        _clear_pins(data_dir)
        with _in_the_audit(store, said), Holding(data_dir).kept():
            taken = _taken(settings, store, target, options, say)
    except (TimeoutError, *FAILURES) as error:
        raise BackupError(str(error)) from error
    told = last_backup.LastBackup(taken.about.made_ms, said, taken.bytes, round(time.monotonic() - begun, 3))
    try:
        last_backup.note(data_dir, told)
    except OSError as error:
        log.warning("the backup is made, but %s cannot be written: %s", data_dir / last_backup.NAME, error)
    return taken


def _refuse(target: Path, data_dir: Path) -> None:
    """In the data directory, wherever parts of it are, a backup would be lost with it, and hold itself."""
    if not reading.is_text(str(target.parent)):
        raise BackupError(
            f"{reading.printable(str(target.parent))} is not UTF-8: name a file in another directory"
        )
    if target.is_dir():
        raise BackupError(f"{target} is a directory: name a file")
    if target.is_symlink() or (target.exists() and not target.is_file()):
        raise BackupError(f"{target} is there and no regular file: name another")
    for place in (data_dir, *(data_dir / name for name in ("objects", "packages", "keys", "logs"))):
        if target.parent.resolve().is_relative_to(place.resolve()):
            raise BackupError(f"{target} is in {place}, which it is a backup of: name a file somewhere else")


def _clear_pins(data_dir: Path) -> None:
    """Of backups that were killed, if no other is being made."""
    with Holding(data_dir).removing() as may, suppress(OSError):
        if may:
            sweep_pins(data_dir / "objects")


def _taken(
    settings: Settings, store: SqlStore, target: Path | None, options: Options, say: Callable[[str], None]
) -> Taken:
    data_dir = settings.data_dir.absolute()
    with ExitStack() as stack:
        place = stack.enter_context(scratch.beside(target, "partial")) if target is not None else None
        # plain copies never lie where others may read what is sealed
        room = stack.enter_context(scratch.temporary("partial")) if place is None or options.secret else place
        say("copying the database")
        copy, made_ms, what, pins = _copied(settings, store, room, stack)
        source = _Source(settings, data_dir, room, copy, what, pins, options, say)
        if target is None or place is None:
            taken = source.written(sys.stdout.buffer, made_ms, str(store))
            sys.stdout.buffer.flush()  # before it counts as made
            return taken
        fresh = place / "backup"
        for left in range(AGAIN, -1, -1):
            try:
                taken = _filled(fresh, source, made_ms, str(store))
                break
            except _AgainError as error:
                if not left:
                    raise
                say(str(error))
                source = replace(source, amiss=source.amiss | {error.name})
        _place(fresh, target, replace=options.replace)
        return taken


def _filled(fresh: Path, source: "_Source", made_ms: int, where: str) -> Taken:
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as sink:
        taken = source.written(sink, made_ms, where)
        sink.flush()
        os.fsync(sink.fileno())
    return taken


def _copied(settings: Settings, store: SqlStore, room: Path, stack: ExitStack) -> tuple[Path, int, Named, Pinned]:
    data_dir = settings.data_dir.absolute()
    for number in range(TRIES):
        copy = room / f"{number}.db"
        made_ms = time.time_ns() // 1_000_000
        what = asyncio.run(_copy(store, copy, data_dir / "keys" / "store.key"))

        def is_local(bucket: str, what: Named = what) -> bool:
            return bucket not in what.elsewhere and not settings.s3_endpoint

        try:
            token = secrets.token_hex(4)
            return copy, made_ms, what, stack.enter_context(pinned(data_dir / "objects", what, token, is_local))
        except GoneError:
            copy.unlink()
    raise BackupError("batch tasks end faster than they can be copied: try again")


async def _copy(store: SqlStore, copy: Path, key: Path) -> Named:
    """Of the schema of this release, whatever it was."""
    await store.copy_to(copy)
    opened = SqlStore(copy, key_file=key, makes_key=False)
    await opened.open()
    try:
        if not key.exists() and await asyncio.to_thread(has_sealed, copy):
            raise BackupError(f"{key} is not there, without which nobody opens what is sealed: restore it")
        return await named(opened)
    finally:
        await opened.close()
        await asyncio.to_thread(single_file, copy)


@contextmanager
def _in_the_audit(store: SqlStore, target: str) -> Iterator[None]:
    """That it began, and how it ended."""
    reference = uuid.uuid4().hex

    def record(outcome: Outcome) -> None:
        asyncio.run(_recorded(store, target or "standard output", outcome, reference))

    record(Outcome.BEGUN)
    try:
        yield
    except BaseException:  # also when it is ended from outside
        record(Outcome.FAILED)
        raise
    record(Outcome.DONE)


async def _recorded(store: SqlStore, what: str, outcome: Outcome, reference: str) -> None:
    """A database that cannot be written keeps nobody from a backup."""
    now_ms = time.time_ns() // 1_000_000
    try:
        await store.open_beside()
        await audit.local(store, now_ms, "modelyard backup", name=what, outcome=outcome, reference=reference)
    except (StoreUnavailableError, SchemaError, DamagedFileError, Invalid) as error:
        log.warning("the backup is not in the audit: %s", error)
    finally:
        await store.close()


def _place(fresh: Path, target: Path, *, replace: bool) -> None:
    """Where it belongs; never in the place of another unless that is wanted."""
    if replace:
        files.place(fresh, target)
        return
    try:
        os.link(fresh, target)
    except FileExistsError as error:
        raise BackupError(f"{target} is there by now: name another file, or say --replace") from error
    except OSError:  # a file system without links
        if os.path.lexists(target):
            raise
        fresh.replace(target)
    files.sync(target.parent)


@dataclass(frozen=True, slots=True)
class _Source:
    """What goes into one backup. `amiss`: packages that are damaged, and objects that changed while they were
    read."""

    settings: Settings
    data_dir: Path
    room: Path
    copy: Path
    what: Named
    pins: Pinned
    options: Options
    say: Callable[[str], None]
    amiss: frozenset[str] = frozenset()

    def written(self, sink: BinaryIO, made_ms: int, where: str) -> Taken:
        counted = _Counted(sink)
        sealed = Sealed(counted, self.options.secret) if self.options.secret else None
        odd: list[str] = []
        about = self._about(made_ms, where)
        with tempfile.TemporaryFile(dir=self.room) as spool:
            writer = Writer(sealed or counted, spool)
            writer.add_bytes(layout.ABOUT, about.text(), time_ns=made_ms * 1_000_000)
            self._credentials(writer)
            reading.add_file(writer, layout.DATABASE, self.copy)
            self._keys(writer)
            objects: Iterable[reading.Object] = reading.objects(
                self.data_dir / "objects", self.pins.of, odd.append
            )
            if not self.options.objects:
                self._listed(writer, objects, odd.append)
                objects = self._pinned()
            self._logs(writer, odd.append)
            for number, one in enumerate(objects):
                self._object(writer, one, odd.append)
                if number % 100 == 0:
                    self.say(f"objects: {number}, {writer.totals.bytes.get('objects', 0) >> 20} MiB")
            self._packages(writer, about.missing)
            writer.finish()
        if sealed:
            sealed.close()
        return Taken(about, writer.totals, counted.bytes, odd)

    def _about(self, made_ms: int, where: str) -> About:
        packages = self.data_dir / "packages"
        absent = sorted(
            digest
            for digest in self.what.digests
            if f"packages/{digest}" in self.amiss or not (packages / digest / "model").is_dir()
        )
        elsewhere = sorted(f"{bucket}: {url}" for bucket, url in self.what.elsewhere.items())
        if self.settings.s3_endpoint:
            elsewhere.insert(0, f"every other bucket: {self.settings.s3_endpoint}")
        return About(
            release=__version__,
            schema=migrations.HEAD,
            made_ms=made_ms,
            installation=self._installation(),
            database=where.partition("://")[0] if "://" in where else "sqlite",
            objects="included" if self.options.objects else "listed",
            logs=self.options.logs,
            elsewhere=tuple(elsewhere),
            missing=tuple(f"packages/{digest}" for digest in absent),
        )

    def _installation(self) -> str:
        keys = self.data_dir / "keys"
        if not (keys / KEY_FILE).exists():
            raise BackupError(
                f"{keys / KEY_FILE} is not there, without which no token is good: restore it, or let `up` make one"
            )
        return hashlib.sha256(TokenKey.load(keys).jwks().encode()).hexdigest()[:16]

    def _credentials(self, writer: Writer) -> None:
        path = self.data_dir / FILE_NAME
        try:
            said = files.read_object(path, follow=True)
        except FileNotFoundError:
            return
        except (OSError, ValueError) as error:
            raise BackupError(f"{path} is damaged ({error}): restore it, or move it away") from error
        kept = {name: value for name, value in said.items() if name not in OF_THE_PLACE}
        writer.add_bytes(layout.CREDENTIALS, json.dumps(kept, indent=2).encode() + b"\n")

    def _keys(self, writer: Writer) -> None:
        root = self.data_dir / "keys"
        for path in sorted(root.rglob("*"), key=str) if root.is_dir() else ():
            if not any(part.startswith(".") for part in path.relative_to(root).parts):
                reading.add_file(writer, f"keys/{path.relative_to(root)}", path, follow=True)

    def _object(self, writer: Writer, one: reading.Object, odd: Callable[[str], None]) -> None:
        """One that was pinned and is gone is read where it was; it must be somewhere."""
        pinned_one = self.pins.has(one.bucket, one.key)
        try:
            if not pinned_one and self._is_restless(one):
                if not reading.add_restless(writer, one.name, one.path, self.room):
                    odd(f"{reading.printable(one.name)}: it changes again and again while it is read")
                return
            if reading.add_file(writer, one.name, one.path, follow=True, versioned=True):
                return
        except PermissionError as error:
            if pinned_one:
                raise
            odd(reading.forbidden(one.name, error))
            return
        except reading.RestlessError as error:
            if error.begun:
                raise _AgainError(one.name, str(error)) from error
            if pinned_one:
                raise
            odd(f"{reading.printable(one.name)}: it changes again and again while it is read")
            return
        if pinned_one:
            place = self.data_dir / "objects" / one.bucket / one.key
            if not reading.add_file(writer, one.name, place, follow=True, versioned=True):
                raise BackupError(f"{place} is not there any more, which a batch task needs: try again")

    def _is_restless(self, one: reading.Object) -> bool:
        """It changed while it was read. Where one did, none that is large is trusted any more: each that changes
        then has everything begun anew, which is done so often and no oftener."""
        if one.name in self.amiss:
            return True
        if not any(name.startswith("objects/") for name in self.amiss):
            return False
        with suppress(OSError):
            return one.path.stat().st_size > reading.IN_MEMORY
        return False

    def _pinned(self) -> list[reading.Object]:
        """What a batch task needs that goes on, and nobody but it could put back."""
        found = [reading.Object(b, key, pin) for b, pins in self.pins.files.items() for key, pin in pins.items()]
        return sorted(found, key=lambda one: one.name)

    def _listed(self, writer: Writer, objects: Iterable[reading.Object], odd: Callable[[str], None]) -> None:
        with tempfile.TemporaryFile(dir=self.room) as lines:
            for one in objects:
                if self.pins.has(one.bucket, one.key):
                    continue
                try:
                    entry = reading.listed(one.name, one.path)
                except PermissionError as error:
                    odd(reading.forbidden(one.name, error))
                    continue
                if entry:
                    lines.write(replace(entry, version="").line())
            size = lines.tell()
            lines.seek(0)
            writer.add(layout.LISTED, size, iter(lambda: lines.read(1 << 20), b""))

    def _logs(self, writer: Writer, odd: Callable[[str], None]) -> None:
        """Each segment is a database, and copied as one: lines may be written into the newest, or cut from it."""
        if not self.options.logs:
            return
        self.say("kept lines")
        root = self.data_dir / "logs"
        for path in sorted(root.glob("*/[0-9]*.db"), key=str) if root.is_dir() else ():
            name, copy = f"logs/{path.parent.name}/{path.name}", self.room / "segment.db"
            copy.unlink(missing_ok=True)
            try:
                _copied_segment(path, copy)
            except sqlite3.Error as error:
                if path.exists():  # and was not removed since, as the oldest are
                    odd(f"{reading.printable(name)}: it cannot be read: {error}")
                continue
            reading.add_file(writer, name, copy)

    def _packages(self, writer: Writer, missing: Sequence[str]) -> None:
        for digest in sorted(self.what.digests):
            if f"packages/{digest}" in missing:
                continue
            self.say(f"package {digest[:12]}")
            self._package(writer, digest)

    def _package(self, writer: Writer, digest: str) -> None:
        """Hashed as `artifacts.snapshots.digest_and_size` does: a damaged one makes no backup that is refused."""
        root, hashing = self.data_dir / "packages" / digest, hashlib.sha256()
        for name, is_directory in reading.tree_names(root):
            path, counts = root / name, "/" in name
            if name.startswith(".") and not counts:
                continue  # of the notes beside it, on their way to their names
            if is_directory:
                writer.add_directory(f"packages/{digest}/{name}")
                continue
            if counts:
                hashing.update(snapshots.head(name, path.lstat().st_size))
            seen = hashing.update if counts else _ignored
            if not reading.add_file(writer, f"packages/{digest}/{name}", path, seen=seen):
                raise BackupError(f"{path} is not there any more: somebody removed it by hand")
        if hashing.hexdigest() != digest:
            raise _AgainError(
                f"packages/{digest}", f"the package {root} is damaged: move it away, and publish its model again"
            )


def _ignored(_piece: bytes) -> None: ...


def _copied_segment(path: Path, copy: Path) -> None:
    """Raises sqlite3.Error, also when it was removed since: nothing is made in its place."""
    os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(existing(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")


class _Counted(io.RawIOBase):
    def __init__(self, sink: BinaryIO) -> None:
        self._sink = sink
        self.bytes = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes, /) -> int:  # type: ignore[override]
        self._sink.write(data)
        self.bytes += len(data)
        return len(data)
