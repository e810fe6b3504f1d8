"""The model server alone, beside a bare Granian echo and beside calling the model in a loop: `python -m
benchmarks.runtime_speed`.

One process of each throughout, asked in turn, round after round. `of echo` is the ratio to the bare echo with the
same body; `of loop` is the ratio to what a process without any server reaches with the same model, the same number
of BLAS threads and its best batch size, measured in the same rounds. CPU is user and system time of the server for
one request: on a machine that others use too, it is the figure that repeats.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from benchmarks.throughput import answers
from benchmarks.wrk import Measured, measure
from examples.demo.stage import free_ports, until
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}
IRIS = json.dumps({"data": {"req_data": [FLOWER]}})
PIXELS = random.Random(0)
IMAGE = json.dumps({"instances": [[round(PIXELS.random(), 4) for _ in range(784)]]})
BARE, BARE_IMAGE = "bare Granian echo", "bare Granian echo, 784 numbers"
BATCH_SIZES = (32, 64, 128)

LOOP = """
import importlib.util, json, sys, time
import numpy as np
spec = importlib.util.spec_from_file_location("script", sys.argv[1] + "/customize_service.py")
script = importlib.util.module_from_spec(spec)
spec.loader.exec_module(script)
service = script.MlpService("m", sys.argv[1])
rows = np.random.default_rng(0).random((int(sys.argv[2]), 784), dtype=np.float32)
service._inference(rows)
for line in sys.stdin:
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < float(line):
        service._inference(rows)
        calls += 1
    print(calls * len(rows) / (time.perf_counter() - began), flush=True)
"""


@dataclass
class Server:
    name: str
    url: str
    body: str
    process: "subprocess.Popen[bytes]"
    loops: "tuple[subprocess.Popen[str], ...]" = ()
    rounds: list[Measured] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)
    loop_rates: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return statistics.median(m.per_second for m in self.rounds)

    def measure(self, connections: int, seconds: int) -> None:
        if self.loops:
            self.loop_rates.append(max(ask(loop, seconds / len(self.loops)) for loop in self.loops))
        before = cpu_s(self.process.pid)
        got = measure(self.url, {}, self.body, connections=connections, seconds=seconds)
        self.rounds.append(got)
        self.cpu_us.append((cpu_s(self.process.pid) - before) / (got.per_second * seconds) * 1e6)


def ask(loop: "subprocess.Popen[str]", seconds: float) -> float:
    assert loop.stdin is not None
    assert loop.stdout is not None
    print(seconds, file=loop.stdin, flush=True)
    return float(loop.stdout.readline())


def cpu_s(pid: int) -> float:
    """User and system time of a process and of the children that it has now."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(path.parent.name) == pid or int(fields[1]) == pid:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def running(command: list[str], port: int, **env: str) -> Iterator["subprocess.Popen[bytes]"]:
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **env}
    process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=variables, stderr=subprocess.DEVNULL)
    try:
        until(lambda: answers(port) and ready(port), 60, " ".join(command))
        yield process
    finally:
        process.terminate()
        process.wait()


def ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/health", timeout=5):
            return True
    except HTTPError:  # it loads
        return False


@contextmanager
def loop(model: Path, size: int, env: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", LOOP, str(model), str(size)]
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "src"), **env}
    with subprocess.Popen(
        command, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        process.terminate()


def packages(home: Path) -> dict[str, tuple[Path, str]]:
    """Every package, made anew: what it is called, where it is, what it is asked."""
    for command in (["iris/train.py", "iris"], ["iris_bare/train.py", "bare"], ["mlp/make.py", "mlp1024"]):
        make(command[0], str(home / command[1]))
    make("mlp/make.py", str(home / "mlp4096"), "4096")
    alone, shared = home / "iris/v2/model", home / "iris/v1/model"
    config = json.loads((alone / "config.json").read_text())
    (shared / "config.json").write_text(json.dumps({**config, "batching": True}))
    return {
        "echo": (ROOT / "examples/echo", IRIS),
        "iris, script": (alone, IRIS),
        "iris, script, batching": (shared, IRIS),
        "iris, no script": (home / "bare", IRIS),
        "784-1024-1024-10": (home / "mlp1024/model", IMAGE),
        "784-4096-4096-10": (home / "mlp4096/model", IMAGE),
    }


def make(script: str, *arguments: str) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "examples" / script), *arguments],
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
    )


def servers(stack: ExitStack, home: Path, blas: int, only: str) -> list[Server]:
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(blas))
    bare = ["-m", "granian", "--interface", "rsgi", "--workers", "1", "--no-log", "--loop", "uvloop"]
    (port,) = free_ports(1)
    echo = stack.enter_context(running([*bare, "--port", str(port), "benchmarks.peers.bare_granian:app"], port))
    url = f"http://127.0.0.1:{port}/"
    found = [Server(BARE, url, IRIS, echo), Server(BARE_IMAGE, url, IMAGE, echo)]
    for name, (model, body) in packages(home).items():
        if only not in name:
            continue
        (port,) = free_ports(1)
        env = {"MODELYARD_MODEL_DIR": str(model), "PORT": str(port), **threads}
        process = stack.enter_context(running(["-m", "modelyard_runtime"], port, **env))
        sizes = BATCH_SIZES if name.startswith("784") else ()
        loops = tuple(stack.enter_context(loop(model, size, threads)) for size in sizes)
        found.append(Server(name, f"http://127.0.0.1:{port}/", body, process, loops))
    return found


def table(found: list[Server], connections: int) -> Table:
    bare = {server.body: server.per_second for server in found if server.name.startswith("bare")}
    shown = Table(title=f"Model server alone, {connections} connections", title_justify="left")
    shown.add_column("model")
    for column in ("requests/s", "of echo", "of loop", "p50", "p99", "CPU", "failed"):
        shown.add_column(column, justify="right")
    for each in found:
        shares = [m.per_second / rate for m, rate in zip(each.rounds, each.loop_rates, strict=False)]
        shown.add_row(
            each.name,
            f"{each.per_second:,.0f}",
            f"{each.per_second / bare[each.body]:.2f}",
            f"{statistics.median(shares):.2f}" if shares else "",
            f"{statistics.median(m.p50_ms for m in each.rounds):.1f} ms",
            f"{statistics.median(m.p99_ms for m in each.rounds):.1f} ms",
            f"{min(each.cpu_us):.0f} µs",
            str(sum(m.failed for m in each.rounds)),
        )
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2, help="length of one measurement")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--blas", type=int, default=1, help="threads of BLAS, in the server and in the loop")
    parser.add_argument("--only", default="", help="models whose name contains this")
    options = parser.parse_args()
    console = Console(highlight=False, width=120)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = servers(stack, home, options.blas, options.only)
        for each in found:
            measure(each.url, {}, each.body, connections=options.connections, seconds=1)
        time.sleep(0.5)
        for _ in range(options.rounds):
            for each in found:
                each.measure(options.connections, options.seconds)
    console.print(table(found, options.connections))
    console.print(f"{options.rounds} rounds of {options.seconds} s, BLAS threads: {options.blas}")
    return 1 if any(m.failed for each in found for m in each.rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
