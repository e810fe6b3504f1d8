"""JSON Lines: each line that ends with a line feed is a row. Items are the lines' bytes."""

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

from modelyard_runtime.batch.csv_rows import opened
from modelyard_runtime.batch.cutter import Cutter, LineChunk
from modelyard_runtime.batch.encodings import Encoding
from modelyard_runtime.batch.rows import Context, SourceError


def json_chunks(context: Context) -> Iterator[LineChunk]:
    split = context.split
    encoding, start, held, pieces = opened(context, "utf-8")
    if encoding.name != "utf-8":
        raise SourceError(f"JSON Lines must be in UTF-8, and the file says that it is in {encoding.name}")
    lines = JsonLines(encoding, split.job.max_row_bytes)
    return Cutter(lines, (split.source, start), split.first_row, context.wanted).chunks(held, pieces)


class JsonLines:
    returns = False

    def __init__(self, encoding: Encoding, most_bytes: int) -> None:
        self.encoding = encoding
        self.most_bytes = most_bytes

    def rows(self, data: bytes, *, final: bool) -> tuple[list[Any], int]:
        rows = data.split(b"\n")
        if not rows[-1]:
            rows.pop()
        return rows, len(data)

    def ends(self, data: bytes) -> list[int]:
        return list(accumulate(map(len, self.lines(data))))

    def lines(self, data: bytes) -> list[bytes]:
        return _LINE.findall(data)

    def passing(self) -> "Line":
        return Line()


_LINE = re.compile(rb"[^\n]*\n|[^\n]+")


class Line:
    """A row of one line."""

    open = False

    def feed(self, text: str) -> None: ...

    def within(self, _data: bytes, _start: int) -> int:
        return 0
