"""Results as Parquet: a row for each row of the input, written and read a few thousand rows at a time.

    row             int64     counts from 0
    result          string    SUCCESSFUL or FAILED
    answer          string    the model's answer, as JSON text; null where there is none
    error_message   string    why it failed; null where it did not

Needs the extra `parquet` (pyarrow).
"""

import asyncio
import io
import tempfile
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard.core.batch.outcomes import failed_line

ROWS_TOGETHER = 10_000
BYTES_TOGETHER = 8 * 1024 * 1024
SUCCESSFUL, FAILED = "SUCCESSFUL", "FAILED"


class NoParquetError(Exception):
    """This installation cannot read or write Parquet."""

    def __init__(self) -> None:
        super().__init__("results as Parquet need pyarrow: install modelyard with the extra 'parquet'")


@dataclass(frozen=True, slots=True)
class ResultRow:
    """`cause`: why it failed; None: `line` is the answer."""

    row: int
    line: bytes
    cause: str | None


async def parquet(rows: AsyncIterable[ResultRow]) -> AsyncGenerator[bytes, None]:
    """The bytes of a file of these rows. Raises NoParquetError."""
    sink = _Sink()
    writer = await asyncio.to_thread(_writer, sink)
    some: list[ResultRow] = []
    size = 0
    async for row in rows:
        some.append(row)
        size += len(row.line)
        if len(some) >= ROWS_TOGETHER or size >= BYTES_TOGETHER:
            await asyncio.to_thread(_write, writer, some)
            some, size = [], 0
            yield sink.taken()
    if some:
        await asyncio.to_thread(_write, writer, some)
    await asyncio.to_thread(writer.close)
    yield sink.taken()


async def lines_of_parquet(pieces: AsyncIterable[bytes]) -> AsyncGenerator[bytes, None]:
    """What `parquet` has made, as lines again. Raises NoParquetError."""
    with tempfile.TemporaryFile(prefix="modelyard-parquet-") as file:
        async for piece in pieces:
            await asyncio.to_thread(file.write, piece)
        batches = await asyncio.to_thread(_batches, file)
        while (lines := await asyncio.to_thread(_next_lines, batches)) is not None:
            yield lines


class _Sink(io.RawIOBase):
    """Holds what was written since it was last asked."""

    def __init__(self) -> None:
        self._held: list[bytes] = []
        self._place = 0

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._place

    def write(self, data: Any) -> int:
        piece = bytes(data)
        self._held.append(piece)
        self._place += len(piece)
        return len(piece)

    def taken(self) -> bytes:
        held = b"".join(self._held)
        self._held.clear()
        return held


def _writer(sink: _Sink) -> Any:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise NoParquetError from error
    text = pa.string()
    schema = pa.schema([("row", pa.int64()), ("result", text), ("answer", text), ("error_message", text)])
    return pq.ParquetWriter(pa.PythonFile(sink, mode="w"), schema)


def _write(writer: Any, rows: Sequence[ResultRow]) -> None:
    import pyarrow as pa

    columns = [
        [row.row for row in rows],
        [FAILED if row.cause is not None else SUCCESSFUL for row in rows],
        [None if row.cause is not None else row.line.rstrip(b"\n").decode() for row in rows],
        [row.cause for row in rows],
    ]
    arrays = [pa.array(column, type=field.type) for column, field in zip(columns, writer.schema, strict=True)]
    writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=writer.schema))


def _batches(file: Any) -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError as error:
        raise NoParquetError from error
    file.seek(0)
    return pq.ParquetFile(file).iter_batches(batch_size=ROWS_TOGETHER)


def _next_lines(batches: Any) -> bytes | None:
    batch = next(batches, None)
    if batch is None:
        return None
    answers, causes = (batch.column(name).to_pylist() for name in ("answer", "error_message"))
    return b"".join(
        failed_line(cause) if answer is None else answer.encode() + b"\n"
        for answer, cause in zip(answers, causes, strict=True)
    )
