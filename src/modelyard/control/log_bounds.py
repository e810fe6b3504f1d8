"""Keeps logs within their bounds: of each service so many bytes and days, whether it is there or was deleted; of a
deleted one of which nothing is left, nothing."""

from collections.abc import Callable

from modelyard.logs.base import LogStore
from modelyard.store.base import Store

DAY_MS = 24 * 3600 * 1000


async def bound(logs: LogStore, store: Store, now_ms: Callable[[], int], *, most_bytes: int, days: int) -> None:
    """0: without that bound. Raises LogsUnavailableError, StoreUnavailableError."""
    kept = await logs.services()  # first: a service that is made meanwhile is known to the store before
    async with store.read() as reading:
        known = set(await reading.service_ids())
    oldest_ms = now_ms() - days * DAY_MS if days else 0
    for service_id in kept:
        await logs.bound(service_id, most_bytes or 1 << 62, oldest_ms)
        if service_id not in known and not (await logs.kept(service_id)).lines:
            await logs.remove(service_id)
