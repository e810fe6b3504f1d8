"""Whether results of a project's batch tasks may still be written: they count against what its buckets may hold.

Only in buckets that the project claimed, which are those that the quota is about. What is written last may go a
little beyond it, and so may a task's results while they are put together from its parts.
"""

from collections.abc import Callable, Collection
from time import monotonic

from modelyard.operations import limits
from modelyard.operations.context import Context
from modelyard.operations.object_usage import Usage

FRESH_S = 1.0


class ResultsRoom:
    """As `batch.work.Room` has it. `ctx` gives the context, which is made later than this."""

    def __init__(self, ctx: Callable[[], Context], usage: Usage, now: Callable[[], float] = monotonic) -> None:
        self._ctx = ctx
        self._usage = usage
        self._now = now
        self._known: dict[str, tuple[float, Collection[str], int]] = {}

    async def lacking(self, project_id: str, bucket: str) -> str:
        names, most = await self._limit(project_id)
        if bucket not in names or (used := await self._usage.bytes(names)) < most:
            return ""
        return f"the project's buckets hold {used} bytes and may hold {most} (quota objects_max_bytes)"

    async def _limit(self, project_id: str) -> tuple[Collection[str], int]:
        """The buckets of a project, and what they may hold: a task asks for each of thousands of small parts."""
        until_s, names, most = self._known.get(project_id, (self._now(), (), 0))
        if self._now() >= until_s:
            ctx = self._ctx()
            async with ctx.store.read() as r:
                names = await r.buckets(project_id)
                most = (await limits.quotas(ctx, r, project_id)).objects_max_bytes
            self._known[project_id] = self._now() + FRESH_S, names, most
        return names, most

    def moved(self, bucket: str, size: int) -> None:
        self._usage.moved(bucket, size)
