"""What logging costs those who call: four instances that write 25,000 lines a second each, and calls meanwhile.

    python -m benchmarks.log_speed [--rounds 3] [--lines 25000] [--seconds 10]

All instances run all the time; the writers write in every other window of the clock, so that quiet and loud
windows alternate within one run. In every other loud window the process that keeps lines is halted (`unread`), so
that what the writers themselves take of the machine is told apart. Printed for each: latency of calls of a model
that does not write, of the API (`GET /services`), how late the control plane's loop was (`/healthz`), CPU and
memory, and in the end whether every line was kept.
"""

import argparse
import asyncio
import json
import os
import signal
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import httpx
from examples.demo.stage import Stage

from modelyard.client import Client, Variant

WRITER = """
import os, sys, threading, time
from model_service.python_model_service import XgSklServingBaseService

RATE, WINDOW = int(os.environ["RATE"]), int(os.environ["WINDOW"])
END = int(os.environ["END"])


def write():
    number = 0
    while time.time() < END:
        begun = time.monotonic()
        if int(time.time()) // WINDOW % 2:
            sys.stdout.write("".join(
                f"{number + i:09d} INFO worker: step of the training, loss=0.1234, accuracy=0.98, lr=1e-4\\n"
                for i in range(RATE // 20)))
            sys.stdout.flush()
            number += RATE // 20
        time.sleep(max(0.0, 0.05 - (time.monotonic() - begun)))
    print("wrote", number, flush=True)


threading.Thread(target=write, daemon=True).start()


class Writer(XgSklServingBaseService):
    def _preprocess(self, data): return data
    def _inference(self, data): return data
    def _postprocess(self, data): return data
"""
CONFIG = {"model_type": "Custom", "model_algorithm": "x", "apis": []}
INSTANCES = 4
CALLERS = 4
WINDOWS = ("behind", "loud", "quiet", "unread")
"""The writers write in every second of them. While they write `unread` the process of the logs is halted: what is
slower then is slower for the writers' own work. `behind` is when it catches up."""


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def child(pid: int, module: str) -> int:
    """The process of ours that runs it."""
    for name in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        if module in Path(f"/proc/{name}/cmdline").read_text():
            return int(name)
    raise LookupError(module)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


