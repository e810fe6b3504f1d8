"""The runner of batch tasks: which are at work, and with which workers."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from modelyard.batch.runner import BatchWorker, Pace
from modelyard.batch.timing import Clock
from modelyard.domain.batch import Job, Task
from modelyard.objects.base import ObjectStore
from modelyard.store.base import Store

ExitOf = Callable[[str], Awaitable[str]]
"""Of an instance: the sentence that says how it ended; "" while it runs, or when nobody can tell."""
Kill = Callable[[str], Awaitable[None]]
"""End an instance at once, because it is of no use."""
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[str], Awaitable[Connection]]
"""To the socket at an address (`domain.address`). Raises OSError."""


class TaskRunner:
    """`runner.Runner`. `nudge` has a service looked at."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        clock: Clock,
        nudge: Callable[[str], None],
        *,
        exit_of: ExitOf,
        kill: Kill,
        data_dir: Path,
        connect: Connect | None = None,
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._nudge = nudge
        self._exit_of = exit_of
        self._kill = kill
        self._data_dir = data_dir
        self._connect = connect

    def run(self, task: Task, job: Job, project_id: str, workers: Sequence[BatchWorker]) -> None:
        raise NotImplementedError

    async def halt(self, task_id: str) -> None:
        """Nothing is at work yet."""

    async def discard(self, task: Task, job: Job) -> None:
        raise NotImplementedError

    def pace(self, task_id: str) -> Pace:
        return Pace()

    async def close(self) -> None:
        """Nothing is at work yet."""
