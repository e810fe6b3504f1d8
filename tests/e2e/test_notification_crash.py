"""Notifications of a whole server, whose control plane is killed between a change and the answer of a receiver."""

import asyncio
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from examples.demo.stage import Stage, kill, until
from tests.worlds import server

from modelyard.client import Client, Variant
from modelyard.domain.notifications import DeliveryState, Subscription, SubscriptionStatus, Topic
from modelyard.store.notifications import DeliveryQuery, Window
from modelyard.store.sql import SqlStore

pytestmark = pytest.mark.e2e


class Hooks(ThreadingHTTPServer):
    """Keeps what comes. While `held`, whoever sends is left without an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, str]] = []
        self.held = threading.Event()
        self.open = threading.Event()
        self.open.set()

    @property
    def subjects(self) -> list[str]:
        """Of each message once, in the order in which they came."""
        return list(dict(self.got).values())


class _Handler(BaseHTTPRequestHandler):
    server: Hooks

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.got.append((self.headers["x-smn-message-id"], body["subject"]))
        if not self.server.open.is_set():
            self.server.held.set()
            self.server.open.wait(60)
        try:
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()
        except OSError:  # it died meanwhile
            pass

    def log_message(self, *_: object) -> None: ...


@contextmanager
def hooks() -> Iterator[Hooks]:
    with Hooks() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.open.set()
            receiver.shutdown()
            thread.join()


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("MODELYARD_NOTIFY_ALLOW", "127.0.0.0/8")
    yield from server.stage()


yard = pytest.fixture(server.yard)


def subscribed(stage: Stage, project_id: str, url: str) -> str:
    """A topic with one subscription that is confirmed; its URN."""
    topic = Topic(project_id, f"urn:smn:local:{project_id}:t", "t")
    one = Subscription(f"{topic.urn}:s", topic.urn, project_id, "http", url, SubscriptionStatus.CONFIRMED)

    async def add() -> None:
        store = SqlStore(stage.data_dir / "modelyard.db")
        await store.open()
        async with store.write() as w:
            await w.add_topic(topic)
            await w.add_subscription(one)
        await store.close()

    asyncio.run(add())
    return topic.urn


def waiting(stage: Stage) -> list[Any]:
    async def look() -> list[Any]:
        store = SqlStore(stage.data_dir / "modelyard.db")
        await store.open()
        async with store.read() as r:
            _, found = await r.deliveries(DeliveryQuery(state=DeliveryState.WAITING), Window())
        await store.close()
        return [*found]

    return asyncio.run(look())


def test_a_control_plane_that_is_killed_before_a_receiver_answered_loses_and_disorders_nothing(
    stage: Stage, yard: Client
) -> None:
    project_id = json.loads((stage.data_dir / "credentials.json").read_text())["project_id"]
    with hooks() as receiver:
        urn = subscribed(stage, project_id, f"http://127.0.0.1:{receiver.server_port}/hook")
        told = {"smn_notification": {"topic_urn": urn, "events": [1, 3, 7, 11]}}
        model_id = server.published(stage, yard, "m", server.ECHO)
        receiver.open.clear()
        service_id = yard.services.create("echo", [Variant(model_id=model_id)], additional_properties=told)
        assert receiver.held.wait(60), "the first message is in flight, and nobody answered"
        stage.end_control_plane(signal.SIGKILL)

        assert receiver.subjects == ["echo is running"]
        [dispatch] = waiting(stage)
        assert (dispatch.message.service_id, dispatch.delivery.attempts) == (service_id, 0)
        for pid in stage.instances().values():
            kill(pid)
        receiver.open.set()
        stage.up()

        until(lambda: len(receiver.subjects) >= 3, 60, "what the service became meanwhile")
        until(lambda: not waiting(stage), 60, "everything to be delivered")
        assert receiver.subjects == ["echo is running", "echo is concerning", "echo is running"]
        first = receiver.got[0][0]
        assert [message_id for message_id, _ in receiver.got].count(first) == 2, "what was in flight came again"
        assert len(receiver.got) == 4
