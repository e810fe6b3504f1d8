"""The client for asyncio. This package is the source; the blocking one is made from it (`scripts/twin.py`).

async with AsyncClient(Credentials.from_environment()) as yard:
    service = await yard.services.find("iris")
    async with yard.stream(service, {"prompt": "…"}) as answer:
        async for event in answer.events():
            print(event.data)
"""

from modelyard.client.aio.client import AsyncClient
from modelyard.client.aio.session import AsyncSession
from modelyard.client.aio.streams import AsyncAnswer
from modelyard.client.aio.waiting import AsyncPatience

__all__ = ["AsyncAnswer", "AsyncClient", "AsyncPatience", "AsyncSession"]
