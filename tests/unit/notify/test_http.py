"""The channel of http and https, against real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path

import pytest
from tests.worlds.envelopes import plain
from tests.worlds.receiver import OK, Reader, Receiver, Writer, answer, certificate, receiving, request

from modelyard.domain.notifications import Message, Subscription
from modelyard.notify.base import GoneError, PassingError, PermanentError
from modelyard.notify.envelope import Envelope
from modelyard.notify.guard import Guard, RefusedError
from modelyard.notify.http import MOST_BYTES, HttpChannel, check

LOCAL = (ip_network("127.0.0.0/8"),)
MESSAGE = Message("m1", "p1", "urn:t", "größe", "text", 5)
NOW_MS = 1_700_000_000_000


def subscription(url: str) -> Subscription:
    return Subscription("urn:t:s", "urn:t", "p1", url.partition(":")[0], url)


async def to_this_machine(_host: str, _port: int) -> Sequence[str]:
    return ["127.0.0.1"]


def channel(guard: Guard | None = None, **more: object) -> HttpChannel:
    return HttpChannel(guard or Guard(LOCAL, to_this_machine), plain, lambda: NOW_MS, **more)  # type: ignore[arg-type]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made


async def sent(receiver: Receiver, channel: HttpChannel, path: str = "/hook?key=canary") -> None:
    await channel.send(subscription(f"http://hooks.example:{receiver.port}{path}"), MESSAGE)


async def test_what_answers_2xx_was_given_the_message(receiver: Receiver) -> None:
    receiver.answers = [OK, answer("204 No Content")]
    await sent(receiver, channel())
    await sent(receiver, channel())
    first, _ = receiver.received
    assert first.line == "POST /hook?key=canary HTTP/1.1"
    assert first.headers["host"] == f"hooks.example:{receiver.port}"
    assert first.headers["x-smn-message-id"] == "m1"
    assert first.headers["content-length"] == str(len(first.body))
    assert json.loads(first.body)["subject"] == "größe"


@pytest.mark.parametrize(
    ("said", "error", "cause"),
    [
        (answer("500 Oops", body=b"why\x00 not"), PassingError, r"answered 500: why\\u0000 not$"),
        (answer("404 Not Found"), PassingError, "answered 404$"),
        (answer("410 Gone"), GoneError, "answered 410$"),
        (answer("302 Found", "Location: http://127.0.0.1:1/"), PassingError, "answered 302: redirects are not"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", PassingError, "broke off before its answer"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", PassingError, "broke off"),
        (b"", PassingError, "broke off before its answer"),
        (b"no http at all\r\n\r\n", PassingError, "broke off"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000, PassingError, "broke off"),
    ],
)
async def test_what_it_answers_otherwise(
    receiver: Receiver, said: bytes, error: type[PassingError], cause: str
) -> None:
    receiver.answers = [said]
    with pytest.raises(error, match=cause) as raised:
        await sent(receiver, channel())
    assert "canary" not in raised.value.cause
    assert receiver.connections == 1, "redirects are not followed, nothing is sent twice"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        (("Retry-After: 30",), 30.0),
        (("Retry-After: Tue, 14 Nov 2023 22:14:20 GMT",), 60.0),
        (("Retry-After: Tue, 14 Nov 2000 22:14:20 GMT",), 0.0),
        (("Retry-After: soon",), None),
        ((f"Retry-After: {'9' * 5000}",), 1e9),
        ((), None),
    ],
)
async def test_retry_after_is_heeded(receiver: Receiver, headers: tuple[str, ...], seconds: float | None) -> None:
    receiver.answers = [answer("429 Slow", *headers), answer("503 Later", *headers), answer("500 Oops", *headers)]
    asked = []
    for _ in range(3):
        with pytest.raises(PassingError) as raised:
            await sent(receiver, channel())
        asked.append(raised.value.retry_after_s)
    assert asked == [seconds, seconds, None]


async def test_an_answer_without_end_is_cut(receiver: Receiver) -> None:
    cut = asyncio.Event()

    async def flood(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        try:
            while True:
                writer.write(b"x" * MOST_BYTES)
                await writer.drain()
        except ConnectionError:
            cut.set()

    receiver.answers = [flood]
    await sent(receiver, channel())
    await cut.wait()


@pytest.mark.parametrize(
    "begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n1"], ids=["nothing", "begun"]
)
async def test_an_answer_that_does_not_come_is_not_waited_for(receiver: Receiver, begun: bytes) -> None:
    async def silent(reader: Reader, writer: Writer) -> None:
        await request(reader)
        writer.write(begun)
        await reader.read()

    receiver.answers = [silent]
    with pytest.raises(PassingError, match=r"did not answer within 0\.2 s"):
        await sent(receiver, channel(total_s=0.2))


async def test_a_receiver_that_hangs_up_while_it_is_told_is_told_again(receiver: Receiver) -> None:
    async def rude(_reader: Reader, writer: Writer) -> None:
        writer.transport.abort()

    receiver.answers = [rude]
    with pytest.raises(PassingError, match="broke off"):
        await sent(receiver, channel())


async def test_nobody_there(receiver: Receiver) -> None:
    with pytest.raises(PassingError, match="cannot be connected to"):
        await channel().send(subscription("http://127.0.0.1:1/"), MESSAGE)


async def test_private_addresses_are_refused_and_never_connected_to(receiver: Receiver) -> None:
    for host in ("127.0.0.1", "127.1", "2130706433", "0x7f.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"):
        with pytest.raises(PassingError, match=r"loopback: the administrator has to allow it \(MODELYARD_NOTIFY"):
            await channel(Guard()).send(subscription(f"http://{host}:{receiver.port}/"), MESSAGE)
    assert receiver.connections == 0


async def test_a_name_that_leads_elsewhere_later_gains_nothing(receiver: Receiver) -> None:
    """Checked and connected to are one and the same: the name is asked for once, and never by who connects."""
    asked = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append((host, port))
        return ["127.0.0.9"] if len(asked) == 1 else ["127.0.0.1"]

    guard = Guard((ip_network("127.0.0.9/32"),), rebinding)
    with pytest.raises(PassingError, match="cannot be connected to"):
        await sent(receiver, channel(guard))
    assert asked == [("hooks.example", receiver.port)]
    with pytest.raises(PassingError, match=r"hooks\.example is 127\.0\.0\.1, which is loopback"):
        await sent(receiver, channel(guard))
    assert receiver.connections == 0


async def test_of_several_addresses_those_that_are_allowed_are_tried(receiver: Receiver) -> None:
    async def several(_host: str, _port: int) -> Sequence[str]:
        return ["10.0.0.1", "127.0.0.9", "127.0.0.1"]

    await sent(receiver, channel(Guard(LOCAL, several)))
    assert len(receiver.received) == 1


async def test_a_name_without_an_address(receiver: Receiver) -> None:
    async def nobody(_host: str, _port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(PassingError, match=r"hooks\.example cannot be found: Name or service not known"):
        await sent(receiver, channel(Guard(LOCAL, nobody)))
    await check(Guard(LOCAL, nobody), "http", "http://hooks.example/")
    with pytest.raises(RefusedError):
        await check(Guard(), "http", "http://127.0.0.1/")


async def test_proxies_of_the_environment_are_not_asked(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    await sent(receiver, channel())
    assert len(receiver.received) == 1


async def test_tls_is_verified_against_the_name(tmp_path: Path) -> None:
    server, trusting = certificate(tmp_path, "hooks.example")
    async with receiving(server) as receiver:
        good = f"https://hooks.example:{receiver.port}/"
        await channel(tls=trusting).send(subscription(good), MESSAGE)
        other = f"https://other.example:{receiver.port}/"
        with pytest.raises(PassingError, match=r"(?i)hostname mismatch"):
            await channel(tls=trusting).send(subscription(other), MESSAGE)
        with pytest.raises(PassingError, match=r"(?i)self-signed"):
            await channel().send(subscription(good), MESSAGE)
        assert len(receiver.received) == 1


async def test_what_cannot_be_a_request_is_refused_for_good() -> None:
    with pytest.raises(PermanentError, match="the endpoint has the scheme 'ftp'"):
        await channel().send(Subscription("u", "t", "p", "http", "ftp://h/"), MESSAGE)

    async def broken(*_: object) -> Envelope:
        return Envelope({"X-Subject": "a\r\nb: c"}, b"")

    split = HttpChannel(Guard(LOCAL, to_this_machine), broken, lambda: 0)
    async with receiving() as receiver:
        with pytest.raises(PermanentError, match="cannot be written as a request"):
            await sent(receiver, split)
