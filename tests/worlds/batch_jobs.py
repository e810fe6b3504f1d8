"""Batch services of a whole server, as its users have them: input put into the object store, results read there.

jobs = Jobs(stage, yard)
jobs.put("in/a.csv", "1\n2\n")
job = jobs.run(model_id, "in/")              # until it is finished; a failed one raises
job.lines("a.csv"), job.manifest(), job.names()
"""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from examples.demo.stage import Stage

from modelyard.client import Client

BUCKET = "work"
LIMIT_S = 90
AT_REST = frozenset({"finished", "failed", "stopped"})


def fields(**properties: Any) -> dict[str, Any]:
    """A schema of an object."""
    return {"type": "object", "properties": properties}


def leaf(kind: str, index: int) -> dict[str, Any]:
    return {"type": kind, "index": index}


def rows_of(**properties: Any) -> dict[str, Any]:
    """The usual schema: `data.req_data[0]`."""
    return fields(data=fields(req_data={"type": "array", "items": [fields(**properties)]}))


def config(schema: dict[str, Any] | None = None, content: str = "application/json") -> dict[str, Any]:
    """Of a package whose model is a script."""
    request = {"Content-type": content, "data": schema or {"type": "object"}}
    return {
        "model_type": "Custom",
        "model_algorithm": "test",
        "apis": [{"url": "/", "method": "post", "request": request}],
    }


class JobFailedError(Exception):
    """It ended, but not as finished."""


@dataclass
class Job:
    """One batch service, and where its results are."""

    yard: Client
    service_id: str
    output: Path
    shown: dict[str, Any] = field(default_factory=dict)

    def show(self) -> dict[str, Any]:
        self.shown = self.yard.session.call("GET", f"/services/{self.service_id}")
        return self.shown

    @property
    def entry(self) -> dict[str, Any]:
        (entry,) = self.shown["config"]
        return dict(entry)

    def rest(self, *states: str) -> "Job":
        """Wait until it is `finished`, or what else is named."""
        wanted = states or ("finished",)
        deadline = time.monotonic() + LIMIT_S
        while self.show()["status"] not in AT_REST | set(wanted):
            if time.monotonic() > deadline:
                raise TimeoutError(f"after {LIMIT_S} s: {self.shown}, {self.task()}")
            time.sleep(0.03)
        if self.shown["status"] not in wanted:
            raise JobFailedError(f"{self.shown['status']}: {self.shown.get('error_msg', '')}; {self.task()}")
        return self

    def until(self, holds: Any, what: str) -> dict[str, Any]:
        """The task once it is so."""
        deadline = time.monotonic() + LIMIT_S
        while not holds(task := self.task()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: {task}, {self.show()}")
            time.sleep(0.02)
        return task

    def tasks(self) -> list[dict[str, Any]]:
        """Newest first."""
        return list(self.yard.session.call("GET", f"/services/{self.service_id}/tasks")["tasks"])

    def task(self) -> dict[str, Any]:
        return next(iter(self.tasks()), {})

    def failed_rows(self) -> list[tuple[str, int, str]]:
        path = f"/services/{self.service_id}/tasks/{self.task()['task_id']}/failed-rows"
        rows = self.yard.session.call("GET", path)["rows"]
        return [(row["source"], row["row"], row["error"]) for row in rows]

    def retry_failed(self) -> None:
        task_id = self.task()["task_id"]
        self.yard.session.call("POST", f"/services/{self.service_id}/tasks/{task_id}/retry-failed")

    def put(self, **changes: Any) -> dict[str, Any]:
        return dict(self.yard.session.call("PUT", f"/services/{self.service_id}", body=changes))

    def events(self) -> str:
        return "\n".join(event.event_info for event in reversed(self.yard.services.events(self.service_id)))

    def raw(self, file: str) -> bytes:
        """The content of a result file."""
        return (self.output / "infer-result" / f"{file}_result.txt").read_bytes()

    def lines(self, file: str) -> list[Any]:
        content = self.raw(file)
        assert not content or content.endswith(b"\n")
        return [json.loads(line) for line in content.splitlines()]

    def manifest(self) -> list[dict[str, Any]]:
        content = (self.output / f"infer-result-{self.task()['task_id']}.manifest").read_bytes()
        return [json.loads(line) for line in content.splitlines()]

    def names(self) -> list[str]:
        """Every file below the destination, with TASK for the id of the task."""
        task_id = self.task().get("task_id", "-")
        found = (str(path.relative_to(self.output)) for path in self.output.rglob("*") if path.is_file())
        return sorted(name.replace(task_id, "TASK") for name in found)


class Jobs:
    """`prefix`: of the names of services and of their destinations."""

    def __init__(self, stage: Stage, yard: Client, prefix: str = "") -> None:
        self.stage = stage
        self.yard = yard
        self._prefix = prefix
        self._count = 0

    @property
    def root(self) -> Path:
        return self.stage.data_dir / "objects" / BUCKET

    def put(self, name: str, content: str | bytes) -> str:
        """The path of the object."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return f"/{BUCKET}/{name}"

    def asked(self, model_id: str, source: str, rule: object = None, **more: Any) -> dict[str, Any]:
        """The entry of a config: `csv`, unless it has no rule."""
        kind = {"mapping_type": "csv", "mapping_rule": rule} if rule is not None else {"mapping_type": "file"}
        return {
            "model_id": model_id,
            "specification": "modelarts.vm.cpu.2u",
            "instance_count": 1,
            "src_path": source if "://" in source or source.startswith("/") else f"/{BUCKET}/{source}",
            "req_uri": "/",
            **kind,
            **more,
        }

    def create(self, model_id: str, source: str, rule: object = None, **more: Any) -> Job:
        self._count += 1
        output = f"{self._prefix}out{self._count}"
        asked = self.asked(model_id, source, rule, **{"dest_path": f"/{BUCKET}/{output}/", **more})
        body = {"service_name": f"{self._prefix}job{self._count}", "infer_type": "batch", "config": [asked]}
        made = self.yard.session.call("POST", "/services", body=body)
        return Job(self.yard, str(made["service_id"]), self.root / output)

    def run(self, model_id: str, source: str, rule: object = None, **more: Any) -> Job:
        return self.create(model_id, source, rule, **more).rest()
