"""A task whose input is planned: objects in memory, a store in memory, and either may be cut off."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from tests.worlds import services

from modelyard.batch.planning import plan
from modelyard.core.batch.splitting import Sizes
from modelyard.domain.batch import Format, Job, Source, Split, Task
from modelyard.objects.base import Objects, Place
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import ObjectPath, located
from modelyard.store.base import StoreUnavailableError, WriteTransaction
from modelyard.store.sql import SqlStore

SIZES = Sizes()
JOB = Job("obs://b/in", "obs://b/out", "/", Format.CSV)


class LocatedObjects(MemoryObjects):
    """Has an endpoint whose presigned URLs are asked themselves."""

    async def locate(self, text: str) -> Place:
        return located(text, ["https://obs.example.com"])


@dataclass
class Plan:
    """What the ledger says of the task."""

    task: Task
    sources: Sequence[Source]
    splits: Sequence[Split]

    @property
    def names(self) -> list[str]:
        return [source.key for source in self.sources]

    @property
    def results(self) -> list[str]:
        return [source.result for source in self.sources]

    @property
    def errors(self) -> list[str]:
        return [source.error for source in self.sources]

    @property
    def rows(self) -> list[int]:
        """Of each source."""
        return [sum(s.rows for s in self.splits if s.source == source.number) for source in self.sources]


class PlanningWorld:
    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self.objects: Objects = LocatedObjects()  # type: ignore[assignment]
        self.chunks = 0

    async def put(self, files: dict[str, bytes | str], bucket: str = "b") -> None:
        for key, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            await self.objects.write(ObjectPath(bucket, key), data)

    async def begin(self, key: str = "t1") -> None:
        async with self.store.write() as w:
            await w.add_service(services.service(f"s-{key}"))
            await w.add_task(Task(key, f"s-{key}", 1, 1, "r1", 1))

    async def plan(self, job: Job = JOB, key: str = "t1", sizes: Sizes = SIZES, **changes: object) -> Plan:
        def planned(_: Task) -> None:
            self.chunks += 1

        job = replace(job, **changes)  # type: ignore[arg-type]
        await plan(self.store, self.objects, key, job, "p1", home_project="p1", planned=planned, sizes=sizes)
        return await self.planned(key)

    async def planned(self, key: str = "t1") -> Plan:
        async with self.store.read() as r:
            task = await r.task(key)
            assert task is not None
            return Plan(task, await r.sources(key, limit=10**6), await r.splits(key, limit=10**6))


class CutOffStore:
    """The store, whose write number `at` (from 0) fails: before its commit, or, worse, after it."""

    def __init__(self, store: SqlStore, at: int, *, after: bool) -> None:
        self._store = store
        self._left = at
        self._after = after
        self.read = store.read

    @asynccontextmanager
    async def write(self) -> AsyncIterator[WriteTransaction]:
        self._left -= 1
        async with self._store.write() as w:
            yield w
            if self._left == -1 and not self._after:
                raise StoreUnavailableError("cut off before the commit")
        if self._left == -1:
            raise StoreUnavailableError("cut off after the commit")


@asynccontextmanager
async def planning_world(prepare: Callable[[PlanningWorld], None] | None = None) -> AsyncIterator[PlanningWorld]:
    store = SqlStore.memory()
    await store.open()
    try:
        world = PlanningWorld(store)
        if prepare:
            prepare(world)
        await world.begin()
        yield world
    finally:
        await store.close()
