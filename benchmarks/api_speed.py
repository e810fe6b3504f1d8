"""Speed of the API and bytes towards Envoy, and what they grow with: `make bench-api`.

The API is called in process (no network, one caller), over the real store in a SQLite file with full syncs. A PUT
of weights is bound to the present state like any other: its rollout is ended between two calls, unmeasured, as the
loop would. A row of the table is one set-up; set-ups differ in one thing only and are asked in turn. Beside the
times stand SQL statements, which no other process disturbs.

Bytes: a change of one service's weights among 10, 100 and 1,000 services, as the ADS stream sends it to Envoy,
which is a real one here (`EnvoyGateway.bytes_pushed`); beside it the bytes of the whole table, which a push of
everything would cost. Needs no other process than Envoy.
"""

import argparse
import asyncio
import json
import os
import platform
import socket
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table
from sqlalchemy import Engine, event
from tests.worlds.api import FIRST, ApiWorld, api_world, entry

from modelyard.domain.revision import Revision
from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.domain.service import Event, EventType, Rollout, RolloutKind, RolloutState, ServiceStatus
from modelyard.gateway.envoy import EnvoyGateway
from modelyard.iam.tokens import TokenKey
from modelyard.store.base import WriteTransaction
from modelyard.store.sql import SqlStore

MODELS = ("m-speed-1.0.0", "m-speed-2.0.0")
INSTANCES = 2
WARM_UP = 5
"""Rounds that fill caches and do not count."""
CHANGED = 10
"""So many services take the changes in turn, so that their histories stay near what the set-up says."""


@dataclass(frozen=True)
class Setup:
    """`services` in the project; `revisions` that each of the CHANGED ones has at the beginning."""

    services: int
    revisions: int = 1


@dataclass(frozen=True)
class Cost:
    """Of one kind of call: milliseconds, and SQL statements (the same in every call, or the most)."""

    p50_ms: float
    p99_ms: float
    statements: int
    count: int


@dataclass
class Calls:
    """Calls of one kind as they were measured."""

    seconds: list[float] = field(default_factory=list)
    statements: int = 0

    def cost(self) -> Cost:
        taken = sorted(self.seconds)
        count = len(taken)
        return Cost(taken[count // 2] * 1000, taken[count * 99 // 100] * 1000, self.statements, count)


class Statements:
    """Counts what is sent to any database."""

    def __init__(self) -> None:
        self.count = 0
        event.listen(Engine, "before_cursor_execute", self._sent)

    def _sent(self, *_: object) -> None:
        self.count += 1


@dataclass
class Yard:
    """A set-up, its API, and the calls that it answered."""

    setup: Setup
    world: ApiWorld
    targets: list[str]
    sent: Statements
    calls: dict[str, Calls] = field(default_factory=dict)

    async def call(self, kind: str, method: str, path: str, body: object = None) -> None:
        """One measured call; it must be answered 200."""
        headers = {"X-Auth-Token": self.world.token()}
        before, began = self.sent.count, time.perf_counter()
        url = f"/v1/{FIRST.id}/services{path}"
        answer = await self.world.client.request(method, url, headers=headers, json=body)
        took = time.perf_counter() - began
        assert answer.status_code == 200, answer.text
        calls = self.calls.setdefault(kind, Calls())
        calls.seconds.append(took)
        calls.statements = max(calls.statements, self.sent.count - before)

    async def round(self, n: int) -> None:
        """Each kind of call once."""
        target = self.targets[n % CHANGED]
        await self.call("get", "GET", f"/{target}")
        await self.call("put", "PUT", f"/{target}", {"config": config(1 + n % 99)})
        await self.world.brought(target, ServiceStatus.RUNNING)
        if n % 5 == 0:
            await self.call("list", "GET", "?limit=1000")


async def measured(rounds: int) -> dict[Setup, dict[str, Cost]]:
    """All set-ups at once, asked in turn: a noisy machine is noisy for all of them."""
    async with AsyncExitStack() as stack:
        sent, yards = Statements(), []
        for setup in SETUPS:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="modelyard-bench-"))
            world = await stack.enter_async_context(api_world(SqlStore(Path(directory) / "modelyard.db")))
            yards.append(Yard(setup, world, await stocked(world, setup), sent))
        for n in range(WARM_UP + rounds):
            for yard in yards:
                if n == WARM_UP:
                    yard.calls.clear()
                await yard.round(n)
        return {yard.setup: {kind: calls.cost() for kind, calls in yard.calls.items()} for yard in yards}


def config(first: int) -> list[dict[str, object]]:
    return [entry(MODELS[0], weight=first), entry(MODELS[1], weight=100 - first)]


async def stocked(world: ApiWorld, setup: Setup) -> list[str]:
    """Running services as the API and the loop leave them: one made by the API, and copies of it. The ids of those
    to change."""
    for version in ("1.0.0", "2.0.0"):
        await world.model(version, "speed")
    body = {"service_name": "speed-0", "infer_type": "real-time", "config": config(50)}
    answer = await world.call("POST", f"/v1/{FIRST.id}/services", body)
    assert answer.status_code == 200, answer.text
    first_id = str(answer.json()["service_id"])
    await world.brought(first_id, ServiceStatus.RUNNING)
    service, revision, _ = await world.stored(first_id)
    step = setup.services // CHANGED
    targets = [name(n) for n in range(0, setup.services, step)]
    last = setup.revisions
    async with world.store.write() as w:
        for n in range(setup.services):
            made = replace(service, id=name(n), name=f"speed-{n + 1}", revision=last, stable=last)
            await w.add_service(made)
            for number in range(1 if made.id in targets else last, last + 1):
                await history(w, replace(revision, service_id=made.id, number=number), world)
    return targets


