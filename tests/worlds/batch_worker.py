"""The control plane's side of a worker's connection (`modelyard_runtime.batch.wire`), played by a test.

with serving(model) as plane:                  a worker in this process, over a socket pair
plane = Plane.upgraded(connection)             a connection to a real one
ran = plane.run(split(rows=3, …), [content])   a split, to its end
"""

import contextlib
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from modelyard_runtime.batch.link import Link
from modelyard_runtime.batch.predictors import InProcess
from modelyard_runtime.batch.worker import Predicting, Worker
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.model import Model

HEAD = struct.Struct(">cI")
CSV = {"format": "csv", "mapping": {"items": [{"leaf": "string", "index": 0}]}}


@dataclass
class Published:
    head: dict[str, Any]
    lines: list[bytes]


@dataclass
class Ran:
    """What came of a split: `ended` is the payload of E or F, by `kind`."""

    published: list[Published] = field(default_factory=list)
    reads: list[dict[str, Any]] = field(default_factory=list)
    kind: bytes = b""
    ended: dict[str, Any] = field(default_factory=dict)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for each in self.published for line in each.lines]

    @property
    def raw(self) -> bytes:
        return b"".join(line for each in self.published for line in each.lines)

    @property
    def failures(self) -> dict[int, str]:
        return {row: cause for each in self.published for row, cause in each.head["failures"]}

    @property
    def rows(self) -> int:
        return sum(each.head["rows"] for each in self.published)


class Plane:
    """`connection` has been taken over. Whatever the worker says is checked. `link`: the worker's side, where that
    is in this process."""

    link: Link

    def __init__(self, connection: socket.socket) -> None:
        connection.settimeout(60)
        self.connection = connection
        self._stream = connection.makefile("rb")

    @classmethod
    def connected(cls, path: Path) -> "Plane":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(60)
        connection.connect(str(path))
        return cls.upgraded(connection)

    @classmethod
    def upgraded(cls, connection: socket.socket) -> "Plane":
        connection.sendall(b"GET /batch HTTP/1.1\r\nhost: w\r\nconnection: upgrade\r\n")
        connection.sendall(b"upgrade: modelyard-batch/1\r\n\r\n")
        plane = cls(connection)
        head = [plane._stream.readline() for _ in range(5)]
        assert head[0] == b"HTTP/1.1 101 Switching Protocols\r\n", head
        assert head[3:] == [b"x-bundles: 1\r\n", b"\r\n"], head
        return plane

    def send(self, kind: bytes, payload: bytes = b"{}") -> None:
        self.connection.sendall(HEAD.pack(kind, len(payload)) + payload)

    def receive(self) -> tuple[bytes, bytes]:
        head = self._stream.read(HEAD.size)
        if len(head) != HEAD.size:
            raise EOFError
        kind, length = HEAD.unpack(head)
        payload = self._stream.read(length)
        if len(payload) != length:
            raise EOFError
        return kind, payload

    def run(
        self,
        split: dict[str, Any],
        files: list[bytes | str],
        heard: Callable[[Published], None] = lambda _published: None,
    ) -> Ran:
        """`files`: the content, or why it cannot be read. `heard` is told of each publication."""
        self.send(b"S", json.dumps(split).encode())
        ran = Ran()
        while not ran.kind:
            self.step(ran, split, files, heard)
        return ran

    def step(
        self,
        ran: Ran,
        split: dict[str, Any],
        files: list[bytes | str],
        heard: Callable[[Published], None] = lambda _published: None,
    ) -> None:
        """One frame of the worker, and the answer to it."""
        kind, payload = self.receive()
        if kind == b"R":
            self._read(ran, json.loads(payload), files)
        elif kind == b"P":
            published = parsed(payload)
            self._check(ran, published, split)
            ran.published.append(published)
            heard(published)
        else:
            assert kind in (b"E", b"F"), kind
            ran.kind, ran.ended = kind, json.loads(payload)

    def _read(self, ran: Ran, asked: dict[str, Any], files: list[bytes | str]) -> None:
        ran.reads.append(asked)
        assert 0 < asked["length"] <= 1024 * 1024
        content = files[asked["file"]]
        if isinstance(content, str):
            self.send(b"X", json.dumps({"error": content}).encode())
        else:
            self.send(b"D", content[asked["offset"] : asked["offset"] + asked["length"]])

    def _check(self, ran: Ran, published: Published, split: dict[str, Any]) -> None:
        head = published.head
        assert head["rows"] == len(published.lines) > 0
        assert head["failed"] == len(head["failures"])
        only = split.get("only")
        assert ("numbers" in head) == (only is not None)
        first = split["source"] if split["job"]["format"] == "file" else split["first_row"]
        numbers = head.get("numbers") or list(range(first + ran.rows, first + ran.rows + head["rows"]))
        assert len(numbers) == head["rows"]
        assert set(dict(head["failures"])) <= set(numbers)
        for line, number in zip(published.lines, numbers, strict=True):
            assert line.endswith(b"\n")
            failed = line.startswith(b'{"result":"FAILED","error_message":')
            assert failed == (number in dict(head["failures"]))
        total = len(only) if only is not None else split["rows"]
        assert (head["next"] is None) == (ran.rows + head["rows"] == total)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self.connection.close()


def parsed(payload: bytes) -> Published:
    (size,) = struct.unpack(">I", payload[:4])
    body = payload[4 + size :]
    return Published(json.loads(payload[4 : 4 + size]), body.splitlines(keepends=True) if body else [])


def split(job: dict[str, Any] | None = None, content: bytes = b"", rows: int = 0, **more: Any) -> dict[str, Any]:
    """The whole of one source, unless `more` says otherwise."""
    return {
        "job": {"uri": "/", "method": "POST", **(job or CSV)},
        "source": 0,
        "start": 0,
        "end": len(content),
        "first_row": 0,
        "rows": rows,
        "size": len(content),
        "flush_s": 60.0,
        **more,
    }


@contextlib.contextmanager
def serving(model: Model, **more: Any) -> Iterator[Plane]:
    """A worker with this model, on a thread."""
    inside = InProcess(model, "m 1.0.0")
    with worker(inside.predictor, inside.most, inside.least, **more) as plane:
        yield plane


@contextlib.contextmanager
def worker(
    predicting: Predicting, most: int = 8192, least: int = 1, ledger: Ledger | None = None
) -> Iterator[Plane]:
    """A worker on a thread, over a socket pair."""
    working = Worker(ledger or Ledger())
    predict = threading.Thread(target=working.work, args=(predicting, most, least), daemon=True)
    predict.start()
    with connected(working) as plane:
        yield plane
    working.leave()
    predict.join()


@contextlib.contextmanager
def connected(working: Worker) -> Iterator[Plane]:
    """A connection to a worker that is at work."""
    ours, theirs = socket.socketpair()
    stream = theirs.makefile("rb")
    plane = Plane(ours)
    plane.link = Link(theirs, stream)
    listening = threading.Thread(target=plane.link.listen, args=(working.begin,), daemon=True)
    listening.start()
    try:
        yield plane
    finally:
        plane.close()
        listening.join()
        stream.close()
        theirs.close()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.001)
