"""Scripts that serve a WebSocket, asked by a client that others wrote."""

import json
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.model_server import Connection, Instance, Start, package
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, unix_connect
from websockets.typing import Subprotocol

pytestmark = pytest.mark.e2e

TALK = """
    import asyncio, threading
    class Talk(SingleNodeService):
        def __init__(self, model_name, model_path):
            self.made = threading.get_ident()
        def _inference(self, data):
            return {"here": self.made == threading.get_ident()}
        async def _websocket(self, connection):
            assert self.made == threading.get_ident()
            async for message in connection:
                if message == "about":
                    await connection.send({"path": connection.path, "query": connection.query,
                                           "names": sorted(connection.headers), "sub": connection.subprotocol})
                elif message == "fail":
                    raise KeyError("secret")
                elif message == "refuse":
                    import model_service
                    raise model_service.BadRequest("no such thing")
                elif message == "end":
                    return
                elif message == "close":
                    await connection.close(4000, "enough")
                elif message == "large":
                    await connection.send(b"x" * 3_000_000)
                else:
                    await connection.send(message)
            print("after the end", flush=True)
"""
HEAR = """
    import threading
    class Hear(SingleNodeService):
        def __init__(self, model_name, model_path):
            self.made = threading.get_ident()
        def _inference(self, data):
            return {"here": self.made == threading.get_ident()}
        def _websocket_message(self, connection, message):
            assert self.made == threading.get_ident()
            if message == "about":
                return {"path": connection.path, "query": connection.query,
                        "names": sorted(connection.headers), "sub": connection.subprotocol}
            if message == "fail":
                raise KeyError("secret")
            if message == "refuse":
                import model_service
                raise model_service.BadRequest("no such thing")
            if message == "end":
                connection.close()
                return None
            if message == "close":
                connection.close(4000, "enough")
                return None
            if message == "large":
                return b"x" * 3_000_000
            if message == "nothing":
                return None
            if message == "count":
                connection.state.count = getattr(connection.state, "count", 0) + 1
                return {"count": connection.state.count}
            if message == "stream":
                return (f"item {n}" for n in range(3))
            return message
"""
SCRIPTS = {"conversation": TALK, "messages": HEAR}


@contextmanager
def connected(instance: Instance, path: str = "/", **more: Any) -> Iterator[ClientConnection]:
    more.setdefault("max_size", None)
    with unix_connect(str(instance.path), f"ws://localhost{path}", close_timeout=20, **more) as connection:
        yield connection


@pytest.fixture(params=SCRIPTS)
def instance(start: Start, tmp_path: Path, request: pytest.FixtureRequest) -> Instance:
    websocket = {"max_message_bytes": 4_000_000, "max_connections": 2, "subprotocols": ["chat.v2", "chat.v1"]}
    started = start(package(tmp_path / "p", SCRIPTS[request.param], websocket=websocket))
    started.until_ready()
    return started


def test_text_and_bytes_go_both_ways(instance: Instance) -> None:
    with connected(instance) as connection:
        for message in ("hello", "ünïcödé 🎈", b"\x00\xff", "", b"", "y" * 1_000_000, b"z" * 1_000_000):
            connection.send(message)
            assert connection.recv(timeout=20) == message
        connection.send("large")
        assert connection.recv(timeout=20) == b"x" * 3_000_000
        connection.ping().wait(20)


def test_many_messages_keep_their_order(instance: Instance) -> None:
    with connected(instance) as connection:
        for n in range(200):
            connection.send(f"{n}")
        assert [connection.recv(timeout=20) for _ in range(200)] == [f"{n}" for n in range(200)]


def test_what_the_script_sees_of_it(instance: Instance) -> None:
    secret = {"X-Auth-Token": "t", "Authorization": "a", "X-Apig-AppCode": "c", "Cookie": "k", "X-Mine": "m"}
    offered = [Subprotocol("chat.v1"), Subprotocol("other")]
    with connected(instance, "/?room=a%20b&n=1", additional_headers=secret, subprotocols=offered) as connection:
        assert connection.subprotocol == "chat.v1"
        connection.send("about")
        about = json.loads(connection.recv(timeout=20))
        assert (about["path"], about["query"], about["sub"]) == ("/", {"room": "a b", "n": "1"}, "chat.v1")
        assert "x-mine" in about["names"]
        assert not {name.lower() for name in secret} - {"x-mine"} & set(about["names"])


@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ("end", 1000, ""),
        ("close", 4000, "enough"),
        ("fail", 1011, "The model failed. Its log says why: reference "),
        ("refuse", 1008, "no such thing"),
        ("x" * 4_000_001, 1009, "a message may have 4000000 bytes"),
        ("ü" * 2_000_001, 1009, "a message may have 4000000 bytes"),
    ],
    ids=["end", "close", "fail", "refuse", "long", "long in bytes"],
)
def test_how_it_ends(instance: Instance, message: str, code: int, reason: str) -> None:
    with connected(instance) as connection:
        connection.send(message)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code
    assert closed.value.rcvd.reason.startswith(reason)
    assert "secret" not in closed.value.rcvd.reason
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")
    assert instance.request("POST", "/", {})[:2] == (200, {"here": True}), "requests are answered as before"


def test_it_counts_as_in_flight_until_the_caller_leaves(instance: Instance) -> None:
    with connected(instance) as connection:
        connection.send("hello")
        assert connection.recv(timeout=20) == "hello"
        assert instance.health()[2]["x-in-flight"] == "1"
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")
    with closing(Connection(instance.path)) as plain:  # one that leaves without a word
        plain.request("GET", "/", headers=offer())
        assert plain.getresponse().status == 101
        assert instance.health()[2]["x-in-flight"] == "1"
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")


