"""Notifications to chats and the like, by the library Apprise (the extra `apprise`).

The endpoint is a URL that Apprise knows, which holds keys: what is shown of it is its scheme and a hint to tell
several apart. It is used in a process of its own (`notify.apprise_child`), which bounds what it can reach,
read and take.
"""

import asyncio
import hashlib
import importlib.util
import json
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from modelyard.core.envelopes import text_for
from modelyard.core.outbound import Network, Target
from modelyard.domain.notifications import Message, Subscription
from modelyard.notify.base import PassingError, PermanentError
from modelyard.notify.endpoints import Checked, EndpointError
from modelyard.notify.guard import Guard, RefusedError

INSTALL = "needs Apprise, which is not installed: pip install 'modelyard[apprise]'"
WHOLE_S = 45.0
AT_ONCE = 2
KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
"""Of our environment; the rest is none of its business."""
SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,31}")
PIECES = re.compile(r"[/@:?&=,+#\s]+")
SECRET_CHARS = 4


def installed() -> bool:
    return importlib.util.find_spec("apprise") is not None


def hint(url: str) -> str:
    """What is shown of it.

    >>> hint("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops")[:12]
    'slack://***-'
    """
    return f"{url.partition('://')[0]}://***-{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def masked(text: str, url: str) -> str:
    """The text without any piece of the URL that may be a secret."""
    _, _, rest = url.partition("://")
    pieces = {*PIECES.split(rest), *PIECES.split(unquote(rest))}
    for piece in sorted(pieces, key=len, reverse=True):
        if len(piece) >= SECRET_CHARS:
            text = text.replace(piece, "***")
    return text


class AppriseChannel:
    """The channel of the protocol apprise (`notify.base`)."""

    at_once = AT_ONCE

    def __init__(self, guard: Guard, allowed: Sequence[Network], *, whole_s: float = WHOLE_S) -> None:
        self._guard = guard
        self._allowed = [str(network) for network in allowed]
        self._whole_s = whole_s
        self._checks = asyncio.Semaphore(AT_ONCE)

    async def checked(self, url: str) -> Checked:
        """What is shown of it, and the whole of it. Raises EndpointError."""
        if not SCHEME.fullmatch(url.partition("://")[0]):
            raise EndpointError("must be a URL that Apprise knows, such as slack://…")
        try:
            await self._reachable(url)
            async with self._checks:
                await self._run(url, check=True)
        except RefusedError as error:
            raise EndpointError(str(error)) from error
        except (PassingError, PermanentError) as error:
            raise EndpointError(f"cannot be used: {error.cause}") from error
        return hint(url), url

    async def _reachable(self, url: str) -> None:
        """Of a URL whose host is one, not a key: a key is looked up nowhere. Raises RefusedError."""
        try:
            host = urlsplit(url).hostname or ""
        except ValueError:
            return
        with suppress(ValueError):
            host = str(ip_address(host))
        if "." in host or ":" in host or host == "localhost":
            with suppress(OSError):
                await self._guard.addresses(Target("https", host, 443, "/"))

    async def send(self, subscription: Subscription, message: Message) -> None:
        if not installed():
            raise PassingError(INSTALL)
        title = message.subject or message.topic_urn
        await self._run(subscription.address, title, text_for(message, subscription.protocol))

    async def _run(self, url: str, title: str = "", body: str = "", *, check: bool = False) -> None:
        """Raises PassingError, PermanentError."""
        asked = {"url": url, "title": title, "body": body, "allowed": self._allowed, "check": check}
        try:
            async with asyncio.timeout(self._whole_s):
                answer = await _answer(json.dumps(asked).encode())
        except TimeoutError as error:
            raise PassingError(f"Apprise was not done within {self._whole_s:.0f} s") from error
        try:
            said = json.loads(answer.strip().rpartition(b"\n")[2])
            kind, cause = str(said["kind"]), masked(str(said["error"]), url)
        except (ValueError, KeyError, TypeError) as error:
            raise PassingError("Apprise ended without an answer") from error
        if kind == "permanent":
            raise PermanentError(cause)
        if kind:
            raise PassingError(cause)


async def _answer(asked: bytes) -> bytes:
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-B", "-m", "modelyard.notify.apprise_child"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=environment,
        cwd="/",
    )
    try:
        answer, _ = await process.communicate(asked)
        return answer
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
