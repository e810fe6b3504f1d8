# Made by scripts/twin.py from aio/client.py: change that one, then `make client`.

"""The client: one session, and what can be done with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import httpx

from modelyard.client.administration import Administration
from modelyard.client.answers import value
from modelyard.client.batch import Batch
from modelyard.client.changes import Changes
from modelyard.client.clockwork import sleep
from modelyard.client.credentials import Credentials
from modelyard.client.models import Models
from modelyard.client.objects import Objects
from modelyard.client.outgoing import NOTHING, Files, question
from modelyard.client.records import Json, Service, rows
from modelyard.client.registries import Registries
from modelyard.client.retries import RETRIES
from modelyard.client.secrets import Secrets
from modelyard.client.services import Services
from modelyard.client.session import Session
from modelyard.client.streams import Answer
from modelyard.client.topics import Topics


class Client:
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
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = sleep,
    ) -> None:
        self.session = Session(credentials, timeout_s=timeout_s, retries=retries, transport=transport, sleep=sleep)
        self.models = Models(self.session)
        self.objects = Objects(self.session)
        self.services = Services(self.session)
        self.batch = Batch(self.session)
        self.changes = Changes(self.session)
        self.topics = Topics(self.session)
        self.registries = Registries(self.session)
        self.secrets = Secrets(self.session)
        self.admin = Administration(self.session)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.session.close()

    def health(self) -> Json:
        """What the control plane says of itself; needs no token."""
        return self.session.root("/healthz")

    def status(self) -> Json:
        """How the installation stands: gateway, instances of the project, limits and whether they are enforced."""
        return self.session.call("GET", "/modelyard/status")

    def top(self) -> Json:
        """What each service of the project uses and does now."""
        return self.session.call("GET", "/modelyard/top")

    def pools(self) -> list[Json]:
        """Each pool of the project: how it stands, what it runs on, its nodes, how much of it is used."""
        return rows(self.session.call("GET", "/modelyard/pools"), "pools")

    def predict(
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
        response = self.session.send(asked)
        return value(response.content, response.headers.get("Content-Type", ""))

    @contextmanager
    def stream(
        self,
        service: Service,
        body: object = None,
        *,
        path: str = "",
        files: Files | None = None,
        headers: Mapping[str, str] = NOTHING,
        timeout_s: float | None = None,
    ) -> Iterator[Answer]:
        """As `predict`, for an answer that is read while it comes. `timeout_s` bounds the wait for each piece."""
        asked = question(service.access_address + path, body, files, headers, timeout_s)
        with self.session.open(asked) as response:
            yield Answer(response)
