"""What the beginning of an input file says of all its rows, and where a row ends.

A split begins in the middle of its file, but how its bytes are read may be said by a byte order mark, and its
columns may be named by a header line.
"""

import csv
from collections import OrderedDict
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from modelyard.batch.inputs import Inputs
from modelyard.core.batch.csv_rows import Limits, RowEnds
from modelyard.core.batch.encodings import LONGEST_MARK, encoding_of, units
from modelyard.domain.batch import Format, Job, Source, Split

KEPT = 64
MOST_UNITS = 2**62


class NoRowError(Exception):
    """The file does not hold the row that it held when it was planned."""


@dataclass(frozen=True, slots=True)
class Top:
    """`mark`: how many bytes the byte order mark has."""

    encoding: str = ""
    mark: int = 0
    header: Sequence[str] | None = None


class Tops:
    """Of the files of one task."""

    def __init__(self, inputs: Inputs, job: Job) -> None:
        self._inputs = inputs
        self._job = job
        self._known: OrderedDict[int, Top] = OrderedDict()

    async def of(self, source: Source, inputs: Inputs | None = None) -> Top:
        """`inputs`: where the beginning of the file is known from. Raises ObjectStoreError,
        UncuttableEncodingError, NoRowError."""
        if self._job.format is not Format.CSV:
            return Top()
        if inputs is not None:
            return await self._read(source, inputs)
        if source.number not in self._known:
            self._known[source.number] = await self._read(source, self._inputs)
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return self._known[source.number]

    async def _read(self, source: Source, inputs: Inputs) -> Top:
        dialect = self._job.csv
        head = await inputs.read(source, 0, LONGEST_MARK)
        encoding, mark = encoding_of(dialect.encoding, head)
        if not dialect.header or source.size <= mark:
            return Top(encoding, mark)
        async with aclosing(inputs.stream(source, mark, source.size - mark)) as stream:
            end = await self._row_end_in(stream, Top(encoding, mark), mark, source.size)
        if end - mark > self._job.max_row_bytes:
            raise NoRowError(f"the header line has {end - mark} bytes; {self._job.max_row_bytes} are allowed")
        text = (await inputs.read(source, mark, end - mark)).decode(encoding, "replace")
        names = next(csv.reader([text], delimiter=dialect.delimiter), [])
        return Top(encoding, mark, tuple(names))

    async def first_row_end(self, source: Source, split: Split) -> tuple[int, int]:
        """(source, start) of the row behind the first one of a split that has several. Raises as `of` does."""
        if self._job.format is Format.FILE:
            return split.source + 1, 0
        if self._job.format is Format.PARQUET:
            return split.source, split.start + 1
        top = await self.of(source)
        end = await self._row_end(source, top, max(split.start, top.mark), split.end)
        if not split.start < end < split.end:
            raise NoRowError(f"the row {split.first_row} does not end where it did")
        return split.source, end

    async def _row_end(self, source: Source, top: Top, start: int, end: int) -> int:
        async with aclosing(self._inputs.stream(source, start, end - start)) as stream:
            return await self._row_end_in(stream, top, start, end)

    async def _row_end_in(self, stream: AsyncGenerator[bytes, None], top: Top, start: int, end: int) -> int:
        if self._job.format is Format.JSONL:
            async for piece in stream:
                if (found := piece.find(b"\n")) >= 0:
                    return start + found + 1
                start += len(piece)
            return end
        reader = units(top.encoding, self._job.csv.delimiter)
        ends = RowEnds(reader.delimiter, Limits(1, MOST_UNITS))
        async for piece in stream:
            for _, place in ends.feed(reader.feed(piece)):
                return start + place * reader.width
        for _, place in [*ends.feed(reader.finish()), *ends.finish()]:
            return start + place * reader.width
        return end
