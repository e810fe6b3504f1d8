"""What a worker says of rows is taken only if it fits the split that it was given."""

import json
from typing import Any

import pytest

from modelyard.core.batch import outcomes as checking
from modelyard.core.batch.outcomes import (
    NonsenseError,
    Outcomes,
    after,
    cause_of,
    divided,
    lines_of,
    outcomes,
    together,
)
from modelyard.domain.batch import Format, Split

ROWS = Split(source=2, start=10, end=100, first_row=7, rows=4, attempt=1)
FILES = Split(source=5, start=0, end=0, first_row=0, rows=3, attempt=1)
PARQUET = Split(source=0, start=100, end=110, first_row=100, rows=10, attempt=1)


def said(rows: int, following: object, failures: Any = (), lines: bytes | None = None, **more: Any) -> bytes:
    failed = len(failures)
    head = {"rows": rows, "failed": failed, "next": following, "failures": failures, **more}
    text = json.dumps(head).encode()
    return len(text).to_bytes(4) + text + (b"1\n" * rows if lines is None else lines)


@pytest.mark.parametrize(
    ("split", "form", "payload", "left"),
    [
        (ROWS, Format.CSV, said(4, None), None),
        (ROWS, Format.CSV, said(1, [2, 11]), (2, 11, 8, 3)),
        (ROWS, Format.JSONL, said(3, [2, 99], [[7, "x"], [9, "y"]]), (2, 99, 10, 1)),
        (FILES, Format.FILE, said(2, [7, 0], [[6, "x"]]), (7, 0, 0, 1)),
        (FILES, Format.FILE, said(3, None, [[5, "x"], [6, "y"], [7, "z"]]), None),
        (PARQUET, Format.PARQUET, said(4, [0, 104]), (0, 104, 104, 6)),
    ],
)
def test_what_fits(split: Split, form: Format, payload: bytes, left: Any) -> None:
    told = outcomes(payload, split, form)
    rest = after(split, told)
    assert (rest and (rest.source, rest.start, rest.first_row, rest.rows)) == left


@pytest.mark.parametrize(
    ("split", "form", "payload"),
    [
        (ROWS, Format.CSV, said(1, [2, 10])),
        (ROWS, Format.CSV, said(1, [2, 100])),
        (ROWS, Format.CSV, said(4, None, [[6, "before"]])),
        (ROWS, Format.CSV, said(1, [2, 11], [[8, "not told of"]])),
        (FILES, Format.FILE, said(2, [6, 0])),
        (FILES, Format.FILE, said(2, [7, 1])),
        (FILES, Format.FILE, said(3, None, [[0, "a row"]])),
        (PARQUET, Format.PARQUET, said(4, [0, 105])),
        (ROWS, Format.CSV, said(0, None, lines=b"")),
        (ROWS, Format.CSV, said(0, [2, 11], lines=b"")),
        (ROWS, Format.CSV, said(-1, [2, 11], lines=b"")),
        (ROWS, Format.CSV, said(4, None, lines=b"1\n" * 3 + b"[1,\n2]\n")),
        (ROWS, Format.CSV, said(4, None, lines=b"1\n" * 3 + b" 1\n")),
        (ROWS, Format.CSV, said(4, None, lines=b"1\n" * 3 + b'"\xed\xa0\x80"\n')),
    ],
)
def test_what_does_not(split: Split, form: Format, payload: bytes) -> None:
    with pytest.raises(NonsenseError):
        outcomes(payload, split, form)


@pytest.mark.parametrize(
    ("payload", "fits"),
    [
        (said(2, [2, 50], numbers=[8, 10]), True),
        (said(3, None, [[9, "x"]], numbers=[8, 9, 10]), False),
        (said(3, None, numbers=[8, 10, 13]), True),
        (said(1, [2, 50], [[9, "x"]], numbers=[8]), False),
        (said(1, [2, 50], numbers=[10]), False),
        (said(2, None, numbers=[8, 10]), False),
        (said(3, [2, 50], numbers=[8, 10, 13]), False),
        (said(1, [2, 50]), False),
        (said(4, None, numbers=[8, 10, 13, 14]), False),
    ],
)
def test_only_the_rows_that_are_tried_again(payload: bytes, fits: bool) -> None:
    only = [8, 10, 13]
    if fits:
        assert outcomes(payload, ROWS, Format.CSV, only).numbers
    else:
        with pytest.raises(NonsenseError):
            outcomes(payload, ROWS, Format.CSV, only)


