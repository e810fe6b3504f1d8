"""Whatever a data directory cannot lose comes back from a backup, and nothing else does."""

import asyncio
import json
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from tests.contract import store_samples as samples
from tests.contract.test_rights import mountable
from tests.postgresql import Cluster
from tests.worlds import backups

from modelyard import composition, database
from modelyard.artifacts.snapshots import Snapshots
from modelyard.backup import checking, contents, layout, reading, restoring, scratch, taking
from modelyard.backup.archive import Writer
from modelyard.backup.layout import BackupError, DamagedBackupError
from modelyard.backup.sealing import passphrase
from modelyard.backup.taking import Options
from modelyard.domain.audit import Outcome
from modelyard.domain.model import ModelStatus
from modelyard.iam.tokens import TokenKey
from modelyard.objects import tree
from modelyard.objects.local import PINS, WRITING, LocalObjects
from modelyard.processes.datadir import UNFINISHED, DataDir, DataDirError
from modelyard.processes.holding import Holding
from modelyard.processes.last_backup import last
from modelyard.settings import Settings
from modelyard.store import migrations
from modelyard.store.sql import SqlStore, schema
from modelyard.store.sql.copies import verify
from modelyard.trees import ASIDE


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return backups.made(tmp_path)


@pytest.fixture
def backup(settings: Settings, tmp_path: Path) -> Path:
    backups.backed_up(settings, tmp_path / "a.backup")
    return tmp_path / "a.backup"


def files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = sqlite3.connect(path)
    try:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {n: sorted(connection.execute(f"SELECT * FROM {n}"), key=repr) for n in names}
    finally:
        connection.close()


def test_everything_that_cannot_be_made_again_comes_back(settings: Settings, backup: Path, tmp_path: Path) -> None:
    other = Settings(tmp_path / "other")
    backups.restored(backup, other)
    before, after = files(settings.data_dir), files(other.data_dir)
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

    assert asyncio.run(version()) == tree.version((other.data_dir / "objects/work/in/rows.csv").stat())


def test_who_may_read_what(backup: Path, tmp_path: Path) -> None:
    os.umask(umask := os.umask(0))
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
    assert (tmp_path / "other/objects/work/in/rows.csv").read_text() == "1\n2\n"


def test_what_comes_through_a_pipe_is_told_to_be_put_into_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("-")):
        with pytest.raises(BackupError, match="must be put into a file first"):
            backups.checked(path)
    with pytest.raises(BackupError, match=r"nothing is no file$"):
        backups.checked(tmp_path / "nothing")


def test_the_release_of_a_newer_format_is_shown_as_nobody_vouches_for_it() -> None:
    with pytest.raises(BackupError, match=r"use release '\\x1b\[2J'"):
        layout.about(b'{"format": 2, "release": "\\u001b[2J"}')


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
    assert (entries[0].name, entries[0].size) == ("objects/work/in/rows.csv", 4)
    backups.restored(target, Settings(tmp_path / "other"))
    (part,) = (path for path in (tmp_path / "other/objects").rglob("*") if path.is_file())
    assert part.relative_to(tmp_path / "other/objects/work") == Path(backups.PART)  # its task goes on with it


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
    assert rows(other.data_dir / "logs/s1/1.db") == {"facts": [(7,)]}


def test_lines_that_are_cut_meanwhile_are_not_made_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = settings.data_dir / "logs/s1/1.db"
    sqlite3.connect(segment).close()
    real = taking._copied_segment

    def copied(path: Path, copy: Path) -> None:
        path.unlink()
        real(path, copy)

    monkeypatch.setattr(taking, "_copied_segment", copied)
    backups.backed_up(settings, tmp_path / "a", Options(logs=True))
    assert "logs" not in backups.checked(tmp_path / "a").totals.files
    assert not segment.exists()


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

    def package(self: taking._Source, writer: Writer, digest: str) -> None:
        root = self.data_dir / "packages" / digest
        for name, is_directory in reading.tree_names(root):
            if not is_directory:
                reading.add_file(writer, f"packages/{digest}/{name}", root / name)

    monkeypatch.setattr(taking._Source, "_package", package)
    backups.backed_up(settings, tmp_path / "a")
    with pytest.raises(DamagedBackupError, match="is not what its name says"):
        backups.checked(tmp_path / "a")


