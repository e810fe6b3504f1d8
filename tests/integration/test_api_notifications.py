"""Topics, subscriptions and messages over HTTP, with real receivers on this machine."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qs, urlsplit

import pytest
from examples.notifications.receiver import check_certificate, check_webhook, content
from tests.worlds.api import SECOND
from tests.worlds.receiver import Received, Receiver, answer, receiving
from tests.worlds.subscribing import BASE, TOPICS, Subscribing, quoted, subscribing

from modelyard.domain.audit import AuditQuery
from modelyard.notify.certificates import RENEW, VALID
from modelyard.operations import topics
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql.audit import AuditWriting

HOURS = 3600 * 1000
SUBSCRIPTIONS = "/v2/p1/notifications/subscriptions"
DELIVERIES = "/v1/p1/notifications/deliveries"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Subscribing]:
    async with subscribing(tmp_path) as made:
        yield made


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


def hook(receiver: Receiver, path: str = "/hook") -> str:
    return f"http://127.0.0.1:{receiver.port}{path}"


async def checked(world: Subscribing, got: Received, secret: str) -> dict[str, Any]:
    """The message, both of whose signatures fit, with the certificate that its address serves to everybody."""
    message = content(got.headers, got.body)
    pem = await world.visit(message["signing_cert_url"])
    assert pem.status_code == 200, pem.text
    check_certificate(message, lambda _url: pem.content, BASE + "/smn/")
    check_webhook(got.headers, got.body, secret, world.api.now / 1000)
    return message


async def confirmed(world: Subscribing, receiver: Receiver, topic: str, **more: Any) -> tuple[str, str]:
    """(URN of a confirmed subscription of that receiver, its secret)"""
    made = (await world.subscribe(topic, "http", hook(receiver), **more)).json()
    await world.run()
    message = await checked(world, receiver.received.pop(), made["secret"])
    assert (await world.visit(message["subscribe_url"])).status_code == 200
    assert await world.status(made["subscription_urn"]) == 1
    return made["subscription_urn"], made["secret"]


# Topics.


async def test_a_topic_from_creation_to_deletion(world: Subscribing) -> None:
    body = {"name": "alerts", "display_name": "Alerts"}
    made = await world.call("POST", TOPICS, body, user="member")
    assert made.status_code == 201
    urn = made.json()["topic_urn"]
    assert urn == "urn:smn:local:p1:alerts"
    assert made.json()["request_id"] == made.headers["X-Request-Id"]
    again = await world.call("POST", TOPICS, {"name": "alerts", "display_name": "other"})
    assert (again.status_code, again.json()["topic_urn"]) == (200, urn)
    shown = (await world.call("GET", f"{TOPICS}/{quoted(urn)}", user="reader")).json()
    assert (shown["name"], shown["display_name"], shown["push_policy"]) == ("alerts", "Alerts", 0)
    assert (await world.call("PUT", f"{TOPICS}/{urn}", {"display_name": "A"})).status_code == 200
    page = (await world.call("GET", f"{TOPICS}?offset=0&limit=10")).json()
    assert (page["topic_count"], page["total_count"], page["count"]) == (1, 1, 1)
    assert page["topics"][0]["display_name"] == "A"
    assert (await world.call("DELETE", f"{TOPICS}/{quoted(urn)}")).status_code == 200
    assert (await world.call("DELETE", f"{TOPICS}/{quoted(urn)}")).status_code == 404


async def test_offset_counts_rows_as_with_smn(world: Subscribing) -> None:
    for i in range(5):
        await world.topic(f"t{i}")
    page = (await world.call("GET", f"{TOPICS}?offset=3&limit=2")).json()
    assert ([one["name"] for one in page["topics"]], page["topic_count"]) == (["t3", "t4"], 5)
    assert (await world.call("GET", f"{TOPICS}?name=t2")).json()["topic_count"] == 1
    assert (await world.call("GET", f"{TOPICS}?name=t9")).json()["topics"] == []
    assert (await world.call("GET", f"{TOPICS}?limit=101")).status_code == 400


async def test_who_may_only_read_changes_nothing(world: Subscribing) -> None:
    urn = quoted(await world.topic())
    for method, path, body in (
        ("POST", TOPICS, {"name": "x"}),
        ("PUT", f"{TOPICS}/{urn}", {"display_name": "x"}),
        ("DELETE", f"{TOPICS}/{urn}", None),
        ("POST", f"{TOPICS}/{urn}/publish", {"message": "x"}),
        ("POST", f"{TOPICS}/{urn}/subscriptions", {"protocol": "http", "endpoint": "http://127.0.0.1/"}),
        ("POST", f"{DELIVERIES}/redeliver", {}),
    ):
        refused = await world.call(method, path, body, user="reader")
        assert (refused.status_code, refused.json()["error_code"]) == (403, "ModelArts.0108"), path
    assert (await world.call("GET", TOPICS, user="invoker")).status_code == 403


async def test_another_project_finds_nothing(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    one, _ = await confirmed(world, receiver, urn)
    for method, path, body in (
        ("GET", f"/v2/p2/notifications/topics/{urn}", None),
        ("DELETE", f"/v2/p2/notifications/topics/{urn}", None),
        ("POST", f"/v2/p2/notifications/topics/{urn}/publish", {"message": "x"}),
        ("GET", f"/v2/p2/notifications/topics/{urn}/subscriptions", None),
        ("DELETE", f"/v2/p2/notifications/subscriptions/{one}", None),
        ("GET", f"/v1/p2/notifications/subscriptions/{one}/secret", None),
    ):
        assert (await world.call(method, path, body, user="other", project=SECOND)).status_code == 404, path


async def test_quotas_of_topics_and_subscriptions(world: Subscribing) -> None:
    async with world.api.store.write() as w:
        await w.save_quota("p1", "topics", 1)
        await w.save_quota("p1", "subscriptions", 1)
    urn = await world.topic()
    refused = await world.call("POST", TOPICS, {"name": "more"})
    assert refused.json()["error_code"] == "ModelArts.0118"
    assert "1 topics, at most 1 are allowed (quota topics)" in refused.json()["error_msg"]
    assert (await world.subscribe(urn, "http", "http://127.0.0.1:1/a")).status_code == 201
    refused = await world.subscribe(urn, "http", "http://127.0.0.1:1/b")
    assert "1 subscriptions, at most 1 are allowed (quota subscriptions)" in refused.json()["error_msg"]


async def test_what_waits_is_bounded_and_what_was_taken_makes_room(
    world: Subscribing, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topics, "ROOM", 1)
    async with world.api.store.write() as w:
        await w.save_quota("p1", "messages", 3)
    urn = await world.topic()
    await confirmed(world, receiver, urn)
    path = f"{TOPICS}/{urn}/publish"
    for n in range(3):  # what was sent to confirm does not count
        assert (await world.call("POST", path, {"message": str(n)})).status_code == 200
    refused = await world.call("POST", path, {"message": "one too many"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "ModelArts.0118")
    assert "at most 3 messages of the project may wait for a subscriber" in refused.json()["error_msg"]
    assert "(quota messages)" in refused.json()["error_msg"]
    await world.run()
    assert (await world.call("POST", path, {"message": "now"})).status_code == 200
    await world.run()
    got = [json.loads(one.body)["message"] for one in receiver.received]
    assert got == ["0", "1", "2", "now"]


# Subscriptions and their confirmation.


async def test_only_who_reads_there_confirms(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    made = await world.subscribe(urn, "http", hook(receiver), remark="on call")
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    one, secret = made.json()["subscription_urn"], made.json()["secret"]
    assert one.startswith(urn + ":") and secret.startswith("whsec_")
    assert await world.status(one) == 0
    await world.publish(urn, message="too early")
    await world.run()
    (got,) = receiver.received
    message = await checked(world, got, secret)
    assert (message["type"], got.headers["x-smn-message-type"]) == ("SubscriptionConfirmation",) * 2
    url = message["subscribe_url"]
    token = parse_qs(urlsplit(url).query)["token"][0]
    shown = (await world.call("GET", SUBSCRIPTIONS)).text + (await world.call("GET", DELIVERIES)).text
    assert token not in shown and secret not in shown and token[32:] not in shown
    for wrong in (token[:-1] + ("A" if token[-1] != "A" else "B"), token[:32], "", token[32:], "x" * 75):
        refused = await world.visit(f"/smn/subscription/confirm?topic_urn={urn}&token={wrong}")
        assert refused.status_code in {400, 403}, refused.text
    assert (await world.visit(url, "HEAD")).status_code == 200
    assert await world.status(one) == 0
    assert (await world.visit(url)).json()["subscription_urn"] == one
    assert await world.status(one) == 1
    assert (await world.visit(url)).status_code == 200
    assert [m.body for m in receiver.received] == [got.body]


async def test_a_browser_is_asked_first(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    made = (await world.subscribe(urn, "http", hook(receiver))).json()
    await world.run()
    url = content({}, receiver.received.pop().body)["subscribe_url"]
    page = await world.visit(url, Accept="text/html,*/*")
    assert (page.headers["content-type"], page.headers["referrer-policy"]) == (
        "text/html; charset=utf-8",
        "no-referrer",
    )
    assert 'method="post"' in page.text and await world.status(made["subscription_urn"]) == 0
    done = await world.visit(
        url, "POST", Accept="text/html", **{"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert done.status_code == 200 and "You receive notifications" in done.text
    assert await world.status(made["subscription_urn"]) == 1
    evil = await world.visit("/smn/subscription/confirm?topic_urn=<script>&token=x", Accept="text/html")
    assert "<script>" not in evil.text


async def test_after_48_hours_another_one_is_sent_on_request(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    made = (await world.subscribe(urn, "http", hook(receiver))).json()
    await world.run()
    first = content({}, receiver.received.pop().body)["subscribe_url"]
    world.api.now += 48 * HOURS
    late = await world.visit(first)
    assert late.status_code == 400 and "48 hours" in late.json()["error_msg"]
    again = await world.subscribe(urn, "http", hook(receiver))
    assert (again.status_code, again.json()["subscription_urn"]) == (200, made["subscription_urn"])
    assert "secret" not in again.json()
    await world.run()
    second = content({}, receiver.received.pop().body)["subscribe_url"]
    assert (await world.visit(first)).status_code == 403
    assert (await world.visit(second)).status_code == 200
    assert (await world.subscribe(urn, "http", hook(receiver))).status_code == 200
    await world.run()
    assert receiver.received == []


async def test_nobody_is_flooded_with_confirmations(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    assert (await world.subscribe(urn, "http", hook(receiver))).status_code == 201
    world.api.now += 20_000
    refused = await world.subscribe(urn, "http", hook(receiver))
    assert refused.status_code == 400
    assert "Another one can be asked for in 40 s." in refused.json()["error_msg"]
    await world.run()
    (first,) = receiver.received
    link = content({}, first.body)["subscribe_url"]
    world.api.now += 40_000
    assert (await world.subscribe(urn, "http", hook(receiver))).status_code == 200
    await world.run()
    assert len(receiver.received) == 2
    assert (await world.visit(link)).status_code == 403


async def test_to_delete_a_subscription_is_no_way_to_flood_anybody(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    made = (await world.subscribe(urn, "http", hook(receiver))).json()["subscription_urn"]
    assert (await world.call("DELETE", f"{SUBSCRIPTIONS}/{quoted(made)}")).status_code == 200
    assert (await world.subscribe(urn, "http", hook(receiver))).status_code == 400
    world.api.now += 60_000
    assert (await world.subscribe(urn, "http", hook(receiver))).status_code == 201


async def test_to_subscribe_again_changes_what_was_said_alone(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    await confirmed(world, receiver, urn, remark="on call", format="cloudevents")

    async def again(**said: str) -> tuple[str, str]:
        assert (await world.subscribe(urn, "http", hook(receiver), **said)).status_code == 200
        (one,) = (await world.call("GET", SUBSCRIPTIONS)).json()["subscriptions"]
        return one["remark"], one["format"]

    assert await again() == ("on call", "cloudevents")
    assert await again(remark="of the shop") == ("of the shop", "cloudevents")
    assert await again(format="smn") == ("of the shop", "smn")
    assert await again(remark="") == ("", "smn")


async def test_the_sdk_s_path_confirms_too(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    await world.subscribe(urn, "http", hook(receiver))
    await world.run()
    query = urlsplit(content({}, receiver.received.pop().body)["subscribe_url"]).query
    done = await world.visit(f"/v2/notifications/subscriptions/subscribe?{query}&endpoint=x")
    assert (done.status_code, done.headers["X-Modelyard-Ignored"]) == (200, "endpoint")


async def test_leaving_by_the_link_and_coming_back(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    one, secret = await confirmed(world, receiver, urn)
    await world.publish(urn, message="hello", subject="greeting")
    await world.run()
    message = await checked(world, receiver.received.pop(), secret)
    assert (message["message"], message["subject"], message["type"]) == ("hello", "greeting", "Notification")
    url = message["unsubscribe_url"]
    assert (await world.visit(url[:-2])).status_code == 403
    assert (await world.visit(url, "HEAD")).status_code == 200
    assert await world.status(one) == 1
    assert (await world.visit(url)).status_code == 200
    assert await world.status(one) == 3
    await world.publish(urn, message="nobody is there")
    await world.run()
    farewell = await checked(world, receiver.received.pop(), secret)
    assert (farewell["type"], receiver.received) == ("UnsubscribeConfirmation", [])
    assert (await world.visit(farewell["subscribe_url"])).status_code == 200
    assert await world.status(one) == 1


async def test_the_secret_is_for_those_who_may_change_it(world: Subscribing, receiver: Receiver) -> None:
    one, secret = await confirmed(world, receiver, await world.topic())
    path = f"/v1/p1/notifications/subscriptions/{quoted(one)}/secret"
    assert (await world.call("GET", path, user="member")).json()["secret"] == secret
    assert (await world.call("GET", path, user="reader")).status_code == 403


@pytest.mark.parametrize(
    ("protocol", "endpoint", "said"),
    [
        ("http", "http://10.1.2.3/hook", "10.1.2.3, which is private: the administrator has to allow it"),
        ("http", "http://169.254.169.254/latest", "169.254.169.254, which is link-local"),
        ("http", "http://[::1]/", "::1, which is loopback"),
        ("https", "http://127.0.0.1/", "has the scheme 'http'"),
        ("http", "http://user:secret@127.0.0.1/", "contains a user or a password"),
        ("http", "ftp://127.0.0.1/", "has the scheme 'ftp'"),
        ("http", "http://127.0.0.1/\r\nX: y", "must be one line"),
        ("http", "", "must be one line"),
        ("email", "ops@example.org", "needs a mail server, and none is set here"),
        ("sms", "+4912345", "'sms' is not supported here"),
        ("pigeon", "x", "must be one of http, https, email, apprise"),
    ],
)
async def test_what_cannot_be_subscribed(world: Subscribing, protocol: str, endpoint: str, said: str) -> None:
    urn = await world.topic()
    refused = await world.subscribe(urn, protocol, endpoint)
    assert refused.status_code == 400, refused.text
    assert said in refused.json()["error_msg"]
    assert (await world.call("GET", SUBSCRIPTIONS)).json()["subscription_count"] == 0


async def test_loopback_is_refused_unless_allowed(tmp_path: Path) -> None:
    async with subscribing(tmp_path, allowed=()) as world:
        urn = await world.topic()
        for endpoint in (
            "http://127.0.0.1:9/",
            "http://localhost:9/",
            "http://[::ffff:127.0.0.1]:9/",
            "http://2130706433:9/",
        ):
            refused = await world.subscribe(urn, "http", endpoint)
            assert (refused.status_code, "loopback" in refused.text) == (400, True), endpoint
            assert "MODELYARD_NOTIFY_ALLOW" in refused.json()["error_msg"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"remark": "é" * 65}, "remark"),
        ({"extension": {"header": {"x": "y"}}}, "extension"),
        ({"subscriptions": [{"protocol": "http"}]}, "subscriptions"),
    ],
)
async def test_fields_of_a_subscription_are_refused_by_name(
    world: Subscribing, body: dict[str, Any], field: str
) -> None:
    refused = await world.subscribe(await world.topic(), "http", "http://127.0.0.1:9/", **body)
    assert [one["field"] for one in refused.json()["details"]] == [field]


# Publishing.


async def test_every_subscription_gets_it_once_with_one_id(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    _, first = await confirmed(world, receiver, urn)
    made = (await world.subscribe(urn, "http", hook(receiver, "/two"), format="cloudevents")).json()
    await world.run()
    await world.visit(content(receiver.received[-1].headers, receiver.received.pop().body)["subscribe_url"])
    id = await world.publish(urn, message="it is down", subject="down")
    await world.run()
    plain, event = sorted(receiver.received, key=lambda got: got.line)
    message = await checked(world, plain, first)
    inner = await checked(world, event, made["secret"])
    assert message["message_id"] == inner["message_id"] == json.loads(event.body)["id"] == id
    assert event.headers["content-type"].startswith("application/cloudevents+json")
    assert plain.headers["x-smn-topic-urn"] == urn


async def test_a_structure_has_a_text_for_each_protocol(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    _, secret = await confirmed(world, receiver, urn)
    texts = json.dumps({"default": "for all", "http": "for http", "sms": "short"})
    answered = await world.call("POST", f"{TOPICS}/{urn}/publish", {"message_structure": texts, "message": "x"})
    assert (answered.status_code, answered.headers["X-Modelyard-Ignored"]) == (200, "message_structure.sms")
    await world.run()
    assert (await checked(world, receiver.received.pop(), secret))["message"] == "for http"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "message"),
        ({"message": ""}, "message"),
        ({"message": "x", "subject": "a\nBcc: b@c"}, "subject"),
        ({"message": "x", "subject": "s" * 513}, "subject"),
        ({"message": "x" * (256 * 1024 + 1)}, "message"),
        ({"message": "x", "time_to_live": "0"}, "time_to_live"),
        ({"message": "x", "time_to_live": "86401"}, "time_to_live"),
        ({"message": "x", "time_to_live": "soon"}, "time_to_live"),
        ({"message_structure": "{}"}, "message_structure.default"),
        ({"message_template_name": "t", "message": "x"}, "message_template_name"),
        ({"message_attributes": [{"name": "a"}], "message": "x"}, "message_attributes"),
    ],
)
async def test_what_cannot_be_published(world: Subscribing, body: dict[str, Any], field: str) -> None:
    refused = await world.call("POST", f"{TOPICS}/{await world.topic()}/publish", body)
    assert refused.status_code == 400
    assert [one["field"] for one in refused.json()["details"]] == [field]


async def test_what_lived_too_long_is_not_sent(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    await confirmed(world, receiver, urn)
    await world.publish(urn, message="x", time_to_live="60")
    world.api.now += 61_000
    await world.run()
    assert receiver.received == []
    (one,) = (await world.call("GET", f"{DELIVERIES}?state=dead")).json()["deliveries"]
    assert "time_to_live" in one["error"]


async def test_old_messages_can_be_checked_after_the_certificate_changed(
    world: Subscribing, receiver: Receiver
) -> None:
    urn = await world.topic()
    _, secret = await confirmed(world, receiver, urn)
    await world.publish(urn, message="before")
    await world.run()
    before = receiver.received.pop()
    old = await checked(world, before, secret)
    world.api.now += int((VALID - RENEW).total_seconds() * 1000)
    await world.publish(urn, message="after")
    await world.run()
    new = await checked(world, receiver.received.pop(), secret)
    assert old["signing_cert_url"] != new["signing_cert_url"]
    pem = (await world.visit(old["signing_cert_url"])).content
    check_certificate(old, lambda _url: pem, BASE)
    assert (await world.visit("/smn/SMN_local_" + "0" * 32 + ".pem")).status_code == 404


# Dead letters.


async def test_a_dead_letter_is_seen_and_sent_again_with_its_id(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    one, secret = await confirmed(world, receiver, urn)
    receiver.usual = answer("503 Service Unavailable")
    id = await world.publish(urn, message="lost", subject="s")
    for _ in range(400):
        await world.run()
        world.api.now += 5 * 60_000
        if (await world.call("GET", f"{DELIVERIES}?state=dead")).json()["count"]:
            break
    (dead,) = (await world.call("GET", f"{DELIVERIES}?state=dead", user="reader")).json()["deliveries"]
    assert (dead["message_id"], dead["subscription_urn"], dead["state"]) == (id, one, "dead")
    assert "503" in dead["error"] and dead["attempts"] > 4
    receiver.usual, receiver.received[:] = answer("200 OK"), []
    again = await world.call("POST", f"{DELIVERIES}/redeliver", {"message_id": id})
    assert again.json() == {"redelivered": 1}
    await world.run()
    (got,) = receiver.received
    assert (await checked(world, got, secret))["message_id"] == id
    assert (await world.call("GET", f"{DELIVERIES}?state=dead")).json()["count"] == 0
    nothing = await world.call("POST", f"{DELIVERIES}/redeliver", {"message_id": id})
    assert nothing.status_code == 400 and "it was delivered" in nothing.json()["error_msg"]
    assert (await world.call("POST", f"{DELIVERIES}/redeliver", {"message_id": "x"})).status_code == 404
    assert (await world.call("POST", f"{DELIVERIES}/redeliver", {})).json() == {"redelivered": 0}


@pytest.mark.parametrize("name", ["message_id", "subscription_urn", "topic_urn", "service_id"])
async def test_an_empty_name_is_not_everything(world: Subscribing, name: str) -> None:
    refused = await world.call("POST", f"{DELIVERIES}/redeliver", {name: ""})
    assert (refused.status_code, [one["field"] for one in refused.json()["details"]]) == (400, [name])


async def test_deliveries_go_by_pages_like_the_rest_of_the_api(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    await confirmed(world, receiver, urn)
    ids = [await world.publish(urn, message=str(i)) for i in range(5)]
    page = (await world.call("GET", f"{DELIVERIES}?limit=2&offset=1&topic_urn={urn}&state=waiting")).json()
    assert [one["message_id"] for one in page["deliveries"]] == [ids[2], ids[1]]
    assert (page["total_count"], page["count"]) == (5, 2)
    assert (await world.call("GET", f"{DELIVERIES}?limit=1001")).status_code == 400


async def test_what_is_deleted_gets_nothing_more(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    one, _ = await confirmed(world, receiver, urn)
    await world.publish(urn, message="x")
    assert (await world.call("DELETE", f"{SUBSCRIPTIONS}/{quoted(one)}")).status_code == 200
    await world.run()
    assert receiver.received == []
    assert (await world.call("DELETE", f"{SUBSCRIPTIONS}/{quoted(one)}")).status_code == 404


async def test_a_followed_link_has_its_row_and_a_question_has_none(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    one = (await world.subscribe(urn, "http", hook(receiver))).json()["subscription_urn"]
    await world.run()
    url = content({}, receiver.received.pop().body)["subscribe_url"]

    async def told() -> list[tuple[str, str, int]]:
        async with world.api.store.read() as r:
            _, rows = await r.audit(AuditQuery(action="subscription/confirm", oldest_first=True))
        return [(row.action.split()[0], str(row.outcome), row.status) for row in rows]

    for _ in range(3):
        assert (await world.visit(url, Accept="text/html")).status_code == 200
        assert (await world.visit(url, "HEAD")).status_code == 200
    assert await told() == []
    assert (await world.visit(f"/smn/subscription/confirm?topic_urn={urn}&token=x")).status_code in {400, 403}
    ((method, outcome, _),) = await told()
    assert (method, outcome) == ("GET", "refused")
    with patch.object(AuditWriting, "add_audit", side_effect=StoreUnavailableError("disk is full")):
        assert (await world.visit(url)).status_code == 503
    assert await world.status(one) == 0, "never without its row"
    assert (await world.visit(url)).status_code == 200
    assert (await told())[1:] == [("GET", "done", 200)]


async def test_the_audit_knows_what_subscribers_did(world: Subscribing, receiver: Receiver) -> None:
    urn = await world.topic()
    one, secret = await confirmed(world, receiver, urn)
    await world.publish(urn, message="hello")
    await world.run()
    await world.visit(content({}, receiver.received.pop().body)["unsubscribe_url"])
    async with world.api.store.read() as r:
        _, rows = await r.audit(AuditQuery())
    actions = [(row.action, row.resource) for row in rows]
    assert ("POST /v2/{project_id}/notifications/topics", f"topics/{urn}") in actions
    assert any(resource == f"subscriptions/{one}" for _, resource in actions)
    assert {"GET /smn/subscription/confirm", "GET /smn/subscription/unsubscribe"} <= {name for name, _ in actions}
    assert secret not in str(rows)
    assert "token=" not in str(rows)
