"""The bytes of input files, of the version that was planned, a piece ahead of whoever asks for them.

A worker asks for what it reads from the front to the back, so the next pieces are fetched before it does: at most
`AHEAD` of them, of `PIECE` bytes. Several files of a split are one after the other. Of Parquet nothing is fetched
ahead, since it is read here and there.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from modelyard.batch.frames import Wanted
from modelyard.core.batch.outcomes import NonsenseError
from modelyard.domain.batch import Format, Source, Split
from modelyard.objects.base import ObjectChangedError, ObjectRefusedError, Objects, Place
from modelyard.objects.paths import MalformedPathError, ObjectPath

PIECE = 1024 * 1024
AHEAD = 8
LEAST_GIVEN = 64 * 1024 * 1024
GIVEN_AGAIN = 8
"""A worker may ask for each byte so often."""

Patiently = Callable[[Callable[[], Awaitable[bytes]]], Awaitable[bytes]]


class Inputs:
    """Files of the input, wherever they lie."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def stream(self, source: Source, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Raises ObjectStoreError, in particular ObjectChangedError when it is not the object that was planned."""
        place = await self._place(source)
        pieces = self._objects.read(place, offset=offset, length=length, version=source.version)
        async with aclosing(pieces):
            async for piece in pieces:
                yield piece

    async def _place(self, source: Source) -> Place:
        if source.bucket:
            return ObjectPath(source.bucket, source.key)
        try:
            return await self._objects.locate(source.location)
        except MalformedPathError as error:
            raise ObjectRefusedError(str(error)) from error

    async def read(self, source: Source, offset: int, length: int) -> bytes:
        """So many bytes, fewer only where the file ends. Raises as `stream` does."""
        length = max(min(length, source.size - offset), 0)
        if not length:
            return b""
        taken = b"".join([piece async for piece in self.stream(source, offset, length)])
        if len(taken) != length:
            raise ObjectChangedError(f"{source.key} is shorter than it was")
        return taken


class SplitBytes:
    """What a worker may see of a split: of a row format the file that it lies in, otherwise each of its files."""

    def __init__(
        self, inputs: Inputs, split: Split, files: Sequence[Source], form: Format, patiently: Patiently
    ) -> None:
        self._inputs = inputs
        self._files = files
        self._patiently = patiently
        self._grid = () if form is Format.PARQUET else _grid(split, files)
        self._fetching: dict[int, asyncio.Task[bytes]] = {}
        self._given = 0
        total = sum(each.size for each in files)
        span = split.end - split.start if form in {Format.CSV, Format.JSONL} else total
        self._most = max(LEAST_GIVEN, GIVEN_AGAIN * span)

    def begin(self) -> None:
        """Fetch the first pieces."""
        self._ahead(0)

    async def read(self, wanted: Wanted) -> bytes:
        """Raises NonsenseError for what there is not, and whoever asks again and again; ObjectStoreError."""
        if wanted.file >= len(self._files):
            raise NonsenseError(f"it asked for file {wanted.file} of {len(self._files)}")
        source = self._files[wanted.file]
        length = max(min(wanted.length, source.size - wanted.offset), 0)
        self._given += length
        if self._given > self._most:
            raise NonsenseError("it asks for the same bytes again and again")
        first = self._place(wanted.file, wanted.offset) if length else None
        if first is None:
            return await self._patiently(lambda: self._inputs.read(source, wanted.offset, length))
        return await self._from_pieces(first, wanted.offset, length)

    async def close(self) -> None:
        fetching = [*self._fetching.values()]
        self._fetching.clear()
        for each in fetching:
            each.cancel()
        await asyncio.gather(*fetching, return_exceptions=True)

    def _place(self, file: int, offset: int) -> int | None:
        """Which piece holds this byte; None: it is in none."""
        for at, (number, start, length) in enumerate(self._grid):
            if number == file and start <= offset < start + length:
                return at
        return None

    async def _from_pieces(self, at: int, offset: int, length: int) -> bytes:
        file, end = self._grid[at][0], offset + length
        self._ahead(at)
        taken = []
        while offset < end:
            if at >= len(self._grid) or self._grid[at][0] != file:  # behind the split
                source = self._files[file]
                behind, count = offset, end - offset
                taken.append(await self._patiently(lambda: self._inputs.read(source, behind, count)))  # noqa: B023
                break
            _, start, size = self._grid[at]
            self._fetch(at)
            piece = await asyncio.shield(self._fetching[at])
            part = piece[offset - start : end - start]
            taken.append(part)
            offset += len(part)
            if offset == start + size:
                self._fetching.pop(at, None)
                self._ahead(at + 1)
            at += 1
        return b"".join(taken)

    def _ahead(self, at: int) -> None:
        for behind in [number for number in self._fetching if number < at]:
            self._fetching.pop(behind).cancel()
        for number in range(at, min(at + AHEAD, len(self._grid))):
            self._fetch(number)

    def _fetch(self, at: int) -> None:
        if at not in self._fetching:
            file, start, length = self._grid[at]
            source = self._files[file]
            fetching = asyncio.ensure_future(
                self._patiently(lambda: self._inputs.read(source, start, length)),
            )
            fetching.add_done_callback(
                lambda task: task.cancelled() or task.exception()
            )  # somebody may ask for it
            self._fetching[at] = fetching


def _grid(split: Split, files: Sequence[Source]) -> Sequence[tuple[int, int, int]]:
    """(file, start, length) of the pieces in the order in which they will be asked for."""
    ranges = [(0, split.start, split.end)] if split.end else [(n, 0, each.size) for n, each in enumerate(files)]
    return [(file, at, min(PIECE, end - at)) for file, start, end in ranges for at in range(start, end, PIECE)]
