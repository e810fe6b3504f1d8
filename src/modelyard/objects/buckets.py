"""Every bucket, wherever it is: a bucket's own endpoint if an administrator gave it one, else the default endpoint
if there is one, else a directory of this machine. And what somebody presigned, at those endpoints.

Which bucket is where is looked up at most once in `FRESH_S`, so that a change holds soon after, whoever made it;
at once, if it was made through this process (`moved`).
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

from modelyard.domain.endpoints import Endpoint
from modelyard.objects.base import (
    Content,
    Method,
    ObjectInfo,
    ObjectRefusedError,
    ObjectStore,
    Place,
)
from modelyard.objects.paths import MalformedPathError, ObjectPath, Presigned, located
from modelyard.objects.presigned import PresignedObjects
from modelyard.objects.s3 import S3Objects

FRESH_S = 2.0


class Buckets:
    """`home`: the directory of this machine. `default`: where buckets without an endpoint of their own are,
    instead. `load` gives the endpoint of each bucket that has its own; it raises ObjectStoreUnavailableError."""

    def __init__(
        self,
        home: ObjectStore,
        load: Callable[[], Awaitable[Mapping[str, Endpoint]]],
        default: Endpoint | None = None,
        *,
        presigned: PresignedObjects | None = None,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._home = home
        self._load = load
        self._default = default
        self._presigned = presigned or PresignedObjects()
        self._clock_s = clock_s
        self._stores: dict[Endpoint, S3Objects] = {}
        self._endpoints: Mapping[str, Endpoint] = {}
        self._until_s: float | None = None
        self._loading = asyncio.Lock()

    async def close(self) -> None:
        await self._presigned.close()

    def moved(self) -> None:
        """Somebody changed where buckets are: look it up before the next use."""
        self._until_s = None

    async def locate(self, text: str) -> Place:
        return located(text, await self._urls())

    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]:
        async for info in (await self._store(path)).list(path, after=after):
            yield info

    async def head(self, path: Place) -> ObjectInfo:
        if isinstance(path, Presigned):
            return await self._presigned.head(await self._allowed(path))
        return await (await self._store(path)).head(path)

    async def read(
        self, path: Place, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        if isinstance(path, Presigned):
            pieces = self._presigned.read(await self._allowed(path), offset=offset, length=length, version=version)
        else:
            pieces = (await self._store(path)).read(path, offset=offset, length=length, version=version)
        async for piece in pieces:
            yield piece

    async def write(self, path: ObjectPath, content: Content, *, create: bool = False) -> ObjectInfo:
        return await (await self._store(path)).write(path, content, create=create)

    async def delete(self, path: ObjectPath) -> None:
        await (await self._store(path)).delete(path)

    async def obstacle(self, path: ObjectPath) -> str:
        return await (await self._store(path)).obstacle(path)

    async def sign(self, path: ObjectPath, method: Method, expires_s: int) -> str | None:
        return await (await self._store(path)).sign(path, method, expires_s)

    async def _store(self, path: ObjectPath) -> ObjectStore:
        endpoint = (await self._known()).get(path.bucket, self._default)
        if endpoint is None:
            return self._home
        if endpoint not in self._stores:
            self._stores[endpoint] = S3Objects(endpoint)
        return self._stores[endpoint]

    async def _known(self) -> Mapping[str, Endpoint]:
        async with self._loading:
            if self._until_s is None or self._clock_s() >= self._until_s:
                self._until_s = self._clock_s() + FRESH_S
                try:
                    self._endpoints = dict(await self._load())
                except BaseException:
                    self._until_s = None
                    raise
                in_use = {*self._endpoints.values(), self._default}
                self._stores = {e: store for e, store in self._stores.items() if e in in_use}
        return self._endpoints

    async def _urls(self) -> frozenset[str]:
        default = {self._default.url} if self._default else set()
        return frozenset({endpoint.url for endpoint in (await self._known()).values()} | default)

    async def _allowed(self, place: Presigned) -> Presigned:
        """Whoever made it may have known other endpoints than there are now."""
        try:
            now = located(place.url, await self._urls())
        except MalformedPathError as error:
            raise ObjectRefusedError(f"{place}: {error}") from None
        if not isinstance(now, Presigned):
            raise ObjectRefusedError(f"{place} cannot be read: its host is none of a configured object store")
        return now
