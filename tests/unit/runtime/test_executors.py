"""How long calls take, and on which thread they run."""

import threading
from collections import deque

import pytest

from modelyard_runtime.execution.executors import Turnstile
from modelyard_runtime.execution.thread_queue import Pace, ThreadExecutor
from modelyard_runtime.ledger import Ledger


def calls_until(pace: Pace, took_s: float, *, short: bool) -> int:
    for n in range(1, 20_000):
        pace.record(took_s)
        if pace.short is short:
            return n
    raise AssertionError("never")


def short_pace() -> Pace:
    pace = Pace()
    for _ in range(200):
        pace.record(20e-6)
    return pace


def test_calls_are_long_until_they_are_proven_short() -> None:
    assert not Pace().short
    assert calls_until(Pace(), 20e-6, short=True) == 33


@pytest.mark.parametrize("took_s", [0.0015, 0.005, 1.0, 60.0])
def test_long_calls_are_never_short(took_s: float) -> None:
    pace = Pace()
    for _ in range(1000):
        pace.record(took_s)
        assert not pace.short


@pytest.mark.parametrize(
    ("outlier_s", "short_again_after"),
    [
        pytest.param(0.010, 0, id="10 ms is noise"),
        pytest.param(0.050, 18, id="50 ms leave for moments"),
        pytest.param(0.1, 10_000, id="0.1 s"),
        pytest.param(60.0, 10_000, id="a minute"),
    ],
)
def test_one_outlier(outlier_s: float, short_again_after: int) -> None:
    pace = short_pace()
    pace.record(outlier_s)
    assert (0 if pace.short else calls_until(pace, 20e-6, short=True)) == short_again_after


def executor(count: int) -> ThreadExecutor:
    return ThreadExecutor(count, Ledger(), most_waiting=10, limit_s=60.0)


class Done(BaseException):
    """As a signal handler raises it."""


def test_one_worker_is_the_thread_that_works() -> None:
    workers = executor(1)
    before = set(threading.enumerate())
    seen: list[tuple[int, threading.Thread]] = []
    for n in range(3):
        workers.put(lambda n=n: seen.append((n, threading.current_thread())))  # type: ignore[misc]

    def end() -> None:
        raise Done

    workers.put(end)
    assert len(workers.waiting) == 4
    assert not seen
    with pytest.raises(Done):
        workers.work()
    assert seen == [(n, threading.current_thread()) for n in range(3)]
    assert set(threading.enumerate()) <= before


def test_what_comes_while_a_worker_sleeps_wakes_it() -> None:
    workers = executor(1)
    came = threading.Event()
    threads: list[threading.Thread] = []

    def work() -> None:
        with pytest.raises(Done):
            workers.work()

    def note() -> None:
        threads.append(threading.current_thread())
        came.set()

    def end() -> None:
        raise Done

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(100):
        came.clear()
        workers.put(note)
        assert came.wait(10)
    workers.put(end)
    thread.join(10)
    assert threads == [thread] * 100
    assert not thread.is_alive()


def test_what_came_before_the_sleep_ends_it() -> None:
    turnstile = Turnstile()
    turnstile.wake()  # nobody sleeps
    turnstile.sleep(deque([object()]))
    assert not turnstile.asleep


def test_several_workers_run_at_once() -> None:
    workers = executor(2)
    workers.start()
    meet = threading.Barrier(3)
    met: list[threading.Thread] = []
    done = threading.Semaphore(0)

    def step() -> None:
        meet.wait(10)
        met.append(threading.current_thread())
        done.release()

    workers.put(step)
    workers.put(step)
    meet.wait(10)
    assert all(done.acquire(timeout=10) for _ in range(2))
    assert len(set(met)) == 2


def test_the_ledger_adds_up_over_threads() -> None:
    ledger = Ledger()
    ledger.begun = 40
    assert ledger.in_flight == 40
    threads = [threading.Thread(target=lambda: [ledger.finish() for _ in range(10)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ledger.in_flight == 0
