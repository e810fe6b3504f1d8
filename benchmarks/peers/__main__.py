"""The same models under every peer and under ours, in one interleaved run: `make bench-peers`.

One contestant runs at a time and has the machine with the load generator: it is started, asked until it answers
right (its cold start), warmed, loaded, weighed and ended; then the next, and so round after round. What is shown
are medians over the rounds.
"""

import argparse
import json
import math
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers import chart, report
from benchmarks.peers.catalog import ALONE, BARE, PEERS, THREADS, Peer
from benchmarks.peers.processes import adopt_orphans, clock, loopback_only, memory_mib, sweep
from benchmarks.peers.questions import KINDS, ROOT, TITLES, Question, make_models, question
from benchmarks.peers.session import Failed, Running, running, whole
from benchmarks.peers.venvs import NotInstalled, python_of, version_of
from benchmarks.wrk import Measured, measure
from rich.console import Console

WHOLE = "Modelyard, full path"
TRIES = 3
QUIET_CORES = 0.25
"""Cores that other processes may keep busy in a measurement that counts."""
LOOP = """
import sys, time, predict, numpy as np
model = predict.load()
best = 0.0
for size in (32, 64, 128):
    rows = np.random.default_rng(0).random((size, 784), dtype=np.float32)
    model(rows)
    began, calls = time.perf_counter(), 0
    while time.perf_counter() - began < float(sys.argv[1]):
        model(rows)
        calls += 1
    best = max(best, calls * size / (time.perf_counter() - began))
print(best)
"""


def quiet(rounds: list[dict[str, float]]) -> list[dict[str, float]]:
    """The rounds during which nobody else used the machine; if there are none, all of them."""
    return [r for r in rounds if r.get("others_cores", 0.0) <= QUIET_CORES] or rounds


@dataclass
class Contestant:
    """One line of the table for one model. `skipped` says why there are no figures."""

    name: str
    kind: str
    peer: Peer | None
    skipped: str = ""
    rounds: list[dict[str, float]] = field(default_factory=list)

    def start(self, asked: Question, options: argparse.Namespace) -> AbstractContextManager[Running]:
        if self.peer is None:
            return whole(asked, options.cache, options.blas)
        return running(self.peer, asked, options.cache, options.blas)

    def median(self, figure: str) -> float:
        """Over the rounds in which nobody else used the machine; without any, over all."""
        return statistics.median(r[figure] for r in quiet(self.rounds))


def one_round(each: Contestant, asked: Question, options: argparse.Namespace) -> None:
    """Raises Failed, NotInstalled."""
    with each.start(asked, options) as up:
        up.check(asked, 20)
        if options.smoke:
            each.rounds.append({"cold_start_s": up.cold_start_s})
            return
        measure(up.url, up.headers, up.body, connections=options.connections, seconds=1)
        got, others = undisturbed(up, options)
        rss, pss = memory_mib()
        up.check(asked, 5)
        each.rounds.append(
            {
                "per_second": got.per_second,
                "p50_ms": got.p50_ms,
                "p99_ms": got.p99_ms,
                "failed": got.failed,
                "others_cores": others,
                "rss_mib": rss,
                "pss_mib": pss,
                "cold_start_s": up.cold_start_s,
            }
        )


def undisturbed(up: Running, options: argparse.Namespace) -> tuple[Measured, float]:
    """A measurement during which nobody else used the machine, or the least disturbed of three, and how much."""
    tries: list[tuple[float, Measured]] = []
    while not tries or (tries[-1][0] > QUIET_CORES and len(tries) < TRIES):
        before = clock()
        got = measure(up.url, up.headers, up.body, connections=options.connections, seconds=options.seconds)
        tries.append((clock().others(before), got))
    others, best = min(tries, key=lambda each: each[0])
    return best, others


def loop_rate(kind: str, options: argparse.Namespace) -> float:
    """Rows a second of the model called in a loop, without any server, at the best of three batch sizes."""
    env = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).parent),
        "BENCH_MODEL": kind,
        "BENCH_MODELS": str(options.cache / "models"),
        **dict.fromkeys(THREADS, str(options.blas)),
    }
    command = [sys.executable, "-c", LOOP, str(options.seconds / 3)]
    return float(subprocess.run(command, check=True, env=env, capture_output=True, text=True).stdout)


