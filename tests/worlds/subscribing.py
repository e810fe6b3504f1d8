"""The API with everything that notifications need: keys, channels, and a sender that is run by hand."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from tests.worlds.api import ApiWorld, api_world

from modelyard.notify.mail import MailServer
from modelyard.notify.parts import Options, Parts, parts
from modelyard.notify.remote import RemoteSmn
from modelyard.notify.sending import Clocks, Sender
from modelyard.operations.context import NotificationPorts

LOOPBACK = ("127.0.0.0/8",)
TOPICS = "/v2/p1/notifications/topics"
BASE = "http://api:8000"


@dataclass
class Subscribing:
    """`run` sends whatever waits now."""

    api: ApiWorld
    parts: Parts
    sender: Sender

    async def run(self) -> None:
        for key in await self.sender.lanes():
            await self.sender.handle(key)

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        return await self.api.call(method, path, body, **more)

    async def topic(self, name: str = "alerts") -> str:
        answer = await self.call("POST", TOPICS, {"name": name})
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["topic_urn"])

    async def subscribe(self, topic: str, protocol: str, endpoint: str, **more: Any) -> httpx.Response:
        body = {"protocol": protocol, "endpoint": endpoint, **more}
        return await self.call("POST", f"{TOPICS}/{quoted(topic)}/subscriptions", body)

    async def publish(self, topic: str, **body: Any) -> str:
        answer = await self.call("POST", f"{TOPICS}/{quoted(topic)}/publish", body)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["message_id"])

    async def status(self, subscription_urn: str) -> int:
        found = (await self.call("GET", "/v2/p1/notifications/subscriptions")).json()["subscriptions"]
        (one,) = [one for one in found if one["subscription_urn"] == subscription_urn]
        return int(one["status"])

    async def visit(self, url: str, method: str = "GET", **headers: str) -> httpx.Response:
        """As a subscriber does, without a login."""
        return await self.api.client.request(method, url, headers=headers)


def quoted(urn: str) -> str:
    return quote(urn, safe="")


@asynccontextmanager
async def subscribing(
    directory: Path,
    *,
    allowed: Sequence[str] = LOOPBACK,
    mail: MailServer | None = None,
    remote: RemoteSmn | None = None,
) -> AsyncIterator[Subscribing]:
    async with api_world() as world:
        networks = [ip_network(one) for one in allowed]
        made = parts(directory / "keys", Options(BASE, "local", networks, mail, remote), world.clock)
        ports = NotificationPorts("local", made.endpoints, remote, made.certificates.pem)
        context = replace(world.deps.context, notifications=ports, steady=world.clock)
        world.app.state.deps = replace(world.deps, context=context)
        sender = Sender(world.store, made.channels, Clocks(world.clock, world.clock, lambda: 0.5))
        yield Subscribing(world, made, sender)
        await made.close()
