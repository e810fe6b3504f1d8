"""Batch services of real processes, killed with SIGKILL at random moments: workers, the control plane, the
gateway, the object store, and a disk that is full for a while. Each row has one outcome all the same.

One server for many seeds; those of `tests/integration/test_batch_crashes.py`, which are quicker, make the many.
"""

import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from examples.demo.stage import Stage, alive, until
from tests.worlds import server
from tests.worlds.batch_jobs import Job, Jobs, config, fields, leaf

from modelyard.client import Client
from modelyard.processes.directory import ProcessDir, State

pytestmark = pytest.mark.e2e

RUNS = max(20, int(os.environ.get("BATCH_CRASH_RUNS", "0")) // 10)
ROWS = 400
RULE = fields(id=leaf("integer", 0))
SCRIPT = """
import os, time
from model_service.model_service import SingleNodeService
import model_service

class Counting(SingleNodeService):
    def _inference(self, data):
        time.sleep(0.002)
        if data["id"] % 97 == 13:
            raise model_service.BadRequest("an odd one")
        return {"id": data["id"]}
"""

stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture(scope="module")
def model(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    return counting(stage, yard, tmp_path_factory.mktemp("counting"))


def counting(stage: Stage, yard: Client, home: Path) -> str:
    package = server.script_package(home / "p", SCRIPT, config(fields(id={"type": "integer"})))
    return server.published(stage, yard, "counting", package)


def put_rows(jobs: Jobs, folder: str, first: int, files: int) -> dict[str, range]:
    """Files of numbers that no other row has."""
    found = {}
    for number in range(files):
        rows = range(first, first + ROWS // files)
        jobs.put(f"{folder}/{number}.csv", "".join(f"{row}\n" for row in rows))
        found[f"{number}.csv"] = rows
        first = rows.stop
    return found


def check(job: Job, files: dict[str, range]) -> None:
    """Each row once and in its place; counts, manifest and list of failures say the same; nothing else is left."""
    failed = set()
    for name, rows in files.items():
        lines = job.lines(name)
        assert len(lines) == len(rows), (name, len(lines))
        for row, line in zip(rows, lines, strict=True):
            if line.get("result") == "FAILED":
                failed.add(row)
                odd = row % 97 == 13
                assert ("an odd one" in line["error_message"]) or (
                    not odd and "the worker" in line["error_message"]
                ), (row, line)
            else:
                assert line == {"id": row}
                assert row % 97 != 13
    task = job.task()
    total = sum(map(len, files.values()))
    assert (task["rows"], task["rows_done"], task["rows_failed"]) == (total, total - len(failed), len(failed))
    assert sum(line.get("failed_rows", 0) for line in job.manifest()) == len(failed)
    assert job.names() == sorted(
        [
            "infer-result-TASK.manifest",
            *(["infer-result-TASK_failed.jsonl"] if failed else []),
            *(f"infer-result/{name}_result.txt" for name in files),
        ]
    )


HITS: Counter[str] = Counter()
"""How many processes of each kind were killed."""


def kill(what: str, pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        HITS[what] += 1


def kill_worker(stage: Stage, random: Random) -> None:
    workers = sorted(stage.instances().items())
    if workers:
        kill("worker", random.choice(workers)[1])


def kill_control_plane(stage: Stage, random: Random) -> None:
    stage.end_control_plane(signal.SIGKILL)
    HITS["control plane"] += 1
    if random.random() < 0.5:
        kill_worker(stage, random)
    stage.up()


def kill_gateway(stage: Stage, random: Random) -> None:
    for run in (stage.data_dir / "gateway").glob("envoy-*"):
        seen = ProcessDir(run).sight()
        if seen.state is State.RUNNING and seen.pid is not None:
            kill("gateway", seen.pid)


MISHAPS: tuple[Callable[[Stage, Random], None], ...] = (kill_worker, kill_worker, kill_control_plane, kill_gateway)


KINDS = {"worker", "control plane", "gateway"}


@pytest.mark.parametrize("seed", range(RUNS))
def test_whatever_is_killed_each_row_has_one_outcome(stage: Stage, yard: Client, model: str, seed: int) -> None:
    random = Random(seed)
    HITS["a run"] += 1
    jobs = Jobs(stage, yard, f"crash{seed}-")
    files = put_rows(jobs, f"crash{seed}", 1000 * seed, random.randint(1, 4))
    job = jobs.create(model, f"crash{seed}/", RULE, instance_count=random.randint(1, 2))
    for _ in range(random.randint(1, 3)):
        time.sleep(random.random() * 1.2)
        random.choice(MISHAPS)(stage, random)
    job.rest()
    check(job, files)
    until(lambda: not stage.instances(), 30, "every worker to be gone")
    yard.services.delete(job.service_id)


def test_every_kind_of_process_was_killed() -> None:
    """The runs above are worth nothing where their kills meet nobody."""
    if HITS["a run"] < RUNS:
        pytest.skip("NOT TESTED: only some of the runs were asked for")
    assert {what for what in KINDS if HITS[what]} == KINDS, HITS


def test_the_check_sees_a_lost_and_a_doubled_row(stage: Stage, yard: Client, model: str) -> None:
    jobs = Jobs(stage, yard, "seeded-")
    files = put_rows(jobs, "seeded", 900_000, 1)
    job = jobs.run(model, "seeded/", RULE)
    check(job, files)
    (result,) = (job.output / "infer-result").glob("*_result.txt")
    whole = result.read_bytes().splitlines(keepends=True)
    for spoiled in (whole[:5] + whole[6:], whole[:5] + whole[4:], [*whole[:4], whole[5], whole[4], *whole[6:]]):
        result.write_bytes(b"".join(spoiled))
        with pytest.raises(AssertionError):
            check(job, files)
    result.write_bytes(b"".join(whole))
    (job.output / f"infer-result-{job.task()['task_id']}.parts").mkdir()
    (job.output / f"infer-result-{job.task()['task_id']}.parts/0-0-1").write_text("left")
    with pytest.raises(AssertionError):
        check(job, files)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A server on a disk of its own, of 96 MiB."""
    if os.geteuid() != 0:
        pytest.skip("A FULL DISK IS NOT TESTED: only root may mount a small one")
    monkeypatch.setenv("MODELYARD_DISK_RESERVE_MIB", "8")
    with Stage() as made:
        made.data_dir.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=96m,mode=0700", "modelyard-test", str(made.data_dir)]
        mounted = subprocess.run(command, check=False, capture_output=True, text=True)
        if mounted.returncode:
            pytest.skip(f"A FULL DISK IS NOT TESTED: {mounted.stderr}")
        try:
            made.up()
            yield made
        finally:
            made.down()
            subprocess.run(["umount", "-l", str(made.data_dir)], check=True)


def test_a_full_disk_loses_nothing(small: Stage, tmp_path: Path) -> None:
    """It waits, says for what, and goes on as soon as there is room."""
    with small.client() as yard:
        jobs = Jobs(small, yard, "full-")
        model = counting(small, yard, tmp_path)
        files = put_rows(jobs, "full", 0, 2)
        job = jobs.create(model, "full/", RULE)
        job.until(lambda task: task.get("state") == "active", "the task")
        stranger = small.data_dir / "stranger"
        filled(stranger)
        time.sleep(1)
        filled(stranger)  # the reserve that was given up, too
        with suppress(TimeoutError):
            until(lambda: job.task().get("waiting"), 10, "it to say what it waits for")
        kill_worker(small, Random(0))
        time.sleep(1)
        stranger.unlink()
        job.rest()
        check(job, files)


def filled(path: Path) -> None:
    with path.open("ab") as file, suppress(OSError):
        while True:
            os.write(file.fileno(), b"x" * 65536)


def test_nothing_is_left_running(tmp_path: Path) -> None:
    """A server that is ended in the middle of a job ends its workers."""
    with Stage() as own:
        own.up()
        with own.client() as yard:
            jobs = Jobs(own, yard, "left-")
            model = counting(own, yard, tmp_path)
            put_rows(jobs, "left", 0, 1)
            job = jobs.create(model, "left/", RULE, instance_count=2)
            job.until(lambda task: task.get("rows_done", 0) > 0, "some rows")
            workers = own.instances().values()
            assert workers
        own.down()
        assert not any(alive(pid) for pid in workers)
