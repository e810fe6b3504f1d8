"""A relay in a thread of its own, between a Unix socket and a TCP port where a test is the program."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from modelyard_runtime.door.reach import Reach, tcp
from modelyard_runtime.door.relay import Relay

LIMIT_S = 20.0


def port_of(listening: socket.socket) -> int:
    return int(listening.getsockname()[1])


def free_port() -> int:
    """One that nobody listens on. It stays bound by nobody: only for tests of a port that is closed."""
    with closing(socket.socket()) as held:
        held.bind(("127.0.0.1", 0))
        return port_of(held)


def program(backlog: int = 100) -> socket.socket:
    """A port that listens. Its connections are the test's to accept."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=backlog)
    listening.settimeout(LIMIT_S)
    return listening


def unix_listener(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    path.unlink(missing_ok=True)
    listening.bind(str(path))
    listening.listen(4096)
    return listening


class Door:
    """What a test sees of a relay: where to knock."""

    def __init__(self, relay: Relay, root: Path) -> None:
        self.relay = relay
        self.root = root

    def caller(self, name: str = "s.sock") -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(LIMIT_S)
        try:
            connection.connect(str(self.root / name))
        except OSError:
            connection.close()
            raise
        return connection

    def counts(self) -> tuple[int, int]:
        """Open, accepted: as they are told."""
        with closing(self.caller("door.sock")) as asked:
            asked.sendall(b"GET /health HTTP/1.1\r\nhost: door\r\n\r\n")
            head = asked.recv(4096).decode().lower()
        told = dict(line.split(": ", 1) for line in head.split("\r\n\r\n")[0].split("\r\n")[1:])
        return int(told["x-in-flight"]), int(told["x-requests"])

    def until(self, open_now: int) -> tuple[int, int]:
        """The counts, once so many are open."""
        told = (0, 0)

        def so_many() -> bool:
            nonlocal told
            told = self.counts()
            return told[0] == open_now

        eventually(so_many)
        return told


@contextmanager
def door(root: Path, to: int | Reach, *, patience_s: float = LIMIT_S) -> Iterator[Door]:
    listeners = {name: unix_listener(root / name) for name in ("s.sock", "probe.sock", "door.sock")}
    reach = tcp("127.0.0.1", to) if isinstance(to, int) else to
    relay = Relay(
        listeners["s.sock"],
        reach,
        uncounted=listeners["probe.sock"],
        counts=listeners["door.sock"],
        patience_s=patience_s,
    )
    thread = threading.Thread(target=relay.run)
    thread.start()
    try:
        yield Door(relay, root)
    finally:
        relay.stop(0.0)
        thread.join(LIMIT_S)
        assert not thread.is_alive()


def all_of(connection: socket.socket) -> bytes:
    """Until the other side has said all."""
    taken = b""
    while more := connection.recv(65536):
        taken += more
    return taken


def eventually(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not done():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread
