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
import logging
import os
import secrets
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from modelyard import database, files
from modelyard.backup import reading, scratch
from modelyard.backup.checking import FAILURES
from modelyard.backup.contents import GoneError, Named, Pinned, named, pinned
from modelyard.backup.filling import AgainError, Options, Source, Taken
from modelyard.backup.layout import BackupError
from modelyard.domain.audit import Outcome
from modelyard.domain.errors import Invalid
from modelyard.files import DamagedFileError
from modelyard.objects.local import sweep_pins
from modelyard.operations import audit
from modelyard.processes import last_backup
from modelyard.processes.datadir import DataDir
from modelyard.processes.holding import Holding
from modelyard.settings import Settings
from modelyard.store.base import SchemaError, StoreUnavailableError
from modelyard.store.sql import SqlStore
from modelyard.store.sql.copies import has_sealed, single_file

log = logging.getLogger(__name__)

TRIES = 10
"""Copies of the database, where tasks end while it is copied."""
AGAIN = 20
"""How often a file is begun anew because something that it has a part of already is not as it must be."""


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
        source = Source(settings, data_dir, room, copy, what, pins, options, say)
        if target is None or place is None:
            taken = source.written(sys.stdout.buffer, made_ms, str(store))
            sys.stdout.buffer.flush()  # before it counts as made
            return taken
        fresh = place / "backup"
        for left in range(AGAIN, -1, -1):
            try:
                taken = _filled(fresh, source, made_ms, str(store))
                break
            except AgainError as error:
                if not left:
                    raise
                say(str(error))
                source = replace(source, amiss=source.amiss | {error.name})
        _place(fresh, target, replace=options.replace)
        return taken


def _filled(fresh: Path, source: Source, made_ms: int, where: str) -> Taken:
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
