"""What goes into one backup, in its order: the database's copy, keys, kept lines, objects and packages."""

import hashlib
import io
import json
import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO

from modelyard import __version__, files
from modelyard.artifacts import snapshots
from modelyard.backup import layout, reading
from modelyard.backup.archive import Writer
from modelyard.backup.contents import Named, Pinned
from modelyard.backup.layout import About, BackupError
from modelyard.backup.sealing import Sealed
from modelyard.iam.bootstrap import FILE_NAME
from modelyard.iam.tokens import KEY_FILE, TokenKey
from modelyard.settings import Settings
from modelyard.store import migrations
from modelyard.store.sql.copies import existing

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


class AgainError(BackupError):
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


@dataclass(frozen=True, slots=True)
class Source:
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
        """Into `sink`, as of `made_ms`; `where`: the database that is copied. Raises BackupError, OSError."""
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
                raise AgainError(one.name, str(error)) from error
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
            raise AgainError(
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
