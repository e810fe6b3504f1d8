"""Batch services on a whole server: real workers, real files, stopped, changed, killed in the middle."""

import csv
import json
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.demo.stage import BUCKET, Stage, modelyard, until
from tests.worlds import server

from modelyard.client import Client, Service
from modelyard.client.waiting import Patience

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")

ROWS = 400
SCRIPT = """
import os, time
from model_service import BadRequest
from model_service.model_service import SingleNodeService


class Doubling(SingleNodeService):
    def _inference(self, data):
        if data["n"] == 13 and os.environ.get("POISON"):
            os._exit(9)
        if data["n"] == 7 and os.environ.get("REFUSE"):
            raise BadRequest("seven is refused")
        time.sleep(float(os.environ.get("PAUSE_S", "0")))
        return {"n": data["n"], "double": 2 * data["n"]}
"""
CONFIG = {
    "model_type": "Custom",
    "model_algorithm": "doubling",
    "runtime": "python3.11",
    "apis": [
        {
            "url": "/",
            "method": "post",
            "request": {
                "Content-type": "application/json",
                "data": {"type": "object", "properties": {"n": {"type": "integer"}}},
            },
            "response": {"Content-type": "application/json", "data": {"type": "object"}},
        }
    ],
}
RULE = {"type": "object", "properties": {"n": {"type": "integer", "index": 0}}}
PAUSE_S = "0.02"


