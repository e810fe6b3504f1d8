"""Results of a task whose rows all have their outcome: parts become the files that users read.

In this order, so that whoever sees a manifest sees all that it tells of:

    1  infer-result/<file>_result.txt           of each source, whole or not at all
    2  infer-result-<task>_failed.jsonl         if a row failed
    3  infer-result-<task>_1.manifest …         then infer-result-<task>.manifest, the last to appear
    4  the ledger forgets the parts, then they go

Whatever cuts it off, the next one does all of it again, with the same bytes; after 4 began only that is left. No
object is held in memory: a part's lines go into its result as they are read.
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from modelyard.batch import walking
from modelyard.batch.lines import TooFewLinesError, each_line
from modelyard.batch.parquet_results import NoParquetError, ResultRow, parquet
from modelyard.batch.parts import LostPartError
from modelyard.batch.retrying import AGAIN, Retries
from modelyard.batch.sweeping import sweep_all
from modelyard.batch.timing import all_of
from modelyard.batch.work import GivenUpError, Work
from modelyard.core.batch.names import RESULTS, failed_name, manifest_name
from modelyard.core.batch.outcomes import lines_of
from modelyard.core.batch.results import MANIFEST_LINES, Sum, failed_row, file_line, manifest_line
from modelyard.domain.batch import Format, Output, Source, Split
from modelyard.objects.base import ObjectInfo, ObjectStoreError

AT_ONCE = 16
SAVED_TOGETHER = 256


class Assembly:
    """See the module."""

    def __init__(self, work: Work, retries: Retries) -> None:
        self._work = work
        self._retries = retries
        self._written: list[Source] = []

    async def until_done(self) -> None:
        """Raises GivenUpError."""
        work = self._work
        try:
            if await self._parts_are_there():
                await self._write_results()
                await self._write_failed()
                await self._write_manifests()
                await work.patience.until_done("forgetting the parts", self._forget_parts)
            await work.patience.until_done("removing the parts", lambda: sweep_all(work.parts))
        except (LostPartError, TooFewLinesError) as error:
            raise GivenUpError(f"{error}: {AGAIN}") from error
        except NoParquetError as error:
            raise GivenUpError(str(error)) from error
        except ObjectStoreError as error:
            raise GivenUpError(f"results cannot be written: {error}") from error

    async def _parts_are_there(self) -> bool:
        """Not when the results are written and only parts that nobody knows are left."""
        some = False
        async for split in walking.splits(self._work):
            some = True
            if split.part:
                return True
        return not some

    async def _forget_parts(self) -> None:
        async with self._work.store.write() as w:
            await w.clear_parts(self._work.task_id)

    # ── results ───────────────────────────────────────────────────────────────────────────────────────────────

    async def _write_results(self) -> None:
        if self._work.job.format is Format.FILE:
            await self._write_files()
        else:
            await self._write_rows()
        await self._save()

    async def _write_rows(self) -> None:
        """One result for each source, several at a time."""
        batch: list[tuple[Source, walking.Summary]] = []
        async for source, summary in walking.summaries(self._work):
            if source.error or (summary.count and not summary.parts):  # it has none, or has it from before
                continue
            batch.append((source, summary))
            if len(batch) == SAVED_TOGETHER:
                await self._write_some(batch)
                batch.clear()
        await self._write_some(batch)

    async def _write_some(self, batch: Sequence[tuple[Source, walking.Summary]]) -> None:
        written = await all_of([self._write_source(source, summary) for source, summary in batch], AT_ONCE)
        await self._note([(source, info) for (source, _), info in zip(batch, written, strict=True)])

    async def _write_source(self, source: Source, summary: walking.Summary) -> ObjectInfo:
        path = self._work.destination / RESULTS / source.result
        return await self._work.write(path, lambda: self._content(source, summary))

    async def _content(self, source: Source, summary: walking.Summary) -> AsyncGenerator[bytes, None]:
        if self._work.job.output is Output.PARQUET:
            async with aclosing(self._rows(source, summary)) as rows, aclosing(parquet(rows)) as pieces:
                async for piece in pieces:
                    yield piece
            return
        async for _, lines in self._lines_of(source, summary):
            async with aclosing(lines) as pieces:
                async for piece in pieces:
                    yield piece

    async def _rows(self, source: Source, summary: walking.Summary) -> AsyncGenerator[ResultRow, None]:
        async for split, lines in self._lines_of(source, summary):
            causes = dict(await self._work.parts.failures(split))
            row = split.first_row
            async with aclosing(each_line(lines)) as each:
                async for line in each:
                    yield ResultRow(row, line, causes.get(row))
                    row += 1

    async def _lines_of(
        self, source: Source, summary: walking.Summary
    ) -> AsyncGenerator[tuple[Split, AsyncGenerator[bytes, None]], None]:
        """Each split of a source, and its lines in pieces."""
        splits = self._splits(source, summary)
        if not summary.whole:
            async for both in self._retries.whole(source, splits):
                yield both
            return
        async for split in splits:
            yield split, self._work.parts.lines(split)

    async def _splits(self, source: Source, summary: walking.Summary) -> AsyncGenerator[Split, None]:
        if summary.splits is not None:
            for split in summary.splits:
                yield split
        else:
            async for split in walking.splits(self._work, source.number):
                yield split

    async def _write_files(self) -> None:
        """Of the format FILE: each line is a result of its own."""
        async for split in walking.splits(self._work):
            if not split.part:
                continue
            files = await self._work.files(split.source, split.rows)
            failed = {row for row, _ in await self._work.parts.failures(split)}
            lines = lines_of(await self._lines(split))
            if len(lines) != len(files):
                raise LostPartError(f"{split.part} has {len(lines)} lines, for {len(files)} files")
            good = [(file, line) for file, line in zip(files, lines, strict=True) if file.number not in failed]
            await self._write_lines(good)

    async def _write_lines(self, some: Sequence[tuple[Source, bytes]]) -> None:
        written = await all_of([self._write_line(source, line) for source, line in some], AT_ONCE)
        await self._note([(source, info) for (source, _), info in zip(some, written, strict=True)])

    async def _write_line(self, source: Source, line: bytes) -> ObjectInfo:
        async def content() -> AsyncGenerator[bytes, None]:
            if self._work.job.output is Output.TEXT:
                yield line
                return
            async for piece in parquet(only_row()):
                yield piece

        async def only_row() -> AsyncGenerator[ResultRow, None]:
            yield ResultRow(0, line, None)

        return await self._work.write(self._work.destination / RESULTS / source.result, content)

    async def _note(self, written: Sequence[tuple[Source, ObjectInfo]]) -> None:
        self._written += [replace(source, result_version=info.version) for source, info in written]
        if len(self._written) >= SAVED_TOGETHER:
            await self._save()

    async def _save(self) -> None:
        await self._work.patience.until_done("noting results", self._save_results)
        self._written.clear()

    async def _save_results(self) -> None:
        async with self._work.store.write() as w:
            await w.save_results(self._work.task_id, self._written)

    async def _lines(self, split: Split) -> bytes:
        async with aclosing(self._work.parts.lines(split)) as pieces:
            return b"".join([piece async for piece in pieces])

    # ── what failed, and the manifests ────────────────────────────────────────────────────────────────────────

    async def _write_failed(self) -> None:
        path = self._work.destination / failed_name(self._work.task_id)
        async for split in walking.splits(self._work):
            if split.failed:
                await self._work.write(path, self._failed_rows)
                return
        await self._work.patience.until_done(f"removing {path}", lambda: self._work.objects.delete(path))

    async def _failed_rows(self) -> AsyncGenerator[bytes, None]:
        source: Source | None = None
        async for split in walking.splits(self._work):
            failures = await self._work.parts.failures(split)
            if not failures:
                continue
            if self._work.job.format is Format.FILE:
                files = {file.number: file for file in await self._work.files(split.source, split.rows)}
                yield b"".join(failed_row(files[number], 0, cause) for number, cause in failures)
                continue
            if source is None or source.number != split.source:
                (source,) = await self._work.files(split.source, 1)
            yield b"".join(failed_row(source, row, cause) for row, cause in failures)

    async def _write_manifests(self) -> None:
        """The first one is kept until the others are there."""
        first: list[bytes] = []
        lines: list[bytes] = []
        number = 0
        async for line in self._manifest_lines():
            lines.append(line)
            if len(lines) == MANIFEST_LINES:
                if number:
                    await self._write_manifest(number, lines)
                else:
                    first = lines
                lines, number = [], number + 1
        if lines and number:
            await self._write_manifest(number, lines)
        await self._write_manifest(0, first or lines)

    async def _write_manifest(self, number: int, lines: Sequence[bytes]) -> None:
        async def content() -> AsyncGenerator[bytes, None]:
            yield b"".join(lines)

        await self._work.write(self._work.destination / manifest_name(self._work.task_id, number), content)

    async def _manifest_lines(self) -> AsyncGenerator[bytes, None]:
        below = str(self._work.destination)
        if self._work.job.format is Format.FILE:
            async for source, cause in self._files():
                yield file_line(source, cause, below)
            return
        async for source, summary in walking.summaries(self._work):
            cause = ""
            if summary.failed == summary.rows and summary.first_failed is not None:
                cause = (await self._work.parts.failures(summary.first_failed))[0][1]
            yield manifest_line(source, Sum(summary.rows, summary.failed, cause), below)

    async def _files(self) -> AsyncGenerator[tuple[Source, str | None], None]:
        """Each source of the format FILE, and why it failed."""
        walk = walking.splits(self._work)
        split: Split | None = None
        causes: dict[int, str] = {}
        async for source in walking.sources(self._work):
            if split is None or source.number >= split.source + split.rows:
                split = await anext(walk, None)
                causes = dict(await self._work.parts.failures(split)) if split is not None else {}
            yield source, causes.get(source.number)
