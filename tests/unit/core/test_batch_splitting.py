"""Rows as Python's csv module sees them, whatever the pieces, the encoding and the sizes."""

import csv
import io
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from modelyard.core.batch.encodings import UncuttableEncodingError, encoding_of
from modelyard.core.batch.splitting import Cut, Sizes, csv_cutter, lines_cutter, row_group_cuts
from modelyard.domain.batch import Dialect

csv.field_size_limit(2**31 - 1)

ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "utf-32", "latin-1", "gbk", "shift_jis", "gb18030"]


def rows_of(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def pieces_of(data: bytes, sizes: list[int]) -> list[bytes]:
    """Of these sizes in turn, again and again."""
    pieces, at, n = [], 0, 0
    while at < len(data):
        size = sizes[n % len(sizes)]
        pieces.append(data[at : at + size])
        at, n = at + size, n + 1
    return pieces


def cuts_of(data: bytes, dialect: Dialect, sizes: Sizes, pieces: list[int] | None = None) -> list[Cut]:
    cutter = csv_cutter(dialect, data[:4], sizes)
    cuts = []
    for piece in pieces_of(data, pieces or [len(data) or 1]):
        cuts += cutter.feed(piece)
    return [*cuts, *cutter.finish()]


def encoded(text: str, encoding: str) -> bytes:
    """With what cannot be said in it replaced; a mark where the codec writes one."""
    return text.encode(encoding, "replace")


def decoded(data: bytes, encoding: str) -> str:
    name, mark = encoding_of(encoding, data[:4])
    return data[mark:].decode(name)


def check(data: bytes, dialect: Dialect, sizes: Sizes, pieces: list[int]) -> None:
    """No byte in no split or in two, each split read alone has its rows, all of them together all."""
    text = decoded(data, dialect.encoding)
    expected = rows_of(text, dialect.delimiter)[int(dialect.header) :]
    cuts = cuts_of(data, dialect, sizes, pieces)
    assert sum(cut.rows for cut in cuts) == len(expected)
    found = []
    name, mark = encoding_of(dialect.encoding, data[:4])
    for cut in cuts:
        assert cut.first_row == len(found)
        alone = data[max(cut.start, mark) : cut.end].decode(name)
        rows = rows_of(alone, dialect.delimiter)
        assert len(rows) == cut.rows > 0
        found += rows
    assert found == expected
    assert all(before.end == after.start for before, after in pairwise(cuts))
    if cuts:
        assert cuts[-1].end == len(data)
        if not dialect.header:
            assert cuts[0].start == 0
    assert all(cut.rows <= sizes.rows for cut in cuts)


TEXT = st.lists(
    st.sampled_from(
        [
            '"',
            '"',
            '""',
            ",",
            "\n",
            "\r",
            "\r\n",
            "a",
            "bc",
            " ",
            "é",
            "|",
            "、",
            "\x1f",
            "\U00020000",
            '\n"',
            ',"',
            '"\n',
        ]
    ),
    max_size=40,
).map("".join)
PIECES = st.lists(st.integers(1, 12), min_size=1, max_size=4)
SIZES = st.builds(Sizes, rows=st.integers(1, 6), bytes=st.integers(1, 40), first_rows=st.just(1)) | st.just(
    Sizes()
)


@settings(max_examples=1500, deadline=None)
@given(TEXT, PIECES, SIZES, st.booleans())
@example('a,"b\n', [1], Sizes(), False)
@example('"', [1], Sizes(), False)
@example('"a"b"\nc"d,"e"\r', [3], Sizes(), False)
@example("a\r\r\n\n\rb", [2], Sizes(1, 1, 1), False)
def test_rows_are_those_of_the_csv_module(text: str, pieces: list[int], sizes: Sizes, header: bool) -> None:
    check(text.encode(), Dialect(header), sizes, pieces)


@settings(max_examples=800, deadline=None)
@given(
    TEXT,
    PIECES,
    SIZES,
    st.booleans(),
    st.sampled_from(ENCODINGS),
    st.sampled_from([",", "|", ";", "、", "é", "\t"]),
)
def test_in_any_encoding_and_with_any_delimiter(
    text: str, pieces: list[int], sizes: Sizes, header: bool, encoding: str, delimiter: str
) -> None:
    if delimiter.encode(encoding, "replace") == "?".encode(encoding):
        return
    check(encoded(text, encoding), Dialect(header, delimiter, encoding), sizes, pieces)


EASTERN = ("gbk", "gb18030", "big5", "big5hkscs", "shift_jis", "cp932", "euc_jp", "euc_kr", "cp949", "johab")


@pytest.mark.parametrize("encoding", EASTERN)
@pytest.mark.parametrize("delimiter", [",", ";", ":", "<", "|", "a", "5", "A"])
def test_a_delimiter_that_other_characters_have_within(encoding: str, delimiter: str) -> None:
    byte = delimiter.encode()
    held = []
    for number in range(0x80, 0x10000):
        try:
            data = chr(number).encode(encoding)
        except UnicodeEncodeError:
            continue
        if len(data) > 1 and byte in data:
            held.append(chr(number))
    text = "".join(f'x{char}"y\n{char}{delimiter}"q\n"{delimiter}z\n' for char in held[:20])
    check(text.encode(encoding), Dialect(False, delimiter, encoding), Sizes(3, 40, 1), [1, 5])


LONG = st.lists(
    st.sampled_from(
        ["1,2,3\n", '"a,b",c\r\n', '"x""y\nz",1\n', "\n", "long" * 99 + "\n", 'mid"quote,"q"tail\n', "cr\r"]
    ),
    max_size=400,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(LONG, st.lists(st.sampled_from([7, 100, 1000, 65536]), min_size=1, max_size=3), st.booleans())
def test_many_rows_at_once(text: str, pieces: list[int], header: bool) -> None:
    check(text.encode(), Dialect(header), Sizes(rows=100, bytes=3000, first_rows=70), pieces)


@settings(max_examples=200, deadline=None)
@given(LONG, st.integers(1, 3000), st.integers(1, 90), st.lists(st.integers(1, 999), min_size=1, max_size=3))
def test_cuts_do_not_depend_on_the_pieces(text: str, size: int, rows: int, pieces: list[int]) -> None:
    sizes = Sizes(rows, size, first_rows=3)
    assert cuts_of(text.encode(), Dialect(), sizes, pieces) == cuts_of(text.encode(), Dialect(), sizes)


@settings(max_examples=200, deadline=None)
@given(LONG, st.sampled_from(["utf-8", "utf-16"]), st.booleans(), st.data())
def test_it_goes_on_from_any_cut(text: str, encoding: str, header: bool, choice: st.DataObject) -> None:
    data, sizes = text.encode(encoding), Sizes(30, 800, first_rows=5)
    dialect = Dialect(header, encoding=encoding)
    cuts = cuts_of(data, dialect, sizes)
    done = choice.draw(st.integers(0, len(cuts) - 1 if cuts else 0))
    at = cuts[done - 1].end if done else 0
    row = cuts[done - 1].first_row + cuts[done - 1].rows if done else 0
    again = csv_cutter(dialect, data[:4], sizes, at=at, row=row)
    assert [*again.feed(data[at:]), *again.finish()] == cuts[done:]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", 0),
        ("\ufeff", 0),
        ("\n", 1),
        ("a", 1),
        ("a\n", 1),
        ("a\n\n", 2),
        ("a\r", 1),
        ('"a\n\n\n', 1),
        ('"a""\nb"\nc', 2),
        ('a"b\nc"', 2),
        ('"a" "b\nc"', 2),
    ],
)
def test_examples(text: str, rows: int) -> None:
    cuts = cuts_of(text.encode(), Dialect(), Sizes())
    assert sum(cut.rows for cut in cuts) == rows
    assert len(cuts) == (1 if rows else 0)


