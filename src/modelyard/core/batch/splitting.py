"""How an input is cut into splits. Pure: bytes in, cuts out, and nothing held but where we are.

A split ends with the row that makes it as large as `Sizes` allows. A source whose size is known is cut into about
sixteen, so that several workers have something to do in a small one, and calls of the model are large in a large
one (`Sizes.of`). Once a task has a thousand rows there is enough to do, and a small source is not cut any more.

    bytes of the source         160      16 kB     1 MB     100 MB
    of a split at most           10       1 kB  62.5 kB     4.2 MB

Where only rows are known (files taken together, row groups), the first splits are small, and later ones have one
eighth of what came before:

    files of the task so far      0     64     512     2,048
    files of the next split       1      8      64       256
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from modelyard.core.batch import encodings
from modelyard.core.batch.csv_rows import Limits, RowEnds
from modelyard.core.batch.line_rows import LineEnds
from modelyard.domain.batch import Dialect

_GROWTH = 8
_SHARES = 16
_ENOUGH_ROWS = 1000
_LEAST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Sizes:
    """What a split has at most: rows, and bytes (with its last row it may exceed these). `first_rows`: those of a
    task have so many rows, where only rows are known."""

    rows: int = 50_000
    bytes: int = 4 * 1024 * 1024
    first_rows: int = 64

    def of(self, size: int, so_far: int) -> "Sizes":
        """For a source of `size` bytes in a task of `so_far` rows."""
        least = 1 if so_far < _ENOUGH_ROWS else _LEAST_BYTES
        return replace(self, bytes=min(self.bytes, max(size // _SHARES, least)))

    def rows_after(self, so_far: int) -> int:
        return min(max(so_far // _GROWTH, self.first_rows), self.rows)


FILES = Sizes(rows=256, bytes=16 * 1024 * 1024, first_rows=1)
PARQUET = Sizes(rows=200_000, bytes=64 * 1024 * 1024, first_rows=64)
"""Rows of Parquet are cheap to tell apart only at row groups: see `row_group_cuts`."""


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows `first_row` … of a source, between two bytes of it (Parquet: between two rows)."""

    start: int
    end: int
    first_row: int
    rows: int


class Ends(Protocol):
    """See `csv_rows.RowEnds`."""

    limits: Limits
    begun: int

    def feed(self, data: bytes) -> Iterator[tuple[int, int]]: ...

    def finish(self) -> Iterator[tuple[int, int]]: ...


class Cutter:
    """Cuts one source. `at`, `row`: where it goes on, at the beginning of a row (0: of the file)."""

    def __init__(
        self,
        ends: Ends,
        units: encodings.Units,
        sizes: Sizes,
        *,
        at: int,
        row: int,
        mark: int = 0,
        header: bool = False,
    ) -> None:
        self._ends = ends
        self._units = units
        self._sizes = sizes
        self._mark = mark
        self._origin = at + mark
        self._fed = at
        self._start = at
        self._first_row = row
        self._rows = 0
        self._header = header
        self._begin()

    def feed(self, data: bytes) -> list[Cut]:
        """The cuts that are complete now."""
        self._fed += len(data)
        if self._mark:
            taken = min(self._mark, len(data))
            self._mark -= taken
            data = data[taken:]
        return self._cuts(self._ends.feed(self._units.feed(data)))

    def finish(self) -> list[Cut]:
        """The rest of them: the file ends here."""
        cuts = self._cuts(self._ends.feed(self._units.finish()))
        cuts += self._cuts(self._ends.finish())
        if self._rows:
            cuts.append(self._cut(self._fed))
        elif cuts:
            cuts[-1] = Cut(cuts[-1].start, self._fed, cuts[-1].first_row, cuts[-1].rows)
        return cuts

    def _cuts(self, ends: Iterable[tuple[int, int]]) -> list[Cut]:
        cuts = []
        for rows, end in ends:
            if self._header:
                self._header = False
                self._start = self._origin + end * self._units.width
                self._begin(end)
                continue
            self._rows += rows
            self._ends.limits.rows -= rows
            if self._ends.limits.rows <= 0 or end - self._ends.begun >= self._ends.limits.units:
                cuts.append(self._cut(self._origin + end * self._units.width))
                self._begin(end)
        return cuts

    def _cut(self, end: int) -> Cut:
        cut = Cut(self._start, end, self._first_row, self._rows)
        self._start = end
        self._first_row += self._rows
        self._rows = 0
        return cut

    def _begin(self, at_unit: int = 0) -> None:
        rows = 1 if self._header else self._sizes.rows
        self._ends.limits.rows = rows
        self._ends.limits.units = max(1, self._sizes.bytes // self._units.width)
        self._ends.begun = at_unit


def csv_cutter(dialect: Dialect, head: bytes, sizes: Sizes, *, at: int = 0, row: int = 0) -> Cutter:
    """`head`: the file's first bytes (LONGEST_MARK, or all there are), which are fed as well if `at` is 0. Raises
    UncuttableEncodingError."""
    encoding, mark = encodings.encoding_of(dialect.encoding, head)
    units = encodings.units(encoding, dialect.delimiter)
    ends = RowEnds(units.delimiter, Limits(1, 1))
    begins = at == 0
    return Cutter(
        ends,
        units,
        sizes,
        at=at,
        row=row,
        mark=mark if begins else 0,
        header=dialect.header and begins,
    )


def lines_cutter(head: bytes, sizes: Sizes, *, at: int = 0, row: int = 0) -> Cutter:
    """Of JSONL: a line is a row. `head` as of `csv_cutter`. Raises UncuttableEncodingError."""
    encoding, mark = encodings.encoding_of("utf-8", head)
    if encoding != "utf-8":
        raise encodings.UncuttableEncodingError(
            f"JSON Lines must be in UTF-8, and the file says that it is in {encoding}"
        )
    ends = LineEnds(Limits(1, 1))
    return Cutter(ends, encodings.Units(b""), sizes, at=at, row=row, mark=0 if at else mark)


def row_group_cuts(groups: Sequence[tuple[int, int]], sizes: Sizes, so_far: int = 0) -> Iterator[Cut]:
    """Of a Parquet file with these row groups (rows, bytes): small ones together, large ones in few equal pieces,
    since whoever reads a piece reads its whole group."""
    start = rows = size = 0
    for group_rows, group_bytes in groups:
        most = max(sizes.rows_after(so_far + start), sizes.rows if group_rows > sizes.rows else 0)
        if rows and (rows + group_rows > most or size + group_bytes > sizes.bytes):
            yield Cut(start, start + rows, start, rows)
            start, rows, size = start + rows, 0, 0
        if group_rows > sizes.rows:
            pieces = -(-group_rows // sizes.rows)
            for n in range(pieces):
                piece = group_rows * (n + 1) // pieces - group_rows * n // pieces
                yield Cut(start, start + piece, start, piece)
                start += piece
        else:
            rows, size = rows + group_rows, size + group_bytes
    if rows:
        yield Cut(start, start + rows, start, rows)
