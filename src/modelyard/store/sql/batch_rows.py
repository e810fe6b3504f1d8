"""Rows of the ledger to domain values and back. Every field is written out, as in `convert`.

A location that may carry a secret (a presigned URL, a password before the host) is sealed, bound to its task and
number; others are in the clear, so that a million of them cost no sealing.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row

from modelyard.domain.batch import Counts, Source, Split, SplitState, Task, TaskState
from modelyard.store.sql.secrets import SecretBox

Values = dict[str, Any]
AnyRow = Row[Any]


def counts(row: AnyRow) -> Counts:
    return Counts(
        sources=row.sources,
        sources_failed=row.sources_failed,
        bytes=row.bytes,
        splits=row.splits,
        splits_done=row.splits_done,
        rows=row.rows,
        rows_done=row.rows_done,
        rows_failed=row.rows_failed,
    )


def task(row: AnyRow) -> Task:
    return Task(
        id=row.id,
        service_id=row.service_id,
        number=row.number,
        revision=row.revision,
        rollout=row.rollout,
        created_ms=row.created_ms,
        state=TaskState(row.state),
        started_ms=row.started_ms,
        finished_ms=row.finished_ms,
        planned=row.planned,
        cursor=row.cursor,
        error=row.error,
        waiting=row.waiting,
        retries=row.retries,
        counts=counts(row),
    )


def task_row(value: Task) -> Values:
    return {
        "id": value.id,
        "service_id": value.service_id,
        "number": value.number,
        "planned": value.planned,
        "cursor": value.cursor,
        "started_ms": value.started_ms,
        "retries": value.retries,
        **saved_task_row(value),
        **asdict(value.counts),
    }


def saved_task_row(value: Task) -> Values:
    """What `save_task` changes."""
    return {
        "revision": value.revision,
        "rollout": value.rollout,
        "created_ms": value.created_ms,
        "state": value.state.value,
        "finished_ms": value.finished_ms,
        "error": value.error,
        "waiting": value.waiting,
    }


def source(row: AnyRow, box: SecretBox) -> Source:
    sealed = row.sealed_location
    return Source(
        number=row.number,
        location=row.location if sealed is None else box.open(_owner(row.task_id, row.number), sealed),
        bucket=row.bucket,
        key=row.key,
        size=row.size,
        version=row.version,
        result=row.result,
        error=row.error,
        result_version=row.result_version,
    )


def source_row(task_id: str, value: Source, box: SecretBox) -> Values:
    secret = may_be_secret(value.location)
    owner = _owner(task_id, value.number)
    return {
        "task_id": task_id,
        "number": value.number,
        "location": "" if secret else value.location,
        "sealed_location": box.seal(owner, value.location) if secret else None,
        "bucket": value.bucket,
        "key": value.key,
        "size": value.size,
        "version": value.version,
        "result": value.result,
        "error": value.error,
        "result_version": value.result_version,
    }


def may_be_secret(location: str) -> bool:
    """A query may sign it; what stands before an @ may be a password."""
    return "?" in location or "@" in location


def _owner(task_id: str, number: int) -> str:
    return f"source {number} of {task_id}"


def split(row: AnyRow) -> Split:
    return Split(
        source=row.source,
        start=row.start,
        end=row.end,
        first_row=row.first_row,
        rows=row.rows,
        state=SplitState(row.state),
        attempt=row.attempt,
        deaths=row.deaths,
        worker=row.worker,
        failed=row.failed,
        part=row.part,
        part_bytes=row.part_bytes,
        part_size=row.part_size,
        retry=row.retry,
        content=row.content or b"",
    )


def split_row(task_id: str, value: Split) -> Values:
    return {
        "task_id": task_id,
        "source": value.source,
        "start": value.start,
        "end": value.end,
        "first_row": value.first_row,
        "rows": value.rows,
        "state": value.state.value,
        "attempt": value.attempt,
        "deaths": value.deaths,
        "worker": value.worker,
        "failed": value.failed,
        "part": value.part,
        "part_bytes": value.part_bytes,
        "part_size": value.part_size,
        "retry": value.retry,
        "content": value.content or None,
    }
