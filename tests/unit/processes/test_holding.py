"""While a backup is made nothing that it may read is removed."""

from pathlib import Path

import pytest

from modelyard.processes.holding import Holding


def test_nothing_is_removed_while_a_backup_is_made(tmp_path: Path) -> None:
    mine, others = Holding(tmp_path), Holding(tmp_path)
    with mine.kept(), others.kept(), others.removing() as may:
        assert not may
    with others.removing() as may:
        assert may


def test_a_backup_waits_for_a_removal(tmp_path: Path) -> None:
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
