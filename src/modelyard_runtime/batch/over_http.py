"""Rows to a model that is reached over HTTP on this machine: a command's.

Each row is a request, and some of them are on their way at a time, on connections that are kept. What comes back:

    2xx with JSON                     the line, compact
    2xx with another text, or empty   that text as JSON, or null
    anything else                     a row that failed, with what the answer says
    503, 429                          asked again, until the row's time is over
    no answer in time                 a row that failed
    a connection that breaks          asked again, three times in all; a row that failed
    nobody listens any more           the worker ends (GoneError): somebody must start the model again
"""

import http.client
import json
import os
import queue
import select
import socket
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from modelyard_runtime.batch.answered import Answered, Predictor
from modelyard_runtime.batch.crew import Crew
from modelyard_runtime.batch.file_rows import Upload
from modelyard_runtime.batch.predictors import MOST_LINE_BYTES, WAVES, make_of
from modelyard_runtime.batch.results import cause_of, failed_line
from modelyard_runtime.batch.rows import RowError
from modelyard_runtime.batch.wire import Split
from modelyard_runtime.door.ports import program
from modelyard_runtime.door.reach import Reach
from modelyard_runtime.errors import LoadError

MOST_ROWS = 4096
BROKEN_TIMES = 3
_FIRST_PAUSE_S = 0.05
_MOST_PAUSE_S = 5.0
_MOST_SAID = 500
_SAYING = ("error_msg", "error_message", "message", "detail", "error")
_JSON = "application/json"


class GoneError(LoadError):
    """Nobody listens where the model should be."""


class _BrokenError(Exception):
    """The connection ended without an answer."""


class OverHttp:
    """`url` is where the model listens, `count` how many requests are on their way at a time. `own_socket`: the
    model is the command of this instance, which may listen there instead, and is believed only if it is ours."""

    most = MOST_ROWS

    def __init__(
        self,
        url: str,
        count: int,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
        *,
        own_socket: str = "",
    ) -> None:
        """Raises LoadError."""
        self.place = _Place(url, timeout_s, own_socket)
        self.timeout_s = timeout_s
        self.clock = clock
        self.crew = Crew(count)
        self.least = WAVES * count

    def predictor(self, split: Split) -> Predictor:
        """Raises SourceError."""
        return _Rows(self, split)

    def close(self) -> None:
        """The connections that are not in use."""
        self.place.close()

    def wait(self, health: str = "", pause: Callable[[float], None] = time.sleep) -> None:
        """Until somebody listens there, and answers `health` with 200 ("": that is not asked)."""
        while True:
            connection = self.place.connection()
            try:
                connection.connect()
                if not health:
                    return
                connection.request("GET", health)
                if connection.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                pass
            finally:
                connection.close()
            pause(_FIRST_PAUSE_S)


class _ToCommand(http.client.HTTPConnection):
    """To wherever `reach` says."""

    def __init__(self, host: str, port: int, timeout_s: float, reach: Reach) -> None:
        super().__init__(host, port, timeout=timeout_s)
        self._reach, self._timeout_s = reach, timeout_s

    def connect(self) -> None:
        until_s = time.monotonic() + self._timeout_s
        while True:
            try:
                made = self._reach()
                break
            except BlockingIOError:  # a Unix socket, and all who may wait there do
                if time.monotonic() > until_s:
                    raise TimeoutError from None
                time.sleep(_FIRST_PAUSE_S)
        try:
            waiting = select.poll()
            waiting.register(made, select.POLLOUT)
            if not waiting.poll(1000 * self._timeout_s):
                raise TimeoutError
            if number := made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(number, os.strerror(number))
            made.settimeout(self._timeout_s)
        except BaseException:
            made.close()
            raise
        self.sock = made


class _Place:
    """Where the model is, and connections to it that are not in use."""

    def __init__(self, url: str, timeout_s: float, own_socket: str) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port or 80
        except ValueError:
            port = -1
        if parts.scheme != "http" or not parts.hostname or port < 0:
            raise LoadError(f"MODELYARD_BATCH_URL must be like http://127.0.0.1:8080, not {url!r}")
        self._host, self._port, self._timeout_s = parts.hostname, port, timeout_s
        self._reach = program(port, own_socket, os.geteuid()) if own_socket else None
        self.path = parts.path.rstrip("/")
        self._idle: queue.LifoQueue[http.client.HTTPConnection] = queue.LifoQueue()

    def connection(self) -> http.client.HTTPConnection:
        if self._reach is not None:
            return _ToCommand(self._host, self._port, self._timeout_s, self._reach)
        return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout_s)

    def taken(self) -> tuple[http.client.HTTPConnection, bool]:
        """One that was kept, if there is one, and whether it was."""
        try:
            return self._idle.get_nowait(), True
        except queue.Empty:
            return self.connection(), False

    def keep(self, connection: http.client.HTTPConnection) -> None:
        self._idle.put(connection)

    def close(self) -> None:
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


