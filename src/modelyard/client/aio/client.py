"""The client: one session, and what can be done with it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Self

import httpx

from modelyard.client.aio.administration import AsyncAdministration
from modelyard.client.aio.batch import AsyncBatch
from modelyard.client.aio.changes import AsyncChanges
from modelyard.client.aio.clockwork import sleep
from modelyard.client.aio.models import AsyncModels
from modelyard.client.aio.objects import AsyncObjects
from modelyard.client.aio.registries import AsyncRegistries
from modelyard.client.aio.secrets import AsyncSecrets
from modelyard.client.aio.services import AsyncServices
from modelyard.client.aio.session import AsyncSession
from modelyard.client.aio.streams import AsyncAnswer
from modelyard.client.aio.topics import AsyncTopics
from modelyard.client.answers import value
from modelyard.client.credentials import Credentials
from modelyard.client.outgoing import NOTHING, Files, question
from modelyard.client.records import Json, Service, rows
from modelyard.client.retries import RETRIES


class AsyncClient:
    """Use as a context manager, or call `close`. Safe for several threads or tasks at once.

    `timeout_s`: how long an answer may take. `retries`: how often a request is sent again where that cannot do it
    twice (see `retries`).
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        timeout_s: float = 70.0,
        retries: int = RETRIES,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = sleep,
    ) -> None:
        self.session = AsyncSession(
            credentials, timeout_s=timeout_s, retries=retries, transport=transport, sleep=sleep
        )
        self.models = AsyncModels(self.session)
        self.objects = AsyncObjects(self.session)
        self.services = AsyncServices(self.session)
        self.batch = AsyncBatch(self.session)
        self.changes = AsyncChanges(self.session)
        self.topics = AsyncTopics(self.session)
        self.registries = AsyncRegistries(self.session)
        self.secrets = AsyncSecrets(self.session)
        self.admin = AsyncAdministration(self.session)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self.session.aclose()

    async def health(self) -> Json:
        """What the control plane says of itself; needs no token."""
        return await self.session.root("/healthz")

    async def status(self) -> Json:
        """How the installation stands: gateway, instances of the project, limits and whether they are enforced."""
        return await self.session.call("GET", "/modelyard/status")

    async def top(self) -> Json:
        """What each service of the project uses and does now."""
        return await self.session.call("GET", "/modelyard/top")

    async def pools(self) -> list[Json]:
        """Each pool of the project: how it stands, what it runs on, its nodes, how much of it is used."""
        return rows(await self.session.call("GET", "/modelyard/pools"), "pools")

    async def predict(
        self,
        service: Service,
        body: object = None,
        *,
        path: str = "",
        files: Files | None = None,
        headers: Mapping[str, str] = NOTHING,
        timeout_s: float | None = None,
    ) -> object:
        """Ask the service's model; its answer as parsed JSON, text, or bytes.

        `body` is sent as JSON, bytes as JSON that is written already, an Upload as the file it is. With `files` a
        form is sent, whose other fields are `body`; several files or values under one name are a list.
        """
        asked = question(service.access_address + path, body, files, headers, timeout_s)
        response = await self.session.send(asked)
        return value(response.content, response.headers.get("Content-Type", ""))

    @asynccontextmanager
    async def stream(
        self,
        service: Service,
        body: object = None,
        *,
        path: str = "",
        files: Files | None = None,
        headers: Mapping[str, str] = NOTHING,
        timeout_s: float | None = None,
    ) -> AsyncIterator[AsyncAnswer]:
        """As `predict`, for an answer that is read while it comes. `timeout_s` bounds the wait for each piece."""
        asked = question(service.access_address + path, body, files, headers, timeout_s)
        async with self.session.open(asked) as response:
            yield AsyncAnswer(response)
