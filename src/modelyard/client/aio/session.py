"""One authenticated connection to the API: logs in when it must, turns refusals into exceptions.

A token is fetched with the first call and again when the server answers 401 to one (it ran out, or the server's
keys changed): once, however many calls find out at the same time. What else is sent again is decided in `retries`.
Safe for several threads or tasks at once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from typing import Self

import httpx

from modelyard.client import login, retries, trust
from modelyard.client.aio.clockwork import Lock, sleep, streamed
from modelyard.client.aio.streams import AsyncAnswer
from modelyard.client.answers import json_object, raise_for_answer
from modelyard.client.credentials import Credentials
from modelyard.client.errors import LoggedOut, NotConfigured, Unreachable
from modelyard.client.files import FilePart
from modelyard.client.login import TOKEN_HEADER, UNAUTHORIZED, Login
from modelyard.client.outgoing import NO_PARAMS, NOTHING, Outgoing, Params, with_json
from modelyard.client.records import Json

CONNECT_TIMEOUT_S = 10.0


class AsyncSession:
    """Calls below `/v1/{project_id}`, and absolute URLs (inference).

    `timeout_s`: how long one answer may take, or the next piece of one. `retries`: how often a request is sent
    again where that is safe.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout_s: float = 70.0,
        retries: int = retries.RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = sleep,
    ) -> None:
        self._credentials = credentials
        self._timeout_s = timeout_s
        self._retries = retries
        self._sleep = sleep
        self._http = httpx.AsyncClient(
            transport=transport, trust_env=False, verify=trust.verify(credentials.auth_url, credentials.ca_file)
        )
        self._root = credentials.auth_url.rstrip("/").removesuffix("/v3")
        self._lock = Lock()
        self._login: Login | None = None
        if credentials.token:
            self._login = Login(credentials.token, credentials.project_id, credentials.project_name)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def token(self) -> str:
        """A token that works now, for callers that talk to the gateway by themselves."""
        return (await self.login()).token

    async def login(self, stale: str = "") -> Login:
        """The present login; a new one if there is none, or if the present one is the `stale` token."""
        async with self._lock:
            if self._login is None or self._login.token == stale:
                self._login = await self._log_in()
            return self._login

    async def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Params = NO_PARAMS,
        headers: Mapping[str, str] = NOTHING,
    ) -> Json:
        """The JSON object that `method path` answers; `path` is relative to the project (`/services`)."""
        url = await self.url(path)
        return json_object(await self.send(with_json(method, url, body, params=params, headers=headers)))

    @asynccontextmanager
    async def stream(
        self, path: str, headers: Mapping[str, str] = NOTHING, timeout_s: float | None = None
    ) -> AsyncIterator[AsyncAnswer]:
        """What `GET path` answers, read while it comes; `path` is relative to the project. `timeout_s` bounds the
        wait for each piece."""
        asked = replace(with_json("GET", await self.url(path), headers=headers), timeout_s=timeout_s)
        async with self.open(asked) as response:
            yield AsyncAnswer(response)

    async def url(self, path: str) -> str:
        """Of a path that is relative to the project."""
        project_id = (await self.login()).project_id
        if not project_id:
            raise NotConfigured("no project is named, and the user does not have just one: set OS_PROJECT_NAME")
        return f"{self._root}/v1/{project_id}{path}"

    async def pause(self, seconds: float) -> None:
        """Wait, before something is tried again."""
        await self._sleep(seconds)

    async def absolute(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        params: Params = NO_PARAMS,
        timeout_s: float | None = None,
    ) -> Json:
        """The JSON object that `method path` answers, outside any project (`/v3/users`); {} for none. `timeout_s`
        None: that of the session."""
        asked = replace(with_json(method, f"{self._root}{path}", body, params=params), timeout_s=timeout_s)
        return json_object(await self.send(asked))

    async def at(self, method: str, url: str, *, body: object = None, params: Params = NO_PARAMS) -> Json:
        """The JSON object that `method url` answers; {} for none."""
        return json_object(await self.send(with_json(method, url, body, params=params)))

    async def root(self, path: str) -> Json:
        """A call outside any project, such as `/healthz`; needs no token."""
        return json_object(await self.send(Outgoing(method="GET", url=f"{self._root}{path}", authenticated=False)))

    async def send(self, request: Outgoing) -> httpx.Response:
        """Send one request; ApiError when it is refused, Unreachable when no answer comes."""
        async with self.open(request) as response:
            await self._whole(response)
            return response

    @asynccontextmanager
    async def open(self, request: Outgoing) -> AsyncIterator[httpx.Response]:
        """As `send`, with the body still to be read, while the context lasts."""
        response = await self._answered(request)
        try:
            if not response.is_success:
                await self._whole(response)
            raise_for_answer(response)
            yield response
        finally:
            await response.aclose()

    async def _answered(self, request: Outgoing) -> httpx.Response:
        if not request.authenticated:
            return await self._sent(request, "")
        known = self._login is not None
        token = await self.token()
        response = await self._sent(request, token)
        if response.status_code == UNAUTHORIZED and known:
            await response.aclose()
            response = await self._sent(request, (await self.login(stale=token)).token)
        return response

    async def _sent(self, request: Outgoing, token: str) -> httpx.Response:
        """The answer of the last try; its body is not read yet."""
        for attempt in count(1):
            built = self._built(request, token)
            try:
                response = await self._http.send(built, stream=True)
            except httpx.TransportError as e:
                pause_s = retries.after_failure(e, attempt, request.method, request.headers)
                if pause_s is None or attempt > self._retries:
                    raise self._unreachable(e, built) from e
            else:
                later = response.headers.get("Retry-After", "")
                pause_s = retries.after_answer(
                    response.status_code, later, attempt, request.method, request.headers
                )
                if pause_s is None or attempt > self._retries:
                    return response
                await response.aclose()
            await self._sleep(pause_s)
        raise AssertionError("unreachable")

    def _built(self, request: Outgoing, token: str) -> httpx.Request:
        timeout_s = self._timeout_s if request.timeout_s is None else request.timeout_s
        headers = {**request.headers, **({TOKEN_HEADER: token} if token else {})}
        content = request.content
        return self._http.build_request(
            request.method,
            request.url,
            content=streamed(content) if isinstance(content, FilePart) else content,
            params=request.params or None,
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
        )

    async def _whole(self, response: httpx.Response) -> None:
        try:
            await response.aread()
        except httpx.TransportError as e:
            raise self._unreachable(e, response.request) from e

    async def _log_in(self) -> Login:
        c = self._credentials
        if not c.password:
            raise LoggedOut(f"the login of {c.username} at {c.auth_url} has ended")
        url = login.tokens_url(c)
        request = with_json("POST", url, login.body(c))
        response = await self._sent(request, "")
        try:
            await self._whole(response)
            raise_for_answer(response)
            return login.accepted(response)
        finally:
            await response.aclose()

    @staticmethod
    def _unreachable(error: httpx.TransportError, request: httpx.Request) -> Unreachable:
        return trust.unreachable(error, f"{request.url.scheme}://{request.url.netloc.decode()}")
