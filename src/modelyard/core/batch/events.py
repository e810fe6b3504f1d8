"""The events of one decision about a batch service, in the vendor's words where it has some (contract §2)."""

from collections.abc import Iterator

from modelyard.core.batch.situation import BatchSituation
from modelyard.core.batch.workers import End, WorkerPlan
from modelyard.core.rollout.situation import InstanceObservation
from modelyard.domain.batch import Counts, Task, TaskState
from modelyard.domain.instance import Phase
from modelyard.domain.revision import Variant
from modelyard.domain.service import Desired, Event, EventType, RolloutKind, RolloutState, ServiceStatus

Text = tuple[EventType, str]


def events(before: BatchSituation, after: BatchSituation, plan: WorkerPlan, wall_ms: int) -> Iterator[Event]:
    """What changed from `before` to `after`, oldest first."""
    for kind, info in _texts(before, after, plan):
        yield Event(after.service.id, kind, info, wall_ms)


def _texts(before: BatchSituation, after: BatchSituation, plan: WorkerPlan) -> Iterator[Text]:
    yield from _tasks(before, after)
    known = {o.id: o.phase for o in before.observations}
    ends = {end.instance_id: end for end in plan.ends}
    for observation in after.observations:
        if known.get(observation.id) is not observation.phase:
            yield from _worker(_name(after.variant_of(observation)), observation, ends.get(observation.id))
    for _ in range(plan.starts):
        yield EventType.NORMAL, f"{_name(after.variant)} schedule resource success"
        yield EventType.NORMAL, f"{_name(after.variant)} starting model"
    yield from _rollout(before, after)
    yield from _end(before, after)
    if before.service.status is not after.service.status:
        yield from _status(after.service.status)


def _worker(name: str, observation: InstanceObservation, end: End | None) -> Iterator[Text]:
    who = f"{name} worker {observation.id}"
    match observation.phase:
        case Phase.READY:
            yield EventType.NORMAL, f"{who} is ready"
        case Phase.EXITED:
            yield EventType.ABNORMAL, f"{who} ended: {observation.instance.exit}"
        case Phase.STARTING:
            yield EventType.ABNORMAL, f"{who} does not pass its health check"
        case Phase.STOPPING if end is not None and end.why:
            yield EventType.ABNORMAL if end.wrong else EventType.NORMAL, f"{who} {end.why}"


def _tasks(before: BatchSituation, after: BatchSituation) -> Iterator[Text]:
    known = {task.id: task for task in before.tasks}
    for task in sorted(after.tasks, key=lambda t: t.number):
        old = known.get(task.id)
        if old is None:
            yield EventType.NORMAL, f"task {task.number} began"
        elif old.state is not task.state:
            yield from _turn(task)
        elif task.revision != old.revision and task.at_work:
            count = after.variant.instance_count
            yield (
                EventType.NORMAL,
                f"task {task.number} goes on with {count} {'worker' if count == 1 else 'workers'}",
            )


def _turn(task: Task) -> Iterator[Text]:
    match task.state:
        case TaskState.STOPPED:
            yield EventType.NORMAL, f"task {task.number} stopped: {outcome(task.counts)}"
        case TaskState.SUPERSEDED:
            yield EventType.NORMAL, f"task {task.number} ended: it will not go on"
        case TaskState.ACTIVE:
            yield EventType.NORMAL, f"task {task.number} goes on: {outcome(task.counts)}"


def _end(before: BatchSituation, after: BatchSituation) -> Iterator[Text]:
    """How the newest task ended, told when the service takes note of it."""
    task = after.task
    if task is None or after.service.desired is not Desired.RUNNING:
        return
    if after.service.failed and not before.service.failed:
        yield EventType.ABNORMAL, f"task {task.number} failed: {outcome(task.counts)}. Cause: {task.error}"
    finished = ServiceStatus.FINISHED
    if after.service.status is finished and before.service.status is not finished:
        yield EventType.NORMAL, f"task {task.number} finished: {outcome(task.counts)}"


def outcome(counts: Counts) -> str:
    """ "90 rows SUCCESSFUL, 10 FAILED, 1 file could not be read"."""
    text = f"{counts.rows_done} rows SUCCESSFUL, {counts.rows_failed} FAILED"
    if not counts.sources_failed:
        return text
    return f"{text}, {counts.sources_failed} {'file' if counts.sources_failed == 1 else 'files'} could not be read"


def _rollout(before: BatchSituation, after: BatchSituation) -> Iterator[Text]:
    old, new = before.rollout, after.rollout
    if new is None or new == old or after.service.desired is not Desired.RUNNING:
        return
    match new.state:
        case RolloutState.SUCCESS:
            yield EventType.NORMAL, "service updated" if new.kind is RolloutKind.UPDATE else "service started"
        case RolloutState.FAIL:
            yield EventType.ABNORMAL, f"service failed to start. Cause: {new.cause}"
        case _:
            return


def _status(status: ServiceStatus) -> Iterator[Text]:
    match status:
        case ServiceStatus.STOPPED:
            yield EventType.NORMAL, "service stopped"
        case ServiceStatus.CONCERNING:
            yield EventType.ABNORMAL, "service is concerning: fewer workers are ready than asked for"
        case ServiceStatus.PENDING:
            yield EventType.ABNORMAL, "insufficient resources: the service waits for room"
        case _:
            return


def _name(variant: Variant | None) -> str:
    return f"[{variant.model_name} {variant.model_version}]" if variant else "[unknown]"
