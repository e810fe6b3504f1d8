"""What callers can make Envoy hold: nothing of a request that is refused, and never more than its bound."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.gateway import GatewayWorld, envoy_pid, gateway_world, route, token

from modelyard.domain.identity import Access, Role
from modelyard.domain.routing import RouteState, TrafficLimit
from modelyard.gateway.signatures import Refusal, SignedCall

pytestmark = pytest.mark.e2e

CONNECTIONS = 30
BODY = 11 * 1024 * 1024
PART = bytes(256 * 1024)
HELD_MIB = 90
"""Of thirty connections: a window for each of what comes while a refusal is on its way, and no body."""
TOKEN = f"x-auth-token: {token()}\r\n"
CODE = "x-apig-appcode: a\r\n"
DATED = "x-sdk-date: 20200101T000000Z\r\n"
SIGNED = f"authorization: SDK-HMAC-SHA256 Access=A, SignedHeaders=host;x-sdk-date, Signature=ab\r\n{DATED}"
LENGTH = f"content-length: {BODY}\r\n"
CHUNKED = "transfer-encoding: chunked\r\n"
CASES = {
    "connect": ("CONNECT a:80", "", 401),
    "connect with a code": ("CONNECT a:80", CODE, 401),
    "connect with a token": ("CONNECT a:80", TOKEN, 404),
    "no token": ("POST /v1/infers/s", LENGTH, 401),
    "bad token": ("POST /v1/infers/s", f"x-auth-token: a\r\n{LENGTH}", 401),
    "unknown service, code": ("POST /v1/infers/none", CODE + LENGTH, 401),
    "unknown service, code, chunked": ("POST /v1/infers/none", CODE + CHUNKED, 401),
    "unknown service, code, upgrade": (
        "POST /v1/infers/none",
        f"{CODE}upgrade: websocket\r\nconnection: upgrade\r\n",
        401,
    ),
    "unknown service, token": ("POST /v1/infers/none", TOKEN + LENGTH, 404),
    "unknown service, signed": ("POST /v1/infers/none", SIGNED + LENGTH, 404),
    "wrong code": ("POST /v1/infers/s", CODE + LENGTH, 401),
    "stopped": ("POST /v1/infers/stopped", TOKEN + LENGTH, 400),
    "over the limit": ("POST /v1/infers/limited", TOKEN + LENGTH, 429),
    "signed by nobody": ("POST /v1/infers/s", SIGNED + LENGTH, 403),
}


async def by_head(call: SignedCall) -> Access | Refusal:
    """Refuses by the headers; whoever was let through is believed."""
    if dict(call.headers).get(b"x-sdk-date") == b"20200101T000000Z":
        return Refusal(403, "0206", "no") if call.body is None else Refusal(401, "0206", "too late")
    return Access("u", "p", frozenset({Role.MEMBER}))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[GatewayWorld]:
    async with gateway_world(tmp_path, by_head) as made:
        await made.gateway.load(())
        await made.instance("a")
        await made.instance("b")
        stopped = replace(route("stopped"), state=RouteState.STOPPED, tracks=())
        limited = replace(route("limited", a=100), traffic_limit=TrafficLimit(1, 86400))
        await made.published(route(a=100), stopped, limited)
        assert (await made.call("limited")).status_code == 200
        yield made


def resident_mib(world: GatewayWorld) -> int:
    status = Path(f"/proc/{envoy_pid(world.data_dir)}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) // 1024


@pytest.mark.parametrize("name", CASES)
async def test_a_request_that_is_refused_is_answered_by_its_headers(world: GatewayWorld, name: str) -> None:
    """The answer comes though nothing of the body was sent."""
    line, headers, status = CASES[name]
    reader, writer = await asyncio.open_connection("127.0.0.1", world.port)
    writer.write(f"{line} HTTP/1.1\r\nhost: a\r\n{headers}\r\n".encode())
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n")
    assert answer.split()[1] == str(status).encode(), answer
    writer.transport.abort()


@pytest.mark.parametrize("name", CASES)
async def test_nothing_is_held_of_a_request_that_is_refused(world: GatewayWorld, name: str) -> None:
    line, headers, _ = CASES[name]
    before = resident_mib(world)
    head = f"{line} HTTP/1.1\r\nhost: a\r\n{headers}\r\n"
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(floods(world, head, chunked="chunked" in headers)) for _ in range(CONNECTIONS)]
    held = resident_mib(world) - before
    for task in tasks:
        task.result().transport.abort()
    assert held < HELD_MIB, f"{held} MiB"


async def floods(world: GatewayWorld, head: str, *, chunked: bool) -> asyncio.StreamWriter:
    """Send head and body at once, as far as they are taken."""
    _, writer = await asyncio.open_connection("127.0.0.1", world.port)
    with contextlib.suppress(ConnectionError, TimeoutError):
        writer.write(head.encode())
        for _ in range(BODY // len(PART)):
            writer.write(b"%x\r\n%b\r\n" % (len(PART), PART) if chunked else PART)
            async with asyncio.timeout(1):
                await writer.drain()
    return writer


async def test_a_large_signed_body_is_retried(world: GatewayWorld) -> None:
    body = os.urandom(BODY)
    world.instances["a"].behave = lambda _i, _s, writer: writer.transport.abort()
    await world.published(route(a=99, b=1))
    signed = SIGNED.replace("20200101", "20260101")
    headers = {key: value for key, _, value in (line.partition(": ") for line in signed.splitlines())}
    got = await world.call(content=body, headers={**headers, "X-Auth-Token": None})
    assert (got.text, world.instances["b"].seen[-1].body == body) == ("b", True)


async def test_slow_uploads_that_are_welcome_have_a_bound_together(tmp_path: Path) -> None:
    """Without one they would hold 100 times 11 MiB. Afterwards all is well."""
    bound = 256 * 1024 * 1024
    async with gateway_world(tmp_path, memory_bytes=bound) as world:
        await world.gateway.load(())
        await world.instance("a")
        await world.published(route(a=100))
        before = resident_mib(world)
        head = f"POST /v1/infers/s HTTP/1.1\r\nhost: a\r\n{TOKEN}content-length: {BODY + 1}\r\n\r\n"
        writers = await asyncio.gather(*(floods(world, head, chunked=False) for _ in range(100)))
        held = resident_mib(world) - before
        assert held < 512, f"{held} MiB"
        assert not world.instances["a"].seen
        for writer in writers:
            writer.transport.abort()
        await world.answers(200)