@pytest.mark.parametrize("mark", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_byte_order_mark_wins_and_is_no_data(mark: str) -> None:
    data = ('\ufeff"a\nb",c\nd,e\n' if mark != "utf-8-sig" else '"a\nb",c\nd,e\n').encode(mark)
    assert cuts_of(data, Dialect(encoding="latin-1"), Sizes(), [1]) == [Cut(0, len(data), 0, 2)]
    (cut,) = cuts_of(data, Dialect(header=True, encoding="latin-1"), Sizes(), [3])
    assert (cut.rows, cut.first_row, cut.end) == (1, 0, len(data))
    assert data[cut.start :].decode(encoding_of("x", data[:4])[0]) == "d,e\n"


@pytest.mark.parametrize(
    "encoding", ["utf-7", "iso2022_jp", "hz", "cp037", "no-such", "unicode_escape", "idna", "rot13"]
)
def test_what_cannot_be_cut_is_said(encoding: str) -> None:
    with pytest.raises(UncuttableEncodingError, match=r"known|convert it"):
        csv_cutter(Dialect(encoding=encoding), b"abcd", Sizes())


def test_a_delimiter_that_the_encoding_has_not_is_said() -> None:
    with pytest.raises(UncuttableEncodingError, match="there is no '、'"):
        csv_cutter(Dialect(delimiter="、", encoding="latin-1"), b"abcd", Sizes())


@pytest.mark.parametrize("data", [b"a,\xff\nb\n", b"\xc3\nb\n", b'"\xe2\x82\n\xac"\nb'])
@pytest.mark.parametrize("delimiter", [",", "é"])
def test_bytes_that_are_no_text_end_no_row(data: bytes, delimiter: str) -> None:
    assert sum(cut.rows for cut in cuts_of(data, Dialect(delimiter=delimiter), Sizes(), [1])) == 2


def test_half_a_character_at_the_end_is_of_the_last_row() -> None:
    data = "a\nb\n".encode("utf-16-le") + b"x"
    assert cuts_of(data, Dialect(encoding="utf-16"), Sizes()) == [Cut(0, 9, 0, 3)]


def test_splits_grow_with_what_came_before() -> None:
    rows = [cut.rows for cut in row_group_cuts([(8, 1)] * 2_500, Sizes(rows=1000))]
    assert rows[:10] == [64] * 9 + [72]
    assert max(rows) == 1000
    assert all(after >= before for before, after in pairwise(rows[:-1]))


def test_a_quote_that_is_never_closed_holds_nothing() -> None:
    cutter = csv_cutter(Dialect(), b'a,"b', Sizes())
    assert cutter.feed(b'a,"') == []
    for _ in range(200):
        assert cutter.feed(b"b\n" * 50_000 + b'""') == []
    assert sum(len(getattr(cutter._ends, name)) for name in ("_data", "_held")) <= 1
    (cut,) = cutter.finish()
    assert (cut.rows, cut.end) == (1, 3 + 200 * 100_002)


# ── lines ─────────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([b"{}", b"\n", b"\r", b'"a\\n"', b"x" * 50]), max_size=60).map(b"".join),
    PIECES,
    SIZES,
)
def test_lines_of_jsonl(data: bytes, pieces: list[int], sizes: Sizes) -> None:
    cutter = lines_cutter(b"", sizes)
    cuts = []
    for piece in pieces_of(data, pieces):
        cuts += cutter.feed(piece)
    cuts += cutter.finish()
    lines = data.split(b"\n")
    assert sum(cut.rows for cut in cuts) == len(lines if lines[-1] else lines[:-1])
    for cut in cuts:
        alone = data[cut.start : cut.end]
        assert alone.count(b"\n") + (not alone.endswith(b"\n")) == cut.rows <= sizes.rows
    assert b"".join(data[cut.start : cut.end] for cut in cuts) == data


