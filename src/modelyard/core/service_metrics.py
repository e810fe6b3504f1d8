"""What is stored of a service and of a project, as samples of the page of metrics. Pure."""

from collections import Counter as Tally
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum

from modelyard.core.admission import totals
from modelyard.core.admission.catalog import UNBOUNDED, Quotas
from modelyard.core.admission.totals import PARTS, Total
from modelyard.core.metric_catalogue import (
    FAILED,
    INSTANCES,
    INVOCATIONS,
    QUOTA_LIMIT,
    QUOTA_USED,
    REVISION,
    ROLLOUT_AGE,
    ROLLOUT_STATE,
    STATUS,
    TASK_AT_WORK,
    TASK_ROWS,
    TASK_STATE,
    Family,
)
from modelyard.core.tallies import Sample
from modelyard.domain.batch import Task, TaskState
from modelyard.domain.instance import Phase
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import Counter, InferType, Rollout, RolloutState, ServiceStatus


def samples(
    record: ServiceRecord, counter: Counter, task: Task | None, rollout: Rollout | None, now_ms: int
) -> Iterator[Sample]:
    """`task`, `rollout`: its newest. `now_ms`: of the wall clock."""
    service = record.service
    phases = Tally(instance.phase for instance in record.instances)
    yield from (Sample(INSTANCES, phases[one], (one.value,)) for one in Phase if one is not Phase.GONE)
    if service.infer_type is not InferType.BATCH:
        yield Sample(INVOCATIONS, counter.totals.total)
        yield Sample(FAILED, counter.totals.failed)
    yield from _one_of(STATUS, ServiceStatus, service.status)
    yield Sample(REVISION, service.revision)
    if rollout is not None:
        yield from _one_of(ROLLOUT_STATE, RolloutState, rollout.state)
        if rollout.active:
            yield Sample(ROLLOUT_AGE, max(now_ms - rollout.started_ms, 0) / 1000)
    if task is not None:
        yield from _of_task(task)


def quotas(
    records: Sequence[ServiceRecord], project_id: str, bounds: Quotas, instance_disk_mib: int
) -> Iterator[Sample]:
    """Of one project: what its services may have, and have. `records`: of all projects."""
    mine = [one for one in records if one.service.project_id == project_id]
    taken = Total()
    for one in mine:
        taken += totals.taken(one, instance_disk_mib)
    batch = sum(one.service.infer_type is InferType.BATCH for one in mine)
    used = {"real_time_services": len(mine) - batch, "batch_services": batch}
    for name, part, _ in PARTS:
        used[name] = getattr(taken, part)
    for name, value in used.items():
        yield Sample(QUOTA_USED, value, (name,))
        if (most := getattr(bounds, name)) < UNBOUNDED:
            yield Sample(QUOTA_LIMIT, most, (name,))


def _of_task(task: Task) -> Iterator[Sample]:
    counts = task.counts
    left = max(counts.rows - counts.rows_done - counts.rows_failed, 0)
    outcomes = {"successful": counts.rows_done, "failed": counts.rows_failed, "none yet": left}
    yield from (Sample(TASK_ROWS, rows, (outcome,)) for outcome, rows in outcomes.items())
    yield Sample(TASK_AT_WORK, int(task.at_work))
    yield from _one_of(TASK_STATE, TaskState, task.state)


def _one_of(family: Family, words: Iterable[StrEnum], present: StrEnum) -> Iterator[Sample]:
    yield from (Sample(family, int(word is present), (word.value,)) for word in words)
