"""Removes, when somebody asks for it, what nothing of a data directory uses: at once, where the sweep waits.

Never what is in use: each thing is looked at again right before it is moved aside, while no publication can begin
(its row is written first, and the database takes one writer at a time). A publication that is under way keeps what
was touched in the last hour.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from modelyard import trees
from modelyard.artifacts.sweeping import Sweeper, Unused
from modelyard.domain.model import ModelStatus
from modelyard.domain.objects import Upload
from modelyard.objects.staging import KEEP_S, Staging
from modelyard.operations import disk_use
from modelyard.operations.disk_use import DiskPorts, Unneeded
from modelyard.store.base import Store
from modelyard.store.models import ModelQuery

KINDS = {"packages": "package", "environments": "environment"}


@dataclass(frozen=True, slots=True)
class Cleaning:
    data_dir: Path
    store: Store
    sweeper: Sweeper
    staging: Staging
    now_ms: Callable[[], int]
    _one: asyncio.Lock = field(default_factory=asyncio.Lock)

    def ports(self) -> DiskPorts:
        return DiskPorts(self.measured, self.unneeded, self.clean)

    async def measured(self) -> Mapping[str, int]:
        return await asyncio.to_thread(disk_use.measure, self.data_dir)

    async def unneeded(self) -> Sequence[Unneeded]:
        """What `clean` would remove if nothing changed until then."""
        async with self.alone() as nobody:
            idle = nobody
        found = [_of_shelf(one) for one in await self.sweeper.unused() if idle or not self.sweeper.young(one.path)]
        found += [_of_upload(one) for one in await self._uploads()]
        return [*found, *(_of_copy(path) for path in disk_use.copies(self.data_dir))]

    async def clean(self) -> Sequence[Unneeded]:
        """Who cleans meanwhile waits, and finds what is left."""
        async with self._one:
            return await self._cleaned()

    async def _cleaned(self) -> Sequence[Unneeded]:
        found = [_of_shelf(one) for one in await self.sweeper.clean(self.alone)]
        uploads = await self._uploads()
        await self.staging.sweep()
        left = {one.id for one in await self.staging.all()}
        found += [_of_upload(one) for one in uploads if one.id not in left]
        for path in disk_use.copies(self.data_dir):
            copy = _of_copy(path)
            await asyncio.to_thread(trees.remove, path)
            found.append(copy)
        await self.sweeper.clear()
        return found

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        """While no publication can begin; whether none is under way."""
        async with self.store.write() as w:
            count, _ = await w.models(None, ModelQuery(status=ModelStatus.PUBLISHING))
            yield count == 0

    async def _uploads(self) -> list[Upload]:
        late_ms = self.now_ms() - KEEP_S * 1000
        return [one for one in await self.staging.all() if one.touched_ms < late_ms]


def _of_shelf(one: Unused) -> Unneeded:
    return Unneeded(KINDS.get(one.path.parent.name, "package"), one.path.name, one.size, one.held)


def _of_upload(one: Upload) -> Unneeded:
    return Unneeded("upload", f"{one.bucket}/{one.key}", one.offset)


def _of_copy(path: Path) -> Unneeded:
    return Unneeded("database copy", path.name, disk_use.size(path))
