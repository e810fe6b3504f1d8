"""Throughput of the full path beside its peers, in one interleaved run: `make bench`.

Every peer runs throughout; rounds alternate over them, one measured at a time, so that a noisy machine is noisy
for all of them. The same JSON body, one process of each, 64 keep-alive connections. Reported: the median of the
rounds, and the median of each round's ratio to the bare server; ratios travel between machines, absolute figures
do not.
"""

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks.wrk import Measured, measure
from examples.demo.stage import Stage, free_ports, until
from rich.console import Console
from rich.table import Table

from modelyard.client import Variant

ECHO = Path(__file__).parents[1] / "examples" / "echo"
BODY = json.dumps({"data": {"req_data": [{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4}]}})
BARE = "Granian, bare"


@dataclass
class Peer:
    """Something that answers at `url`."""

    name: str
    url: str
    headers: dict[str, str] = field(default_factory=dict)
    rounds: list[Measured] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        return statistics.median(m.per_second for m in self.rounds)

    def ratio(self, bare: "Peer") -> float:
        """How much of the bare server's throughput, each round compared with the same round."""
        pairs = zip(self.rounds, bare.rounds, strict=True)
        return statistics.median(mine.per_second / theirs.per_second for mine, theirs in pairs)


@contextmanager
def process(name: str, *command: str, port: int) -> Iterator[Peer]:
    """A peer that is one command, ended on the way out."""
    root = Path(__file__).parents[1]
    running = subprocess.Popen([sys.executable, "-m", *command], cwd=root, start_new_session=True)
    try:
        until(lambda: answers(port), 30, name)
        yield Peer(name, f"http://127.0.0.1:{port}/")
    finally:
        running.terminate()
        running.wait()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


@contextmanager
def modelyard() -> Iterator[Peer]:
    """The whole of it: token check, weights, Envoy, model server, the echo example."""
    with Stage() as stage:
        stage.up()
        location = stage.put_object("echo", ECHO)
        with stage.client() as yard:
            model_id = yard.models.wait(yard.models.publish("echo", "1.0.0", location, "Custom")).model_id
            service = yard.services.wait(yard.services.create("echo", [Variant(model_id=model_id)]))
            yield Peer("Modelyard, full path", service.access_address, {"X-Auth-Token": yard.session.token()})


def peers(stack: ExitStack) -> list[Peer]:
    """Every peer, started."""
    granian_port, fastapi_port = free_ports(2)
    granian = ("granian", "--interface", "rsgi", "--workers", "1", "--no-log", "--loop", "uvloop")
    uvicorn = ("uvicorn", "--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
    return [
        stack.enter_context(
            process(
                BARE, *granian, "--port", str(granian_port), "benchmarks.peers.bare_granian:app", port=granian_port
            )
        ),
        stack.enter_context(modelyard()),
        stack.enter_context(
            process(
                "FastAPI + uvicorn",
                *uvicorn,
                "--port",
                str(fastapi_port),
                "benchmarks.peers.fastapi_echo:app",
                port=fastapi_port,
            )
        ),
    ]


def table(found: list[Peer]) -> Table:
    bare = next(p for p in found if p.name == BARE)
    shown = Table(title="Throughput, 64 keep-alive connections", title_justify="left", title_style="bold")
    shown.add_column("peer")
    for column in ("requests/s", "ratio", "p50", "p99", "failed"):
        shown.add_column(column, justify="right")
    for peer in found:
        shown.add_row(
            peer.name,
            f"{peer.per_second:,.0f}",
            f"{peer.ratio(bare):.2f}",
            f"{statistics.median(m.p50_ms for m in peer.rounds):.1f} ms",
            f"{statistics.median(m.p99_ms for m in peer.rounds):.1f} ms",
            str(sum(m.failed for m in peer.rounds)),
        )
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="length of one measurement")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--out", type=Path, default=Path("build/throughput.json"))
    options = parser.parse_args()
    console = Console(highlight=False)
    with ExitStack() as stack:
        with console.status("starting every peer"):
            found = peers(stack)
        for peer in found:  # one unmeasured round: caches, connection pools, branch predictors
            measure(peer.url, peer.headers, BODY, connections=options.connections, seconds=1)
        for n in range(options.rounds):
            for peer in found:
                with console.status(f"round {n + 1} of {options.rounds}: {peer.name}"):
                    got = measure(
                        peer.url, peer.headers, BODY, connections=options.connections, seconds=options.seconds
                    )
                peer.rounds.append(got)
                console.print(f"round {n + 1}  {peer.name:<22} {got.per_second:>10,.0f}/s", style="dim")
    console.print(table(found))
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}"
    console.print(f"{options.rounds} rounds of {options.seconds} s, {found[0].rounds[0].tool}, {machine}.")
    result = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "options": {k: str(v) for k, v in vars(options).items()},
        "peers": [
            {"name": p.name, "per_second": p.per_second, "rounds": [asdict(m) for m in p.rounds]} for p in found
        ],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if any(m.failed for p in found for m in p.rounds) else 0


if __name__ == "__main__":
    sys.exit(main())
