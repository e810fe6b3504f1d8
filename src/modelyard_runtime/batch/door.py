"""The worker's socket: HTTP/1.1 for health checks, and the connection that the control plane takes over.

    GET /health                                     200 ready, 503 loading
    GET /batch, Upgrade: modelyard-batch/1          101, then frames (`wire`); 503 while the model loads
                                                    X-Bundles: 1: it may be given several splits at once

A newer connection of the control plane replaces the older one. Each connection has a thread of its own: there are
three or four, and only the engine and the control plane can reach the socket. Nothing of the model runs here.
"""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import BinaryIO

from modelyard_runtime.batch import wire
from modelyard_runtime.batch.link import Link
from modelyard_runtime.logs import tell

HEALTH = "/health"
_MOST_LINES = 100
_MOST_LINE = 8_192
_REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 426: "Upgrade Required", 503: "Service Unavailable"}


class Door:
    """Says that the model loads until `take`. `rows`: how many rows have had their outcome."""

    def __init__(self, listener: socket.socket, rows: Callable[[], int]) -> None:
        self._listener = listener
        self._begin: Callable[[Link, wire.Split], None] | None = None
        self._rows = rows
        self._link: Link | None = None
        self._changing = threading.Lock()

    @property
    def ready(self) -> bool:
        return self._begin is not None

    def take(self, begin: Callable[[Link, wire.Split], None]) -> None:
        """The model is ready. `begin` hears of each split, on its connection's thread."""
        self._begin = begin

    def open(self) -> None:
        threading.Thread(target=self._accept, name="door", daemon=True).start()

    def close(self) -> None:
        """Nothing is said to the control plane any more."""
        with self._changing:
            link, self._link = self._link, None
            self._begin = None
        if link is not None:
            link.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError as error:  # out of descriptors, for example; never the end of the worker
                if self._listener.fileno() < 0:
                    return
                tell(f"batch: {error}\n")
                time.sleep(1)
                continue
            threading.Thread(target=self._meet, args=(connection,), name="connection", daemon=True).start()

    def _meet(self, connection: socket.socket) -> None:
        with suppress(OSError, ValueError), connection, connection.makefile("rb") as stream:
            while True:
                asked = _head(stream)
                if asked is None:
                    return
                method, path, headers = asked
                if method == "GET" and path == wire.PATH and headers.get("upgrade", "").lower() == wire.PROTOCOL:
                    begin = self._begin
                    if begin is not None:
                        self._converse(connection, stream, begin)
                        return
                    self._reply(connection, 503, b'{"status":"loading"}')
                else:
                    self._answer(connection, method, path)

    def _answer(self, connection: socket.socket, method: str, path: str) -> None:
        if path == HEALTH and method == "GET":
            status, body = (200, b'{"status":"ok"}') if self.ready else (503, b'{"status":"loading"}')
            self._reply(connection, status, body)
        elif path == wire.PATH:
            self._reply(connection, 426, b'{"error":"Upgrade: modelyard-batch/1"}')
        else:
            self._reply(connection, 404, b'{"error":"This is a worker of a batch service."}')

    def _reply(self, connection: socket.socket, status: int, body: bytes) -> None:
        connection.sendall(
            f"HTTP/1.1 {status} {_REASONS[status]}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-in-flight: 0\r\nx-requests: {self._rows()}\r\n\r\n".encode()
            + body
        )

    def _converse(
        self, connection: socket.socket, stream: BinaryIO, begin: Callable[[Link, wire.Split], None]
    ) -> None:
        link = Link(connection, stream)
        with self._changing:
            older, self._link = self._link, link
        if older is not None:
            older.close()
        connection.sendall(
            "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\n"
            f"upgrade: {wire.PROTOCOL}\r\nx-bundles: 1\r\n\r\n".encode()
        )
        link.listen(begin)


def _head(stream: BinaryIO) -> tuple[str, str, dict[str, str]] | None:
    """Method, path and headers of the next request, whose body, if any, is left; None at the end."""
    line = stream.readline(_MOST_LINE).decode("latin-1").split()
    if not line:
        return None
    if len(line) != 3:
        raise ValueError(line)
    headers: dict[str, str] = {}
    for _ in range(_MOST_LINES):
        name, colon, value = stream.readline(_MOST_LINE).decode("latin-1").partition(":")
        if not colon:
            return line[0], line[1].partition("?")[0], headers
        headers[name.strip().lower()] = value.strip()
    raise ValueError("too many headers")
