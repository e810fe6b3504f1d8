"""While a backup is made nothing that it may read is removed."""

from pathlib import Path
from threading import Event, Thread

import pytest

from modelyard.processes import holding
from modelyard.processes.holding import Holding


def test_nothing_is_removed_while_a_backup_is_made(tmp_path: Path) -> None:
    mine, others = Holding(tmp_path), Holding(tmp_path)
    with mine.kept(), others.kept(), others.removing() as may:
        assert not may
    with others.removing() as may:
        assert may


def test_a_backup_waits_for_a_removal(tmp_path: Path) -> None:
    entered = Event()

    def keep() -> None:
        with Holding(tmp_path).kept():
            entered.set()

    waiting = Thread(target=keep)
    with Holding(tmp_path).removing():
        waiting.start()
        assert not entered.wait(0.1)
    waiting.join(10)
    assert entered.is_set()


def test_a_backup_does_not_wait_for_ever(tmp_path: Path) -> None:
    late = Holding(tmp_path)
    with Holding(tmp_path).removing(), pytest.raises(TimeoutError, match=r"backup\.lock"), late.kept(0):
        pass


def test_a_failed_removal_is_told_and_lets_go(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no"), Holding(tmp_path).removing():
        raise OSError("no")
    with Holding(tmp_path).removing() as may:
        assert may


def test_where_there_is_no_lock_something_may_be_removed(tmp_path: Path) -> None:
    with Holding(tmp_path / "not-there").removing() as may:
        assert may


def test_what_cannot_be_asked_is_not_taken_for_a_yes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a process has no descriptor left, while a backup is made."""

    def refused(*_: object) -> int:
        raise OSError(24, "Too many open files")

    with Holding(tmp_path).kept():
        monkeypatch.setattr(holding.os, "open", refused)
        with Holding(tmp_path).removing() as may:
            assert not may
