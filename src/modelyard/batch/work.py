"""What the parts of one run share: which task it is, and what they act through."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from modelyard.batch.inputs import Inputs
from modelyard.batch.leases import Leases
from modelyard.batch.lines import TOGETHER, together
from modelyard.batch.link import Connect
from modelyard.batch.parts import Parts, Written
from modelyard.batch.patience import NoRoomError, Patience
from modelyard.batch.timing import Clock
from modelyard.domain.batch import Job, Source, Split
from modelyard.objects.base import ObjectInfo, Objects, ObjectStoreError
from modelyard.objects.paths import ObjectPath
from modelyard.store.base import Store

ExitOf = Callable[[str], Awaitable[str]]
"""Of an instance: the sentence that says how it ended; "" while it runs, or when nobody can tell."""
Kill = Callable[[str], Awaitable[None]]
"""End an instance at once, because it is of no use."""


class Room(Protocol):
    """What the buckets of projects may still hold."""

    async def lacking(self, project_id: str, bucket: str) -> str:
        """Why nothing more may be written there; "" if it may. Raises StoreUnavailableError."""

    def moved(self, bucket: str, size: int) -> None:
        """So many bytes more are in it."""


class Boundless:
    """Where nobody counts."""

    async def lacking(self, project_id: str, bucket: str) -> str:
        del project_id, bucket
        return ""

    def moved(self, bucket: str, size: int) -> None:
        del bucket, size


MOST_POISON = 20


class GivenUpError(Exception):
    """The task cannot go on; the text says why."""


class Streak:
    """Rows one after the other at which workers died, with no other row done in between: a model that survives no
    row would go on ending workers for ever."""

    def __init__(self) -> None:
        self._rows = 0

    def one_more(self, cause: str) -> None:
        """Raises GivenUpError when that is enough."""
        self._rows += 1
        if self._rows >= MOST_POISON:
            raise GivenUpError(
                f"{self._rows} rows one after the other ended their workers; of the last one {cause}"
            )

    def end(self) -> None:
        self._rows = 0


@dataclass(frozen=True, slots=True)
class Instances:
    """What the runner must know of instances, and do to them."""

    exit_of: ExitOf
    kill: Kill
    connect: Connect


@dataclass(frozen=True, slots=True)
class Work:
    """Of one task. `destination`: below which its results lie. `home_project`: whose the buckets of nobody are."""

    task_id: str
    project_id: str
    home_project: str
    job: Job
    destination: ObjectPath
    store: Store
    objects: Objects
    clock: Clock
    patience: Patience
    leases: Leases
    inputs: Inputs
    parts: Parts
    instances: Instances
    streak: Streak
    room: Room

    async def until_room(self, name: str) -> None:
        """Until the part of this name may be written."""
        bucket = self.destination.bucket

        async def look() -> None:
            if why := await self.room.lacking(self.project_id, bucket):
                raise NoRoomError(why)

        await self.patience.until_done(f"room for {name}", look)

    def written(self, part: Written) -> None:
        """It counts from now on, unless it lies in the ledger."""
        if not part.content:
            self.room.moved(self.destination.bucket, part.size)

    async def files(self, first: int, count: int) -> list[Source]:
        """Sources from a number on."""
        return await self.patience.until_done(f"reading source {first}", lambda: self._files(first, count))

    async def _files(self, first: int, count: int) -> list[Source]:
        async with self.store.read() as r:
            return list(await r.sources(self.task_id, first, count))

    async def splits(self, first: int, last: int | None, limit: int, after: int) -> list[Split]:
        """As `store.batch` has it."""
        what = f"reading splits from source {first} on"
        return await self.patience.until_done(what, lambda: self._splits(first, last, limit, after))

    async def _splits(self, first: int, last: int | None, limit: int, after: int) -> list[Split]:
        async with self.store.read() as r:
            return list(await r.splits(self.task_id, first, last, limit, after))

    async def write(self, path: ObjectPath, content: Callable[[], AsyncGenerator[bytes, None]]) -> ObjectInfo:
        """Make an object of what `content` yields, which is asked anew for each try. Raises GivenUpError when that
        can never be."""
        try:
            return await self.patience.until_done(f"writing {path}", lambda: self._write(path, content()))
        except ObjectStoreError as error:
            raise GivenUpError(f"results cannot be written: {error}") from error

    async def _write(self, path: ObjectPath, content: AsyncGenerator[bytes, None]) -> ObjectInfo:
        async with aclosing(content), aclosing(together(content)) as pieces:
            first = await anext(pieces, b"")
            if len(first) < TOGETHER:  # which is all of it
                return await self.objects.write(path, first)
            return await self.objects.write(path, _with(first, pieces))


async def _with(first: bytes, pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    yield first
    async for piece in pieces:
        yield piece
