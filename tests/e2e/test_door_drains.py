"""What the count of a door's connections says of requests, with a real Envoy before it."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.doors import port_of, unix_listener
from tests.worlds.gateway import GatewayWorld, Instance, Seen, answer, gateway_world, route

from modelyard_runtime.door.reach import tcp
from modelyard_runtime.door.relay import Relay

pytestmark = pytest.mark.e2e
SOON_S = 2.0
"""Less than the 30 s after which Envoy closes idle connections, and than any patience."""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path) as made:
        await made.gateway.load(())
        await made.instance("b")
        yield made


@pytest.fixture
async def a(world: GatewayWorld) -> AsyncIterator[Instance]:
    """The instance `a`: a program on a TCP port."""
    program = Instance("a", world.data_dir / "unused")
    program.server = await asyncio.start_server(program._serve, "127.0.0.1", 0, limit=1 << 20)
    yield program
    await program.kill()


@pytest.fixture
async def relay(world: GatewayWorld, a: Instance) -> AsyncIterator[Relay]:
    """Its door."""
    assert a.server is not None
    made = Relay(unix_listener(world.data_dir / "a.sock"), tcp("127.0.0.1", port_of(a.server.sockets[0])))
    thread = threading.Thread(target=made.run)
    thread.start()
    yield made
    made.stop(0)
    await asyncio.to_thread(thread.join)


async def until_open(relay: Relay, count: int, limit_s: float = SOON_S) -> None:
    async with asyncio.timeout(limit_s):
        while relay.open != count:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_idle_connections_go_with_the_route(world: GatewayWorld, relay: Relay) -> None:
    await world.published(route(a=100))
    said = await asyncio.gather(*(world.call() for _ in range(32)))
    assert {one.text for one in said} == {"a"}
    assert relay.open > 0, "Envoy keeps connections for the next requests"
    await world.published(route(b=100))
    await until_open(relay, 0)
    assert (await world.call()).text == "b"


async def test_whoever_is_inside_is_counted_until_the_answer(
    world: GatewayWorld, a: Instance, relay: Relay
) -> None:
    go_on = asyncio.Event()

    async def later(writer: asyncio.StreamWriter) -> None:
        await go_on.wait()
        answer(writer, 200, b"slow")
        await writer.drain()

    def behave(_instance: Instance, _seen: Seen, writer: asyncio.StreamWriter) -> "asyncio.Future[None]":
        return asyncio.ensure_future(later(writer))

    await world.published(route(a=100))
    await asyncio.gather(*(world.call() for _ in range(16)))
    a.behave = behave
    slow = [asyncio.create_task(world.call()) for _ in range(3)]
    await world.until(lambda: len(a.seen) == 19)
    await world.published(route(b=100))
    await until_open(relay, 3)
    with contextlib.suppress(TimeoutError):
        await until_open(relay, 0, 0.3)
    assert relay.open == 3
    go_on.set()
    assert {(await one).text for one in slow} == {"slow"}
    await until_open(relay, 0)
