"""The connection to a worker: an upgraded one on the socket that it listens on.

The socket lies in a directory of ours, beside one that the worker may write in. What lies in its place is looked
at before it is connected to: a socket that we own ourselves, not a link to another one. Reading is bounded: a
frame is taken up to the size that its kind may have, and the next one only when that has been dealt with.
"""

import asyncio
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from pathlib import Path

from modelyard.batch import frames
from modelyard.batch.frames import Frame
from modelyard.domain import address

HANDSHAKE_S = 10.0
LIMIT = 256 * 1024
REQUEST = (
    b"GET /batch HTTP/1.1\r\nhost: worker\r\nconnection: upgrade\r\nupgrade: modelyard-batch/1\r\n"
    b"user-agent: modelyard\r\n\r\n"
)
MOST_HEAD_BYTES = 8192
SEND_BUFFER = 2 * 1024 * 1024
SEND_BUFFER_FORCE = 32
"""SO_SNDBUFFORCE, which the socket module does not name."""
BUNDLES = b"\r\nx-bundles: 1\r\n"

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[str], Awaitable[Connection]]
"""To the socket at an address (`domain.address`). Raises OSError, ValueError."""


class RefusedError(OSError):
    """It does not take our connection now."""


def on_this_machine(data_dir: Path) -> Connect:
    """Connects to workers whose sockets lie in the data directory."""

    async def connect(text: str) -> Connection:
        where = address.parsed(text)
        if not isinstance(where, address.UnixAddress):
            raise RefusedError(f"{text} is on another machine")
        return await _connected(data_dir / where.path)

    return connect


async def _connected(path: Path) -> Connection:
    """To the very file that was looked at."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISSOCK(info.st_mode):
            raise RefusedError(f"{path} is no socket")
        if info.st_uid != os.geteuid():
            raise RefusedError(f"{path} is a socket of user {info.st_uid}, not one of ours")
        return await _opened(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)


class _Reader(asyncio.StreamReader):
    """Gives all that came before the connection broke: what a worker said before it died counts."""

    def set_exception(self, exc: BaseException) -> None:
        self.feed_eof()


async def _opened(path: str) -> Connection:
    """As `asyncio.open_unix_connection`, with a reader of our own."""
    loop = asyncio.get_running_loop()
    reader = _Reader(limit=LIMIT, loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_unix_connection(lambda: protocol, path)
    widen(transport.get_extra_info("socket"))
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


def widen(connection: socket.socket) -> None:
    """Room for a whole answer to a worker, which is else woken up, and we, for every fifth of one. Only root may
    have more than the machine's usual bound."""
    for option in (SEND_BUFFER_FORCE, socket.SO_SNDBUF):
        try:
            connection.setsockopt(socket.SOL_SOCKET, option, SEND_BUFFER)
        except OSError:
            continue
        return


class Link:
    """One connection, through which one split at a time is given."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, bundles: bool = False
    ) -> None:
        """`bundles`: the worker knows what those are, as one of an earlier release does not."""
        self.bundles = bundles
        self._reader = reader
        self._writer = writer
        self._reading: asyncio.Task[Frame] | None = None

    @classmethod
    async def open(cls, connect: Connect, where: str) -> "Link":
        """Raises OSError (which a TimeoutError is) when the worker does not take it."""
        async with asyncio.timeout(HANDSHAKE_S):
            try:
                reader, writer = await connect(where)
            except ValueError as error:
                raise RefusedError(str(error)) from error
            try:
                writer.write(REQUEST)
                head = await reader.readuntil(b"\r\n\r\n")
                status = head.split(b" ", 2)[1:2]
                if len(head) > MOST_HEAD_BYTES or status != [b"101"]:
                    raise RefusedError(f"it answers {b''.join(status)[:20].decode(errors='replace')}")
            except (asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
                writer.transport.abort()
                raise RefusedError("it does not answer as a worker") from error
            except BaseException:
                writer.transport.abort()
                raise
        return cls(reader, writer, bundles=BUNDLES in head.lower())

    def say(self, frame: bytes) -> None:
        """Without waiting until it is on its way."""
        self._writer.write(frame)

    async def send(self, frame: bytes) -> None:
        """Raises OSError."""
        self._writer.write(frame)
        await self._writer.drain()

    def reading(self) -> "asyncio.Task[Frame]":
        """The next frame, once it is whole; taken with `take`. It ends in EOFError or OSError when the connection
        is over, in NonsenseError when that is no frame."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._frame())
        return self._reading

    def take(self) -> Frame:
        """The frame that has been read."""
        reading, self._reading = self._reading, None
        assert reading is not None
        return reading.result()

    async def close(self) -> None:
        self._writer.transport.abort()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _frame(self) -> Frame:
        kind, length = frames.head(await self._reader.readexactly(frames.HEAD.size))
        return Frame(kind, await self._reader.readexactly(length))
