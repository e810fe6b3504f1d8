"""How `modelyard backup` tells of a backup."""

import signal
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest

from modelyard.backup import checking, filling, taking
from modelyard.backup.layout import About, DamagedBackupError, Totals
from modelyard.cli import backup

Run = Callable[..., tuple[int, str, str]]
ABOUT = About(
    logs=False,
    made_ms=0,
    release="0.1.0",
    schema="0042",
    installation="ab12",
    database="sqlite",
    objects="included",
)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> None:
    totals = Totals({"keys": 1, "objects": 2}, {"keys": 10, "objects": 2048})
    backup = SimpleNamespace(whole=lambda _: None)
    monkeypatch.setattr(checking, "opened", lambda *_: nullcontext(backup))
    monkeypatch.setattr(checking, "check", lambda *_: SimpleNamespace(about=ABOUT, totals=totals, size=4096))


@pytest.mark.usefixtures("checked")
def test_a_check_ends_with_its_verdict(program: Run) -> None:
    code, out, _ = program("backup", "--check", "a.backup")
    lines = out.splitlines()
    assert code == 0
    assert lines[-1].startswith("a.backup is whole: ")
    names = [line.split("  ")[0] for line in lines[:-1]]
    assert len(names) == len(set(names))
    assert any("1 file," in line for line in lines)
    assert "whole" not in program("backup", "--check", "a.backup", "--json")[1]


@pytest.mark.usefixtures("checked")
def test_one_that_is_damaged_is_not_called_whole(program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise DamagedBackupError("a.backup ends too soon")

    monkeypatch.setattr(checking, "check", damaged)
    code, out, err = program("backup", "--check", "a.backup")
    assert (code != 0, out, "ends too soon" in err) == (True, "", True)


def test_what_was_missing_is_told_beside_a_backup_that_is_standard_output(
    program: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = replace(ABOUT, missing=("packages/0123",))
    monkeypatch.setattr(taking, "take", lambda *_: filling.Taken(about, Totals(), 1, ()))
    code, out, err = program("backup", "-")
    assert (code, out) == (0, "")
    assert "was missing: packages/0123" in err


@pytest.mark.parametrize("ignored", [True, False])
def test_a_hangup_that_is_ignored_stays_so(ignored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """As under `nohup`."""
    handlers: dict[int, object] = {signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    if ignored:
        handlers[signal.SIGHUP] = signal.SIG_IGN
    before = dict(handlers)
    replaced = SimpleNamespace(
        SIGTERM=signal.SIGTERM,
        SIGHUP=signal.SIGHUP,
        SIG_IGN=signal.SIG_IGN,
        getsignal=handlers.__getitem__,
        signal=lambda which, handler: (handlers[which], handlers.update({which: handler}))[0],
    )
    monkeypatch.setattr(backup, "signal", replaced)
    with backup._ending():
        assert handlers[signal.SIGTERM] != signal.SIG_DFL
        assert (handlers[signal.SIGHUP] == signal.SIG_IGN) is ignored
    assert handlers == before
