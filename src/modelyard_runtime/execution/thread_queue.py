"""A request of a model that does not batch, while it waits for its turn.

Promises: one whose caller has left, or who has waited too long to be answered in time, is not run; beyond a number
of waiting requests the next one is refused at once. (Who is going to wait for moments only is not watched: it
would cost more than to answer him in vain.)
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from modelyard_runtime.errors import RequestError, overloaded, too_late
from modelyard_runtime.execution.executors import Pace, Workers
from modelyard_runtime.http.disconnect import Presence

_FEW = 50  # so many short calls are over in moments


class Caller(Protocol):
    """One request, as the transport knows it. One of these is called, once, on any thread."""

    began_s: float

    def run(self, now_s: float) -> float:
        """Predict and answer; when that was over. Must not raise."""

    def refuse(self, error: RequestError) -> None: ...

    def abandon(self) -> None:
        """The caller has left."""

    def disconnected(self) -> Any:
        """For `Presence`."""


class Queue:
    """In front of `workers`. `offer` is called by the receiving thread; `pace` is of this queue's calls."""

    def __init__(self, workers: Workers, most: int, limit_s: float, clock: Callable[[], float]) -> None:
        self.pace = Pace()
        self._put = workers.put
        self._waiting = workers.waiting
        self._most = most
        self._limit_s = limit_s
        self._clock = clock

    def offer(self, caller: Caller) -> bool:
        """False when it was refused."""
        ahead = len(self._waiting)
        if ahead < _FEW and self.pace.short:
            self._put(partial(self._turn, caller))
            return True
        if ahead >= self._most:
            caller.refuse(overloaded())
            return False
        self._put(partial(self._watched_turn, caller, Presence(caller.disconnected())))
        return True

    def _watched_turn(self, caller: Caller, presence: Presence) -> None:
        left = presence.left
        presence.forget()
        if left:
            caller.abandon()
        else:
            self._turn(caller)

    def _turn(self, caller: Caller) -> None:
        now_s = self._clock()
        if now_s > caller.began_s + self._limit_s:
            caller.refuse(too_late())
        else:
            self.pace.record(caller.run(now_s) - now_s)
