"""Notifications by mail, through the SMTP server that the administrator named.

What is promised: with TLS asked for, nothing is sent without it, and the server's certificate is checked. No
header can be brought in by a subject or an address (`letter`). The Message-ID is the same at every try. What
the server answers to the mail counts, whatever becomes of the connection after it. A try ends in time, and no stop
of this process waits for a connection: each has a thread of its own that may be left behind, until its server says
nothing for `STEP_S`.
"""

import asyncio
import smtplib
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from modelyard.core.envelopes import Links, text_for
from modelyard.domain.notifications import Message, MessageType, Subscription
from modelyard.notify.base import PassingError, PermanentError

STARTTLS, TLS, NONE = "starttls", "tls", "none"
MODES = (STARTTLS, TLS, NONE)
PORTS = {STARTTLS: 587, TLS: 465, NONE: 25}
STEP_S = 20.0
"""How long the server may take for one answer."""
WHOLE_S = 60.0
AT_ONCE = 4
NOT_ADDRESSES = '\r\n\t <>,;:"()[]\\'


@dataclass(frozen=True, slots=True)
class MailServer:
    """`sender`: ADDRESS or `NAME <ADDRESS>`. `ca_file`: who signed the server's certificate ("": as this machine
    trusts)."""

    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    tls: str = STARTTLS
    ca_file: str = ""


def address_fault(text: str) -> str | None:
    """Why this is no address that mail can be sent to; None when it is one. ASCII only: not every server takes
    more.

    >>> address_fault("ops@example.org"), address_fault("ops")
    (None, 'must look like NAME@DOMAIN')
    """
    local, at, domain = text.rpartition("@")
    if not at or not local or not domain or "@" in local:
        return "must look like NAME@DOMAIN"
    if len(text) > 254 or len(local) > 64:
        return "is longer than an address may be (64 characters before the @, 254 in all)"
    wrong = {one for one in text if one in NOT_ADDRESSES or not one.isascii() or not one.isprintable()}
    if wrong:
        return "has characters that are not letters, digits, - . _ + and the like (in ASCII)"
    labels = domain.split(".")
    if any(not label or label.startswith("-") or label.endswith("-") for label in labels):
        return "has no domain behind the @"
    if local.startswith((".", "-")) or local.endswith(".") or ".." in local:
        return "has dots where none may be before the @"
    return None


