"""Both signatures of what is sent, checked by a receiver that knows nothing of this code."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from examples.notifications.receiver import Refused, check_certificate, check_webhook, content

from modelyard import files
from modelyard.domain.notifications import Message, MessageType, Occurrence, Subscription
from modelyard.notify import signatures
from modelyard.notify.certificates import RENEW, VALID, Certificates
from modelyard.notify.envelope import Envelope
from modelyard.notify.signing import Signing, certificate_id

BASE = "http://127.0.0.1:8470"
TOPIC = "urn:smn:local:p1:alerts"
SUBSCRIPTION = Subscription(
    *(f"{TOPIC}:{'a' * 32}", TOPIC, "p1", "https", "https://a.example/hook"),
    secret=signatures.new_secret(),
    token="t",
)
MESSAGE = Message("m1", "p1", TOPIC, "down", "it is\ndown \u2013 é", 1_700_000_000_999)


class World:
    def __init__(self, directory: Path) -> None:
        self.now = 1_700_000_000_000
        self.directory = directory / "keys" / "notifications"
        self.restart()

    def restart(self) -> None:
        self.certificates = Certificates(self.directory, lambda: self.now)
        self.signing = Signing(self.certificates, BASE, "local")

    async def sent(self, message: Message, subscription: Subscription) -> Envelope:
        return await self.signing.envelope(subscription, message, self.now)

    async def checked(self, sent: Envelope, secret: str = SUBSCRIPTION.secret) -> dict[str, Any]:
        """The message, both of whose signatures fit."""
        message = content(sent.headers, sent.body)
        pem = await self.certificates.pem(certificate_id(message["signing_cert_url"].rpartition("/")[2]))
        assert pem is not None
        check_certificate(message, lambda _url: pem, BASE + "/")
        check_webhook(sent.headers, sent.body, secret, self.now / 1000)
        return message


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("format", ["smn", "cloudevents"])
@pytest.mark.parametrize("type", list(MessageType))
@pytest.mark.parametrize("subject", ["", "down"])
async def test_both_signatures_fit(world: World, format: str, type: MessageType, subject: str) -> None:
    told = replace(MESSAGE, type=type, subject=subject)
    sent = await world.sent(told, replace(SUBSCRIPTION, format=format))
    message = await world.checked(sent)
    assert (message["type"], message["message_id"], message["topic_urn"]) == (type.value, "m1", TOPIC)
    assert (message["timestamp"], message["signature_version"]) == ("2023-11-14T22:13:20Z", "v1")
    assert sent.headers["X-SMN-MESSAGE-TYPE"] == type.value
    assert (sent.headers["X-SMN-MESSAGE-ID"], sent.headers["X-SMN-TOPIC-URN"]) == ("m1", TOPIC)
    assert ("subscribe_url" in message) == (type is not MessageType.NOTIFICATION)
    assert ("unsubscribe_url" in message) == (type is MessageType.NOTIFICATION)


@pytest.mark.parametrize("name", ["message", "message_id", "timestamp", "topic_urn"])
async def test_what_is_signed_cannot_be_changed(world: World, name: str) -> None:
    message = content({}, (await world.sent(MESSAGE, SUBSCRIPTION)).body)
    pem = (world.directory / f"{(await world.certificates.current()).id}.pem").read_bytes()
    check_certificate(message, lambda _url: pem, BASE)
    with pytest.raises(Refused):
        check_certificate({**message, name: message[name] + "x"}, lambda _url: pem, BASE)


async def test_the_webhook_signature_covers_id_time_and_body(world: World) -> None:
    sent = await world.sent(MESSAGE, SUBSCRIPTION)
    now = world.now / 1000
    check_webhook(sent.headers, sent.body, SUBSCRIPTION.secret, now)
    for headers, body, secret in (
        ({**sent.headers, "webhook-id": "other"}, sent.body, SUBSCRIPTION.secret),
        ({**sent.headers, "webhook-timestamp": str(int(now) + 1)}, sent.body, SUBSCRIPTION.secret),
        (sent.headers, sent.body + b" ", SUBSCRIPTION.secret),
        (sent.headers, sent.body, signatures.new_secret()),
    ):
        with pytest.raises(Refused):
            check_webhook(headers, body, secret, now)


def test_the_signature_of_the_description_of_standard_webhooks() -> None:
    """The example of its specification."""
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = signatures.of_webhook(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_a_cloud_event_has_what_the_standard_wants(world: World) -> None:
    told = replace(MESSAGE, service_id="s1", occurrence=Occurrence.FAILED)
    sent = await world.sent(told, replace(SUBSCRIPTION, format="cloudevents"))
    event = json.loads(sent.body)
    assert sent.headers["Content-Type"] == "application/cloudevents+json; charset=utf-8"
    data = event.pop("data")
    assert event == {
        "specversion": "1.0",
        "id": "m1",
        "source": TOPIC,
        "type": "io.modelyard.service.failed",
        "subject": "services/s1",
        "time": "2023-11-14T22:13:20Z",
        "datacontenttype": "application/json",
    }
    assert data["message"] == MESSAGE.text


async def test_each_protocol_has_its_own_text(world: World) -> None:
    told = replace(MESSAGE, texts={"https": "for https", "email": "for mail"})
    assert (await world.checked(await world.sent(told, SUBSCRIPTION)))["message"] == "for https"
    plain = replace(SUBSCRIPTION, protocol="http")
    assert (await world.checked(await world.sent(told, plain)))["message"] == MESSAGE.text


async def test_the_key_is_for_us_alone_and_is_found_again(world: World) -> None:
    first = await world.certificates.current()
    (key,) = world.directory.glob("*.key")
    assert key.stat().st_mode & 0o777 == 0o600
    world.restart()
    assert (await world.certificates.current()).id == first.id
    assert "PRIVATE" not in repr(first)


async def test_a_new_certificate_before_the_old_one_expires_and_old_messages_still_fit(world: World) -> None:
    before = await world.sent(MESSAGE, SUBSCRIPTION)
    first = await world.certificates.current()
    world.now += int((VALID - RENEW - timedelta(hours=1)).total_seconds() * 1000)
    assert (await world.certificates.current()).id == first.id
    world.now += 2 * 3600 * 1000
    after = await world.sent(MESSAGE, SUBSCRIPTION)
    assert (await world.certificates.current()).id != first.id
    assert [path.stem for path in world.directory.glob("*.key")] == [(await world.certificates.current()).id]
    new = await world.checked(after)
    old = content({}, before.body)
    pem = await world.certificates.pem(first.id)
    assert pem is not None and old["signing_cert_url"] != new["signing_cert_url"]
    check_certificate(old, lambda _url: pem, BASE)
    assert x509.load_pem_x509_certificate(pem).not_valid_after_utc == first.ends
    world.restart()
    assert (await world.certificates.current()).id == certificate_id(new["signing_cert_url"].rpartition("/")[2])


async def test_a_crash_between_key_and_certificate_leaves_nothing_behind(world: World) -> None:
    await world.certificates.current()
    (pem,) = world.directory.glob("*.pem")
    pem.unlink()
    world.restart()
    made = await world.certificates.current()
    assert sorted(path.name for path in world.directory.iterdir()) == [f"{made.id}.key", f"{made.id}.pem"]


async def test_a_damaged_key_is_named(world: World) -> None:
    await world.certificates.current()
    (key,) = world.directory.glob("*.key")
    key.write_bytes(b"rubbish")
    world.restart()
    with pytest.raises(files.DamagedFileError, match=key.name):
        await world.certificates.current()


@pytest.mark.parametrize("name", ["", "..", "../token", "a" * 32, "A" * 32, "SMN_local_.pem"])
async def test_nothing_else_is_served_as_a_certificate(world: World, name: str) -> None:
    await world.certificates.current()
    assert await world.certificates.pem(name) is None
    assert certificate_id(name) == ""


def test_links_are_of_this_subscription_and_nobody_guesses_them(world: World) -> None:
    links = world.signing.links(SUBSCRIPTION)
    confirm, stop = parse_qs(urlsplit(links.subscribe).query), parse_qs(urlsplit(links.unsubscribe).query)
    assert (confirm["topic_urn"], confirm["token"]) == ([TOPIC], ["a" * 32 + "t"])
    other = replace(SUBSCRIPTION, secret=signatures.new_secret())
    assert stop["token"] != parse_qs(urlsplit(world.signing.links(other).unsubscribe).query)["token"]
    assert len(stop["token"][0]) == 43


def test_no_token_is_the_same_as_none() -> None:
    assert signatures.same("a", "a")
    assert not signatures.same("", "")
    assert not signatures.same("a", "b")
    assert not signatures.same("\ud800", "a")
