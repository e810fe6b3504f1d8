"""Bytes of a split to chunks of rows, for formats whose rows are lines or several.

What a format has to say is `Lines`. The cutter holds no more than a window, a chunk and the row that it is in; of
a row that is too long it holds nothing, and passes over it up to its end.
"""

from collections.abc import Callable, Generator, Iterator
from functools import cache
from typing import Any, Protocol

from modelyard_runtime.batch.encodings import Encoding
from modelyard_runtime.batch.rows import CHUNK_BYTES, MOST_CHUNK_BYTES, RowError, Wanted

_ROOM = 0.95  # rows are not equally long: rather a little fewer than wanted than a few more
_PART_BYTES = 64 * 1024  # of a line that does not end, passed over at a time


class Passing(Protocol):
    """Follows a row that is not held, to its end."""

    @property
    def open(self) -> bool:
        """Whether the row goes on in the next line."""

    def feed(self, text: str) -> None: ...

    def within(self, data: bytes, start: int) -> int:
        """How many of the bytes from `start` on, where a line begins, cannot end the row and need not be fed."""


class Lines(Protocol):
    """How rows of a format lie in lines. `returns`: a carriage return alone ends a line."""

    encoding: Encoding
    most_bytes: int

    @property
    def returns(self) -> bool: ...

    def rows(self, data: bytes, *, final: bool) -> tuple[list[Any], int]:
        """The whole rows in whole lines, and how many bytes they are. `final`: a row may end with the data."""

    def ends(self, data: bytes) -> list[int]:
        """Where each row of it ends."""

    def lines(self, data: bytes) -> list[bytes]:
        """With their ends."""

    def passing(self) -> Passing: ...


class LineChunk:
    """Rows in the bytes between `start` and `end` of a source. `ends` counts where each of them ends, in these
    bytes: when it is asked for, which is rare."""

    __slots__ = ("_end", "_ends", "_source", "_start", "first", "items", "plain")

    def __init__(self, items: list[Any], first: int, where: tuple[int, int, int], ends: Callable[[], list[int]]):
        self.items = items
        self.first = first
        self.plain = False
        self._source, self._start, self._end = where
        self._ends = ends

    def begins(self, place: int) -> tuple[int, int]:
        if place == 0:
            return self._source, self._start
        if place >= len(self.items):
            return self._source, self._end
        return self._source, self._start + self._ends()[place - 1]


