"""Batch services in trouble, on a whole server: rows that kill, hang or devour, rows that fail and are tried
again, thresholds, stops, and changes of the config while a task is at work."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from examples.demo.stage import Stage, free_ports, until
from tests.worlds import server
from tests.worlds.batch_jobs import BUCKET, JobFailedError, Jobs, config, fields, leaf

from modelyard.client import ApiError, Client

pytestmark = pytest.mark.e2e

SCHEMA = fields(id={"type": "integer"})
RULE = fields(id=leaf("integer", 0))
SMALL = "modelarts.vm.cpu.small"

SCRIPT = """
import os, socket, time
from model_service.model_service import SingleNodeService
import model_service

class Troubled(SingleNodeService):
    def __init__(self, *args):
        super().__init__(*args)
        self.odd = {int(n): what for n, _, what in (x.partition(":") for x in os.environ.get("ODD", "").split())}

    def _inference(self, data):
        row = data["id"]
        what = self.odd.get(row, "")
        if what == "die":
            os._exit(3)
        if what == "hang":
            time.sleep(600)
        if what == "devour":
            held = []
            while True:
                held.append(bytearray(1 << 24))
        if what == "raise":
            raise RuntimeError("no such thing")
        if what == "refuse":
            raise model_service.BadRequest("an odd one")
        if what == "needs":
            socket.create_connection(("127.0.0.1", int(os.environ["NEEDED"])), 2).close()
        time.sleep(float(os.environ.get("ROW_S", "0")))
        return {"id": row, "version": os.environ.get("VERSION", "1")}
