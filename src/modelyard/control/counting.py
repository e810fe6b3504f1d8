"""Invocation totals that outlive the gateway process and this one, and what came in the last minute.

The gateway counts from 0 in each of its processes (`epoch`). The store keeps the totals beside the raw reading
that they include, so that a new control plane goes on where the last one stopped, and a new gateway adds up.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping

from modelyard.domain.service import Counter, Invocations
from modelyard.gateway.base import CounterReading, Gateway
from modelyard.store.base import Store, StoreUnavailableError

log = logging.getLogger(__name__)

WINDOW_MS = 60_000


def counted(known: Mapping[str, Counter], reading: CounterReading) -> dict[str, Counter]:
    """The counters that the reading changes.

    totals 10, raw 10 of epoch a; reading a: 12  → totals 12
    totals 12, raw 12 of epoch a; reading b: 3   → totals 15
    """
    changed = {}
    for service_id, raw in reading.services.items():
        old = known.get(service_id, Counter())
        before = old.raw if old.epoch == reading.epoch else Invocations()
        if raw == before and old.epoch == reading.epoch:
            continue
        if raw == Invocations() and service_id not in known:
            continue
        totals = Invocations(
            old.totals.total + max(raw.total - before.total, 0),
            old.totals.failed + max(raw.failed - before.failed, 0),
        )
        changed[service_id] = Counter(totals, reading.epoch, raw)
    return changed


class Counting:
    """Takes readings into the store, whenever told to."""

    def __init__(self, store: Store, gateway: Gateway, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._gateway = gateway
        self._now_ms = now_ms
        self.minute = Minute()
        self._last: CounterReading | None = None
        self._away = False

    async def take(self) -> None:
        """One reading. Nothing happens while the gateway cannot be asked; what the store cannot take now is in a
        later reading. That it is away is said once, and once that it is back."""
        reading = await self._gateway.counters()
        if reading is None or reading == self._last:
            return
        try:
            await self._keep(reading)
        except StoreUnavailableError as error:
            if not self._away:
                log.error("invocations cannot be stored until the store is back: %s", error)
            self._away = True
        else:
            if self._away:
                log.warning("invocations are stored again")
            self._away = False

    async def _keep(self, reading: CounterReading) -> None:
        async with self._store.read() as reading_tx:
            known = await reading_tx.counters(tuple(reading.services))
            ids = set(await reading_tx.service_ids())
        changed = {k: c for k, c in counted(known, reading).items() if k in ids}
        if changed:
            async with self._store.write() as writing:
                await writing.save_counters(changed)
        self._last = reading
        now_ms = self._now_ms()
        for service_id, counter in changed.items():
            before = known.get(service_id, Counter()).totals.total
            self.minute.note(service_id, counter.totals.total - before, now_ms)


class Minute:
    """Remembers what came when. Holds at most a minute of readings of each service that had requests in it."""

    def __init__(self) -> None:
        self._came: dict[str, deque[tuple[int, int]]] = {}

    def note(self, service_id: str, requests: int, now_ms: int) -> None:
        """So many more requests were seen now."""
        if requests > 0:
            self._came.setdefault(service_id, deque()).append((now_ms, requests))
        self._forget(service_id, now_ms)

    def requests(self, service_id: str, now_ms: int) -> int:
        """Those of the last minute."""
        self._forget(service_id, now_ms)
        return sum(count for _, count in self._came.get(service_id, ()))

    def _forget(self, service_id: str, now_ms: int) -> None:
        came = self._came.get(service_id)
        while came and came[0][0] <= now_ms - WINDOW_MS:
            came.popleft()
        if came is not None and not came:
            del self._came[service_id]
