"""The Open Inference Protocol between the transport and the model: which thread answers what.

What needs no body is answered where it was received. Inference runs where predictions of the model run, and joins
them in one call where they join each other.
"""

import time
from typing import TYPE_CHECKING, Any

from modelyard_runtime.errors import RequestError
from modelyard_runtime.http.headers import header
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.protocols.v2 import OpenInference, Prepared, Reply, while_loading

if TYPE_CHECKING:
    from modelyard_runtime.http.server import Server


def answer_loading(proto: Any, path: str) -> int:
    """Returns the status."""
    return _send(proto, while_loading(path.rstrip("/")))


class Door:
    """`enter` is called on the receiving thread, and never keeps it waiting."""

    def __init__(self, protocol: OpenInference, server: "Server") -> None:
        self._protocol = protocol
        self._server = server

    def enter(self, scope: Any, proto: Any, path: str) -> None:
        reply = self._protocol.described(scope.method, path)
        if reply is not None:
            self._server.ledger.finish(_send(proto, reply))
            return
        inference = Inference(self._protocol, self._server.ledger, scope, proto)

        def received(future: Any) -> None:
            try:
                inference.body = future.result()
            except Exception:  # noqa: BLE001 - the caller left while it was sending
                self._server.ledger.finish()
                return
            self._infer(inference)

        proto().add_done_callback(received)

    def _infer(self, inference: "Inference") -> None:
        server = self._server
        if server.together is not None:
            prepared = self._protocol.prepared(inference.body, inference.header)
            if isinstance(prepared, Reply):
                inference.reply(prepared)
            else:
                server.together.join(inference, prepared)
        elif server.loop is not None:
            server.put_async(inference.run_async)
        else:
            server.offer(inference)


class Inference:
    """One request for inference (`batch_queue.Caller`, `thread_queue.Caller`)."""

    __slots__ = ("_ledger", "_proto", "_protocol", "_scope", "began_s", "body")

    def __init__(self, protocol: OpenInference, ledger: Ledger, scope: Any, proto: Any) -> None:
        self._protocol = protocol
        self._ledger = ledger
        self._scope = scope
        self._proto = proto
        self.body = b""
        self.began_s = time.perf_counter()

    def header(self, name: str) -> str:
        return header(self._scope.headers, name)

    def run(self, now_s: float) -> float:
        self._ledger.mine.queue_s.add(now_s - self.began_s)
        self.reply(self._protocol.infer(self.body, self.header))
        return time.perf_counter()

    async def run_async(self) -> None:
        self.reply(await self._protocol.infer_async(self.body, self.header))

    def answer(self, asked: Prepared, result: Any) -> None:
        self.reply(self._protocol.answered(asked, result))

    def refuse(self, error: RequestError) -> None:
        self.reply(self._protocol.refused(error))

    def abandon(self) -> None:
        self._ledger.finish()

    def disconnected(self) -> Any:
        return self._proto.client_disconnect()

    def reply(self, reply: Reply) -> None:
        self._ledger.finish(_send(self._proto, reply), time.perf_counter() - self.began_s)


def _send(proto: Any, reply: Reply) -> int:
    proto.response_bytes(reply.status, reply.headers, reply.body)
    return reply.status
