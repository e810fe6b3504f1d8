"""Who does the same job: the loop, MLServer's `infer`, Ray Data. Each reads one file of rows and writes answers.

Times are of the job alone: models, servers and clusters are there already where they can be. MLServer's input is
made into its protocol beforehand, which is not counted.
"""

import csv
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.batch.models import Kind
from benchmarks.batch.watch import on
from benchmarks.peers.catalog import THREADS
from benchmarks.peers.processes import end, spawn, sweep
from benchmarks.peers.venvs import python_of
from examples.demo.stage import free_ports, until

HERE = Path(__file__).parent
ONE_THREAD = dict.fromkeys(THREADS, "1")
LIMIT_S = 300


@dataclass(frozen=True)
class Timed:
    """A job: how many rows, how long; `start_s` before that until it could begin. `size`: rows in a batch.
    `cpu_s`: CPU seconds of everybody at work in that time (0: unknown)."""

    rows: int
    seconds: float
    start_s: float
    size: int = 0
    cpu_s: float = 0.0

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds


@dataclass(frozen=True)
class Work:
    """What is to be done: `model` is the file; `cores` are those that all of it may use."""

    kind: Kind
    model: Path
    rows: Path
    cores: tuple[int, ...]
    workers: int
    cache: Path

    def env(self, **more: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MODELYARD_"))}
        return {**kept, **ONE_THREAD, "PYTHONDONTWRITEBYTECODE": "1", **more}


class Failed(Exception):
    """A contestant did not do its job; says why."""


def loop(work: Work, size: int, output: Path) -> Timed:
    """`output` may be `-`: nothing but the model."""
    command = [sys.executable, str(HERE / "loop.py"), work.kind.name, str(work.model), str(work.rows)]
    with on(work.cores):
        said = _said([*command, str(output), str(size)], work.env())
    return Timed(int(said["rows"]), said["seconds"], said["load_s"], size, said["cpu_s"])


def ray_data(work: Work, size: int) -> Timed:
    python = python_of("ray_data", work.cache, HERE)
    with TemporaryDirectory(prefix="mb-", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        arguments = [work.kind.name, str(work.model), str(work.rows), f"{scratch}/out", str(size)]
        command = [str(python), str(HERE / "ray_data/job.py"), *arguments, str(work.workers), f"{scratch}/ray"]
        variables = work.env(RAY_USAGE_STATS_ENABLED="0", RAY_AUTH_MODE="disabled", RAY_DEDUP_LOGS="0")
        try:
            with on(work.cores):
                said = _said(command, variables)
        finally:
            sweep(5)
    return Timed(int(said["rows"]), said["seconds"], said["start_s"], size)


@contextmanager
def mlserver(work: Work) -> Iterator[str]:
    """A server of this model that answers; `host:port`."""
    python = python_of("mlserver_infer", work.cache, HERE)
    with TemporaryDirectory(prefix="mb-", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        port, grpc, metrics = free_ports(3)
        ports = {"http_port": port, "grpc_port": grpc, "metrics_port": metrics}
        parallel = work.workers if work.workers > 1 else 0
        home = Path(scratch)
        settings = {"host": "127.0.0.1", **ports, "debug": False, "parallel_workers": parallel}
        (home / "settings.json").write_text(json.dumps(settings))
        runtime = "served.Network" if work.kind.name == "network" else "mlserver_sklearn.SKLearnModel"
        model = {"name": "m", "implementation": runtime, "parameters": {"uri": str(work.model.resolve())}}
        (home / "model-settings.json").write_text(json.dumps(model))
        command = [str(python.with_name("mlserver")), "start", scratch]
        with on(work.cores):
            server = spawn(command, work.env(PYTHONPATH=str(HERE / "mlserver_infer")), home, home / "log")
        try:
            until(lambda: _ready(port) or server.poll() is not None, 60, "MLServer")
            if server.poll() is not None:
                raise Failed((home / "log").read_text(errors="replace")[-1500:])
            yield f"127.0.0.1:{port}"
        finally:
            end(server)


def mlserver_infer(work: Work, size: int, url: str, callers: int) -> Timed:
    """`size` requests of one row are sent as one; `callers` at the same time."""
    python = python_of("mlserver_infer", work.cache, HERE)
    asked = _requests(work)
    with TemporaryDirectory(prefix="mb-", dir="/tmp") as scratch:
        output = Path(scratch) / "out"
        command = [str(python.with_name("mlserver")), "infer", "-u", url, "-m", "m", "-i", str(asked)]
        command += ["-o", str(output), "-s", str(size), "-w", str(callers)]  # -b fails: "str is not valid UTF-8"
        began = time.perf_counter()
        with on(work.cores):
            _run(command, work.env())
        seconds = time.perf_counter() - began
        answered = output.read_bytes()
    wrong = answered.count(b'"error"')
    if wrong:
        raise Failed(f"{wrong} rows failed: {answered[answered.index(b'error') - 200 :][:500]!r}")
    return Timed(answered.count(b"\n"), seconds, 0.0, size)


def _requests(work: Work) -> Path:
    """The rows in MLServer's protocol, made once."""
    path = work.rows.with_suffix(".v2.jsonl")
    if not path.exists():
        with work.rows.open(newline="") as rows, path.open("w") as file:
            for row in csv.reader(rows):
                data = [float(cell) for cell in row]
                tensor = {"name": "input", "shape": [1, len(data)], "datatype": "FP64", "data": data}
                file.write(json.dumps({"inputs": [tensor]}) + "\n")
    return path


def _ready(port: int) -> bool:
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(f"http://127.0.0.1:{port}/v2/models/m/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def _run(command: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(command, env=dict(env), capture_output=True, text=True, check=False, timeout=LIMIT_S)
    if done.returncode != 0:
        raise Failed(f"{Path(command[1]).name} ended with {done.returncode}: {done.stderr[-1500:]}")
    return done.stdout


def _said(command: list[str], env: Mapping[str, str]) -> dict[str, float]:
    said: dict[str, float] = json.loads(_run(command, env).splitlines()[-1])
    return said
