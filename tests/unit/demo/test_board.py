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
