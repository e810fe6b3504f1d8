"""The splits of one input file, as its bytes come in. What is wrong with the file is the file's: UnreadableError.

CSV and JSONL are read once, a megabyte at a time, in a thread where that takes long. Of Parquet only the footer is
read, which says how many rows each row group has.
"""

import asyncio
import io
import struct
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from modelyard.core.batch.encodings import LONGEST_MARK, UncuttableEncodingError
from modelyard.core.batch.splitting import PARQUET, Cut, Cutter, Sizes, csv_cutter, lines_cutter, row_group_cuts
from modelyard.domain.batch import Format, Job
from modelyard.objects.base import (
    ObjectChangedError,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    Objects,
    Place,
)

PIECE = 1024 * 1024
_QUICK = 64 * 1024
"""Bytes that are cut in less time than handing them to a thread would take."""
MOST_FOOTER_BYTES = 64 * 1024 * 1024
_MAGIC = b"PAR1"


class UnreadableError(Exception):
    """The file has no rows that could be told apart, and will not have any."""


async def cuts(
    objects: Objects,
    place: Place,
    info: ObjectInfo,
    job: Job,
    sizes: Sizes,
    *,
    at: int = 0,
    row: int = 0,
    so_far: int = 0,
) -> AsyncGenerator[list[Cut], None]:
    """In the order of the file, from the row on that begins `at`. `so_far`: rows of the task before. Raises
    UnreadableError, and what the object store raises while it is away."""
    try:
        if job.format is Format.PARQUET:
            groups = await _row_groups(objects, place, info)
            yield [cut for cut in row_group_cuts(groups, PARQUET, so_far) if cut.start >= at]
            return
        async with aclosing(_text_cuts(objects, place, info, job, sizes, at, row)) as parts:
            async for some in parts:
                yield some
    except (ObjectNotFoundError, ObjectRefusedError, ObjectChangedError, UncuttableEncodingError) as error:
        raise UnreadableError(str(error)) from error


async def _text_cuts(  # noqa: PLR0917
    objects: Objects, place: Place, info: ObjectInfo, job: Job, sizes: Sizes, at: int, row: int
) -> AsyncGenerator[list[Cut], None]:
    cutter: Cutter | None = None
    if at:
        head = await _read(objects, place, info, 0, LONGEST_MARK)
        cutter = _cutter(job, head, sizes, at=at, row=row)
    end = at
    async with aclosing(_pieces(objects, place, info, at)) as pieces:
        async for piece in pieces:
            end += len(piece)
            if cutter is None:
                cutter = _cutter(job, piece[:LONGEST_MARK], sizes, at=0, row=0)
            yield cutter.feed(piece) if len(piece) <= _QUICK else await asyncio.to_thread(cutter.feed, piece)
    if end != info.size:
        raise ObjectChangedError(f"{place} has {end} bytes, and had {info.size}")
    if cutter is not None:
        yield cutter.finish()


def _cutter(job: Job, head: bytes, sizes: Sizes, *, at: int, row: int) -> Cutter:
    if job.format is Format.JSONL:
        return lines_cutter(head, sizes, at=at, row=row)
    return csv_cutter(job.csv, head, sizes, at=at, row=row)


async def _pieces(objects: Objects, place: Place, info: ObjectInfo, at: int) -> AsyncGenerator[bytes, None]:
    """Of PIECE bytes or a little more: a thread is not asked for each packet."""
    if at >= info.size:
        return
    held: list[bytes] = []
    length = 0
    async with aclosing(objects.read(place, offset=at, version=info.version)) as pieces:
        async for piece in pieces:
            held.append(piece)
            length += len(piece)
            if length >= PIECE:
                yield b"".join(held)
                held, length = [], 0
    if held:
        yield b"".join(held)


async def _read(objects: Objects, place: Place, info: ObjectInfo, offset: int, length: int) -> bytes:
    pieces = objects.read(place, offset=offset, length=length, version=info.version)
    return b"".join([piece async for piece in pieces])


async def _row_groups(objects: Objects, place: Place, info: ObjectInfo) -> Sequence[tuple[int, int]]:
    """(rows, bytes) of each. Raises UnreadableError, and what the object store raises."""
    ending = len(_MAGIC) + 4
    end = await _read(objects, place, info, info.size - ending, ending) if info.size >= ending else b""
    if not end.endswith(_MAGIC):
        raise UnreadableError(f"{place} is no Parquet file: it does not end with {_MAGIC.decode()}")
    (length,) = struct.unpack("<I", end[:4])
    if length + ending > info.size:
        raise UnreadableError(f"{place} is no Parquet file: its footer would be longer than the file")
    if length > MOST_FOOTER_BYTES:
        raise UnreadableError(f"{place}: its footer has {length} bytes; {MOST_FOOTER_BYTES} are allowed")
    footer = await _read(objects, place, info, info.size - ending - length, length)
    try:
        return await asyncio.to_thread(_groups_of, _MAGIC + footer + end)
    except (ValueError, OSError) as error:
        raise UnreadableError(f"{place} is no Parquet file: {error}") from error


def _groups_of(footer: bytes) -> Sequence[tuple[int, int]]:
    """Raises ValueError (pyarrow's errors are such), UnreadableError."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise UnreadableError("Parquet needs the extra `parquet`: pip install 'modelyard[parquet]'") from None
    metadata = parquet.read_metadata(io.BytesIO(footer))
    groups = [metadata.row_group(n) for n in range(metadata.num_row_groups)]
    found = [(int(group.num_rows), int(group.total_byte_size)) for group in groups]
    if any(rows < 0 for rows, _ in found):
        raise ValueError("a row group has less than no rows")
    return found
