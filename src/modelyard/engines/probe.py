"""Asks an instance over its Unix socket how it is.

A health check happens up to twenty times a second for each instance that starts, so it is a bare HTTP/1.1 GET
over one kept connection, not a client library. An instance that still loads has its socket already: the check
waits in its queue and is answered the moment it serves, so readiness is seen without delay.
"""

import asyncio
import contextlib
import os
from pathlib import Path

from modelyard.engines.vitals import Answer, Refused, Reply, Silence
from modelyard.processes.directory import SOCKET


class Probe:
    """One kept connection to one instance. `close` it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def check(self, path: str, timeout_s: float) -> Reply:
        """`GET path`. Raises nothing: an instance that fails is an observation."""
        kept = self._streams is not None
        result = await self._attempt(path, timeout_s)
        if kept and result is None:  # it closed a connection that was idle, as it may at any time
            result = await self._attempt(path, timeout_s)
        return result or Silence()

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None

    async def _attempt(self, path: str, timeout_s: float) -> Reply | None:
        """One check; None when the connection broke under it."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._ask(path)
        except (FileNotFoundError, ConnectionRefusedError):
            result: Reply | None = Refused()
        except (TimeoutError, ValueError, asyncio.LimitOverrunError):
            result = Silence()
        except (OSError, EOFError):
            result = None
        self.close()
        return result

    async def _ask(self, path: str) -> Answer:
        if self._streams is None:
            self._streams = await self._connect()
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nhost: instance\r\nuser-agent: modelyard\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, status = head[0].split(" ", 2)[:2]
        headers = {name.strip().lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])}
        answer = Answer(int(status), _count(headers.get("x-in-flight")), _count(headers.get("x-requests")))
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        if keep and "content-length" in headers:
            await reader.readexactly(int(headers["content-length"]))
        elif answer.status != 204:
            self.close()  # a body of unknown length: not worth parsing
        return answer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """By way of /proc, since a data directory's path may be longer than a socket address."""
        directory = os.open(self._directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/{SOCKET}")
        finally:
            os.close(directory)


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    with contextlib.suppress(ValueError):
        return int(text)
    return None
