"""One look at a batch service, and everything that follows from it, as a value.

    see what happened → the task's course → conclude the rollout → start and end workers → status

The same situation always leads to the same decision. The situation that a decision leads to gives an empty
decision, unless something else happened (quiescence, which the Hypothesis machine verifies). A service has at most
one task at work: its newest.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from modelyard.core.batch import events
from modelyard.core.batch.course import Fresh, course
from modelyard.core.batch.situation import BatchSituation
from modelyard.core.batch.status import status
from modelyard.core.batch.workers import WorkerPlan, plan, unable
from modelyard.core.rollout import transitions
from modelyard.core.rollout.decide import TOLD, UNKNOWN_GRACE_S, Decision, Notes, Stop
from modelyard.core.rollout.situation import InstanceObservation
from modelyard.core.rollout.steps import Start
from modelyard.domain.batch import Job, Task, TaskState
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.process import ProcessState
from modelyard.domain.service import Desired, RolloutState

T = TypeVar("T")
END_GRACE_S = 2
"""For workers whose task has ended: nothing inside them is of use any more."""
KEEP_EXITED = 8
"""As many failures as it takes to reach the longest back-off."""
KEEP_EXITED_MS = 600_000


@dataclass(frozen=True, slots=True)
class Work:
    """The task that is to be at work, and who works: (id, address) of each ready worker."""

    task: Task
    job: Job
    workers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BatchDecision:
    """What to record, then what to do, beside what `rows` says of the service and its instances.

    `begun`: a task to add. `tasks`: others that changed. `halts`: tasks of which nothing may be at work; first of
    all. `work`: what the runner is to do, at last. `discards`: tasks that are over and have left something.
    """

    rows: Decision
    begun: Task | None = None
    tasks: tuple[Task, ...] = ()
    halts: tuple[str, ...] = ()
    work: Work | None = None
    discards: tuple[Task, ...] = ()

    def __bool__(self) -> bool:
        """Whether it writes anything about tasks."""
        return bool(self.begun or self.tasks)


def decide(situation: BatchSituation, now_ms: int, fresh: Fresh) -> BatchDecision:
    """See the module. `now_ms` is on the steady clock, what people are shown on the wall clock (`fresh`)."""
    before, situation = situation, _not_ahead(situation, now_ms)
    over = tuple(o for o in situation.observations if transitions.is_over(o))
    situation = _without(situation, over)
    situation = replace(situation, observations=tuple(transitions.seen(o, now_ms) for o in situation.observations))
    situation = course(situation, fresh)
    situation, explain = _conclude(situation, now_ms, fresh.wall_ms)
    stale = tuple(_outlived(situation, now_ms))
    situation = _without(situation, stale)
    workers = plan(situation, now_ms)
    situation = _ended(situation, workers, now_ms)
    situation = _project(situation, fresh.wall_ms)
    rows = Decision(
        service=_changed(situation.service, before.service),
        rollout=_changed(situation.rollout, before.rollout),
        instances=tuple(_moved(before, situation)),
        starts=(Start(situation.variant.track, situation.variant.template.hash),) * workers.starts,
        resume=tuple(
            o.id for o in situation.observations if o.phase is Phase.STARTING and o.state is ProcessState.ABSENT
        ),
        stops=tuple(_stops(situation)),
        forget=tuple(o.id for o in (*over, *stale)),
        events=tuple(events.events(before, situation, workers, fresh.wall_ms)),
        route=None,
        explain=explain,
        delete_service=_is_gone(situation),
        again_ms=_earliest(workers.again_ms, _cleanup_ms(situation), _lost_ms(situation)),
    )
    known = {task.id: task for task in before.tasks}
    return BatchDecision(
        rows=rows,
        begun=next((t for t in situation.tasks if t.id not in known), None),
        tasks=tuple(t for t in situation.tasks if t.id in known and t != known[t.id]),
        halts=tuple(t.id for t in situation.tasks if t != situation.task or not t.at_work),
        work=_work(situation),
        discards=tuple(left(situation.tasks)),
    )


def noted(situation: BatchSituation, now_ms: int, wall_ms: int) -> Notes:
    """The part of a decision that only takes note of who became ready or ended."""
    before, situation = situation, _not_ahead(situation, now_ms)
    observations = tuple(transitions.seen(o, now_ms) for o in situation.observations if not transitions.is_over(o))
    situation = replace(situation, observations=observations)
    return Notes(
        service=None,
        instances=tuple(_moved(before, situation)),
        events=tuple(events.events(before, situation, WorkerPlan(), wall_ms)),
    )


def _not_ahead(situation: BatchSituation, now_ms: int) -> BatchSituation:
    """Times in the future become now: they are from a clock that ran ahead, and would only lengthen every wait."""
    observations = tuple(
        replace(o, instance=replace(o.instance, phase_ms=now_ms)) if o.instance.phase_ms > now_ms else o
        for o in situation.observations
    )
    return replace(situation, observations=observations, began_ms=min(situation.began, now_ms))


def _without(situation: BatchSituation, some: Sequence[InstanceObservation]) -> BatchSituation:
    return replace(situation, observations=tuple(o for o in situation.observations if o not in some))


def _conclude(situation: BatchSituation, now_ms: int, wall_ms: int) -> tuple[BatchSituation, str | None]:
    """The rollout is over when its task works or has ended; the service has failed when the task did. Also the
    instance whose log explains it."""
    task, rollout = situation.task, situation.active
    if task is None or not situation.wanted:
        return situation, None
    explain = None
    if (why := unable(situation, now_ms)) is not None:
        task = replace(task, state=TaskState.FAILED, error=why.cause, waiting="", finished_ms=wall_ms)
        situation, explain = replace(situation, tasks=(task, *situation.tasks[1:])), why.instance_id
    service = situation.service
    if task.state is TaskState.FAILED:
        ended = rollout and replace(rollout, state=RolloutState.FAIL, cause=task.error, ended_ms=wall_ms)
        service = replace(service, failed=True, error=task.error)
        return replace(situation, service=service, rollout=ended or situation.rollout), explain
    if rollout is None or not (situation.ready or situation.count == 0):
        return situation, None
    ended = replace(rollout, state=RolloutState.SUCCESS, switched=True, ended_ms=wall_ms)
    service = replace(service, stable=service.revision, failed=False, error="")
    return replace(situation, service=service, rollout=ended), None


def _ended(situation: BatchSituation, workers: WorkerPlan, now_ms: int) -> BatchSituation:
    ids = {end.instance_id for end in workers.ends}

    def move(observation: InstanceObservation) -> InstanceObservation:
        if observation.id not in ids:
            return observation
        return replace(observation, instance=observation.instance.become(Phase.STOPPING, now_ms))

    return replace(situation, observations=tuple(move(o) for o in situation.observations))


def _stops(situation: BatchSituation) -> Iterator[Stop]:
    for observation in situation.observations:
        if observation.phase is Phase.STOPPING and observation.state not in TOLD:
            yield Stop(observation.id, _grace_s(situation, observation))


def _grace_s(situation: BatchSituation, observation: InstanceObservation) -> int:
    if observation.process.frozen:
        return 0
    variant = situation.variant_of(observation)
    grace_s = variant.termination_grace_s if variant else UNKNOWN_GRACE_S
    over = situation.service.desired is Desired.RUNNING and not situation.count
    return min(grace_s, END_GRACE_S) if over else grace_s


def _outlived(situation: BatchSituation, now_ms: int) -> Iterator[InstanceObservation]:
    """Ended workers that are no longer needed for a cause or a back-off."""
    exited = sorted(
        (o for o in situation.observations if o.phase is Phase.EXITED), key=lambda o: (-o.instance.phase_ms, o.id)
    )
    for index, observation in enumerate(exited):
        old = now_ms >= observation.instance.phase_ms + KEEP_EXITED_MS
        if old or index >= KEEP_EXITED or not situation.count:
            yield observation


def _cleanup_ms(situation: BatchSituation) -> int | None:
    ended = (o for o in situation.observations if o.phase is Phase.EXITED)
    return min((o.instance.phase_ms + KEEP_EXITED_MS for o in ended), default=None)


def _lost_ms(situation: BatchSituation) -> int | None:
    """When the next one that nobody can see counts as lost."""
    return min((o.lost_ms for o in situation.observations if o.lost_ms is not None and not o.lost), default=None)


def _project(situation: BatchSituation, wall_ms: int) -> BatchSituation:
    service = situation.service
    now = status(situation)
    if now is service.status:
        return situation
    return replace(situation, service=replace(service, status=now, transition_ms=wall_ms))


def _work(situation: BatchSituation) -> Work | None:
    task = situation.task
    if task is None or not task.at_work or not situation.wanted:
        return None
    job = situation.job(task)
    if job is None:
        return None
    workers = ((o.id, o.process.address) for o in situation.ready if o.process.address)
    return Work(task, job, tuple(sorted(workers)))


def left(tasks: Sequence[Task]) -> Iterator[Task]:
    """Those that are over for good and of which something may be left."""
    return (t for t in tasks if t.state is TaskState.SUPERSEDED and t.finished_ms is None)


def _is_gone(situation: BatchSituation) -> bool:
    return (
        situation.service.desired is Desired.DELETED and not situation.holding and not any(left(situation.tasks))
    )


def _moved(before: BatchSituation, after: BatchSituation) -> Iterator[Instance]:
    known = {o.id: o.instance for o in before.observations}
    for observation in after.observations:
        if known.get(observation.id) != observation.instance:
            yield observation.instance


def _earliest(*moments: int | None) -> int | None:
    return min((t for t in moments if t is not None), default=None)


def _changed(new: T, old: T) -> T | None:
    return None if new == old else new
