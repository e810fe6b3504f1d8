"""A real SMN in place of topics of one's own: another Modelyard, which checks the signatures as SMN does."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.worlds.api import SECOND
from tests.worlds.receiver import Receiver, receiving
from tests.worlds.subscribing import TOPICS, Subscribing, quoted, subscribing

from modelyard.notify.remote import PROTOCOL, RemoteChannel, RemoteSmn

REMOTE_TOPIC = "urn:smn:local:p1:ops"


class Pair:
    """`here` publishes to topics of `there`. `sent`: bodies of its requests."""

    def __init__(self, here: Subscribing, there: Subscribing, sent: list[bytes]) -> None:
        self.here, self.there, self.sent = here, there, sent


class Recorded(httpx.ASGITransport):
    """`sent`: the bodies."""

    def __init__(self, app: Any) -> None:
        super().__init__(app)
        self.sent: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request.content)
        return await super().handle_async_request(request)


async def access_key(world: Subscribing) -> tuple[str, str]:
    async with world.api.store.write() as w:
        await w.save_access_key("AK", "u-member", "p1", "SK")
    return "AK", "SK"


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with subscribing(tmp_path / "there") as there:
        await there.topic("ops")
        remote = RemoteSmn("http://smn.example", *await access_key(there), "p1", "local")
        async with subscribing(tmp_path / "here", remote=remote) as here:
            transport = Recorded(there.api.app)
            channel = RemoteChannel(remote, here.api.clock, transport)
            here.sender._channels = {**here.parts.channels, PROTOCOL: channel}  # type: ignore[attr-defined]
            yield Pair(here, there, transport.sent)
            await channel.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def publish(world: Subscribing, urn: str, project: str = "p2", **body: object) -> httpx.Response:
    path = f"/v2/{project}/notifications/topics/{quoted(urn)}/publish"
    return await world.call("POST", path, body, user="other", project=SECOND)


async def test_what_is_published_goes_there(pair: Pair, receiver: Receiver) -> None:
    made = await pair.there.subscribe(REMOTE_TOPIC, "http", f"http://127.0.0.1:{receiver.port}/")
    await pair.there.run()
    await pair.there.visit(json.loads(receiver.received.pop().body)["subscribe_url"])
    answered = await publish(pair.here, REMOTE_TOPIC, subject="Größe", message="it is down", time_to_live="600")
    assert answered.status_code == 200, answered.text
    await pair.here.run()
    await pair.there.run()
    message = json.loads(receiver.received.pop().body)
    assert (message["subject"], message["message"]) == ("Größe", "it is down")
    assert made.status_code == 201
    shown = await pair.here.call("GET", "/v1/p2/notifications/deliveries", user="other", project=SECOND)
    (one,) = shown.json()["deliveries"]
    assert (one["state"], one["protocol"], one["topic_urn"]) == ("delivered", "smn", REMOTE_TOPIC)


async def test_texts_by_protocol_go_there_all_of_them(pair: Pair) -> None:
    """Also those of protocols that only SMN has; of those that it has not, nothing."""
    texts = {"default": "d", "email": "e", "sms": "s", "dingding": "g", "apprise": "a", "nothing": "n"}
    answered = await publish(pair.here, REMOTE_TOPIC, message_structure=json.dumps(texts))
    assert answered.status_code == 200, answered.text
    ignored = answered.headers["X-Modelyard-Ignored"]
    assert ignored == "message_structure.apprise, message_structure.nothing"
    await pair.here.run()
    arrived = json.loads(json.loads(pair.sent.pop())["message_structure"])
    assert arrived == {"default": "d", "email": "e", "sms": "s", "dingding": "g"}


async def test_a_service_may_name_it(pair: Pair) -> None:
    service_id = await pair.here.api.service()
    path = f"/v1/p1/services/{service_id}"
    for urn, status in (("urn:smn:local:p1:nowhere!", 400), ("urn:smn:other:p1:ops", 400), (REMOTE_TOPIC, 200)):
        told = {"additional_properties": {"smn_notification": {"topic_urn": urn, "events": [1]}}}
        answered = await pair.here.call("PUT", path, told)
        assert answered.status_code == status, answered.text
        dry = await pair.here.call("PUT", f"{path}?dry_run=true", told)
        assert dry.status_code == status, dry.text


async def test_it_is_no_topic_of_any_project(pair: Pair) -> None:
    await publish(pair.here, REMOTE_TOPIC, message="x")
    for project in ("p1", "p2"):
        page = await pair.here.call(
            "GET",
            f"/v2/{project}/notifications/topics",
            **({} if project == "p1" else {"user": "other", "project": SECOND}),
        )
        assert page.json()["topics"] == []
    urn = quoted(REMOTE_TOPIC)
    assert (await pair.here.call("DELETE", f"{TOPICS}/{urn}")).status_code == 404
    assert (await pair.here.subscribe(REMOTE_TOPIC, "http", "http://127.0.0.1:1/")).status_code == 404


@pytest.mark.parametrize("urn", ["urn:smn:other:p1:ops", "urn:smn:local:p9:ops", "urn:smn:local:p1:a/../b", "x"])
async def test_topics_of_neither_are_unknown(pair: Pair, urn: str) -> None:
    assert (await publish(pair.here, urn, message="x")).status_code == 404


async def test_a_topic_that_is_gone_there_is_a_cause_that_one_reads(pair: Pair) -> None:
    await pair.there.call("DELETE", f"{TOPICS}/{quoted(REMOTE_TOPIC)}")
    await publish(pair.here, REMOTE_TOPIC, message="x")
    await pair.here.run()
    shown = await pair.here.call("GET", "/v1/p2/notifications/deliveries", user="other", project=SECOND)
    (one,) = shown.json()["deliveries"]
    assert one["state"] == "waiting"
    assert "smn.example answers 404" in one["error"]
