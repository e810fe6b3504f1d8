"""Whether results of a project's batch tasks may still be written: they count against what its buckets may hold.

Only in buckets that the project claimed, which are those that the quota is about. What is written last may go a
little beyond it, and so may a task's results while they are put together from its parts.
"""

from collections.abc import Callable

from modelyard.operations import limits
from modelyard.operations.context import Context
from modelyard.operations.object_usage import Usage


class ResultsRoom:
    """As `batch.work.Room` has it. `ctx` gives the context, which is made later than this."""

    def __init__(self, ctx: Callable[[], Context], usage: Usage) -> None:
        self._ctx = ctx
        self._usage = usage

    async def lacking(self, project_id: str, bucket: str) -> str:
        ctx = self._ctx()
        async with ctx.store.read() as r:
            names = await r.buckets(project_id)
            most = (await limits.quotas(ctx, r, project_id)).objects_max_bytes
        if bucket not in names or (used := await self._usage.bytes(names)) < most:
            return ""
        return f"the project's buckets hold {used} bytes and may hold {most} (quota objects_max_bytes)"

    def moved(self, bucket: str, size: int) -> None:
        self._usage.moved(bucket, size)
