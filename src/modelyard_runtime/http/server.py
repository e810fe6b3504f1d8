"""Requests to answers: routes, the health check, and on which thread a prediction runs.

All methods but those that say otherwise run on the transport's receiving thread, which must never be kept waiting,
and runs nothing of the model (`execution`).
"""

import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from modelyard_runtime.errors import RequestError, error_body
from modelyard_runtime.execution.executors import Workers
from modelyard_runtime.http.headers import header
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.logs import tell

if TYPE_CHECKING:
    import asyncio

    from modelyard_runtime.execution.batch_queue import Together
    from modelyard_runtime.execution.thread_queue import Caller, Queue
    from modelyard_runtime.http.v2_http import Door
    from modelyard_runtime.http.websocket.conversations import Conversations
    from modelyard_runtime.loading.load_watchdog import Standstill
    from modelyard_runtime.protocols.answers import Items
    from modelyard_runtime.protocols.modelarts import DataPlane, Prepared
    from modelyard_runtime.protocols.v2 import OpenInference

HEALTH = "/health"
_JSON = [("content-type", "application/json")]
_BUSY = [*_JSON, ("retry-after", "1")]
_NO_ROUTES: dict[str, frozenset[str]] = {}


class Server:
    """Answers 503 until `serve` is called. `in_flight` counts everything but health checks.

    `most_waiting`: requests of a model that does not batch, beyond which the next one is refused. `limit_s`: who
    has waited longer is not answered by the model any more.
    """

    def __init__(self, most_waiting: int = 1000, limit_s: float = 60.0) -> None:
        self._most_waiting = most_waiting
        self._limit_s = limit_s
        self.ledger = Ledger()
        self.plane: DataPlane | None = None
        self.workers: Workers | None = None
        self.queue: Queue | None = None
        self.loop: asyncio.AbstractEventLoop | None = None
        self.together: Together | None = None
        self.standstill: Standstill | None = None
        self.conversations: Conversations | None = None
        self._door: Door | None = None
        self._routes = _NO_ROUTES
        self._leaving = False

    def serve(self, plane: "DataPlane", protocol: "OpenInference | None" = None) -> None:
        """From now on the model answers, and the health check says so. Called once, by the thread that loaded the
        model, which then calls `work`."""
        model = plane.model
        if model.predict_async is not None:
            from modelyard_runtime.execution.event_loop import prepared

            self.loop = prepared()
        elif model.joint is not None:
            from modelyard_runtime.execution.batch_queue import Together

            limits = model.joint.limits
            limits = replace(limits, max_wait_s=min(limits.max_wait_s, self._limit_s))
            self.together = Together(limits, self.ledger)
            self.together.batcher.start(model.threads)
        else:
            from modelyard_runtime.execution.thread_queue import Queue

            self.workers = Workers(model.threads)
            self.queue = Queue(self.workers, self._most_waiting, self._limit_s, time.perf_counter)
        if protocol is not None:
            from modelyard_runtime.http.v2_http import Door

            self._door = Door(protocol, self)
        self._routes = model.routes
        if model.websocket is not None:
            from modelyard_runtime.http.websocket.conversations import Conversations, Place

            place = Place(self.workers.put if self.workers else self._soon, self.loop, self._limit_s)
            self.conversations = Conversations(model.websocket, model.routes, self.ledger, place)
        self.plane = plane

    def work(self) -> None:
        """Runs the model until `leave`, or until a signal handler raises something."""
        if self.loop is not None:
            while not (self._leaving or self.loop.is_closed()):  # a script may stop it
                self.loop.run_forever()
            if not self._leaving:
                raise RuntimeError("the script has closed the event loop that it runs on")
            from modelyard_runtime.execution.event_loop import wind_up

            wind_up(self.loop)
            return
        if self.together is not None:
            self.together.batcher.work()
        assert self.workers is not None
        self.workers.work()

    def leave(self) -> bool:
        """Have `work` return; False when it does not look for that. Any thread."""
        if self.loop is None:
            return False
        self._leaving = True
        with suppress(RuntimeError):  # it is closed
            self.loop.call_soon_threadsafe(self.loop.stop)
        return True

    def put(self, work: Callable[[], None]) -> None:
        """One more step of what has begun: it is never refused. Any thread."""
        assert self.workers is not None
        self.workers.put(work)

    def offer(self, caller: "Caller") -> None:
        """It has its turn where the model runs; or it is refused."""
        assert self.queue is not None
        if not self.queue.offer(caller):
            self.ledger.mine.refused += 1

    def put_async(self, run: Any) -> None:
        """The same with a coroutine function, on the loop of the model."""
        assert self.loop is not None
        self.loop.call_soon_threadsafe(partial(_start, self.loop, run))

    def handle(self, scope: Any, proto: Any) -> None:
        """One request has arrived; its body has not been read. Never raises."""
        try:
            path = scope.path
            if path == HEALTH:
                self._health(proto)
                return
            self.ledger.begun += 1
            methods = self._routes.get(path)
            method = scope.method
            if method == "GET" and "upgrade" in scope.headers:
                self._answer(proto, 400, "ModelArts.4204", "This model does not serve WebSockets.")
            elif methods is not None and method in methods:
                proto().add_done_callback(Exchange(self, scope, proto))
            else:
                self._refuse(scope, proto, path, methods)
        except BaseException:  # noqa: BLE001 - Granian ignores it, and the caller would wait
            tell(traceback.format_exc())

    def converse(self, scope: Any, watcher: Any) -> None:
        """Somebody wants a WebSocket. Never raises."""
        try:
            if self.conversations is not None:
                self.conversations.enter(scope, watcher)
                return
            from modelyard_runtime.http.websocket.conversations import refuse

            self.ledger.begun += 1
            refuse(watcher, 503, "ModelArts.4302", "The model is still loading.", self.ledger.finish)
        except BaseException:  # noqa: BLE001 - as in `handle`
            tell(traceback.format_exc())

    def hang_up(self) -> None:
        """Any thread."""
        if self.conversations is not None:
            self.conversations.hang_up()

    def _soon(self, work: Callable[[], None]) -> None:
        assert self.loop is not None
        self.loop.call_soon_threadsafe(work)

    def _health(self, proto: Any) -> None:
        begun, in_flight = self.ledger.begun, self.ledger.in_flight
        counts = [("x-in-flight", str(in_flight)), ("x-requests", str(begun))]
        if self.standstill is not None:
            lasting = 0 if self.conversations is None else len(self.conversations)
            self.standstill.look(begun - lasting, in_flight - lasting, time.monotonic())
        if self.plane is None:
            proto.response_bytes(503, _JSON + counts, b'{"status":"loading"}')
        else:
            proto.response_bytes(200, _JSON + counts, b'{"status":"ok"}')

    def _refuse(self, scope: Any, proto: Any, path: str, methods: frozenset[str] | None) -> None:
        if methods is None and path.startswith("/v2"):
            self._open_inference(scope, proto, path)
        elif self.plane is None:
            self._answer(proto, 503, "ModelArts.4302", "The model is still loading.")
        elif methods is None:
            self._answer(proto, 404, "ModelArts.4204", f"API {path} does not exist.")
        else:
            self._answer(proto, 405, "ModelArts.4204", f"API {path} takes {', '.join(sorted(methods))}.")

    def _open_inference(self, scope: Any, proto: Any, path: str) -> None:
        if self._door is not None:
            self._door.enter(scope, proto, path)
            return
        from modelyard_runtime.http.v2_http import answer_loading

        self.ledger.finish(answer_loading(proto, path))

    def _answer(self, proto: Any, status: int, code: str, message: str) -> None:
        """Once its body is here: answered earlier, the connection is closed under a caller who still sends."""

        def reply(_body: Any) -> None:
            proto.response_bytes(status, _JSON, error_body(code, message))
            self.ledger.finish(status)

        proto().add_done_callback(reply)


