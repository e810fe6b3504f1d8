"""What a change of a batch service would do, found by making it in a fair world, where every worker starts at
once. The decisions are the real ones (`core.batch.decide`), up to where the workers are there; nothing is said of
the input.

    a new service          begins a task
    another config         begins one, in place of the one that there is
    another count          the task goes on, with as many workers
    stopped                stops the task: what has its outcome keeps it
    started again          resumes it; after it finished, begins another
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from modelyard.core.batch.course import Fresh
from modelyard.core.batch.decide import decide
from modelyard.core.batch.situation import BatchSituation
from modelyard.core.rollout.dry_run import DryRun, told
from modelyard.core.rollout.simulation import MOST_WORK, FairWorld
from modelyard.domain.batch import Job, Task, TaskState
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision


class Does(StrEnum):
    """What the change does with the task. NOTHING: it stays as it is."""

    BEGINS = "begins"
    RESUMES = "resumes"
    CONTINUES = "continues"
    STOPS = "stops"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """`id`: of the task ("": a new one, or none). `supersedes`: the one whose place it takes ("": of none).
    `workers`: how many it has then. `job`: what it is about (None: there is no task)."""

    does: Does
    id: str = ""
    supersedes: str = ""
    workers: int = 0
    job: Job | None = None


NEW = "a new task"


def dry_run(
    before: ServiceRecord | None, then: tuple[ServiceRecord, Task | None], known: Task | None, now_ms: int
) -> tuple[DryRun, TaskPlan]:
    """What follows after a change from `before` (None: of a new service). `then`: the service after it, with its
    newest task; `known`: that task before it."""
    after, task = then
    world = FairWorld.of(None, after, now_ms)
    revisions = {**(before.revisions if before else {}), **after.revisions}
    tasks = (task,) if task is not None else ()
    work = 0
    while work < MOST_WORK:
        work += max(len(world.observations), 1)
        situation = _situation(world, revisions, tasks)
        decision = decide(situation, world.now_ms, Fresh(NEW, world.now_ms))
        changed = {one.id: one for one in decision.tasks}
        begun = (decision.begun,) if decision.begun is not None else ()
        tasks = (*begun, *(changed.get(one.id, one) for one in tasks))
        if not world.apply(decision.rows) and not decision:
            break
    finished = world.record.rollout is None
    workers = sum(1 for o in world.observations.values() if o.instance.template == after.variants[0].template.hash)
    return told(world, before, after, finished=finished), _plan(known, tasks, after, workers)


def _situation(world: FairWorld, revisions: Mapping[int, Revision], tasks: tuple[Task, ...]) -> BatchSituation:
    record = world.record
    return BatchSituation(
        record.service, revisions, record.rollout, tuple(world.observations.values()), tasks, world.now_ms
    )


def _plan(before: Task | None, tasks: tuple[Task, ...], after: ServiceRecord, workers: int) -> TaskPlan:
    task = tasks[0] if tasks else None
    job = after.variants[0].job
    if task is None:
        return TaskPlan(Does.NOTHING)
    if task.id == NEW:
        over = next((one.id for one in tasks[1:] if one.state is TaskState.SUPERSEDED), "")
        return TaskPlan(Does.BEGINS, supersedes=over, workers=workers, job=job)
    assert before is not None
    if task.at_work:
        return TaskPlan(Does.CONTINUES if before.at_work else Does.RESUMES, task.id, workers=workers, job=job)
    does = Does.STOPS if before.at_work else Does.NOTHING
    return TaskPlan(does, task.id, job=job)