def test_a_line_that_is_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "MOST_LINE_BYTES", 10)
    assert outcomes(said(4, None, lines=b"1234567890\n" * 4), ROWS, Format.CSV).rows == 4
    with pytest.raises(NonsenseError, match="longer than 10 bytes"):
        outcomes(said(4, None, lines=b"1\n" * 3 + b"12345678901\n"), ROWS, Format.CSV)


def test_a_deep_line_is_no_recursion_of_ours() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000 + b"\n"
    with pytest.raises(NonsenseError):
        outcomes(said(4, None, lines=b"1\n" * 3 + deep), ROWS, Format.CSV)


def test_causes_are_bounded_and_printable() -> None:
    assert cause_of("a\x00b\u202ec\nd") == "a\ufffdb\ufffdc\nd"
    assert cause_of("x" * 3000) == "x" * 2000 + "…"


def test_several_become_one() -> None:
    first = Outcomes(1, b"1\n", ((7, "x"),), (2, 11))
    second = Outcomes(2, b"2\n3\n", ((9, "y"),), (2, 50))
    assert together([first, second]) == Outcomes(3, b"1\n2\n3\n", ((7, "x"), (9, "y")), (2, 50))


def test_only_a_line_feed_ends_a_line() -> None:
    assert lines_of(b'{"a":\r1}\n2\n') == [b'{"a":\r1}\n', b"2\n"]


BUNDLE = [Split(4, 0, 4, 0, 2), Split(6, 5, 9, 1, 1), Split(7, 0, 8, 0, 4)]


def shares(rows: int, following: object, failures: Any = (), first: int = 0) -> list[tuple[int, bytes, Any, Any]]:
    lines = b"".join(b"%d\n" % n for n in range(rows))
    told = divided(said(rows, following, failures, lines), BUNDLE, Format.CSV, first)
    return [(each.rows, each.lines, each.failures, each.following) for each in told]


def test_of_a_bundle_each_split_has_its_share() -> None:
    assert shares(7, None, [[0, "x"], [2, "y"], [6, "z"]]) == [
        (2, b"0\n1\n", ((0, "x"),), None),
        (1, b"2\n", ((1, "y"),), None),
        (4, b"3\n4\n5\n6\n", ((3, "z"),), None),
    ]
    assert shares(3, [7, 0], [[12, "y"]], first=10) == [
        (2, b"0\n1\n", (), None),
        (1, b"2\n", ((1, "y"),), None),
    ]
    assert shares(4, [7, 2]) == [
        (2, b"0\n1\n", (), None),
        (1, b"2\n", (), None),
        (1, b"3\n", (), (7, 2)),
    ]
    assert shares(1, [4, 2]) == [(1, b"0\n", (), (4, 2))]
    assert shares(0, [4, 0]) == []


@pytest.mark.parametrize(
    ("rows", "following", "failures", "first"),
    [
        (8, None, [], 0),
        (7, [7, 9], [], 0),
        (3, None, [], 0),
        (3, [6, 9], [], 0),
        (3, [7, 1], [], 0),
        (4, [7, 0], [], 0),
        (4, [7, 8], [], 0),
        (4, [6, 2], [], 0),
        (0, [6, 5], [], 0),
        (3, [7, 0], [[3, "x"]], 0),
        (3, [7, 0], [[9, "x"]], 10),
    ],
)
def test_nonsense_about_a_bundle(rows: int, following: object, failures: Any, first: int) -> None:
    with pytest.raises(NonsenseError):
        shares(rows, following, failures, first)
