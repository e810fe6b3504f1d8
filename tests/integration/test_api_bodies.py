"""What the bodies of requests make the API hold: nothing of callers who are not known but a little, and of all
together no more than there is room for."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.integration.test_api_protocol import served, until
from tests.worlds.api import PASSWORD, ApiWorld, api_world

from modelyard.api.app import bare_app
from modelyard.api.body import FREE_BYTES, LOGIN_LIMITS, BodyLimits, Room, Share
from modelyard.api.server import ApiServer
from modelyard.domain.errors import TooBusy
from modelyard.iam.signature import ALGORITHM

LOGIN = "/v3/auth/tokens"


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as started:
        yield started


OPERATIONS = [
    (method.upper(), path, "requestBody" in operation)
    for path, methods in bare_app().openapi()["paths"].items()
    for method, operation in methods.items()
    if path != LOGIN or method != "post"
]


async def asked(world: ApiWorld, method: str, path: str, *headers: tuple[str, str]) -> tuple[int, bool]:
    """(status, whether anything of the body was read)"""
    read = False
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        nonlocal read
        read = True
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"yard"), *((name.encode(), value.encode()) for name, value in headers)],
        "client": ("127.0.0.1", 1),
        "state": {},
    }
    await world.app(scope, receive, send)
    return (statuses or [0])[0], read


KEY = f"{ALGORITHM} Access=AK, SignedHeaders=x-sdk-date, Signature={'0' * 64}"


@pytest.mark.parametrize(("method", "path", "takes"), OPERATIONS)
async def test_nothing_is_read_of_a_body_before_its_caller_is_known(
    world: ApiWorld, method: str, path: str, takes: bool
) -> None:
    date = datetime.fromtimestamp(world.now // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    length = ("content-length", "1000")
    status, read = await asked(world, method, path, length)
    assert not read
    if not takes:
        return
    assert status == 401
    assert await asked(world, method, path, length, ("x-auth-token", "wrong")) == (401, False)
    assert await asked(world, method, path, length, ("authorization", "Basic YTpi")) == (401, False)
    assert await asked(world, method, path, length, ("authorization", KEY), ("x-sdk-date", date)) == (403, False)
    of_objects = "/objects/" in path  # nothing is read of one for another project either
    known = await asked(world, method, path, length, ("x-auth-token", world.token()))
    assert known == ((403, False) if of_objects else (0, True))


async def test_a_login_is_small(world: ApiWorld) -> None:
    most = LOGIN_LIMITS.max_bytes
    for headers in ({}, {"Content-Encoding": "gzip"}):
        sent = await world.client.post(LOGIN, content=b" " * (most + 1), headers=headers)
        assert (sent.status_code, sent.json()["error_code"]) == (413, "ModelArts.4104")
    assert await asked(world, "POST", LOGIN, ("content-length", str(most + 1))) == (413, False)
    fits = json.dumps(login()).encode()
    assert (await world.client.post(LOGIN, content=fits + b" " * (most - len(fits)))).status_code == 201
    assert world.deps.login_room.held == world.deps.room.held == 0


def login() -> dict[str, Any]:
    user = {"name": "admin", "password": PASSWORD, "domain": {"name": "Default"}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}


def test_what_a_share_takes_is_given_back() -> None:
    room = Room(1000)
    one, other = Share(room), Share(room)
    one.grow(FREE_BYTES)
    assert room.held == 0
    one.grow(FREE_BYTES + 600)
    with pytest.raises(TooBusy):
        other.grow(FREE_BYTES + 401)
    other.grow(FREE_BYTES + 400)
    one.release()
    one.release()
    assert room.held == 400


async def test_bodies_that_arrive_have_a_bound_together_and_small_ones_pass(world: ApiWorld) -> None:
    room = Room(5 * 1024 * 1024)
    logins = Room(300 * 1024)
    world.app.state.deps = replace(world.deps, room=room, login_room=logins, limits=BodyLimits())
    token = f"X-Auth-Token: {world.token()}\r\n"
    ways = (
        ("POST /v3/auth/tokens", "", 60_000, logins),
        ("POST /v1/p1/services", token, 1024 * 1024, room),
    )
    async with served(world.app) as ask:
        server: ApiServer = ask.server  # type: ignore[attr-defined]
        for line, header, size, of in ways:
            head = f"{line} HTTP/1.1\r\nHost: yard\r\n{header}Content-Length: {size + 1}\r\n\r\n".encode()
            connections = []
            for _ in range(10):  # each short of its last byte
                reader, writer = await asyncio.open_connection(*ask.address)  # type: ignore[attr-defined]
                writer.write(head + bytes(size))
                connections.append((reader, writer))
            async with asyncio.timeout(20):
                answers = [asyncio.create_task(reader.readuntil(b"\r\n\r\n")) for reader, _ in connections]
                fit = of.most // (size - FREE_BYTES)
                await until(lambda wanted=10 - fit, of=answers: sum(task.done() for task in of) >= wanted)
            refused = [task.result().decode().lower() for task in answers if task.done()]
            assert all(" 503 " in head and "retry-after: 1" in head for head in refused), refused
            assert len(refused) >= 10 - fit
            assert 0 < of.held <= of.most
            assert (await world.client.post(LOGIN, json=login())).status_code == 201
            assert (await world.call("PUT", "/v1/p1/services/x", {"description": "d"})).status_code == 404
            for task in answers:
                task.cancel()
            await asyncio.gather(*answers, return_exceptions=True)
            for _, writer in connections:
                writer.transport.abort()
            async with asyncio.timeout(20):
                await until(lambda: not server.arrivals.found())
                await until(lambda of=of: of.held == 0)


async def test_what_comes_after_a_request_waits_outside(world: ApiWorld) -> None:
    """Nobody makes us hold a request that we have not come to."""
    waiting, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: Any) -> bool:
        waiting.set()
        await go_on.wait()
        return True

    world.deps.passwords.matches = slow  # type: ignore[method-assign]
    body = json.dumps(login()).encode()
    request = b"POST /v3/auth/tokens HTTP/1.1\r\nHost: y\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
    async with served(world.app) as ask:
        server: ApiServer = ask.server  # type: ignore[attr-defined]
        reader, writer = await asyncio.open_connection(*ask.address)  # type: ignore[attr-defined]
        writer.write(request)
        await waiting.wait()
        writer.write(b"POST /v3/auth/tokens HTTP/1.1\r\nHost: y\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000))
        for _ in range(100):
            await asyncio.sleep(0)
        (arrival,) = server.arrivals.found()
        protocol = server.arrivals._of[arrival]
        assert not protocol.conn.trailing_data[0]
        go_on.set()
        async with asyncio.timeout(10):
            assert b" 201 " in await reader.readline()
            while b" 400 " not in (line := await reader.readline()):
                assert line
        writer.close()
