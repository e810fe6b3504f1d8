"""Granian below its own server: HTTP in Rust, one thread that calls us, no event loop.

What Granian offers as its server runs each request as an asyncio task, which costs two thread switches of the
interpreter lock and a task. Its native part needs neither: it hands each request to a Python callable on a thread
of its own (`schedule`), and completes the future of a body on the same thread, through the `call_soon_threadsafe`
of whatever was given to it as event loop. So we give it a loop that calls at once. Of its runtimes we take the
one for many threads, with one thread: it writes to its own event descriptor only when it sleeps, the other one for
each body and each answer. Measured on 2 cores with 64 connections, the whole model server then answers 1.2 times
the requests of a bare Granian echo, and 1.1 times its own with the other runtime.

A model with a WebSocket changes over to Granian's ASGI once it is loaded (`take_websockets`, `asgi`).

The names used here are Granian's internals: its version is bounded, and tests/e2e/test_runtime.py fails when one
changes. Promises: an idle connection of the gateway is never closed before the gateway closes it.
"""

import importlib.util
import os
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from modelyard_runtime.http.asgi import Proto, Scope

Handle = Callable[[Any, Any], None]  # (scope, protocol), on the receiving thread; must not raise

_CONNECTIONS = 65_536
_BACKLOG = 4_096
_DAY_MS = 86_400_000
_CHANGE_S = 5.0  # for answers that say that the model is loading


@dataclass(frozen=True, slots=True)
class _Http1:
    header_read_timeout: int = _DAY_MS  # it also ends idle keep-alive connections
    keep_alive: bool = True
    max_buffer_size: int = 1 << 20  # bounds the header; bodies are not bounded here
    pipeline_flush: bool = False


class _HereAndNow:
    """The `event loop` of Granian's futures: their callbacks run where they complete, on the receiving thread."""

    def call_soon_threadsafe(self, callback: Callable[[Any], None], future: Any, context: Any = None) -> None:
        callback(future)

    call_soon = call_soon_threadsafe


class Transport:
    """Serves an already listening socket, TCP or Unix, which it owns from now on."""

    def __init__(self, listener: socket.socket, handle: Handle) -> None:
        self._handle = handle
        self._is_unix = listener.family == socket.AF_UNIX
        if not self._is_unix:
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # accepted sockets inherit it
        self._spare: int | None = os.dup(listener.fileno())
        self._socket = listener.detach()
        self._signal: Any = None
        self.stopped = threading.Event()

    def start(self) -> None:
        handle = self._handle

        def schedule(watcher: Any) -> None:
            handle(watcher.scope, watcher.proto)

        self._serve(_native().RSGIWorker, schedule, self._socket)

    def settle(self) -> None:
        """`take_websockets` will not be called: from `stop` on, nobody waits to be accepted."""
        if self._spare is not None:
            os.close(self._spare)
            self._spare = None

    def take_websockets(self, converse: Handle) -> None:
        """Serves WebSockets too: `converse(scope, watcher)` is called as `handle` is. Called once, instead of
        `settle`, while the model is not ready: connections are closed, and whoever connects meanwhile waits."""
        assert self._spare is not None
        self.stop()
        self.stopped.wait(_CHANGE_S)
        self.stopped = threading.Event()
        spare, self._spare = self._spare, None
        handle = self._handle

        def schedule(watcher: Any) -> None:
            scope = Scope(watcher.scope)
            if watcher.scope["type"] == "websocket":
                converse(scope, watcher)
            else:
                handle(scope, Proto(watcher.proto))

        self._serve(_native().ASGIWorker, schedule, spare, websockets_enabled=True)

    def stop(self) -> None:
        """Accepts no more, closes idle connections, lets others answer; sets `stopped` when all are closed."""
        self._signal.set()

    def _serve(self, kind: Any, schedule: Callable[[Any], None], fd: int, **more: Any) -> None:
        native = _native()
        loop = _HereAndNow()
        scheduler = native.CallbackScheduler(loop, None, None, None, None)
        scheduler._schedule_fn = schedule
        self._signal = native.WorkerSignal()
        self._signal.add_cb(self.stopped.set)
        holder = native.SocketHolder(fd, self._is_unix, _BACKLOG)
        worker = kind(
            1, (None, holder), None, backpressure=_CONNECTIONS, http_mode="1", http1_opts=_Http1(), **more
        )
        serve = worker.serve_mtr_uds if self._is_unix else worker.serve_mtr
        serve(scheduler, loop, self._signal)


def listener(fd: int | None, path: str | None, port: int | None, host: str = "127.0.0.1") -> socket.socket:
    """The socket to serve: one handed over, or one bound here. Children of the model do not inherit it."""
    if fd is not None:
        listening = socket.socket(fileno=fd)
        os.set_inheritable(fd, False)
        return listening
    if path is not None:
        listening = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):  # noqa: PTH110 - pathlib is not needed otherwise on the way up
            os.unlink(path)  # noqa: PTH108
        mask = os.umask(0o177)
        try:
            listening.bind(path)
        finally:
            os.umask(mask)
    else:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port or 0))
    listening.listen(_BACKLOG)
    return listening


def _native() -> Any:
    """`granian._granian` without the package around it, whose imports cost 100 ms at a start."""
    name = "granian"
    if name in sys.modules:
        import granian._granian as native

        return native
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("granian is not installed")
    package = ModuleType(name)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[name] = package
    try:
        import granian._granian as native
    finally:
        del sys.modules[name]  # the model's code may import the real one
    return native
