"""Tasks of batch services as callers read them. Extensions of the contract."""

from collections.abc import Sequence

from modelyard.api.schemas import answers
from modelyard.domain.service import Service
from modelyard.operations.tasks import FailedRows, TaskView


def task(value: TaskView) -> answers.TaskShown:
    one, counts, pace = value.task, value.task.counts, value.pace
    return answers.TaskShown(
        task_id=one.id,
        number=one.number,
        state=one.state,
        planned=one.planned,
        rows=counts.rows,
        rows_done=counts.rows_done,
        rows_failed=counts.rows_failed,
        sources=counts.sources,
        sources_failed=counts.sources_failed,
        rows_per_second=round(pace.rows_per_s, 1) if one.at_work else None,
        seconds_left=round(pace.left_s) if pace.left_s is not None and one.at_work else None,
        waiting=one.waiting or None,
        error=one.error or None,
        retries=one.retries,
        revision=one.revision,
        manifest=value.manifest or None,
        created_at=one.created_ms,
        started_at=one.started_ms,
        finished_at=one.finished_ms,
    )


def tasks(service: Service, total: int, page: Sequence[TaskView]) -> answers.TaskPage:
    return answers.TaskPage(
        service_name=service.name,
        service_id=service.id,
        total_count=total,
        count=len(page),
        tasks=[task(one) for one in page],
    )


def failed_rows(value: FailedRows) -> answers.FailedRowPage:
    return answers.FailedRowPage(
        service_id=value.service.id,
        task_id=value.task.id,
        total_count=value.total,
        count=len(value.rows),
        rows=[answers.FailedRowShown(source=one.source, row=one.row, error=one.error) for one in value.rows],
    )
