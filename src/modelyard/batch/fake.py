"""A runner that does no work, for tests: it remembers what it was told, and a test says what becomes of a task.

runner = FakeRunner(store, nudge, clock.wall_ms)
runner.running["t1"].workers          # what `run` was last called with; gone after `halt`
await runner.progress("t1", rows=4)   # so many rows have their outcome, and the service is nudged
await runner.finish("t1")             # as if all had been predicted and assembled
await runner.fail("t1", "no rights")
runner.calls                          # ("run", "t1"), ("halt", "t1"), ("discard", "t1"), ("close", "")
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from modelyard.batch.runner import BatchWorker, Pace
from modelyard.domain.batch import AT_WORK, Job, Publication, Source, Split, Task, TaskState
from modelyard.store.base import Store

ROWS = 10


@dataclass(frozen=True, slots=True)
class Running:
    """One task that is at work, as it was last told of."""

    task: Task
    job: Job
    project_id: str
    workers: tuple[BatchWorker, ...]


class FakeRunner:
    """See the module. A task has one source of `ROWS` rows."""

    def __init__(self, store: Store, nudge: Callable[[str], None], wall_ms: Callable[[], int]) -> None:
        self.calls: list[tuple[str, str]] = []
        self.running: dict[str, Running] = {}
        self.paces: dict[str, Pace] = {}
        self._store = store
        self._nudge = nudge
        self._wall_ms = wall_ms

    def run(self, task: Task, job: Job, project_id: str, workers: Sequence[BatchWorker]) -> None:
        self.calls.append(("run", task.id))
        self.running[task.id] = Running(task, job, project_id, tuple(workers))

    async def halt(self, task_id: str) -> None:
        self.calls.append(("halt", task_id))
        self.running.pop(task_id, None)

    async def discard(self, task: Task, job: Job) -> None:
        self.calls.append(("discard", task.id))

    def pace(self, task_id: str) -> Pace:
        return self.paces.get(task_id, Pace())

    async def close(self) -> None:
        self.calls.append(("close", ""))
        self.running.clear()

    async def progress(self, task_id: str, rows: int = 1, failed: int = 0) -> None:
        """The next `rows` rows have their outcome, `failed` of them FAILED."""
        await self._publish(task_id, rows, failed)
        self._nudge(self.running[task_id].task.service_id)

    async def finish(self, task_id: str) -> None:
        """Every row that is left is SUCCESSFUL, and the results are there."""
        running = self.running[task_id]
        await self._publish(task_id, ROWS, 0)
        await self._become(running, TaskState.FINISHED)

    async def fail(self, task_id: str, error: str) -> None:
        await self._become(self.running[task_id], TaskState.FAILED, error)

    async def _publish(self, task_id: str, rows: int, failed: int) -> None:
        async with self._store.write() as w:
            source = Source(0, "obs://in/rows.csv", "in", "rows.csv", ROWS, "v1", "rows.csv_result.txt")
            await w.plan(task_id, (source,), (Split(0, 0, ROWS, 0, ROWS),), "end", planned=True)
            split = await w.lease(task_id, "fake", self._wall_ms())
            if split is None:
                return
            rest = (0, split.start + rows) if rows < split.rows else None
            part = f"0-{split.start}-{split.attempt}"
            done = min(rows, split.rows)
            published = Publication(0, split.start, split.attempt, done, failed, part, 1, 1, rest)
            await w.publish(task_id, published)
            if rest is not None:
                await w.release(task_id, *rest, split.attempt)

    async def _become(self, running: Running, state: TaskState, error: str = "") -> None:
        async with self._store.write() as w:
            task = await w.task(running.task.id)
            if task is not None and task.state in AT_WORK:
                await w.save_task(replace(task, state=state, error=error, finished_ms=self._wall_ms()))
        self.running.pop(running.task.id, None)
        self._nudge(running.task.service_id)
