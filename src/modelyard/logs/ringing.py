"""A store of lines that says so when something was appended: followers look at once, instead of now and then."""

from collections.abc import Callable, Sequence

from modelyard.domain.logs import Found, Kept, Line, LogQuery, Origin
from modelyard.logs.base import LogStore


class RingingLogs:
    """`inner`, and `ring(service_id)` after each append."""

    def __init__(self, inner: LogStore, ring: Callable[[str], None]) -> None:
        self._inner = inner
        self._ring = ring

    async def open(self) -> None:
        await self._inner.open()

    async def close(self) -> None:
        await self._inner.close()

    async def append(self, origin: Origin, lines: Sequence[Line], position: str) -> int:
        last = await self._inner.append(origin, lines, position)
        if lines:
            self._ring(origin.service_id)
        return last

    async def position(self, origin: Origin) -> str:
        return await self._inner.position(origin)

    async def search(self, service_id: str, query: LogQuery) -> Found:
        return await self._inner.search(service_id, query)

    async def kept(self, service_id: str) -> Kept:
        return await self._inner.kept(service_id)

    async def services(self) -> Sequence[str]:
        return await self._inner.services()

    async def bound(self, service_id: str, most_bytes: int, oldest_ms: int) -> None:
        await self._inner.bound(service_id, most_bytes, oldest_ms)

    async def remove(self, service_id: str) -> None:
        await self._inner.remove(service_id)
