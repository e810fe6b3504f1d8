"""One request for a prediction on its connection: the job of an executor (`execution.job.Job`), by any protocol.

Granian's thread       made, the body arrives, `executor.submit`; `decode` where requests share calls
where the model runs   `run`, `run_async`, or `answer`
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard_runtime.errors import RequestError
from modelyard_runtime.execution.executors import Executor
from modelyard_runtime.execution.job import Asked
from modelyard_runtime.http import sse
from modelyard_runtime.http.disconnect import Presence
from modelyard_runtime.http.headers import header
from modelyard_runtime.ledger import Ledger, Tally
from modelyard_runtime.protocols.answers import Items
from modelyard_runtime.protocols.plane import Plane, Reply


@dataclass(frozen=True, slots=True)
class Serving:
    """What all requests of one protocol have in common."""

    plane: Plane
    executor: Executor
    ledger: Ledger


class Exchange:
    """Called by the transport, once, when the body is there."""

    __slots__ = ("_body", "_presence", "_proto", "_scope", "_serving", "began_s")

    def __init__(self, serving: Serving, scope: Any, proto: Any) -> None:
        self._serving = serving
        self._scope = scope
        self._proto = proto
        self._presence: Presence | None = None
        self.began_s = time.perf_counter()

    def __call__(self, future: Any) -> None:
        serving = self._serving
        try:
            self._body = future.result()
        except Exception:  # noqa: BLE001 - the caller left while it was sending
            serving.ledger.finish()
            return
        serving.executor.submit(self)

    def header(self, name: str) -> str:
        return header(self._scope.headers, name)

    def run(self, tally: Tally) -> float:
        reply = self._serving.plane.answer(self._body, self.header)
        body = reply.body
        if not isinstance(body, bytes):
            self._stream(body)
            return time.perf_counter()
        self._proto.response_bytes(reply.status, reply.headers, body)
        ended_s = time.perf_counter()
        tally.finish(reply.status, ended_s - self.began_s)
        return ended_s

    async def run_async(self) -> None:
        reply = await self._serving.plane.answer_async(self._body, self.header)
        if isinstance(reply.body, bytes):
            self._reply(reply)
        else:
            await sse.stream(reply.body, sse.Caller(self._proto), self._failed, self._streamed)

    def decode(self) -> Asked | None:
        asked = self._serving.plane.decode(self._body, self.header)
        if isinstance(asked, Asked):
            return asked
        self._reply(asked)
        return None

    def answer(self, asked: Asked, result: Any) -> None:
        self._reply(self._serving.plane.encode(asked, result))

    def refuse(self, error: RequestError) -> None:
        self._reply(self._serving.plane.refused(error))

    def abandon(self) -> None:
        self._serving.ledger.finish()

    def watch(self) -> None:
        self._presence = Presence(self._proto.client_disconnect())

    @property
    def left(self) -> bool:
        return self._presence is not None and self._presence.left

    def take(self) -> None:
        if self._presence is not None:
            self._presence.forget()

    def _reply(self, reply: Reply) -> None:
        """Whole, on any thread."""
        self._proto.response_bytes(reply.status, reply.headers, reply.body)
        self._serving.ledger.finish(reply.status, time.perf_counter() - self.began_s)

    def _stream(self, items: Items) -> None:
        put: Callable[[Callable[[], None]], None] = self._serving.executor.put
        put(sse.Stream(items, sse.Caller(self._proto), put, self._failed, self._streamed).step)

    def _failed(self, error: BaseException) -> tuple[int, bytes]:
        reply = self._serving.plane.refused(error)
        assert isinstance(reply.body, bytes)
        return reply.status, reply.body

    def _streamed(self, status: int) -> None:
        self._serving.ledger.finish(status, time.perf_counter() - self.began_s)
