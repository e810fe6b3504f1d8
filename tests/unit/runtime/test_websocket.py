"""How a script says that it serves a WebSocket, what bounds it, and how a connection comes to its end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelyard_runtime.errors import LoadError
from modelyard_runtime.http.websocket.channel import Channel
from modelyard_runtime.http.websocket.conversations import sweep
from modelyard_runtime.loading.declared import wrong
from modelyard_runtime.loading.package import open_package
from modelyard_runtime.loading.websocket import bounds, websocket
from modelyard_runtime.model import Bounds


class Talks:
    async def _websocket(self, connection: Any) -> None: ...


class Hears:
    def _websocket_message(self, connection: Any, message: Any) -> Any: ...


class Neither: ...


class Both(Talks, Hears): ...


class Blocks:
    def _websocket(self, connection: Any) -> None: ...


class Awaits:
    async def _websocket_message(self, connection: Any, message: Any) -> Any: ...


class Yields:
    async def _websocket_message(self, connection: Any, message: Any) -> Any:
        yield message


def test_one_of_two_methods_serves_it() -> None:
    talks, hears = websocket(Talks(), {}), websocket(Hears(), {})
    assert websocket(Neither(), {}) is None
    assert talks is not None
    assert hears is not None
    assert (talks.talk is None, talks.hear is None, talks.bounds) == (False, True, Bounds())
    assert (hears.talk is None, hears.hear is None) == (True, False)


@pytest.mark.parametrize(
    ("service", "says"),
    [
        (Both, "Both has both _websocket and _websocket_message: one is expected"),
        (Blocks, "Blocks._websocket must be `async def`"),
        (Awaits, "Awaits._websocket_message must not be `async def`"),
        (Yields, "Yields._websocket_message must not be `async def`"),
    ],
)
def test_what_cannot_be_served_says_what_to_write(service: Callable[[], Any], says: str) -> None:
    with pytest.raises(LoadError) as refused:
        websocket(service(), {})
    assert str(refused.value).startswith(says)


def test_bounds_are_what_config_says() -> None:
    assert bounds(None) == bounds({}) == Bounds(1_048_576, 1000, 3600, ())
    said = {"max_message_bytes": 10, "max_connections": 2, "idle_seconds": 5, "subprotocols": ["a"]}
    assert bounds(said) == Bounds(10, 2, 5, ("a",))


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (True, "must be an object"),
        ({"max_size": 1}, "does not know max_size"),
        ({"max_message_bytes": 0}, "max_message_bytes must be an integer from 1 to 16777216, not 0"),
        ({"max_message_bytes": 16_777_217}, "max_message_bytes must be"),
        ({"max_connections": True}, "max_connections must be"),
        ({"max_connections": "10"}, "max_connections must be"),
        ({"idle_seconds": 0.5}, "idle_seconds must be"),
        ({"subprotocols": "chat"}, "subprotocols must be a list of names"),
        ({"subprotocols": [1]}, "subprotocols must be a list of names"),
    ],
)
def test_wrong_bounds_are_named_at_once_and_by_check(tmp_path: Path, value: Any, says: str) -> None:
    with pytest.raises(LoadError, match=r"config\.json: websocket"):
        bounds(value)
    (tmp_path / "config.json").write_text(json.dumps({"websocket": value}))
    found = dict(wrong(open_package(tmp_path)))
    assert says in found["websocket"]


class Future:
    """Done when the test says so."""

    def __init__(self) -> None:
        self.callbacks: list[Callable[[Any], None]] = []
        self.cancelled = False

    def add_done_callback(self, callback: Callable[[Any], None]) -> None:
        self.callbacks.append(callback)

    def cancel(self) -> None:
        self.cancelled = True

    def result(self) -> Any:
        return None


class Native:
    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], Future]] = []
        self.asked: list[Future] = []

    def receive(self) -> Future:
        self.asked.append(Future())
        return self.asked[-1]

    def send(self, message: dict[str, Any]) -> Future:
        self.sent.append((message, Future()))
        return self.sent[-1][1]


class Watcher:
    def __init__(self) -> None:
        self.proto = Native()
        self.ends = 0

    def done(self) -> None:
        self.ends += 1


class World:
    """A channel, and what its script would hear; also what `sweep` takes."""

    def __init__(self) -> None:
        self.watcher = Watcher()
        self.native = self.watcher.proto
        self.channel = Channel(self.watcher, 10)
        self.channel.hearer = self
        self.heard: list[Any] = []

    def begin(self) -> None: ...

    def came(self, message: Any) -> None:
        self.heard.append(message)

    def ended(self, code: int) -> None:
        self.heard.append(code)


def test_closing_lets_go_of_what_it_waits_for_and_ends_once() -> None:
    world = World()
    world.channel.ask()
    world.channel.close(1001, "é" * 100)
    world.channel.close(1011)
    assert world.native.asked[0].cancelled
    (message, future), *more = world.native.sent
    assert not more
    assert (message["code"], message["reason"]) == (1001, "é" * 61), "at most 123 bytes"
    assert not world.heard
    for callback in future.callbacks:
        callback(future)
    assert (world.heard, world.watcher.ends) == ([1001], 1)
    left: list[bool] = []
    world.channel.send("late", left.append)
    world.channel.ask()
    assert (left, len(world.native.asked)) == ([False], 1)


def test_who_takes_nothing_any_more_is_broken_off() -> None:
    world = World()
    world.channel.send("stuck", lambda _left: None)
    now_s = world.channel.touched_s
    sweep((world,), now_s + 10, 20)
    assert world.channel.code is None
    sweep((world,), now_s + 21, 20)
    assert world.channel.code == 1000
    sweep((world,), now_s + 1, 20)
    assert not world.heard, "it has a moment to leave"
    sweep((world,), now_s + 3600, 20)
    assert (world.heard, world.watcher.ends) == ([1000], 1)
    assert all(future.cancelled for _, future in world.native.sent)
