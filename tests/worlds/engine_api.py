"""A container engine that is only a socket: it answers what a test wrote down, byte for byte."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from modelyard_runtime.door.docker import Docker

VERSION = b'{"ApiVersion": "1.41", "MinAPIVersion": "1.12"}'


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status.encode(), len(body), body)


def chunked(*parts: bytes, end: bool = True) -> bytes:
    """`end` False: it breaks off."""
    said = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + said + (b"0\r\n\r\n" if end else b"")


class WrittenEngine:
    """`answers`: by the beginning of the request's first line (without the version), used up in their order; the
    last stays. `asked`: the first lines that came; `heads` all of them."""

    def __init__(self, folder: Path) -> None:
        self.answers: dict[str, list[bytes]] = {"GET /version": [answer(VERSION)]}
        self.asked: list[str] = []
        self.heads: list[str] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self.path = str(folder / "d.sock")
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def docker(self) -> Docker:
        return Docker(self.path)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head:
                    head += connection.recv(65536)
                line = head.split(b"\r\n")[0].decode().removesuffix(" HTTP/1.1").replace("/v1.41", "")
                self.asked.append(line)
                self.heads.append(head.decode())
                known = next((said for begin, said in self.answers.items() if line.startswith(begin)), [b""])
                connection.sendall(known.pop(0) if len(known) > 1 else known[0])


@contextmanager
def written_engine(folder: Path) -> Iterator[WrittenEngine]:
    made = WrittenEngine(folder)
    try:
        yield made
    finally:
        made.close()
