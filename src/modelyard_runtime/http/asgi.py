"""Requests that come through Granian's ASGI, in the shape of its RSGI, which everything else here expects.

Only for models with a WebSocket: RSGI is faster, but cannot say why a WebSocket ends. Nothing of ASGI is promised
to anybody; these are the messages that Granian's native part understands.
"""

import threading
from collections.abc import Callable
from functools import cached_property
from typing import Any

Headers = list[tuple[str, str]]
Then = Callable[[Any, BaseException | None], None]  # the result, or why there is none


class Left(Exception):
    """The caller went away while it was sending."""


class Scope:
    def __init__(self, scope: dict[str, Any]) -> None:
        self._scope = scope
        self.path: str = scope["path"]
        self.method: str = scope.get("method", "GET")

    @cached_property
    def headers(self) -> dict[str, str]:
        return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in self._scope["headers"]}

    @property
    def query_string(self) -> str:
        return str(self._scope["query_string"].decode("latin-1"))

    @property
    def subprotocols(self) -> list[str]:
        return list(self._scope.get("subprotocols") or ())


class Proto:
    """Granian's RSGI protocol of one request; any thread."""

    def __init__(self, native: Any) -> None:
        self._native = native

    def __call__(self) -> "_Body":
        return _Body(self._native)

    def client_disconnect(self) -> Any:
        """Done when the caller leaves, or the request is answered."""
        return self._native.receive()

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        self._native.send(started(status, headers))
        self._native.send({"type": "http.response.body", "body": body})

    def response_stream(self, status: int, headers: Headers) -> "_Stream":
        self._native.send(started(status, headers))
        return _Stream(self._native)


def started(status: int, headers: Headers, kind: str = "http.response.start") -> dict[str, Any]:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    return {"type": kind, "status": status, "headers": raw}


class _Body:
    """The whole body; as much of a future as is used here."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._parts: list[bytes] = []
        self._left = False
        self._done = False
        self._told: Callable[[Any], None] | None = None
        self._more()

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self._told = callback
        if self._done:
            callback(self)

    def result(self) -> bytes:
        if self._left:
            raise Left
        return b"".join(self._parts)

    def _more(self) -> None:
        when_done(self._native.receive(), self._came)

    def _came(self, message: Any, error: BaseException | None) -> None:
        if error is not None or message["type"] != "http.request":
            self._left = True
        else:
            self._parts.append(message["body"])
            if message["more_body"]:
                self._more()
                return
        self._done = True
        if self._told is not None:
            self._told(self)


class _Stream:
    """Ends when nobody holds it any more, as RSGI's does. Parts that come while one is being sent wait their turn:
    Granian itself might send a part for which there is room before one that had to wait for room."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self._lock = threading.Lock()
        self._sending = False
        self._parts: list[bytes] = []

    def send_bytes(self, chunk: bytes) -> None:
        with self._lock:
            if self._sending:
                self._parts.append(chunk)
                return
            self._sending = True
        self._send(chunk)

    def _send(self, chunk: bytes) -> None:
        message = {"type": "http.response.body", "body": chunk, "more_body": True}
        when_done(self._native.send(message), self._sent)

    def _sent(self, _result: Any, _error: BaseException | None) -> None:
        with self._lock:
            chunk = b"".join(self._parts)
            self._parts.clear()
            self._sending = bool(chunk)
        if chunk:
            self._send(chunk)

    def __del__(self) -> None:
        self._native.send({"type": "http.response.body", "body": b"", "more_body": False})


def when_done(future: Any, then: Then) -> Any:
    """A call into Granian returns a future, or its result or error at once.

    `then` is called once: on the receiving thread, or at once if the call is done. Returns the future, so that
    it can be cancelled; a cancelled one counts as an error."""
    if not hasattr(future, "add_done_callback"):
        then(*_done(future))
        return None

    def tell(done: Any) -> None:
        try:
            result = done.result()
        except BaseException as error:  # noqa: BLE001 - it is handed on
            then(None, error)
        else:
            then(result, None)

    future.add_done_callback(tell)
    return future


def _done(future: Any) -> tuple[Any, BaseException | None]:
    try:
        next(iter(future))
    except StopIteration as end:
        return end.value, None
    except Exception as error:  # noqa: BLE001 - it is handed on
        return None, error
    return None, None
