"""Waiting by a clock that is passed in, so that tests need not wait."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Timer(Protocol):
    def cancel(self) -> None: ...


class Clock(Protocol):
    """The steady time, the wall clock, and calls at a moment of the former (`control.clock`)."""

    def now_ms(self) -> int: ...

    def wall_ms(self) -> int: ...

    def call_at(self, when_ms: int, call: Callable[[], None]) -> Timer: ...


async def sleep(clock: Clock, duration_ms: int) -> None:
    await until(clock, clock.now_ms() + duration_ms)


async def until(clock: Clock, when_ms: int) -> None:
    """Until that moment of the steady clock."""
    due = asyncio.Event()
    timer = clock.call_at(when_ms, due.set)
    try:
        await due.wait()
    finally:
        timer.cancel()


async def happens(clock: Clock, what: Awaitable[object], limit_ms: int) -> bool:
    """Whether it happens within so much time; it is cancelled when it does not."""
    happening = asyncio.ensure_future(what)
    timer = asyncio.ensure_future(sleep(clock, limit_ms))
    try:
        await asyncio.wait((happening, timer), return_when=asyncio.FIRST_COMPLETED)
        return happening.done() and not happening.cancelled()
    finally:
        for each in (happening, timer):
            each.cancel()
        await asyncio.gather(happening, timer, return_exceptions=True)


async def all_of(works: Sequence[Coroutine[Any, Any, T]], at_once: int) -> list[T]:
    """Their results, so many of them at the same time; what the first one raises ends all of them."""
    room = asyncio.Semaphore(at_once)

    async def one(work: Coroutine[Any, Any, T]) -> T:
        async with room:
            return await work

    tasks = [asyncio.ensure_future(one(work)) for work in works]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for work in works:
            work.close()  # one that never began
