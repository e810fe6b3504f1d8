"""What counts as written, on trees as a model with bad intentions makes them; and the reserve."""

import mmap
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard import trees
from modelyard.processes import disk
from modelyard.processes.disk import LEAST_BYTES, MIB, Reserve, Space, space, used

PLENTY = 1 << 40


def write(path: Path, count: int) -> None:
    path.write_bytes(b"x" * count)


def test_files_count_as_what_they_take_and_each_at_least_an_inode(tmp_path: Path) -> None:
    assert used(tmp_path, (), PLENTY) == 0
    write(tmp_path / "a", MIB)
    (tmp_path / "below").mkdir()
    write(tmp_path / "below" / "b", 2 * MIB)
    expected = 3 * MIB + LEAST_BYTES
    assert expected <= used(tmp_path, (), PLENTY) < expected + MIB // 4
    for number in range(100):
        (tmp_path / "below" / str(number)).touch()
    assert used(tmp_path, (), PLENTY) >= expected + 100 * LEAST_BYTES


def test_holes_take_nothing_and_names_of_one_file_count_once(tmp_path: Path) -> None:
    with (tmp_path / "hole").open("wb") as file:
        file.truncate(1 << 33)
    write(tmp_path / "a", MIB)
    for number in range(10):
        (tmp_path / f"again-{number}").hardlink_to(tmp_path / "a")
    assert used(tmp_path, (), PLENTY) < 2 * MIB


def test_nothing_outside_counts_and_nothing_is_opened(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    write(outside / "big", 4 * MIB)
    work = tmp_path / "work"
    work.mkdir()
    (work / "link").symlink_to(outside)
    (work / "loop").symlink_to(work)
    os.mkfifo(work / "pipe")
    assert used(work, (), PLENTY) == 3 * LEAST_BYTES
    work.rename(tmp_path / "moved")
    work.symlink_to(outside)
    assert used(work, (), PLENTY) == 0


@pytest.fixture
def pit(tmp_path: Path) -> Iterator[Path]:
    """A directory to dig in: what is left of it pytest cannot remove, in this run or a later one."""
    path = tmp_path / "pit"
    path.mkdir()
    yield path
    assert trees.remove(path) == ""


def test_any_depth_and_any_length_of_names(pit: Path) -> None:
    here = os.open(pit, os.O_RDONLY)
    depth, name = 1500, "n" * 200
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    file = os.open("big", os.O_WRONLY | os.O_CREAT, dir_fd=here)
    os.write(file, b"x" * MIB)
    os.close(file)
    os.close(here)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert used(pit, (), PLENTY) >= MIB + depth * LEAST_BYTES
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_what_was_removed_and_is_open_or_mapped_counts(tmp_path: Path) -> None:
    with (tmp_path / "a").open("wb+") as opened, (tmp_path / "b").open("wb+") as other:
        opened.write(b"x" * MIB)
        opened.flush()
        other.write(b"x" * MIB)
        other.flush()
        mapped = mmap.mmap(other.fileno(), MIB)
        (tmp_path / "a").unlink()
        (tmp_path / "b").unlink()
        assert used(tmp_path, (), PLENTY) == 0
        assert 2 * MIB <= used(tmp_path, (os.getpid(),), PLENTY) < 3 * MIB
        mapped.close()
    assert used(tmp_path, (os.getpid(),), PLENTY) < MIB  # what pytest itself has removed and keeps open


def test_it_stops_at_enough(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / str(number)).touch()
    assert used(tmp_path, (), 3 * LEAST_BYTES) == 3 * LEAST_BYTES


def test_a_tree_that_holds_too_many_ways_open_is_not_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "NEAR_BYTES", 0)
    monkeypatch.setattr(disk, "MOST_OPEN", 5)
    here = tmp_path
    for _ in range(20):
        (here / "a").mkdir()
        (here / "b").mkdir()
        here /= "b" if here.name == "a" else "a"
    before = len(list(Path("/proc/self/fd").iterdir()))
    with pytest.raises(disk.UncountableError):
        used(tmp_path, (), PLENTY)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_the_reserve_is_room_that_can_be_given_up(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 8 * MIB)
    assert not reserve.kept()
    assert not reserve.keep(Space(free=15 * MIB, size=PLENTY))
    assert reserve.keep(space(tmp_path))
    assert (tmp_path / "reserve").stat().st_blocks * 512 >= 8 * MIB
    assert reserve.kept()
    assert reserve.release()
    assert not reserve.release()
    assert not (tmp_path / "reserve").exists()


@pytest.mark.parametrize(
    ("found", "low"),
    [
        (Space(free=3 * MIB, size=PLENTY), False),
        (Space(free=2 * MIB - 1, size=PLENTY), True),
        (Space(free=PLENTY, size=PLENTY, inodes=0.0), True),
    ],
    ids=["enough", "full", "no inodes"],
)
def test_when_the_disk_is_full(found: Space, low: bool, tmp_path: Path) -> None:
    assert Reserve(tmp_path / "reserve", 8 * MIB).low(found) is low


def test_a_reserve_of_nothing(tmp_path: Path) -> None:
    none = Reserve(tmp_path / "reserve", 0)
    assert none.kept()
    assert not none.release()
    assert not none.low(Space(free=0, size=1))


@pytest.mark.parametrize("thing", ["pipe", "directory", "link"])
def test_another_thing_in_the_place_of_the_reserve_makes_way(tmp_path: Path, thing: str) -> None:
    """Nobody waits for a pipe, and what a link leads to is not touched."""
    other, path = tmp_path / "other", tmp_path / "reserve"
    other.write_text("mine")
    lay = {"pipe": os.mkfifo, "directory": Path.mkdir, "link": lambda one: one.symlink_to(other)}
    lay[thing](path)
    reserve = Reserve(path, 8192)
    assert not reserve.kept()
    assert not reserve.release()
    assert reserve.keep(Space(1 << 20, 1 << 20))
    assert reserve.kept()
    assert reserve.release()
    assert other.read_text() == "mine"