class Cutter:
    """`at`: the source, and where in it the bytes begin."""

    def __init__(self, lines: Lines, at: tuple[int, int], first_row: int, wanted: Wanted) -> None:
        self._lines = lines
        self._source, self._start = at
        self._row = first_row
        self._wanted = wanted
        self._mean_bytes = 32.0
        self._most = lines.most_bytes + 2 * lines.encoding.unit  # a row with the end of its line

    def chunks(self, held: bytes, pieces: Iterator[bytes]) -> Iterator[LineChunk]:
        """`held`, then `pieces`."""
        least = known = 0
        final = False
        while True:
            if not final:
                held, final = _filled(held, pieces, max(least, self._worth_a_call()))
            at = 0
            short = False
            while not short and (end := (yield from self._cut(held, at, known, final=final))) > at:
                at, known = end, 0
                short = not final and len(held) - at < self._worth_a_call()
            held = held[at:]
            known = 0 if short else len(held)
            if final:
                return
            if known > self._most:
                held, final = yield from self._pass_over(held, pieces)
                known = 0
            least = min(2 * len(held), self._most + 1)  # a row is not read again for each window that it has

    def _cut(self, held: bytes, at: int, known: int, *, final: bool) -> Generator[LineChunk, None, int]:
        """One chunk from `at`; returns where it ended, `at` if there is none. `known`: in so many bytes no row
        ends."""
        size = max(self._chunk_bytes(), 2 * known)
        while at < len(held):
            limit = min(at + size, len(held))
            whole = final and limit == len(held)
            end = limit if whole else self._last_line(held, at, limit)
            if end > at:
                data = held[at:end]
                rows, used = self._lines.rows(data, final=whole)
                if rows:
                    yield self._chunk(rows, data[:used])
                    return at + used
            if limit == len(held):
                break
            size *= 2
        return at

    def _chunk_bytes(self) -> int:
        return min(max(int(self._wanted.rows * self._mean_bytes * _ROOM), CHUNK_BYTES), MOST_CHUNK_BYTES)

    def _worth_a_call(self) -> int:
        """Fewer bytes wait for more, once it is known that the model is faster with many rows at once."""
        return self._chunk_bytes() if self._wanted.rows > 1 else 0

    def _last_line(self, held: bytes, start: int, limit: int) -> int:
        """Where the last line ends that ends in [start, limit]; `start` if none does. Whether a carriage return
        at the end of what is held is all of an end of line is not known, and it does not count."""
        encoding = self._lines.encoding
        found = encoding.last(held, "\n", start, limit)
        if found >= 0 or not self._lines.returns:
            return found + encoding.unit if found >= 0 else start
        end = min(limit, len(held) - encoding.unit)
        found = encoding.last(held, "\r", start, end)
        if found < 0:
            return start
        after = found + encoding.unit
        return after + encoding.unit if held.startswith("\n".encode(encoding.name), after) else after

    def _chunk(self, rows: list[Any], data: bytes) -> LineChunk:
        ends = cache(lambda: self._lines.ends(data))
        self._mean_bytes = len(data) / len(rows)
        chunk = self._taken(rows, len(data), ends)
        chunk.plain = self._lines.encoding.unit == 1 and data.isascii() and b"_" not in data
        if len(data) > self._lines.most_bytes:
            start = 0
            for n, end in enumerate(ends()):
                if end - start > self._lines.most_bytes and self._bare(data[start:end]) > self._lines.most_bytes:
                    rows[n] = self._too_long()
                start = end
        return chunk

    def _taken(self, rows: list[Any], size: int, ends: Callable[[], list[int]]) -> LineChunk:
        start, first = self._start, self._row
        self._start += size
        self._row += len(rows)
        return LineChunk(rows, first, (self._source, start, start + size), ends)

    def _bare(self, row: bytes) -> int:
        """How long it is without the end of its line."""
        length = len(row)
        for mark in "\n\r":
            end = mark.encode(self._lines.encoding.name)
            if row.endswith(end, 0, length):
                length -= len(end)
        return length

    def _too_long(self) -> RowError:
        return RowError(f"the row is longer than {self._lines.most_bytes} bytes")

    def _pass_over(self, held: bytes, pieces: Iterator[bytes]) -> Generator[LineChunk, None, tuple[bytes, bool]]:
        """The row at the beginning of `held`, whose end is not in it. Returns what follows it, and whether that is
        all."""
        passing, decoder = self._lines.passing(), self._lines.encoding.decoder()
        passed = 0
        final = ended = broken = False
        while not ended:
            if not broken:
                skipped = self._last_line(held, 0, passing.within(held, 0))
                passed, held = passed + skipped, held[skipped:]
            block, place, quiet = held, 0, 0
            lines, held, broken = self._whole(block, final=final)
            for n, line in enumerate(lines):
                whole = n < len(lines) - 1 or not broken
                place += len(line)
                if place <= quiet and whole:
                    continue
                passing.feed(decoder.decode(line, final=whole))
                if not whole:
                    break
                if not passing.open:
                    held = b"".join(lines[n + 1 :]) + held
                    ended = True
                    break
                quiet = place + passing.within(block, place)
            passed += place
            if final:
                break
            if not ended:
                held, final = _filled(held, pieces, 0)
        yield self._taken([self._too_long()], passed, list)
        return held, final

    def _whole(self, held: bytes, *, final: bool) -> tuple[list[bytes], bytes, bool]:
        """The lines of it that are whole, the rest, and whether the last of these lines is broken off: a long one
        whose end is not known comes in parts."""
        unit = self._lines.encoding.unit
        whole = len(held) if final else len(held) - len(held) % unit  # half a line feed is none yet
        lines = self._lines.lines(held[:whole])
        if final or not lines:
            return lines, held[whole:], False
        rest = lines.pop() + held[whole:]
        if len(rest) <= _PART_BYTES:
            return lines, rest, False
        part = len(rest) - len(rest) % unit - 2 * unit
        return [*lines, rest[:part]], rest[part:], True


def _filled(held: bytes, pieces: Iterator[bytes], least: int) -> tuple[bytes, bool]:
    """At least one piece more, and at least `least` bytes in all; whether there are no more."""
    parts, size = [held], len(held)
    while True:
        more = next(pieces, None)
        if more is None:
            return b"".join(parts), True
        parts.append(more)
        size += len(more)
        if size >= least:
            return b"".join(parts), False
