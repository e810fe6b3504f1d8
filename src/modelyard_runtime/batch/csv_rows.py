"""CSV as Python's csv module reads it (RFC 4180): lines end with CR LF, LF or CR; a quoted field may hold them.

Rows are found by the module itself, in pieces of whole lines: the last row of a piece may still be open (a quote
that the next lines close), and is then read again with what follows. Items are lists of cells.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from modelyard_runtime.batch.cutter import Cutter, LineChunk
from modelyard_runtime.batch.encodings import LONGEST_MARK, MARK, Encoding, EncodingError, encoding_of
from modelyard_runtime.batch.rows import Context, RowError, SourceError

_FIELD_LIMIT = 2**31 - 1
_QUOTED = re.compile(rb'[^"]*+(?:""[^"]*+)*+')
"""Of a field in quotes, up to the quote that ends it, or may."""


def csv_chunks(context: Context) -> Iterator[LineChunk]:
    split = context.split
    csv.field_size_limit(_FIELD_LIMIT)  # of the process; the model's code may have set another
    encoding, start, held, pieces = opened(context, split.job.csv.encoding)
    lines = CsvLines(encoding, split.job.csv.delimiter, split.job.max_row_bytes)
    return Cutter(lines, (split.source, start), split.first_row, context.wanted).chunks(held, pieces)


def opened(context: Context, declared: str) -> tuple[Encoding, int, bytes, Iterator[bytes]]:
    """The encoding of a split's source, where its rows begin, and the bytes from there on: the first, and what
    follows them. Raises SourceError."""
    split, window = context.split, context.window
    start = split.start
    try:
        if start >= LONGEST_MARK:
            # Each split would wait for these bytes before it asks for its own.
            known = split.job.format == "csv" and split.job.csv.settled
            head = b"" if known else window.read(0, 0, LONGEST_MARK)
            encoding, _ = encoding_of(declared, head)
            return encoding, start, b"", window.stream(0, start, split.end, context.first_bytes)
        pieces = window.stream(0, 0, split.end, context.first_bytes)
        held = b""
        while len(held) < LONGEST_MARK and (more := next(pieces, b"")):
            held += more
        encoding, mark = encoding_of(declared, held)
    except EncodingError as error:
        raise SourceError(str(error)) from None
    start = max(start, mark)
    return encoding, start, held[start:], pieces


class CsvLines:
    returns = True

    def __init__(self, encoding: Encoding, delimiter: str, most_bytes: int) -> None:
        self.encoding = encoding
        self.most_bytes = most_bytes
        self._delimiter = delimiter

    def rows(self, data: bytes, *, final: bool) -> tuple[list[Any], int]:
        try:
            text = self.encoding.text(data)
        except UnicodeError:
            return self._damaged(data, final=final)
        if '"' not in text:
            return list(self._reader(io.StringIO(text, newline=""))), len(data)
        lines = list(io.StringIO(text, newline=""))
        rows, used = self._quoted(lines, final=final)
        if used in (0, len(lines)):
            return rows, len(data) if used else 0
        return rows, sum(map(len, self.encoding.lines(data)[:used]))

    def ends(self, data: bytes) -> list[int]:
        lines = self.encoding.lines(data)
        reader = self._reader(map(self.encoding.lenient, lines))
        ends, at, place = [], 0, 0
        for _ in reader:
            while at < reader.line_num:
                place += len(lines[at])
                at += 1
            ends.append(place)
        return ends

    def lines(self, data: bytes) -> list[bytes]:
        return self.encoding.lines(data)

    def passing(self) -> "Quotes":
        return Quotes(self._delimiter, narrow=self.encoding.unit == 1)

    def _reader(self, lines: Iterable[str]) -> Any:
        return csv.reader(lines, delimiter=self._delimiter)

    def _quoted(self, lines: list[str], *, final: bool) -> tuple[list[Any], int]:
        """The rows, and how many lines they take."""
        ended = False

        def end() -> Iterator[str]:
            nonlocal ended
            ended = True
            yield from ()

        reader = self._reader(chain(lines, end()))
        rows: list[Any] = []
        used = 0
        for row in reader:
            if ended and not final:  # it asked for one more line
                break
            rows.append(row)
            used = reader.line_num
        return rows, used

    def _damaged(self, data: bytes, *, final: bool) -> tuple[list[Any], int]:
        """Where some bytes are no text: the rows that they are in cannot be used, all others can."""
        lines = self.encoding.lines(data)
        rows, used = self._quoted([self.encoding.lenient(line) for line in lines], final=final)
        problem = RowError(f"the row is not text in {self.encoding.name}")
        return [problem if any(MARK in cell for cell in row) else row for row in rows], sum(map(len, lines[:used]))


class Quotes:
    """The states of the csv module's own reader, as far as the end of a row depends on them. `narrow`: a quote has
    one byte."""

    def __init__(self, delimiter: str, *, narrow: bool) -> None:
        self._delimiter = delimiter
        self._narrow = narrow
        self._step = self._start

    @property
    def open(self) -> bool:
        return self._step == self._quoted

    def within(self, data: bytes, start: int) -> int:
        if not self.open:
            return 0
        if self._narrow and (found := _QUOTED.match(data, start)):
            return found.end() - start
        quote = data.find(b'"', start)
        return (len(data) if quote < 0 else quote) - start

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            at = self._step(text, at)

    def _start(self, text: str, at: int) -> int:
        """At the beginning of a field."""
        if text[at] != self._delimiter:
            self._step = self._quoted if text[at] == '"' else self._plain
        return at + 1

    def _plain(self, text: str, at: int) -> int:
        found = text.find(self._delimiter, at)
        if found < 0:
            return len(text)
        self._step = self._start
        return found + 1

    def _quoted(self, text: str, at: int) -> int:
        found = text.find('"', at)
        if found < 0:
            return len(text)
        self._step = self._quote
        return found + 1

    def _quote(self, text: str, at: int) -> int:
        """Behind a quote within quotes: twice, it is one; else it was the last."""
        if text[at] == '"':
            self._step = self._quoted
        else:
            self._step = self._start if text[at] == self._delimiter else self._plain
        return at + 1
