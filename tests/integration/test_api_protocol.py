"""The API on a socket: request lines and headers that clients of an API rarely send, and some do."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI, HTTPException, Request
from tests.worlds.api import api_world

from modelyard.api.app import bare_app
from modelyard.api.arrivals import Stage
from modelyard.api.server import ApiServer
from modelyard.iam.addresses import Proxies

Ask = Callable[[bytes], Awaitable[httpx.Response]]


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[Ask]:
    """Serve `app`; what is yielded sends bytes on a connection of their own and reads until it ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = ApiServer(app, listener)
        serving = asyncio.create_task(server.serve())

        async def ask(request: bytes) -> httpx.Response:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(request)
            async with asyncio.timeout(10):
                head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            line, *fields = head.decode().split("\r\n")
            headers = [(name, value) for name, _, value in (field.partition(": ") for field in fields)]
            return httpx.Response(int(line.split()[1]), headers=headers, content=body)

        ask.server, ask.address = server, listener.getsockname()  # type: ignore[attr-defined]
        yield ask
        server.stop()
        await serving


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        pytest.param("CONNECT /v1/p/services", "GET, HEAD, POST", id="connect-to-a-path"),
        pytest.param("CONNECT 127.0.0.1:80", "", id="connect-to-a-host"),
        pytest.param("TRACE /v1/p/services", "GET, HEAD, POST", id="trace"),
        pytest.param("HEAD /v1/p/services/x/property", "PUT", id="head"),
        pytest.param("BREW /v1/p/services/x", "DELETE, GET, HEAD, PATCH, PUT", id="a-method-that-nobody-knows"),
        pytest.param("get /v1/p/services", "GET, HEAD, POST", id="small-letters"),
        pytest.param("PATCH HTTP://yard/v1/p/services", "GET, HEAD, POST", id="absolute-form"),
    ],
)
async def test_a_method_that_the_path_does_not_take(line: str, allowed: str) -> None:
    async with served(bare_app()) as ask:
        answer = await ask(f"{line} HTTP/1.1\r\nHost: yard\r\nConnection: close\r\n\r\n".encode())
    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
    assert answer.headers["x-request-id"]
    if not line.startswith("HEAD"):
        assert answer.json()["error_code"] == "ModelArts.4204"


async def test_what_is_not_http_is_told_so_in_the_one_shape() -> None:
    async with served(bare_app()) as ask:
        answer = await ask(b"\x16\x03\x01 a TLS client that speaks to the plain port\r\n\r\n")
    assert (answer.status_code, answer.headers["connection"]) == (400, "close")
    assert json.loads(answer.content)["error_code"] == "ModelArts.0104"
    assert len(answer.headers["x-request-id"]) == 32


async def test_a_body_beside_an_offer_of_http_2_arrives() -> None:
    app = FastAPI()

    @app.post("/echo")
    async def echo(request: Request) -> str:
        return (await request.body()).decode()

    offer = b"Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    async with served(app) as ask:
        answer = await ask(b"POST /echo HTTP/1.1\r\nHost: yard\r\nContent-Length: 5\r\n" + offer + b"\r\nhello")
    assert answer.json() == "hello"


