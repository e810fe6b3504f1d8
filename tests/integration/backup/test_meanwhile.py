"""What is written, removed or started while a backup is made harms neither."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract import store_samples as samples
from tests.worlds import backups

from modelyard import composition, database
from modelyard.backup import contents, reading, taking
from modelyard.backup.archive import Writer
from modelyard.backup.filling import Options
from modelyard.backup.layout import BackupError
from modelyard.domain.model import ModelStatus
from modelyard.objects.local import PINS, WRITING, LocalObjects
from modelyard.processes.holding import Holding
from modelyard.processes.last_backup import last
from modelyard.settings import Settings


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
        (settings.data_dir / "objects/lab/in/rows.csv").unlink()
        (settings.data_dir / "objects/lab/in/new.csv").write_text("3\n")
        with Holding(settings.data_dir).removing() as may:
            assert not may  # so the snapshot that nothing names any more is still there

    during(monkeypatch, act)
    backups.backed_up(settings, tmp_path / "a")
    assert backups.checked(tmp_path / "a").about.missing == ()


def test_parts_that_a_task_removes_meanwhile_are_in_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = settings.data_dir / "objects/lab" / backups.PART
    real = contents._pin

    def pin(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        part.unlink()

    monkeypatch.setattr(contents, "_pin", pin)
    backups.backed_up(settings, tmp_path / "a")
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    assert (tmp_path / "other/objects/lab" / backups.PART).read_text() == "lines of a part"
    assert not list(settings.data_dir.rglob("backup-*"))
    assert (settings.data_dir / "objects/lab" / WRITING).is_dir()  # in which somebody may be about to write


@pytest.mark.parametrize("lost", [False, True])
def test_parts_are_in_it_if_the_control_plane_starts_meanwhile(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lost: bool
) -> None:
    """It spares what a backup has yet to read; and what is gone nevertheless is read where it was."""
    root = settings.data_dir / "objects"
    (root / "lab" / WRITING).mkdir()
    (root / "lab" / WRITING / "half").touch()
    real = reading.objects

    def objects(*given: object) -> object:
        composition._sweep(LocalObjects(root), settings.data_dir)
        assert [path.name[: len(PINS)] for path in (root / "lab" / WRITING).iterdir()] == [PINS]
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
        (settings.data_dir / "objects/lab" / backups.PART).unlink()
        return real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "objects", objects)
    with pytest.raises(BackupError, match="a batch task needs"):
        backups.backed_up(settings, tmp_path / "a")
    assert last(settings.data_dir) is None


def test_pins_that_a_kill_left_go_at_the_next_start_or_backup(settings: Settings, tmp_path: Path) -> None:
    left = settings.data_dir / "objects/lab" / WRITING / f"{PINS}0123"
    left.mkdir(parents=True)
    composition._sweep(LocalObjects(settings.data_dir / "objects"), settings.data_dir)
    assert not left.exists()
    left.mkdir(parents=True)
    backups.backed_up(settings, tmp_path / "a")
    assert not left.exists()


def test_parts_that_are_gone_already_have_the_database_copied_again(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = settings.data_dir / "objects/lab" / backups.PART

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
    (settings.data_dir / "objects/lab" / backups.PART).unlink()
    with pytest.raises(BackupError, match="try again"):
        backups.backed_up(settings, tmp_path / "a")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data"]


@pytest.mark.parametrize("objects", [True, False])
def test_what_is_no_object_is_left_out_and_named_all_at_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, objects: bool
) -> None:
    work = settings.data_dir / "objects/lab"
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
        "'objects/lab/in/new\\nline'",
        "objects/UP",
        "objects/lab/a-pipe",
        "objects/lab/in/\\xff",
        "objects/lab/in/back\\slash",
        "objects/lab/in/circle",
        "objects/lab/in/nowhere",
        "objects/lab/in/out-of-it",
        "objects/lab/secret",
    ]
    assert all(why.startswith("it ") for _, _, why in said)
    if objects:
        backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
        assert (tmp_path / "other/objects/lab/in/rows.csv").exists()


def test_many_objects_that_are_written_in_place_have_it_begun_anew_once(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "IN_MEMORY", 3)
    monkeypatch.setattr(taking, "AGAIN", 1)
    names = {f"big-{number}" for number in range(3)}
    for name in names:
        (settings.data_dir / "objects/lab/in" / name).write_text("long")
    real, left = reading._pieces, set(names)

    def pieces(descriptor: int, size: int, path: Path, *given: object) -> object:
        if path.name in left:
            left.remove(path.name)
            raise reading.RestlessError(path, begun=True)
        return real(descriptor, size, path, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "_pieces", pieces)
    assert backups.backed_up(settings, tmp_path / "a").odd == []
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    assert names < {path.name for path in (tmp_path / "other/objects/lab/in").iterdir()}


def test_a_part_that_changed_while_it_was_read_is_in_it(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though its pin is gone when it is read anew."""
    real, failed = reading.add_file, []

    def add_file(writer: Writer, name: str, path: Path, **given: object) -> bool:
        if name.endswith(backups.PART) and not failed:
            failed.append(name)
            path.unlink()
            raise reading.RestlessError(path, begun=True)
        return real(writer, name, path, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(reading, "add_file", add_file)
    backups.backed_up(settings, tmp_path / "a")
    backups.checked(tmp_path / "a")


def test_what_is_written_beside_a_package_meanwhile_is_not_missed(settings: Settings, tmp_path: Path) -> None:
    (package,) = (settings.data_dir / "packages").iterdir()
    (package / ".manifest.json.0123").write_text("half of it")
    backups.backed_up(settings, tmp_path / "a")
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    assert {path.name for path in (tmp_path / "other/packages" / package.name).iterdir()} == {
        "model",
        "manifest.json",
    }


@pytest.mark.parametrize("ends", [True, False])
def test_an_object_that_is_written_in_place_is_copied_until_it_rests(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ends: bool
) -> None:
    big = settings.data_dir / "objects/lab/in/big"
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
    again = "objects/lab/in/big: it changes again and again while it is read"
    assert taken.odd == ([] if ends else [again])
    backups.restored(tmp_path / "a", Settings(tmp_path / "other"))
    copy = tmp_path / "other/objects/lab/in/big"
    assert copy.read_bytes() == big.read_bytes() if ends else not copy.exists()
