"""Rows that failed, tried again: a worker is given only those of a split, and what it tells of them is put in the
place of what there was.

A retried split is published as a whole, in a part that has all its lines. The former ones are in its part or, once
results were assembled, in the result that the task wrote. Such a result is copied before anything is published
(`kept-…`, beside the parts): the new one takes its place, and whatever cuts that off finds the former one again. A
result that is not the one that the task wrote is never touched: the task fails and says so.

Between two attempts what was told of a split is in a temporary file, and lost when this process ends: then those
rows are predicted again.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

import msgspec

from modelyard.batch import walking
from modelyard.batch.lines import Lines, each_line
from modelyard.batch.parquet_results import lines_of_parquet
from modelyard.batch.parts import LostPartError, Written, failure_line
from modelyard.batch.retried import Retried
from modelyard.batch.work import GivenUpError, Work
from modelyard.core.batch.names import RESULTS, failed_name
from modelyard.core.batch.outcomes import Failures, Outcomes
from modelyard.domain.batch import Format, Output, Source, Split, SplitState
from modelyard.objects.base import ObjectChangedError, ObjectNotFoundError, ObjectStoreError
from modelyard.objects.paths import ObjectPath

AGAIN = "give the service another dest_path"
"""A new task is made then: whoever only starts it goes on with the one that cannot."""

Key = tuple[int, int]


class _FailedRow(msgspec.Struct, frozen=True):
    number: int
    row: int


_failed_rows = msgspec.json.Decoder(_FailedRow)


class Retries:
    """Those of one task."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._objects = work.objects
        self._parts = work.parts
        self._patience = work.patience
        self._destination = work.destination
        self._going: dict[Key, Retried] = {}
        self._lines_at: dict[Key, tuple[ObjectPath, int, int]] = {}
        self._causes_at: dict[Key, int] = {}

    def close(self) -> None:
        for retried in self._going.values():
            retried.close()
        self._going.clear()

    # ── before anything is published ──────────────────────────────────────────────────────────────────────────

    async def prepare(self) -> None:
        """Keep the former results of what is tried again, and find its lines in them. Raises GivenUpError."""
        wanted: list[Split] = []
        last = -1
        async for split in walking.splits(self._work):
            if not (split.retry and split.state is SplitState.PENDING and not split.part):
                continue
            if wanted and split.source != last:
                await self._prepare_source(wanted)
                wanted = []
            last = split.source
            wanted.append(split)
            self._causes_at[split.source, split.start] = -1
        if wanted:
            await self._prepare_source(wanted)
        if self._causes_at:
            await self._patience.until_done("reading the rows that failed", self._find_causes)

    async def _prepare_source(self, wanted: Sequence[Split]) -> None:
        if self._work.job.format is Format.FILE:
            return
        (source,) = await self._work.files(wanted[0].source, 1)
        kept = self._destination / self.kept_name(source)
        try:
            if not await self._patience.until_done(f"looking for {kept}", lambda: self._is_there(kept)):
                await self._work.write(kept, lambda: self._former(source))
            await self._patience.until_done(f"reading {kept}", lambda: self._find_lines(kept, wanted))
        except (ObjectNotFoundError, ObjectChangedError) as error:
            raise _changed(source.result) from error

    def kept_name(self, source: Source) -> str:
        """It goes with the parts, before the task is finished, so none is there from an earlier time."""
        return f"{self._parts.folder}/kept-{source.number}"

    async def _is_there(self, path: ObjectPath) -> bool:
        try:
            await self._objects.head(path)
        except ObjectNotFoundError:
            return False
        return True

    async def _former(self, source: Source) -> AsyncGenerator[bytes, None]:
        """The lines of a result as it was written."""
        path = self._destination / RESULTS / source.result
        try:
            async with aclosing(self._read(path, 0, None, source.result_version)) as pieces:
                lines = pieces if self._work.job.output is Output.TEXT else lines_of_parquet(pieces)
                async for piece in lines:
                    yield piece
        except (ObjectNotFoundError, ObjectChangedError) as error:
            raise _changed(source.result) from error

    async def _find_lines(self, kept: ObjectPath, wanted: Sequence[Split]) -> None:
        """Where the lines of each of these splits begin, and how many bytes they are."""
        starts = {split.first_row: 0 for split in wanted} | {split.first_row + split.rows: 0 for split in wanted}
        row = place = 0
        marks = sorted(starts)
        at = 0
        async with aclosing(self._objects.read(kept)) as pieces:
            async for piece in pieces:
                begin = 0
                while at < len(marks):
                    missing = marks[at] - row
                    if missing == 0:
                        starts[marks[at]] = place + begin
                        at += 1
                        continue
                    found = piece.count(b"\n", begin)
                    if found < missing:
                        row += found
                        break
                    for _ in range(missing):
                        begin = piece.index(b"\n", begin) + 1
                    row += missing
                place += len(piece)
        while at < len(marks) and marks[at] == row:
            starts[marks[at]] = place
            at += 1
        if at < len(marks):
            raise ObjectChangedError(f"{kept} has {row} lines")
        for split in wanted:
            begin = starts[split.first_row]
            size = starts[split.first_row + split.rows] - begin
            self._lines_at[split.source, split.start] = (kept, begin, size)

    async def _find_causes(self) -> None:
        """Where in the list of failed rows those of each split begin."""
        path = self._destination / failed_name(self._work.task_id)
        wanted = walking.splits(self._work)
        split = await anext(wanted, None)
        place = 0
        try:
            async with aclosing(each_line(self._objects.read(path))) as lines:
                async for line in lines:
                    number, row = _place(line)
                    while split is not None and not _holds(split, number, row):
                        split = await anext(wanted, None)
                    if split is None:
                        raise _changed(failed_name(self._work.task_id))
                    if self._causes_at.get((split.source, split.start)) == -1:
                        self._causes_at[split.source, split.start] = place
                    place += len(line)
        except ObjectNotFoundError as error:
            raise _changed(failed_name(self._work.task_id)) from error

    # ── a split at a time ─────────────────────────────────────────────────────────────────────────────────────

    async def of(self, split: Split) -> Retried:
        """What there is of a retried split. Raises GivenUpError."""
        key = (split.source, split.start)
        retried = self._going.get(key)
        if retried is None:
            try:
                failures = await self._patience.until_done("reading failed rows", lambda: self._failed(split))
            except (LostPartError, ObjectStoreError) as error:
                raise GivenUpError(f"{error}, so failed rows cannot be tried again: {AGAIN}") from error
            retried = self._going[key] = Retried([row for row, _ in failures])
        retried.begin()
        return retried

    async def _failed(self, split: Split) -> Failures:
        if split.part:
            return await self._parts.failures(split)
        path = self._destination / failed_name(self._work.task_id)
        offset = self._causes_at.get((split.source, split.start), -1)
        found: list[tuple[int, str]] = []
        if offset >= 0:
            async with aclosing(each_line(self._objects.read(path, offset=offset))) as lines:
                async for line in lines:
                    number, row = _place(line)
                    if not _holds(split, number, row):
                        break
                    found.append((row if split.end else number, ""))
        if len(found) != split.failed:
            raise _changed(failed_name(self._work.task_id))
        return tuple(found)

    async def write(self, split: Split, retried: Retried, name: str) -> tuple[Written, Outcomes]:
        """The part of a retried split, all of whose rows were tried. Raises GivenUpError."""
        failures = retried.failures
        sizes = [0, 0]

        async def content() -> AsyncGenerator[bytes, None]:
            sizes[:] = [0, 0]
            async with aclosing(self._merged(split, retried)) as lines:
                async for line in lines:
                    sizes[0] += len(line)
                    yield line
            told = b"".join(failure_line(row, cause) for row, cause in failures)
            sizes[1] = sizes[0] + len(told)
            yield told

        await self._work.write(self._destination / name, content)
        return Written(name, sizes[0], sizes[1]), Outcomes(split.rows, b"", failures)

    async def whole(
        self, source: Source, splits: AsyncGenerator[Split, None]
    ) -> AsyncGenerator[tuple[Split, AsyncGenerator[bytes, None]], None]:
        """Of a source some of whose splits were not tried again: each split, and its lines."""
        async with aclosing(self._read(self._destination / self.kept_name(source), 0, None)) as pieces:
            kept = Lines(pieces)
            async for split in splits:
                if split.part:
                    async for _ in kept.take(split.rows):
                        pass
                    yield split, self._parts.lines(split)
                else:
                    yield split, kept.take(split.rows)

    def done(self, split: Split) -> None:
        retried = self._going.pop((split.source, split.start), None)
        if retried is not None:
            retried.close()

    async def _merged(self, split: Split, retried: Retried) -> AsyncGenerator[bytes, None]:
        row = split.first_row if split.end else split.source
        count = 0
        async with aclosing(self._old_lines(split, retried)) as lines:
            async for line in lines:
                yield retried.line(row + count) or line
                count += 1
        if count != split.rows:
            raise _changed("the former results")

    def _read(
        self, path: ObjectPath, offset: int, length: int | None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        def pieces(seen: int) -> AsyncGenerator[bytes, None]:
            left = None if length is None else length - seen
            return self._objects.read(path, offset=offset + seen, length=left, version=version)

        return self._patience.stream(f"reading {path}", pieces)

    async def _old_lines(self, split: Split, retried: Retried) -> AsyncGenerator[bytes, None]:
        try:
            if split.part:
                pieces = self._parts.lines(split)
            elif split.end:
                path, offset, size = self._lines_at[split.source, split.start]
                pieces = self._read(path, offset, size)
            else:
                async for line in self._old_files(split, retried):
                    yield line
                return
            async with aclosing(each_line(pieces)) as lines:
                async for line in lines:
                    yield line
        except (ObjectNotFoundError, ObjectChangedError, LostPartError) as error:
            raise _changed("the former results") from error

    async def _old_files(self, split: Split, retried: Retried) -> AsyncGenerator[bytes, None]:
        for source in await self._work.files(split.source, split.rows):
            if retried.line(source.number) is not None:
                yield b"\n"  # another one takes its place
                continue
            async with aclosing(self._former(source)) as pieces:
                content = b"".join([piece async for piece in pieces])
            yield content


def _changed(name: str) -> GivenUpError:
    return GivenUpError(f"{name} is not as this task wrote it, so its failed rows cannot be put in: {AGAIN}")


def _holds(split: Split, number: int, row: int) -> bool:
    if not split.end:
        return split.source <= number < split.source + split.rows
    return number == split.source and split.first_row <= row < split.first_row + split.rows


def _place(line: bytes) -> tuple[int, int]:
    try:
        found = _failed_rows.decode(line)
    except msgspec.MsgspecError as error:
        raise GivenUpError(f"the list of failed rows is not as this task wrote it: {AGAIN}") from error
    return found.number, found.row
