"""Where the rows of CSV end, as Python's csv module finds them when it is fed lines with their ends (newline=""):

- a line ends with CR LF, LF or CR; outside of quotes that ends the row, and an empty line is a row;
- only a quote at the beginning of a field opens one in which anything may stand; a doubled quote is one in it;
- what follows a closing quote belongs to the field, and quotes in there, as within any field, mean nothing;
- at the end of the file the last row ends, whether its quote was closed or not.

Works on units (`encodings`), in pieces, and holds nothing of a row: a quote that is never closed in a file of any
size costs time, not memory. Where no quote is in sight ends of lines are only counted. Pure.
"""

import re
from collections.abc import Iterator
from enum import Enum, auto
from functools import lru_cache

from modelyard.core.batch.encodings import FEED, QUOTE, RETURN

_GROUP = 64
_NEAR = 512
"""Bytes: a quote that is nearer is not worth counting lines up to it."""


class _At(Enum):
    ROW = auto()
    FIELD = auto()
    UNQUOTED = auto()
    QUOTED = auto()
    QUOTE = auto()
    """Behind a quote in a quoted field: it closed it, or is the first of two."""


class Limits:
    """How large a split may become: it ends with the row that reaches either."""

    __slots__ = ("rows", "units")

    def __init__(self, rows: int, units: int) -> None:
        self.rows = rows
        self.units = units


class RowEnds:
    """Tells how many rows end in what is fed, and where: pairs (rows, end), `end` in units from the first one fed.

    Never more than `limits.rows` in one pair, nor one that goes on behind the first row that reaches
    `limits.units` from where the caller's split began (`begun`): so that splits may end exactly there. Both may be
    changed after each pair.
    """

    def __init__(self, delimiter: bytes, limits: Limits) -> None:
        self.limits = limits
        self.begun = 0
        self._delimiter = delimiter[0]
        self._patterns = _Patterns.of(delimiter)
        self._marks = Marks()
        self._at = _At.ROW
        self._base = 0
        self._held = b""
        self._data = b""

    @property
    def open(self) -> bool:
        """Whether a row has begun and not ended."""
        return self._at is not _At.ROW or bool(self._held)

    def feed(self, data: bytes) -> Iterator[tuple[int, int]]:
        """A carriage return at the end waits: a line feed may belong to it."""
        data = self._held + data if self._held else data
        self._held = RETURN if data.endswith(RETURN) else b""
        self._data = data = data[:-1] if self._held else data
        place = 0
        while place < len(data):
            if self._at is not _At.ROW:
                place, ended = self._end_of_row(place)
                if ended:
                    yield 1, self._base + place
                continue
            quote = data.find(QUOTE, place)
            lines = len(data) if quote < 0 else quote if quote - place > _NEAR else place
            last = self._last_end(place, lines)
            for rows, end in self._counted(place, last):
                yield rows, self._base + end
            place = last
            if quote < 0:
                self._at = self._of_tail(last, len(data))
                break
            for rows, end in self._quoted(place):
                yield rows, self._base + end
                place = end
        self._base += len(data)
        self._data = b""

    def finish(self) -> Iterator[tuple[int, int]]:
        """The last row, if it has no end of line."""
        if self.open:
            self._base += len(self._held)
            self._held, self._at = b"", _At.ROW
            yield 1, self._base

    # ── where no quote is ─────────────────────────────────────────────────────────────────────────────────────

    def _last_end(self, start: int, end: int) -> int:
        """Behind the last end of a line between them; `start` if there is none."""
        return max(self._data.rfind(FEED, start, end), self._data.rfind(RETURN, start, end), start - 1) + 1

    def _of_tail(self, start: int, end: int) -> _At:
        if start == end:
            return _At.ROW
        return _At.FIELD if self._data[end - 1] == self._delimiter else _At.UNQUOTED

    def _counted(self, place: int, end: int) -> Iterator[tuple[int, int]]:
        """Rows between ends of lines, without quotes."""
        data = self._data
        if place == end:
            return
        mark = self._mark(place, end)
        while place < end:
            reached = self.begun + self.limits.units - self._base  # where the row ends that is the last
            if mark is None:
                rows, place = self._mixed(place, end, reached)
            else:
                rows, place = self._marks.up_to(data, mark, (place, end), reached, self.limits.rows)
            yield rows, place

    def _mark(self, start: int, end: int) -> bytes | None:
        """What ends each of these lines; None: now this, now that."""
        returns = self._data.count(RETURN, start, end)
        if not returns or self._data.count(b"\r\n", start, end) == returns:
            return FEED
        return None if self._data.find(FEED, start, end) >= 0 else RETURN

    def _mixed(self, place: int, end: int, reached: int) -> tuple[int, int]:
        rows = 0
        for found in _END.finditer(self._data, place, end):
            rows, place = rows + 1, found.end()
            if rows == self.limits.rows or place >= reached:
                break
        return rows, place

    # ── where quotes are ──────────────────────────────────────────────────────────────────────────────────────

    def _quoted(self, place: int) -> Iterator[tuple[int, int]]:
        """Rows from the beginning of one on, up to a whole group of them, or to where the data ends within one."""
        reached = self.begun + self.limits.units - self._base
        if self.limits.rows >= _GROUP:
            group = self._patterns.group.match(self._data, place)
            if group is not None and group.end() < reached:
                yield _GROUP, group.end()
                return
        for _ in range(_GROUP):
            if place == len(self._data):
                return
            row = self._patterns.row.match(self._data, place)
            if row is None:
                self._at = _At.FIELD
                return
            place = row.end()
            yield 1, place

    def _end_of_row(self, place: int) -> tuple[int, bool]:
        """Behind the end of the row that `place` is in, or of the data, step by step; and whether it ended."""
        data, at, end = self._data, self._at, len(self._data)
        while place < end and at is not _At.ROW:
            if at is _At.QUOTED:
                found = data.find(QUOTE, place)
                place, at = (end, at) if found < 0 else (found + 1, _At.QUOTE)
                continue
            if at is _At.UNQUOTED:
                run = self._patterns.rest.match(data, place)
                place = end if run is None else run.end()
                if place == end:
                    break
            one = data[place]
            if one == QUOTE[0] and at is not _At.UNQUOTED:
                at = _At.QUOTED
            elif one == self._delimiter:
                at = _At.FIELD
            elif one in b"\r\n":
                at = _At.ROW
                place += one == RETURN[0] and data[place + 1 : place + 2] == FEED
            else:
                at = _At.UNQUOTED
            place += 1
        self._at = at
        return place, at is _At.ROW