"""

stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture(scope="module")
def jobs(stage: Stage, yard: Client) -> Jobs:
    yard.admin.create_flavor(SMALL, cpu=1, memory_mib=256, open=True)
    return Jobs(stage, yard)


@pytest.fixture(scope="module")
def model(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    package = server.script_package(tmp_path_factory.mktemp("troubled") / "p", SCRIPT, config(SCHEMA))
    return server.published(stage, yard, "troubled", package)


def ids(count: int) -> str:
    return "".join(f"{n}\n" for n in range(count))


def causes(lines: list[dict[str, object]]) -> dict[int, str]:
    """Of the rows that failed; every other one must be answered in its place."""
    found = {}
    for row, line in enumerate(lines):
        if line.get("result") == "FAILED":
            found[row] = str(line["error_message"])
        else:
            assert line["id"] == row
    return found


def test_rows_that_kill_hang_devour_raise_and_are_refused(jobs: Jobs, model: str) -> None:
    """Each of them is FAILED with its own cause; not one other row suffers."""
    jobs.put("poison/a.csv", ids(300))
    limits = jobs.yard.status()["limits"]
    odd = "5:die 77:hang 120:raise 121:refuse 299:die"
    enforced = str(limits.get("memory", "")).startswith("enforced")
    if enforced:
        odd += " 200:devour"
    job = jobs.run(
        model,
        "poison/",
        RULE,
        specification=SMALL,
        envs={"ODD": odd},
        additional_properties={"row_timeout_seconds": 1},
    )
    failed = causes(job.lines("a.csv"))
    assert sorted(failed) == [5, 77, 120, 121, *([200] if enforced else []), 299]
    assert "exited with status 3" in failed[5]
    assert "1 s" in failed[77]
    assert "no such thing" in failed[120] or "failed" in failed[120]
    assert "an odd one" in failed[121]
    if enforced:
        assert "memory" in failed[200], failed[200]
    assert {row: cause for _, row, cause in job.failed_rows()} == failed
    assert job.task()["rows_failed"] == len(failed)


def test_only_failed_rows_are_tried_again(jobs: Jobs, model: str) -> None:
    """A server that the model asks was down: bringing it back changes no config, so it makes no new task."""
    (port,) = free_ports(1)
    jobs.put("retry/a.csv", ids(200))
    jobs.put("retry/b.csv", ids(3))
    odd = "7:needs 150:needs 180:refuse"
    job = jobs.run(model, "retry/", RULE, envs={"ODD": odd, "NEEDED": str(port)})
    assert sorted(causes(job.lines("a.csv"))) == [7, 150, 180]
    first = job.task()
    with socket.create_server(("127.0.0.1", port)):
        job.retry_failed()
        job.rest()
    assert sorted(causes(job.lines("a.csv"))) == [180]
    assert causes(job.lines("b.csv")) == {}
    task = job.task()
    assert task["task_id"] == first["task_id"]
    assert (task["rows_done"], task["rows_failed"], task["retries"]) == (202, 1, 1)
    assert [line.get("failed_rows") for line in job.manifest()] == [1, None]
    job.put(status="running")  # finished, so it is a new task
    job.rest()
    assert [each["number"] for each in job.tasks()] == [2, 1]


@pytest.mark.parametrize("threshold", [{"count": 3}, {"share": 0.01}])
def test_too_many_failures_end_the_task(jobs: Jobs, model: str, threshold: dict[str, float]) -> None:
    """As failed, with the numbers; what was done stays, and a start goes on with the same task."""
    jobs.put("many/a.csv", ids(3000))
    odd = " ".join(f"{n}:refuse" for n in range(0, 3000, 50))
    with pytest.raises(JobFailedError, match="failed"):
        jobs.run(model, "many/", RULE, envs={"ODD": odd}, additional_properties={"error_threshold": threshold})


def test_stop_keeps_what_is_done_and_running_goes_on(jobs: Jobs, stage: Stage, model: str) -> None:
    jobs.put("stop/a.csv", ids(900))
    job = jobs.create(model, "stop/", RULE, envs={"ROW_S": "0.004"})
    job.until(lambda task: task.get("rows_done", 0) > 0, "some rows")
    job.put(status="stopped")
    job.rest("stopped")
    done = job.task()["rows_done"]
    assert 0 < done < 900
    until(lambda: not stage.instances(), 30, "the workers to be gone")
    assert job.task()["state"] == "stopped"
    job.put(status="running")
    job.rest()
    assert causes(job.lines("a.csv")) == {}
    assert len(job.tasks()) == 1
    assert job.task()["rows_done"] == 900


def test_a_changed_config_makes_a_new_task(jobs: Jobs, model: str) -> None:
    """The old one is superseded, and nothing of it is in the new results."""
    jobs.put("change/a.csv", ids(600))
    job = jobs.create(model, "change/", RULE, envs={"ROW_S": "0.01", "VERSION": "1"})
    job.until(lambda task: task.get("rows_done", 0) > 0, "some rows")
    (entry,) = job.show()["config"]
    changed = jobs.asked(model, "change/", RULE, dest_path=entry["dest_path"], envs={"VERSION": "2"})
    job.put(config=[changed])
    job.until(lambda task: task["number"] == 2, "a second task")
    job.rest()
    lines = job.lines("a.csv")
    assert causes(lines) == {}
    assert {line["version"] for line in lines} == {"2"}
    assert [task["state"] for task in job.tasks()] == ["finished", "superseded"]
    assert job.names() == ["infer-result-TASK.manifest", "infer-result/a.csv_result.txt"]


def test_two_workers_share_and_a_kill_costs_nothing(jobs: Jobs, stage: Stage, model: str) -> None:
    jobs.put("two/a.csv", ids(1500))
    job = jobs.create(model, "two/", RULE, instance_count=2, envs={"ROW_S": "0.002"})
    until(lambda: len(stage.instances()) == 2, 30, "two workers")
    os.kill(next(iter(stage.instances().values())), signal.SIGKILL)
    job.rest()
    assert causes(job.lines("a.csv")) == {}
    until(lambda: not stage.instances(), 30, "the workers to be gone")


def test_a_model_that_does_not_start_fails_the_service(jobs: Jobs, stage: Stage, yard: Client) -> None:
    broken = Path(__file__).parents[2] / "examples" / "broken"
    model = server.published(stage, yard, "broken", broken)
    jobs.put("broken/a.csv", "1\n")
    with pytest.raises(JobFailedError):
        jobs.run(model, "broken/", fields(id=leaf("integer", 0)))


def test_what_is_not_for_batch_is_refused(jobs: Jobs, model: str, yard: Client) -> None:
    """Weights are ignored by nobody; a second entry, a schedule and a traffic limit are refused by name."""
    jobs.put("refused/a.csv", "1\n")
    asked = jobs.asked(model, "refused/", RULE, dest_path=f"/{BUCKET}/refused-out/")
    body = {"service_name": "r", "infer_type": "batch", "config": [asked]}
    for name, more in (
        ("schedule", {"schedule": [{"type": "stop", "time_unit": "HOURS", "duration": 1}]}),
        ("config", {"config": [asked, asked]}),
        ("load_balancer_policy", {"load_balancer_policy": "ROUND_ROBIN"}),
    ):
        with pytest.raises(ApiError, match=name):
            yard.session.call("POST", "/services", body={**body, **more})
    assert json.dumps(asked)
