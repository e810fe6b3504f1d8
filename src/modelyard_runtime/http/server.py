"""Requests to answers: which path is what, the health check, and what is refused.

All methods but those that say otherwise run on the transport's receiving thread, which must never be kept waiting,
and runs nothing of the model (`execution.executors`).
"""

import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from modelyard_runtime.errors import error_body
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.logs import tell

if TYPE_CHECKING:
    from modelyard_runtime.execution.executors import Executor
    from modelyard_runtime.http.exchange import Exchange
    from modelyard_runtime.http.websocket.conversations import Conversations
    from modelyard_runtime.loading.load_watchdog import Standstill
    from modelyard_runtime.model import Model
    from modelyard_runtime.protocols.plane import Reply
    from modelyard_runtime.protocols.v2 import OpenInference

    Begin = Callable[[Any, Any], Exchange]  # (scope, protocol): one request for a prediction

HEALTH = "/health"
_JSON = [("content-type", "application/json")]
_NO_ROUTES: dict[str, frozenset[str]] = {}


class Server:
    """Answers 503 until `serve` is called. Everything but health checks counts as in flight.

    `most_waiting`: requests of a model that does not batch, beyond which the next one is refused. `limit_s`: a
    request that has waited longer is not given to the model any more.
    """

    def __init__(self, most_waiting: int = 1000, limit_s: float = 60.0) -> None:
        self._most_waiting = most_waiting
        self._limit_s = limit_s
        self.ledger = Ledger()
        self.serving = False
        self.standstill: Standstill | None = None
        self._executor: Executor | None = None
        self._conversations: Conversations | None = None
        self._routes = _NO_ROUTES
        self._modelarts: Begin | None = None
        self._open_inference: OpenInference | None = None
        self._infer: Begin | None = None

    def serve(self, model: "Model", name: str, version: str) -> None:
        """From now on the model answers, and the health check says so. Called once, by the thread that loaded the
        model, which then calls `work`."""
        from modelyard_runtime.execution.executors import executor_of
        from modelyard_runtime.http.exchange import Serving
        from modelyard_runtime.http.tracing import exchange
        from modelyard_runtime.protocols.modelarts import ModelArts
        from modelyard_runtime.protocols.plane import Plane
        from modelyard_runtime.protocols.v2 import OpenInference

        executor = self._executor = executor_of(model, self.ledger, self._most_waiting, self._limit_s)
        modelarts = ModelArts(model, f"{name} {version}".strip())
        serving = Serving(Plane(modelarts), executor, self.ledger)
        kind = exchange()
        self._modelarts = lambda scope, proto: kind(serving, scope, proto)
        self._open_inference = OpenInference(model, name, version)
        self._infer = partial(kind, Serving(Plane(self._open_inference), executor, self.ledger))
        if model.websocket is not None:
            from modelyard_runtime.execution.event_loop import prepared
            from modelyard_runtime.http.websocket.conversations import Conversations, Place

            place = Place(executor.put, prepared() if model.websocket.talk else None, self._limit_s)
            self._conversations = Conversations(model.websocket, model.routes, self.ledger, place)
        self._routes = model.routes
        self.serving = True

    def work(self) -> None:
        """Runs the model until `leave`, or until a signal handler raises something."""
        assert self._executor is not None
        self._executor.work()

    def leave(self) -> bool:
        """Make `work` return; False if it cannot be told so. Any thread."""
        return self._executor is not None and self._executor.leave()

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
                proto().add_done_callback(self._modelarts(scope, proto))  # type: ignore[misc]  # there are routes
            else:
                self._refuse(scope, proto, path, methods)
        except BaseException:  # noqa: BLE001 - Granian ignores it, and the caller would wait
            tell(traceback.format_exc())

    def converse(self, scope: Any, watcher: Any) -> None:
        """Somebody wants a WebSocket. Never raises."""
        try:
            if self._conversations is not None:
                self._conversations.enter(scope, watcher)
                return
            from modelyard_runtime.http.websocket.conversations import refuse

            self.ledger.begun += 1
            refuse(watcher, 503, "ModelArts.4302", "The model is still loading.", self.ledger.finish)
        except BaseException:  # noqa: BLE001 - as in `handle`
            tell(traceback.format_exc())

    def hang_up(self) -> None:
        """Any thread."""
        if self._conversations is not None:
            self._conversations.hang_up()

    def _health(self, proto: Any) -> None:
        begun, in_flight = self.ledger.begun, self.ledger.in_flight
        counts = [("x-in-flight", str(in_flight)), ("x-requests", str(begun))]
        if self.standstill is not None:
            lasting = 0 if self._conversations is None else len(self._conversations)
            self.standstill.look(begun - lasting, in_flight - lasting, time.monotonic())
        if self.serving:
            proto.response_bytes(200, _JSON + counts, b'{"status":"ok"}')
        else:
            proto.response_bytes(503, _JSON + counts, b'{"status":"loading"}')

    def _refuse(self, scope: Any, proto: Any, path: str, methods: frozenset[str] | None) -> None:
        if methods is None and path.startswith("/v2"):
            self._v2(scope, proto, path)
        elif not self.serving:
            self._answer(proto, 503, "ModelArts.4302", "The model is still loading.")
        elif methods is None:
            self._answer(proto, 404, "ModelArts.4204", f"API {path} does not exist.")
        else:
            self._answer(proto, 405, "ModelArts.4204", f"API {path} takes {', '.join(sorted(methods))}.")

    def _v2(self, scope: Any, proto: Any, path: str) -> None:
        """The Open Inference Protocol: what needs no body is answered here and now."""
        if self._open_inference is None or self._infer is None:
            from modelyard_runtime.protocols.v2 import while_loading

            self._send(proto, while_loading(path.rstrip("/")))
            return
        reply = self._open_inference.described(scope.method, path)
        if reply is None:
            proto().add_done_callback(self._infer(scope, proto))
        else:
            self._send(proto, reply)

    def _send(self, proto: Any, reply: "Reply") -> None:
        proto.response_bytes(reply.status, reply.headers, reply.body)
        self.ledger.finish(reply.status)

    def _answer(self, proto: Any, status: int, code: str, message: str) -> None:
        """Answers once the body is here: before, it would close the connection on a caller who still sends."""

        def reply(_body: Any) -> None:
            proto.response_bytes(status, _JSON, error_body(code, message))
            self.ledger.finish(status)

        proto().add_done_callback(reply)
