# Made by scripts/twin.py from aio/batch.py: change that one, then `make client`.

"""Batch services: jobs that read a model's input from objects, and end. Extensions of the API but for `create`."""

from collections.abc import Iterator

from modelyard.client.records import FailedRow, Json, Task, record, rows
from modelyard.client.session import Session

PAGE = 1000


class Batch:
    """The calls about batch services and their tasks. Everything else about them is as for any service."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, name: str, job: Json, **optional: object) -> str:
        """Create a batch service and begin its first task; its id. `job` is the one entry of its config."""
        body: Json = {"service_name": name, "infer_type": "batch", "config": [job], **optional}
        return str((self._session.call("POST", "/services", body=body))["service_id"])

    def tasks(self, service_id: str) -> tuple[Task, ...]:
        """Newest first."""
        answer = self._session.call("GET", f"/services/{service_id}/tasks")
        return tuple(record(row, Task) for row in rows(answer, "tasks"))

    def task(self, service_id: str, task_id: str) -> Task:
        return record(self._session.call("GET", f"/services/{service_id}/tasks/{task_id}"), Task)

    def failed_rows(self, service_id: str, task_id: str) -> Iterator[FailedRow]:
        """Every row that failed, in the order of the input, asked for page by page."""
        path, page = f"/services/{service_id}/tasks/{task_id}/failed-rows", 0
        while True:
            answer = self._session.call("GET", path, params={"limit": PAGE, "offset": page})
            found = rows(answer, "rows")
            for row in found:
                yield record(row, FailedRow)
            if len(found) < PAGE:
                return
            page += 1

    def retry_failed(self, service_id: str, task_id: str) -> None:
        """Try the rows that failed again, and no others."""
        self._session.call("POST", f"/services/{service_id}/tasks/{task_id}/retry-failed")
