"""JSON Lines: each line that ends with a line feed is a row. Items are the lines' bytes, in UTF-8."""

from collections.abc import Iterator
from typing import Any

from modelyard_runtime.batch.csv_rows import opened
from modelyard_runtime.batch.cutter import Cutter, LineChunk
from modelyard_runtime.batch.encodings import Encoding
from modelyard_runtime.batch.rows import Context, RowError


def json_chunks(context: Context) -> Iterator[LineChunk]:
    split = context.split
    encoding, start, held, pieces = opened(context, "utf-8")
    lines = JsonLines(encoding, split.job.max_row_bytes)
    return Cutter(lines, (split.source, start), split.first_row, context.wanted).chunks(held, pieces)


class JsonLines:
    returns = False

    def __init__(self, encoding: Encoding, most_bytes: int) -> None:
        self.encoding = encoding
        self.most_bytes = most_bytes

    def rows(self, data: bytes, *, final: bool) -> tuple[list[Any], int]:
        if self.encoding.unit == 1:
            return [line.rstrip(b"\r\n") for line in self.lines(data)], len(data)
        return [self._in_utf8(line) for line in self.lines(data)], len(data)

    def ends(self, data: bytes) -> list[int]:
        ends, place = [], 0
        for line in self.lines(data):
            place += len(line)
            ends.append(place)
        return ends

    def lines(self, data: bytes) -> list[bytes]:
        unit, feed = self.encoding.unit, "\n".encode(self.encoding.name)
        lines, start = [], 0
        while start < len(data):
            found = data.find(feed, start)
            while found >= 0 and (found - start) % unit:
                found = data.find(feed, found + 1)
            end = len(data) if found < 0 else found + unit
            lines.append(data[start:end])
            start = end
        return lines

    def passing(self) -> "Line":
        return Line()

    def _in_utf8(self, line: bytes) -> bytes | RowError:
        try:
            return self.encoding.text(line).rstrip("\r\n").encode()
        except UnicodeError:
            return RowError(f"the line is not text in {self.encoding.name}")


class Line:
    """A row of one line."""

    open = False

    def feed(self, text: str) -> None: ...
