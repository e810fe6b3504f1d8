"""How long lines are kept: every service within its bounds, and those of deleted services until they are too old.

Lines outlive their service, so that people can ask why it is gone; once none of them is within the bound of days,
what is left of them goes, and with it the channels that showed them. Without a bound of days those of a deleted
service stay as long as they would by default.
"""

import logging
from collections.abc import Callable

from modelyard.logs.base import LogStore, LogsUnavailableError
from modelyard.store.base import Store, StoreUnavailableError

log = logging.getLogger(__name__)

DAY_MS = 24 * 3600 * 1000


class LogRetention:
    """`most_bytes`, `days`: of each service; 0: without that bound. `days_after`: of one that is
    gone, where `days` is 0."""

    def __init__(
        self,
        store: Store,
        logs: LogStore,
        wall_ms: Callable[[], int],
        *,
        most_bytes: int,
        days: int,
        days_after: int,
    ) -> None:
        self._store = store
        self._logs = logs
        self._wall_ms = wall_ms
        self._most_bytes = most_bytes
        self._days = days
        self._days_after = days or days_after

    async def sweep(self) -> None:
        """Called now and then. What cannot be done now is done the next time."""
        try:
            services = await self._logs.services()  # first: what is made meanwhile is known to the store before
            async with self._store.read() as reading:
                known = set(await reading.service_ids())
        except (StoreUnavailableError, LogsUnavailableError) as error:
            log.warning("old lines are not removed now: %s", error)
            return
        for service_id in services:
            try:
                await self._bound(service_id, exists=service_id in known)
            except (StoreUnavailableError, LogsUnavailableError) as error:
                log.warning("old lines of %s are not removed now: %s", service_id, error)

    async def _bound(self, service_id: str, *, exists: bool) -> None:
        days = self._days if exists else self._days_after
        oldest_ms = self._wall_ms() - days * DAY_MS if days else 0
        await self._logs.bound(service_id, self._most_bytes, oldest_ms)
        if exists or (await self._logs.kept(service_id)).lines:
            return
        await self._logs.remove(service_id)
        async with self._store.write() as writing:
            await writing.delete_channels([service_id])
            await writing.forget_log_exports([service_id])