def letter(server: MailServer, subscription: Subscription, message: Message, links: Links) -> EmailMessage:
    """What is sent. Line feeds in a subject become spaces; the library refuses whatever else would end a
    header."""
    name, sender = parseaddr(server.sender)
    domain = sender.rpartition("@")[2]
    mail = EmailMessage(SMTP)
    mail["From"] = Address(name, addr_spec=sender)
    mail["To"] = Address(addr_spec=subscription.endpoint)
    mail["Subject"] = _subject(message)
    mail["Date"] = datetime.fromtimestamp(message.created_ms // 1000, UTC)
    mail["Message-ID"] = f"<{message.id}.{subscription.urn.rpartition(':')[2]}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-SMN-MESSAGE-TYPE"] = message.type.value
    mail["X-SMN-MESSAGE-ID"] = message.id
    mail["X-SMN-TOPIC-URN"] = message.topic_urn
    if message.type is MessageType.NOTIFICATION:
        mail["List-Unsubscribe"] = f"<{links.unsubscribe}>"
        mail["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    mail.set_content(f"{text_for(message, subscription.protocol)}\n\n-- \n{_footer(message, links)}\n")
    return mail


def _subject(message: Message) -> str:
    if message.type is MessageType.SUBSCRIPTION:
        given = f"Confirm your subscription to {message.topic_urn}"
    elif message.type is MessageType.UNSUBSCRIPTION:
        given = f"You are unsubscribed from {message.topic_urn}"
    else:
        given = message.subject or f"Notification of {message.topic_urn}"
    return " ".join(given.split())


def _footer(message: Message, links: Links) -> str:
    if message.type is MessageType.SUBSCRIPTION:
        return f"Confirm within 48 hours: {links.subscribe}\nIf you did not ask for this, do nothing."
    if message.type is MessageType.UNSUBSCRIPTION:
        return f"Subscribe again within 48 hours: {links.subscribe}"
    return f"You are subscribed to {message.topic_urn}.\nUnsubscribe: {links.unsubscribe}"


class MailChannel:
    """The channel of the protocol email (`notify.base`)."""

    at_once = AT_ONCE

    def __init__(self, server: MailServer, links: Callable[[Subscription], Links]) -> None:
        self._server = server
        self._links = links

    async def send(self, subscription: Subscription, message: Message) -> None:
        if fault := address_fault(subscription.endpoint):
            raise PermanentError(f"the address {fault}")
        mail = letter(self._server, subscription, message, self._links(subscription))
        try:
            async with asyncio.timeout(WHOLE_S):
                await _in_thread(lambda: deliver(self._server, mail, subscription.endpoint))
        except TimeoutError as error:
            raise PassingError(f"{_where(self._server)} did not take the mail within {WHOLE_S:.0f} s") from error


async def _in_thread(act: Callable[[], None]) -> None:
    """As asyncio.to_thread, in a thread that nobody waits for at the end of the process."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def tell(error: BaseException | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def run() -> None:
        error: BaseException | None = None
        try:
            act()
        except BaseException as raised:  # noqa: BLE001 - handed to who waits
            error = raised
        if not loop.is_closed():
            loop.call_soon_threadsafe(tell, error)

    threading.Thread(target=run, name="mail", daemon=True).start()
    await done


def deliver(server: MailServer, mail: EmailMessage, recipient: str) -> None:
    """Raises PassingError, PermanentError."""
    where = _where(server)
    try:
        smtp = _connected(server)
        try:
            if server.user:
                smtp.login(server.user, server.password)
            smtp.send_message(mail, parseaddr(server.sender)[1], [recipient])
        finally:
            _leave(smtp)
    except smtplib.SMTPRecipientsRefused as error:
        ((code, said), *_) = error.recipients.values()
        raise _refused(f"{where} does not take mail for this address", code, said) from error
    except smtplib.SMTPDataError as error:
        raise _refused(f"{where} does not take this mail", error.smtp_code, error.smtp_error) from error
    except smtplib.SMTPNotSupportedError as error:
        raise PassingError(f"{where} cannot do what MODELYARD_SMTP_TLS or _USER asks for: {error}") from error
    except smtplib.SMTPAuthenticationError as error:
        raise PassingError(f"{where} refuses user and password ({error.smtp_code})") from error
    except smtplib.SMTPResponseException as error:
        raise PassingError(f"{where} answers {_said(error.smtp_code, error.smtp_error)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise PassingError(f"{where} cannot be reached or breaks off: {error or type(error).__name__}") from error


def _connected(server: MailServer) -> smtplib.SMTP:
    if server.tls == TLS:
        return smtplib.SMTP_SSL(server.host, server.port, timeout=STEP_S, context=_trust(server))
    smtp = smtplib.SMTP(server.host, server.port, timeout=STEP_S)
    if server.tls == STARTTLS:
        try:
            smtp.starttls(context=_trust(server))
        except BaseException:
            smtp.close()
            raise
    return smtp


def _leave(smtp: smtplib.SMTP) -> None:
    """The mail was taken or refused before: how the server says goodbye changes nothing of that, and is not waited
    for. Else a mail that was taken might be sent again, as the time of the try was over."""
    with suppress(smtplib.SMTPException, OSError):
        smtp.putcmd("quit")
    smtp.close()


def _trust(server: MailServer) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.ca_file or None)


def _refused(text: str, code: int, said: bytes | str) -> PassingError | PermanentError:
    """5yz is for ever, 4yz for now (RFC 5321, 4.2.1)."""
    kind = PermanentError if 500 <= code < 600 else PassingError
    return kind(f"{text}: {_said(code, said)}")


def _said(code: int, said: bytes | str) -> str:
    text = said.decode(errors="replace") if isinstance(said, bytes) else said
    return f"{code} {' '.join(text.split())[:200]}"


def _where(server: MailServer) -> str:
    return f"the mail server {server.host}:{server.port}"
