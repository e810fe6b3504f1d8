"""A small client of the Docker Engine API over its Unix socket (Podman speaks it too). Blocking; any thread.

Both the door of a container and the control plane use it, so it needs nothing but the standard library, and of
that neither `http.client` nor `ssl`: with them a door has 21 MB instead of 13. One request is one connection.
Everything is bounded: the bytes of a head, of an answer and of a line, and the time of each request; only a stream
may last, and whoever reads it says how long it waits for more. The API's version is the newest that both sides
know.

    docker = Docker("/var/run/docker.sock")
    docker.ask("POST", "/containers/create", query={"name": "x"}, body={"Image": "…"}).json()

Errors: `AwayError` when nobody answers (in time), `RefusedError` with the status and the engine's own words.
"""

import contextlib
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from urllib.parse import quote, urlencode

OLDEST, NEWEST = (1, 40), (1, 44)
"""The versions of the API that this client was written for: Docker 19.03 and later, Podman 4 and later."""
MOST_HEAD_BYTES = 64 * 1024
MOST_BYTES = 16 * 1024 * 1024
MOST_LINE_BYTES = 1024 * 1024
LIMIT_S = 10.0
CHUNK_BYTES = 64 * 1024


class AwayError(Exception):
    """The engine does not answer: nobody listens, it broke off, or it took too long. Says nothing about
    containers."""


class RefusedError(Exception):
    """The engine answered, and will not do it. `status` is its HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class Answer:
    """A whole answer."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> object:
        """Raises AwayError: an engine that says something else is none that we know."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError) as error:
            raise AwayError(f"its answer is no JSON: {error}") from None


class Stream:
    """An answer that is read bit by bit. `close` it; another thread may, which ends a `read`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._rest = b""
        self._left: int | None = None
        self._chunked = False
        self._over = False
        self.status = 0
        self.headers: Mapping[str, str] = {}

    def begin(self) -> None:
        """Read the head."""
        while b"\r\n\r\n" not in self._rest:
            if len(self._rest) > MOST_HEAD_BYTES or not self._more():
                raise AwayError("it broke off in the middle of an answer")
        head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        named = (line.partition(":") for line in lines)
        self.headers = {name.strip().lower(): value.strip() for name, _, value in named}
        words = first.split(" ", 2)
        if len(words) < 2 or not words[1].isdecimal():
            raise AwayError(f"its answer is no HTTP: {first[:80]!r}")
        self.status = int(words[1])
        self._chunked = "chunked" in self.headers.get("transfer-encoding", "").lower()
        length = self.headers.get("content-length", "")
        if self._chunked:
            self._left = 0
        elif length.isdecimal():
            self._left = int(length)
        elif self.status in (204, 304):
            self._left = 0

    def read(self, most: int = CHUNK_BYTES, wait_s: float | None = None) -> bytes:
        """At least one byte, b"" at the end. `wait_s`: how long to wait for it (None: for ever)."""
        self._connection.settimeout(wait_s)
        if self._chunked and not self._left and not self._over:
            self._next_chunk()
        if self._over or self._left == 0:
            return b""
        if not self._rest and not self._more():
            if self._left is not None:
                raise AwayError("it broke off in the middle of an answer")
            self._over = True
            return b""
        size = most if self._left is None else min(most, self._left)
        data, self._rest = self._rest[:size], self._rest[size:]
        if self._left is not None:
            self._left -= len(data)
            if self._chunked and not self._left:
                self._line()
        return data

    def exactly(self, size: int, wait_s: float | None = None) -> bytes:
        """So many bytes; fewer only at the end."""
        data = b""
        while len(data) < size and (more := self.read(size - len(data), wait_s)):
            data += more
        return data

    def lines(self, wait_s: float | None) -> Iterator[bytes]:
        """Line by line, without their ends."""
        rest = b""
        while data := self.read(wait_s=wait_s):
            *whole, rest = (rest + data).split(b"\n")
            yield from (line for line in whole if line.strip())
            if len(rest) > MOST_LINE_BYTES:
                raise AwayError("a line of its answer has no end")
        if rest.strip():
            yield rest

    def whole(self, most_bytes: int, deadline: float) -> bytes:
        parts, size = [], 0
        while data := self.read(wait_s=max(deadline - time.monotonic(), 0.001)):
            size += len(data)
            if size > most_bytes:
                raise AwayError(f"its answer has more than {most_bytes} bytes")
            parts.append(data)
        return b"".join(parts)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _more(self) -> bool:
        try:
            data = self._connection.recv(CHUNK_BYTES)
        except TimeoutError:
            raise AwayError("it did not answer in time") from None
        except OSError as error:
            raise AwayError(f"the connection to it broke: {error}") from None
        self._rest += data
        return bool(data)

    def _line(self) -> bytes:
        while b"\r\n" not in self._rest:
            if len(self._rest) > MOST_HEAD_BYTES or not self._more():
                raise AwayError("it broke off in the middle of an answer")
        line, _, self._rest = self._rest.partition(b"\r\n")
        return line

    def _next_chunk(self) -> None:
        try:
            self._left = int(self._line().split(b";")[0], 16)
        except ValueError:
            raise AwayError("its answer is no HTTP: a chunk has no size") from None
        self._over = self._left == 0


