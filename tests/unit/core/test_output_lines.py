"""Output becomes lines (`core/output_lines.py`)."""

import random
from dataclasses import replace

import pytest

from modelyard.core.masking import Masker
from modelyard.core.output_lines import BEGIN, MOST_CHARS, Place, Trace, lines_of, place
from modelyard.domain.logs import Line, Origin
from modelyard.domain.output import UNKNOWN_SIZE, Output, Position

ORIGIN = Origin("p", "s", "i-1", 3, "iris:1.0.0")
NOTHING = Masker.of(())


def piece(
    data: bytes, offset: int = 0, times: tuple[tuple[int, int], ...] = ((0, 5),), dropped: int = 0
) -> Output:
    return Output(Position(offset), data, times, dropped)


def texts(data: bytes, before: Place = BEGIN, *, whole: bool = False) -> list[str]:
    return [line.text for line in lines_of(piece(data), before, ORIGIN, NOTHING, whole=whole)[0]]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        pytest.param(b"one\ntwo\n", ["one", "two"], id="lines"),
        pytest.param(b"\n\n", ["", ""], id="empty lines"),
        pytest.param(b"one\r\ntwo\r\n", ["one", "two"], id="of another system"),
        pytest.param("grün 模型\n".encode(), ["grün 模型"], id="unicode"),
        pytest.param(b"a\tb\n", ["a\tb"], id="a tab is text"),
        pytest.param(b"\x1b[31mred\x1b[0m\x07\n", ["␛[31mred␛[0m␇"], id="a terminal's commands"),
        pytest.param(b"10%\r20%\n", ["10%␍20%"], id="carriage return"),
        pytest.param(b"a\x00b\x7f\n", ["a␀b␡"], id="nul and delete"),
        pytest.param(b"\xff\xfe ok\n", ["\\xff\\xfe ok"], id="no UTF-8"),
        pytest.param("\x9b31m\n".encode(), ["\\x9b31m"], id="C1"),
        pytest.param("a\u202eb\u2028c\n".encode(), ["a\\u202eb\\u2028c"], id="turns text around"),
        pytest.param(b"\xf0\x9f\n", ["\\xf0\\x9f"], id="half a character"),
    ],
)
def test_lines(data: bytes, lines: list[str]) -> None:
    assert texts(data) == lines


def test_a_line_without_an_end_waits_for_it() -> None:
    lines, after = lines_of(piece(b"one\ntw"), BEGIN, ORIGIN, NOTHING)
    assert [line.text for line in lines] == ["one"]
    assert after == Place(Position(4))
    assert texts(b"tw", after, whole=True) == ["tw"]


def test_a_line_has_the_time_of_its_first_octet() -> None:
    output = piece(b"one\ntwo\nthree\n", times=((0, 10), (2, 20), (8, 30)))
    lines, _ = lines_of(output, BEGIN, ORIGIN, NOTHING)
    assert [(line.text, line.at_ms) for line in lines] == [("one", 10), ("two", 20), ("three", 30)]


def test_what_is_too_long_is_cut_and_the_cut_is_said() -> None:
    lines, after = lines_of(piece(b"x" * 20_000 + b"\nnext\n"), BEGIN, ORIGIN, NOTHING)
    assert [(len(line.text), line.cut) for line in lines] == [(MOST_CHARS, 20_000 - MOST_CHARS), (4, 0)]
    assert after.passed == 0


def test_a_line_that_goes_on_for_ever_is_passed_over_piece_by_piece() -> None:
    lines, after = lines_of(piece(b"x" * 100_000), BEGIN, ORIGIN, NOTHING)
    assert [(len(line.text), line.cut) for line in lines] == [(MOST_CHARS, 100_000 - MOST_CHARS)]
    assert after.position == Position(100_000)
    lines, after = lines_of(piece(b"x" * 50_000, 100_000), after, ORIGIN, NOTHING)
    assert lines == []
    lines, after = lines_of(piece(b"xx\nnext\n", 150_000), place(after.text()), ORIGIN, NOTHING)
    assert [line.text for line in lines] == ["… 50002 bytes more of the line before were left off here", "next"]
    assert after == Place(Position(150_008))


