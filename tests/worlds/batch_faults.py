"""A store and an object store that are away now and then, before they did what they were asked, or after it."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from modelyard.objects.base import ObjectStoreUnavailableError
from modelyard.store.base import StoreUnavailableError


class Faults:
    """`share` of what is asked for fails."""

    def __init__(self, random: random.Random, share: float) -> None:
        self.random = random
        self.share = share

    def strikes(self) -> bool:
        return self.random.random() < self.share


class FaultyStore:
    def __init__(self, store: Any, faults: Faults) -> None:
        self._store = store
        self._faults = faults

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        if self._faults.strikes():
            raise StoreUnavailableError("the database is away")
        async with self._store.read() as r:
            yield r

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        if self._faults.strikes():
            raise StoreUnavailableError("the database is away")
        async with self._store.write() as w:
            yield w
        if self._faults.strikes():
            raise StoreUnavailableError("nobody knows whether that was committed")


class FaultyObjects:
    def __init__(self, objects: Any, faults: Faults) -> None:
        self._objects = objects
        self._faults = faults

    def _strike(self) -> None:
        if self._faults.strikes():
            raise ObjectStoreUnavailableError("the object store is away")

    async def list(self, path: Any, *, after: str = "") -> Any:
        self._strike()
        async for info in self._objects.list(path, after=after):
            yield info

    async def head(self, path: Any) -> Any:
        self._strike()
        return await self._objects.head(path)

    async def read(self, path: Any, **options: Any) -> Any:
        self._strike()
        async for piece in self._objects.read(path, **options):
            yield piece
            self._strike()

    async def write(self, path: Any, content: Any, *, create: bool = False) -> Any:
        self._strike()
        info = await self._objects.write(path, content, create=create)
        self._strike()
        return info

    async def delete(self, path: Any) -> None:
        self._strike()
        await self._objects.delete(path)
        self._strike()
