"""Rows of CSV: as Python's csv module reads the whole file, wherever the splits are and whatever the encoding."""

import csv
import io
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from modelyard.core.batch.splitting import Sizes, csv_cutter
from modelyard.domain.batch import Dialect
from modelyard_runtime.batch.csv_rows import CsvLines, Quotes
from modelyard_runtime.batch.cutter import Cutter, LineChunk
from modelyard_runtime.batch.encodings import EncodingError, encoding, encoding_of
from modelyard_runtime.batch.rows import RowError, Wanted

HOSTILE = st.text(st.sampled_from('ab,;"\r\n é中\x0b\x1c\u2028\x00'), max_size=60)
ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be", "utf-32-le", "gb18030")


def chunks(
    data: bytes, name: str = "utf-8", step: int = 7, most: int = 10_000, delimiter: str = ",", wanted: int = 1
) -> list[LineChunk]:
    lines = CsvLines(encoding(name), delimiter, most)
    pieces = iter([data[n : n + step] for n in range(0, len(data), step)])
    return list(Cutter(lines, (5, 100), 3, Wanted(wanted)).chunks(b"", pieces))


def rows(found: list[LineChunk]) -> list[Any]:
    return [str(item) if isinstance(item, RowError) else item for chunk in found for item in chunk.items]


def begins(found: list[LineChunk]) -> list[int]:
    """Where each row begins, in the data, and where the last one ends."""
    places = [chunk.begins(n)[1] - 100 for chunk in found for n in range(len(chunk.items))]
    return [*places, *(chunk.begins(len(chunk.items))[1] - 100 for chunk in found[-1:])]