def test_one_that_ends_where_a_piece_does_is_told_of_by_its_cut_alone() -> None:
    _, after = lines_of(piece(b"x" * 100_000), BEGIN, ORIGIN, NOTHING)
    assert texts(b"\nnext\n", after) == ["next"]


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1234, "… 1234 bytes of output were dropped here: more waited to be collected than may"),
        (UNKNOWN_SIZE, "… some output was dropped here: more waited to be collected than may"),
    ],
)
def test_what_was_dropped_is_said_in_its_place(count: int, text: str) -> None:
    lines, _ = lines_of(piece(b"later\n", 5000, dropped=count), Place(Position(10)), ORIGIN, NOTHING)
    assert [line.text for line in lines] == [text, "later"]


def test_a_drop_is_said_once() -> None:
    lines, after = lines_of(piece(b"no end", 5000, dropped=10), BEGIN, ORIGIN, NOTHING)
    assert len(lines) == 1
    assert after.position == Position(5000)


def test_secrets_are_masked() -> None:
    lines, _ = lines_of(piece(b"password=hunter22 ok\n"), BEGIN, ORIGIN, Masker.of(["hunter22"]))
    assert [line.text for line in lines] == ["password=*** ok"]


TRACE = b"""before
2026-01-01 00:00:00 ERROR prediction failed, reference 3f0a1b2c3d4e
Traceback (most recent call last):
  File "customize_service.py", line 3, in _inference
    return 1 / 0
ZeroDivisionError: division by zero

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "customize_service.py", line 5, in _inference
ValueError: no
INFO after
"""


def referred(lines: list[Line]) -> list[str]:
    return [line.text for line in lines if line.reference == "3f0a1b2c3d4e"]


def test_a_failed_calls_reference_finds_its_whole_trace() -> None:
    lines, _ = lines_of(piece(TRACE), BEGIN, ORIGIN, NOTHING)
    assert referred(lines) == TRACE.decode().splitlines()[1:-1]


def test_a_trace_is_followed_over_pieces_and_restarts() -> None:
    for cut in range(len(TRACE)):
        first, after = lines_of(piece(TRACE[:cut]), BEGIN, ORIGIN, NOTHING)
        assert after.position is not None
        at = after.position.offset
        rest, _ = lines_of(piece(TRACE[at:], at), place(after.text()), ORIGIN, NOTHING)
        assert referred([*first, *rest]) == TRACE.decode().splitlines()[1:-1]


@pytest.mark.parametrize(
    ("line", "reference"),
    [
        ("x-request-id: 6b0c1f0e-3b7a-4a4e-9d5c-1a2b3c4d5e6f", "6b0c1f0e-3b7a-4a4e-9d5c-1a2b3c4d5e6f"),
        ('{"request_id": "abcdef0123"}', "abcdef0123"),
        ("Request ID=abcdef0123, done", "abcdef0123"),
        (
            "ERROR prediction failed, reference 6b0c1f0e-3b7a-4a4e-9d5c-1a2b3c4d5e6f",
            "6b0c1f0e-3b7a-4a4e-9d5c-1a2b3c4d5e6f",
        ),
        ("for reference see below", ""),
        ("request id: 7", ""),
    ],
)
def test_lines_that_tell_of_a_request(line: str, reference: str) -> None:
    (found,), _ = lines_of(piece(line.encode() + b"\n"), BEGIN, ORIGIN, NOTHING)
    assert found.reference == reference


def test_a_place_is_read_as_it_was_written() -> None:
    one = Place(Position(7, "a.b:c"), 3, Trace.INSIDE, "3f0a1b2c3d4e")
    assert place(one.text()) == one
    assert [place(text) for text in ("", "x", "1:2:9::", "1:2:3")] == [BEGIN] * 4


def test_however_it_is_cut_into_pieces_the_lines_are_the_same() -> None:
    chance = random.Random(7)
    data = "".join(
        chance.choice(["a", "é", "模", "\n", "\r\n", "\x1b", "x" * 40, "reference 3f0a1b2c3d4e"])
        for _ in range(400)
    ).encode()
    expected = lines_of(piece(data), BEGIN, ORIGIN, NOTHING, whole=True)[0]
    for _ in range(200):
        lines, before, end = list[Line](), BEGIN, 0
        while end < len(data):
            begin = before.position.offset if before.position else 0
            end = min(len(data), max(end, begin) + chance.randrange(1, 90))
            more, before = lines_of(piece(data[begin:end], begin), before, ORIGIN, NOTHING, whole=end == len(data))
            lines += more
        assert [replace(line, at_ms=0) for line in lines] == [replace(line, at_ms=0) for line in expected]
