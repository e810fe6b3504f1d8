"""Counts requests without a lock: each counter has one writing thread, readers add them up."""

import threading


class Ledger:
    """`begun` is written by the receiving thread only; `finish` may be called from any thread."""

    def __init__(self) -> None:
        self.begun = 0
        self._finished: dict[int, int] = {}

    def finish(self) -> None:
        me = threading.get_ident()
        self._finished[me] = self._finished.get(me, 0) + 1

    @property
    def in_flight(self) -> int:
        """Exact on the receiving thread; elsewhere it may be briefly too high, never too low."""
        finished = sum(list(self._finished.values()))
        return self.begun - finished
