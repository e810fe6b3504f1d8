"""What an instance answers to a health check is bounded in bytes and in time."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modelyard.domain.address import UnixAddress
from modelyard.engines.health_state import Answer, Reply, Silence
from modelyard.engines.probe import MOST_BYTES, Probe

Say = Callable[[asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\n"


@asynccontextmanager
async def instance(directory: Path, say: Say) -> AsyncIterator[Probe]:
    served: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            await say(writer)
            await reader.read(1)
        except (OSError, EOFError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_unix_server(serve, directory / "s.sock")
    probe = Probe(UnixAddress("s.sock"), root=directory)
    try:
        yield probe
    finally:
        probe.close()
        server.close()
        for task in served:
            if task is not None:
                task.cancel()
        await asyncio.sleep(0)


def saying(text: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(text)

    return say


def endless(begin: bytes, again: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(again * 65536)
            await writer.drain()

    return say


def trickling(begin: bytes) -> Say:
    async def say(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        while True:
            writer.write(b"x")
            await asyncio.sleep(0.001)

    return say


@pytest.mark.parametrize(
    ("say", "expected"),
    [
        pytest.param(endless(OK + b"content-length: 999999999999\r\n\r\n", b"x"), Answer(200), id="a long body"),
        pytest.param(endless(OK + b"\r\n", b"x"), Answer(200), id="an endless body"),
        pytest.param(endless(OK + b"x: ", b"x"), Silence(), id="an endless header"),
        pytest.param(endless(OK, b"x: y\r\n"), Silence(), id="endless headers"),
        pytest.param(endless(b"", b"x"), Silence(), id="an endless first line"),
        pytest.param(saying(OK + b"content-length: -1\r\n\r\n"), Answer(200), id="a negative length"),
        pytest.param(saying(OK + b"content-length: ten\r\n\r\n"), Silence(), id="no number"),
        pytest.param(saying(OK + b"content-length: " + b"9" * 5000 + b"\r\n\r\n"), Silence(), id="5000 digits"),
        pytest.param(
            saying(OK + b"x-in-flight: " + b"9" * 60 + b"\r\nx-requests: -5\r\ncontent-length: 0\r\n\r\n"),
            Answer(200),
            id="counts beyond reason",
        ),
    ],
)
async def test_no_answer_grows_us(tmp_path: Path, say: Say, expected: Reply) -> None:
    async with instance(tmp_path, say) as probe:
        tracemalloc.start()
        try:
            assert await probe.check("/health", 0.5) == expected
            assert tracemalloc.get_traced_memory()[1] < 40 * MOST_BYTES
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("begin", [b"", OK, OK + b"content-length: 60000\r\n\r\n"], ids=["line", "head", "body"])
async def test_no_answer_takes_longer_than_its_time_however_it_trickles(tmp_path: Path, begin: bytes) -> None:
    async with instance(tmp_path, trickling(begin)) as probe, asyncio.timeout(10):
        assert await probe.check("/health", 0.05) == Silence()
