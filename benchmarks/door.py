"""What a door costs: the same server asked on its own Unix socket, and through a relay to its TCP port.

    python -m benchmarks.door [--seconds 2] [--rounds 5]

Both ways are measured in turn, and ratios are medians of the rounds, since machines are noisy. The server, the
relay and the callers are processes of their own; callers and server are asyncio protocols that do nothing else, so
what is measured is close to the least that a request can take. A real request takes longer, and the ratio is
nearer to one.
"""

import argparse
import asyncio
import multiprocessing
import os
import resource
import socket
import statistics
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from modelyard_runtime.door.reach import tcp
from modelyard_runtime.door.relay import Relay

REQUEST = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n" + b"x" * 100
BODIES = {"100 B": 100, "1 MiB": 1 << 20}


class Answers(asyncio.Protocol):
    """Answers each piece that comes: a request fits into one."""

    def __init__(self, body: int) -> None:
        self._answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % body + b"y" * body

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert isinstance(self._transport, asyncio.Transport)
        self._transport.write(self._answer)


class Asks(asyncio.Protocol):
    """Asks again as soon as it has its answer."""

    def __init__(self, answer: int, took: list[float]) -> None:
        self._left = self._answer = answer
        self._took = took
        self._sent = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left <= 0:
            self._took.append(time.perf_counter() - self._sent)
            self._left = self._answer
            self._ask()

    def _ask(self) -> None:
        self._sent = time.perf_counter()
        self._transport.write(REQUEST)


@dataclass(frozen=True)
class Run:
    per_second: float
    p50_us: float
    relay_us: float


def serve(unix: str, listening: socket.socket, body: int) -> None:
    async def forever() -> None:
        loop = asyncio.get_running_loop()
        await loop.create_unix_server(lambda: Answers(body), unix)
        await loop.create_server(lambda: Answers(body), sock=listening)
        await asyncio.Event().wait()

    asyncio.run(forever())


def relay(unix: str, port: int) -> None:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(unix)
    listening.listen(4096)
    Relay(listening, tcp("127.0.0.1", port)).run()


async def ask(path: str, connections: int, seconds: float, answer: int, relay_pid: int) -> Run:
    took: list[float] = []
    loop = asyncio.get_running_loop()
    cpu = cpu_s(relay_pid)
    began = time.perf_counter()
    made = [await loop.create_unix_connection(lambda: Asks(answer, took), path) for _ in range(connections)]
    await asyncio.sleep(seconds)
    lasted, used = time.perf_counter() - began, cpu_s(relay_pid) - cpu
    for transport, _ in made:
        transport.abort()
    return Run(len(took) / lasted, statistics.median(took) * 1e6, used / len(took) * 1e6)


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mib(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def measure(name: str, body: int, connections: int, seconds: float, rounds: int) -> None:
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as root, socket.create_server(("127.0.0.1", 0)) as listening:
        direct, door = f"{root}/direct.sock", f"{root}/door.sock"
        port = listening.getsockname()[1]
        processes: list[BaseProcess] = [
            spawn.Process(target=serve, args=(direct, listening, body)),
            spawn.Process(target=relay, args=(door, port)),
        ]
        for process in processes:
            process.start()
        try:
            until_there(direct, door)
            pid = processes[1].pid or 0
            answer = len(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % body) + body
            pairs = [
                [asyncio.run(ask(path, connections, seconds, answer, pid)) for path in (direct, door)]
                for _ in range(rounds)
            ]
            rate = statistics.median(two.per_second / one.per_second for one, two in pairs)
            more = statistics.median(two.p50_us - one.p50_us for one, two in pairs)
            wait = statistics.median(two.p50_us / one.p50_us for one, two in pairs)
            used = statistics.median(two.relay_us for _, two in pairs)
            plain = statistics.median(one.per_second for one, _ in pairs)
            print(
                f"{name}, {connections} connections: {rate:.2f} of the requests a second "
                f"({plain:.0f} without it), median latency x {wait:.2f} ({more:+.0f} us), "
                f"{used:.0f} us of CPU in the relay each, "
                f"{memory_mib(pid):.0f} MiB"
            )
        finally:
            for process in processes:
                process.kill()
                process.join()


def until_there(*paths: str) -> None:
    while not all(os.path.exists(path) for path in paths):  # noqa: PTH110
        time.sleep(0.01)


def main() -> None:
    given = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    given.add_argument("--seconds", type=float, default=2)
    given.add_argument("--rounds", type=int, default=5)
    asked = given.parse_args()
    for name, body in BODIES.items():
        for connections in (1, 64):
            measure(name, body, connections, asked.seconds, asked.rounds)


if __name__ == "__main__":
    main()
