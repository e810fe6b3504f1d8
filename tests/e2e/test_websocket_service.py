"""A script's WebSocket through a whole server: the API, Envoy, an instance; and what an update does to it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from modelyard.client import Client, Service, Variant

pytestmark = pytest.mark.e2e
EXAMPLES = Path(__file__).parents[2] / "examples"


stage = pytest.fixture(server.stage, scope="module")


yard = pytest.fixture(server.yard, scope="module")


def model(stage: Stage, yard: Client, name: str, version: str) -> str:
    return server.published(stage, yard, name, EXAMPLES / name, version)


@pytest.fixture(scope="module")
def service(stage: Stage, yard: Client) -> Service:
    chat = Variant(
        model_id=model(stage, yard, "chat", "1.0.0"),
        more={"additional_properties": {"termination_grace_period_seconds": 1}},
    )
    settings = {"websocket_upgrade": True, "request_limit": {"timeout_seconds": 2}}
    return yard.services.wait(yard.services.create("chat", [chat], additional_properties=settings))


@contextmanager
def connected(yard: Client, service: Service, **headers: str) -> Iterator[ClientConnection]:
    address = service.access_address.replace("http", "ws", 1)
    headers = headers or {"X-Auth-Token": yard.session.token()}
    with connect(address, additional_headers=headers, proxy=None, close_timeout=20) as connection:
        yield connection


def said(connection: ClientConnection, text: str) -> list[Any]:
    connection.send(text)
    found = [json.loads(connection.recv(timeout=20))]
    while "end" not in found[-1]:
        found.append(json.loads(connection.recv(timeout=20)))
    return found


def test_a_conversation_and_requests_beside_it(yard: Client, service: Service) -> None:
    with connected(yard, service) as connection:
        first = [{"turn": 1, "word": "Hello"}, {"turn": 1, "word": "World"}, {"turn": 1, "end": True}]
        assert said(connection, "hello world") == first
        assert yard.predict(service, {"text": "a b"}) == {"text": "A B"}
        assert said(connection, "") == [{"turn": 2, "end": True}]


def test_only_who_may_call_may_connect(yard: Client, service: Service) -> None:
    with pytest.raises(InvalidStatus) as refused, connected(yard, service, **{"X-Auth-Token": "nobody"}):
        pass
    assert refused.value.response.status_code == 401


def test_a_message_that_is_too_long(yard: Client, service: Service) -> None:
    with connected(yard, service) as connection:
        connection.send("x" * 65_537)
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


def test_an_update_tells_who_is_connected_and_serves_who_connects_again(
    stage: Stage, yard: Client, service: Service
) -> None:
    second = Variant(model_id=model(stage, yard, "chat", "2.0.0"))
    with connected(yard, service) as connection:
        assert said(connection, "before")[0] == {"turn": 1, "word": "Before"}
        yard.services.put(service.service_id, config=[second.request()])
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv(timeout=60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1001
    with connected(yard, service) as connection:
        assert said(connection, "after")[0] == {"turn": 1, "word": "After"}
    until(lambda: yard.services.get(service.service_id).status == "running", 30, "the update to end")


def test_a_model_without_a_hook_refuses_the_handshake(stage: Stage, yard: Client) -> None:
    echo = Variant(model_id=model(stage, yard, "echo", "1.0.0"))
    silent = yard.services.wait(
        yard.services.create("silent", [echo], additional_properties={"websocket_upgrade": True})
    )
    with pytest.raises(InvalidStatus) as refused, connected(yard, silent):
        pass
    assert refused.value.response.status_code == 400
    assert yard.predict(silent, {"a": 1}) == {"a": 1}
