"""Whatever a data directory cannot lose is in a backup, and nothing else is."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds import backups

from modelyard import database
from modelyard.artifacts.snapshots import Snapshots
from modelyard.backup import filling, layout, reading
from modelyard.backup.archive import Writer
from modelyard.backup.filling import Options
from modelyard.backup.layout import BackupError, DamagedBackupError
from modelyard.backup.sealing import passphrase
from modelyard.domain.audit import Outcome
from modelyard.objects import tree
from modelyard.settings import Settings


def test_everything_that_cannot_be_made_again_comes_back(settings: Settings, backup: Path, tmp_path: Path) -> None:
    other = Settings(tmp_path / "other")
    backups.restored(backup, other)
    before, after = backups.files(settings.data_dir), backups.files(other.data_dir)
    kept = {name for name in before if name.startswith(("keys/", "objects/", "packages/"))}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert set(after) - kept == {"credentials.json", "format", "modelyard.db"}
    said = json.loads(after["credentials.json"])
    assert said == {"user_name": "admin", "password": backups.PASSWORD}
    assert [(row.action, row.outcome) for row in backups.recorded(settings)] == [
        ("modelyard backup", Outcome.DONE),
        ("modelyard backup", Outcome.BEGUN),
    ]
    assert len({row.reference for row in backups.recorded(settings)}) == 1
    assert backups.acts(other) == ["modelyard restore", "modelyard backup"]

    async def read(given: Settings) -> object:
        store = database.store_of(given)
        await store.open()
        try:
            async with store.read() as r:
                return [await r.access_key("AK"), await r.endpoints(), await r.records(), await r.tasks("s1")]
        finally:
            await store.close()

    assert asyncio.run(read(other)) == asyncio.run(read(settings))
    snapshots = Snapshots(other.data_dir / "packages")
    (digest,) = (path.name for path in snapshots.shelf.all())
    manifest = (other.data_dir / "packages" / digest / "manifest.json").stat()
    snapshots.path(digest)
    assert (
        other.data_dir / "packages" / digest / "manifest.json"
    ).stat().st_ino == manifest.st_ino  # as remembered
    assert (other.data_dir / "packages" / digest / "model/empty").is_dir()


def test_objects_are_known_by_rows_as_before(backup: Path, tmp_path: Path) -> None:
    """The word by which an input is known to be unchanged has the inode in it."""
    other = Settings(tmp_path / "other")
    backups.restored(backup, other)

    async def version() -> str:
        store = database.store_of(other)
        await store.open()
        try:
            async with store.read() as r:
                assert await r.log_exports("otlp") == {}  # lines begin anew, and so does their export
                return (await r.sources("t1"))[0].version
        finally:
            await store.close()

    assert asyncio.run(version()) == tree.version((other.data_dir / "objects/lab/in/rows.csv").stat())


def test_who_may_read_what(backup: Path, tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        backups.restored(backup, Settings(tmp_path / "other"))
    finally:
        os.umask(umask)
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (tmp_path / "other").rglob("*")}
    for path, mode in modes.items():
        parts = path.relative_to(tmp_path / "other").parts
        of_package = parts[0] == "packages" and len(parts) > 1
        assert mode == (
            (0o755 if path.is_dir() else 0o444) if of_package else 0o700 if path.is_dir() else 0o600
        ), path
    assert stat.S_IMODE((tmp_path / "other").stat().st_mode) == 0o700
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600


def test_the_same_without_and_with_its_passphrase(settings: Settings, tmp_path: Path) -> None:
    sealed = tmp_path / "sealed"
    backups.backed_up(settings, sealed, Options(secret=b"correct horse"))
    assert b"credentials" not in sealed.read_bytes()
    with pytest.raises(BackupError, match="--passphrase-file"):
        backups.checked(sealed)
    with pytest.raises(BackupError, match="passphrase is not the one"):
        backups.checked(sealed, b"wrong horse")
    assert backups.checked(sealed, b"correct horse").about.objects == "included"
    backups.restored(sealed, Settings(tmp_path / "other"), b"correct horse")
    assert (tmp_path / "other/objects/lab/in/rows.csv").read_text() == "1\n2\n"


def test_what_comes_through_a_pipe_is_told_to_be_put_into_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("-")):
        with pytest.raises(BackupError, match="must be put into a file first"):
            backups.checked(path)
    with pytest.raises(BackupError, match=r"nothing is no file$"):
        backups.checked(tmp_path / "nothing")


def test_a_passphrase_may_come_through_a_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writing = threading.Thread(target=(tmp_path / "pipe").write_text, args=("correct horse\nand more",))
    writing.start()
    try:
        assert passphrase(tmp_path / "pipe") == b"correct horse"
    finally:
        writing.join()


def test_tar_reads_it(backup: Path) -> None:
    listed = subprocess.run(["tar", "tzf", str(backup)], check=True, capture_output=True, text=True)
    assert layout.DATABASE in listed.stdout.splitlines()


def test_objects_may_be_listed_only(settings: Settings, tmp_path: Path) -> None:
    target = tmp_path / "a"
    taken = backups.backed_up(settings, target, Options(objects=False))
    assert (taken.about.objects, backups.checked(target).totals.files["left-out"]) == ("listed", 1)
    listed = subprocess.run(["tar", "xzOf", str(target), layout.LISTED], check=True, capture_output=True)
    entries = [layout.entry(line) for line in listed.stdout.splitlines()]
    assert (entries[0].name, entries[0].size) == ("objects/lab/in/rows.csv", 4)
    backups.restored(target, Settings(tmp_path / "other"))
    (part,) = (path for path in (tmp_path / "other/objects").rglob("*") if path.is_file())
    assert part.relative_to(tmp_path / "other/objects/lab") == Path(backups.PART)  # its task goes on with it


def test_what_is_elsewhere_is_told_without_its_keys(settings: Settings, tmp_path: Path) -> None:
    given = replace(settings, s3_endpoint="https://all.example", s3_access_key="k", s3_secret_key=backups.SECRET)
    about = backups.backed_up(given, tmp_path / "a").about
    assert about.elsewhere == ("every other bucket: https://all.example", "far: https://s3.example")
    assert backups.SECRET not in about.text().decode()


def test_kept_lines_come_along_when_asked_for(settings: Settings, tmp_path: Path) -> None:
    segment = settings.data_dir / "logs/s1/1.db"
    writing = sqlite3.connect(segment)
    writing.execute("PRAGMA journal_mode = WAL")
    writing.execute("CREATE TABLE facts(id)")
    writing.execute("INSERT INTO facts VALUES (7)")
    writing.commit()
    backups.backed_up(settings, tmp_path / "a", Options(logs=True))
    writing.close()
    other = Settings(tmp_path / "other")
    backups.restored(tmp_path / "a", other)
    assert backups.rows(other.data_dir / "logs/s1/1.db") == {"facts": [(7,)]}


def test_lines_that_are_cut_meanwhile_are_not_made_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = settings.data_dir / "logs/s1/1.db"
    sqlite3.connect(segment).close()
    real = filling._copied_segment

    def copied(path: Path, copy: Path) -> None:
        path.unlink()
        real(path, copy)

    monkeypatch.setattr(filling, "_copied_segment", copied)
    backups.backed_up(settings, tmp_path / "a", Options(logs=True))
    assert "logs" not in backups.checked(tmp_path / "a").totals.files
    assert not segment.exists()


def test_lines_that_cannot_be_read_are_told(settings: Settings, tmp_path: Path) -> None:
    (settings.data_dir / "logs/s1/1.db").write_text("no database at all")
    taken = backups.backed_up(settings, tmp_path / "a", Options(logs=True))
    assert [text.partition(": ")[0] for text in taken.odd] == ["logs/s1/1.db"]
    assert "logs" not in backups.checked(tmp_path / "a").totals.files


def test_packages_that_no_row_names_stay_behind(settings: Settings, tmp_path: Path) -> None:
    unused = backups.snapshot(settings.data_dir, "unused")
    taken = backups.backed_up(settings, tmp_path / "a")
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    assert not (tmp_path / "other/packages" / unused).exists()
    assert taken.about.missing == ()


def test_a_package_that_is_lost_is_told_and_keeps_nobody_from_a_backup(settings: Settings, tmp_path: Path) -> None:
    (package,) = (path for path in (settings.data_dir / "packages").iterdir())
    package.rename(tmp_path / "lost")
    backups.backed_up(settings, tmp_path / "a")
    assert backups.checked(tmp_path / "a").about.missing == (f"packages/{package.name}",)


def _rot(settings: Settings, content: str) -> None:
    (weights,) = settings.data_dir.glob("packages/*/model/sub/weights.bin")
    weights.chmod(0o600)
    weights.write_text(content)


@pytest.mark.parametrize("how", ["changed", "emptied"])
def test_a_package_that_rotted_is_told_as_one_that_is_lost(settings: Settings, tmp_path: Path, how: str) -> None:
    (package,) = (settings.data_dir / "packages").iterdir()
    if how == "changed":
        _rot(settings, "other  ")
    else:
        shutil.rmtree(package / "model")
        (package / "model").mkdir()
    assert backups.backed_up(settings, tmp_path / "a").about.missing == (f"packages/{package.name}",)
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    assert not list((tmp_path / "other/packages").iterdir())


def test_a_package_that_is_not_what_its_name_says_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _rot(settings, "other  ")

    def package(self: filling.Source, writer: Writer, digest: str) -> None:
        root = self.data_dir / "packages" / digest
        for name, is_directory in reading.tree_names(root):
            if not is_directory:
                reading.add_file(writer, f"packages/{digest}/{name}", root / name)

    monkeypatch.setattr(filling.Source, "_package", package)
    backups.backed_up(settings, tmp_path / "a")
    with pytest.raises(DamagedBackupError, match="is not what its name says"):
        backups.checked(tmp_path / "a")


@pytest.mark.parametrize("lost", ["store.key", "token.pem"])
def test_a_lost_key_is_told_and_not_made_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    real = filling.Source._keys

    def keys(self: filling.Source, writer: Writer) -> None:
        (settings.data_dir / "keys" / lost).rename(tmp_path / lost)
        real(self, writer)
        (tmp_path / lost).rename(settings.data_dir / "keys" / lost)

    with monkeypatch.context() as patched:
        patched.setattr(filling.Source, "_keys", keys)
        backups.backed_up(settings, tmp_path / "without")
    with pytest.raises(DamagedBackupError, match=lost):
        backups.checked(tmp_path / "without")
    (settings.data_dir / "keys" / lost).unlink()
    with pytest.raises(BackupError, match=f"keys/{lost} is not there"):
        backups.backed_up(settings, tmp_path / "a")
    assert not (settings.data_dir / "keys" / lost).exists()
    assert not (tmp_path / "a").exists()
