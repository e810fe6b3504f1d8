"""Into what a backup is restored, and what one that breaks off leaves."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from tests.contract.test_rights import mountable
from tests.worlds import backups

from modelyard.backup import layout, restoring
from modelyard.backup.archive import Writer
from modelyard.backup.layout import BackupError, DamagedBackupError
from modelyard.processes.datadir import UNFINISHED, DataDir, DataDirError
from modelyard.processes.holding import Holding
from modelyard.settings import Settings
from modelyard.store import migrations
from modelyard.store.sql import schema
from modelyard.store.sql.copies import verify
from modelyard.trees import ASIDE


def test_only_where_nothing_is(settings: Settings, backup: Path, tmp_path: Path) -> None:
    before = backups.files(settings.data_dir)
    with pytest.raises(BackupError, match="is not empty"):
        backups.restored(backup, settings)
    assert backups.files(settings.data_dir) == before
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


def test_a_mount_point_that_is_used_by_now_is_left_alone(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To check the backup takes long: a server may have been started there since."""
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(restoring.os.path, "ismount", lambda path: path == other)
    real = restoring.checking.check

    def check(*given: object) -> object:
        (other / "format").write_text("of a server")
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring.checking, "check", check)
    with pytest.raises(BackupError, match=r"is not empty \(format"):
        backups.restored(backup, Settings(other))
    assert backups.files(other) == {"format": b"of a server"}


def test_two_restores_into_a_mount_point_do_not_mix(
    backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setattr(restoring.os.path, "ismount", lambda path: path == other)
    real = restoring._built

    def built(*given: object) -> Path:
        with pytest.raises(BackupError, match="is under way"):
            backups.restored(backup, Settings(other))
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(restoring, "_built", built)
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
    assert (tmp_path / "other/objects/lab" / backups.PART).read_text() == "lines of a part"


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
