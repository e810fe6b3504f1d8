"""A million files are planned in the memory of a few."""

import json
import os
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modelyard.batch.planning import CHUNK, WINDOW, plan
from modelyard.core.batch.splitting import FILES
from modelyard.domain.batch import Format, Job, Source, Split, Task
from modelyard.objects.base import ObjectInfo, ObjectNotFoundError, Place
from modelyard.objects.paths import ObjectPath, located

MOST_GROWTH = 32 * 1024 * 1024
"""Bytes: a million of whatever is kept of each file would be far more."""


class ManyObjects:
    """A folder, and a manifest, of so many files."""

    def __init__(self, count: int) -> None:
        self._count = count

    async def head(self, path: Place) -> ObjectInfo:
        if path == ObjectPath("b", "in"):
            raise ObjectNotFoundError("there are only objects below it")
        return ObjectInfo("", 10, "v")

    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncIterator[ObjectInfo]:
        for number in range(self._count):
            yield ObjectInfo(f"{number:09}.jpg", 10, "v")

    async def read(self, path: Place, **_: object) -> AsyncIterator[bytes]:
        for number in range(0, self._count, 1000):
            lines = (json.dumps({"source": f"/b/{n % 7}/{n}.jpg"}) for n in range(number, number + 1000))
            yield "\n".join([*lines, ""]).encode()

    async def locate(self, text: str) -> Place:
        return located(text)


class CountingLedger:
    """Keeps only how much it was given, and how much memory there was in use early on and at the end."""

    def __init__(self) -> None:
        self.sources = self.files = self.splits = self.most = 0
        self.early = self.late = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator["CountingLedger"]:
        yield self

    write = read

    async def task(self, task_id: str) -> Task:
        return Task(task_id, "s1", 1, 1, "r1", 1)

    async def buckets(self) -> Mapping[str, str]:
        return {}

    async def taken_results(self, task_id: str, names: Collection[str]) -> Collection[str]:
        return ()

    async def plan(
        self, task_id: str, sources: Sequence[Source], splits: Sequence[Split], cursor: str, **_: object
    ) -> None:
        assert all(source.number == self.sources + n for n, source in enumerate(sources))
        self.sources += len(sources)
        self.splits += len(splits)
        self.files += sum(split.rows for split in splits)
        self.most = max(self.most, len(sources))
        self.late = _memory()
        if self.sources < 100_000:
            self.early = self.late


def _memory() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize(("manifest", "count"), [(False, 1_000_000), (True, 200_000)], ids=["folder", "manifest"])
async def test_memory_is_flat(manifest: bool, count: int) -> None:
    ledger = CountingLedger()
    source = "obs://b/list.manifest" if manifest else "obs://b/in"
    job = Job(source, "obs://b/out", "/", Format.FILE, manifest=manifest)
    await plan(ledger, ManyObjects(count), "t1", job, "p1")  # type: ignore[arg-type]
    assert ledger.sources == ledger.files == count
    assert ledger.most <= CHUNK + WINDOW
    assert ledger.splits < count / FILES.rows + 1000
    assert ledger.late - ledger.early < MOST_GROWTH
