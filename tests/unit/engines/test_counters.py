"""Reading the counters of instances that may answer anything, or nothing, or without end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from modelyard.engines.counters import MOST_BYTES, read

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.0 200 OK\r\n\r\n"


@contextlib.asynccontextmanager
async def instance(path: Path, answer: Answer) -> AsyncIterator[None]:
    answering = set()

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering.add(asyncio.current_task())
        with contextlib.suppress(ConnectionError):
            try:
                await answer(reader, writer)
            finally:
                writer.transport.abort()
                await writer.wait_closed()

    server = await asyncio.start_unix_server(quiet, path)
    try:
        yield
    finally:
        server.close()
        await asyncio.sleep(0)
        for task in answering:
            task.cancel()
        await asyncio.gather(*answering, return_exceptions=True)


def saying(content: bytes) -> Answer:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        writer.write_eof()
        await reader.read()

    return answer


async def endless(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    while True:
        writer.write(b"modelyard_in_flight 1\n" * 1000)
        await writer.drain()


async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    await reader.read()


async def drops(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(saying(OK + b"modelyard_in_flight 1\n"), b"modelyard_in_flight 1\n", id="well"),
        pytest.param(saying(OK), b"", id="nothing"),
        pytest.param(saying(OK + b"x" * (MOST_BYTES - len(OK))), b"x" * (MOST_BYTES - len(OK)), id="the most"),
        pytest.param(saying(OK + b"x" * (MOST_BYTES - len(OK) + 1)), None, id="more than the most"),
        pytest.param(saying(b"HTTP/1.0 404 Not Found\r\n\r\nhm"), None, id="a refusal"),
        pytest.param(saying(b"SSH-2.0-OpenSSH_9.9\r\n"), None, id="another protocol"),
        pytest.param(saying(b"\x00" * 1000), None, id="noise"),
        pytest.param(saying(b""), None, id="end at once"),
        pytest.param(drops, None, id="reset"),
        pytest.param(endless, None, id="without end"),
    ],
)
async def test_answers(tmp_path: Path, answer: Answer, expected: bytes | None) -> None:
    async with instance(tmp_path / "m", answer):
        assert await read(tmp_path / "m", 10) == expected


async def test_one_that_never_answers_costs_no_more_than_the_limit(tmp_path: Path) -> None:
    async with instance(tmp_path / "m", never):
        assert await read(tmp_path / "m", 0.05) is None


async def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """Else a model could have another's counters, or any socket of this machine, told as its own."""
    async with instance(tmp_path / "other", saying(OK + b"modelyard_in_flight 1\n")):
        (tmp_path / "m").symlink_to(tmp_path / "other")
        assert await read(tmp_path / "m", 10) is None


@pytest.mark.parametrize("kind", ["nothing", "file", "directory", "nobody"])
async def test_no_socket(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "m"
    if kind == "file":
        path.write_text("x")
    elif kind == "directory":
        path.mkdir()
    elif kind == "nobody":
        async with instance(path, never):
            pass
    assert await read(path, 10) is None
