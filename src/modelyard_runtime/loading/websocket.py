"""How a script serves a WebSocket: one of two methods, and the bounds that config.json sets.

async def _websocket(self, connection)                the whole conversation; on the event loop of the script
def _websocket_message(self, connection, message)     one message, on the thread where predictions run; what it
                                                      returns, or each item that it yields, is sent

"websocket": {"max_message_bytes": 1048576, "max_connections": 1000, "idle_seconds": 3600, "subprotocols": []}
"""

import inspect
from collections.abc import Mapping
from typing import Any

from modelyard_runtime.errors import LoadError
from modelyard_runtime.model import Bounds, WebSocket

TALK, HEAR = "_websocket", "_websocket_message"
MOST_MESSAGE_BYTES = 16 * 1024**2  # of one frame, in Granian


def talks(cls: type[Any]) -> bool:
    """Whether instances of this class need an event loop for it."""
    return inspect.iscoroutinefunction(getattr(cls, TALK, None))


def websocket(service: Any, config: Mapping[str, Any]) -> WebSocket | None:
    """None for a script that serves none. Raises LoadError."""
    talk, hear = getattr(service, TALK, None), getattr(service, HEAR, None)
    if talk is None and hear is None:
        return None
    name = type(service).__name__
    if talk is not None and hear is not None:
        raise LoadError(f"{name} has both {TALK} and {HEAR}: one is expected")
    if talk is not None and not inspect.iscoroutinefunction(talk):
        raise LoadError(
            f"{name}.{TALK} must be `async def`; what answers one message is {HEAR}(connection, message)"
        )
    if inspect.iscoroutinefunction(hear) or inspect.isasyncgenfunction(hear):
        raise LoadError(
            f"{name}.{HEAR} must not be `async def`; a conversation of coroutines is {TALK}(connection)"
        )
    return WebSocket(bounds(config.get("websocket")), talk, hear)


def bounds(value: Any) -> Bounds:
    """What `websocket` of config.json says. Raises LoadError."""
    usual = Bounds()
    if value is None:
        return usual
    if not isinstance(value, Mapping):
        raise LoadError(f"config.json: websocket must be an object, not {value!r}")
    known = ("max_message_bytes", "max_connections", "idle_seconds", "subprotocols")
    unknown = sorted(set(value) - set(known))
    if unknown:
        raise LoadError(f"config.json: websocket does not know {', '.join(unknown)}")
    protocols = value.get("subprotocols", [])
    if not isinstance(protocols, list) or not all(isinstance(p, str) and p.isascii() for p in protocols):
        raise LoadError("config.json: websocket.subprotocols must be a list of names")
    return Bounds(
        _integer(value, "max_message_bytes", usual.max_message_bytes, MOST_MESSAGE_BYTES),
        _integer(value, "max_connections", usual.max_connections, 65_536),
        _integer(value, "idle_seconds", usual.idle_s, 86_400),
        tuple(protocols),
    )


def _integer(value: Mapping[str, Any], name: str, default: int, most: int) -> int:
    given = value.get(name, default)
    if isinstance(given, bool) or not isinstance(given, int) or not 1 <= given <= most:
        raise LoadError(f"config.json: websocket.{name} must be an integer from 1 to {most}, not {given!r}")
    return given
