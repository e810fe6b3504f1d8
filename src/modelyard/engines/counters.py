"""Reads what an instance counts from the socket beside its own (`modelyard_runtime/metrics.py`).

The socket lies in the instance's work directory, so a model may put there what it likes: a link to a socket that
is not its own, a server that never answers, never ends, or answers without end. Only a socket that really lies
there is connected to, for `limit_s` in all, and no more than MOST_BYTES are taken. A program that is a server of
its own has no such socket: its door's count, which the monitor asks for, is all there is.
"""

import asyncio
import os
import stat
from pathlib import Path

MOST_BYTES = 64 * 1024
"""Our own model server sends 6 KiB."""

REQUEST = b"GET /metrics HTTP/1.0\r\nhost: instance\r\nuser-agent: modelyard\r\n\r\n"


async def read(path: Path, limit_s: float) -> bytes | None:
    """The body of the answer; None when there is none in time, or it is too long or a refusal."""
    try:
        async with asyncio.timeout(limit_s):
            reader, writer = await _connect(path)
            try:
                writer.write(REQUEST)
                return await _body(reader)
            finally:
                writer.transport.abort()
    except (OSError, EOFError, ValueError):  # TimeoutError is an OSError
        return None


def of_door(in_flight: int | None) -> bytes | None:
    """The same for a program behind a door. `in_flight`: what the door said last (None: it did not answer)."""
    return None if in_flight is None else f"modelyard_in_flight {in_flight}\n".encode()


async def _connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the very file that was looked at. Raises OSError."""
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise ConnectionRefusedError(f"{path} is no socket")
        return await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}", limit=MOST_BYTES)
    finally:
        os.close(descriptor)


async def _body(reader: asyncio.StreamReader) -> bytes | None:
    taken = b""
    while more := await reader.read(MOST_BYTES):
        taken += more
        if len(taken) > MOST_BYTES:
            return None
    head, end, body = taken.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    return body if end and status == [b"200"] else None
