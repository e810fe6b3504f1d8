"""What a pass over a batch service does beside the rest: its tasks are read with it, written with it, and carried
out by the runner.

The runner writes of a task what became of it. A decision made from a task that is another by now is thrown away
whole, like one made from a service that a user changed meanwhile.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from modelyard.batch.runner import BatchWorker, Runner
from modelyard.control.clock import Clock
from modelyard.control.observe import Instant
from modelyard.core.batch.course import Fresh
from modelyard.core.batch.decide import BatchDecision, decide, left
from modelyard.core.batch.situation import BatchSituation
from modelyard.core.rollout.situation import Situation
from modelyard.core.secrets import masker_of
from modelyard.domain.batch import Task, TaskState
from modelyard.domain.record import ServiceRecord
from modelyard.engines.base import Engine, EngineUnavailableError
from modelyard.objects.base import ObjectStoreError, ObjectStoreUnavailableError
from modelyard.store.base import ReadTransaction, Store, WriteTransaction

log = logging.getLogger(__name__)

TASKS_SEEN = 50
"""Of a service, the newest: what a superseded task further behind has left was removed long ago."""
LEFT_AGAIN_MS = 10_000
"""How long until what a task left is removed, when the object store was away."""


async def load_tasks(reading: ReadTransaction, service_id: str) -> tuple[Task, ...]:
    """The newest, and those of which something is left to remove; newest first."""
    tasks = await reading.tasks(service_id, TASKS_SEEN)
    return (*tasks[:1], *left(tasks[1:]))


def batch_situation(seen: Situation, tasks: Sequence[Task]) -> BatchSituation:
    return BatchSituation(
        seen.service, seen.revisions, seen.rollout, seen.observations, tuple(tasks), began_ms=seen.began_ms
    )


class BatchTasks:
    """See the module."""

    def __init__(self, store: Store, runner: Runner, clock: Clock) -> None:
        self._store = store
        self._runner = runner
        self._clock = clock

    def decided(self, seen: Situation, tasks: Sequence[Task], instant: Instant, task_id: str) -> BatchDecision:
        """`task_id`: of a task that begins now, if one does."""
        return decide(batch_situation(seen, tasks), instant.now_ms, Fresh(task_id, instant.wall_ms))

    async def unchanged(self, w: WriteTransaction, service_id: str, tasks: Sequence[Task]) -> bool:
        """Whether the tasks are those that the decision was made from; their counts may have grown."""
        return _facts(await load_tasks(w, service_id)) == _facts(tasks)

    async def record(self, w: WriteTransaction, decision: BatchDecision) -> None:
        for task in decision.tasks:
            await w.save_task(task)
        if decision.begun is not None:
            await w.add_task(decision.begun)

    async def halt(self, decision: BatchDecision) -> None:
        """Before anything else: nothing may be at work of what is over."""
        for task_id in decision.halts:
            await self._runner.halt(task_id)

    async def carry_out(self, record: ServiceRecord, decision: BatchDecision) -> int | None:
        """What is to be at work is, and what tasks left is removed; when to look again (milliseconds; None: when
        something happens)."""
        work = decision.work
        if work is not None:
            masker = masker_of(record)
            workers = [BatchWorker(instance_id, address, masker) for instance_id, address in work.workers]
            self._runner.run(work.task, work.job, record.service.project_id, workers)
        again = [await self._discard(record, task) for task in decision.discards]
        return min((moment for moment in again if moment is not None), default=None)

    async def _discard(self, record: ServiceRecord, task: Task) -> int | None:
        """The mark that nothing is left is the task's `finished_ms`."""
        revision = record.revisions.get(task.revision)
        job = revision.variants[0].job if revision is not None else None
        try:
            if job is not None:
                await self._runner.discard(task, job)
        except ObjectStoreUnavailableError as error:
            log.warning("what task %s left cannot be removed now: %s", task.id, error)
            return self._clock.now_ms() + LEFT_AGAIN_MS
        except ObjectStoreError as error:
            log.error("what task %s left stays where it is: %s", task.id, error)
        async with self._store.write() as w:
            now = await w.task(task.id)
            if now is not None and now.state is TaskState.SUPERSEDED:
                await w.save_task(replace(now, finished_ms=self._clock.wall_ms()))
        return self._clock.now_ms()


async def exit_text(engine: Engine, instance_id: str) -> str:
    """How an instance ended, for people; "" while it runs, or when nobody can tell."""
    try:
        listing = await engine.list()
    except EngineUnavailableError:
        return ""
    return next((o.process.exit for o in listing.instances if o.instance_id == instance_id), "")


def explained(decision: BatchDecision, text: str) -> BatchDecision:
    """With the last words of a worker behind the cause of the failure."""
    rows = decision.rows
    rollout = rows.rollout and replace(rows.rollout, cause=rows.rollout.cause + text)
    service = rows.service and replace(rows.service, error=rows.service.error + text)
    tasks = tuple(replace(t, error=t.error + text) if t.state is TaskState.FAILED else t for t in decision.tasks)
    return replace(decision, rows=replace(rows, rollout=rollout, service=service), tasks=tasks)


def _facts(tasks: Sequence[Task]) -> list[tuple[object, ...]]:
    return [(t.id, t.state, t.revision, t.rollout, t.finished_ms, t.complete) for t in tasks]
