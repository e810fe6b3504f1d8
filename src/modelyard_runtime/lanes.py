"""Where a prediction runs: on the thread that received it, or on a worker thread.

Running in place costs nothing and is right for calls of microseconds; a long call in place would keep the health
check waiting. So calls start on a worker, move in place once their mean is proven short, and move back when it
no longer is. By default one prediction runs at a time, because scripts are written for that.

    calls of 20 µs:            the mean falls from 8 ms below 1 ms after 33 calls; from then on they run in place
    one of 10 ms among them:   the mean rises to 0.6 ms, nothing changes
    one of 0.1 s or more:      the next 10,000 run on a worker, so that a model of rare long calls stays there
    calls of 5 ms:             always on a worker

What remains: the first long call of a model whose calls were all short keeps the health check waiting once.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable

LIMIT_S = 0.001
_FIRST_S = 0.008
_LONG_S = 0.1
_WARY_CALLS = 10_000
_WEIGHT = 1 / 16


class Pace:
    """A moving mean of how long calls take, and a memory of long ones. Written by one thread at a time."""

    __slots__ = ("mean_s", "wary_calls")

    def __init__(self) -> None:
        self.mean_s = _FIRST_S
        self.wary_calls = 0

    @property
    def short(self) -> bool:
        return self.mean_s < LIMIT_S and not self.wary_calls

    def stay_off(self) -> None:
        """What comes next may take long."""
        self.wary_calls = _WARY_CALLS

    def record(self, took_s: float) -> None:
        if took_s >= _LONG_S:
            self.wary_calls = _WARY_CALLS
            return
        self.mean_s += (took_s - self.mean_s) * _WEIGHT
        if self.wary_calls:
            self.wary_calls -= 1


class Workers:
    """A fixed number of daemon threads that run what `put` gives them, in order, while the process lives.

    With one thread, calls exclude each other, also those that run in place by `alone`. A worker takes its work
    under the lock, so that whoever holds it can take over all that waits.
    """

    def __init__(self, count: int) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock() if count == 1 else None
        run = self._run_together if self._lock is None else self._run_alone
        for n in range(count):
            threading.Thread(target=run, name=f"predict-{n + 1}", daemon=True).start()

    @property
    def waiting(self) -> int:
        """How much waits, without what runs."""
        return len(self._waiting)

    def put(self, work: Callable[[], None]) -> None:
        """`work` must not raise."""
        self._waiting.append(work)
        self._wake.put(None)

    def alone(self, work: Callable[[], None]) -> bool:
        """Runs what waits, and then `work`, here and now; False (and nothing done) if a worker stays busy.

        A busy server's queue is never empty by itself: without taking it over, nothing would ever run in place.
        """
        lock = self._lock
        if lock is None:
            work()
            return True
        if not lock.acquire(timeout=2 * LIMIT_S):
            return False
        try:
            for _ in range(len(self._waiting)):  # not what these put anew
                self._waiting.popleft()()
            work()
        finally:
            lock.release()
        return True

    def _run_alone(self) -> None:
        assert self._lock is not None
        while True:
            self._wake.get()
            with self._lock:
                if self._waiting:
                    self._waiting.popleft()()

    def _run_together(self) -> None:
        while True:
            self._wake.get()
            self._waiting.popleft()()