def offer() -> dict[str, str]:
    return {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }


def test_a_header_that_cannot_be_read_is_refused_as_without_websockets(instance: Instance) -> None:
    status, body, _ = instance.request("POST", "/", b"1", **{"Content-Type": 'image/png; name="\xe9.png"'})
    assert (status, "Content-Type must be ASCII" in body["error_msg"]) == (400, True), body


def test_one_more_than_the_bound_is_refused_with_the_reason(instance: Instance) -> None:
    with connected(instance), connected(instance):
        status, body, headers = instance.request("GET", "/", **offer())
        assert (status, body["error_code"], headers["retry-after"]) == (503, "ModelArts.4302", "1")
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")
    with connected(instance) as connection:
        connection.send("again")
        assert connection.recv(timeout=20) == "again"


def test_what_is_not_there_is_refused_with_the_reason(instance: Instance) -> None:
    status, body, _ = instance.request("GET", "/elsewhere", **offer())
    assert (status, body["error_msg"]) == (404, "API /elsewhere does not exist.")


def test_when_the_instance_stops_all_are_told(instance: Instance) -> None:
    with connected(instance) as one, connected(instance) as other:
        for connection in (one, other):
            connection.send("hello")
            assert connection.recv(timeout=20) == "hello"
        instance.process.send_signal(signal.SIGTERM)
        for connection in (one, other):
            with pytest.raises(ConnectionClosed) as closed:
                connection.recv(timeout=20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1001
    status, log = instance.end()
    assert status == 0
    assert "Traceback" not in log


def test_messages_and_requests_take_turns(start: Start, tmp_path: Path) -> None:
    instance = start(package(tmp_path / "p", HEAR))
    instance.until_ready()
    with connected(instance) as connection:
        connection.send("stream")
        assert [connection.recv(timeout=20) for _ in range(3)] == ["item 0", "item 1", "item 2"]
        connection.send("nothing")
        for n in range(2):
            connection.send("count")
            assert json.loads(connection.recv(timeout=20)) == {"count": n + 1}
            assert instance.request("POST", "/", {})[0] == 200


def test_a_conversation_goes_on_to_its_next_word(start: Start, tmp_path: Path) -> None:
    instance = start(package(tmp_path / "p", TALK))
    instance.until_ready()
    with connected(instance) as connection:
        connection.send("hello")
        assert connection.recv(timeout=20) == "hello"
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")
    instance.process.terminate()
    assert "after the end" in instance.end()[1]


def test_one_that_never_speaks_again_is_cancelled(start: Start, tmp_path: Path) -> None:
    script = """
    import asyncio
    class Talk(SingleNodeService):
        async def _websocket(self, connection):
            try:
                await asyncio.Event().wait()
            finally:
                print("cancelled", flush=True)
    """
    instance = start(package(tmp_path / "p", script), MODELYARD_REQUEST_TIMEOUT_S="1")
    instance.until_ready()
    with connected(instance):
        pass
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")
    instance.process.terminate()
    assert "cancelled" in instance.end()[1]


def test_silence_ends_it(start: Start, tmp_path: Path) -> None:
    instance = start(package(tmp_path / "p", TALK, websocket={"idle_seconds": 1}))
    instance.until_ready()
    with connected(instance) as connection, pytest.raises(ConnectionClosed) as closed:
        connection.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (1000, "nothing was said for too long")


def test_streams_and_forms_of_such_a_model_are_as_others(start: Start, tmp_path: Path) -> None:
    script = """
    class Both(SingleNodeService):
        def _inference(self, data):
            if "items" in data:
                return ({"n": n, "x": "y" * 10_000} for n in range(data["items"]))
            return data
        def _websocket_message(self, connection, message):
            return message
    """
    instance = start(package(tmp_path / "p", script))
    instance.until_ready()
    large = {"x": "y" * 3_000_000}
    assert instance.request("POST", "/", large)[:2] == (200, large)
    assert instance.request("GET", "/nowhere")[0] == 404
    assert instance.request("GET", "/v2/health/ready")[0] == 200
    with closing(Connection(instance.path)) as connection:
        connection.request("POST", "/", b'{"items": 300}')
        said = connection.getresponse().read().decode().split("\n\n")
    assert [json.loads(each.removeprefix("data: "))["n"] for each in said[:-1]] == list(range(300))
    with closing(Connection(instance.path)) as leaver:
        leaver.request("POST", "/", b'{"items": 100000000}')
        with leaver.getresponse() as answer:
            answer.read(20)
    instance.until(lambda: instance.health()[2]["x-in-flight"] == "0")


def test_a_model_without_one_says_so(start: Start, tmp_path: Path) -> None:
    instance = start(package(tmp_path / "p", "class S(SingleNodeService): pass"))
    instance.until_ready()
    with pytest.raises(InvalidStatus) as refused, connected(instance):
        pass
    assert refused.value.response.status_code == 400
    assert b"does not serve WebSockets" in (refused.value.response.body or b"")


def test_while_it_loads_it_is_refused(start: Start, tmp_path: Path, gate: Path) -> None:
    script = "open(os.environ['GATE']).read()\n" + HEAR.replace("\n    ", "\n")
    instance = start(package(tmp_path / "p", script), GATE=str(gate))
    instance.until(lambda: instance.health()[0] == 503)
    assert instance.request("GET", "/", **offer())[0] in (400, 503)
    gate.write_text("go")
    instance.until_ready()
    with connected(instance) as connection:
        connection.send("hello")
        assert connection.recv(timeout=20) == "hello"
