"""Envoy's admin interface, over its Unix socket: read-only questions, parsed into values."""

import asyncio
import os
import re
from collections.abc import Mapping
from pathlib import Path

from modelyard.domain.service import Invocations
from modelyard.gateway.bootstrap import COUNTER

_LINE = re.compile(rf"^{re.escape(COUNTER)}\.service\.(.+)\.code\.(\d+): (\d+)$", re.MULTILINE)
_TIMEOUT_S = 5.0


async def fetched(socket: Path, url: str) -> str:
    """The body of the answer to GET `url`. OSError when it cannot be asked, or answers anything but 200."""
    directory = os.open(socket.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            reader, writer = await asyncio.open_unix_connection(f"/proc/self/fd/{directory}/{socket.name}")
            try:
                writer.write(f"GET {url} HTTP/1.1\r\nhost: admin\r\nconnection: close\r\n\r\n".encode())
                answer = await reader.read(-1)
            finally:
                writer.close()
    finally:
        os.close(directory)
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.split(b"\r\n", 1)[0]:
        raise OSError(f"{url}: {head[:100].decode(errors='replace')}")
    if b"transfer-encoding: chunked" in head:
        body = _joined(body)
    return body.decode()


def _joined(chunks: bytes) -> bytes:
    body = []
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        length = int(size, 16)
        body.append(chunks[:length])
        chunks = chunks[length + 2 :]
    return b"".join(body)


async def invocations(socket: Path) -> Mapping[str, Invocations]:
    """Totals since this Envoy started, of every service that was called."""
    return counted(await fetched(socket, f"/stats?type=Counters&filter=^{re.escape(COUNTER)}"))


def counted(stats: str) -> Mapping[str, Invocations]:
    """Sums the counters of Envoy's plain text: one line per service and status."""
    totals: dict[str, Invocations] = {}
    for service_id, code, count in _LINE.findall(stats):
        if service_id == "-":
            continue
        before = totals.get(service_id, Invocations())
        failed = int(count) if int(code) >= 500 else 0
        totals[service_id] = Invocations(before.total + int(count), before.failed + failed)
    return totals
