"""Requests of a model that answers several in one call, between the transport and the queue."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from modelyard_runtime.batcher import REAL, Batcher, Times
from modelyard_runtime.errors import error_body
from modelyard_runtime.ledger import Ledger

if TYPE_CHECKING:
    from modelyard_runtime.batching import Joint
    from modelyard_runtime.dataplane import DataPlane, Prepared


class Caller(Protocol):
    """One request, as the transport knows it. `reply` or `abandon` is called exactly once, on any thread."""

    began_s: float

    def content_type(self) -> str: ...

    def reply(self, status: int, body: bytes) -> None: ...

    def abandon(self) -> None: ...

    def disconnected(self) -> Any:
        """A future that is done when the caller leaves; something else when he has left already."""


class Waiting:
    """One request in the queue (`batcher.Asked`)."""

    __slots__ = ("_caller", "abandon", "asked", "began_s", "left", "reply", "rows")

    def __init__(self, caller: Caller, asked: "Prepared", rows: int) -> None:
        self.asked = asked
        self.rows = rows
        self.began_s = caller.began_s
        self.left = False
        self.reply = caller.reply
        self.abandon = caller.abandon
        self._caller = caller

    def watch(self) -> None:
        future = self._caller.disconnected()
        if hasattr(future, "add_done_callback"):
            future.add_done_callback(self._leave)
        else:
            self.left = True

    def _leave(self, _future: Any) -> None:
        self.left = True


class Together:
    """`receive` is called by the receiving thread, once `batcher.start` has been."""

    def __init__(self, plane: "DataPlane", joint: "Joint", ledger: Ledger, times: Times = REAL) -> None:
        self._plane = plane
        self._rows = joint.rows
        self._ledger = ledger
        self._clock = times.clock
        self.batcher: Batcher[Waiting] = Batcher(self._run, joint.limits, times)

    def receive(self, caller: Caller, body: bytes) -> None:
        prepared = self._plane.prepared(body, caller.content_type)
        if isinstance(prepared, tuple):
            caller.reply(*prepared)
            return
        waiting = Waiting(caller, prepared, self._rows(prepared.item))
        if not self.batcher.offer(waiting, alone=self._ledger.in_flight == 1):
            self._ledger.mine.refused += 1
            message = "The model has more to answer than it can within the time limit. Try again later."
            caller.reply(503, error_body("ModelArts.4302", message))

    def _run(self, batch: Sequence[Waiting]) -> None:
        tally = self._ledger.mine
        now = self._clock()
        rows = 0
        for waiting in batch:
            rows += waiting.rows
            tally.queue_s.add(now - waiting.began_s)
        tally.batch_rows.add(rows)
        answers = self._plane.answers([waiting.asked for waiting in batch])
        for waiting, (status, body) in zip(batch, answers, strict=True):
            waiting.reply(status, body)
