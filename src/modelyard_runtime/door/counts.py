"""Tells how many connections are inside, as the model server does at `/health`: 200, X-In-Flight, X-Requests.

Whatever is asked: there is nothing else to be told here. Several questions may come on one connection.
"""

import socket
from collections.abc import Callable

MOST_BYTES = 16_384
"""Of a question's head."""

END = b"\r\n\r\n"


def answer(open_now: int, accepted: int) -> bytes:
    body = b'{"status":"open"}'
    head = (
        f"HTTP/1.1 200 OK\r\nx-in-flight: {open_now}\r\nx-requests: {accepted}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Asker:
    """One who asks. Its socket does not block."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self._asked = b""

    def hear(self, told: Callable[[], bytes]) -> bool:
        """Answer what was asked; False once it is to be closed. One who does not read its answers is not waited
        for."""
        try:
            more = self.connection.recv(MOST_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._asked += more
        while END in self._asked:
            self._asked = self._asked.partition(END)[2]
            text = told()
            try:
                if self.connection.send(text) < len(text):
                    return False
            except OSError:
                return False
        return bool(more) and len(self._asked) < MOST_BYTES