class Exchange:
    """One prediction, from the body to the answer. Called by the transport when the body is there."""

    __slots__ = ("_body", "_plane", "_proto", "_scope", "_server", "began_s")

    def __init__(self, server: Server, scope: Any, proto: Any) -> None:
        assert server.plane is not None
        self._server = server
        self._plane = server.plane
        self._scope = scope
        self._proto = proto
        self._body = b""
        self.began_s = time.perf_counter()

    def __call__(self, future: Any) -> None:
        server = self._server
        try:
            self._body = future.result()
        except Exception:  # noqa: BLE001 - the caller left while it was sending
            server.ledger.finish()
            return
        if server.together is not None:
            prepared = self._plane.prepared(self._body, self.content_type)
            if isinstance(prepared, tuple):
                self.reply(*prepared)
            else:
                server.together.join(self, prepared)
            return
        if server.loop is not None:
            server.put_async(self._run_async)
            return
        server.offer(self)

    def content_type(self) -> str:
        return header(self._scope.headers, "content-type")

    def run(self, now_s: float) -> float:
        """Where the model runs."""
        tally = self._server.ledger.mine
        tally.queue_s.add(now_s - self.began_s)
        status, body = self._plane.answer(self._body, self.content_type)
        if not isinstance(body, bytes):
            self._stream(body)
            return time.perf_counter()
        self._proto.response_bytes(status, _JSON, body)
        ended_s = time.perf_counter()
        tally.finish(status, ended_s - self.began_s)
        return ended_s

    async def _run_async(self) -> None:
        """On the event loop of the model."""
        status, body = await self._plane.answer_async(self._body, self.content_type)
        if isinstance(body, bytes):
            self.reply(status, body)
            return
        from modelyard_runtime.http import sse

        await sse.stream(body, sse.Caller(self._proto), self._plane.failed, self._streamed)

    def _stream(self, items: "Items") -> None:
        from modelyard_runtime.http import sse

        caller = sse.Caller(self._proto)
        put = self._server.put
        put(sse.Stream(items, caller, put, self._plane.failed, self._streamed).step)

    def _streamed(self, status: int) -> None:
        self._server.ledger.finish(status, time.perf_counter() - self.began_s)

    def answer(self, asked: "Prepared", result: Any) -> None:
        self.reply(*self._plane.answered(asked, result))

    def refuse(self, error: RequestError) -> None:
        self.reply(error.status, error.body())

    def abandon(self) -> None:
        """The caller has left."""
        self._server.ledger.finish()

    def disconnected(self) -> Any:
        return self._proto.client_disconnect()

    def reply(self, status: int, body: bytes) -> None:
        """On any thread."""
        self._proto.response_bytes(status, _BUSY if status == 503 else _JSON, body)
        self._server.ledger.finish(status, time.perf_counter() - self.began_s)


_tasks: set[Any] = set()  # the loop itself holds its tasks only weakly


def _start(loop: "asyncio.AbstractEventLoop", run: Any) -> None:
    task = loop.create_task(run())
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
