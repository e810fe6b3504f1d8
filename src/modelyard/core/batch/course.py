"""What becomes of a service's newest task when its user speaks. Pure.

A task belongs to the rollout that began or last resumed it; a rollout that has none yet does one of these:

    newest task            the config asks for the same    … for something else
    none                   a new task                      a new task
    active, assembling     it goes on                      it is superseded by a new one
    stopped, failed        it goes on where it was         it is superseded by a new one
    finished               a new task, when started; an    a new task
                           update has nothing to do

The same: an equal job and an equal template, so that every row would be answered as it was. Whoever changes only
the number of instances, or a time limit, scales the task that there is.

Without a rollout: a stop stops the task, and what has its outcome keeps it; with the service goes the task.
"""

from dataclasses import dataclass, replace

from modelyard.core.batch.situation import BatchSituation
from modelyard.domain.batch import Task, TaskState
from modelyard.domain.service import Desired, Rollout, RolloutKind


@dataclass(frozen=True, slots=True)
class Fresh:
    """What a task that begins now gets: its id, and the time on the wall clock."""

    id: str
    wall_ms: int


def course(situation: BatchSituation, fresh: Fresh) -> BatchSituation:
    """The situation with its tasks as they should be."""
    task = situation.task
    match situation.service.desired:
        case Desired.DELETED:
            return _superseded(situation)
        case Desired.STOPPED:
            return _with(situation, replace(task, state=TaskState.STOPPED)) if task and task.at_work else situation
        case Desired.RUNNING:
            return _running(situation, fresh)


def _running(situation: BatchSituation, fresh: Fresh) -> BatchSituation:
    task, rollout = situation.task, situation.active
    if task is None:
        return _begun(situation, fresh) if situation.wanted else situation
    if rollout is None or task.rollout == rollout.id:
        return situation
    if not same(situation, task):
        return _begun(_superseded(situation), fresh)
    if task.state is TaskState.FINISHED and rollout.kind is not RolloutKind.UPDATE:
        return _begun(situation, fresh)
    return _with(situation, _taken_over(task, situation.service.revision, rollout))


def same(situation: BatchSituation, task: Task) -> bool:
    """Whether the present config asks for what the task does."""
    made_for, now = situation.of(task), situation.variant
    return made_for is not None and (made_for.job, made_for.template.hash) == (now.job, now.template.hash)


def resumed(task: Task) -> Task:
    """A task at rest, at work again."""
    return replace(task, state=TaskState.ACTIVE, error="", waiting="", finished_ms=None)


def _taken_over(task: Task, revision: int, rollout: Rollout) -> Task:
    owned = replace(task, revision=revision, rollout=rollout.id)
    return owned if task.at_work or task.state is TaskState.FINISHED else resumed(owned)


def _begun(situation: BatchSituation, fresh: Fresh) -> BatchSituation:
    service, rollout = situation.service, situation.active
    task = Task(
        id=fresh.id,
        service_id=service.id,
        number=1 + (situation.task.number if situation.task else 0),
        revision=service.revision,
        rollout=rollout.id if rollout else "",
        created_ms=fresh.wall_ms,
    )
    return replace(situation, tasks=(task, *situation.tasks))


def _superseded(situation: BatchSituation) -> BatchSituation:
    """With the newest task over for good. It has no `finished_ms` until nothing is left of it to remove."""
    task = situation.task
    if task is None or task.state in {TaskState.FINISHED, TaskState.SUPERSEDED}:
        return situation
    return _with(situation, replace(task, state=TaskState.SUPERSEDED, waiting="", finished_ms=None))


def _with(situation: BatchSituation, task: Task) -> BatchSituation:
    """The situation with this as its newest task."""
    return replace(situation, tasks=(task, *situation.tasks[1:]))