def contestants(options: argparse.Namespace) -> list[str]:
    names = [BARE.name, WHOLE, ALONE.name, *(p.name for p in PEERS if p not in (BARE, ALONE))]
    return [n for n in names if any(o.lower() in n.lower() for o in options.only.split(","))]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="length of one measurement")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--blas", type=int, default=1, help="threads of BLAS, everywhere")
    parser.add_argument("--models", default=",".join(KINDS))
    parser.add_argument("--only", default="", help="contestants whose names contain one of these, comma-separated")
    parser.add_argument("--smoke", action="store_true", help="start each once, check its answers, no load")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", help="environments and models")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "peers.json")
    parser.add_argument("--docs", type=Path, help="publish in the page and the chart of this directory")
    parser.add_argument("--render", type=Path, help="measure nothing: show and publish this result")
    parser.add_argument("--until", type=float, default=math.inf, help="begin no round after so many seconds")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    options.cache = options.cache.absolute()
    if options.render:
        show(json.loads(options.render.read_text()), options.docs)
        return 0
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through every `finally`
    console = Console(highlight=False, width=130)
    make_models(options.cache / "models")
    by_name = {p.name: p for p in PEERS}
    missing: dict[str, str] = {}
    for name in contestants(options):
        directory = by_name[name].directory if name in by_name else ""
        if directory:
            with console.status(f"environment of {name}"):
                try:
                    python_of(directory, options.cache)
                except NotInstalled as error:
                    missing[name] = str(error)
                    console.print(f"SKIPPED {name}: cannot be installed here: {error}", style="bold red")
    if not loopback_only():
        console.print(
            "no right to a network of its own: some peers will listen on every interface", style="bold red"
        )
    questions = {kind: question(kind, options.cache / "models") for kind in options.models.split(",")}
    field_ = [
        Contestant(name, kind, by_name.get(name), missing.get(name, ""))
        for kind in questions
        for name in contestants(options)
    ]
    loops: dict[str, list[float]] = {kind: [] for kind in questions if kind.startswith("mlp")}
    began, done = time.monotonic(), 0
    load_before = os.getloadavg()[0]
    for n in range(1 if options.smoke else options.rounds):
        if time.monotonic() - began > options.until:
            console.print(f"time is up: {n} rounds", style="bold")
            break
        for kind, rates in loops.items():
            if not options.smoke:
                rates.append(loop_rate(kind, options))
        for each in field_:
            if not each.skipped:
                try:
                    one_round(each, questions[each.kind], options)
                    said = "  ".join(f"{k} {v:,.2f}" for k, v in each.rounds[-1].items())
                except (Failed, NotInstalled, OSError, subprocess.SubprocessError) as error:
                    each.skipped = str(error)
                    said = f"FAILED: {error}"
                console.print(f"round {n + 1}  {TITLES[each.kind]:<18} {each.name:<24} {said}", style="dim")
                sweep()
        done = n + 1
        if not options.smoke:
            save(options, field_, loops, done, load_before)
    if options.smoke:
        return 1 if any(c.skipped for c in field_) else 0
    show(save(options, field_, loops, done, load_before), options.docs)
    return 1 if any(c.skipped for c in field_) else 0


def show(result: dict[str, Any], docs: Path | None) -> None:
    console = Console(highlight=False, width=130)
    for kind in dict.fromkeys(row["model"] for row in result["results"]):
        console.print(report.table(result, kind))
    console.print(report.footer(result))
    if docs:
        report.publish(docs / "benchmarks.md", "peers", report.markdown(result))
        (docs / "peers.svg").write_text(chart.svg(result))


def save(
    options: argparse.Namespace,
    field_: list[Contestant],
    loops: dict[str, list[float]],
    rounds: int,
    load_before: float,
) -> dict[str, Any]:
    """Writes what is known so far; the same as a value."""
    figures = ("per_second", "p50_ms", "p99_ms", "rss_mib", "pss_mib", "cold_start_s", "others_cores")
    result: dict[str, Any] = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load_before": round(load_before, 2),
        "rounds": rounds,
        "seconds": options.seconds,
        "connections": options.connections,
        "blas": options.blas,
        "loop": {kind: statistics.median(rates) for kind, rates in loops.items() if rates},
        "versions": {p.name: version_of(p.directory, p.package) for p in PEERS if p.directory},
        "settings": {p.name: p.setting for p in PEERS},
        "results": [
            {
                "name": c.name,
                "model": c.kind,
                "skipped": c.skipped,
                "failed": sum(int(r["failed"]) for r in c.rounds),
                "median": {f: round(c.median(f), 3) for f in figures if f in c.rounds[0]} if c.rounds else {},
                "rounds": c.rounds,
            }
            for c in field_
        ],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=1) + "\n")
    return result


if __name__ == "__main__":
    sys.exit(main())
