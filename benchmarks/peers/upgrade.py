"""One replica of a model that takes two seconds to load, upgraded under load: ours beside Ray Serve.

`python -m benchmarks.peers.upgrade`. Callers in Python ask all the time, each over its own connection, and look at
every answer: how many failed, how long the longest took, how long nobody was answered, and when the new version
answered first. One upgrade of each in turn, round after round.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
from benchmarks.peers.catalog import Setting, ray_serve
from benchmarks.peers.processes import adopt_orphans, end, loopback_only, sweep
from benchmarks.peers.questions import ROOT
from benchmarks.peers.report import publish
from benchmarks.peers.venvs import NotInstalled, python_of
from examples.demo.stage import Stage, free_ports
from rich.console import Console
from rich.table import Table

from modelyard.client import Variant

LOAD_S = 2
BEFORE_S, AFTER_S, LIMIT_S = 2.0, 2.0, 60.0


@dataclass
class Seen:
    """What the callers of one upgrade saw. Times are `time.perf_counter`, in seconds."""

    answers: list[tuple[float, float, str]] = field(default_factory=list)  # asked, answered, tag
    failures: list[str] = field(default_factory=list)

    def figures(self, since: float) -> dict[str, float]:
        """Of what was answered after the upgrade was asked for."""
        after = [a for a in self.answers if a[1] >= since]
        ends = sorted(a[1] for a in after)
        first = min((a[1] for a in after if a[2] == "2"), default=float("nan"))
        return {
            "answers": len(after),
            "failed": len(self.failures),
            "worst_ms": 1000 * max(a[1] - a[0] for a in after),
            "silence_ms": 1000 * max((b - a for a, b in pairwise(ends)), default=0.0),
            "first_new_s": first - since,
        }


async def caller(
    url: str, headers: dict[str, str], tag: Callable[[bytes], str], seen: Seen, stop: asyncio.Event
) -> None:
    async with httpx.AsyncClient(timeout=30) as client:
        while not stop.is_set():
            asked = time.perf_counter()
            try:
                answer = await client.post(url, json={"hello": "world"}, headers=headers)
            except httpx.HTTPError as error:
                seen.failures.append(repr(error))
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                seen.answers.append((asked, time.perf_counter(), tag(answer.content)))
            else:
                seen.failures.append(f"{answer.status_code} {answer.text[:200]}")


def tag_of(answer: bytes) -> str:
    return str(json.loads(answer)["tag"])


@dataclass(frozen=True)
class Up:
    """Version 1 answers at `url`; `upgrade` asks for version 2 and may return before it answers."""

    url: str
    headers: dict[str, str]
    upgrade: Callable[[], Awaitable[object]]


@asynccontextmanager
async def ours(cache: Path) -> AsyncIterator[Up]:
    def variant(model_id: str, tag: str) -> Variant:
        return Variant(model_id=model_id, envs={"LOAD_SECONDS": str(LOAD_S), "MODEL_TAG": tag})

    try:
        with Stage() as stage:
            stage.up()
            location = stage.put_object("slow", ROOT / "examples" / "slow")
            with stage.client() as yard:
                model_id = yard.models.wait(yard.models.publish("slow", "1.0.0", location, "Custom")).model_id
                service = yard.services.wait(yard.services.create("slow", [variant(model_id, "1")]))
                change = [variant(model_id, "2")]
                yield Up(
                    service.access_address,
                    {"X-Auth-Token": yard.session.token()},
                    lambda: asyncio.to_thread(yard.services.configure, service.service_id, change),
                )
    finally:
        sweep(5)


@asynccontextmanager
async def ray(cache: Path) -> AsyncIterator[Up]:
    with TemporaryDirectory(prefix="mb-", dir="/tmp", ignore_cleanup_errors=True) as scratch:
        setting = Setting("echo", free_ports(1)[0], Path(scratch), cache, 1)
        command, env = ray_serve(setting)
        process = subprocess.Popen(  # noqa: ASYNC220 - nobody waits for this loop yet
            command,
            env={**env, "BENCH_UPGRADE": "1"},
            cwd=scratch,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        url = f"http://127.0.0.1:{setting.port}/"

        async def upgrade() -> None:
            assert process.stdin is not None
            process.stdin.write(b"2\n")
            process.stdin.flush()

        try:
            async with httpx.AsyncClient() as client:
                for _ in range(900):
                    try:
                        if (await client.post(url, json={})).status_code == 200:
                            break
                    except httpx.HTTPError:
                        pass
                    await asyncio.sleep(0.1)
                else:
                    raise RuntimeError("Ray Serve does not answer")
            await asyncio.sleep(2)
            yield Up(url, {}, upgrade)
        finally:
            end(process)


async def measured(up: Up, connections: int) -> dict[str, float]:
    seen, stop = Seen(), asyncio.Event()
    callers = [asyncio.create_task(caller(up.url, up.headers, tag_of, seen, stop)) for _ in range(connections)]
    await asyncio.sleep(BEFORE_S)
    since = time.perf_counter()
    await up.upgrade()
    while time.perf_counter() - since < LIMIT_S and not any(a[2] == "2" for a in seen.answers[-50:]):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await asyncio.sleep(AFTER_S)
    stop.set()
    await asyncio.gather(*callers)
    return seen.figures(since)


async def run(options: argparse.Namespace, console: Console) -> dict[str, list[dict[str, float]]]:
    sides = {"Modelyard": ours, "Ray Serve": ray}
    try:
        python_of("rayserve", options.cache)
    except NotInstalled as error:
        console.print(f"SKIPPED Ray Serve: cannot be installed here: {error}", style="bold red")
        del sides["Ray Serve"]
    if not loopback_only():
        console.print("no right to a network of its own: Ray will listen on every interface", style="bold red")
    results: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    for _ in range(options.rounds):
        for name, start in sides.items():
            async with start(options.cache) as up:
                results[name].append(await measured(up, options.connections))
            console.print(name, results[name][-1], style="dim")
    return results


HEADS = ("", "answers", "failed", "worst answer", "longest silence", "first new answer")


def table(results: dict[str, list[dict[str, float]]]) -> Table:
    shown = Table(title=f"One replica, {LOAD_S} s to load, upgraded under load", title_justify="left")
    for head in HEADS:
        shown.add_column(head, justify="right" if head else "left")
    for row in rows(results):
        shown.add_row(*row)
    return shown


def markdown(results: dict[str, list[dict[str, float]]]) -> str:
    lines = ["| " + " | ".join(HEADS) + " |", "| --- |" + " ---: |" * (len(HEADS) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows(results)])


def rows(results: dict[str, list[dict[str, float]]]) -> Iterator[tuple[str, ...]]:
    for name, rounds in results.items():
        yield (
            name,
            f"{sum(r['answers'] for r in rounds):,.0f}",
            f"{sum(r['failed'] for r in rounds):.0f}",
            f"{max(r['worst_ms'] for r in rounds):,.0f} ms",
            f"{max(r['silence_ms'] for r in rounds):,.0f} ms",
            f"{statistics.median(r['first_new_s'] for r in rounds):.1f} s",
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers.upgrade")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "peers-upgrade.json")
    parser.add_argument("--docs", type=Path, help="publish in the page of this directory")
    options = parser.parse_args()
    options.cache = options.cache.absolute()
    console = Console(highlight=False, width=120)
    adopt_orphans()
    results = asyncio.run(run(options, console))
    console.print(table(results))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    options.out.write_text(
        json.dumps({"measured_at": stamp, "cores": os.cpu_count(), "rounds": results}, indent=1)
    )
    if options.docs:
        publish(options.docs / "benchmarks.md", "upgrade", markdown(results))
    return 0


if __name__ == "__main__":
    sys.exit(main())
