"""What a script sees of a WebSocket.

    both                     connection.path, .query, .headers (no credentials), .subprotocol, .closed,
                             .state (the script's own)
    `_websocket`             await connection.receive(), .send(message), .close(); async for message in connection
    `_websocket_message`     connection.close(); what the method returns is sent

Text is `str`, binary is `bytes`; anything else that is sent is written as JSON.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

from model_service import ConnectionClosed
from modelyard_runtime.http.asgi import Scope
from modelyard_runtime.http.websocket.channel import NORMAL, Channel, Message
from modelyard_runtime.protocols.answers import encode

_SECRETS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "x-apig-appcode", "x-auth-token", "x-subject-token"}
)


def wire(message: Any) -> Message:
    if isinstance(message, str):
        return message
    if isinstance(message, (bytes, bytearray, memoryview)):
        return bytes(message)
    return encode(message).decode()


class Connection:
    """`query`: the last value of each name."""

    def __init__(self, channel: Channel, scope: Scope, subprotocol: str | None) -> None:
        self.path = scope.path
        self.query_string = scope.query_string
        self.query: Mapping[str, str] = dict(parse_qsl(scope.query_string, keep_blank_values=True))
        self.headers: Mapping[str, str] = {k: v for k, v in scope.headers.items() if k not in _SECRETS}
        self.subprotocol = subprotocol
        self.state = SimpleNamespace()
        self._channel = channel

    @property
    def closed(self) -> bool:
        return self._channel.code is not None


class Heard(Connection):
    """Of a script that answers messages."""

    def close(self, code: int = NORMAL, reason: str = "") -> None:
        self._channel.close(code, reason)


class Talk(Connection):
    """Of a conversation of coroutines. All methods belong to the loop; `came` and `ended` are called elsewhere."""

    def __init__(
        self, channel: Channel, scope: Scope, subprotocol: str | None, loop: asyncio.AbstractEventLoop
    ) -> None:
        super().__init__(channel, scope, subprotocol)
        self._loop = loop
        self._inbox: asyncio.Queue[Message | None] = asyncio.Queue()
        self.over = asyncio.Event()

    async def receive(self) -> Message:
        """The next message. Raises ConnectionClosed."""
        message = await self._inbox.get()
        if message is None:
            self._inbox.put_nowait(None)
            raise self._end()
        self._channel.ask()
        return message

    async def send(self, message: Any) -> None:
        """Waits until it has left. Raises ConnectionClosed."""
        sent = self._loop.create_future()

        def told(left: bool) -> None:
            self._loop.call_soon_threadsafe(lambda: None if sent.done() else sent.set_result(left))

        self._channel.send(wire(message), told)
        if not await sent:
            raise self._end()

    async def close(self, code: int = NORMAL, reason: str = "") -> None:
        self._channel.close(code, reason)
        await self.over.wait()

    async def __aiter__(self) -> AsyncIterator[Message]:
        try:
            while True:
                yield await self.receive()
        except ConnectionClosed:
            return

    def came(self, message: Message) -> None:
        self._loop.call_soon_threadsafe(self._inbox.put_nowait, message)

    def ended(self, _code: int) -> None:
        self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        self._inbox.put_nowait(None)
        self.over.set()

    def _end(self) -> ConnectionClosed:
        return ConnectionClosed(self._channel.code or NORMAL)
