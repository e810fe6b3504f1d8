"""Notifications by mail, through a real SMTP server with STARTTLS and AUTH that a CA of the test vouches for."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from tests.worlds.receiver import certificate
from tests.worlds.subscribing import Subscribing, subscribing

from modelyard.domain.notifications import Message, Subscription
from modelyard.notify.base import PassingError, PermanentError
from modelyard.notify.mail import MailChannel, MailServer, address_fault

USER, PASSWORD = "models", "hunter2 & more"
READER = "ops@example.org"


@dataclass
class Mailbox:
    """What the server took: (envelope, mail). `refusal`: what it answers to a recipient instead;
    `goodbye`: to QUIT ("": it breaks off); `silence`: what it waits for before."""

    taken: list[tuple[Envelope, EmailMessage]] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refusal: str = ""
    goodbye: str = "221 Bye"
    silence: asyncio.Event | None = None

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.silence is not None:
            await self.silence.wait()
        if not self.goodbye:
            assert server.transport is not None
            server.transport.abort()
        return self.goodbye or "221 Bye"

    async def handle_RCPT(
        self, server: Any, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        self.encrypted.append(session.ssl is not None)
        self.taken.append((envelope, mail))
        return "250 OK"


@dataclass
class Smtp:
    box: Mailbox
    server: MailServer


def login(
    _server: Any, _session: Session, _envelope: Envelope, _mechanism: str, given: LoginPassword
) -> AuthResult:
    right = (given.login, given.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=right, handled=False)


def content(mail: EmailMessage) -> str:
    text = mail.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")


@pytest.fixture
def trust(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """(the server's TLS, a file with who vouches for it)"""
    folder = tmp_path / "tls"
    folder.mkdir()
    server, _ = certificate(folder, "127.0.0.1", "localhost")
    return server, str(folder / "server.pem")


@asynccontextmanager
async def running(box: Mailbox, tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """The port of the server. `tls`: from the first byte."""
    loop = asyncio.get_running_loop()

    def protocol() -> SMTP:
        return SMTP(box, hostname="test", loop=loop, **options)

    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@pytest.fixture
async def smtp(trust: tuple[ssl.SSLContext, str]) -> AsyncIterator[Smtp]:
    box, (tls, ca) = Mailbox(), trust
    auth = {"auth_required": True, "auth_require_tls": True, "authenticator": login}
    async with running(box, tls_context=tls, require_starttls=True, **auth) as port:
        sender = "Modelyard <models@example.org>"
        yield Smtp(box, MailServer("127.0.0.1", port, sender, USER, PASSWORD, "starttls", ca))


@pytest.fixture
async def world(tmp_path: Path, smtp: Smtp) -> AsyncIterator[Subscribing]:
    async with subscribing(tmp_path, mail=smtp.server) as made:
        yield made


TOPIC = "urn:smn:local:p1:t"
TO = Subscription(f"{TOPIC}:{'a' * 32}", TOPIC, "p1", "email", READER, secret="whsec_eA==")
TOLD = Message("m1", "p1", TOPIC, "down", "It is down.\n.\nreally – é", 1_700_000_000_000)


def channel(server: MailServer) -> MailChannel:
    from modelyard.core.envelopes import Links

    return MailChannel(server, lambda _one: Links("http://a/confirm", "http://a/leave", "http://a/cert"))


async def test_from_subscription_to_leaving(world: Subscribing, smtp: Smtp) -> None:
    urn = await world.topic()
    made = await world.subscribe(urn, "email", READER)
    assert made.status_code == 201, made.text
    one = made.json()["subscription_urn"]
    await world.run()
    envelope, mail = smtp.box.taken.pop()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("models@example.org", [READER])
    assert smtp.box.encrypted == [True]
    text = content(mail)
    link = next(word for word in text.split() if word.startswith("http://api:8000/smn/subscription/confirm"))
    assert await world.status(one) == 0
    assert (await world.visit(link)).status_code == 200
    assert await world.status(one) == 1
    id = await world.publish(urn, subject="Störung", message="Zeile\n.\nEnde – é")
    await world.run()
    _, mail = smtp.box.taken.pop()
    assert mail["Subject"] == "Störung"
    assert content(mail).startswith("Zeile\n.\nEnde – é\n\n-- \n")
    assert (mail["X-SMN-MESSAGE-ID"], mail["Auto-Submitted"]) == (id, "auto-generated")
    assert mail["Message-ID"].startswith(f"<{id}.")
    leave = mail["List-Unsubscribe"].strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert leave in content(mail)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert (await world.visit(leave, "POST", **form)).status_code == 200
    assert await world.status(one) == 3
    await world.run()
    assert "unsubscribed" in smtp.box.taken.pop()[1]["Subject"]


@pytest.mark.parametrize(
    "subject",
    ["a\nBcc: evil@example.org", "a\r\nBcc: evil@example.org", "a\r\n\r\nbody", "a\rb", "x" * 512, "é" * 512],
)
async def test_no_subject_becomes_a_header(smtp: Smtp, subject: str) -> None:
    await channel(smtp.server).send(TO, replace(TOLD, subject=subject))
    envelope, mail = smtp.box.taken.pop()
    assert envelope.rcpt_tos == [READER]
    assert mail["Bcc"] is None
    assert mail["Subject"] == " ".join(subject.split())
    assert content(mail).startswith("It is down.\n.\nreally")


@pytest.mark.parametrize(
    "address",
    [
        *("", "ops", "@example.org", "ops@", "a@b@c", "ops@example.org\nBcc: x@y", "ops@exa mple.org"),
        *(
            "Ops <ops@example.org>",
            "ops@example.org,x@y",
            "ö@example.org",
            "ops@-x.org",
            "o..s@x.org",
            "a" * 65 + "@x",
        ),
        *("ops@example..org", '"a b"@example.org', "ops@[127.0.0.1]", "-f@example.org"),
    ],
)
async def test_what_is_no_address(smtp: Smtp, address: str) -> None:
    assert address_fault(address)
    with pytest.raises(PermanentError, match="the address"):
        await channel(smtp.server).send(replace(TO, endpoint=address), TOLD)
    assert smtp.box.taken == []


async def test_what_is_no_address_cannot_be_subscribed(world: Subscribing) -> None:
    refused = await world.subscribe(await world.topic(), "email", "ops@example.org,evil@example.org")
    assert (refused.status_code, refused.json()["details"][0]["field"]) == (400, "endpoint")


async def test_a_recipient_that_is_refused_for_ever_or_for_now(smtp: Smtp) -> None:
    smtp.box.refusal = "550 No such user here"
    with pytest.raises(PermanentError, match="550 No such user here"):
        await channel(smtp.server).send(TO, TOLD)
    smtp.box.refusal = "451 Try again"
    with pytest.raises(PassingError, match="451 Try again"):
        await channel(smtp.server).send(TO, TOLD)


@pytest.mark.parametrize("goodbye", ["500 What?", "421 Too busy", ""])
async def test_how_a_server_says_goodbye_changes_nothing(smtp: Smtp, goodbye: str) -> None:
    smtp.box.goodbye = goodbye
    await channel(smtp.server).send(TO, TOLD)
    assert len(smtp.box.taken) == 1
    smtp.box.refusal = "550 No such user here"
    with pytest.raises(PermanentError, match="550 No such user here"):
        await channel(smtp.server).send(TO, TOLD)


async def test_a_server_that_says_no_goodbye_has_taken_the_mail(
    smtp: Smtp, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing for longer than a try may take: the mail would be sent again."""
    monkeypatch.setattr("modelyard.notify.mail.WHOLE_S", 3.0)
    smtp.box.silence = asyncio.Event()
    try:
        await channel(smtp.server).send(TO, TOLD)
        assert len(smtp.box.taken) == 1
    finally:
        smtp.box.silence.set()


async def test_a_wrong_password_is_told_without_it(smtp: Smtp) -> None:
    with pytest.raises(PassingError, match="refuses user and password") as raised:
        await channel(replace(smtp.server, password="wrong one")).send(TO, TOLD)
    assert "wrong one" not in str(raised.value)


async def test_a_server_that_nobody_vouches_for_gets_nothing(smtp: Smtp) -> None:
    with pytest.raises(PassingError, match="certificate"):
        await channel(replace(smtp.server, ca_file="")).send(TO, TOLD)
    assert smtp.box.taken == []


async def test_without_tls_on_the_other_side_nothing_is_sent() -> None:
    box = Mailbox()
    async with running(box) as port:
        server = MailServer("127.0.0.1", port, "m@example.org")
        with pytest.raises(PassingError, match="STARTTLS"):
            await channel(server).send(TO, TOLD)
        assert box.taken == []
        await channel(replace(server, tls="none")).send(TO, TOLD)
        assert box.encrypted == [False]


async def test_tls_from_the_first_byte(trust: tuple[ssl.SSLContext, str]) -> None:
    box, (tls, ca) = Mailbox(), trust
    async with running(box, tls) as port:
        await channel(MailServer("127.0.0.1", port, "m@example.org", tls="tls", ca_file=ca)).send(TO, TOLD)
    assert len(box.taken) == 1


async def test_a_server_that_is_not_there() -> None:
    with pytest.raises(PassingError, match=r"127\.0\.0\.1:1"):
        await channel(MailServer("127.0.0.1", 1, "m@example.org")).send(TO, TOLD)


async def test_a_server_that_says_nothing_holds_no_stop_up() -> None:
    """Cancelled at once, while its thread still waits."""
    accepted, over, closed = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        accepted.set()
        await over.wait()
        writer.close()
        await writer.wait_closed()
        closed.set()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    sending = asyncio.create_task(channel(MailServer("127.0.0.1", port, "m@example.org")).send(TO, TOLD))
    await accepted.wait()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    over.set()
    await closed.wait()
    server.close()


def test_the_password_is_in_no_repr(smtp: Smtp) -> None:
    assert PASSWORD not in repr(smtp.server)
