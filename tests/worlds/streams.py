"""Streams of the API, driven as a server drives them: an answer that goes on, a client that leaves."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from tests.worlds.api import FIRST, ApiWorld

from modelyard.client.sse import EventReader, ServerEvent
from modelyard.domain.identity import Project

LIMIT_S = 20


@dataclass
class Watching:
    """One stream: its status, and what comes."""

    sent: "asyncio.Queue[dict[str, Any]]"
    gone: asyncio.Event
    reader: EventReader
    waiting: list[ServerEvent]
    status: int = 0
    quiet: int = 0
    ended: bool = False
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def event(self) -> ServerEvent:
        async with asyncio.timeout(LIMIT_S):
            while not self.waiting:
                await self._more()
            return self.waiting.pop(0)

    async def begun(self) -> None:
        """The answer has begun."""
        async with asyncio.timeout(LIMIT_S):
            while not self.status:
                await self._more()

    async def service(self) -> dict[str, Any]:
        event = await self.event()
        assert event.event == "service", event
        shown: dict[str, Any] = json.loads(event.data)
        return shown

    async def end(self) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not self.ended:
                await self._more()
        assert self.waiting == []

    async def _more(self) -> None:
        message = await self.sent.get()
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        self.quiet += message["body"].startswith(b":")
        self.waiting += self.reader.feed(message["body"])
        self.ended = not message.get("more_body")


@asynccontextmanager
async def streamed(
    world: ApiWorld,
    path: str,
    *,
    query: str = "",
    method: str = "GET",
    user: str = "reader",
    project: Project = FIRST,
    held: bool = False,
    **headers: str,
) -> AsyncIterator[Watching]:
    """`GET path` below /v1/PROJECT/services. Header names have `_` for `-`. `held`: nothing is read until it is
    `released`."""
    made = Watching(asyncio.Queue(), asyncio.Event(), EventReader(), [])
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = {"x-auth-token": world.token(user, project), **named}
    path = f"/v1/{project.id}/services/{path}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in asked.items()],
        "client": ("127.0.0.1", 1),
        "server": ("api", 8000),
        "state": {},
    }
    bodies = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> dict[str, Any]:
        if bodies:
            return bodies.pop()
        await made.gone.wait()
        return {"type": "http.disconnect"}

    if not held:
        made.released.set()

    async def send(message: Any) -> None:
        await made.released.wait()
        await made.sent.put(dict(message))

    task = asyncio.create_task(world.app(scope, receive, send))
    try:
        yield made
    finally:
        made.gone.set()
        async with asyncio.timeout(LIMIT_S):
            with suppress(asyncio.CancelledError):
                await task
