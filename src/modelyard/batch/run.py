"""The runner of batch tasks (`runner.Runner`): which are at work, and with which workers."""

from collections.abc import Callable, Sequence
from pathlib import Path

from modelyard.batch.inputs import Inputs
from modelyard.batch.leases import Leases
from modelyard.batch.link import Connect, on_this_machine
from modelyard.batch.parts import Parts
from modelyard.batch.patience import Patience
from modelyard.batch.runner import BatchWorker, Pace
from modelyard.batch.sweeping import sweep_all
from modelyard.batch.task_run import TaskRun
from modelyard.batch.timing import Clock
from modelyard.batch.work import Boundless, ExitOf, Instances, Kill, Room, Streak, Work
from modelyard.domain.batch import Job, Task
from modelyard.objects.base import ObjectRefusedError, Objects
from modelyard.objects.paths import object_path
from modelyard.store.base import Store

__all__ = ["Connect", "ExitOf", "Kill", "TaskRunner"]


class TaskRunner:
    """Tasks of this control plane. `nudge` has a service looked at; `home_project` has the buckets of nobody.

    A task that has nothing more to do here is forgotten; where it is run again, the ledger says that it is over.
    """

    def __init__(
        self,
        store: Store,
        objects: Objects,
        clock: Clock,
        nudge: Callable[[str], None],
        *,
        exit_of: ExitOf,
        kill: Kill,
        data_dir: Path,
        home_project: str = "",
        connect: Connect | None = None,
        room: Room | None = None,
    ) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._nudge = nudge
        self._home_project = home_project
        self._room: Room = room or Boundless()
        self._instances = Instances(exit_of, kill, connect or on_this_machine(data_dir))
        self._runs: dict[str, TaskRun] = {}
        self._halting: set[str] = set()

    def run(self, task: Task, job: Job, project_id: str, workers: Sequence[BatchWorker]) -> None:
        if task.id in self._halting:
            return
        run = self._runs.get(task.id)
        if run is None or run.ended:
            run = self._runs[task.id] = self._begun(task, job, project_id)
        run.update(workers)

    async def halt(self, task_id: str) -> None:
        run = self._runs.get(task_id)
        if run is None:
            return
        self._halting.add(task_id)
        try:
            await run.halt()
        finally:
            self._halting.discard(task_id)
            if self._runs.get(task_id) is run and run.ended:
                del self._runs[task_id]

    async def discard(self, task: Task, job: Job) -> None:
        """Raises ObjectStoreUnavailableError: then call again. What may not be removed stays."""
        await self.halt(task.id)
        try:
            patience = Patience(self._store, self._clock, task.id)
            await sweep_all(Parts(self._objects, object_path(job.destination), task.id, patience))
        except ObjectRefusedError:
            return

    def pace(self, task_id: str) -> Pace:
        run = self._runs.get(task_id)
        return run.pace() if run is not None and not run.ended else Pace()

    async def close(self) -> None:
        for run in self._runs.values():
            await run.close()
        self._runs.clear()

    def _begun(self, task: Task, job: Job, project_id: str) -> TaskRun:
        patience = Patience(self._store, self._clock, task.id)
        leases = Leases(self._store, self._clock, patience, task.id)
        destination = object_path(job.destination)
        work = Work(
            task_id=task.id,
            project_id=project_id,
            home_project=self._home_project,
            job=job,
            destination=destination,
            store=self._store,
            objects=self._objects,
            clock=self._clock,
            patience=patience,
            leases=leases,
            inputs=Inputs(self._objects),
            parts=Parts(self._objects, destination, task.id, patience),
            instances=self._instances,
            streak=Streak(),
            room=self._room,
        )
        return TaskRun(work, lambda: self._nudge(task.service_id))
