"""Requests of a model that answers several in one call, between the transport and the queue."""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from modelyard_runtime.batcher import Asked, Batcher
from modelyard_runtime.errors import error_body
from modelyard_runtime.ledger import Ledger

if TYPE_CHECKING:
    from modelyard_runtime.batching import Joint
    from modelyard_runtime.dataplane import DataPlane, Prepared

Reply = Callable[[int, bytes], None]


class Waiting:
    """One request in the queue. `reply` is called exactly once, unless the caller has left."""

    __slots__ = ("_abandon", "_disconnected", "asked", "began_s", "left", "reply", "rows")

    def __init__(
        self,
        asked: "Prepared",
        rows: int,
        began_s: float,
        reply: Reply,
        abandon: Callable[[], None],
        disconnected: Callable[[], Any],
    ) -> None:
        self.asked = asked
        self.rows = rows
        self.began_s = began_s
        self.left = False
        self.reply = reply
        self._abandon = abandon
        self._disconnected = disconnected

    def watch(self) -> None:
        future = self._disconnected()
        if hasattr(future, "add_done_callback"):
            future.add_done_callback(self._leave)
        else:  # known already
            self.left = True

    def abandon(self) -> None:
        self._abandon()

    def _leave(self, _future: Any) -> None:
        self.left = True


class Together:
    """`receive` is called by the receiving thread."""

    def __init__(self, plane: "DataPlane", joint: "Joint", ledger: Ledger, threads: int) -> None:
        self._plane = plane
        self._joint = joint
        self._ledger = ledger
        self.batcher = Batcher(self._run, joint.limits, exclusive=threads == 1)
        self.batcher.start(threads)

    def receive(
        self,
        body: bytes,
        content_type: Callable[[], str],
        began_s: float,
        reply: Reply,
        abandon: Callable[[], None],
        disconnected: Callable[[], Any],
    ) -> None:
        prepared = self._plane.prepared(body, content_type)
        if isinstance(prepared, tuple):
            reply(*prepared)
            return
        waiting = Waiting(prepared, self._joint.rows(prepared.item), began_s, reply, abandon, disconnected)
        if not self.batcher.offer(waiting, alone=self._ledger.in_flight == 1):
            self._ledger.mine.refused += 1
            message = "The model has more to answer than it can within the time limit. Try again later."
            reply(503, error_body("ModelArts.4302", message))

    def _run(self, batch: Sequence[Asked]) -> None:
        tally = self._ledger.mine
        now = time.perf_counter()
        rows = 0
        for waiting in batch:
            rows += waiting.rows
            tally.queue_s.add(now - waiting.began_s)
        tally.batch_rows.add(rows)
        answers = self._plane.answers([waiting.asked for waiting in batch])  # type: ignore[attr-defined]
        for waiting, (status, body) in zip(batch, answers, strict=True):
            waiting.reply(status, body)  # type: ignore[attr-defined]
