"""The client: one session, and what can be done with it."""

from typing import Self

import httpx

from modelyard.client.administration import Administration
from modelyard.client.changes import Changes
from modelyard.client.credentials import Credentials
from modelyard.client.models import Models
from modelyard.client.records import Json, Service
from modelyard.client.services import Services
from modelyard.client.session import Session


class Client:
    """Use as a context manager, or call `close`. Not for several threads at once."""

    def __init__(self, credentials: Credentials, *, transport: httpx.BaseTransport | None = None) -> None:
        self.session = Session(credentials, transport=transport)
        self.models = Models(self.session)
        self.services = Services(self.session)
        self.changes = Changes(self.session)
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

    def predict(self, service: Service, body: object, *, path: str = "") -> object:
        """Ask the service's model: `body` is sent as JSON (bytes as they are); the parsed answer, or its text."""
        raw = isinstance(body, bytes)
        options: dict[str, object] = {"content": body} if raw else {"json": body}
        headers = {"Content-Type": "application/json"}
        response = self.session.send("POST", service.access_address + path, headers=headers, **options)
        try:
            return response.json()
        except ValueError:
            return response.text
