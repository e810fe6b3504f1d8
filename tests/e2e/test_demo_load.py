"""The demo's callers must notice every failure: a server that misbehaves on purpose, and what they count."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable

import pytest
from examples.demo.traffic import Seen, Traffic

ANSWER = {"model_version": "1.0.0", "data": {"resp_data": [{"predictresult": "setosa"}]}}
QUESTION = {"body": {"q": 1}, "answers": {"1.0.0": "setosa", "2.0.0": "virginica"}}


def reply(body: object, status: str = "200 OK", more: str = "") -> bytes:
    content = json.dumps(body).encode()
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(content)}\r\n{more}\r\n".encode() + content


GOOD = reply(ANSWER)


class BadServer:
    """Answers well until `trick` is set; then the next request gets that (None: the connection is cut)."""

    def __init__(self) -> None:
        self.tricks: list[bytes | None] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
                await reader.readexactly(length)
                answer = self.tricks.pop() if self.tricks else GOOD
                if answer is None:
                    return
                writer.write(answer)
                await writer.drain()
                if b"connection: close" in answer:
                    return


@pytest.fixture
async def server() -> AsyncIterator[tuple[BadServer, str]]:
    bad = BadServer()
    async with await asyncio.start_server(bad.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        yield bad, f"http://127.0.0.1:{port}/v1/infers/s1"


async def see(url: str, then: Callable[[Traffic], Seen], keep_alive: int = 2, connecting: int = 0) -> Seen:
    """Run `then` beside the callers, in a thread, so that the server here goes on answering."""

    def run() -> Seen:
        with Traffic(url, "token", [QUESTION], keep_alive, connecting) as traffic:
            return then(traffic)

    return await asyncio.to_thread(run)


def some_answers(traffic: Traffic) -> Seen:
    traffic.begin("window")
    traffic.wait(lambda s: s.name == "window" and s.requests >= 50, 20, "fifty answers")
    return traffic.end("after")


async def test_a_good_server_has_no_failures(server: tuple[BadServer, str]) -> None:
    seen = await see(server[1], some_answers)
    assert (seen.failed, seen.errors) == (0, {})
    assert seen.by_version == {"1.0.0": seen.requests}
    assert 0 < seen.p99_ms <= seen.worst_ms
    assert server[0].connections == 2


async def test_a_connecting_caller_opens_a_connection_for_each_request(server: tuple[BadServer, str]) -> None:
    seen = await see(server[1], some_answers, keep_alive=0, connecting=1)
    assert seen.failed == 0
    assert server[0].connections >= seen.requests


WRONG = {**ANSWER, "data": {"resp_data": [{"predictresult": "virginica"}]}}


@pytest.mark.parametrize(
    ("trick", "error"),
    [
        (None, "connection lost"),
        (reply({"error_code": "ModelArts.4302"}, "503 Service Unavailable"), "status 503 ModelArts.4302"),
        (reply(WRONG), "wrong answer"),
        (reply({**ANSWER, "model_version": "9.9.9"}), "wrong answer"),
        (reply({}), "wrong answer"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\nconnection: close\r\n\r\nhalf", "connection lost"),
    ],
    ids=["cut", "503", "wrong label", "unknown version", "empty", "half an answer"],
)
async def test_each_failure_is_counted_once_and_named(
    server: tuple[BadServer, str], trick: bytes | None, error: str
) -> None:
    bad, url = server

    def play(traffic: Traffic) -> Seen:
        traffic.begin("window")
        traffic.wait(lambda s: s.name == "window" and s.requests >= 10, 20, "traffic")
        bad.tricks.append(trick)
        traffic.wait(lambda s: s.failed, 20, "the failure")
        before = traffic.now.requests
        traffic.wait(lambda s: s.requests > before + 20, 20, "traffic again")
        return traffic.end("after")

    seen = await see(url, play)
    assert seen.failed == 1
    assert [name.startswith(error) for name in seen.errors] == [True], seen.errors


async def test_an_orderly_close_is_no_failure(server: tuple[BadServer, str]) -> None:
    bad, url = server
    bad.tricks = [reply(ANSWER, more="connection: close\r\n")]
    seen = await see(url, some_answers)
    assert (seen.failed, bad.connections) == (0, 3)


async def test_no_server_at_all_is_counted(server: tuple[BadServer, str]) -> None:
    def fails(traffic: Traffic) -> Seen:
        traffic.begin("window")
        return traffic.wait(lambda s: s.failed >= 3, 20, "failures")

    seen = await see("http://127.0.0.1:1/v1/infers/s1", fails)
    assert seen.requests == seen.failed
    assert all(name.startswith("no connection") for name in seen.errors)
