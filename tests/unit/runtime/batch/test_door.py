"""The worker's socket, as health checks and strangers find it."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from modelyard_runtime.batch.door import Door

HEALTH = b"GET /health HTTP/1.1\r\nhost: instance\r\nuser-agent: modelyard\r\n\r\n"
UPGRADE = b"GET /batch HTTP/1.1\r\nconnection: Upgrade\r\nUpgrade: modelyard-batch/1\r\n\r\n"


@pytest.fixture
def door(tmp_path: Path) -> Iterator[tuple[Door, Path]]:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        opened = Door(listener, lambda: 7)
        opened.open()
        yield opened, path
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)


def asked(path: Path, *requests: bytes) -> list[bytes]:
    """The heads of the answers to requests on one connection, up to its end."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        connection.connect(str(path))
        stream = connection.makefile("rb")
        with stream:
            heads = []
            for request in requests:
                connection.sendall(request)
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    line = stream.readline()
                    if not line:
                        return heads
                    head += line
                heads.append(head)
                length = [line for line in head.split(b"\r\n") if line.startswith(b"content-length: ")]
                stream.read(int(length[0][16:]) if length else 0)
            return heads


def test_health_on_a_kept_connection(door: tuple[Door, Path]) -> None:
    opened, path = door
    loading = asked(path, HEALTH, UPGRADE)
    assert [head.split()[1] for head in loading] == [b"503", b"503"]
    opened.take(lambda _link, _split: None)
    ready = asked(path, HEALTH, HEALTH)
    assert [head.split()[1] for head in ready] == [b"200", b"200"]
    assert b"x-in-flight: 0\r\nx-requests: 7\r\n" in ready[0]


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /batch HTTP/1.1\r\n\r\n", b"426"),
        (b"POST /batch HTTP/1.1\r\nupgrade: modelyard-batch/1\r\n\r\n", b"426"),
        (b"GET /batch HTTP/1.1\r\nupgrade: websocket\r\n\r\n", b"426"),
        (b"GET /health?x=1 HTTP/1.1\r\n\r\n", b"200"),
        (b"POST /health HTTP/1.1\r\n\r\n", b"404"),
        (b"GET /v2 HTTP/1.1\r\n\r\n", b"404"),
        (UPGRADE, b"101"),
    ],
)
def test_what_there_is(door: tuple[Door, Path], request_: bytes, status: bytes) -> None:
    opened, path = door
    opened.take(lambda _link, _split: None)
    assert [head.split()[1] for head in asked(path, request_)] == [status]


@pytest.mark.parametrize(
    "nonsense",
    [
        pytest.param(b"\x16\x03\x01\x02\r\n", id="tls"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200, id="too many headers"),
        pytest.param(b"GET " + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", id="too long"),
    ],
)
def test_nonsense_ends_its_connection_only(door: tuple[Door, Path], nonsense: bytes) -> None:
    opened, path = door
    opened.take(lambda _link, _split: None)
    with contextlib.suppress(OSError):
        assert asked(path, nonsense) == []
    assert asked(path, HEALTH)[0].split()[1] == b"200"


def test_once_closed_it_takes_nobody(door: tuple[Door, Path]) -> None:
    opened, path = door
    links: list[Any] = []
    opened.take(lambda link, _split: links.append(link))
    opened.close()
    assert asked(path, UPGRADE)[0].split()[1] == b"503"
