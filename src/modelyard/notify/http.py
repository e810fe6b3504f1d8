"""The channel of http and https: one POST, one answer, one connection.

Promises: connects only to an address that the guard gave (`notify.guard`), whatever the name says a moment later;
TLS is verified against the name; redirects are not followed, proxies of the environment not asked; an answer is
bounded in time and bytes. 2xx says that the message was taken, once the answer is whole; 410 that the subscription
is over; anything else that it may be taken later, after Retry-After where a 429 or 503 says so.
"""

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

import httpcore

from modelyard.core.outbound import Target, UrlError, target
from modelyard.domain.notifications import Message, Subscription
from modelyard.domain.texts import printable, shortened
from modelyard.notify.base import MANY, GoneError, PassingError, PermanentError
from modelyard.notify.envelope import Enveloped
from modelyard.notify.guard import Guard, RefusedError

AGENT = "Modelyard"
TOTAL_S = 15.0
CONNECT_S = 5.0
MOST_BYTES = 64 * 1024
"""Of an answer's body; what is beyond is not read."""
SHOWN_CHARS = 200


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    retry_after: str
    text: str


class HttpChannel:
    """See the module. `enveloped` makes headers and body; `tls`: whom to trust (None: whom this machine does)."""

    at_once = MANY

    def __init__(
        self,
        guard: Guard,
        enveloped: Enveloped,
        wall_ms: Callable[[], int],
        *,
        tls: ssl.SSLContext | None = None,
        total_s: float = TOTAL_S,
    ) -> None:
        self._guard = guard
        self._enveloped = enveloped
        self._wall_ms = wall_ms
        self._tls = tls
        self._total_s = total_s

    async def send(self, subscription: Subscription, message: Message) -> None:
        try:
            where = target(subscription.address or subscription.endpoint, subscription.protocol)
        except UrlError as error:
            raise PermanentError(f"the endpoint {error}") from None
        try:
            async with asyncio.timeout(self._total_s):
                answer = await self._answer(where, subscription, message)
        except TimeoutError:
            raise PassingError(f"{where.origin} did not answer within {self._total_s:g} s") from None
        self._judge(where, answer)

    async def _answer(self, where: Target, subscription: Subscription, message: Message) -> Answer:
        try:
            addresses = await self._guard.addresses(where)
        except RefusedError as error:
            raise PassingError(str(error)) from None
        except OSError as error:
            raise PassingError(f"{where.host} cannot be found: {error.strerror or error}") from None
        envelope = await self._enveloped(subscription, message, self._wall_ms())
        headers = [("Host", _host(where)), ("User-Agent", AGENT), ("Connection", "close")]
        headers += [(name, value) for name, value in envelope.headers.items()]
        try:
            return await self._exchange(where, addresses, headers, envelope.body)
        except httpcore.LocalProtocolError as error:
            raise PermanentError(f"the message cannot be written as a request: {error}") from None
        except httpcore.ConnectTimeout:
            raise PassingError(f"{where.origin} did not take the connection within {CONNECT_S:g} s") from None
        except httpcore.ConnectError as error:
            raise PassingError(f"{where.origin} cannot be connected to: {_said(error)}") from None
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise PassingError(f"{where.origin} broke off before its answer was whole: {_said(error)}") from None
        except (OSError, httpcore.TimeoutException) as error:
            raise PassingError(f"{where.origin} cannot be talked to: {_said(error)}") from None

    async def _exchange(
        self, where: Target, addresses: Iterable[str], headers: list[tuple[str, str]], body: bytes
    ) -> Answer:
        origin = httpcore.Origin(where.scheme.encode(), where.host.encode(), where.port)
        url = httpcore.URL(scheme=origin.scheme, host=origin.host, port=where.port, target=where.target.encode())
        length = ("Content-Length", str(len(body)))
        request = httpcore.Request(
            "POST",
            url,
            headers=[(name.encode(), value.encode()) for name, value in (*headers, length)],
            content=body,
            extensions={"timeout": {"connect": CONNECT_S}},
        )
        async with httpcore.AsyncHTTPConnection(
            origin, ssl_context=await self._context(where), network_backend=_Pinned([*addresses])
        ) as connection:
            response = await connection.handle_async_request(request)
            try:
                return Answer(response.status, _retry_after(response), await _text(response))
            finally:
                await response.aclose()

    async def _context(self, where: Target) -> ssl.SSLContext | None:
        if self._tls is None and where.scheme == "https":
            self._tls = await asyncio.to_thread(ssl.create_default_context)
        return self._tls

    def _judge(self, where: Target, answer: Answer) -> None:
        status = answer.status
        if 200 <= status < 300:
            return
        said = f"{where.origin} answered {status}"
        if 300 <= status < 400:
            raise PassingError(f"{said}: redirects are not followed, subscribe the address itself")
        if answer.text:
            said += f": {answer.text}"
        if status == 410:
            raise GoneError(said)
        asked = _seconds(answer.retry_after, self._wall_ms()) if status in {429, 503} else None
        raise PassingError(said, asked)


async def check(guard: Guard, protocol: str, url: str) -> None:
    """Raises UrlError or RefusedError for what could never be sent to. A name without an address passes: it may
    have one later, and is looked up at every try."""
    with contextlib.suppress(OSError):
        await guard.addresses(target(url, protocol))


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to the first of these addresses that takes the connection, whatever host is asked for."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failure: Exception | None = None
        for address in self._addresses:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = failure or error
        raise failure or httpcore.ConnectError("there is no address to connect to")

    async def sleep(self, seconds: float) -> None:
        await self._network.sleep(seconds)


async def _text(response: httpcore.Response) -> str:
    """The beginning of the body, for people. Reads it to its end, or to the bound."""
    body = b""
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) >= MOST_BYTES:
            break
    return shortened(printable(body[: 4 * SHOWN_CHARS].decode("utf-8", "replace").strip()), SHOWN_CHARS)


def _retry_after(response: httpcore.Response) -> str:
    return next((v.decode("latin-1") for name, v in response.headers if name.lower() == b"retry-after"), "")


def _seconds(retry_after: str, now_ms: int) -> float | None:
    """What Retry-After asks for (RFC 9110, 10.2.3): seconds, or a date."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return float(min(int(text[:10]), 10**9))
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    return max(0.0, when.timestamp() - now_ms / 1000)


def _host(where: Target) -> str:
    return where.origin.partition("://")[2]


def _said(error: Exception) -> str:
    return shortened(printable(str(error) or type(error).__name__), SHOWN_CHARS)
