"""Where the rows of JSONL end: with line feeds, the last one with the file. As `csv_rows` else. Pure."""

from collections.abc import Iterator

from modelyard.core.batch.csv_rows import Limits, Marks
from modelyard.core.batch.encodings import FEED


class LineEnds:
    """See `csv_rows.RowEnds`."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.begun = 0
        self._marks = Marks()
        self._base = 0
        self._open = False

    def feed(self, data: bytes) -> Iterator[tuple[int, int]]:
        place, end = 0, data.rfind(FEED) + 1
        while place < end:
            reached = self.begun + self.limits.units - self._base
            rows, place = self._marks.up_to(data, FEED, (place, end), reached, self.limits.rows)
            yield rows, self._base + place
        if data:
            self._open = end < len(data)
            self._base += len(data)

    def finish(self) -> Iterator[tuple[int, int]]:
        if self._open:
            self._open = False
            yield 1, self._base
