"""Asks an instance at its address how it is: over its Unix socket, or over TLS.

A health check happens up to twenty times a second for each instance that starts, so it is a bare HTTP/1.1 GET
over one kept connection, not a client library. An instance that still loads has its socket already: the check
waits in its queue and is answered the moment it serves, so readiness is seen without delay.

What it answers is its own word: of head and body no more than a bound is taken in, and the time for all of it is
bounded too, however slowly it comes.
"""

import asyncio
import os
import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

from modelyard.domain.address import Address, UnixAddress
from modelyard.engines.health_state import Answer, Refused, Reply, Silence

MOST_BYTES = 64 * 1024
"""Of a head, and of a body. Ours have less than 1 KiB; a longer body is not taken in."""
MOST_COUNT = 2**53


@dataclass(frozen=True, slots=True)
class Tls:
    """How to speak to instances elsewhere: `context` has our certificate and the authority that we believe, `name`
    is what an instance's certificate must say that it is."""

    context: ssl.SSLContext
    name: str


class Probe:
    """One connection to one instance, kept between questions. `close` it. Paths of Unix sockets are relative to
    `root`."""

    def __init__(
        self,
        address: Address,
        *,
        root: Path = Path(),
        tls: Tls | None = None,
        followed: bool = True,
        kept: bool = True,
    ) -> None:
        """`followed` False: a socket lies where its instance may put what it likes, so only one that really lies
        there is asked, no link to another. `kept` False: a connection is for one question, since who answers may
        be able to have but one. Raises ValueError without `tls` for an address that needs it."""
        if tls is None and not isinstance(address, UnixAddress):
            raise ValueError(f"{address} is spoken to over TLS only")
        self._address = address
        self._root = root
        self._tls = tls
        self._followed = followed
        self._kept = kept
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
        more = "" if self._kept else "connection: close\r\n"
        writer.write(f"GET {path} HTTP/1.1\r\nhost: instance\r\nuser-agent: modelyard\r\n{more}\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        version, status = head[0].split(" ", 2)[:2]
        headers = {name.strip().lower(): value.strip() for name, _, value in (h.partition(":") for h in head[1:])}
        answer = Answer(int(status), _count(headers.get("x-in-flight")), _count(headers.get("x-requests")))
        keep = version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
        length = int(headers.get("content-length", "-1"))
        if (keep or not self._kept) and 0 <= length <= MOST_BYTES:
            await reader.readexactly(length)
        elif answer.status != 204:
            self.close()  # a body of unknown length, or a long one: not worth reading
        if not self._kept:
            self.close()  # not before the body: a server that is cut off complains
        return answer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """To a socket by way of /proc, since a data directory's path may be longer than a socket address."""
        if not isinstance(self._address, UnixAddress):
            assert self._tls is not None
            return await asyncio.open_connection(
                self._address.host,
                self._address.port,
                ssl=self._tls.context,
                server_hostname=self._tls.name,
                limit=MOST_BYTES,
            )
        path = self._root / self._address.path
        if not self._followed:
            return await _to_the_very(path)
        directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            return await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/{path.name}", limit=MOST_BYTES)
        finally:
            os.close(directory)


async def _to_the_very(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    descriptor = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
            raise ConnectionRefusedError(f"{path} is no socket")
        return await asyncio.open_unix_connection(f"/proc/self/fd/{descriptor}", limit=MOST_BYTES)
    finally:
        os.close(descriptor)


def _count(text: str | None) -> int | None:
    if text is None or not text.isdecimal() or len(text) > len(str(MOST_COUNT)):
        return None
    return int(text)
