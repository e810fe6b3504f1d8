"""The access log of services that ask for one, through a real Envoy to the kept lines."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.gateway import GatewayWorld, envoy_pid, gateway_world, route, token

from modelyard.control.calls import CallsKeeper, nobodys
from modelyard.control.collecting import Collector
from modelyard.domain.logs import GATEWAY, Line, LogQuery
from modelyard.domain.routing import AccessLog, LoggedCalls, RouteState
from modelyard.logs.memory import MemoryLogs

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]

ALL, ERRORS = AccessLog(LoggedCalls.ALL), AccessLog(LoggedCalls.ERRORS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path) as made:
        await made.gateway.load(())
        await made.answers(404, "none")
        yield made


class Reader:
    """What is kept of the calls of service `s`. `successor`: another control plane goes on."""

    def __init__(self, world: GatewayWorld) -> None:
        self.world = world
        self.logs = MemoryLogs()
        self.successor()

    def successor(self) -> None:
        keeper = CallsKeeper(self.logs, self.project)
        self.collector = Collector(self.world.gateway.calls, keeper, nobodys, lambda: 0)

    async def project(self, service_id: str) -> str | None:
        return "p" if service_id == "s" else None

    async def lines(self, count: int) -> tuple[Line, ...]:
        """As soon as there are so many."""
        async with asyncio.timeout(20):
            while True:
                await self.collector.round()
                found = (await self.logs.search("s", LogQuery(instance_id=GATEWAY))).lines
                if len(found) >= count:
                    return found
                await asyncio.sleep(0.05)


async def test_every_call_is_told_of_and_nothing_that_it_carried(world: GatewayWorld) -> None:
    await world.instance("a")
    await world.published(replace(route(a=100), access_log=ALL))
    answer = await world.call("s/a/b?password=hunter22", headers={"X-Request-Id": "my-request-1"})
    assert answer.status_code == 200
    (line,) = await Reader(world).lines(1)
    assert line.text.startswith("POST /a/b 200 in ")
    assert "request my-request-1" in line.text
    assert line.reference == "my-request-1"
    assert "hunter22" not in line.text
    assert token().partition(".")[0] not in line.text
    assert (line.origin.project_id, line.origin.service_id, line.origin.instance_id) == ("p", "s", GATEWAY)


async def test_failed_calls_are_told_of_and_no_others(world: GatewayWorld) -> None:
    await world.instance("a")
    await world.published(replace(route(a=100), access_log=ERRORS))
    assert (await world.call()).status_code == 200
    assert (await world.call(headers={"X-Auth-Token": None})).status_code == 401
    assert (await world.call(headers={"X-Auth-Token": token("other")})).status_code == 403
    await world.published(replace(route(a=100), access_log=ERRORS, state=RouteState.STOPPED, tracks=()))
    assert (await world.call()).status_code == 400
    lines = await Reader(world).lines(3)
    assert [line.text.split()[2] for line in lines] == ["401", "403", "400"]


async def test_a_share_of_the_calls(world: GatewayWorld) -> None:
    await world.instance("a")
    await world.published(replace(route(a=100), access_log=AccessLog(LoggedCalls.SAMPLED, 0.3)))
    for _ in range(10):
        await asyncio.gather(*(world.call() for _ in range(40)))
    await world.published(replace(route(a=100), access_log=ALL))
    assert (await world.call(headers={"X-Request-Id": "the-last-one"})).status_code == 200
    reader = Reader(world)
    async with asyncio.timeout(20):
        while (lines := await reader.lines(1))[-1].reference != "the-last-one":  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert 60 <= len(lines) - 1 <= 180  # of 400, 120 expected


async def test_of_who_does_not_ask_nothing_is_written(world: GatewayWorld) -> None:
    await world.instance("a")
    await world.published(route(a=100))
    assert (await world.call()).status_code == 200
    assert (await world.call(headers={"X-Auth-Token": None})).status_code == 401
    await world.published(replace(route(a=100), access_log=ALL))
    assert (await world.call(headers={"X-Request-Id": "the-last-one"})).status_code == 200
    (line,) = await Reader(world).lines(1)
    assert line.reference == "the-last-one"


async def test_a_successor_doubles_nothing_and_an_envoy_that_died_had_its_last_words(world: GatewayWorld) -> None:
    await world.instance("a")
    await world.published(replace(route(a=100), access_log=ALL))
    reader = Reader(world)
    await world.call(headers={"X-Request-Id": "request-1"})
    await reader.lines(1)
    reader.successor()
    await world.call(headers={"X-Request-Id": "request-2"})
    lines = await reader.lines(2)
    assert [line.reference for line in lines] == ["request-1", "request-2"]
    (before,) = await world.gateway.calls.outputs()
    await world.call(headers={"X-Request-Id": "request-3"})
    async with asyncio.timeout(20):
        while (await world.gateway.calls.outputs())[0].mark == before.mark:  # noqa: ASYNC110 - until it was flushed
            await asyncio.sleep(0.02)
    os.kill(envoy_pid(world.data_dir), signal.SIGKILL)
    await world.answers(200)
    lines = await reader.lines(4)
    assert [line.reference for line in lines[:3]] == ["request-1", "request-2", "request-3"]
    assert len(await world.gateway.calls.outputs()) == 1
