"""Each request is a call of its own: on the main thread, or on as many threads as the package asks for.

Promises: a request whose caller has left, or that has waited too long to be answered in time, is not run; beyond a
number of waiting requests the next one is refused at once. (A caller who will wait only for a moment is not
watched: that would cost more than to answer him in vain.)
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import NoReturn

from modelyard_runtime.errors import overloaded, too_late
from modelyard_runtime.execution.executors import Turnstile, idle
from modelyard_runtime.execution.job import Job
from modelyard_runtime.ledger import Ledger

_FEW = 50  # this many short calls end within moments
_SHORT_S = 0.001
_FIRST_S = 0.008
_LONG_S = 0.1
_WARY_CALLS = 10_000
_WEIGHT = 1 / 16


class Pace:
    """A moving mean of how long calls take, and a memory of long ones. Written by one thread at a time.

    calls of 20 µs:            short after 33 calls
    one of 10 ms among them:   the mean rises to 0.6 ms, nothing changes
    one of 0.1 s or more:      not short for the next 10,000
    """

    __slots__ = ("mean_s", "wary_calls")

    def __init__(self) -> None:
        self.mean_s = _FIRST_S
        self.wary_calls = 0

    @property
    def short(self) -> bool:
        return self.mean_s < _SHORT_S and not self.wary_calls

    def record(self, took_s: float) -> None:
        if took_s >= _LONG_S:
            self.wary_calls = _WARY_CALLS
            return
        self.mean_s += (took_s - self.mean_s) * _WEIGHT
        if self.wary_calls:
            self.wary_calls -= 1


class ThreadExecutor:
    """`count` 1: the thread that calls `work`; else as many daemon threads, while that one idles."""

    def __init__(
        self,
        count: int,
        ledger: Ledger,
        most_waiting: int,
        limit_s: float,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.pace = Pace()
        self.waiting: deque[Callable[[], None]] = deque()  # without what runs
        self._count = count
        self._ledger = ledger
        self._most = most_waiting
        self._limit_s = limit_s
        self._clock = clock
        self._turnstile = Turnstile()
        self._asleep = self._turnstile.asleep

    def submit(self, job: Job) -> None:
        ahead = len(self.waiting)
        if ahead < _FEW and self.pace.short:
            self.put(partial(self._turn, job))
        elif ahead >= self._most:
            self._ledger.mine.refused += 1
            job.refuse(overloaded())
        else:
            job.watch()
            self.put(partial(self._watched_turn, job))

    def put(self, step: Callable[[], None]) -> None:
        self.waiting.append(step)
        if self._asleep:
            self._turnstile.wake()

    def work(self) -> NoReturn:
        if self._count > 1:
            self.start()
            idle()
        self._run()

    def start(self) -> None:
        """The threads beside the one that calls `work`."""
        for n in range(self._count):
            threading.Thread(target=self._run, name=f"predict-{n + 1}", daemon=True).start()

    def leave(self) -> bool:
        return False

    def _run(self) -> NoReturn:
        waiting, sleep = self.waiting, self._turnstile.sleep
        while True:
            while waiting:
                try:
                    step = waiting.popleft()
                except IndexError:  # another was quicker
                    break
                step()
            sleep(waiting)  # type: ignore[arg-type]

    def _watched_turn(self, job: Job) -> None:
        left = job.left
        job.take()
        if left:
            job.abandon()
        else:
            self._turn(job)

    def _turn(self, job: Job) -> None:
        now_s = self._clock()
        began_s = job.began_s
        if now_s > began_s + self._limit_s:
            job.refuse(too_late())
            return
        tally = self._ledger.mine
        tally.queue_s.add(now_s - began_s)
        self.pace.record(job.run(tally) - now_s)
