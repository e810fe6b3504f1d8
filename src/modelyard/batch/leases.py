"""The splits of one task that workers have, and what is written of them in the ledger.

Promises: what is published is published once, even where nobody could tell whether a commit had happened; no split
stays leased that nobody has. `news` is told whenever there may be more to lease.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from modelyard.batch.parts import Written
from modelyard.batch.patience import Patience
from modelyard.batch.retried import Retried
from modelyard.batch.timing import Clock
from modelyard.core.batch import ledger
from modelyard.core.batch.outcomes import Outcomes
from modelyard.domain.batch import Publication, Split, Task
from modelyard.store.base import Store, StoreUnavailableError


@dataclass(eq=False, slots=True)
class Lease:
    """A split that a worker has, as it was `leased`. `rest`: what of it is not published; `told`: what is left
    after all that the worker told of it (None: nothing). `void`: it is somebody else's, or of no use, by now.
    `retried`: of a split whose failed rows are tried again, what was told of them."""

    leased: Split
    worker: str
    rest: Split | None
    told: Split | None
    void: bool = False
    retried: Retried | None = None

    @property
    def untouched(self) -> bool:
        """Whether nothing was told of it in this attempt."""
        return self.rest == self.leased and (self.retried is None or not self.retried.fresh)


class News:
    """Something has changed: whoever waits looks again."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        event, self._event = self._event, asyncio.Event()
        event.set()

    def next(self) -> Awaitable[object]:
        """Of what changes from now on."""
        return self._event.wait()


class Leases:
    """See the module. `seen` is given the task as it is after each change of its counts."""

    def __init__(self, store: Store, clock: Clock, patience: Patience, task_id: str) -> None:
        self.news = News()
        self.seen: Callable[[Task], None] = lambda _: None
        self._store = store
        self._clock = clock
        self._patience = patience
        self._task_id = task_id
        self._held: set[Lease] = set()
        self._doubt = False

    async def take(self, worker: str) -> Lease | None:
        """The next split; None: there is none now."""
        return await self._patience.until_done(f"leasing for {worker}", lambda: self._take(worker))

    async def _take(self, worker: str) -> Lease | None:
        if self._doubt:
            await self._settle()
        try:
            async with self._store.write() as w:
                split = await w.lease(self._task_id, worker, self._clock.wall_ms())
        except StoreUnavailableError:
            self._doubt = True
            raise
        if split is None:
            return None
        lease = Lease(split, worker, split, split)
        self._held.add(lease)
        return lease

    async def _settle(self) -> None:
        """Give back what was leased in a commit of which nobody learned."""
        held = {(each.rest.source, each.rest.start, each.rest.attempt) for each in self._held if each.rest}
        async with self._store.write() as w:
            for split in await w.leased(self._task_id):
                if (split.source, split.start, split.attempt) not in held:
                    await w.release(self._task_id, split.source, split.start, split.attempt)
        self._doubt = False
        self.news.tell()

    async def publish(self, lease: Lease, told: Outcomes, part: Written) -> bool:
        """False: the lease is void, and nothing was written. `told`: the lines themselves are not needed."""
        assert lease.rest is not None
        rest = lease.rest
        publication = Publication(
            rest.source,
            rest.start,
            rest.attempt,
            told.rows,
            len(told.failures),
            part.name,
            part.bytes,
            part.size,
            told.following,
        )
        published, task = await self._patience.until_done(
            f"publishing {part.name}", lambda: self._publish(publication)
        )
        if not published:
            lease.void = True
            self._held.discard(lease)
            return False
        lease.rest = ledger.published(rest, publication)[1]
        if lease.rest is None:
            self._held.discard(lease)
        if task is not None:
            self.seen(task)
        return True

    async def _publish(self, publication: Publication) -> tuple[bool, Task | None]:
        async with self._store.write() as w:
            published = await w.publish(self._task_id, publication)
            if not published:  # unless this is the second time, after a commit of which nobody learned
                here = await w.splits(
                    self._task_id, publication.source, publication.source, 1, publication.start - 1
                )
                published = any(split.part == publication.part for split in here)
            return published, await w.task(self._task_id)

    async def release(self, lease: Lease, *, died: bool = False) -> None:
        """Give back what is left of it."""
        rest = lease.rest
        self._held.discard(lease)
        if rest is None or lease.void:
            return
        await self._patience.until_done(
            f"giving back {rest.source}-{rest.start}", lambda: self._release(rest, died)
        )
        self.news.tell()

    async def _release(self, rest: Split, died: bool) -> None:
        async with self._store.write() as w:
            await w.release(self._task_id, rest.source, rest.start, rest.attempt, died=died)

    async def fail_source(self, number: int, error: str) -> None:
        """It cannot be read: its splits are gone, also those that other workers have."""
        task = await self._patience.until_done(f"giving up source {number}", lambda: self._fail(number, error))
        for lease in [each for each in self._held if each.rest and each.rest.source == number]:
            lease.void = True
            self._held.discard(lease)
        self.news.tell()
        if task is not None:
            self.seen(task)

    async def _fail(self, number: int, error: str) -> Task | None:
        async with self._store.write() as w:
            await w.fail_source(self._task_id, number, error)
            return await w.task(self._task_id)
