"""The demo's table: numbers in brackets are explained where there are any, and the total says what is in it."""

import sys
from pathlib import Path

import pytest
from examples.demo.traffic import Seen
from rich.console import Console

DEMO = Path(__file__).parents[3] / "examples" / "demo"


def shown(monkeypatch: pytest.MonkeyPatch, *, expected: bool) -> str:
    monkeypatch.syspath_prepend(str(DEMO))
    for name in ("board", "traffic"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    from board import BETWEEN_STEPS, LEGEND, Board, Row  # type: ignore[import-not-found]

    board = Board()
    board.rows.append(Row("PUT", Seen(requests=100)))
    board.rows.append(Row("stop", Seen(requests=60, failed=50), expected=expected))
    board.between.append(Row("between", Seen(requests=7)))
    console = Console(width=140, highlight=False)
    with console.capture() as taken:
        console.print(board.table())
    assert (LEGEND in " ".join(taken.get().split())) == expected
    total = next(line for line in taken.get().splitlines() if " total " in line)
    assert BETWEEN_STEPS in total
    assert f" {100 + 7 + (10 if expected else 60)} " in total
    return total


def test_what_failed_as_asked_is_in_brackets_explained_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert " 0 " in shown(monkeypatch, expected=True)


def test_what_failed_otherwise_counts_and_needs_no_legend(monkeypatch: pytest.MonkeyPatch) -> None:
    assert " 50 " in shown(monkeypatch, expected=False)


def test_a_long_step_says_how_far_it_is_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DEMO))
    for name in ("board", "traffic"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import board  # type: ignore[import-not-found]

    now_s = [100.0]
    monkeypatch.setattr(board, "monotonic", lambda: now_s[0])
    console = Console(width=140, highlight=False)
    shown = board.Board(log=console)
    with console.capture() as taken:
        shown.begin("a batch")
        for at_s, rows in ((101.0, "10 rows"), (106.0, "60 rows"), (107.0, "70 rows")):
            now_s[0] = at_s
            shown.progress(rows)
    assert shown.doing == "a batch: 70 rows"
    assert taken.get().splitlines() == ["a batch …", "    60 rows"]
