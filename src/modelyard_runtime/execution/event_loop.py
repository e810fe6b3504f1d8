"""The event loop of a script whose steps are coroutines. It runs on the thread that constructed the service.

A constructor may ask for it (`asyncio.get_event_loop()`), run something on one of its own (`asyncio.run`), or set
another one: then that one is the script's.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from modelyard_runtime.execution.job import Job


class LoopExecutor:
    """Each request is a task. Made on the thread that constructed the service, which then calls `work`."""

    def __init__(self) -> None:
        self._loop = prepared()
        self._leaving = False
        self._tasks: set[asyncio.Task[Any]] = set()  # the loop itself holds its tasks only weakly

    def submit(self, job: Job) -> None:
        self._loop.call_soon_threadsafe(self._start, job)

    def put(self, step: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(step)

    def work(self) -> None:
        while not (self._leaving or self._loop.is_closed()):  # a script may stop it
            self._loop.run_forever()
        if not self._leaving:
            raise RuntimeError("the script has closed the event loop that it runs on")
        wind_up(self._loop)

    def leave(self) -> bool:
        self._leaving = True
        with suppress(RuntimeError):  # it is closed
            self._loop.call_soon_threadsafe(self._loop.stop)
        return True

    def _start(self, job: Job) -> None:
        task = self._loop.create_task(job.run_async())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def prepare() -> None:
    """Before the constructor."""
    asyncio.set_event_loop(_new())


def prepared() -> asyncio.AbstractEventLoop:
    """After the constructor."""
    try:
        loop = asyncio.get_event_loop_policy().get_event_loop()
    except RuntimeError:  # asyncio.run() takes away what was set
        loop = _new()
    if loop.is_closed():
        loop = _new()
    asyncio.set_event_loop(loop)
    return loop


def wind_up(loop: asyncio.AbstractEventLoop) -> None:
    """As `asyncio.run` does at its end: what still runs is cancelled, and may take its time to end."""
    if loop.is_closed():
        return
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())


def _new() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
