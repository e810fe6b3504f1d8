"""Requests that wait for a worker: bounded, not run for callers who have left or waited too long."""

from collections.abc import Callable
from typing import Any

from modelyard_runtime.errors import RequestError
from modelyard_runtime.execution.thread_queue import ThreadExecutor
from modelyard_runtime.http.disconnect import Presence
from modelyard_runtime.ledger import Ledger, Tally


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


class Request:
    """A job that notes what becomes of it; `now` is the clock of its world."""

    def __init__(self, began_s: float = 100.0) -> None:
        self.began_s = began_s
        self.future: Any = Future()
        self.seen: list[Any] = []
        self.presence: Presence | None = None

    def run(self, _tally: Tally) -> float:
        self.seen.append("run")
        return self.began_s

    def refuse(self, error: RequestError) -> None:
        self.seen.append((error.status, error.code))

    def abandon(self) -> None:
        self.seen.append("abandoned")

    def watch(self) -> None:
        self.presence = Presence(self.future)

    @property
    def left(self) -> bool:
        return self.presence is not None and self.presence.left

    def take(self) -> None:
        if self.presence is not None:
            self.presence.forget()


class World:
    """Its executor works when the test says so."""

    def __init__(self, most: int = 10) -> None:
        self.now_s = 100.0
        self.ledger = Ledger()
        self.executor = ThreadExecutor(1, self.ledger, most, 60.0, lambda: self.now_s)

    def submit(self, *requests: Any) -> None:
        for request in requests:
            self.executor.submit(request)

    def work(self) -> None:
        while self.executor.waiting:
            self.executor.waiting.popleft()()


def test_each_is_run_once_and_nobody_is_watched_any_more() -> None:
    world, callers = World(), [Request(), Request()]
    world.submit(*callers)
    world.work()
    assert [caller.seen for caller in callers] == [["run"], ["run"]]
    assert all(caller.future.cancelled for caller in callers)


def test_beyond_the_bound_the_next_is_refused() -> None:
    world, callers = World(most=1), [Request(), Request()]
    world.submit(*callers)
    assert world.ledger.mine.refused == 1
    world.work()
    assert [caller.seen for caller in callers] == [["run"], [(503, "ModelArts.4302")]]


def test_who_has_left_is_not_run() -> None:
    world, leaver, gone, stayer = World(), Request(), Request(), Request()
    gone.future = None  # known when it is asked for
    world.submit(leaver, gone, stayer)
    leaver.future.done()
    world.work()
    assert [caller.seen for caller in (leaver, gone, stayer)] == [["abandoned"], ["abandoned"], ["run"]]


def test_what_has_waited_too_long_is_not_run() -> None:
    world, early, late = World(), Request(), Request(began_s=150.0)
    world.submit(early)
    world.now_s += 50.0
    world.submit(late)
    world.now_s += 10.5
    world.work()
    assert [early.seen, late.seen] == [[(504, "ModelArts.4503")], ["run"]]


def test_only_who_waits_for_more_than_moments_is_watched() -> None:
    world = World(most=100)
    for _ in range(200):
        world.executor.pace.record(20e-6)
    callers = [Request() for _ in range(60)]
    world.submit(*callers)
    assert [bool(caller.future.callbacks) for caller in callers] == [False] * 50 + [True] * 10
    world.work()
    assert all(caller.seen == ["run"] for caller in callers)
    assert world.executor.pace.short


def test_what_waits_for_moments_that_last_is_not_run_too_late() -> None:
    world, caller = World(), Request()
    for _ in range(200):
        world.executor.pace.record(20e-6)
    world.submit(caller)
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