@pytest.fixture(scope="module")
def model_id(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    package = server.script_package(tmp_path_factory.mktemp("doubling"), SCRIPT, CONFIG)
    return server.published(stage, yard, "doubling", package)


class Jobs:
    """Batch services over one input each, below their own folder of the bucket."""

    def __init__(self, stage: Stage, yard: Client, model_id: str, name: str) -> None:
        self.stage, self.yard, self.name = stage, yard, name
        self.home = stage.data_dir / "objects" / BUCKET / name
        self.model_id = model_id
        self.service_id = ""

    def write(self, rows: int = ROWS) -> None:
        (self.home / "in").mkdir(parents=True, exist_ok=True)
        with (self.home / "in" / "numbers.csv").open("w", newline="") as file:
            csv.writer(file).writerows([n] for n in range(rows))

    def entry(self, out: str = "out", count: int = 1, **envs: str) -> dict[str, Any]:
        return {
            "model_id": self.model_id,
            "specification": "modelarts.vm.cpu.2u",
            "instance_count": count,
            "src_path": f"obs://{BUCKET}/{self.name}/in/",
            "dest_path": f"obs://{BUCKET}/{self.name}/{out}/",
            "req_uri": "/",
            "mapping_type": "csv",
            "mapping_rule": RULE,
            "envs": envs,
        }

    def create(self, **more: Any) -> None:
        self.service_id = self.yard.batch.create(self.name, self.entry(**more))

    @property
    def now(self) -> Service:
        return self.yard.services.get(self.service_id)

    def until(self, holds: Callable[[Service], bool], what: str, limit_s: float = 120) -> None:
        until(lambda: holds(self.now), limit_s, f"{what}: {self.now.raw}\n{self.stage.last_words()}")

    def some_done(self) -> None:
        self.until(lambda s: s.batch is not None and s.batch.rows_done > 0, "rows with an outcome")

    def finished(self) -> Service:
        return self.yard.services.wait_ended(self.service_id, patience=Patience(200))

    def lines(self, out: str = "out") -> list[Any]:
        (result,) = (self.home / out / "infer-result").rglob("*_result.txt")
        return [json.loads(line) for line in result.read_text().splitlines()]

    def holds_all(self, out: str = "out", rows: int = ROWS) -> None:
        """Each row once, in the order of the input, and nothing else is left."""
        assert self.lines(out) == [{"n": n, "double": 2 * n} for n in range(rows)]
        left = sorted(path.name for path in (self.home / out).iterdir())
        task = self.now.batch
        assert task is not None
        assert left == ["infer-result", f"infer-result-{task.task_id}.manifest"]


@pytest.fixture
def jobs(stage: Stage, yard: Client, model_id: str, request: pytest.FixtureRequest) -> Iterator[Jobs]:
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
    made = Jobs(stage, yard, model_id, name[:60])
    made.write()
    yield made
    if made.service_id:
        yard.services.delete(made.service_id)
        yard.services.wait_gone(made.service_id)


def test_a_job_runs_and_finishes(jobs: Jobs, yard: Client) -> None:
    jobs.create(count=2)
    seen = []
    for service in yard.services.watch(jobs.service_id):
        seen.append(service.status)
        if service.status in {"finished", "failed"}:
            break
    assert (seen[0], seen[-1]) == ("deploying", "finished"), jobs.now.raw
    jobs.holds_all()
    shown = jobs.now
    assert shown.progress == 100
    assert shown.raw["config"][0]["finished_time"] >= shown.raw["config"][0]["start_time"]
    until(lambda: not any(i for i in jobs.stage.instances()), 20, "the workers to end")
    assert [update.result for update in yard.services.updates(jobs.service_id)] == ["SUCCESS"]


def test_a_stop_in_the_middle_keeps_what_is_done(jobs: Jobs, yard: Client) -> None:
    jobs.create(PAUSE_S=PAUSE_S)
    jobs.some_done()
    yard.services.stop(jobs.service_id)
    stopped = yard.services.settled(jobs.service_id)
    assert stopped.status == "stopped"
    assert stopped.batch is not None
    assert (stopped.batch.state, 0 < stopped.batch.rows_done < ROWS) == ("stopped", True)
    yard.services.start(jobs.service_id)
    ended = jobs.finished()
    assert ended.batch is not None
    assert (ended.batch.task_id, ended.batch.rows_done) == (stopped.batch.task_id, ROWS)
    jobs.holds_all()


def test_another_config_in_the_middle_begins_anew(jobs: Jobs, yard: Client) -> None:
    jobs.create(PAUSE_S=PAUSE_S)
    jobs.some_done()
    first = jobs.now.batch
    yard.services.put(jobs.service_id, config=[jobs.entry("elsewhere")])
    ended = jobs.finished()
    assert ended.batch is not None
    assert first is not None
    assert (ended.batch.number, ended.batch.task_id != first.task_id) == (2, True)
    jobs.holds_all("elsewhere")
    assert [task.state for task in yard.batch.tasks(jobs.service_id)] == ["finished", "superseded"]
    until(lambda: not list((jobs.home / "out").rglob("*/*")), 20, "what the first task left to be removed")


def test_another_count_scales_the_task_that_there_is(jobs: Jobs, yard: Client) -> None:
    jobs.create(PAUSE_S=PAUSE_S)
    jobs.some_done()
    path = f"/services/{jobs.service_id}"
    yard.session.call("PATCH", path, body=[{"op": "replace", "path": "/config/0/instance_count", "value": 2}])
    ended = jobs.finished()
    assert ended.batch is not None
    assert ended.batch.number == 1
    jobs.holds_all()


def test_a_poison_row_fails_alone_and_is_tried_again_alone(jobs: Jobs, yard: Client) -> None:
    jobs.create(POISON="1", REFUSE="1")
    ended = jobs.finished()
    assert ended.batch is not None
    assert (ended.batch.rows_done, ended.batch.rows_failed) == (ROWS - 2, 2)
    rows = list(yard.batch.failed_rows(jobs.service_id, ended.batch.task_id))
    assert [row.row for row in rows] == [7, 13]
    assert "seven is refused" in rows[0].error
    assert "the worker died" in rows[1].error
    yard.batch.retry_failed(jobs.service_id, ended.batch.task_id)
    again = jobs.finished()
    assert again.batch is not None
    assert (again.batch.retries, again.batch.rows_failed) == (1, 2)
    good = [line for line in jobs.lines() if "double" in line]
    assert len(good) == ROWS - 2


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_the_next_control_plane_goes_on(jobs: Jobs, stage: Stage, how: signal.Signals) -> None:
    jobs.create(PAUSE_S=PAUSE_S)
    jobs.some_done()
    before = stage.instances()
    stage.end_control_plane(how)
    assert stage.instances() == before
    stage.up()
    ended = jobs.finished()
    assert ended.batch is not None
    assert ended.batch.number == 1
    jobs.holds_all()
    assert len([e for e in jobs.yard.services.events(jobs.service_id) if "is ready" in e.event_info]) == 1


def test_down_ends_the_workers_and_up_goes_on(jobs: Jobs, stage: Stage) -> None:
    jobs.create(PAUSE_S=PAUSE_S)
    jobs.some_done()
    stage.down()
    assert stage.instances() == {}
    stage.up()
    jobs.finished()
    jobs.holds_all()


def test_the_command_line_runs_a_job(jobs: Jobs, stage: Stage, tmp_path: Path) -> None:
    words = ("--data-dir", stage.data_dir, "--json")
    places = ("-i", f"obs://{BUCKET}/{jobs.name}/in/", "-o", f"obs://{BUCKET}/{jobs.name}/out/")
    done = subprocess.run(
        modelyard("batch", "run", jobs.name, "-m", "doubling", *places, *words),
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    jobs.service_id = shown["service_id"]
    assert f"finished: {ROWS} of {ROWS} rows" in done.stderr
    jobs.holds_all()
