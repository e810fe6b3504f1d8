"""Generators as server-sent events: each item is `data: {json}`, sent as soon as it is there.

A script streams by returning a generator, or by a step that is one. It runs where predictions run, one item at a
time: between two items other predictions have their turn. It counts as in flight until its end. When the caller
leaves, the generator is closed before its next item; a failure after the first item is an event named `error`.

    data: {"token": "Hel"}          event: error
                                    data: {"error_code": "ModelArts.4204", "error_msg": "…reference 3f…"}
    data: {"token": "lo"}
"""

import inspect
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any

from modelyard_runtime.codec import encode

HEADERS = [("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]

Failed = Callable[[BaseException], bytes]  # writes the trace to the log, returns the body of an error


def event(item: Any) -> bytes:
    return b"data: " + encode(item) + b"\n\n"


class Caller:
    """The receiving end of a stream, on Granian's protocol object. Opens with the first item."""

    def __init__(self, proto: Any) -> None:
        self.left = False
        self._proto = proto
        self._transport: Any = None
        gone = proto.client_disconnect()
        if hasattr(gone, "add_done_callback"):
            gone.add_done_callback(self._leave)
        else:  # known already
            self.left = True

    def _leave(self, _future: Any) -> None:
        self.left = True

    def send(self, chunk: bytes) -> None:
        if self._transport is None:
            self._transport = self._proto.response_stream(200, HEADERS)
        if not self.left:
            self._transport.send_bytes(chunk)

    def fail(self, body: bytes) -> None:
        """Before the first item it is an answer like any other."""
        if self._transport is None:
            self._proto.response_bytes(500, [("content-type", "application/json")], body)
        else:
            self.send(b"event: error\ndata: " + body + b"\n\n")

    def end(self) -> None:
        """The stream ends when nobody holds its transport any more."""
        if self._transport is None and not self.left:
            self._transport = self._proto.response_stream(200, HEADERS)
        self._transport = None


class Stream:
    """A synchronous generator: `step` takes one item and has itself called again by `put`, a worker's queue."""

    def __init__(
        self,
        items: Generator[Any, Any, Any],
        caller: Caller,
        put: Callable[[Callable[[], None]], None],
        failed: Failed,
        ended: Callable[[], None],
    ) -> None:
        self._items = items
        self._caller = caller
        self._put = put
        self._failed = failed
        self._ended = ended

    def step(self) -> None:
        """Never raises."""
        try:
            if self._caller.left:
                self._items.close()
                self._finish()
                return
            self._caller.send(event(next(self._items)))
        except StopIteration:
            self._finish()
        except BaseException as error:  # noqa: BLE001 - sys.exit() in a script must not end the server
            self._caller.fail(self._failed(error))
            with suppress(BaseException):
                self._items.close()
            self._finish()
        else:
            self._put(self.step)

    def _finish(self) -> None:
        self._caller.end()
        self._ended()


async def stream_async(
    items: AsyncGenerator[Any, Any] | Generator[Any, Any, Any],
    caller: Caller,
    failed: Failed,
    ended: Callable[[], None],
) -> None:
    """The same on the event loop of a model whose steps are coroutines. Never raises."""
    try:
        if inspect.isasyncgen(items):
            async for item in items:
                if caller.left:
                    break
                caller.send(event(item))
            await items.aclose()
        else:
            assert inspect.isgenerator(items)
            for item in items:
                if caller.left:
                    break
                caller.send(event(item))
            items.close()
    except Exception as error:  # noqa: BLE001 - the one place where the model's errors end
        caller.fail(failed(error))
    finally:
        caller.end()
        ended()
