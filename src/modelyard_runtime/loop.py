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


def _new() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
