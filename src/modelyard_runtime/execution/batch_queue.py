"""Requests that wait at the same time share a call: the queue in front of a model that answers several in one, and
the threads that empty it.

The first request wakes a worker (with one thread, that is the main thread), and all that has arrived when it gets
its turn is one call; what arrives during the call is the next. A worker gets the interpreter lock when the
receiving thread has nothing left to do, so a burst is one call without any timer; and while a model computes
without the lock, the receiving thread decodes what is next.

Promises: each request is answered exactly once; calls take requests in the order in which they came; one whose
caller has left before its turn, or that has waited too long, is not computed; one that could only be answered too
late is refused at once.
"""

import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NoReturn

from modelyard_runtime.errors import overloaded, too_late
from modelyard_runtime.execution.batching import Costs, Gaps, Patience, linger_s
from modelyard_runtime.execution.executors import Turnstile, idle
from modelyard_runtime.execution.job import Asked, Call, Job
from modelyard_runtime.execution.sharing import results_of
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.logs import tell
from modelyard_runtime.model import Limits

_WATCHED_S = 0.05  # a caller who waits longer than this is checked, before his turn, for still being there


@dataclass(frozen=True, slots=True)
class Times:
    clock: Callable[[], float] = time.perf_counter
    pause: Callable[[float], None] = time.sleep


REAL = Times()


class Waiting:
    """A decoded request that waits for its turn. `came_s`: when it had arrived."""

    __slots__ = ("asked", "came_s", "job", "rows")

    def __init__(self, job: Job, asked: Asked, came_s: float) -> None:
        self.job = job
        self.asked = asked
        self.rows = asked.rows
        self.came_s = came_s


class BatchExecutor:
    """Requests that cannot share a call with the others of their turn get calls of their own after theirs.

    `threads` 1: the thread that calls `work`, and calls exclude each other; else as many daemon threads.
    """

    def __init__(self, limits: Limits, ledger: Ledger, threads: int = 1, times: Times = REAL) -> None:
        self.batcher = Batcher(self._run, limits, times, exclusive=threads == 1)
        self._ledger = ledger
        self._threads = threads
        self._clock = times.clock

    def submit(self, job: Job) -> None:
        asked = job.decode()
        if asked is not None and not self.batcher.offer(Waiting(job, asked, self._clock())):
            self._ledger.mine.refused += 1
            job.refuse(overloaded())

    def put(self, step: Callable[[], None]) -> None:
        raise TypeError(f"a model that answers in batches neither streams nor converses: {step}")

    def work(self) -> NoReturn:
        if self._threads > 1:
            for n in range(self._threads):
                threading.Thread(target=self.batcher.serve, name=f"predict-{n + 1}", daemon=True).start()
            idle()
        self.batcher.serve()

    def leave(self) -> bool:
        return False

    def _run(self, batch: Sequence[Waiting]) -> None:
        tally = self._ledger.mine
        for call, group in _calls(batch):
            now = self._clock()
            rows = 0
            for waiting in group:
                rows += waiting.rows
                tally.queue_s.add(now - waiting.job.began_s)
            tally.batch_rows.add(rows)
            assert call.many is not None
            results = results_of(call.many, [waiting.asked.item for waiting in group])
            for waiting, result in zip(group, results, strict=True):
                waiting.job.answer(waiting.asked, result)


def _calls(batch: Sequence[Waiting]) -> Iterable[tuple[Call, Sequence[Waiting]]]:
    call = batch[0].asked.call
    if all(waiting.asked.call is call for waiting in batch):  # nearly always
        return ((call, batch),)
    groups: dict[Call, list[Waiting]] = {}
    for waiting in batch:
        groups.setdefault(waiting.asked.call, []).append(waiting)
    return groups.items()


class Batcher:
    """`run` answers all that it is given in one turn, and must not raise. `exclusive`: turns exclude each other.

    `offer` is called by the receiving thread only; `serve` by the workers, `turn` is what one does.
    """

    def __init__(
        self,
        run: Callable[[Sequence[Waiting]], None],
        limits: Limits,
        times: Times = REAL,
        *,
        exclusive: bool = True,
    ) -> None:
        self.costs = Costs()
        self.gaps = Gaps()
        self.patience = Patience()
        self._run = run
        self.limits = limits
        self._exclusive = exclusive
        self._clock = times.clock
        self._pause = times.pause
        self._waiting: deque[Waiting] = deque()
        self._came = 0  # rows; written by the receiving thread
        self._gone = 0  # rows; written under the lock
        self._lock = threading.Lock()
        self._turnstile = Turnstile()
        self._asleep = self._turnstile.asleep

    @property
    def waiting_rows(self) -> int:
        """Rows that wait or are being computed."""
        return self._came - self._gone

    def offer(self, waiting: Waiting) -> bool:
        """Takes a request; False, and nothing is done, when the queue is too long."""
        self.gaps.record(waiting.came_s)
        ahead = self.waiting_rows
        if ahead:
            wait_s = self.costs.answered_in_s(ahead + waiting.rows, self.limits.max_size)
            if wait_s > self.limits.max_wait_s:
                return False
            if wait_s > _WATCHED_S:
                waiting.job.watch()
        self._came += waiting.rows
        self._waiting.append(waiting)
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
            pause = linger_s(rows, self._clock() - began, self.gaps.mean_s, self.costs, self.limits)
            if not pause:
                if paused:
                    self.patience.record(in_vain=rows < self.limits.max_size)
                return
            self._pause(pause)
            paused = True
            if self._came == seen:
                self.patience.record(in_vain=False)
                return

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        rows = 0
        latest_s = self._clock() - self.limits.max_wait_s
        while self._waiting:
            following = self._waiting[0]
            passed_over = following.job.left or following.came_s < latest_s
            if batch and not passed_over and rows + following.rows > self.limits.max_size:
                break
            self._waiting.popleft()
            if passed_over:
                self._pass_over(following)
                continue
            following.job.take()
            batch.append(following)
            rows += following.rows
        return batch

    def _pass_over(self, waiting: Waiting) -> None:
        self._gone += waiting.rows
        job = waiting.job
        left = job.left
        job.take()
        if left:
            job.abandon()
        else:
            job.refuse(too_late())

    def _call(self, batch: list[Waiting]) -> int:
        if not batch:
            return 0
        rows = sum([waiting.rows for waiting in batch])
        began = self._clock()
        self._run(batch)
        self.costs.record(rows, self._clock() - began)
        return rows

    def serve(self) -> NoReturn:
        """Never returns; raises what a signal handler raises."""
        waiting, sleep = self._waiting, self._turnstile.sleep
        while True:
            sleep(waiting)  # type: ignore[arg-type]
            try:
                self.turn()
            except Exception:  # noqa: BLE001 - a bug here must not leave a server that answers nobody
                tell(traceback.format_exc())
