"""Who holds a data directory."""

import os
from pathlib import Path

import pytest

from modelyard.processes.datadir import DataDir, Holder


def test_one_holder_who_says_who_it_is(tmp_path: Path) -> None:
    mine, other = DataDir(tmp_path), DataDir(tmp_path)
    assert mine.hold()
    assert not other.hold()
    assert other.holder() is None
    mine.announce(Holder(os.getpid(), 1, 2))
    assert other.holder() == Holder(os.getpid(), 1, 2)
    mine.release()
    assert other.hold()


def test_nobody_else_may_read_who_holds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "control.new").touch(0o644)
    modes: list[int] = []
    write = Path.write_text

    def noted(path: Path, text: str) -> int:
        modes.append(path.stat().st_mode & 0o777)
        return write(path, text)

    monkeypatch.setattr(Path, "write_text", noted)
    DataDir(tmp_path).announce(Holder(1, 2, 3))
    assert [*modes, (tmp_path / "control.json").stat().st_mode & 0o777] == [0o600, 0o600]


def test_who_held_it_before_is_not_taken_for_the_holder(tmp_path: Path) -> None:
    """Between the lock and the announcement of a start: `down` must not signal a pid of the past."""
    mine = DataDir(tmp_path)
    before = Holder(os.getpid() + 1, 1, 2)
    mine.announce(before)
    assert mine.hold()
    assert DataDir(tmp_path).holder() is None
    assert mine.last() == before
