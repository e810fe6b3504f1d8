"""The splits of one task that workers have, and what is written of them in the ledger.

Promises: what is published is published once, even where nobody could tell whether a commit had happened; no split
stays leased that nobody has. `news` is told whenever there may be more to lease.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
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

    async def take(self, worker: str, most: int = 1) -> Sequence[Lease]:
        """The next split, or up to `most` of them if they are small; empty: there is none now."""
        return await self._patience.until_done(f"leasing for {worker}", lambda: self._take(worker, most))

    async def _take(self, worker: str, most: int) -> Sequence[Lease]:
        if self._doubt:
            await self._settle()
        try:
            async with self._store.write() as w:
                splits = await w.lease_bundle(self._task_id, worker, self._clock.wall_ms(), most)
        except StoreUnavailableError:
            self._doubt = True
            raise
        leases = [Lease(split, worker, split, split) for split in splits]
        self._held.update(leases)
        return leases

    async def _settle(self) -> None:
        """Give back what was leased in a commit of which nobody learned."""
        held = {(each.rest.source, each.rest.start, each.rest.attempt) for each in self._held if each.rest}
        async with self._store.write() as w:
            for split in await w.leased(self._task_id):
                if (split.source, split.start, split.attempt) not in held:
                    await w.release(self._task_id, split.source, split.start, split.attempt)
        self._doubt = False
        self.news.tell()

    async def publish(self, several: Sequence[tuple[Lease, Outcomes, Written]]) -> bool:
        """Of a lease each. False: one of them is void, and nothing of it was written. Of the outcomes the lines
        themselves are not needed."""
        publications = [_publication(lease, told, part) for lease, told, part in several]
        what = f"publishing {publications[0].part}"
        done, task = await self._patience.until_done(what, lambda: self._publish(publications))
        for (lease, _, _), publication, published in zip(several, publications, done, strict=True):
            assert lease.rest is not None
            if published:
                lease.rest = ledger.published(lease.rest, publication)[1]
            else:
                lease.void = True
            if lease.void or lease.rest is None:
                self._held.discard(lease)
        if task is not None and any(done):
            self.seen(task)
        return all(done)

    async def _publish(self, publications: Sequence[Publication]) -> tuple[Sequence[bool], Task | None]:
        async with self._store.write() as w:
            done = [*await w.publish_all(self._task_id, publications)]
            for n, each in enumerate(publications):
                if not done[n]:  # unless this is the second time, after a commit of which nobody learned
                    here = await w.splits(self._task_id, each.source, each.source, 1, each.start - 1)
                    done[n] = any(split.part == each.part for split in here)
            return done, await w.task(self._task_id)

    async def release(self, *leases: Lease, died: bool = False) -> None:
        """Give back what is left of them."""
        self._held.difference_update(leases)
        rests = [each.rest for each in leases if each.rest is not None and not each.void]
        if not rests:
            return
        what = f"giving back {rests[0].source}-{rests[0].start}"
        await self._patience.until_done(what, lambda: self._release(rests, died))
        self.news.tell()

    async def _release(self, rests: Sequence[Split], died: bool) -> None:
        async with self._store.write() as w:
            for rest in rests:
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


def _publication(lease: Lease, told: Outcomes, part: Written) -> Publication:
    rest = lease.rest
    assert rest is not None
    return Publication(
        rest.source,
        rest.start,
        rest.attempt,
        told.rows,
        len(told.failures),
        part.name,
        part.bytes,
        part.size,
        told.following,
        content=part.content,
    )
