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
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace

from modelyard.batch.cutting import UnreadableError, cuts
from modelyard.batch.found import Found, InputError, found
from modelyard.batch.looking import AT_ONCE, Looked, Looking, Rights, together
from modelyard.batch.result_names import ResultNames
from modelyard.core.batch.choosing import nothing_found
from modelyard.core.batch.cursor import Cursor, cursor
from modelyard.core.batch.splitting import FILES, Cut, Sizes
from modelyard.domain.batch import Format, Job, Source, Split, Task
from modelyard.domain.texts import message
from modelyard.objects.base import ObjectInfo, Objects, Place
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path
from modelyard.store.base import Store

__all__ = ["InputError", "plan"]

SIZES = Sizes()
WINDOW = 256
"""Files that are held."""
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
    rights = Rights(project_id, owners, home.id if home else None)
    await _Planner(store, objects, task, job, rights, planned, sizes).plan()


class _Planner:
    """One call. `_last` is the file that was taken last, `_number` that of the next source; what is not stored yet
    is in `_sources` and `_splits`, and the last `_files` sources are of format FILE and in no split yet."""

    def __init__(  # noqa: PLR0917
        self,
        store: Store,
        objects: Objects,
        task: Task,
        job: Job,
        rights: Rights,
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
        self._names = ResultNames(store, task.id, job.output)
        self._looking = Looking(objects, job, _path(job.destination), rights, self._names)
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
        looked = await self._looking.at(window)
        for at in range(0, len(looked), AT_ONCE):
            some = looked[at : at + AT_ONCE]
            if self._job.format is not Format.FILE:
                some = await together(self._cut_small(each) for each in some)
            for each in some:
                await self._take_one(each)
            if self._due:
                await self._save()

    async def _take_one(self, looked: Looked) -> None:
        source = looked.source(self._number)
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

    async def _cut_small(self, looked: Looked) -> Looked:
        """Those that take no time, several at once."""
        if looked.place is None or looked.error or looked.info.size > SMALL:
            return looked
        try:
            async with self._cuts_of(looked.place, looked.info) as parts:
                taken = [cut async for some in parts for cut in some]
        except UnreadableError as error:
            return replace(looked, error=str(error))
        return replace(looked, cuts=taken)

    async def _cut(self, source: Source, place: Place | None, at: int = 0, row: int = 0) -> None:
        """One that may be huge, and is stored as it is cut."""
        assert place is not None
        info = ObjectInfo("", source.size, source.version)
        try:
            async with self._cuts_of(place, info, at, row) as parts:
                async for some in parts:
                    self._add(source.number, some)
                    if some and self._due:
                        await self._save(at=some[-1].end, row=some[-1].first_row + some[-1].rows)
        except UnreadableError as error:
            await self._unreadable(source, message(str(error)))

    def _cuts_of(
        self, place: Place, info: ObjectInfo, at: int = 0, row: int = 0
    ) -> aclosing[AsyncGenerator[list[Cut], None]]:
        sizes = self._sizes.of(info.size, self._rows)
        parts = cuts(self._objects, place, info, self._job, sizes, at=at, row=row, so_far=self._rows)
        return aclosing(parts)

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
        if source.error:
            return
        try:
            known = ObjectPath(source.bucket, source.key) if source.bucket else None
            place = known or await self._objects.locate(source.location)
        except MalformedPathError as error:  # an endpoint was configured, and is no more
            await self._unreadable(source, str(error))
        else:
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
