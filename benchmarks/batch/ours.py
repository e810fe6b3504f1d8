"""The same job as a batch service of a whole Modelyard: package published, service created, its end awaited."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.batch.models import Kind, package, rule
from benchmarks.batch.peers import ONE_THREAD, Failed, Timed
from benchmarks.batch.watch import Cost, on, watching
from benchmarks.peers.processes import sweep
from examples.demo.stage import BUCKET, Stage

from modelyard.client import Client

LIMIT_S = 3600


@dataclass(frozen=True)
class Job:
    """What became of a job. `timed.seconds`: from its first lease to its end; `timed.start_s`: from the request
    that created the service until then."""

    timed: Timed
    whole_s: float
    costs: dict[str, Cost] = field(default_factory=dict)
    output: Path = Path()
    splits: int = 0


class Yard:
    """A server with the models of the benchmark, and a folder that jobs read from and write to."""

    def __init__(self, stage: Stage, client: Client) -> None:
        self._stage = stage
        self._client = client
        self._jobs = 0
        self._models: dict[str, str] = {}

    def model(self, kind: Kind, cache: Path) -> str:
        if kind.name not in self._models:
            location = self._stage.put_object(kind.name, package(kind, cache / "batch"))
            published = self._client.models.publish(kind.name, "1.0.0", location, kind.type)
            self._models[kind.name] = self._client.models.wait(published).model_id
        return self._models[kind.name]

    def run(self, kind: Kind, source: Path, workers: int, cache: Path, **more: Any) -> Job:
        """One job over a file, or over a folder of files. Raises Failed."""
        model_id = self.model(kind, cache)
        self._jobs += 1
        name = f"job{self._jobs}"
        home = self._stage.data_dir / "objects" / BUCKET / name
        (home / "in").mkdir(parents=True)
        for path in sorted(source.iterdir()) if source.is_dir() else [source]:
            (home / "in" / path.name).hardlink_to(path)
        config = {
            "model_id": model_id,
            "specification": "modelarts.vm.cpu.2u",
            "instance_count": workers,
            "envs": ONE_THREAD,
            "src_path": f"/{BUCKET}/{name}/in/",
            "dest_path": f"/{BUCKET}/{name}/out/",
            "req_uri": "/",
            "mapping_type": "csv",
            "mapping_rule": rule(kind),
            **more,
        }
        with watching() as watch:
            began_ms, began = time.time() * 1000, time.perf_counter()
            asked = {"service_name": name, "infer_type": "batch", "config": [config]}
            service_id = str(self._client.session.call("POST", "/services", body=asked)["service_id"])
            shown = self._ended(service_id)
            whole_s = time.perf_counter() - began
        (entry,) = shown["config"]
        seconds = (entry["finished_time"] - entry["start_time"]) / 1000
        task = self._client.session.call("GET", f"/services/{service_id}/tasks")["tasks"][0]
        results = home / "out" / "infer-result"
        rows = sum(int(task.get(name, 0)) for name in ("rows_done", "rows_failed"))
        splits = self._splits(str(task["task_id"]))
        self._client.services.delete(service_id)
        cpu_s = watch.cpu_between(entry["start_time"] / 1000, entry["finished_time"] / 1000)
        timed = Timed(rows, seconds, (entry["start_time"] - began_ms) / 1000, cpu_s=cpu_s)
        return Job(timed, whole_s, watch.costs(), results, splits)

    def _splits(self, task_id: str) -> int:
        """Of the task: a figure that only its ledger has."""
        with closing(sqlite3.connect(f"file:{self._stage.data_dir}/modelyard.db?mode=ro", uri=True)) as ledger:
            (count,) = ledger.execute("select splits from batch_tasks where id = ?", (task_id,)).fetchone()
        return int(count)

    def _ended(self, service_id: str) -> dict[str, Any]:
        """By the service's stream: to ask again and again would cost what is measured."""
        deadline = time.monotonic() + LIMIT_S
        for seen in self._client.services.watch(service_id):
            if seen.status == "finished":
                return dict(self._client.session.call("GET", f"/services/{service_id}"))
            if seen.status in ("failed", "stopped"):
                raise Failed(f"{seen.status}: {seen.error_msg}\n{self._stage.last_words()}")
            if time.monotonic() > deadline:
                raise Failed(f"not finished after {LIMIT_S} s: {seen.status}")
        raise Failed("the service was deleted")


@contextmanager
def yard(cores: tuple[int, ...]) -> Iterator[Yard]:
    """A server, all of which runs on these cores."""
    try:
        with Stage() as stage:
            with on(cores):
                stage.up()
            with stage.client() as client:
                yield Yard(stage, client)
    finally:
        sweep(5)