def expected(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard_runtime.batch.cutter.CHUNK_BYTES", 8)


@given(HOSTILE, st.sampled_from(ENCODINGS), st.integers(1, 20), st.sampled_from(",;é"), st.integers(1, 3))
@settings(max_examples=400, deadline=None)
def test_any_text_in_any_pieces(text: str, name: str, step: int, delimiter: str, wanted: int) -> None:
    found = chunks(text.encode(name), name, step, delimiter=delimiter, wanted=wanted)
    assert rows(found) == expected(text, delimiter)
    numbers = [chunk.first + n for chunk in found for n in range(len(chunk.items))]
    assert numbers == list(range(3, 3 + len(numbers)))


@given(HOSTILE, st.sampled_from(ENCODINGS), st.integers(1, 20))
@settings(max_examples=400, deadline=None)
def test_each_row_can_be_the_first_of_a_split(text: str, name: str, step: int) -> None:
    data = text.encode(name)
    found = chunks(data, name, step)
    whole = rows(found)
    places = begins(found) if found else [0]
    assert places[0] == 0
    assert places[-1] == len(data)
    for n, place in enumerate(places):
        assert rows(chunks(data[place:], name, step)) == whole[n:]


def test_a_field_of_many_lines_costs_no_look_at_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a row that is too long nothing is followed but where its quotes are."""
    fed: list[int] = []
    feed = Quotes.feed
    monkeypatch.setattr(Quotes, "feed", lambda self, text: fed.append(len(text)) or feed(self, text))
    data = b'1,"' + b'\n""\r\n' * 20_000 + b'",2\n3,4\n'
    found = chunks(data, step=1000, most=5000)
    assert rows(found) == ["the row is longer than 5000 bytes", ["3", "4"]]
    assert len(fed) < 10


@given(HOSTILE, st.sampled_from(ENCODINGS), st.integers(1, 20), st.integers(1, 20), st.integers(1, 3))
@settings(max_examples=400, deadline=None)
def test_long_rows_are_passed_over_and_none_else(text: str, name: str, step: int, most: int, wanted: int) -> None:
    data = text.encode(name)
    places = begins(chunks(data, name))
    short = chunks(data, name, step, most, wanted=wanted)
    lengths = [
        len(data[start:end].decode(name).removesuffix("\n").removesuffix("\r").encode(name))
        for start, end in pairwise(places)
    ]
    told = f"the row is longer than {most} bytes"
    wanted = [told if length > most else row for row, length in zip(expected(text), lengths, strict=True)]
    assert rows(short) == wanted
    assert begins(short) == (places if short else [])


def test_a_line_feed_that_comes_in_halves_behind_a_row_that_is_passed_over() -> None:
    data = ";;\r\na\r\n".encode("utf-16-le")
    for step in range(1, 9):
        assert rows(chunks(data, "utf-16-le", step, 2)) == ["the row is longer than 2 bytes", ["a"]]


def test_a_call_gets_the_rows_that_it_wants_however_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard_runtime.batch.cutter.CHUNK_BYTES", 64 * 1024)
    data = (b"0.12345," * 33 + b"0.12345\n") * 20_000
    few, *whole, _last = [len(chunk.items) for chunk in chunks(data, step=300_000, wanted=3_000)]
    assert few < 3_000
    assert whole
    assert all(0.8 * 3_000 <= rows <= 3_000 for rows in whole)


def test_a_row_that_does_not_end_is_not_held() -> None:
    held: list[int] = []
    lines = CsvLines(encoding("utf-8"), ",", 1000)

    def pieces() -> Any:
        yield b'a\n"'
        for _ in range(1000):
            yield b'x\n""' * 100
        yield b'"\nb\n'

    class Watched(CsvLines):
        def lines(self, data: bytes) -> list[bytes]:
            held.append(len(data))
            return super().lines(data)

    watched = Watched(lines.encoding, ",", 1000)
    found = list(Cutter(watched, (0, 0), 0, Wanted()).chunks(b"", pieces()))
    assert rows(found) == [["a"], "the row is longer than 1000 bytes", ["b"]]
    assert max(held) < 3000


@pytest.mark.parametrize(
    ("data", "name", "wanted"),
    [
        pytest.param(b"a,b\r\nc,d", "utf-8", [["a", "b"], ["c", "d"]], id="crlf, no last newline"),
        pytest.param(b"a\rb\r", "utf-8", [["a"], ["b"]], id="carriage returns"),
        pytest.param(b"a\n\n\nb\n", "utf-8", [["a"], [], [], ["b"]], id="empty lines"),
        pytest.param(b'"a\nb",c\n', "utf-8", [["a\nb", "c"]], id="quoted newline"),
        pytest.param(b'"a""b"\n', "utf-8", [['a"b']], id="doubled quote"),
        pytest.param(b'"open', "utf-8", [["open"]], id="a quote that nobody closes"),
        pytest.param("é,中\n".encode("gb18030"), "gb18030", [["é", "中"]], id="gb18030"),
        pytest.param("é\n".encode("latin-1"), "latin-1", [["é"]], id="latin-1"),
        pytest.param(b"\xff,a\nb,c\n", "utf-8", ["the row is not text in utf-8", ["b", "c"]], id="not text"),
        pytest.param(
            b'"\xff\n",a\nb\n', "utf-8", ["the row is not text in utf-8", ["b"]], id="not text, in quotes"
        ),
        pytest.param(
            "a\n".encode("utf-16-le") + b"\x00\xd8" + "b\nc\n".encode("utf-16-le"),
            "utf-16-le",
            [["a"], "the row is not text in utf-16-le", ["c"]],
            id="half a pair in utf-16",
        ),
        pytest.param(
            b"\x81\n,a\nb\n", "gbk", ["the row is not text in gbk", ["", "a"], ["b"]], id="cut character"
        ),
    ],
)
def test_rows(data: bytes, name: str, wanted: list[Any]) -> None:
    for step in (1, 2, 3, 100):
        assert rows(chunks(data, name, step)) == wanted


@pytest.mark.parametrize(
    ("declared", "head", "wanted"),
    [
        ("utf-8", b"abcd", ("utf-8", 1, 0)),
        ("utf-8", b"\xef\xbb\xbfa", ("utf-8", 1, 3)),
        ("latin-1", b"\xff\xfea\0", ("utf-16-le", 2, 2)),
        ("utf-8", b"\xfe\xff\0a", ("utf-16-be", 2, 2)),
        ("utf-16", b"a\0b\0", ("utf-16-le", 2, 0)),
        ("cp1252", b"", ("cp1252", 1, 0)),
        ("utf-8", b"\xff\xfe\0\0", ("utf-32-le", 4, 4)),
    ],
)
def test_a_mark_wins(declared: str, head: bytes, wanted: tuple[str, int, int]) -> None:
    found, mark = encoding_of(declared, head)
    assert (found.name, found.unit, mark) == wanted


@pytest.mark.parametrize("name", ["iso2022_jp", "utf-7", "hz", "cp037", "rot13", "zlib", "nothing", "punycode"])
def test_what_cannot_be_cut_is_refused(name: str) -> None:
    with pytest.raises(EncodingError):
        encoding(name)


@given(HOSTILE, st.sampled_from(("utf-8", "utf-16", "gb18030", "latin-1")), st.integers(1, 30), st.booleans())
@settings(max_examples=400, deadline=None)
def test_splits_have_the_rows_that_their_planner_counted(text: str, name: str, size: int, header: bool) -> None:
    assume(not text.startswith("\0"))  # in UTF-16, that would look like the mark of UTF-32
    data = text.encode(name, "replace")
    dialect = Dialect(header=header, encoding=name)
    cutter = csv_cutter(dialect, data[:4], Sizes(rows=3, bytes=size, first_rows=1))
    cuts = [*cutter.feed(data), *cutter.finish()]
    found, mark = encoding_of(name, data)
    whole = expected(data[mark:].decode(found.name))[header:]
    counted: list[Any] = []
    for cut in cuts:
        taken = rows(chunks(data[max(cut.start, mark) : cut.end], found.name))
        assert (cut.first_row, cut.rows) == (len(counted), len(taken))
        counted += taken
    assert counted == whole