def test_a_mark_before_json_is_no_row_and_other_encodings_are_said() -> None:
    mark = "\ufeff".encode()
    for data, rows in ((mark, 0), (mark + b"{}", 1), (mark + b"{}\n{}\n", 2)):
        cutter = lines_cutter(data[:4], Sizes())
        assert [*cutter.feed(data), *cutter.finish()] == ([Cut(0, len(data), 0, rows)] if rows else [])
    with pytest.raises(UncuttableEncodingError, match="must be in UTF-8"):
        lines_cutter("{}".encode("utf-16")[:4], Sizes())


# ── row groups ────────────────────────────────────────────────────────────────────────────────────────────────


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 90)), max_size=20))
def test_row_groups(groups: list[tuple[int, int]]) -> None:
    sizes = Sizes(rows=200, bytes=100, first_rows=10)
    cuts = list(row_group_cuts(groups, sizes))
    assert sum(cut.rows for cut in cuts) == sum(rows for rows, _ in groups)
    assert all(
        0 < cut.rows <= 200 and cut.rows == cut.end - cut.start and cut.first_row == cut.start for cut in cuts
    )
    assert all(before.end == after.start for before, after in pairwise(cuts))
    edges = {sum(rows for rows, _ in groups[:n]) for n in range(len(groups) + 1)}
    small = {edge for cut in cuts for edge in (cut.start, cut.end)}
    assert all(edge in edges for edge in small) or any(rows > 200 for rows, _ in groups)


@pytest.mark.parametrize(
    ("size", "so_far", "most"),
    [
        pytest.param(160, 0, 10, id="a small input has work for several workers"),
        pytest.param(0, 0, 1, id="an empty one"),
        pytest.param(1_000_000, 0, 62_500, id="about sixteen of each"),
        pytest.param(100_000_000, 0, 4 * 1024 * 1024, id="large ones bounded"),
        pytest.param(160, 1000, 64 * 1024, id="one of many small files is not cut"),
    ],
)
def test_a_source_is_cut_by_its_size(size: int, so_far: int, most: int) -> None:
    sizes = Sizes().of(size, so_far)
    assert (sizes.bytes, sizes.rows) == (most, 50_000)


def test_calls_of_a_model_can_be_large_from_the_first_split_on() -> None:
    data = b"5.1,3.5,1.4,0.2\n" * 200_000
    cuts = cuts_of(data, Dialect(), Sizes().of(len(data), 0))
    assert len(cuts) <= 17
    assert min(cut.rows for cut in cuts[:-1]) >= 12_000