class _Rows:
    def __init__(self, model: OverHttp, split: Split) -> None:
        self.most = model.most
        self._model = model
        self._job = split.job
        self._path = model.place.path + (split.job.uri if split.job.uri.startswith("/") else f"/{split.job.uri}")
        self._make = make_of(split)
        self._gone: list[GoneError] = []
        self._lock = threading.Lock()

    def answer(self, items: Sequence[Any], numbers: Sequence[int], *, plain: bool = False) -> Answered:
        pairs = list(zip(items, numbers, strict=True))
        outcomes = self._model.crew.each(lambda pair: self._outcome(*pair), pairs)
        if self._gone:
            raise self._gone[0]
        failures = [(n, outcome) for n, outcome in enumerate(outcomes) if isinstance(outcome, str)]
        return Answered([o if isinstance(o, bytes) else failed_line(o) for o in outcomes], failures)

    def _outcome(self, item: Any, number: int) -> bytes | str:
        """A line, or why there is none. Never raises."""
        try:
            body, kind = self._request(item, number)
            return self._asked(body, kind)
        except GoneError as error:
            with self._lock:
                self._gone.append(error)
            return str(error)
        except Exception as error:  # noqa: BLE001 - it is the outcome of this row
            return cause_of(str(error))

    def _request(self, item: Any, number: int) -> tuple[bytes, str]:
        if isinstance(item, RowError):
            raise item
        if isinstance(item, Upload):
            return form(self._job.file_field, item) if self._job.file_field else (item.content, item.content_type)
        if isinstance(item, bytes):
            if not item.strip():
                raise RowError(f"row {number}: the line is empty")
            try:
                item = msgspec.json.decode(item)
            except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
                raise RowError(f"row {number} is no JSON: {error}") from None
        value = item if self._make is None else self._make(item, number)
        return msgspec.json.encode(value), _JSON

    def _asked(self, body: bytes, kind: str) -> bytes | str:
        model = self._model
        deadline_s = model.clock() + model.timeout_s
        pause_s, broken = _FIRST_PAUSE_S, 0
        while True:
            late = model.clock() + pause_s > deadline_s
            try:
                status, told, content = self._sent(body, kind)
            except TimeoutError:
                return f"The model did not answer within {model.timeout_s:g} s."
            except ConnectionRefusedError:
                if late:
                    raise GoneError("the model does not listen any more") from None
            except (_BrokenError, OSError, http.client.HTTPException):
                broken += 1
                if broken == BROKEN_TIMES:
                    return f"The model ended the connection {broken} times without an answer."
            else:
                if status not in (429, 503) or late:
                    return self._line(status, told, content)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, _MOST_PAUSE_S)

    def _sent(self, body: bytes, kind: str) -> tuple[int, str, bytes]:
        """Status, Content-Type and content of the answer."""
        connection, kept = self._model.place.taken()
        try:
            connection.request(self._job.method, self._path, body, {"content-type": kind, "accept": _JSON})
            reply = connection.getresponse()
        except TimeoutError:
            connection.close()
            raise
        except (OSError, http.client.HTTPException):
            connection.close()
            if kept:  # it may end one that is idle, at any time
                return self._sent(body, kind)
            raise
        content = self._read(connection, reply)
        return (
            reply.status,
            reply.headers.get_content_type() if "content-type" in reply.headers else _JSON,
            content,
        )

    def _read(self, connection: http.client.HTTPConnection, reply: http.client.HTTPResponse) -> bytes:
        content = b""
        try:
            content = reply.read(MOST_LINE_BYTES + 1)
            if not reply.isclosed() and reply.read(1):
                raise ValueError(f"The answer has more than the {MOST_LINE_BYTES} bytes that are allowed.")
        except BaseException:
            connection.close()
            raise
        if reply.will_close:
            connection.close()
        else:
            self._model.place.keep(connection)
        return content

    def _line(self, status: int, kind: str, content: bytes) -> bytes | str:
        if not 200 <= status < 300:
            return cause_of(f"The model answered {status}{_said(content)}")
        if not content.strip():
            return b"null\n"
        try:
            content.decode()
            msgspec.json.decode(content)
            return msgspec.json.format(content, indent=-1) + b"\n"
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            pass
        if kind.startswith("text/"):
            return msgspec.json.encode(content.decode(errors="replace")) + b"\n"
        return f"The model answered something that is no JSON, of type {kind[:80]}."


def _said(content: bytes) -> str:
    """What the answer of an error says, in a few words."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        value = content.decode(errors="replace")
    if isinstance(value, dict):
        value = next((value[name] for name in _SAYING if value.get(name)), value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return f": {text[:_MOST_SAID]}" if text else "."


def form(field: str, file: Upload) -> tuple[bytes, str]:
    """multipart/form-data with one file, and its Content-Type (RFC 7578)."""
    boundary = uuid.uuid4().hex
    names = f'name="{_quoted(field)}"; filename="{_quoted(file.name)}"'
    head = f"--{boundary}\r\ncontent-disposition: form-data; {names}\r\ncontent-type: {file.content_type}\r\n\r\n"
    body = head.encode() + file.content + f"\r\n--{boundary}--\r\n".encode()
    return body, f"multipart/form-data; boundary={boundary}"


def _quoted(name: str) -> str:
    """As browsers write it (HTML, 4.10.22.8)."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
