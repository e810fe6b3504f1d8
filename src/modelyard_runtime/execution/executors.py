"""Where the model's code runs: one thread for all of it, unless the package asks for more.

The rule: the script is imported, its class constructed, the example predicted, and every request answered on the
main thread of the process, generators and their end included, and the event loop of a script of coroutines runs
there. So what belongs to a thread keeps belonging to it: `threading.local`, an SQLite connection, a CUDA context,
the autograd mode, the default graph of TensorFlow 1, a handler that `signal.signal` takes. It holds for formats
without a script as well. `"threads": N` of the package gives predictions N threads of their own, from the first
request on; only import, constructor and example are then the main thread's.

    thread_queue    each request is a call of its own; on one thread, or on several
    batch_queue     requests that wait at the same time share a call; on one thread, or on several
    event_loop      each request is a task on the event loop of a script of coroutines

Requests are received, decoded where they share calls, and the health check answered, on another thread, which runs
nothing of the model. A request therefore changes threads once. That is cheap because a thread that has work is not
woken again: under load it finds all that came meanwhile. (Echo, 64 connections, 2 cores: a microsecond of CPU more
for a request than where it was received; seven with a wake-up for each. docs/decisions/0012.)
"""

import queue
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import NoReturn, Protocol

from modelyard_runtime.execution.job import Job
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.model import Model


class Executor(Protocol):
    """Runs the jobs of one model, each to its answer or its refusal."""

    def submit(self, job: Job) -> None:
        """On the receiving thread, which it does not keep waiting. The job is run, or refused now or later."""

    def put(self, step: Callable[[], None]) -> None:
        """One more step of a job that has begun, in order with the others: never refused, and must not raise. Any
        thread. Models that answer in batches have no such steps."""

    def work(self) -> None:
        """Run the model until `leave`, or until a signal handler raises something. Once, by the main thread."""

    def leave(self) -> bool:
        """Make `work` return; False if it cannot be told so. Any thread."""


def executor_of(model: Model, ledger: Ledger, most_waiting: int, limit_s: float) -> Executor:
    """`most_waiting`: requests of a model that does not batch, beyond which the next one is refused. `limit_s`:
    a request that has waited longer is not given to the model any more. Called by the thread that loaded it."""
    if model.predict_async is not None:
        from modelyard_runtime.execution.event_loop import LoopExecutor

        return LoopExecutor()
    if model.joint is not None:
        from modelyard_runtime.execution.batch_queue import BatchExecutor

        limits = model.joint.limits
        return BatchExecutor(replace(limits, max_wait_s=min(limits.max_wait_s, limit_s)), ledger, model.threads)
    from modelyard_runtime.execution.thread_queue import ThreadExecutor

    return ThreadExecutor(model.threads, ledger, most_waiting, limit_s)


class Turnstile:
    """Threads that sleep while there is nothing to do, and are woken at most once for what has come.

    A thread that finds nothing in `waiting` calls `sleep(waiting)`; whoever brings work puts it there first, and
    then calls `wake` if any are `asleep`. Neither waits for the other.
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


def idle() -> NoReturn:
    """For a main thread whose only remaining task is to run signal handlers of the model."""
    while True:
        signal.pause()
