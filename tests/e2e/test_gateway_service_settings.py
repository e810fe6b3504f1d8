"""What a service's settings do to requests, through a real Envoy: limits, balancing, WebSocket."""

import asyncio
import base64
import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.gateway import GatewayWorld, Instance, Seen, gateway_world, route, token

from modelyard.domain.routing import LoadBalancer, TrafficLimit

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path) as made:
        await made.gateway.load(())
        await made.answers(404, "none")
        yield made


async def test_the_traffic_limit_answers_429_and_only_beyond_it(world: GatewayWorld) -> None:
    await world.instance("a")
    await world.published(replace(route(a=100), traffic_limit=TrafficLimit(5, 24 * 3600)))
    answers = [await world.call() for _ in range(12)]
    assert Counter(answer.status_code for answer in answers) == {200: 5, 429: 7}
    refused = answers[-1].json()
    assert refused["error_code"] == "ModelArts.4206"
    assert "Excessive number of requests to s" in refused["message"]
    assert len(world.instances["a"].seen) == 5
    nobody = await world.call(headers={"X-Auth-Token": None})
    stranger = await world.call(headers={"X-Auth-Token": token("other")})
    assert (nobody.status_code, stranger.status_code) == (401, 403)


async def test_the_limit_is_one_for_all_connections_and_comes_and_goes(world: GatewayWorld) -> None:
    await world.instance("a")
    limited = replace(route(a=100), traffic_limit=TrafficLimit(3, 24 * 3600))
    await world.published(limited)
    answers = await asyncio.gather(*(world.call() for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 3, 429: 17}
    await world.published(replace(limited, traffic_limit=None))
    answers = await asyncio.gather(*(world.call() for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {200: 20}


@pytest.mark.parametrize("balancer", list(LoadBalancer))
async def test_a_change_of_the_balancer_costs_no_request(world: GatewayWorld, balancer: LoadBalancer) -> None:
    await world.instance("a")
    await world.instance("b")
    begun = LoadBalancer.ROUND_ROBIN if balancer is not LoadBalancer.ROUND_ROBIN else LoadBalancer.SOURCE_IP
    before = replace(route(a=50, b=50), load_balancer=begun)
    await world.published(before)
    done = asyncio.Event()
    statuses: Counter[int] = Counter()

    async def callers() -> None:
        while not done.is_set():
            statuses[(await world.call()).status_code] += 1

    calling = [asyncio.create_task(callers()) for _ in range(4)]
    await world.published(replace(before, load_balancer=balancer))
    answers = {(await world.call()).text for _ in range(100)}
    done.set()
    await asyncio.gather(*calling)
    assert set(statuses) == {200}
    assert len(answers) == (1 if balancer is LoadBalancer.SOURCE_IP else 2)


async def test_source_ip_moves_to_who_is_left(world: GatewayWorld) -> None:
    for name in ("a", "b", "c"):
        await world.instance(name)
    await world.published(replace(route(a_b=60, c=40), load_balancer=LoadBalancer.SOURCE_IP))
    first = {(await world.call()).text for _ in range(20)}
    assert len(first) == 1
    await world.instances[first.pop()].kill()
    answers = [await world.call() for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) <= 2  # where it was retried, then where it stays


def accept(instance: Instance, seen: Seen, writer: asyncio.StreamWriter) -> "asyncio.Future[None] | None":
    """Behave as a WebSocket server that sends one text frame with its name, then leaves the connection open."""
    del instance
    key = seen.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    accepted = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
        + f"sec-websocket-accept: {accepted}\r\n\r\n".encode()
        + b"\x81\x02hi"
    )
    return asyncio.get_running_loop().create_future()


async def upgrade(port: int) -> tuple[str, asyncio.StreamReader, asyncio.StreamWriter]:
    """(first line of the answer, the connection after its head)."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        "GET /v1/infers/s/chat?room=1 HTTP/1.1",
        "host: gateway",
        f"x-auth-token: {token()}",
        "upgrade: WebSocket",
        "connection: Upgrade",
        f"sec-websocket-key: {key}",
        "sec-websocket-version: 13",
        "",
        "",
    )
    writer.write("\r\n".join(lines).encode())
    head = await reader.readuntil(b"\r\n\r\n")
    return head.decode().split("\r\n")[0], reader, writer


async def test_a_websocket_outlives_the_timeout_of_requests_and_the_route(world: GatewayWorld) -> None:
    instance = await world.instance("a")
    await world.instance("b")
    instance.behave = accept
    opened = replace(route(a=100), websocket=True, request_timeout_s=0.2)
    await world.published(opened)
    line, reader, writer = await upgrade(world.port)
    assert "101" in line
    assert await reader.readexactly(4) == b"\x81\x02hi"
    (seen,) = instance.seen
    assert seen.line == "GET /chat?room=1 HTTP/1.1"
    assert "x-auth-token" not in seen.headers
    await world.published(replace(route(b=100), websocket=True, request_timeout_s=0.2))
    assert (await world.call()).text == "b"
    world.instances["b"].behave = lambda *_: None
    assert (await world.call()).status_code == 504  # so long is the timeout of a request, and it is over
    (backend,) = instance.writers
    backend.write(b"\x81\x03bye")
    assert await asyncio.wait_for(reader.readexactly(5), 5) == b"\x81\x03bye"
    writer.close()


async def test_no_upgrade_where_it_was_not_asked_for(world: GatewayWorld) -> None:
    instance = await world.instance("a")
    instance.behave = accept
    await world.published(route(a=100))
    line, _, writer = await upgrade(world.port)
    assert "403" in line
    assert instance.seen == []
    writer.close()


async def test_the_body_limit_holds_beside_websockets(world: GatewayWorld) -> None:
    await world.instance("a")
    await world.published(replace(route(a=100), websocket=True, max_body_bytes=1000))
    assert (await world.call(content=b"x" * 1000)).status_code == 200
    too_large = await world.call(content=b"x" * 1001)
    assert (too_large.status_code, too_large.json()["error_code"]) == (413, "ModelArts.4104")
