"""Where a backup is put, and what is left there."""

import io
import os
import sqlite3
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.worlds import backups

from modelyard.backup import checking, filling, scratch, taking
from modelyard.backup.filling import Options
from modelyard.backup.layout import BackupError, DamagedBackupError
from modelyard.domain.audit import Outcome
from modelyard.processes.datadir import UNFINISHED
from modelyard.processes.last_backup import last
from modelyard.settings import Settings


def test_a_file_is_replaced_only_when_told(settings: Settings, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(BackupError, match="is there already"):
        backups.backed_up(settings, backup)
    assert backup.read_bytes() == before
    backups.backed_up(settings, backup, Options(replace=True))
    assert backup.read_bytes() != before


@pytest.mark.parametrize("replace", [True, False])
def test_what_is_no_file_keeps_its_place(settings: Settings, tmp_path: Path, replace: bool) -> None:
    """A link to where backups are kept, a device, a pipe that somebody reads."""
    (tmp_path / "link").symlink_to("nothing")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "pipe"):
        with pytest.raises(BackupError, match="no regular file"):
            backups.backed_up(settings, tmp_path / name, Options(replace=replace))
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "pipe").is_fifo()


def test_not_into_what_it_is_of(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "objects").mkdir()
    (settings.data_dir / "objects").rename(tmp_path / "objects/all")
    (settings.data_dir / "objects").symlink_to(tmp_path / "objects/all")
    (tmp_path / "way").symlink_to(settings.data_dir)
    before = backups.files(tmp_path)
    for place in ("data/a", "data/objects/lab/a", "objects/all/lab/in/a", "way/a"):
        with pytest.raises(BackupError, match="name a file somewhere else"):
            backups.backed_up(settings, tmp_path / place)
    with pytest.raises(BackupError, match="is a directory: name a file"):
        backups.backed_up(settings, tmp_path / "objects", Options(replace=True))
    assert backups.files(tmp_path) == before
    backups.backed_up(settings, tmp_path / "objects/a")


def test_a_full_disk_leaves_nothing(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(filling.Writer, "finish", full)
    with pytest.raises(OSError, match="No space"):
        backups.backed_up(settings, tmp_path / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]
    assert last(settings.data_dir) is None
    assert [row.outcome for row in backups.recorded(settings)] == [Outcome.FAILED, Outcome.BEGUN]


def test_one_whose_end_nobody_took_was_not_made(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.BytesIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(taking.sys, "stdout", SimpleNamespace(buffer=Full()))
    with pytest.raises(OSError, match="No space"):
        taking.take(settings, None, Options())
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


def test_nothing_plain_lies_beside_one_that_is_sealed(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("tmp", "open"):
        (tmp_path / name).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    beside: list[str] = []
    real = filling.Writer.finish

    def finish(self: filling.Writer) -> None:
        beside.extend(path.name for path in (tmp_path / "open").rglob("*") if path.is_file())
        real(self)

    monkeypatch.setattr(filling.Writer, "finish", finish)
    backups.backed_up(settings, tmp_path / "open/a", Options(secret=b"correct horse"))
    assert sorted(beside) == [".lock", "backup"]
    assert not list((tmp_path / "tmp").iterdir())


def test_the_last_success_is_remembered(settings: Settings, backup: Path) -> None:
    found = last(settings.data_dir)
    assert found is not None
    assert (found.file, found.bytes) == (str(backup), backup.stat().st_size)
    assert found.at_ms == backups.checked(backup).about.made_ms


def test_a_success_that_cannot_be_remembered_is_told(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (settings.data_dir / "backup.json").mkdir()
    backups.backed_up(settings, tmp_path / "a")
    assert "backup.json cannot be written" in caplog.text


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


@pytest.mark.parametrize("at", ["_unpack", "verify"])
def test_a_check_without_room_calls_no_backup_damaged(
    backup: Path, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    """When the database is unpacked, and by the time it is read."""
    free = [checking.ROOM * 3]
    real = getattr(checking._Checking, at, None) or getattr(checking, at)

    def filled(*given: object) -> object:
        free[0] = checking.ROOM + 4096 if at == "_unpack" else 0
        if at == "verify":
            raise sqlite3.OperationalError("database or disk is full")
        return real(*given)

    monkeypatch.setattr(checking._Checking if at == "_unpack" else checking, at, filled)
    monkeypatch.setattr(checking.shutil, "disk_usage", lambda _path: SimpleNamespace(free=free[0]))
    with pytest.raises(BackupError, match="no room") as refused:
        backups.checked(backup)
    assert not isinstance(refused.value, DamagedBackupError)


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


def test_nothing_is_made_of_half_a_data_directory(settings: Settings, tmp_path: Path) -> None:
    (settings.data_dir / UNFINISHED).touch()
    with pytest.raises(BackupError, match="was not finished"):
        backups.backed_up(settings, tmp_path / "a")
    assert not (tmp_path / "a").exists()


def test_nothing_is_made_of_what_is_no_data_directory(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="holds no Modelyard"):
        backups.backed_up(Settings(tmp_path), tmp_path / "a")
    assert not list(tmp_path.iterdir())
