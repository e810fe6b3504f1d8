"""The event loop of a script whose steps are coroutines. It runs on the thread that constructed the service.

A constructor may ask for it (`asyncio.get_event_loop()`), run something on one of its own (`asyncio.run`), or set
another one: then that one is the script's.
"""

import asyncio


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
    """As `asyncio.run` does at its end: what still runs is cancelled, and has the time that it takes."""
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
