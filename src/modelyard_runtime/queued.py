"""A request of a model that does not batch, while it waits for a worker.

Promises: one whose caller has left, or who has waited too long to be answered in time, is not run; beyond a number
of waiting requests the next one is refused at once.
"""

from collections.abc import Callable
from typing import Any, Protocol

from modelyard_runtime.errors import RequestError, overloaded, too_late
from modelyard_runtime.lanes import Workers
from modelyard_runtime.presence import Presence


class Caller(Protocol):
    """One request, as the transport knows it. One of these is called, once, on any thread."""

    def run(self) -> None:
        """Predict and answer. Must not raise."""

    def refuse(self, error: RequestError) -> None: ...

    def abandon(self) -> None:
        """The caller has left."""

    def disconnected(self) -> Any:
        """For `Presence`."""


class Queue:
    """In front of `workers`. `offer` is called by the receiving thread."""

    def __init__(self, workers: Workers, most: int, limit_s: float, clock: Callable[[], float]) -> None:
        self._workers = workers
        self._most = most
        self._limit_s = limit_s
        self._clock = clock

    def offer(self, caller: Caller) -> bool:
        """False when it was refused."""
        if self._workers.waiting >= self._most:
            caller.refuse(overloaded())
            return False
        presence = Presence(caller.disconnected())
        until_s = self._clock() + self._limit_s

        def turn() -> None:
            left = presence.left
            presence.forget()
            if left:
                caller.abandon()
            elif self._clock() > until_s:
                caller.refuse(too_late())
            else:
                caller.run()

        self._workers.put(turn)
        return True
