"""Where a prediction runs: on the thread that received it, or on a worker thread.

Running in place costs nothing and is right for calls of microseconds; a long call in place would keep the health
check waiting. So calls start on a worker, move in place once their mean is proven short, and move back when it no
longer is. By default one prediction runs at a time, because scripts are written for that.

    calls of 20 µs:           the mean falls from 8 ms below 1 ms after 34 calls, and from then on they run in place
    one of 10 ms among them:  the mean rises to 0.6 ms, nothing changes
    one of 1 s among them:    63 ms; the next 67 run on a worker
    calls of 5 ms:            always on a worker
"""

import queue
import threading
from collections.abc import Callable

LIMIT_S = 0.001
_FIRST_S = 0.008
_LONGEST_S = 1.0
_WEIGHT = 1 / 16


class Pace:
    """A moving mean of how long calls take. Written by one thread at a time, read by any."""

    __slots__ = ("mean_s",)

    def __init__(self) -> None:
        self.mean_s = _FIRST_S

    @property
    def short(self) -> bool:
        return self.mean_s < LIMIT_S

    def record(self, took_s: float) -> None:
        self.mean_s += ((took_s if took_s < _LONGEST_S else _LONGEST_S) - self.mean_s) * _WEIGHT


class Workers:
    """A fixed number of daemon threads that run what `put` gives them, in order. Never stopped: the process ends.

    With one thread, calls exclude each other, also those that run in place under `alone`.
    """

    def __init__(self, count: int) -> None:
        self._queue: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._put = 0
        self._done = [0] * count
        self._lock = threading.Lock() if count == 1 else None
        for n in range(count):
            threading.Thread(target=self._run, args=(n,), name=f"predict-{n + 1}", daemon=True).start()

    def put(self, work: Callable[[], None]) -> None:
        """Called by one thread only. `work` must not raise."""
        self._put += 1
        self._queue.put(work)

    def alone(self, work: Callable[[], None]) -> bool:
        """Runs `work` here and now, unless a worker stays busy. Called by the thread that puts.

        While short calls wait in the queue of a busy server, new ones overtake them here: otherwise the queue would
        never be empty again, and nothing would ever run in place.
        """
        if self._lock is None or self._put == self._done[0]:
            work()
            return True
        if not self._lock.acquire(timeout=2 * LIMIT_S):
            return False
        try:
            work()
        finally:
            self._lock.release()
        return True

    def _run(self, n: int) -> None:
        lock = self._lock
        while True:
            work = self._queue.get()
            if lock is None:
                work()
            else:
                with lock:
                    work()
            self._done[n] += 1
