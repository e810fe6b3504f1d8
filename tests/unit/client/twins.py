"""One suite for both clients: a scenario awaits, and the blocking client is made to look as if one could."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager
from types import MethodType
from typing import Any

import httpx

from modelyard.client import AsyncClient, Client, Credentials
from modelyard.client.streams import Answer

Handler = Callable[[httpx.Request], httpx.Response]
Scenario = Callable[[Any], Awaitable[Any]]
CREDENTIALS = Credentials(auth_url="http://yard.test/v3", username="ada", password="s3cret", project_name="lab")
KINDS = ("blocking", "asyncio")


def play(kind: str, handler: Handler, scenario: Scenario, credentials: Credentials = CREDENTIALS) -> list[float]:
    """Run the scenario with a client of this kind; how long it would have slept each time."""
    naps: list[float] = []
    transport = httpx.MockTransport(handler)
    if kind == "blocking":
        with Client(credentials, transport=transport, sleep=naps.append) as blocking:
            asyncio.run(_run(scenario, Awaited(blocking)))
        return naps

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    async def main() -> None:
        async with AsyncClient(credentials, transport=transport, sleep=nap) as client:
            await scenario(client)

    asyncio.run(main())
    return naps


async def _run(scenario: Scenario, client: Any) -> None:
    await scenario(client)


class Awaited:
    """Looks asynchronous: calls can be awaited, contexts entered and iterators read with `async`."""

    def __init__(self, inner: object) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not isinstance(value, MethodType):
            return Awaited(value) if type(value).__module__.startswith("modelyard.client.") else value
        if name == "stream":
            return lambda *given, **named: _entered(value(*given, **named))
        if name in {"chunks", "events"} and isinstance(self._inner, Answer):
            return lambda: _each(value())

        async def call(*given: Any, **named: Any) -> Any:
            return value(*given, **named)

        return call


@asynccontextmanager
async def _entered(context: AbstractContextManager[Any]) -> AsyncIterator[Any]:
    with context as inner:
        yield Awaited(inner)


async def _each(found: Iterator[Any]) -> AsyncIterator[Any]:
    for one in found:
        yield one
