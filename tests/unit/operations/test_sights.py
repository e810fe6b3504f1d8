"""What whoever comes back to watch is told."""

import pytest

from modelyard.operations import sights
from modelyard.operations.sights import AllSights, Missed, Sights


def test_what_was_missed() -> None:
    seen = Sights("e")
    seen.look({"a": "1", "b": "1"}, {"a": 0, "b": 0})
    assert (seen.mark(), seen.since(0)) == ("e-2", Missed(("a", "b")))
    seen.look({"a": "2"}, {"a": 1})
    assert seen.since(2) == Missed(("a",), ("b",))
    assert seen.since(seen.number) == Missed()
    seen.look({"a": "2", "b": "3"}, {})
    assert seen.since(2) == Missed(("a", "b")), "it is back"


def test_marks_of_another_process_or_of_later_are_not_known() -> None:
    seen = Sights("e")
    seen.look({"a": "1"}, {})
    assert (seen.known("e-1"), seen.known("e-0")) == (1, 0)
    assert [seen.known(mark) for mark in ("", "x-1", "e-2", "e-", "e-one", "e-" + "9" * 40)] == [None] * 6


def test_who_comes_back_after_too_many_deletions_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sights, "MOST_GONE", 2)
    seen = Sights("e")
    seen.look({str(n): "1" for n in range(4)}, {})
    before = seen.mark()
    seen.look({"0": "1"}, {})
    assert seen.known(before) is None
    assert seen.known(seen.mark()) is not None


def test_projects_that_nobody_watches_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sights, "MOST_PROJECTS", 2)
    every = AllSights("e")
    every.of("p1").look({"a": "1"}, {})
    every.of("p2")
    every.of("p1")
    every.of("p3")
    assert every.of("p1").number == 1
    assert every.of("p2").number == 0


def test_a_mark_from_before_a_project_was_forgotten_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sights, "MOST_PROJECTS", 1)
    every = AllSights("e")
    every.of("p1").look({"a": "1", "gone": "1"}, {})
    mark = every.of("p1").mark()
    every.of("p2")
    every.of("p1").look({"a": "1", "b": "1"}, {})
    assert every.of("p1").known(mark) is None, "or nobody would hear that one is gone"
    assert every.of("p1").known(every.of("p1").mark()) == 2