class Docker:
    """The engine behind one Unix socket."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._version = ""

    def version(self) -> str:
        """`v1.41`: the newest version of the API that both sides know. Raises AwayError, RefusedError."""
        if not self._version:
            said = self._ask("GET", "/version", limit_s=LIMIT_S).json()
            told = said if isinstance(said, dict) else {}
            newest, oldest = _version(told.get("ApiVersion")), _version(told.get("MinAPIVersion", "1.0"))
            if newest < OLDEST or oldest > NEWEST:
                text = f"it speaks versions {_named(oldest)} to {_named(newest)} of the Docker API"
                raise RefusedError(400, f"{text}, this client {_named(OLDEST)} to {_named(NEWEST)}")
            self._version = f"v{_named(min(newest, NEWEST))}"
        return self._version

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        limit_s: float = LIMIT_S,
    ) -> Answer:
        """One request, and all of its answer. A body of bytes is a tar file, any other becomes JSON. Raises
        AwayError, RefusedError (for 400 and above)."""
        return self._ask(method, self._target(path, query), body=body, headers=headers, limit_s=limit_s)

    def opened(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        limit_s: float = LIMIT_S,
    ) -> Stream:
        """One request, whose answer is read as it comes; `limit_s` is for its head. Raises AwayError,
        RefusedError."""
        return self._opened(method, self._target(path, query), body, headers or {}, time.monotonic() + limit_s)

    def _target(self, path: str, query: Mapping[str, str] | None) -> str:
        asked = f"?{urlencode(query)}" if query else ""
        return f"/{self.version()}{quote(path, safe='/:@')}{asked}"

    def _ask(
        self,
        method: str,
        target: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        limit_s: float,
    ) -> Answer:
        deadline = time.monotonic() + limit_s
        with self._opened(method, target, body, headers or {}, deadline) as stream:
            return Answer(stream.status, stream.headers, stream.whole(MOST_BYTES, deadline))

    def _opened(
        self, method: str, target: str, body: object, headers: Mapping[str, str], deadline: float
    ) -> Stream:
        raw = isinstance(body, bytes)
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {target} HTTP/1.1", "Host: engine", "Connection: close", "User-Agent: modelyard"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if body is not None:
            lines.append(f"Content-Type: application/{'x-tar' if raw else 'json'}")
        lines += [f"Content-Length: {len(content)}", "", ""]
        connection = self._connected(max(deadline - time.monotonic(), 0.001))
        stream = Stream(connection)
        try:
            try:
                connection.sendall("\r\n".join(lines).encode("latin-1") + content)
            except OSError as error:
                raise AwayError(f"the connection to it broke: {error}") from None
            stream.begin()
            if stream.status >= 400:
                raise RefusedError(stream.status, _told(stream.whole(MOST_HEAD_BYTES, deadline), stream.status))
        except BaseException:
            stream.close()
            raise
        return stream

    def _connected(self, limit_s: float) -> socket.socket:
        """By way of /proc: the path may be longer than a socket's address."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        directory = -1
        try:
            connection.settimeout(limit_s)
            where, _, name = self.path.rpartition("/")
            directory = os.open(where or "/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            connection.connect(f"/proc/self/fd/{directory}/{name}")
        except OSError as error:
            connection.close()
            raise AwayError(f"nobody answers at {self.path}: {error.strerror or error}") from None
        finally:
            if directory >= 0:
                os.close(directory)
        return connection


def _version(text: object) -> tuple[int, int]:
    major, _, minor = str(text).partition(".")
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def _named(version: tuple[int, int]) -> str:
    return f"{version[0]}.{version[1]}"


def _told(body: bytes, status: int) -> str:
    """What the engine says of its refusal."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        said = None
    text = said.get("message") if isinstance(said, dict) else None
    return str(text).strip() if text else f"it answered with status {status}"
