"""Parquet, read by pyarrow, which is an extra: only the columns that are wanted, in pieces of row groups.

Items are objects, with values as JSON has them: what JSON does not know (a date, a decimal, bytes) is text, as in
a model's answer. Rows have no bytes of their own: a row begins at its number.
"""

import io
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import msgspec

from modelyard_runtime.batch.link import Window
from modelyard_runtime.batch.mapping import columns_of
from modelyard_runtime.batch.rows import MOST_CHUNK_BYTES, Context, RowError, SourceError
from modelyard_runtime.batch.wire import MOST_OPEN_READS, MOST_READ_BYTES, Split

_MOST_ROWS = 8192
_BUFFER_BYTES = MOST_OPEN_READS * MOST_READ_BYTES


class RowChunk:
    __slots__ = ("_source", "first", "items")
    plain = False

    def __init__(self, items: list[Any], first: int, source: int) -> None:
        self.items = items
        self.first = first
        self._source = source

    def begins(self, place: int) -> tuple[int, int]:
        return self._source, self.first + place


def parquet_chunks(context: Context) -> Iterator[RowChunk]:
    split = context.split
    parquet = _library()
    content = _Remote(context.window, split.size)
    try:
        with parquet.ParquetFile(content, buffer_size=_BUFFER_BYTES, pre_buffer=False) as file:
            yield from _chunks(file, split)
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        if content.failure is not None:
            raise content.failure from None
        raise SourceError(f"it is no Parquet file that can be read: {error}") from None


def _library() -> ModuleType:
    try:
        from pyarrow import parquet
    except ImportError:
        raise SourceError("reading Parquet needs pyarrow: pip install 'modelyard[parquet]'") from None
    found: ModuleType = parquet
    return found


def _chunks(file: Any, split: Split) -> Iterator[RowChunk]:
    columns = _columns(file, split)
    metadata = file.metadata
    row = 0
    for group in range(metadata.num_row_groups):
        described = metadata.row_group(group)
        first, row = row, row + described.num_rows
        if row <= split.start or first >= split.end:
            continue
        mean_bytes = described.total_byte_size / max(described.num_rows, 1)
        size = min(max(int(MOST_CHUNK_BYTES / max(mean_bytes, 1.0)), 1), _MOST_ROWS)
        for batch in file.iter_batches(size, [group], columns=columns, use_threads=False):
            after = first + batch.num_rows
            start, end = max(first, split.start), min(after, split.end)
            if start < end:
                rows = batch.slice(start - first, end - start).to_pylist()
                yield RowChunk([_plain(each, split.job.max_row_bytes) for each in rows], start, split.source)
            first = after
            if first >= split.end:
                return


def _columns(file: Any, split: Split) -> list[str] | None:
    """Those that the mapping rule names; None: all."""
    if split.job.mapping is None:
        return None
    wanted = list(dict.fromkeys(columns_of(split.job.mapping)))
    names = file.schema_arrow.names
    for name in wanted:
        if (count := names.count(name)) != 1:
            has = "has no column" if not count else f"has {count} columns named"
            raise SourceError(f'the file {has} "{name}"')
    return None if any("." in name for name in wanted) else wanted  # pyarrow would look for a field within one


def _plain(row: dict[str, Any], most_bytes: int) -> Any:
    try:
        written = msgspec.json.encode(row)
    except (TypeError, ValueError, OverflowError) as error:
        return RowError(f"the row has a value that JSON cannot have: {error}")
    if len(written) > most_bytes:
        return RowError(f"the row is longer than {most_bytes} bytes")
    return msgspec.json.decode(written)


class _Remote(io.RawIOBase):
    """The file, as pyarrow reads files. `failure`: what reading raised; pyarrow may tell it in its own words."""

    def __init__(self, window: Window, size: int) -> None:
        super().__init__()
        self.failure: Exception | None = None
        self._window = window
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        left = max(self._size - self._at, 0)
        length = left if size is None or size < 0 else min(size, left)
        try:
            content = self._window.read(0, self._at, length)
        except Exception as error:
            self.failure = error
            raise OSError(str(error)) from error
        self._at += len(content)
        return content