class Measured:
    """Milliseconds, by window (quiet or loud) and by what was asked."""

    def __init__(self, window_s: int) -> None:
        self.window_s = window_s
        self.ms: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def which(self) -> str:
        """The first second of a window belongs to neither."""
        now = time.time()
        if now % self.window_s < 1:
            return "between"
        return WINDOWS[int(now) // self.window_s % len(WINDOWS)]

    async def ask(self, name: str, client: httpx.AsyncClient, url: str, pause_s: float, **asked: object) -> None:
        method = "POST" if "json" in asked else "GET"
        while True:
            which, begun = self.which(), time.perf_counter()
            answer = await client.request(method, url, **asked)  # type: ignore[arg-type]
            self.ms[which, name].append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, answer.text
            await asyncio.sleep(pause_s)


def deploy(stage: Stage, yard: Client, name: str, count: int, envs: dict[str, str]) -> str:
    home = stage.root / name / "model"
    home.mkdir(parents=True)
    (home / "customize_service.py").write_text(WRITER)
    (home / "config.json").write_text(json.dumps(CONFIG))
    location = stage.put_object(name, home.parent)
    model = yard.models.wait(yard.models.publish(name, "1.0.0", location, "Custom")).model_id
    variant = Variant(model_id=model, instance_count=count, envs=envs)
    return yard.services.wait(yard.services.create(name, [variant])).service_id


def shims(stage: Stage, ids: Sequence[str]) -> list[int]:
    found = []
    for name in ids:
        state = stage.data_dir / "instances" / name / "state.json"
        found.append(int(json.loads(state.read_text())["shim"]))
    return found


async def halting(pid: int, window_s: int) -> None:
    """Halts the process of the logs in its windows."""
    try:
        while True:
            unread = WINDOWS[int(time.time()) // window_s % len(WINDOWS)] == "unread"
            os.kill(pid, signal.SIGSTOP if unread else signal.SIGCONT)
            await asyncio.sleep(0.05)
    finally:
        os.kill(pid, signal.SIGCONT)


async def run(
    stage: Stage, yard: Client, service_id: str, measured: Measured, seconds: float, keeper: int
) -> None:
    service = yard.services.get(service_id)
    headers = {"X-Auth-Token": yard.session.token()}
    async with httpx.AsyncClient(headers=headers, timeout=30) as client:
        asking = [
            asyncio.create_task(halting(keeper, measured.window_s)),
            *(
                asyncio.create_task(measured.ask("call", client, service.access_address, 0.01, json={"a": 1}))
                for _ in range(CALLERS)
            ),
            asyncio.create_task(measured.ask("api", client, yard.session.url("/services"), 0.05)),
            asyncio.create_task(measured.ask("loop", client, f"http://127.0.0.1:{stage.ports[0]}/healthz", 0.005)),
        ]
        done, _ = await asyncio.wait(asking, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for task in asking:
            task.cancel()
        for task in done:
            task.result()


def kept(yard: Client, service_id: str, instances: int, limit_s: float) -> str:
    """Whether every line of every writer was kept, once, in order."""
    end = time.monotonic() + limit_s
    path = f"/services/{service_id}/logs/lines"
    while time.monotonic() < end:
        last = yard.session.call("GET", path, params={"words": "wrote", "limit": "100"})["lines"]
        if isinstance(last, list) and len(last) == instances:
            break
        time.sleep(0.5)
    else:
        return "not all writers' last lines were kept in time"
    wrote = {line["instance"]: int(line["text"].split()[1]) for line in last}  # type: ignore[index]
    expected, dropped, after = dict.fromkeys(wrote, 0), 0, 0
    while True:
        page = yard.session.call("GET", path, params={"after": str(after), "limit": "5000"})["lines"]
        if not isinstance(page, list) or not page:
            break
        for line in page:
            after = line["number"]
            if "bytes of output were dropped" in line["text"]:
                dropped += 1
            elif line["text"][:9].isdigit():
                number = int(line["text"][:9])
                if number != expected[line["instance"]] and not dropped:
                    return f"line {number} of {line['instance_id']} where {expected[line['instance_id']]} was due"
                expected[line["instance"]] = number + 1
    outcome = "all were kept, once, in order" if expected == wrote else f"kept up to {expected}"
    return f"{sum(wrote.values())} lines were written; {outcome}; dropped in {dropped} places"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--lines", type=int, default=25_000)
    parser.add_argument("--seconds", type=int, default=10)
    asked = parser.parse_args()
    with Stage() as stage:
        stage.up()
        with stage.client() as yard:
            quiet = deploy(stage, yard, "quiet", 1, {"RATE": "0", "WINDOW": "1", "END": "0"})
            end = int(time.time()) + 20 + asked.rounds * len(WINDOWS) * asked.seconds
            envs = {"RATE": str(asked.lines), "WINDOW": str(asked.seconds), "END": str(end)}
            loud = deploy(stage, yard, "loud", INSTANCES, envs)
            measured = Measured(asked.seconds)
            assert stage._control is not None
            pid = stage._control.pid
            pids = shims(stage, list(stage.instances()))
            keeper = child(pid, "modelyard.logs.serving")
            keeper_before, keeper_memory = cpu_s(keeper), memory_mib(keeper)
            before, begun, memory = cpu_s(pid), time.monotonic(), memory_mib(pid)
            shims_before = sum(map(cpu_s, pids))
            asyncio.run(run(stage, yard, quiet, measured, end - time.time() - 1, keeper))
            spent = time.monotonic() - begun
            for (which, name), values in sorted(measured.ms.items(), key=lambda one: one[0][::-1]):
                if which not in {"between", "behind"}:
                    median, late = statistics.median(values), percentile(values, 0.99)
                    figures = f"median {median:6.2f} ms  p99 {late:7.2f}  max {max(values):7.1f}"
                    print(f"{name:5} {which:6} n={len(values):6} {figures}")
            cores = (cpu_s(pid) - before) / spent
            print(f"control plane: {cores:.2f} cores, memory {memory:.0f} -> {memory_mib(pid):.0f} MiB")
            cores = (cpu_s(keeper) - keeper_before) / spent
            print(f"logs' process: {cores:.2f} cores, memory {keeper_memory:.0f} -> {memory_mib(keeper):.0f} MiB")
            print(f"shims: {(sum(map(cpu_s, pids)) - shims_before) / spent:.2f} cores")
            print(kept(yard, loud, INSTANCES, 120))


if __name__ == "__main__":
    main()
