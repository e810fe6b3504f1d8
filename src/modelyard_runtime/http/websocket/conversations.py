"""The WebSockets of an instance: which are accepted, where they run, and how all of them end.

A connection counts as one request in flight from its handshake to the end of what the script does with it. Where:

    `_websocket`            a task on the event loop of the script
    `_websocket_message`    where predictions run, one message of a connection at a time; between two messages, and
                            between two items that it yields, others have their turn

What the script raises ends the connection: BadRequest with 1008 and its text, anything else with 1011 and the
reference under which the trace is in the log. When the instance stops, all are told so (1001). A conversation goes
on without its caller until it next receives or sends, and at most `limit_s`.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Container, Generator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from model_service import ConnectionClosed
from modelyard_runtime.errors import error_body, refusal_of
from modelyard_runtime.http.asgi import Scope, started, when_done
from modelyard_runtime.http.websocket.channel import FAILED, GOING_AWAY, NORMAL, POLICY, Channel, Message
from modelyard_runtime.http.websocket.connections import Heard, Talk, wire
from modelyard_runtime.ledger import Ledger
from modelyard_runtime.model import Bounds, WebSocket
from modelyard_runtime.protocols.plane import reported

SWITCHING = 101
_JSON = ("content-type", "application/json")
_SWEEP_S = 1.0
_CLOSING_S = 5.0


class Live(Protocol):
    channel: Channel

    def begin(self) -> None:
        """It is accepted."""


@dataclass(frozen=True, slots=True)
class Place:
    """`run` runs something where predictions run; `loop` is that of a script of coroutines."""

    run: Callable[[Callable[[], None]], None]
    loop: asyncio.AbstractEventLoop | None = None
    limit_s: float = 60.0


class Conversations:
    """`enter` is called on the receiving thread."""

    def __init__(self, served: WebSocket, paths: Container[str], ledger: Ledger, place: Place) -> None:
        self._served = served
        self._paths = paths
        self._ledger = ledger
        self._place = place
        self._open: set[Live] = set()
        self._stopping = False
        self._sweeping = False

    def __len__(self) -> int:
        return len(self._open)

    def enter(self, scope: Scope, watcher: Any) -> None:
        self._ledger.begun += 1
        if scope.path not in self._paths:
            self._refuse(watcher, 404, "ModelArts.4204", f"API {scope.path} does not exist.")
        elif self._stopping:
            self._refuse(watcher, 503, "ModelArts.4302", "This instance is about to end.")
        elif len(self._open) >= self._served.bounds.max_connections:
            self._ledger.mine.refused += 1
            self._refuse(watcher, 503, "ModelArts.4302", "The model has as many connections as it takes.")
        else:
            self._accept(scope, watcher)

    def hang_up(self) -> None:
        """Tell all that the instance stops. Any thread."""
        self._stopping = True
        for live in tuple(self._open):
            live.channel.close(GOING_AWAY, "the instance is about to end")

    def _over(self, live: Live) -> None:
        """The script is done with the connection. Any thread, once."""
        self._open.discard(live)
        self._ledger.finish(SWITCHING)

    def _accept(self, scope: Scope, watcher: Any) -> None:
        bounds = self._served.bounds
        subprotocol = next((p for p in scope.subprotocols if p in bounds.subprotocols), None)
        channel = Channel(watcher, bounds.max_message_bytes)
        live: Live
        if self._served.talk is not None:
            assert self._place.loop is not None
            talk = Talk(channel, scope, subprotocol, self._place.loop)
            live = _Talking(channel, talk, self._served.talk, self._place, self._over)
        else:
            assert self._served.hear is not None
            heard = Heard(channel, scope, subprotocol)
            live = _Hearing(channel, heard, self._served.hear, self._place, self._over)
        self._open.add(live)
        self._sweep(bounds)
        channel.accept(subprotocol, live.begin)
        if self._stopping:
            channel.close(GOING_AWAY)

    def _refuse(self, watcher: Any, status: int, code: str, message: str) -> None:
        refuse(watcher, status, code, message, self._ledger.finish)

    def _sweep(self, bounds: Bounds) -> None:
        if not self._sweeping:
            self._sweeping = True
            threading.Thread(target=self._sweep_all, args=(bounds.idle_s,), name="websockets", daemon=True).start()

    def _sweep_all(self, idle_s: float) -> None:
        while True:
            time.sleep(_SWEEP_S)
            sweep(tuple(self._open), time.monotonic(), idle_s)


def refuse(watcher: Any, status: int, code: str, message: str, then: Callable[[int], None]) -> None:
    """An answer in place of the handshake."""
    headers = [_JSON, ("retry-after", "1")] if status == 503 else [_JSON]
    native = watcher.proto
    native.send(started(status, headers, "websocket.http.response.start"))

    def sent(_result: Any, _error: BaseException | None) -> None:
        watcher.done()
        then(status)

    when_done(native.send({"type": "websocket.http.response.body", "body": error_body(code, message)}), sent)


def sweep(live: tuple[Live, ...], now_s: float, idle_s: float) -> None:
    """Ends those that have been silent too long, and those that do not take their closing."""
    for each in live:
        if each.channel.code is not None:
            each.channel.end_if_stuck(now_s - _CLOSING_S)
        elif each.channel.touched_s < now_s - idle_s:
            each.channel.close(NORMAL, "nothing was said for too long")


def end_with(channel: Channel, error: BaseException) -> None:
    """What the script raised, as the reason for the end. Its trace goes to the log."""
    refused = refusal_of(error)
    if refused is not None:
        channel.close(POLICY, refused.message)
    else:
        channel.close(FAILED, f"The model failed. Its log says why: reference {reported(error)}.")


class _Talking:
    """A conversation of coroutines (`channel.Hearer`)."""

    def __init__(
        self,
        channel: Channel,
        talk: Talk,
        hook: Callable[[Any], Any],
        place: Place,
        over: Callable[[Live], None],
    ) -> None:
        assert place.loop is not None
        self.channel = channel
        self._talk = talk
        self._hook = hook
        self._loop = place.loop
        self._limit_s = place.limit_s
        self._over = over
        self._task: asyncio.Task[None] | None = None
        channel.hearer = self

    def begin(self) -> None:
        self.channel.ask()
        self._loop.call_soon_threadsafe(self._start)

    def came(self, message: Message) -> None:
        self._talk.came(message)

    def ended(self, code: int) -> None:
        self._talk.ended(code)
        self._loop.call_soon_threadsafe(self._leave)

    def _start(self) -> None:
        self._task = self._loop.create_task(self._converse())

    def _leave(self) -> None:
        if self._task is None:
            self._over(self)
        elif not self._task.done():
            self._loop.call_later(self._limit_s, self._task.cancel)

    async def _converse(self) -> None:
        try:
            await self._hook(self._talk)
        except (ConnectionClosed, asyncio.CancelledError):
            pass
        except Exception as error:  # noqa: BLE001 - the one place where the model's errors end
            end_with(self.channel, error)
        self.channel.close(NORMAL)
        await self._talk.over.wait()
        self._over(self)


class _Hearing:
    """Messages that are answered one at a time (`channel.Hearer`)."""

    def __init__(
        self,
        channel: Channel,
        heard: Heard,
        hook: Callable[[Any, Message], Any],
        place: Place,
        over: Callable[[Live], None],
    ) -> None:
        self.channel = channel
        self._heard = heard
        self._hook = hook
        self._run = place.run
        self._over = over
        channel.hearer = self

    def begin(self) -> None:
        self.channel.ask()

    def came(self, message: Message) -> None:
        self._run(partial(self._turn, message))

    def ended(self, _code: int) -> None:
        self._run(partial(self._over, self))  # behind what runs

    def _turn(self, message: Message) -> None:
        if self.channel.code is not None:
            return
        try:
            answer = self._hook(self._heard, message)
            if isinstance(answer, Generator):
                self._step(answer)
                return
            said = None if answer is None else wire(answer)
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the server
            end_with(self.channel, error)
            return
        if said is None:
            self.channel.ask()
        else:
            self.channel.send(said, lambda left: self.channel.ask() if left else None)

    def _step(self, items: "Generator[Any, Any, Any]") -> None:
        """One item; the next when it has left. Must not raise."""
        try:
            said = wire(next(items))
        except StopIteration:
            self.channel.ask()
            return
        except BaseException as error:  # noqa: BLE001 - as in `_turn`
            end_with(self.channel, error)
            return
        self.channel.send(said, lambda left: self._run(partial(self._step if left else _close, items)))


def _close(items: "Generator[Any, Any, Any]") -> None:
    with suppress(BaseException):
        items.close()
