"""Generators as server-sent events: each item is `data: {json}`, sent as soon as it is there.

A script streams by returning a generator, or by a step that is one. It runs where predictions run, one item at a
time: between two items other predictions have their turn. It counts as in flight until its end. When the caller
leaves, the generator is closed: one that waits for something by `await` at once, another before its next item.
A failure after the first item is an event named `error`; before it, an answer like any other.

    data: {"token": "Hel"}          event: error
                                    data: {"error_code": "ModelArts.4204", "error_msg": "…reference 3f…"}
    data: {"token": "lo"}

Granian takes what is sent without waiting for the caller: a generator that is faster than its caller fills memory.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any, NoReturn

from modelyard_runtime.http.disconnect import Presence
from modelyard_runtime.protocols.answers import Items, encode

HEADERS = [("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]
_JSON = [("content-type", "application/json")]

Failed = Callable[[BaseException], tuple[int, bytes]]  # writes the trace to the log; the answer to an error
Ended = Callable[[int], None]  # takes the status that the caller was answered


class Caller:
    """The receiving end of a stream, on Granian's protocol object. Opens with the first item."""

    def __init__(self, proto: Any) -> None:
        self.status = 200
        self.on_leave: Callable[[], None] | None = None
        self._proto = proto
        self._transport: Any = None
        self._presence = Presence(proto.client_disconnect(), self._leave)

    @property
    def left(self) -> bool:
        return self._presence.left

    def send(self, item: Any) -> None:
        self._send(b"data: " + encode(item) + b"\n\n")

    def fail(self, status: int, body: bytes) -> None:
        if self._transport is None:
            self.status = status
            self._proto.response_bytes(status, _JSON, body)
        else:
            self._send(b"event: error\ndata: " + body + b"\n\n")

    def end(self) -> None:
        """The stream ends when nobody holds its transport any more."""
        if self._transport is None and self.status == 200 and not self.left:
            self._proto.response_stream(200, HEADERS)
        self._transport = None
        self.on_leave = None
        self._presence.forget()

    def _send(self, chunk: bytes) -> None:
        if self._transport is None:
            self._transport = self._proto.response_stream(200, HEADERS)
        if not self.left:
            self._transport.send_bytes(chunk)

    def _leave(self) -> None:
        if self.on_leave is not None:
            self.on_leave()


class Stream:
    """A synchronous generator. `step` takes one item, and has itself called again by `put`: a worker's queue."""

    def __init__(
        self,
        items: Items,
        caller: Caller,
        put: Callable[[Callable[[], None]], None],
        failed: Failed,
        ended: Ended,
    ) -> None:
        self._items = items if isinstance(items, Generator) else _refusing()
        self._caller = caller
        self._put = put
        self._failed = failed
        self._ended = ended

    def step(self) -> None:
        """Never raises."""
        try:
            if self._caller.left:
                self._items.close()
            else:
                self._caller.send(next(self._items))
                self._put(self.step)
                return
        except StopIteration:
            pass
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the server
            self._caller.fail(*self._failed(error))
            with suppress(BaseException):
                self._items.close()
        self._caller.end()
        self._ended(self._caller.status)


def _refusing() -> Generator[Any, Any, Any]:
    return (_refuse() for _ in (None,))


def _refuse() -> NoReturn:
    raise TypeError(
        "an asynchronous generator needs a step that is one: `async def _inference(self, data): yield …`"
    )


async def stream(items: Items, caller: Caller, failed: Failed, ended: Ended) -> None:
    """The same on the event loop of a model whose steps are coroutines. Never raises."""
    import asyncio  # scripts without coroutines start without it

    _cancel_when_left(caller)
    try:
        if isinstance(items, AsyncGenerator):
            async for item in items:
                caller.send(item)
        else:
            for item in items:
                caller.send(item)
                await asyncio.sleep(0)
    except asyncio.CancelledError:  # the caller has left
        pass
    except Exception as error:  # noqa: BLE001 - the one place where the model's errors end
        caller.fail(*failed(error))
    finally:
        with suppress(Exception):
            await _close(items)
        caller.end()
        ended(caller.status)


def _cancel_when_left(caller: Caller) -> None:
    import asyncio

    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()

    def cancel() -> None:
        loop.call_soon_threadsafe(task.cancel)

    caller.on_leave = cancel
    if caller.left:
        cancel()


async def _close(items: Items) -> None:
    if isinstance(items, AsyncGenerator):
        await items.aclose()
    else:
        items.close()
