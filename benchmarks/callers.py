"""Callers for a machine without wrk: `python callers.py < order.json`, figures as JSON on standard output."""

import asyncio
import json
import sys
import time
from urllib.parse import urlsplit

import uvloop


class Caller(asyncio.Protocol):
    """Sends the same request over one connection, the next when the answer is in."""

    def __init__(self, request: bytes, latencies: list[float], failures: list[bytes]) -> None:
        self.request = request
        self.latencies = latencies
        self.failures = failures

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.received = b""
        self.began = time.perf_counter()
        self.transport.write(self.request)  # type: ignore[attr-defined]

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
        if not end or len(body) < int(length or 0):
            return
        self.latencies.append(time.perf_counter() - self.began)
        if head[9:10] != b"2":
            self.failures.append(head[9:12])
        self.ask()


async def run(order: dict) -> dict:
    url = urlsplit(order["url"])
    body = order["body"].encode()
    headers = {"Host": url.netloc, "Content-Type": "application/json", "Content-Length": len(body)}
    lines = [f"POST {url.path or '/'} HTTP/1.1", *(f"{k}: {v}" for k, v in (headers | order["headers"]).items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    latencies: list[float] = []
    failures: list[bytes] = []
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    for _ in range(order["connections"]):
        await loop.create_connection(lambda: Caller(request, latencies, failures), url.hostname, url.port)
    await asyncio.sleep(order["seconds"])
    taken = time.perf_counter() - began
    latencies.sort()
    count = len(latencies)
    return {
        "per_second": count / taken,
        "p50_ms": latencies[count // 2] * 1000,
        "p99_ms": latencies[count * 99 // 100] * 1000,
        "failed": len(failures),
    }


if __name__ == "__main__":
    print(json.dumps(uvloop.run(run(json.load(sys.stdin)))))