def test_the_second_write_of_an_answer_does_not_wait_for_the_client() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ApiServer(bare_app(), listener)
        with socket.create_connection(listener.getsockname()):
            accepted, _ = listener.accept()
            with accepted:
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def until(condition: Callable[[], object]) -> None:
    """There is no event for what a socket's other end has read."""
    for _ in range(100_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came true")


HEAD = b"POST /v3/auth/tokens HTTP/1.1\r\nHost: yard\r\n"
AMBIGUOUS = {
    "length-and-chunked": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked-and-length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two-lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
    "two-lengths-in-one": HEAD + b"Content-Length: 5, 6\r\n\r\nhello!",
    "signed-length": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "negative-length": HEAD + b"Content-Length: -5\r\n\r\nhello",
    "unknown-coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two-codings": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding-twice": HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "space-before-the-colon": HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "folded": HEAD + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "folded-elsewhere": HEAD + b"X: a\r\n\tb\r\nContent-Length: 2\r\n\r\n{}",
    "bare-lf": HEAD + b"X: a\nContent-Length: 2\r\n\r\n{}",
    "bare-lf-at-the-end": HEAD + b"Content-Length: 2\r\n\n{}",
    "bare-lf-throughout": b"POST / HTTP/1.1\nHost: yard\nContent-Length: 2\n\n{}",
    "bare-cr": HEAD + b"X: a\rTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
    "chunked-in-1.0": b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a-chunk-of-no-size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n",
    "a-chunk-with-lf": HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n\r\n\r\n",
}


@pytest.mark.parametrize("request_", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
async def test_what_two_servers_may_read_differently_is_refused_and_the_connection_ends(request_: bytes) -> None:
    """What follows in the connection must never be taken for a request."""
    async with served(bare_app()) as ask:
        answer = await ask(request_ + b"GET /healthz HTTP/1.1\r\nHost: yard\r\n\r\n")
    assert (answer.status_code, answer.headers["connection"]) == (400, "close")
    assert answer.json()["error_code"] == "ModelArts.0104"


@pytest.mark.parametrize("connection", ["close", "keep-alive"])
async def test_an_answer_that_comes_before_the_whole_body_is_read(connection: str) -> None:
    app = FastAPI()

    @app.post("/refused")
    async def refused() -> None:
        raise HTTPException(413, "too large")

    async with served(app) as ask:
        reader, writer = await asyncio.open_connection(*ask.address)  # type: ignore[attr-defined]
        size = 10 * 1024 * 1024
        writer.write(f"POST /refused HTTP/1.1\r\nHost: y\r\nConnection: {connection}\r\n".encode())
        writer.write(f"Content-Length: {size}\r\n\r\n".encode())
        async with asyncio.timeout(20):
            for _ in range(10):  # all of it is sent before the answer is looked at, as most clients do
                writer.write(bytes(size // 10))
                await writer.drain()
            assert b" 413 " in await reader.readline()
        writer.close()


@pytest.mark.parametrize(
    ("sent", "seconds", "status"),
    [
        pytest.param(b"GET / HTTP/1.1\r\nHost", 11, b" 408 ", id="half-a-head"),
        pytest.param(HEAD + b"Content-Length: 9\r\n\r\n{", 21, b" 408 ", id="half-a-body"),
        pytest.param(
            HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", 21, b" 408 ", id="half-a-chunked-body"
        ),
        pytest.param(b"", 31, b"", id="nothing"),
    ],
)
async def test_a_request_that_does_not_arrive_in_time_is_told_so(
    sent: bytes, seconds: float, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with api_world() as world, served(world.app) as ask:
        server: ApiServer = ask.server  # type: ignore[attr-defined]
        reader, writer = await asyncio.open_connection(*ask.address)  # type: ignore[attr-defined]
        writer.write(sent)
        async with asyncio.timeout(10):
            await until(lambda: [one for one in server.arrivals.found() if (one.stage is Stage.NEW) == (not sent)])
            server.arrivals.end_overdue(asyncio.get_running_loop().time() + seconds - 2)
            assert not reader.at_eof()
            server.arrivals.end_overdue(asyncio.get_running_loop().time() + seconds)
            answer = await reader.read()
        assert status in answer[:20]
        assert (not answer) == (not sent)
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_caller_who_goes_away_in_the_middle_is_no_error(caplog: pytest.LogCaptureFixture) -> None:
    async with api_world() as world, served(world.app) as ask:
        server: ApiServer = ask.server  # type: ignore[attr-defined]
        _, writer = await asyncio.open_connection(*ask.address)  # type: ignore[attr-defined]
        writer.write(HEAD + b"Content-Length: 9000\r\n\r\n{")
        async with asyncio.timeout(10):
            await until(lambda: [one for one in server.arrivals.found() if one.stage is Stage.BODY])
            writer.transport.abort()
            await until(lambda: not server.arrivals.found())
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING], caplog.text


async def test_x_forwarded_for_is_believed_of_trusted_proxies_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr("modelyard.api.keystone.login", lambda _, address: seen.append(address) or 1 / 0)
    request = HEAD + b"X-Forwarded-For: 1.1.1.1, 9.9.9.9\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    async with api_world() as world, served(world.app) as ask:
        await ask(request)
        world.app.state.deps = replace(world.deps, proxies=Proxies.of("127.0.0.0/8"))
        await ask(request)
    assert seen == ["127.0.0.1", "9.9.9.9"]
