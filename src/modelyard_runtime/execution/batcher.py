"""The queue in front of a model that answers several requests in one call, and the threads that empty it.

The first request wakes a worker (with one thread, that is the main thread), and all that has arrived when
it gets its turn is one call; what arrives during the call is the next. A worker gets the interpreter lock when the
receiving thread has nothing left to do, so a burst is one call without any timer; and while a model computes
without the lock, the receiving thread decodes what is next.

Promises: each request is answered exactly once; calls take requests in the order in which they came; one whose
caller has left before its turn, or who has waited too long, is not computed; who can only be answered too late is
refused at once.
"""

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NoReturn, Protocol, TypeVar

from modelyard_runtime.execution.batching import Costs, Gaps, Limits, Patience, linger_s
from modelyard_runtime.execution.executors import Turnstile, idle
from modelyard_runtime.logs import tell

_WATCHED_S = 0.05  # who waits longer than this is asked, before his turn, whether he is still there


class Asked(Protocol):
    """A request that waits for its turn: how many rows it counts, and when it had arrived."""

    rows: int
    came_s: float

    @property
    def left(self) -> bool:
        """The caller is gone. True at the earliest after `watch`."""

    def watch(self) -> None:
        """Begin to look whether the caller leaves."""

    def take(self) -> None:
        """Its turn has come: end to look."""

    def abandon(self) -> None:
        """It was not computed, because its caller has left."""

    def expire(self) -> None:
        """It was not computed, because it has waited for too long."""


@dataclass(frozen=True, slots=True)
class Times:
    clock: Callable[[], float] = time.perf_counter
    pause: Callable[[float], None] = time.sleep


REAL = Times()
Request = TypeVar("Request", bound=Asked)


class Batcher(Generic[Request]):
    """`run` answers all that it is given in one call, and must not raise.

    `offer` is called by the receiving thread only. `start` starts the workers, but the only one, which is the
    thread that calls `work`; `turn` is what one does.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Request]], None],
        limits: Limits,
        times: Times = REAL,
    ) -> None:
        self.costs = Costs()
        self.gaps = Gaps()
        self.patience = Patience()
        self._run = run
        self._limits = limits
        self._exclusive = True
        self._clock = times.clock
        self._pause = times.pause
        self._waiting: deque[Request] = deque()
        self._came = 0  # rows; written by the receiving thread
        self._gone = 0  # rows; written under the lock
        self._lock = threading.Lock()
        self._turnstile = Turnstile()
        self._asleep = self._turnstile.asleep

    def start(self, threads: int) -> None:
        """With one thread, calls exclude each other."""
        self._exclusive = threads == 1
        for n in range(threads if threads > 1 else 0):
            threading.Thread(target=self._serve, name=f"predict-{n + 1}", daemon=True).start()

    def work(self) -> NoReturn:
        """Never returns; raises what a signal handler raises."""
        if not self._exclusive:
            idle()
        self._serve()

    @property
    def waiting_rows(self) -> int:
        """Rows that wait or are being computed."""
        return self._came - self._gone

    def offer(self, asked: Request) -> bool:
        """Takes a request; False, and nothing is done, when the queue is too long."""
        self.gaps.record(asked.came_s)
        ahead = self.waiting_rows
        if ahead:
            wait_s = self.costs.answered_in_s(ahead + asked.rows, self._limits.max_size)
            if wait_s > self._limits.max_wait_s:
                return False
            if wait_s > _WATCHED_S:
                asked.watch()
        self._came += asked.rows
        self._waiting.append(asked)
        if self._asleep:
            self._turnstile.wake()
        return True

    def turn(self) -> None:
        """One call with what waits."""
        with self._lock:
            if self._exclusive:
                self._linger()
                batch = self._take()  # it writes `_gone` itself, so it cannot stand in the sum below
                rows = self._call(batch)
                self._gone += rows
                return
            batch = self._take()
        rows = self._call(batch)
        with self._lock:
            self._gone += rows

    def _linger(self) -> None:
        if not self.patience.willing():
            return
        began = self._clock()
        paused = False
        while True:
            seen = self._came
            rows = seen - self._gone
            pause = linger_s(rows, self._clock() - began, self.gaps.mean_s, self.costs, self._limits)
            if not pause:
                if paused:
                    self.patience.record(in_vain=rows < self._limits.max_size)
                return
            self._pause(pause)
            paused = True
            if self._came == seen:
                self.patience.record(in_vain=False)
                return

    def _take(self) -> list[Request]:
        batch: list[Request] = []
        rows = 0
        latest_s = self._clock() - self._limits.max_wait_s
        while self._waiting:
            following = self._waiting[0]
            passed_over = following.left or following.came_s < latest_s
            if batch and not passed_over and rows + following.rows > self._limits.max_size:
                break
            self._waiting.popleft()
            if passed_over:
                self._pass_over(following)
                continue
            following.take()
            batch.append(following)
            rows += following.rows
        return batch

    def _pass_over(self, asked: Request) -> None:
        self._gone += asked.rows
        left = asked.left
        asked.take()
        if left:
            asked.abandon()
        else:
            asked.expire()

    def _call(self, batch: list[Request]) -> int:
        if not batch:
            return 0
        rows = sum([asked.rows for asked in batch])
        began = self._clock()
        self._run(batch)
        self.costs.record(rows, self._clock() - began)
        return rows

    def _serve(self) -> NoReturn:
        waiting, sleep = self._waiting, self._turnstile.sleep
        while True:
            sleep(waiting)  # type: ignore[arg-type]
            try:
                self.turn()
            except Exception:  # noqa: BLE001 - a bug here must not leave a server that answers nobody
                tell(traceback.format_exc())
