"""The same job by a batch service, a plain loop, MLServer's `infer` and Ray Data, one interleaved run:
`make bench-batch`. With `--scale`: what the batch service costs at 10⁴ to 10⁷ rows and at many small files.

Whatever belongs to a contestant, servers and clients alike, has the same cores: one core for one worker, two for
two. So rows a second of a core are what the core gives, gateway, control plane and ledger included.
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.batch import ours, peers, report, scale
from benchmarks.batch.models import KINDS, Kind, package, rows
from benchmarks.batch.peers import HERE, Failed, Timed, Work
from benchmarks.peers.processes import adopt_orphans, clock, loopback_only, sweep
from benchmarks.peers.venvs import NotInstalled, python_of, version_of
from rich.console import Console

ROOT = Path(__file__).parents[2]
LOOP_SIZES = (64, 256, 1024, 4096, 16384)
PEER_SIZES = (64, 256, 1024, 4096)
TUNING_ROWS, INFER_ROWS = 20_000, 5_000
ONE, TWO = (0,), (0, 1)


@dataclass
class Contestant:
    """`run` does the job once; `size` is the batch size that was best when it was tried."""

    name: str
    kind: Kind
    cores: tuple[int, ...]
    run: Callable[[], Timed]
    size: int = 0
    skipped: str = ""
    rounds: list[dict[str, float]] = field(default_factory=list)

    def once(self) -> None:
        before = clock()
        timed = self.run()
        self.rounds.append(
            {
                "per_second": timed.per_second,
                "rows": timed.rows,
                "seconds": timed.seconds,
                "start_s": timed.start_s,
                "per_cpu_s": timed.rows / timed.cpu_s if timed.cpu_s else 0.0,
                "others_cores": clock().others(before),
            }
        )

    def median(self, figure: str) -> float:
        return statistics.median(each[figure] for each in self.rounds)


def best(kind: Kind, sizes: tuple[int, ...], ask: Callable[[int], Timed], console: Console, who: str) -> int:
    """The batch size at which this contestant is fastest."""
    tried = {size: ask(size).per_second for size in sizes}
    said = ", ".join(f"{size}: {rate:,.0f}" for size, rate in tried.items())
    console.print(f"{kind.title}: rows/s of {who} by batch size: {said}", style="dim")
    return max(tried, key=lambda size: tried[size])


def contestants(kind: Kind, options: argparse.Namespace, console: Console, scratch: Path) -> list[Contestant]:
    """Everybody, with the batch sizes that are best for them. Those that cannot be had say why."""
    cache: Path = options.cache
    file = package(kind, cache / "batch") / "model" / kind.file
    data = cache / "batch" / "rows"

    def work(count: int, cores: tuple[int, ...]) -> Work:
        return Work(kind, file, rows(kind, count, data), cores, len(cores), cache)

    few, many = work(TUNING_ROWS, ONE), work(options.rows, ONE)
    size = best(kind, LOOP_SIZES, lambda n: peers.loop(few, n, scratch / "tuned"), console, "the loop")
    expected = scratch / f"{kind.name}.txt"
    found = [
        Contestant("loop", kind, ONE, lambda: peers.loop(many, size, expected), size),
        Contestant("the model alone", kind, ONE, lambda: peers.loop(many, size, Path("-")), size),
    ]

    def whole(cores: tuple[int, ...], workers: int) -> Callable[[], Timed]:
        def run() -> Timed:
            with ours.yard(cores) as yard:
                job = yard.run(kind, many.rows, workers, cache)
                check(job.output, many.rows.name, expected)
                return job.timed

        return run

    for cores, workers in ((ONE, 1), (TWO, 1), (TWO, 2)):
        found.append(Contestant(report.OURS[len(cores), workers], kind, cores, whole(cores, workers)))
    if report.RAY not in options.missing and wanted(report.RAY, options):
        tuned = best(kind, PEER_SIZES[2:], lambda n: peers.ray_data(few, n), console, report.RAY)
        for cores in (ONE, TWO):
            job = work(options.rows, cores)
            found.append(Contestant(report.RAY, kind, cores, lambda job=job: peers.ray_data(job, tuned), tuned))
    if report.MLSERVER not in options.missing and wanted(report.MLSERVER, options):
        asked = work(INFER_ROWS, ONE)
        with peers.mlserver(asked) as url:
            ask = lambda n: peers.mlserver_infer(asked, n, url, 1)  # noqa: E731
            tuned = best(kind, PEER_SIZES, ask, console, report.MLSERVER)
        for cores in (ONE, TWO):
            job = work(min(options.rows, 4 * INFER_ROWS), cores)
            found.append(Contestant(report.MLSERVER, kind, cores, lambda job=job: infer(job, tuned), tuned))
    return [each for each in found if wanted(each.name, options)]


def wanted(name: str, options: argparse.Namespace) -> bool:
    return any(part in name for part in options.only.split(","))


def infer(work: Work, size: int) -> Timed:
    with peers.mlserver(work) as url:
        return peers.mlserver_infer(work, size, url, 2 * work.workers)


def check(results: Path, name: str, expected: Path) -> None:
    """The lines must be those of the loop. Raises Failed."""
    if not expected.exists():
        return
    with (results / f"{name}_result.txt").open() as ours_, expected.open() as theirs:
        for number, (one, other) in enumerate(zip_longest(ours_, theirs)):
            if one != other:
                raise Failed(f"line {number} is {one!r}, and {other!r} in the loop")


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.batch", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--models", default=",".join(KINDS))
    parser.add_argument("--only", default="", help="contestants whose names contain one of these, comma-separated")
    parser.add_argument("--scale", action="store_true", help="cost and memory by the number of rows instead")
    parser.add_argument("--most", type=int, default=10_000_000, help="with --scale: up to so many rows")
    parser.add_argument("--files", type=int, default=100_000, help="with --scale: so many small files")
    parser.add_argument("--cache", type=Path, default=ROOT / ".bench", help="environments, models, rows")
    parser.add_argument("--out", type=Path, default=ROOT / "build", help="where results are written as JSON")
    parser.add_argument("--docs", type=Path, help="publish in batch-speed.md of this directory")
    return parser.parse_args()


def main() -> int:
    options = parsed()
    options.cache = options.cache.absolute()
    options.out.mkdir(parents=True, exist_ok=True)
    adopt_orphans()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # through every `finally`
    console = Console(highlight=False, width=130)
    about = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load_before": round(os.getloadavg()[0], 2),
    }
    if options.scale:
        result = scale.measured(options.most, options.files, options.cache, console)
        return show({**about, **result}, options, console, "scale")
    options.missing = missing(options.cache, console)
    if not loopback_only():
        console.print("no right to a network of its own: Ray will listen on every interface", style="bold red")
    versions = {
        report.RAY: version_of("ray_data", "ray", HERE),
        report.MLSERVER: version_of("mlserver_infer", "mlserver", HERE),
    }
    with TemporaryDirectory(prefix="mb-", dir="/tmp") as scratch:
        field_ = [
            each
            for name in options.models.split(",")
            for each in contestants(KINDS[name], options, console, Path(scratch))
        ]
        for n in range(options.rounds):
            for each in field_:
                one_round(each, n + 1, console)
            show({**about, **compared(field_, options, versions)}, options, console, "batch", n + 1)
    return 1 if options.missing or any(each.skipped for each in field_) else 0


def one_round(each: Contestant, number: int, console: Console) -> None:
    if each.skipped:
        return
    try:
        each.once()
        said = "  ".join(f"{k} {v:,.2f}" for k, v in each.rounds[-1].items())
    except (Failed, NotInstalled, OSError, TimeoutError, subprocess.SubprocessError) as error:
        each.skipped = str(error)
        said = f"FAILED: {error}"
    console.print(
        f"round {number}  {each.kind.title:<24} {each.name:<26} {len(each.cores)} cores  {said}", style="dim"
    )
    sweep()


def missing(cache: Path, console: Console) -> set[str]:
    """Those whose environment cannot be made here."""
    found = set()
    for name, directory in ((report.RAY, "ray_data"), (report.MLSERVER, "mlserver_infer")):
        try:
            python_of(directory, cache, HERE)
        except NotInstalled as error:
            found.add(name)
            console.print(f"SKIPPED {name}: cannot be installed here: {error}", style="bold red")
    return found


def compared(field_: list[Contestant], options: argparse.Namespace, versions: dict[str, str]) -> dict[str, Any]:
    figures = ("per_second", "per_cpu_s", "seconds", "start_s", "others_cores")
    return {
        "rows": options.rows,
        "rounds": max(len(each.rounds) for each in field_),
        "versions": versions,
        "results": [
            {
                "name": each.name,
                "model": each.kind.name,
                "cores": len(each.cores),
                "batch": each.size,
                "skipped": each.skipped,
                "median": {figure: round(each.median(figure), 3) for figure in figures} if each.rounds else {},
                "rounds": each.rounds,
            }
            for each in field_
        ],
    }


def show(
    result: dict[str, Any], options: argparse.Namespace, console: Console, name: str, number: int | None = None
) -> int:
    """Write the result, and say it once it is the last."""
    (options.out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n")
    if number is not None and number < options.rounds:
        return 0
    tables = report.scale_tables(result) if name == "scale" else report.tables(result)
    for table in tables:
        console.print(table.shown())
    console.print(report.footer(result))
    if options.docs:
        text = "\n".join([*(table.markdown() for table in tables), report.footer(result), ""])
        report.publish(options.docs / "batch-speed.md", name, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