def name(n: int) -> str:
    return f"00000000-0000-4000-9000-{n:012d}"


async def history(w: WriteTransaction, revision: Revision, world: ApiWorld) -> None:
    """One update that went well."""
    sid, number, now = revision.service_id, revision.number, world.clock()
    await w.add_revision(revision)
    done = Rollout(f"{sid}-{number}", sid, RolloutKind.UPDATE, number, None, now)
    await w.save_rollout(replace(done, state=RolloutState.SUCCESS, switched=True, ended_ms=now))
    await w.add_events([Event(sid, EventType.NORMAL, f"update {number}, step {step}", now) for step in range(5)])


@dataclass(frozen=True)
class Pushed:
    """Bytes towards Envoy: of one change of weights, of one instance more, of the whole table."""

    services: int
    weights: int
    instance: int
    everything: int
    acknowledged_ms: float


async def pushed(services: int) -> Pushed:
    """Against a real Envoy."""
    with tempfile.TemporaryDirectory(prefix="modelyard-bench-") as directory:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        gateway = EnvoyGateway(Path(directory), port, TokenKey.generate().jwks(), host="127.0.0.1", concurrency=1)
        changed = asyncio.Event()
        gateway.watch(lambda _: changed.set())
        await gateway.open()
        try:
            routes = [route(n) for n in range(services)]
            before = gateway.bytes_pushed()
            await gateway.load(routes)
            await acknowledged(gateway, changed, *routes)
            everything = gateway.bytes_pushed() - before
            weights, took = await one_change(gateway, changed, route(services // 2, first=30))
            instance, _ = await one_change(
                gateway, changed, route(services // 2, first=30, instances=INSTANCES + 1)
            )
            return Pushed(services, weights, instance, everything, took * 1000)
        finally:
            await gateway.stop()


async def one_change(gateway: EnvoyGateway, changed: asyncio.Event, wanted: ServiceRoute) -> tuple[int, float]:
    """(bytes, seconds until Envoy acknowledged)"""
    before, began = gateway.bytes_pushed(), time.perf_counter()
    await gateway.put(wanted)
    await acknowledged(gateway, changed, wanted)
    return gateway.bytes_pushed() - before, time.perf_counter() - began


async def acknowledged(gateway: EnvoyGateway, changed: asyncio.Event, *routes: ServiceRoute) -> None:
    async with asyncio.timeout(120):
        while any(gateway.view(r.service_id).acked != r for r in routes):
            await changed.wait()
            changed.clear()


def route(n: int, first: int = 70, instances: int = INSTANCES) -> ServiceRoute:
    """Two models, `first` percent to the first."""
    there = [f"{n}-{i}" for i in range(instances)]
    tracks = tuple(
        TrackRoute(track, weight, tuple(Endpoint(f"i-{at}-{track}", f"unix:i/{at}-{track}.sock") for at in there))
        for track, weight in enumerate((first, 100 - first))
    )
    return ServiceRoute(name(n), FIRST.id, RouteState.OPEN, tracks)


SETUPS = (Setup(10), Setup(100), Setup(1000), Setup(1000, 300))


def speed_table(found: dict[Setup, dict[str, Cost]]) -> Table:
    shown = Table(title="API over SQLite: p50 / p99 ms, SQL statements", title_justify="left", title_style="bold")
    for column in ("services", "revisions", "PUT of weights", "GET of the detail", "list of all"):
        shown.add_column(column, justify="right")
    for setup, of in found.items():
        costs = (of[kind] for kind in ("put", "get", "list"))
        cells = (f"{cost.p50_ms:.1f} / {cost.p99_ms:.1f}, {cost.statements}" for cost in costs)
        shown.add_row(f"{setup.services:,}", str(setup.revisions), *cells)
    return shown


def pushed_table(found: list[Pushed]) -> Table:
    shown = Table(title="Bytes towards Envoy", title_justify="left", title_style="bold")
    for column in ("services", "weights", "one instance more", "whole table", "acknowledged"):
        shown.add_column(column, justify="right")
    for one in found:
        figures = (one.services, one.weights, one.instance, one.everything)
        shown.add_row(*(f"{n:,}" for n in figures), f"{one.acknowledged_ms:.1f} ms")
    return shown


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=200, help="PUTs and GETs in each set-up")
    parser.add_argument("--out", type=Path, default=Path("build/api_speed.json"))
    options = parser.parse_args()
    console = Console(highlight=False)
    with console.status("the API"):
        speeds = asyncio.run(measured(options.rounds))
    console.print(speed_table(speeds))
    bytes_pushed = []
    for services in (10, 100, 1000):
        with console.status(f"Envoy with {services} services"):
            bytes_pushed.append(asyncio.run(pushed(services)))
    console.print(pushed_table(bytes_pushed))
    load = os.getloadavg()[0]
    machine = f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, load {load:.1f}"
    console.print(f"{options.rounds} rounds over the set-ups in turn; {machine}.")
    result = {
        "measured_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": machine,
        "api": [asdict(setup) | {name: asdict(one) for name, one in of.items()} for setup, of in speeds.items()],
        "gateway": [asdict(one) for one in bytes_pushed],
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2) + "\n")
    # A change costs the same among 1,000 services as among 10, and next to nothing of the whole table.
    smallest, largest = bytes_pushed[0], bytes_pushed[-1]
    return 0 if largest.weights <= smallest.weights * 1.1 else 1


if __name__ == "__main__":
    sys.exit(main())
