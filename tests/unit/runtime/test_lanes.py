"""When predictions run in place, and that they exclude each other."""

import threading

import pytest

from modelyard_runtime.lanes import Pace, Workers
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


def test_calls_begin_on_a_worker_until_they_are_proven_short() -> None:
    assert not Pace().short
    assert calls_until(Pace(), 20e-6, short=True) == 33


@pytest.mark.parametrize("took_s", [0.0015, 0.005, 1.0, 60.0])
def test_long_calls_never_run_in_place(took_s: float) -> None:
    pace = Pace()
    for _ in range(1000):
        pace.record(took_s)
        assert not pace.short


@pytest.mark.parametrize(
    ("outlier_s", "back_after"),
    [
        pytest.param(0.010, 0, id="10 ms is noise"),
        pytest.param(0.050, 0, id="50 ms leave for moments"),
        pytest.param(0.1, 10_000, id="0.1 s"),
        pytest.param(60.0, 10_000, id="a minute"),
    ],
)
def test_one_outlier(outlier_s: float, back_after: int) -> None:
    pace = short_pace()
    pace.record(outlier_s)
    assert back_after == 0 or not pace.short
    assert calls_until(pace, 20e-6, short=True) >= back_after
    assert pace.short


def test_one_worker_runs_one_call_at_a_time() -> None:
    workers = Workers(1)
    running, release, done = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        running.set()
        release.wait(10)

    workers.put(hold)
    assert running.wait(10)
    assert not workers.alone(lambda: None), "a busy worker is not overtaken"
    workers.put(done.set)
    assert not done.is_set()
    release.set()
    assert done.wait(10)
    seen: list[str] = []
    assert workers.alone(lambda: seen.append(threading.current_thread().name))
    assert seen == [threading.current_thread().name]


def test_several_workers_run_at_once() -> None:
    workers = Workers(2)
    meet = threading.Barrier(3)
    workers.put(lambda: meet.wait(10) and None)
    workers.put(lambda: meet.wait(10) and None)
    meet.wait(10)


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
