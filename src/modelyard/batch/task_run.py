"""One task at work: planned and predicted at the same time, then assembled.

It may be cut off at any moment: the ledger has what is done, leases that nobody holds are void at the next
beginning, and parts that the ledger does not know are removed then. What passes is waited for; what nobody foresaw
is put on record and tried again from the ledger; what is permanent makes the task FAILED, and what was done stays.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from modelyard.batch.assembly import Assembly
from modelyard.batch.dispatch import Dispatcher
from modelyard.batch.pacing import Pacing
from modelyard.batch.planning import InputError, plan
from modelyard.batch.retrying import Retries
from modelyard.batch.runner import BatchWorker, Pace
from modelyard.batch.sweeping import sweep_orphans
from modelyard.batch.timing import happens, sleep
from modelyard.batch.tops import Tops
from modelyard.batch.work import GivenUpError, Work
from modelyard.core.backoff import delay_ms
from modelyard.core.batch.threshold import exceeded
from modelyard.domain.batch import Task, TaskState
from modelyard.objects.base import ObjectStoreError
from modelyard.store.base import StoreUnavailableError

LEAVING_MS = 20_000
"""For all workers together to let go of what they have when a task is halted."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Active:
    dispatcher: Dispatcher
    task: asyncio.Task[None]


class TaskRun:
    """See the module. `ended`: it has nothing more to do. `nudge`: have the service looked at."""

    def __init__(self, work: Work, nudge: Callable[[], None]) -> None:
        self._work = work
        self._nudge = nudge
        self._pacing = Pacing()
        self._tops = Tops(work.inputs, work.job)
        self._retries = Retries(work)
        self._workers: Sequence[BatchWorker] = ()
        self._active: dict[str, _Active] = {}
        self._over: asyncio.Future[None] | None = None
        self._first = True
        work.leases.seen = self.seen
        self._going = asyncio.create_task(self._go(), name=f"task:{work.task_id}")

    @property
    def ended(self) -> bool:
        return self._going.done()

    def update(self, workers: Sequence[BatchWorker]) -> None:
        """The workers that are ready now."""
        self._workers = workers
        if self._over is None:
            return
        wanted = {worker.instance_id for worker in workers}
        for instance_id, active in [*self._active.items()]:
            if instance_id in wanted:
                continue
            if active.task.done():
                del self._active[instance_id]
            else:
                active.dispatcher.leave()
        for worker in workers:
            if worker.instance_id not in self._active:
                self._begin_worker(worker)

    def pace(self) -> Pace:
        return self._pacing.pace(self._work.clock.now_ms())

    async def halt(self) -> None:
        """Let the workers hand over what is ready, and give everything back. Raises StoreUnavailableError when the
        leases cannot be given back now: then they are void at the next beginning."""
        self._workers = ()
        for active in self._active.values():
            active.dispatcher.leave()
        leaving = [active.task for active in self._active.values()]
        if leaving:
            await happens(self._work.clock, asyncio.wait(leaving), LEAVING_MS)
        await self.close()
        async with self._work.store.write() as w:
            await w.release_all(self._work.task_id)

    async def close(self) -> None:
        """Let go of it as it is."""
        self._going.cancel()
        await asyncio.gather(self._going, return_exceptions=True)

    async def _go(self) -> None:
        try:
            await self._until_over()
        finally:
            self._retries.close()

    async def _until_over(self) -> None:
        failures = 0
        while True:
            try:
                await self._once()
                return
            except GivenUpError as error:
                await self._end(TaskState.FAILED, str(error))
                return
            except Exception as error:
                failures += 1
                log.exception("task %s: nobody foresaw this", self._work.task_id)
                await self._wait(f"{type(error).__name__}: {error}", failures)

    async def _wait(self, cause: str, failures: int) -> None:
        with suppress(StoreUnavailableError):
            await self._change(lambda task: replace(task, waiting=f"tried again after an error: {cause}"))
        await sleep(self._work.clock, max(delay_ms(failures + 1), 1_000))
        with suppress(StoreUnavailableError):
            await self._change(lambda task: replace(task, waiting=""))

    async def _once(self) -> None:
        work = self._work
        task = await work.patience.until_done("taking the task up", self._take_up)
        if task is None or not task.at_work:
            return
        log.info("task %s: taken up, %s", task.id, task.state)
        try:
            await work.patience.until_done(
                "removing orphans", lambda: sweep_orphans(work.store, work.parts, task.id)
            )
        except ObjectStoreError as error:
            raise GivenUpError(f"the destination cannot be used: {error}") from error
        if task.state is TaskState.ACTIVE:
            if task.retries:
                await self._retries.prepare()
            await self._predict(task)
            await work.patience.until_done("ending the predictions", self._all_predicted)
            log.info("task %s: every row has its outcome, results are assembled", task.id)
        await Assembly(work, self._retries).until_done()
        await self._end(TaskState.FINISHED)

    async def _take_up(self) -> Task | None:
        async with self._work.store.write() as w:
            await w.release_all(self._work.task_id)
            task = await w.task(self._work.task_id)
            if task is not None and task.at_work and task.waiting:
                await w.save_task(replace(task, waiting=""))
            return task

    async def _all_predicted(self) -> None:
        await self._change(lambda task: replace(task, state=TaskState.ASSEMBLING, waiting=""))

    async def _end(self, state: TaskState, error: str = "") -> None:
        ended_ms = self._work.clock.wall_ms()

        def ended(task: Task) -> Task:
            return replace(task, state=state, error=error, waiting="", finished_ms=ended_ms)

        await self._work.patience.until_done(f"ending as {state}", lambda: self._change(ended))
        log.info("task %s: %s%s", self._work.task_id, state, f": {error}" if error else "")
        self._nudge()

    async def _change(self, change: Callable[[Task], Task]) -> None:
        """Unless somebody has taken it from us meanwhile. One that is over has no leases."""
        async with self._work.store.write() as w:
            task = await w.task(self._work.task_id)
            if task is None or not task.at_work:
                return
            changed = change(task)
            await w.save_task(changed)
            if not changed.at_work:
                await w.release_all(task.id)

    # ── planning and predicting ───────────────────────────────────────────────────────────────────────────────

    def seen(self, task: Task) -> None:
        """After each change of its counts."""
        self._pacing.note(task, self._work.clock.now_ms())
        if self._first and task.counts.rows_done + task.counts.rows_failed:
            self._first = False
            self._nudge()
        if self._over is None or self._over.done():
            return
        if text := exceeded(self._work.job.error_threshold, task.counts, planned=task.planned):
            self._over.set_exception(GivenUpError(text))
        elif task.complete:
            self._over.set_result(None)

    async def _predict(self, task: Task) -> None:
        """Until every row has its outcome."""
        self._over = over = asyncio.get_running_loop().create_future()
        self.seen(task)
        planning = asyncio.create_task(self._plan(task))
        planning.add_done_callback(self._passed_on)
        self.update(self._workers)
        try:
            await over
        finally:
            self._over = None
            over.cancel()
            await _cancelled(planning, *(active.task for active in self._active.values()))
            self._active.clear()

    async def _plan(self, task: Task) -> None:
        """Cut what is left of the input."""
        if not task.planned:
            try:
                await self._work.patience.until_done("planning", self._planned)
            except InputError as error:
                raise GivenUpError(str(error)) from error
            log.info("task %s: all of its input is planned", task.id)

    async def _planned(self) -> None:
        work = self._work
        await plan(
            work.store,
            work.objects,
            work.task_id,
            work.job,
            work.project_id,
            home_project=work.home_project,
            planned=self._more_planned,
        )

    def _more_planned(self, task: Task) -> None:
        self.seen(task)
        self._work.leases.news.tell()

    def _begin_worker(self, worker: BatchWorker) -> None:
        dispatcher = Dispatcher(self._work, self._tops, self._retries, worker)
        task = asyncio.create_task(dispatcher.until_over(), name=f"worker:{worker.instance_id}")
        self._active[worker.instance_id] = _Active(dispatcher, task)
        task.add_done_callback(lambda done: self._worker_over(worker, done))

    def _worker_over(self, worker: BatchWorker, task: asyncio.Task[None]) -> None:
        """One whose instance has ended stays known, so that it is not begun again while it is still listed."""
        active = self._active.get(worker.instance_id)
        if active is not None and active.task is task and not active.dispatcher.gone:
            del self._active[worker.instance_id]
        self._passed_on(task)
        if not task.cancelled() and worker in self._workers and self._over is not None:
            self.update(self._workers)

    def _passed_on(self, task: asyncio.Task[None]) -> None:
        """What ended a part of it ends all of it."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self._over is not None and not self._over.done():
            self._over.set_exception(error)


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
