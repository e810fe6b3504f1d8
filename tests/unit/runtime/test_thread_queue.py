"""Requests that wait for a worker: bounded, not run for callers who have left or waited too long."""

from collections.abc import Callable
from typing import Any

from modelyard_runtime.errors import RequestError
from modelyard_runtime.execution.thread_queue import Queue
from modelyard_runtime.http.disconnect import Presence


class Held:
    """Workers that work when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []

    def put(self, work: Callable[[], None]) -> None:
        self.waiting.append(work)


class Future:
    def __init__(self) -> None:
        self.callbacks: list[Callable[[Any], None]] = []
        self.cancelled = False

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.callbacks.append(callback)

    def cancel(self) -> None:
        """As Granian does: its callbacks are called."""
        self.cancelled = True
        self.done()

    def done(self) -> None:
        for callback in self.callbacks:
            callback(self)


class Caller:
    def __init__(self, began_s: float = 100.0) -> None:
        self.began_s = began_s
        self.future: Any = Future()
        self.seen: list[Any] = []

    def run(self, now_s: float) -> float:
        self.seen.append("run")
        return now_s

    def refuse(self, error: RequestError) -> None:
        self.seen.append((error.status, error.code))

    def abandon(self) -> None:
        self.seen.append("abandoned")

    def disconnected(self) -> Any:
        return self.future


class World:
    def __init__(self, most: int = 10) -> None:
        self.now_s = 100.0
        self.held: Any = Held()
        self.queue = Queue(self.held, most, 60.0, lambda: self.now_s)

    def offered(self, *callers: Caller) -> list[bool]:
        return [self.queue.offer(caller) for caller in callers]

    def work(self) -> None:
        for work in self.held.waiting:
            work()


def test_each_is_run_once_and_nobody_is_watched_any_more() -> None:
    world, callers = World(), [Caller(), Caller()]
    assert world.offered(*callers) == [True, True]
    world.work()
    assert [caller.seen for caller in callers] == [["run"], ["run"]]
    assert all(caller.future.cancelled for caller in callers)


def test_beyond_the_bound_the_next_is_refused() -> None:
    world, callers = World(most=1), [Caller(), Caller()]
    assert world.offered(*callers) == [True, False]
    world.work()
    assert [caller.seen for caller in callers] == [["run"], [(503, "ModelArts.4302")]]


def test_who_has_left_is_not_run() -> None:
    world, leaver, gone, stayer = World(), Caller(), Caller(), Caller()
    gone.future = None  # known when it is asked for
    assert all(world.offered(leaver, gone, stayer))
    leaver.future.done()
    world.work()
    assert [caller.seen for caller in (leaver, gone, stayer)] == [["abandoned"], ["abandoned"], ["run"]]


def test_what_has_waited_too_long_is_not_run() -> None:
    world, early, late = World(), Caller(), Caller(began_s=150.0)
    world.offered(early)
    world.now_s += 50.0
    world.offered(late)
    world.now_s += 10.5
    world.work()
    assert [early.seen, late.seen] == [[(504, "ModelArts.4503")], ["run"]]


def test_only_who_waits_for_more_than_moments_is_watched() -> None:
    world = World(most=100)
    for _ in range(200):
        world.queue.pace.record(20e-6)
    callers = [Caller() for _ in range(60)]
    assert all(world.offered(*callers))
    assert [bool(caller.future.callbacks) for caller in callers] == [False] * 50 + [True] * 10
    world.work()
    assert all(caller.seen == ["run"] for caller in callers)
    assert world.queue.pace.short


def test_what_waits_for_moments_that_last_is_not_run_too_late() -> None:
    world, caller = World(), Caller()
    for _ in range(200):
        world.queue.pace.record(20e-6)
    world.offered(caller)
    world.now_s += 60.5
    world.work()
    assert caller.seen == [(504, "ModelArts.4503")]


def test_who_leaves_is_told_but_not_who_is_forgotten() -> None:
    told: list[str] = []
    leaving, forgotten = Future(), Future()
    Presence(leaving, lambda: told.append("left"))
    presence = Presence(forgotten, lambda: told.append("forgotten"))
    presence.forget()
    leaving.done()
    assert told == ["left"]
