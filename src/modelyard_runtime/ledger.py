"""Counts requests without a lock: each thread writes its own tally, readers add them up.

What is counted costs the hot path some 0.3 µs: two clock readings, one bisection, four additions.
"""

import threading
from bisect import bisect_left

LATENCY_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
QUEUE_S = (0.0001, *LATENCY_S)
BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
LEFT = 0  # the status of a request whose caller had left before the answer


class Histogram:
    """Written by one thread. `counts` are not cumulative; the last one is beyond all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """What one thread has done. `answers` counts by the hundreds of the status."""

    __slots__ = ("answers", "batch_rows", "finished", "latency_s", "queue_s", "refused")

    def __init__(self) -> None:
        self.finished = 0
        self.answers = [0] * 6
        self.refused = 0
        self.latency_s = Histogram(LATENCY_S)
        self.queue_s = Histogram(QUEUE_S)
        self.batch_rows = Histogram(BATCH_ROWS)

    def finish(self, status: int, took_s: float) -> None:
        self.answers[status // 100] += 1
        if status >= 200:  # the duration of a WebSocket says nothing
            self.latency_s.add(took_s)
        self.finished += 1  # last: whoever sees nothing in flight sees everything counted


class Ledger:
    """`begun` is written by the receiving thread only; `mine` is the calling thread's tally."""

    def __init__(self) -> None:
        self.begun = 0
        self._tallies: dict[int, Tally] = {}

    @property
    def mine(self) -> Tally:
        me = threading.get_ident()
        tally = self._tallies.get(me)
        if tally is None:
            tally = self._tallies[me] = Tally()
        return tally

    @property
    def tallies(self) -> list[Tally]:
        return list(self._tallies.values())

    def finish(self, status: int = LEFT, took_s: float = 0.0) -> None:
        self.mine.finish(status, took_s)

    @property
    def in_flight(self) -> int:
        """Exact on the receiving thread; elsewhere it may be briefly too high, never too low."""
        return self.begun - sum([tally.finished for tally in self.tallies])
