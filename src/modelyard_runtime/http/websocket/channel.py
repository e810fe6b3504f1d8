"""One accepted WebSocket on Granian's protocol object: messages one at a time, and one end, with its code.

Granian answers pings by itself, and reads the next message only when it is asked for one; until then, messages
wait in the kernel. It takes no bound: a message of up to 64 MiB is read before it is refused.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from modelyard_runtime.http.asgi import when_done

NORMAL, GOING_AWAY, POLICY, TOO_BIG, FAILED = 1000, 1001, 1008, 1009, 1011
_ABNORMAL = 1006
_REASON_BYTES = 123  # RFC 6455 §5.5

Message = str | bytes


class Hearer(Protocol):
    """Called on the receiving thread, or on the one that closes."""

    def came(self, message: Message) -> None:
        """The answer to one `ask`."""

    def ended(self, code: int) -> None:
        """Once. Nothing else follows."""


class Channel:
    """Any thread may call it."""

    def __init__(self, watcher: Any, max_message_bytes: int) -> None:
        self.touched_s = time.monotonic()
        self.hearer: Hearer | None = None
        self._watcher = watcher
        self._native = watcher.proto
        self._most = max_message_bytes
        self._lock = threading.Lock()
        self._code: int | None = None
        self._over = False
        self._closing_s = 0.0
        self._receiving: Any = None
        self._leaving: set[Any] = set()

    @property
    def code(self) -> int | None:
        """Why it has ended, or is about to; None while it is open."""
        return self._code

    def accept(self, subprotocol: str | None, then: Callable[[], None]) -> None:
        """`then` is called when messages may be sent; `ended` if that fails."""

        def accepted(_result: Any, error: BaseException | None) -> None:
            if error is None:
                then()
            else:
                self._end(_ABNORMAL)

        self._native.receive()  # the offer itself
        message = {"type": "websocket.accept", **({"subprotocol": subprotocol} if subprotocol else {})}
        when_done(self._native.send(message), accepted)

    def ask(self) -> None:
        """For the next message."""
        with self._lock:
            if self._code is not None:
                return
            receiving = self._receiving = self._native.receive()
        when_done(receiving, self._came)

    def send(self, message: Message, then: Callable[[bool], None]) -> None:
        """`then` is called when it has left, or cannot."""
        if self._code is not None:
            then(False)
            return
        self.touched_s = time.monotonic()
        kind = "text" if isinstance(message, str) else "bytes"
        self._send({"type": "websocket.send", kind: message}, then)

    def close(self, code: int, reason: str = "") -> None:
        with self._lock:
            if self._code is not None:
                return
            self._code = code
            self._closing_s = time.monotonic()
            receiving, self._receiving = self._receiving, None
        if receiving is not None and hasattr(receiving, "cancel"):
            receiving.cancel()  # it holds what closing needs
        reason = reason.encode()[:_REASON_BYTES].decode(errors="ignore")
        self._send({"type": "websocket.close", "code": code, "reason": reason}, lambda _left: self._end(code))

    def end_if_stuck(self, since_s: float) -> None:
        """Breaks off a connection that should be closed by now, but whose caller no longer takes anything."""
        if self._code is not None and not self._over and self._closing_s < since_s:
            for future in tuple(self._leaving):
                future.cancel()
            self._end(self._code)

    def _send(self, message: dict[str, Any], then: Callable[[bool], None]) -> None:
        future: Any = None

        def left(_result: Any, error: BaseException | None) -> None:
            self._leaving.discard(future)
            then(error is None)

        native = self._native
        if native is None:
            then(False)
            return
        future = native.send(message)
        if hasattr(future, "cancel"):
            self._leaving.add(future)
        when_done(future, left)

    def _came(self, message: Any, error: BaseException | None) -> None:
        if self._code is not None:  # it was cancelled
            return
        if error is not None or message["type"] != "websocket.receive":
            code = message["code"] if error is None else _ABNORMAL
            with self._lock:
                self._code = self._code or code
            self._end(self._code)
            return
        self.touched_s = time.monotonic()
        data: Message | None = message.get("text")
        if data is None:
            data = message["bytes"]
        if (len(data) if isinstance(data, bytes) else _size(data)) > self._most:
            self.close(TOO_BIG, f"a message may have {self._most} bytes")
        elif self.hearer is not None:
            self.hearer.came(data)

    def _end(self, code: int) -> None:
        with self._lock:
            if self._over:
                return
            self._over = True
            watcher, self._watcher, self._native = self._watcher, None, None  # the connection goes with them
        watcher.done()
        if self.hearer is not None:
            self.hearer.ended(code)


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode())
