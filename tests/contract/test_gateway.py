"""What `gateway.base` promises, asked of the fake and of a real Envoy."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from tests.worlds.gateway import JWKS, envoy_pid, free_port

from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.gateway.base import Gateway, GatewayView
from modelyard.gateway.envoy import EnvoyGateway
from modelyard.gateway.fake import FakeGateway

A, B = Endpoint("a", "unix:a.sock"), Endpoint("b", "unix:b.sock")
OPEN = ServiceRoute("s", "p", RouteState.OPEN, (TrackRoute(0, 70, (A,)), TrackRoute(1, 30, (B,))))
OTHER = replace(OPEN, service_id="t")
STOPPED = replace(OPEN, state=RouteState.STOPPED, tracks=())


@dataclass
class Subject:
    """A gateway, and how to make it suffer."""

    gateway: Gateway
    die: Callable[[], None]
    revive: Callable[[], None]
    told: list[str]

    async def until(self, true: Callable[[], bool]) -> None:
        changed = asyncio.Event()
        self.gateway.watch(lambda _: changed.set())
        async with asyncio.timeout(10):
            while not true():
                await changed.wait()
                changed.clear()

    async def acked(self, *routes: ServiceRoute) -> None:
        await self.until(lambda: all(self.gateway.view(r.service_id) == GatewayView(r) for r in routes))


@asynccontextmanager
async def fake(_data_dir: Path) -> AsyncIterator[Subject]:
    made = FakeGateway()
    await made.open()
    yield Subject(made, made.die, made.revive, [])
    await made.close()


@asynccontextmanager
async def envoy(data_dir: Path) -> AsyncIterator[Subject]:
    made = EnvoyGateway(data_dir, free_port(), JWKS, host="127.0.0.1", concurrency=1)

    def die() -> None:
        os.kill(envoy_pid(data_dir), signal.SIGKILL)

    await made.open()
    yield Subject(made, die, lambda: None, [])
    await made.stop()


Make = Callable[[Path], AbstractAsyncContextManager[Subject]]


@pytest.fixture(params=[fake, pytest.param(envoy, marks=pytest.mark.e2e)], ids=["fake", "envoy"])
async def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Subject]:
    make: Make = request.param
    async with make(tmp_path) as made:
        made.gateway.watch(made.told.append)
        yield made


async def test_the_whole_table_is_published_by_load_and_nothing_before(subject: Subject) -> None:
    assert subject.gateway.view("s") == GatewayView()
    await subject.gateway.load([OPEN, OTHER])
    await subject.acked(OPEN, OTHER)
    assert set(subject.told) == {"s", "t"}


async def test_a_put_is_acknowledged_and_told(subject: Subject) -> None:
    await subject.gateway.load([])
    for route in (OPEN, replace(OPEN, request_timeout_s=5), STOPPED, OPEN):
        subject.told.clear()
        await subject.gateway.put(route)
        await subject.acked(route)
        assert set(subject.told) == {"s"}


async def test_an_equal_put_changes_nothing(subject: Subject) -> None:
    await subject.gateway.load([OPEN])
    await subject.acked(OPEN)
    subject.told.clear()
    await subject.gateway.put(replace(OPEN))
    await subject.gateway.put(OTHER)
    await subject.acked(OTHER)
    assert set(subject.told) == {"t"}


async def test_what_is_removed_is_gone(subject: Subject) -> None:
    await subject.gateway.load([OPEN, OTHER])
    await subject.acked(OPEN, OTHER)
    await subject.gateway.remove("s")
    await subject.gateway.remove("never there")
    await subject.until(lambda: subject.gateway.view("s") == GatewayView())
    assert subject.gateway.view("t").acked == OTHER
    await subject.gateway.put(OPEN)
    await subject.acked(OPEN)


async def test_load_removes_what_is_beyond_it(subject: Subject) -> None:
    await subject.gateway.load([OPEN, OTHER])
    await subject.acked(OPEN, OTHER)
    await subject.gateway.load([OTHER])
    await subject.until(lambda: subject.gateway.view("s") == GatewayView())
    assert subject.gateway.view("t").acked == OTHER


async def test_death_takes_the_views_and_the_counters_epoch(subject: Subject) -> None:
    await subject.gateway.load([OPEN])
    await subject.acked(OPEN)
    before = await subject.gateway.counters()
    assert subject.gateway.connected()
    seen: list[ServiceRoute | None] = []
    subject.gateway.watch(lambda service_id: seen.append(subject.gateway.view(service_id).acked))
    subject.die()
    await subject.until(lambda: None in seen)
    subject.revive()
    await subject.acked(OPEN)
    assert subject.gateway.connected()
    after = await subject.gateway.counters()
    assert before is not None and after is not None and before.epoch != after.epoch


async def test_a_service_put_before_load_is_only_published_by_load(subject: Subject) -> None:
    await subject.gateway.put(OPEN)
    await subject.gateway.load([OTHER])
    await subject.acked(OTHER)
    assert subject.gateway.view("s") == GatewayView()


async def test_who_stops_it_ends_it_and_end_finds_it_ended(subject: Subject) -> None:
    await subject.gateway.load([OPEN])
    await subject.acked(OPEN)
    await subject.gateway.stop()
    assert not subject.gateway.connected()
    await subject.gateway.end()
    assert await subject.gateway.counters() is None
