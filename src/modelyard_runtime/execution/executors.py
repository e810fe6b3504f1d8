"""Where the model's code runs: one thread for all of it, unless the package asks for more.

The rule: the script is imported, its class constructed, the example predicted, and every request answered on the
main thread of the process, generators and their end included, and the event loop of a script of coroutines runs
there. So what belongs to a thread keeps belonging to it: `threading.local`, an SQLite connection, a CUDA context,
the autograd mode, the default graph of TensorFlow 1, a handler that `signal.signal` takes. It holds for formats
without a script as well. `"threads": N` of the package gives predictions N threads of their own, from the first
request on; only import, constructor and example are then the main thread's.

Requests are received, decoded where they share calls, and the health check answered, on another thread, which runs
nothing of the model. A request therefore changes threads once. That is cheap because a thread that has work is not
woken again: under load it finds all that came meanwhile. (Echo, 64 connections, 2 cores: a microsecond of CPU more
for a request than where it was received; seven with a wake-up for each. docs/decisions/0012.)
"""

import queue
import signal
import threading
from collections import deque
from collections.abc import Callable
from typing import NoReturn

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


class Turnstile:
    """Threads that sleep while there is nothing to do, and are woken at most once for what has come.

    A thread calls `sleep(waiting)` when it finds nothing there; who brings work puts it there first, and calls
    `wake` if any are `asleep`. Neither waits for the other.
    """

    __slots__ = ("_wake", "asleep")

    def __init__(self) -> None:
        self.asleep: deque[None] = deque()
        self._wake: queue.SimpleQueue[None] = queue.SimpleQueue()

    def wake(self) -> None:
        try:
            self.asleep.pop()
        except IndexError:  # it woke by itself
            return
        self._wake.put(None)

    def sleep(self, waiting: deque[object]) -> None:
        """Until `wake`; returns at once when something has come to `waiting` meanwhile. Signals are handled."""
        self.asleep.append(None)
        if waiting:
            try:
                self.asleep.pop()
            except IndexError:  # somebody is waking us already
                self._wake.get()
            return
        self._wake.get()


class Workers:
    """Run what `put` gives them, in order, while the process lives: the thread that calls `work`, or with a count
    above one as many daemon threads."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.waiting: deque[Callable[[], None]] = deque()  # without what runs
        self._turnstile = Turnstile()
        self._asleep = self._turnstile.asleep
        for n in range(count if count > 1 else 0):
            threading.Thread(target=self._run, name=f"predict-{n + 1}", daemon=True).start()

    def put(self, work: Callable[[], None]) -> None:
        """`work` must not raise."""
        self.waiting.append(work)
        if self._asleep:
            self._turnstile.wake()

    def work(self) -> NoReturn:
        """Never returns; raises what a signal handler raises."""
        if self._count > 1:
            idle()
        self._run()

    def _run(self) -> NoReturn:
        waiting, sleep = self.waiting, self._turnstile.sleep
        while True:
            while waiting:
                try:
                    work = waiting.popleft()
                except IndexError:  # another was quicker
                    break
                work()
            sleep(waiting)  # type: ignore[arg-type]


def idle() -> NoReturn:
    """For a main thread that has nothing left to do but to let signal handlers of the model run."""
    while True:
        signal.pause()
