"""The Open Inference Protocol between the transport and the model: which thread answers what.

What needs no body is answered where it was received. Inference runs where predictions of the model run, so that
one that may run only one at a time still does.
"""

import time
from collections.abc import Callable
from typing import Any

from modelyard_runtime.ledger import Ledger
from modelyard_runtime.protocols.v2 import OpenInference, Reply, while_loading

Put = Callable[[Callable[[], None]], None]
PutAsync = Callable[[Callable[[], Any]], None]


def answer_loading(proto: Any, path: str) -> int:
    """Returns the status."""
    return _send(proto, while_loading(path.rstrip("/")))


class Door:
    """`put` runs work on a worker, `put_async` a coroutine on the loop of the model; exactly one is there."""

    def __init__(
        self, protocol: OpenInference, ledger: Ledger, put: Put | None, put_async: PutAsync | None = None
    ) -> None:
        self._protocol = protocol
        self._ledger = ledger
        self._put = put
        self._put_async = put_async

    def enter(self, scope: Any, proto: Any, path: str) -> None:
        """Called on the receiving thread. Never keeps it waiting."""
        reply = self._protocol.described(scope.method, path)
        if reply is not None:
            self._ledger.finish(_send(proto, reply))
            return
        began_s = time.perf_counter()
        headers = scope.headers

        def header(name: str) -> str:
            return str(headers.get(name, ""))

        def received(future: Any) -> None:
            try:
                body = future.result()
            except Exception:  # noqa: BLE001 - the caller left while it was sending
                self._ledger.finish()
                return
            self._infer(proto, body, header, began_s)

        proto().add_done_callback(received)

    def _infer(self, proto: Any, body: bytes, header: Callable[[str], str], began_s: float) -> None:
        def finish(reply: Reply) -> None:
            self._ledger.finish(_send(proto, reply), time.perf_counter() - began_s)

        async def run_async() -> None:
            finish(await self._protocol.infer_async(body, header))

        if self._put is not None:
            self._put(lambda: finish(self._protocol.infer(body, header)))
        else:
            assert self._put_async is not None
            self._put_async(run_async)


def _send(proto: Any, reply: Reply) -> int:
    proto.response_bytes(reply.status, reply.headers, reply.body)
    return reply.status
