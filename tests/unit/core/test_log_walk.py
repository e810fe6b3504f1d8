"""Walking through streams: from any line, in any direction, nothing is left out and nothing is repeated."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.core.log_walk import Cut, Placed, Reading, place, walked
from modelyard.domain.logs import Line, Origin

Stream = dict[str, list[Line]]


def line(service: str, number: int, at_ms: int) -> Line:
    return Line(number, at_ms, f"{service}{number}", Origin("p", service, "i"))


def read(stream: Stream, start: Cut | None, limit: int, *, newer: bool) -> list[Reading]:
    """As a store reads: what lies on the side that the walk goes to, nearest first."""
    readings = []
    for service, lines in stream.items():
        bound = None if start is None else start.get(service, 0)
        if newer:
            found = [one for one in lines if bound is None or one.number > bound]
        else:
            found = [one for one in reversed(lines) if bound is None or one.number <= bound]
        readings.append(Reading(service, found[:limit], len(found) <= limit))
    return readings


def step(stream: Stream, name: str, limit: int, *, newer: bool) -> tuple[list[Placed], bool]:
    start: Cut | None = None
    if name:
        where = place(name, [*stream])
        assert where is not None
        start = where.cut if newer else where.before()
    return walked(read(stream, start, limit, newer=newer), start, limit, newer=newer)


def texts(placed: Sequence[Placed]) -> list[str]:
    return [one.line.text for one in placed]


TWO: Stream = {
    "a": [line("a", 1, 10), line("a", 2, 30), line("a", 3, 20)],
    "b": [line("b", 1, 5), line("b", 2, 25)],
}


def test_lines_come_by_time_and_those_of_a_service_in_their_order() -> None:
    placed, more = step(TWO, "", 9, newer=True)
    assert texts(placed) == ["b1", "a1", "b2", "a2", "a3"]
    assert not more
    placed, more = step(TWO, "", 2, newer=False)
    assert texts(placed) == ["b2", "a3"]
    assert more


def test_one_service_has_numbers_of_19_digits() -> None:
    alone = {"a": TWO["a"]}
    placed, _ = step(alone, "", 2, newer=True)
    assert [one.name for one in placed] == ["0000000000000000001", "0000000000000000002"]
    assert texts(step(alone, "2", 9, newer=True)[0]) == ["a3"]
    assert texts(step(TWO, "2", 9, newer=True)[0]) == ["b1", "a3", "b2"], "b came to the stream since"


@pytest.mark.parametrize(
    "text", ["", "x", "1.", "1.zz-1", "1.0123abcd-1", "1.0123abcd", "9" * 20, "1" + "0" * 5000]
)
def test_what_names_no_line(text: str) -> None:
    assert place(text, ["a", "b"]) is None
    assert place("1", []) is None


def test_a_walk_stops_where_a_service_was_not_read_further() -> None:
    readings = [Reading("a", TWO["a"][:1], all=False), Reading("b", TWO["b"])]
    placed, more = walked(readings, None, 9, newer=True)
    assert (texts(placed), more) == (["b1", "a1"], True)


streams = st.lists(st.lists(st.integers(0, 40), max_size=12).map(lambda times: times), min_size=1, max_size=4).map(
    lambda services: {
        f"s{j}": [line(f"s{j}", i + 1, at_ms) for i, at_ms in enumerate(times)] for j, times in enumerate(services)
    }
)


@settings(max_examples=200, deadline=None)
@given(streams, st.integers(1, 5), st.booleans(), st.lists(st.integers(0, 3), max_size=8))
def test_every_walk_sees_each_line_once(stream: Stream, limit: int, newer: bool, late: list[int]) -> None:
    there = {one.text for lines in stream.values() for one in lines}
    seen: list[str] = []
    name, more, coming = "", True, iter(late)
    while more:
        placed, more = step(stream, name, limit, newer=newer)
        seen += texts(placed)
        if placed:
            name = placed[-1].name
        j = next(coming, None)
        if j is not None and f"s{j}" in stream:  # a line that comes late, with any time
            lines = stream[f"s{j}"]
            lines.append(line(f"s{j}", len(lines) + 1, 7 * j))
    assert len(seen) == len(set(seen)), "repeated"
    if newer:
        step_on, _ = step(stream, name, 99, newer=True) if name else ([], False)
        seen += texts(step_on)
        assert set(seen) == {one.text for lines in stream.values() for one in lines} or not name
    assert there <= set(seen), "left out"


@settings(max_examples=200, deadline=None)
@given(streams, st.integers(1, 5), st.data())
def test_from_any_line_both_ways_lead_to_all_others(stream: Stream, limit: int, data: st.DataObject) -> None:
    whole, _ = step(stream, "", 99, newer=data.draw(st.booleans()))
    if not whole:
        return
    start = data.draw(st.sampled_from(whole))
    found = [start.line.text]
    for newer in (True, False):
        name, more = start.name, True
        while more:
            placed, more = step(stream, name, limit, newer=newer)
            found += texts(placed)
            if placed:
                name = placed[-1].name
    assert sorted(found) == sorted(texts(whole))
