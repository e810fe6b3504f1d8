"""The input of a task becomes sources and splits in the ledger.

Goes on where an earlier call left off: what is found is stored in chunks, each in one transaction with the place
where the next one begins (`Task.cursor`), so that nothing is planned twice or left out wherever it is cut off.
Workers may begin with the first chunk. Nothing of the input is held but a window of its files.

    InputError                      there is no input, or no right to it: the task cannot go on
    ObjectStoreUnavailableError,
    StoreUnavailableError           passes: call again

What is wrong with one file is that source's `error`, and the rest goes on.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from typing import TypeVar

from modelyard.batch.cutting import UnreadableError, cuts
from modelyard.batch.found import Found, InputError, found
from modelyard.batch.result_names import ResultNames
from modelyard.core.batch.choosing import nothing_found
from modelyard.core.batch.cursor import Cursor, cursor
from modelyard.core.batch.names import RESULTS, result_name
from modelyard.core.batch.splitting import FILES, Cut, Sizes
from modelyard.core.buckets import bucket_refusal
from modelyard.domain.batch import Format, Job, Source, Split, Task
from modelyard.domain.texts import message
from modelyard.objects.base import ObjectInfo, ObjectNotFoundError, ObjectRefusedError, Objects, Place
from modelyard.objects.paths import MAX_KEY_BYTES, MalformedPathError, ObjectPath, object_path
from modelyard.store.base import Store

T = TypeVar("T")

__all__ = ["InputError", "plan"]

SIZES = Sizes()
WINDOW = 256
"""Files that are held."""
AT_ONCE = 32
"""Files that are looked at, or cut if they are small, at the same time."""
SMALL = 4 * 1024 * 1024
CHUNK = 4000
"""Sources and splits that are stored together."""
CHUNK_S = 0.5
"""After so long what there is is stored, so that workers have something to do."""


async def plan(
    store: Store,
    objects: Objects,
    task_id: str,
    job: Job,
    project_id: str,
    *,
    home_project: str = "",
    planned: Callable[[Task], None] = lambda _: None,
    sizes: Sizes = SIZES,
) -> None:
    """Plan the task to its end; at once if that is done. `home_project` (id or name) has the buckets that nobody
    claimed. `planned` is given the task as it is after each chunk."""
    async with store.read() as r:
        task = await r.task(task_id)
        owners = await r.buckets()
        home = await r.project(home_project) if home_project else None
    if task is None or task.planned:
        return
    rights = _Rights(project_id, owners, home.id if home else None)
    await _Planner(store, objects, task, job, rights, planned, sizes).plan()


@dataclass(frozen=True, slots=True)
class _Rights:
    project_id: str
    owners: Mapping[str, str]
    home: str | None

    def refusal(self, bucket: str) -> str:
        return bucket_refusal(bucket, self.project_id, self.owners.get(bucket), self.home)


@dataclass(frozen=True, slots=True)
class _Looked:
    """A file that was found, and what is known of it now."""

    found: Found
    place: Place | None
    info: ObjectInfo
    error: str = ""
    cuts: Sequence[Cut] | None = None


class _Planner:
    """One call. `_last` is the file that was taken last, `_number` that of the next source; what is not stored yet
    is in `_sources` and `_splits`, and the last `_files` sources are of format FILE and in no split yet."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        objects: Objects,
        task: Task,
        job: Job,
        rights: _Rights,
        planned: Callable[[Task], None],
        sizes: Sizes,
    ) -> None:
        self._store = store
        self._objects = objects
        self._task_id = task.id
        self._job = job
        self._rights = rights
        self._planned = planned
        self._sizes = sizes
        self._begin = cursor(task.cursor)
        self._last: Found | Cursor = self._begin
        self._number = self._begin.number
        self._rows = self._begin.rows
        self._before_name = len((_path(job.destination) / RESULTS / "").key.encode())
        self._names = ResultNames(store, task.id, job.output)
        self._sources: list[Source] = []
        self._splits: list[Split] = []
        self._files = 0
        self._files_bytes = 0
        self._stored_at = float("-inf")

    async def plan(self) -> None:
        with suppress(_GoneError):
            await self._plan()

    async def _plan(self) -> None:
        source = _path(self._job.source)
        if refusal := self._rights.refusal(source.bucket):
            raise InputError(refusal)
        if self._begin.inside:
            await self._finish_last()
        async with aclosing(found(self._objects, self._job, self._begin)) as files:
            async for window in _windows(files):
                await self._take(window)
        if self._number == 0:
            raise InputError(f"{source} lists no file" if self._job.manifest else self._nothing_below(source))
        await self._save(planned=True)

    def _nothing_below(self, source: ObjectPath) -> str:
        return f"there is {nothing_found(self._job.format)} below {source}"

    async def _take(self, window: Sequence[Found]) -> None:
        looked = await self._looked(window)
        names = await self._result_names(looked)
        for at in range(0, len(looked), AT_ONCE):
            some = looked[at : at + AT_ONCE]
            if self._job.format is not Format.FILE:
                some = await _together(self._cut_small(each) for each in some)
            for each, name in zip(some, names[at:], strict=False):
                await self._add_source(each, self._source(each, name))
            if self._due:
                await self._save()

    async def _add_source(self, looked: _Looked, source: Source) -> None:
        self._last = looked.found
        self._number += 1
        self._sources.append(source)
        if source.error:
            self._close_files(source.number)
        elif self._job.format is Format.FILE:
            self._add_file(source)
        elif looked.cuts is not None:
            self._add(source.number, looked.cuts)
        else:
            await self._cut(source, looked.place)

    # ── one file ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _looked(self, window: Sequence[Found]) -> list[_Looked]:
        if not self._job.manifest:
            return [_Looked(file, file.place, file.info or ObjectInfo("", 0), file.error) for file in window]
        looked: list[_Looked] = []
        for at in range(0, len(window), AT_ONCE):
            looked += await _together(self._look(file) for file in window[at : at + AT_ONCE])
        return looked

    async def _look(self, file: Found) -> _Looked:
        """At one that a manifest names."""
        place, error, info = file.place, file.error, ObjectInfo("", 0)
        if isinstance(place, ObjectPath):
            error = self._rights.refusal(place.bucket)
        if place is not None and not error:
            try:
                info = await self._objects.head(place)
            except (ObjectNotFoundError, ObjectRefusedError) as problem:
                error = str(problem)
        return _Looked(file, place, info, error)

    async def _result_names(self, looked: Sequence[_Looked]) -> Sequence[str]:
        if not self._job.manifest:
            return [result_name(each.found.name, self._job.output) for each in looked]
        given = iter(await self._names.of([each.found.name for each in looked if not each.error]))
        return ["" if each.error else next(given) for each in looked]

    def _source(self, looked: _Looked, name: str) -> Source:
        error, path = looked.error, looked.place if isinstance(looked.place, ObjectPath) else None
        length = self._before_name + len(name.encode())
        if name and length > MAX_KEY_BYTES:
            error = f"the name of its result would have {length} bytes; {MAX_KEY_BYTES} are allowed"
            name = ""
        return Source(
            number=self._number,
            location=looked.found.location,
            bucket=path.bucket if path else "",
            key=path.key if path else "",
            size=looked.info.size,
            version=looked.info.version,
            result=name,
            error=message(error) if error else "",
        )

    async def _cut_small(self, looked: _Looked) -> _Looked:
        """Those that take no time, several at once."""
        if looked.place is None or looked.error or looked.info.size > SMALL:
            return looked
        try:
            taken: list[Cut] = []
            async for some in self._cuts_of(looked.place, looked.info):
                taken += some
        except UnreadableError as error:
            return replace(looked, error=str(error))
        return replace(looked, cuts=taken)

    async def _cut(self, source: Source, place: Place | None, at: int = 0, row: int = 0) -> None:
        """One that may be huge, and is stored as it is cut."""
        assert place is not None
        info = ObjectInfo("", source.size, source.version)
        try:
            async for some in self._cuts_of(place, info, at, row):
                self._add(source.number, some)
                if some and self._due:
                    await self._save(at=some[-1].end, row=some[-1].first_row + some[-1].rows)
        except UnreadableError as error:
            await self._unreadable(source, message(str(error)))

    def _cuts_of(
        self, place: Place, info: ObjectInfo, at: int = 0, row: int = 0
    ) -> AsyncGenerator[list[Cut], None]:
        return cuts(self._objects, place, info, self._job, self._sizes, at=at, row=row, so_far=self._rows)

    async def _unreadable(self, source: Source, error: str) -> None:
        """Found out when some of it may be stored already."""
        self._splits = [split for split in self._splits if split.source != source.number]
        for at, unsaved in enumerate(self._sources):
            if unsaved.number == source.number:
                self._sources[at] = replace(source, error=error)
                return
        async with self._store.write() as w:
            await w.fail_source(self._task_id, source.number, error)

    async def _finish_last(self) -> None:
        """The file in which planning was cut off."""
        at, row = self._begin.at, self._begin.row
        async with self._store.read() as r:
            (source,) = await r.sources(self._task_id, self._number - 1, 1)
        if not source.error:
            known = ObjectPath(source.bucket, source.key) if source.bucket else None
            place = known or await self._objects.locate(source.location)
            await self._cut(source, place, at, row)

    # ── what is not stored yet ────────────────────────────────────────────────────────────────────────────────

    def _add(self, number: int, some: Sequence[Cut]) -> None:
        self._splits += [Split(number, cut.start, cut.end, cut.first_row, cut.rows) for cut in some]
        self._rows += sum(cut.rows for cut in some)

    def _add_file(self, source: Source) -> None:
        full = self._files >= FILES.rows_after(source.number - self._files)
        if full or self._files_bytes + source.size > FILES.bytes:
            self._close_files(source.number)
        self._files += 1
        self._files_bytes += source.size

    def _close_files(self, end: int) -> None:
        """Those before source `end` become a split."""
        if self._files:
            self._splits.append(Split(end - self._files, 0, 0, 0, self._files))
        self._files = self._files_bytes = 0

    @property
    def _due(self) -> bool:
        many = len(self._sources) + len(self._splits) >= CHUNK
        return many or time.monotonic() - self._stored_at >= CHUNK_S

    async def _save(self, *, planned: bool = False, at: int = -1, row: int = 0) -> None:
        self._close_files(self._number)
        last = self._last
        place = Cursor(last.after, last.line, last.version, self._number, self._rows, at, row)
        async with self._store.write() as w:
            if await w.task(self._task_id) is None:
                raise _GoneError
            await w.plan(self._task_id, self._sources, self._splits, place.text(), planned=planned)
            task = await w.task(self._task_id)
        self._sources, self._splits = [], []
        self._names.stored()
        self._stored_at = time.monotonic()
        if task is not None:
            self._planned(task)


class _GoneError(Exception):
    """The task was deleted."""


def _path(text: str) -> ObjectPath:
    try:
        return object_path(text)
    except MalformedPathError as error:
        raise InputError(str(error)) from error


async def _windows(files: AsyncIterator[Found]) -> AsyncIterator[Sequence[Found]]:
    window: list[Found] = []
    async for file in files:
        window.append(file)
        if len(window) == WINDOW:
            yield window
            window = []
            await asyncio.sleep(0)
    if window:
        yield window


async def _together(works: Iterable[Coroutine[object, object, T]]) -> list[T]:
    """All of them are over when the first error is raised."""
    done = await asyncio.gather(*works, return_exceptions=True)
    results = []
    for each in done:
        if isinstance(each, BaseException):
            raise each
        results.append(each)
    return results
