"""How much the buckets of a project hold, for its quota.

Nobody can be asked that but by listing, which takes as long as there are objects, and others than the API write
into buckets too (administrators; batch tasks, of what they put together). So each bucket is counted by listing it
now and then, and what the API and the parts of batch tasks add is added in between:

- a count is renewed in the background, at the earliest after a minute and after 20 times as long as it took;
- the first one is waited for, in its first `WAIT_S`: until it is whole, what it found so far counts;
- what is uploaded at this moment counts with what has come of it, or all of it where its size is known.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from time import monotonic

from modelyard.objects.base import ObjectStore, ObjectStoreError
from modelyard.objects.paths import ObjectPath

FRESH_S = 60.0
PATIENT = 20
WAIT_S = 5.0

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Count:
    """Of one bucket. `moved`: what the API moved since the listing that goes on began."""

    bytes: int = 0
    moved: int = 0
    due_s: float = 0.0
    begun_s: float = 0.0
    whole: bool = False
    listing: "asyncio.Task[None] | None" = None


class Usage:
    """Of all buckets that anybody asked for. `now` gives seconds."""

    def __init__(self, objects: ObjectStore, now: Callable[[], float] = monotonic) -> None:
        self._objects = objects
        self._now = now
        self._counts: dict[str, _Count] = {}
        self._arriving: Counter[str] = Counter()

    async def bytes(self, buckets: Collection[str]) -> int:
        """What they hold, as far as it is known."""
        first, left_s = [], 0.0
        for bucket in buckets:
            count = self._counts.setdefault(bucket, _Count())
            if count.listing is None and self._now() >= count.due_s:
                count.begun_s = self._now()
                count.listing = asyncio.create_task(self._list(bucket, count), name=f"count {bucket}")
            if count.listing is not None and not count.whole:
                first.append(count.listing)
                left_s = max(left_s, count.begun_s + WAIT_S - self._now())
        if first and left_s:
            await asyncio.wait(first, timeout=left_s)
        return sum(max(self._counts[bucket].bytes, 0) for bucket in buckets)

    def moved(self, bucket: str, size: int) -> None:
        """So many bytes more are in it, or less."""
        if (count := self._counts.get(bucket)) is not None:
            count.bytes += size
            count.moved += size

    def arriving(self, project_id: str) -> int:
        """Bytes that are being uploaded into the buckets of a project."""
        return self._arriving[project_id]

    def arrives(self, project_id: str, size: int) -> None:
        """So many bytes more are, or less."""
        self._arriving[project_id] += size
        if not self._arriving[project_id]:
            del self._arriving[project_id]

    async def close(self) -> None:
        for count in self._counts.values():
            if count.listing is not None:
                count.listing.cancel()

    async def _list(self, bucket: str, count: _Count) -> None:
        total, count.moved = 0, 0
        try:
            async for info in self._objects.list(ObjectPath(bucket)):
                total += info.size
                if not count.whole:
                    count.bytes = total + count.moved
            count.bytes, count.whole = total + count.moved, True
        except ObjectStoreError as error:
            log.warning("the objects of bucket %s cannot be counted: %s", bucket, error)
        finally:
            count.due_s = self._now() + max(FRESH_S, PATIENT * (self._now() - count.begun_s))
            count.listing = None
