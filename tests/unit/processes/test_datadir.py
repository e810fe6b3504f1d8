"""Who holds a data directory."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.processes.datadir import DataDir, DataDirError, Holder


def test_one_holder_who_says_who_it_is(tmp_path: Path) -> None:
    mine, other = DataDir(tmp_path), DataDir(tmp_path)
    assert mine.hold()
    assert not other.hold()
    assert other.holder() is None
    mine.announce(Holder(os.getpid(), 1, 2))
    assert other.holder() == Holder(os.getpid(), 1, 2)
    mine.release()
    assert other.hold()


def test_nobody_else_may_read_who_holds_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        DataDir(tmp_path).announce(Holder(1, 2, 3))
    finally:
        os.umask(before)
    assert [path.name for path in tmp_path.iterdir()] == ["control.json"]
    assert (tmp_path / "control.json").stat().st_mode & 0o777 == 0o600


def test_who_held_it_before_is_not_taken_for_the_holder(tmp_path: Path) -> None:
    """Between the lock and the announcement of a start: `down` must not signal a pid of the past."""
    mine = DataDir(tmp_path)
    before = Holder(os.getpid() + 1, 1, 2)
    mine.announce(before)
    assert mine.hold()
    assert DataDir(tmp_path).holder() is None
    assert mine.last() == before


ODD = [
    b"",
    b"[]",
    b"null",
    b"{}",
    b'{"pid": -1, "port": 1, "gateway_port": 2}',
    b'{"pid": 7}',
    b"\xff\xfe",
    b"[" * 99999,
]


@pytest.mark.parametrize("content", ODD)
def test_a_damaged_announcement_is_none(tmp_path: Path, content: bytes) -> None:
    mine = DataDir(tmp_path)
    assert mine.hold()
    (tmp_path / "control.json").write_bytes(content)
    assert (mine.last(), mine.holder()) == (None, None)
    assert mine.holding() == os.getpid()
    mine.release()
    assert mine.holding() is None


@given(announced=st.binary(max_size=60), lock=st.binary(max_size=10))
def test_any_bytes_name_no_process_that_has_not_announced_itself(announced: bytes, lock: bytes) -> None:
    with tempfile.TemporaryDirectory() as path:
        (Path(path) / "control.json").write_bytes(announced)
        (Path(path) / "control.lock").write_bytes(lock)
        assert DataDir(Path(path)).holder() is None


@pytest.mark.parametrize("content", [b"", b"\xff", b"one", b"-1"])
def test_a_damaged_format_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "format").write_bytes(content)
    with pytest.raises(DataDirError, match=r"format is damaged: write the number 1"):
        DataDir(tmp_path).create()


def test_a_later_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "format").write_text("2")
    with pytest.raises(DataDirError, match="use a newer one"):
        DataDir(tmp_path).create()


def test_another_thing_in_the_place_of_the_announcement_makes_way(tmp_path: Path) -> None:
    (tmp_path / "control.json" / "within").mkdir(parents=True)
    mine = DataDir(tmp_path)
    mine.announce(Holder(1, 2, 3))
    assert mine.last() == Holder(1, 2, 3)


def test_another_thing_in_the_place_of_the_lock_is_named_and_left(tmp_path: Path) -> None:
    (tmp_path / "control.lock").mkdir()
    with pytest.raises(DataDirError, match=r"control.lock cannot be used .*: see that no control plane runs"):
        DataDir(tmp_path).hold()
    assert (tmp_path / "control.lock").is_dir()


@pytest.mark.parametrize("name", ["keys", "objects"])
def test_what_nothing_could_bring_back_must_be_a_directory(tmp_path: Path, name: str) -> None:
    DataDir(tmp_path).check()
    (tmp_path / name).symlink_to("nowhere")
    with pytest.raises(DataDirError, match=f"{name} is damaged, it is no directory: restore it"):
        DataDir(tmp_path).check()
    (tmp_path / "nowhere").mkdir()
    DataDir(tmp_path).check()
