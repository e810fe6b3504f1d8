"""How long calls take, and on which thread they run."""

import asyncio
import threading
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from modelyard_runtime.execution.batch_queue import BatchExecutor
from modelyard_runtime.execution.event_loop import LoopExecutor
from modelyard_runtime.execution.executors import Turnstile, executor_of
from modelyard_runtime.execution.thread_queue import Pace, ThreadExecutor
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.model import Joint, Limits, Model


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


class Job:
    """Notes the thread that it runs on."""

    began_s = 0.0

    def __init__(self) -> None:
        self.ran_on: list[threading.Thread] = []

    async def run_async(self) -> None:
        self.ran_on.append(threading.current_thread())


@pytest.fixture
def loop_of_the_script() -> Iterator[None]:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    asyncio.set_event_loop(None)
    loop.close()


@pytest.mark.usefixtures("loop_of_the_script")
def test_the_event_loop_runs_jobs_and_steps_until_it_is_left() -> None:
    job, steps = Job(), []
    loop = LoopExecutor()
    loop.submit(job)  # type: ignore[arg-type]
    loop.put(lambda: steps.append(threading.current_thread()))
    loop.put(lambda: loop.leave() and None)
    loop.work()
    assert job.ran_on == steps == [threading.current_thread()]


async def answered(data: Any) -> Any:
    return data


@pytest.mark.usefixtures("loop_of_the_script")
@pytest.mark.parametrize(
    ("options", "kind"),
    [
        pytest.param({"predict": str}, ThreadExecutor, id="each by itself"),
        pytest.param({"predict": str, "joint": Joint(list)}, BatchExecutor, id="several in a call"),
        pytest.param({"predict_async": answered}, LoopExecutor, id="coroutines"),
    ],
)
def test_a_model_says_how_it_runs(options: dict[str, Any], kind: type) -> None:
    assert type(executor_of(Model({}, **options), Ledger(), 10, 60.0)) is kind


def test_a_batch_waits_no_longer_than_any_caller() -> None:
    model = Model({}, predict=str, joint=Joint(list, limits=Limits(max_wait_s=60.0)))
    executor = executor_of(model, Ledger(), 10, limit_s=5.0)
    assert isinstance(executor, BatchExecutor)
    assert executor.batcher.limits.max_wait_s == 5.0
