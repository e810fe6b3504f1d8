"""Envoy's admin interface, over its Unix socket: read-only questions, parsed into values."""

import asyncio
import os
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

from modelyard.domain.service import Invocations
from modelyard.gateway.base import Answers, GatewayMeasures
from modelyard.gateway.bootstrap import COUNTER, LATENCY

_LINE = re.compile(rf"^{re.escape(COUNTER)}\.service\.(.+)\.code\.(\d+): (\d+)$", re.MULTILINE)
_TIMEOUT_S = 5.0
_MEASURES_S = 1.0
_OWN = {
    "http.gateway.downstream_cx_active": "connections",
    "http.gateway.downstream_rq_active": "in_flight",
    "server.memory_allocated": "memory_bytes",
    "server.uptime": "uptime_s",
}
_ANSWERS = re.compile(
    rf"envoy_{LATENCY.replace('.', '_')}_(bucket|sum)"
    r'\{of="([^" ]*) (\d+) ((?:[^"\\]|\\.)*)"(?:,le="([^"]+)")?\} (\S+)'
)
_MICROS = 1_000_000


async def fetched(socket: Path, url: str, limit_s: float = _TIMEOUT_S) -> str:
    """The body of the answer to GET `url`. OSError when it cannot be asked, or answers anything but 200."""
    directory = os.open(socket.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        async with asyncio.timeout(limit_s):
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


async def measures(socket: Path) -> GatewayMeasures:
    """OSError, TimeoutError when it cannot be asked."""
    own = "|".join(re.escape(name) for name in _OWN)
    told, latencies = await asyncio.gather(
        fetched(socket, f"/stats?type=Gauges&filter=^({own})$", _MEASURES_S),
        fetched(socket, f"/stats?format=prometheus&type=Histograms&filter=^{re.escape(LATENCY)}", _MEASURES_S),
    )
    return measured(told, answered(latencies))


def measured(stats: str, answers: tuple[Answers, ...] = ()) -> GatewayMeasures:
    """From Envoy's plain text. OSError when something is not in it."""
    values = dict(line.split(": ", 1) for line in stats.splitlines() if ": " in line)
    if not values.keys() >= _OWN.keys():
        raise OSError("the gateway does not tell how it stands")
    figures = {field: int(values[name]) for name, field in _OWN.items()}
    return GatewayMeasures(
        figures["connections"], figures["in_flight"], figures["memory_bytes"], float(figures["uptime_s"]), answers
    )


def answered(page: str) -> tuple[Answers, ...]:
    """From Envoy's page for Prometheus, whose buckets are in microseconds and each hold those before them."""
    buckets: dict[tuple[str, str, int], dict[float, int]] = {}
    sums: dict[tuple[str, str, int], float] = {}
    for part, service_id, code, model, bound, value in _ANSWERS.findall(page):
        if service_id in {"", "-"}:
            continue
        key = (service_id, "" if model == "-" else _plain(model), int(code))
        if part == "sum":
            sums[key] = float(value)
        else:
            buckets.setdefault(key, {})[float(bound)] = int(value)
    found = []
    for key, within in sorted(buckets.items()):
        bounds = sorted(within)
        counts = [within[bounds[0]], *(within[b] - within[a] for a, b in pairwise(bounds))]
        finite = tuple(bound / _MICROS for bound in bounds[:-1])
        found.append(Answers(*key, finite, tuple(counts), sums.get(key, 0.0) / _MICROS))
    return tuple(found)


def _plain(value: str) -> str:
    """A label's value as it was before it was escaped."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], value)