@pytest.mark.parametrize("lost", ["store.key", "token.pem"])
def test_a_lost_key_is_told_and_not_made_anew(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    real = taking._Source._keys

    def keys(self: taking._Source, writer: Writer) -> None:
        (settings.data_dir / "keys" / lost).rename(tmp_path / lost)
        real(self, writer)
        (tmp_path / lost).rename(settings.data_dir / "keys" / lost)

    with monkeypatch.context() as patched:
        patched.setattr(taking._Source, "_keys", keys)
        backups.backed_up(settings, tmp_path / "without")
    with pytest.raises(DamagedBackupError, match=lost):
        backups.checked(tmp_path / "without")
    (settings.data_dir / "keys" / lost).unlink()
    with pytest.raises(BackupError, match=f"keys/{lost} is not there"):
        backups.backed_up(settings, tmp_path / "a")
    assert not (settings.data_dir / "keys" / lost).exists()
    assert not (tmp_path / "a").exists()


# ── meanwhile ────────────────────────────────────────────────────────────────────────────────────────────────────


def during(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Calls `act` with the count of copies of the database, each time one was made."""
    real, count = taking._copy, [0]

    async def copied(*given: object) -> object:
        found = await real(*given)  # type: ignore[arg-type]
        count[0] += 1
        await asyncio.to_thread(act, count[0])
        return found

    monkeypatch.setattr(taking, "_copy", copied)


def test_what_is_written_and_deleted_meanwhile_harms_nothing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def publish() -> None:
        store = database.store_of(settings)
        await store.open()
        digest = await asyncio.to_thread(backups.snapshot, settings.data_dir, "new")
        async with store.write() as w:
            await w.save_model(samples.model("m9", digest=digest, status=ModelStatus.PUBLISHED))
            await w.delete_model("m1")
        await store.close()

    def act(_count: int) -> None:
        asyncio.run(publish())
        (settings.data_dir / "objects/work/in/rows.csv").unlink()
        (settings.data_dir / "objects/work/in/new.csv").write_text("3\n")
        with Holding(settings.data_dir).removing() as may:
            assert not may  # so the snapshot that nothing names any more is still there

    during(monkeypatch, act)
    backups.backed_up(settings, tmp_path / "a")
    assert backups.checked(tmp_path / "a").about.missing == ()


def test_parts_that_a_task_removes_meanwhile_are_in_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = settings.data_dir / "objects/work" / backups.PART
    real = contents._pin

    def pin(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        part.unlink()

    monkeypatch.setattr(contents, "_pin", pin)
    backups.backed_up(settings, tmp_path / "a")
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    assert (tmp_path / "other/objects/work" / backups.PART).read_text() == "lines of a part"
    assert not list(settings.data_dir.rglob("backup-*"))


@pytest.mark.parametrize("lost", [False, True])
def test_parts_are_in_it_if_the_control_plane_starts_meanwhile(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """It spares what a backup has yet to read; and what is gone nevertheless is read where it was."""
    root = settings.data_dir / "objects"
    (root / "work" / WRITING).mkdir()
    (root / "work" / WRITING / "half").touch()
    real = reading.objects

    def objects(*given: object) -> object:
        composition._sweep(LocalObjects(root), settings.data_dir)
        assert [path.name[: len(PINS)] for path in (root / "work" / WRITING).iterdir()] == [PINS]
        if lost:
            LocalObjects(root).sweep()
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "objects", objects)
    backups.backed_up(settings, tmp_path / "a")
    backups.checked(tmp_path / "a")


def test_a_part_that_is_lost_after_all_fails_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = reading.objects

    def objects(*given: object) -> object:
        LocalObjects(settings.data_dir / "objects").sweep()
        (settings.data_dir / "objects/work" / backups.PART).unlink()
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "objects", objects)
    with pytest.raises(BackupError, match="a batch task needs"):
        backups.backed_up(settings, tmp_path / "a")
    assert last(settings.data_dir) is None


def test_pins_that_a_kill_left_go_at_the_next_start_or_backup(settings: Settings, tmp_path: Path) -> None:
    left = settings.data_dir / "objects/work" / WRITING / f"{PINS}0123"
    left.mkdir(parents=True)
    composition._sweep(LocalObjects(settings.data_dir / "objects"), settings.data_dir)
    assert not left.exists()
    left.mkdir(parents=True)
    backups.backed_up(settings, tmp_path / "a")
    assert not left.exists()


def test_parts_that_are_gone_already_have_the_database_copied_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = settings.data_dir / "objects/work" / backups.PART

    async def forget() -> None:
        store = database.store_of(settings)
        await store.open()
        async with store.write() as w:
            await w.clear_parts("t1")
        await store.close()

    copies = []

    def act(count: int) -> None:
        copies.append(count)
        part.unlink(missing_ok=True)
        if count == 3:
            asyncio.run(forget())

    during(monkeypatch, act)
    backups.backed_up(settings, tmp_path / "a")
    assert copies == [1, 2, 3, 4]
    backups.checked(tmp_path / "a")


def test_a_part_that_is_lost_for_good_is_no_reason_to_wait_for_ever(settings: Settings, tmp_path: Path) -> None:
    (settings.data_dir / "objects/work" / backups.PART).unlink()
    with pytest.raises(BackupError, match="try again"):
        backups.backed_up(settings, tmp_path / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize("objects", [True, False])
def test_what_is_no_object_is_left_out_and_named_all_at_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: bool
) -> None:
    work = settings.data_dir / "objects/work"
    os.mkfifo(work / "a-pipe")
    (work / "in/out-of-it").symlink_to(tmp_path)
    (work / "in/circle").symlink_to(work / "in")
    (work / "in/nowhere").symlink_to(work / "nothing")
    (work / "in/back\\slash").touch()
    (work / "in/new\nline").touch()
    os.close(os.open(os.fsencode(work) + b"/in/\xff", os.O_CREAT | os.O_WRONLY))
    (settings.data_dir / "objects/UP").touch()
    (work / "secret").touch()
    real = reading._opened

    def opened(path: Path, *, follow: bool) -> int | None:
        if path.name == "secret":  # root may read anything
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, follow=follow)

    monkeypatch.setattr(reading, "_opened", opened)
    taken = backups.backed_up(settings, tmp_path / "a", Options(objects=objects))
    said = [text.partition(": ") for text in taken.odd]
    assert sorted(name for name, _, _ in said) == [
        "'objects/work/in/new\\nline'",
        "objects/UP",
        "objects/work/a-pipe",
        "objects/work/in/\\xff",
        "objects/work/in/back\\slash",
        "objects/work/in/circle",
        "objects/work/in/nowhere",
        "objects/work/in/out-of-it",
        "objects/work/secret",
    ]
    assert all(why.startswith("it ") for _, _, why in said)
    if objects:
        backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
        assert (tmp_path / "other/objects/work/in/rows.csv").exists()


@pytest.mark.parametrize("ends", [True, False])
def test_an_object_that_is_written_in_place_is_copied_until_it_rests(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    big = settings.data_dir / "objects/work/in/big"
    big.write_bytes(b"0" * (reading.IN_MEMORY + 1))
    real, times = reading._same, []

    def same(one: os.stat_result, other: os.stat_result) -> bool:
        if one.st_size > reading.IN_MEMORY and one.st_ino == big.stat().st_ino and (not ends or len(times) < 3):
            times.append(1)
            return False
        return real(one, other)

    monkeypatch.setattr(reading, "_same", same)
    monkeypatch.setattr(reading, "PAUSE_S", 0)
    taken = backups.backed_up(settings, tmp_path / "a")
    again = "objects/work/in/big: it changes again and again while it is read"
    assert taken.odd == ([] if ends else [again])
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    copy = tmp_path / "other/objects/work/in/big"
    assert copy.read_bytes() == big.read_bytes() if ends else not copy.exists()


# ── where it is put ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_file_is_replaced_only_when_told(settings: Settings, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        backups.backed_up(settings, backup)
    assert backup.read_bytes() == before
    backups.backed_up(settings, backup, Options(replace=True))
    assert backup.read_bytes() != before


def test_not_into_what_it_is_of(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (settings.data_dir / "objects").rename(tmp_path / "objects/all")
    (settings.data_dir / "objects").symlink_to(tmp_path / "objects/all")
    (tmp_path / "way").symlink_to(settings.data_dir)
    before = files(tmp_path)
    for place in ("data/a", "data/objects/work/a", "objects/all/work/in/a", "way/a"):
        with pytest.raises(BackupError, match="name a file somewhere else"):
            backups.backed_up(settings, tmp_path / place)
    with pytest.raises(BackupError, match="is a directory: name a file"):
        backups.backed_up(settings, tmp_path / "objects", Options(replace=True))
    assert files(tmp_path) == before
    backups.backed_up(settings, tmp_path / "objects/a")


def test_a_full_disk_leaves_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(taking.Writer, "finish", full)
    with pytest.raises(OSError, match="No space"):
        backups.backed_up(settings, tmp_path / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]
    assert last(settings.data_dir) is None
    assert [row.outcome for row in backups.recorded(settings)] == [Outcome.FAILED, Outcome.BEGUN]


def test_whatever_it_is_called(settings: Settings, tmp_path: Path) -> None:
    target = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff"))
    backups.backed_up(settings, target)
    assert target.is_file()
    said = f"{tmp_path}/\\xff"
    assert {row.name for row in backups.recorded(settings)} == {said}
    found = last(settings.data_dir)
    assert found is not None
    assert found.file == said
    target.rename(tmp_path / "a")
    backups.checked(tmp_path / "a")
    target.mkdir()
    with pytest.raises(BackupError, match="is not UTF-8"):
        backups.backed_up(settings, target / "a")


def test_the_last_success_is_remembered(settings: Settings, backup: Path) -> None:
    found = last(settings.data_dir)
    assert found is not None
    assert (found.file, found.bytes) == (str(backup), backup.stat().st_size)
    assert found.at_ms == backups.checked(backup).about.made_ms


def test_what_a_kill_left_is_removed_by_the_next(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was made then, and not what is made now."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    names = [".other.partial-01234567", ".data.restoring-01234567", "tmp/.modelyard.checking-01234567"]
    for name in names:
        (tmp_path / name).mkdir()
        (tmp_path / name / ".lock").touch()
        (tmp_path / name / "backup").write_text("half of one")
    (tmp_path / ".mine.partial-01234567").mkdir()
    with scratch.beside(tmp_path / "b", "partial") as at_work:
        backups.backed_up(settings, tmp_path / "a")
        backups.checked(tmp_path / "a")
        assert at_work.exists()
    assert not [name for name in names if (tmp_path / name).exists()]
    assert (tmp_path / ".mine.partial-01234567").exists()  # without a lock it is none of ours
    assert not list(temporary.iterdir())


def test_a_check_writes_no_key_anywhere(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    found: list[set[str]] = []
    real = checking._read

    async def read(*given: object) -> object:
        found.append({path.name for path in (tmp_path / "tmp").rglob("*") if path.is_file()})
        return await real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(checking, "_read", read)
    backups.checked(backup)
    assert found == [{".lock", "modelyard.db"}]


def test_nothing_is_made_of_what_is_no_data_directory(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="holds no Modelyard"):
        backups.backed_up(Settings(tmp_path), tmp_path / "a")
    assert not list(tmp_path.iterdir())


# ── restoring ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_only_where_nothing_is(settings: Settings, backup: Path, tmp_path: Path) -> None:
    before = files(settings.data_dir)
    with pytest.raises(BackupError, match="is not empty"):
        backups.restored(backup, settings)
    assert files(settings.data_dir) == before
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="is no directory"):
        backups.restored(backup, Settings(tmp_path / "file"))
    (tmp_path / "empty").mkdir()
    backups.restored(backup, Settings(tmp_path / "empty"))
    assert (tmp_path / "empty/modelyard.db").exists()


@pytest.mark.parametrize("at", ["_settled", "_owned", "_place"])
def test_one_that_breaks_off_leaves_nothing_that_up_would_start(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(restoring, at, broken)
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        backups.restored(backup, Settings(tmp_path / "other"))
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_into_a_mount_point_under_a_mark(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that cannot be renamed over."""
    other = tmp_path / "other"
    (other / "lost+found").mkdir(parents=True)
    monkeypatch.setattr(restoring.os.path, "ismount", lambda path: path == other)
    real, moved = Path.rename, []

    def rename(self: Path, target: Path) -> Path:
        if target.parent == other and not target.name.startswith(ASIDE):
            moved.append(target.name)
            with pytest.raises(DataDirError, match="was not finished"):
                DataDir(other).check()
            if len(moved) == 3 and not failed:
                failed.append(1)
                raise KeyboardInterrupt
        return real(self, target)

    failed: list[int] = []
    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(KeyboardInterrupt):
        backups.restored(backup, Settings(other))
    with pytest.raises(DataDirError, match="was not finished"):
        DataDir(other).check()
    with pytest.raises(BackupError, match="was not finished"):
        backups.restored(backup, Settings(other))
    for path in other.iterdir():
        path.rename(tmp_path / f"gone-{path.name}")
    backups.restored(backup, Settings(other))
    assert not (other / UNFINISHED).exists()
    DataDir(other).check()
    assert backups.acts(Settings(other))[0] == "modelyard restore"


def test_up_refuses_a_mount_point_from_the_first_file_on(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(restoring.os.path, "ismount", lambda path: path == other)
    real = restoring._built

    def built(*given: object) -> Path:
        with pytest.raises(DataDirError, match="was not finished"):
            DataDir(other).check()
        if not failed:
            failed.append(1)
            raise KeyboardInterrupt
        return real(*given)  # type: ignore[arg-type]

    failed: list[int] = []
    monkeypatch.setattr(restoring, "_built", built)
    with pytest.raises(KeyboardInterrupt):
        backups.restored(backup, Settings(other))
    assert not list(other.iterdir())
    (other / UNFINISHED).touch()  # what a kill leaves
    (other / ".restored.restoring-0123").mkdir()
    backups.restored(backup, Settings(other))
    DataDir(other).check()


def test_into_an_empty_directory_below_one_of_others(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a service's user has it in /var/lib."""
    other = tmp_path / "lib/other"
    other.mkdir(parents=True)
    (tmp_path / "lib").chmod(0o555)
    if os.geteuid() == 0:  # whom no mode keeps from writing
        monkeypatch.setattr(restoring.os, "access", lambda path, _mode: path != other.parent)
    before = other.stat()
    backups.restored(backup, Settings(other))
    assert (other.stat().st_ino, [*other.parent.iterdir()]) == (before.st_ino, [other])
    DataDir(other).check()
    assert backups.acts(Settings(other))[0] == "modelyard restore"


def test_without_room_nothing_begins(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "ROOM", 1 << 60)
    with pytest.raises(BackupError, match="free"):
        backups.restored(backup, Settings(tmp_path / "other"))
    assert not (tmp_path / "other").exists()


def test_one_of_a_newer_release_is_refused(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backups.backed_up(settings, tmp_path / "a")
    monkeypatch.setattr(migrations, "KNOWN", migrations.KNOWN[:-1])
    with pytest.raises(BackupError, match="newer release"):
        backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    monkeypatch.setattr(layout, "FORMAT", 0)
    with pytest.raises(BackupError, match="format 1, this release knows 0"):
        backups.checked(tmp_path / "a")
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("keys", [True, False])
def test_one_of_an_earlier_release_is_brought_forward(tmp_path: Path, keys: bool) -> None:
    old = tmp_path / "old.db"
    engine = create_engine(f"sqlite:///{old}")
    with engine.begin() as connection:
        schema.migrate(connection, "0005")
    engine.dispose()
    about = layout.About("0.0.9", "0005", 1, "", "sqlite", "included", False)
    with (tmp_path / "a").open("wb") as sink, (tmp_path / "spool").open("w+b") as spool:
        writer = Writer(sink, spool)
        writer.add_bytes(layout.ABOUT, about.text())
        writer.add_bytes(layout.DATABASE, old.read_bytes())
        if keys:
            writer.add_bytes("keys/token.pem", b"a key")
        writer.finish()
    if not keys:
        with pytest.raises(DamagedBackupError, match=r"keys/token.pem is not in it"):
            backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
        return
    assert backups.checked(tmp_path / "a").about.schema == "0005"
    other = Settings(tmp_path / "other")
    backups.restored(tmp_path / "a", other)
    assert verify(other.data_dir / "modelyard.db") == migrations.HEAD
    assert backups.acts(other) == ["modelyard restore"]


@pytest.mark.parametrize("locked", [True, False])
def test_of_a_directory_that_is_read_only(settings: Settings, tmp_path: Path, locked: bool) -> None:
    """A snapshot of a file system, say. Parts of tasks that go on are in it, too."""
    mountable()
    if locked:
        with Holding(settings.data_dir).removing():
            pass
    script = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$3" backup "$2" --data-dir "$1"'
    given = (str(settings.data_dir), str(tmp_path / "a"), str(Path(sys.executable).with_name("modelyard")))
    ran = subprocess.run(
        ["unshare", "-m", "sh", "-c", script, "-", *given], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert "the backup is not in the audit" in ran.stderr
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    assert (tmp_path / "other/objects/work" / backups.PART).read_text() == "lines of a part"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root restores for somebody else")
def test_for_the_user_whose_directory_it_is(settings: Settings, tmp_path: Path) -> None:
    """The server runs as somebody else than root, who backs up and restores."""
    for path in (settings.data_dir, *settings.data_dir.rglob("*")):
        os.chown(path, 12345, 12345)
    backups.backed_up(settings, tmp_path / "a")
    assert {path.stat().st_uid for path in (settings.data_dir, *settings.data_dir.rglob("*"))} == {12345}
    other = tmp_path / "other"
    other.mkdir()
    os.chown(other, 12345, 12346)
    backups.restored(tmp_path / "a", Settings(other))
    assert {(p.stat().st_uid, p.stat().st_gid) for p in (other, *other.rglob("*"))} == {(12345, 12346)}


# ── the other database ───────────────────────────────────────────────────────────────────────────────────────────


def test_there_and_back_again_through_postgresql(
    settings: Settings, backup: Path, tmp_path: Path, postgresql: Cluster
) -> None:
    with postgresql.database() as url:
        there = Settings(tmp_path / "there", database_url=url)
        backups.restored(backup, there)
        assert not (there.data_dir / "modelyard.db").exists()
        assert backups.acts(there) == ["modelyard restore", "modelyard backup"]
        with pytest.raises(BackupError, match=r"holds another Modelyard.*was killed at its end"):
            backups.restored(backup, Settings(tmp_path / "twice", database_url=url))
        assert not (tmp_path / "twice").exists()
        asyncio.run(_running(there, tmp_path / "b"))
    back = Settings(tmp_path / "back")
    backups.restored(tmp_path / "b", back)
    before, after = rows(settings.data_dir / "modelyard.db"), rows(back.data_dir / "modelyard.db")
    of_the_way = {"audit", "batch_sources", "log_exports", "sqlite_sequence"}
    assert {k: v for k, v in after.items() if k not in of_the_way} == {
        k: v for k, v in before.items() if k not in of_the_way
    }
    assert after["sqlite_sequence"] == [("audit", len(after["audit"]))]
    assert [row[7] for row in after["audit"]] == [
        "modelyard backup",
        "modelyard restore",
        "modelyard backup",
        "modelyard restore",
    ]


async def _running(there: Settings, target: Path) -> None:
    """A backup while a control plane has the database's lock, and writes."""
    store: SqlStore = database.store_of(there)
    await store.open()
    try:
        await asyncio.to_thread(backups.backed_up, there, target)
        async with store.write() as w:
            await w.add_events([samples.EVENT])
    finally:
        await store.close()


def test_the_url_of_postgresql_has_to_be_given(tmp_path: Path, postgresql: Cluster) -> None:
    with postgresql.database() as url:
        settings = backups.made(tmp_path, url)
        with pytest.raises(BackupError, match="set MODELYARD_DATABASE_URL"):
            backups.backed_up(replace(settings, database_url=""), tmp_path / "a")
        backups.backed_up(settings, tmp_path / "a")
    about = backups.checked(tmp_path / "a").about
    assert about.database == "postgresql"
    assert TokenKey.load(settings.data_dir / "keys").jwks()
    assert len(about.installation) == 16