class _Patterns:
    """One row from its beginning to its end of line, several of them, and the rest of an unquoted field."""

    def __init__(self, delimiter: bytes) -> None:
        one = re.escape(delimiter)
        other, first = rb"[^" + one + rb"\r\n]", rb'[^"' + one + rb"\r\n]"
        field = rb'(?:"[^"]*+(?:""[^"]*+)*+"' + other + rb"*+|" + first + other + rb"*+|)"
        row = rb"(?:" + field + one + rb")*+" + field + _END.pattern
        self.row = re.compile(row)
        self.group = re.compile(rb"(?:" + row + rb"){%d}+" % _GROUP)
        self.rest = re.compile(other + rb"*+")

    @staticmethod
    @lru_cache(maxsize=16)
    def of(delimiter: bytes) -> "_Patterns":
        return _Patterns(delimiter)


_END = re.compile(rb"(?:\r\n|\n|\r)")


class Marks:
    """Counts ends of lines no further than it must, by how far apart they were so far."""

    def __init__(self) -> None:
        self._apart = 64.0

    def up_to(self, data: bytes, mark: bytes, within: tuple[int, int], reached: int, most: int) -> tuple[int, int]:
        """How many are there, up to the one that ends at `reached` or behind it, at most `most`; and where the
        last of them ends. `within` ends behind one. Perhaps fewer, but one at least."""
        start, end = within
        likely = start + int(most * self._apart) + len(mark)
        until = data.find(mark, max(start, min(reached, end, likely) - 1), end) + 1
        marks = data.count(mark, start, until)
        self._apart = (until - start) / marks * 1.05
        if marks > most:
            return most, _nth_end(data, mark, start, until, most)
        return marks, until


def _nth_end(data: bytes, mark: bytes, start: int, end: int, nth: int) -> int:
    """Behind the `nth` mark from `start` on, of which there are as many before `end`."""
    while end - start > 4096:
        middle = (start + end) // 2
        before = data.count(mark, start, middle)
        if before >= nth:
            end = middle
        else:
            nth -= before
            start = middle
    place = start
    for _ in range(nth):
        place = data.index(mark, place, end) + 1
    return place
