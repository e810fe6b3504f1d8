"""Requests of a model that answers several in one call, between the transport and the queue."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from modelyard_runtime.errors import overloaded, too_late
from modelyard_runtime.execution.batcher import REAL, Batcher, Times
from modelyard_runtime.execution.batching import Call, Limits, together
from modelyard_runtime.http.disconnect import Presence
from modelyard_runtime.ledger import Ledger


class Asked(Protocol):
    """A decoded request: what it brings to a call, how many rows that counts, and which call can take it."""

    @property
    def item(self) -> Any: ...

    @property
    def rows(self) -> int: ...

    @property
    def call(self) -> Call: ...


class Caller(Protocol):
    """One request, as the transport knows it. `answer` or `abandon` is called exactly once, on any thread."""

    began_s: float

    def answer(self, asked: Any, result: Any) -> None:
        """`result` is its share of the call's, or what went wrong. Must not raise."""

    def abandon(self) -> None:
        """The caller has left."""

    def disconnected(self) -> Any:
        """For `Presence`."""


class Waiting:
    """One request in the queue (`batcher.Asked`)."""

    __slots__ = ("_presence", "abandon", "asked", "caller", "came_s", "rows")

    def __init__(self, caller: Caller, asked: Asked, now_s: float) -> None:
        self.asked = asked
        self.caller = caller
        self.rows = asked.rows
        self.came_s = now_s
        self.abandon = caller.abandon
        self._presence: Presence | None = None

    @property
    def left(self) -> bool:
        return self._presence is not None and self._presence.left

    def watch(self) -> None:
        self._presence = Presence(self.caller.disconnected())

    def take(self) -> None:
        if self._presence is not None:
            self._presence.forget()

    def expire(self) -> None:
        self.caller.answer(self.asked, too_late())


class Together:
    """`join` is called by the receiving thread, once `batcher.start` has been.

    What cannot share a call with the others of its turn has one of its own after theirs.
    """

    def __init__(self, limits: Limits, ledger: Ledger, times: Times = REAL) -> None:
        self._ledger = ledger
        self._clock = times.clock
        self.batcher: Batcher[Waiting] = Batcher(self._run, limits, times)

    def join(self, caller: Caller, asked: Asked) -> None:
        waiting = Waiting(caller, asked, self._clock())
        if not self.batcher.offer(waiting):
            self._ledger.mine.refused += 1
            caller.answer(asked, overloaded())

    def _run(self, batch: Sequence[Waiting]) -> None:
        tally = self._ledger.mine
        for call, group in _calls(batch):
            now = self._clock()
            rows = 0
            for waiting in group:
                rows += waiting.rows
                tally.queue_s.add(now - waiting.caller.began_s)
            tally.batch_rows.add(rows)
            results = together(call.predict, [waiting.asked.item for waiting in group])
            for waiting, result in zip(group, results, strict=True):
                waiting.caller.answer(waiting.asked, result)


def _calls(batch: Sequence[Waiting]) -> Iterable[tuple[Call, Sequence[Waiting]]]:
    call = batch[0].asked.call
    if all(waiting.asked.call is call for waiting in batch):  # nearly always
        return ((call, batch),)
    found: dict[Call, list[Waiting]] = {}
    for waiting in batch:
        found.setdefault(waiting.asked.call, []).append(waiting)
    return found.items()
