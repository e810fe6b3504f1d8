"""The API on a socket: request lines and headers that clients of an API rarely send, and some do."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI, Request

from modelyard.api.app import bare_app
from modelyard.composition import ApiServer

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

        yield ask
        server.stop()
        await serving


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        pytest.param("CONNECT /v1/p/services", "GET, POST", id="connect-to-a-path"),
        pytest.param("CONNECT 127.0.0.1:80", "", id="connect-to-a-host"),
        pytest.param("TRACE /v1/p/services", "GET, POST", id="trace"),
        pytest.param("HEAD /healthz", "GET", id="head"),
        pytest.param("BREW /v1/p/services/x", "DELETE, GET, PATCH, PUT", id="a-method-that-nobody-knows"),
        pytest.param("get /v1/p/services", "GET, POST", id="small-letters"),
        pytest.param("PATCH HTTP://yard/v1/p/services", "GET, POST", id="absolute-form"),
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
