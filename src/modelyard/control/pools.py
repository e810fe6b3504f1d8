"""Looking at the engines of pools, again and again: what was seen is in memory for whoever admits, starts, shows.

Every engine that a pool names is asked every few seconds, once however many pools name it, each in a task of its
own: one that hangs holds up no other, is given up after LOOK_S, and is not asked twice at once. Nobody waits for
any of this but who makes a pool. A change is told once: in the log, and in the events of the services that use the
pool; these are looked at then, since their instances may have waited for it.
"""

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from modelyard.core.pools import Standing, engine_of, standing
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.pools import PoolEngine, Sight
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import Desired, Event, EventType
from modelyard.domain.texts import shown
from modelyard.engines.pools import PoolEngines
from modelyard.store.base import Store, StoreUnavailableError

log = logging.getLogger(__name__)

EVERY_S = 3.0
LOOK_S = 5.0
AT_ONCE = 32


class PoolWatch:
    """See the module. `nudge` has a service looked at again."""

    def __init__(
        self,
        store: Store,
        engines: PoolEngines,
        nudge: Callable[[str], None],
        wall_ms: Callable[[], int],
        *,
        look_s: float = LOOK_S,
    ) -> None:
        self._store = store
        self._engines = engines
        self._nudge = nudge
        self._wall_ms = wall_ms
        self._look_s = look_s
        self._sights: dict[PoolEngine, Sight] = {}
        self._told: dict[str, Standing] = {}
        self._tasks: dict[PoolEngine, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE)

    def sight(self, engine: PoolEngine) -> Sight | None:
        """How it was last seen; None before that. Costs nothing."""
        return self._sights.get(engine)

    async def look(self, engine: PoolEngine) -> Sight:
        """How it is now. Takes LOOK_S at most, and raises nothing."""
        before = self._sights.get(engine, Sight())
        try:
            async with asyncio.timeout(self._look_s):
                seen = await self._engines.look(engine)
        except TimeoutError:
            seen = Sight(before.what, f"it did not answer within {self._look_s:g} s")
        except Exception as error:  # whatever an engine's client does: the others are looked at all the same
            log.exception("a pool's engine (%s) could not be looked at", _name(engine))
            seen = Sight(before.what, f"it could not be looked at: {error}")
        if seen.why:
            seen = replace(seen, what=seen.what or before.what, nodes=seen.nodes or before.nodes)
        self._sights[engine] = seen
        return seen

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                try:
                    await self.round()
                except StoreUnavailableError as error:
                    log.warning("pools are not looked at while the store is away: %s", error)
                except Exception:  # a loop's edge: see control.loop
                    log.exception("pools could not be looked at")
                await asyncio.sleep(EVERY_S)
        finally:
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)

    async def round(self) -> None:
        """Begin to look at every engine that is not being looked at, and forget those that no pool names."""
        entries = await self._entries()
        named = {engine for entry in entries if (engine := engine_of(entry)) is not None}
        for gone in self._sights.keys() - named - self._tasks.keys():
            del self._sights[gone]
        ids = {entry.id for entry in entries}
        self._told = {pool_id: told for pool_id, told in self._told.items() if pool_id in ids}
        for engine in named - self._tasks.keys():
            task = asyncio.create_task(self._looked(engine), name=f"look at {_name(engine)}")
            self._tasks[engine] = task
            task.add_done_callback(lambda _done, engine=engine: self._tasks.pop(engine, None))  # type: ignore[misc]

    async def settled(self) -> None:
        """Until nothing is being looked at."""
        while self._tasks:
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            await asyncio.sleep(0)

    async def _looked(self, engine: PoolEngine) -> None:
        try:
            async with self._places:
                await self.look(engine)
            await self._tell(engine)
        except StoreUnavailableError as error:
            log.warning("what became of a pool is told later, the store is away: %s", error)
        except Exception:  # a task's edge
            log.exception("what became of a pool's engine (%s) could not be told", _name(engine))

    async def _tell(self, engine: PoolEngine) -> None:
        """What changed of the pools of this engine."""
        changed = [
            (entry, now)
            for entry in await self._entries()
            if engine_of(entry) == engine
            and (now := standing(entry, self._sights.get(engine))) != self._told.get(entry.id)
        ]
        for entry, now in changed:
            before = self._told.get(entry.id)
            if now.healthy and (before is None or before.healthy):
                self._told[entry.id] = now
                continue
            await self._tell_users(entry, now)
            self._told[entry.id] = now

    async def _tell_users(self, entry: PoolEntry, now: Standing) -> None:
        text = f"the resource pool {shown(entry.name)} is {now.status}" + (f": {now.why}" if now.why else "")
        kind = EventType.NORMAL if now.healthy else EventType.ABNORMAL
        log.log(logging.INFO if now.healthy else logging.WARNING, "%s (project %s)", text, entry.project_id)
        async with self._store.read() as reading:
            users = [*_users(await reading.records(entry.project_id), entry.id)]
        at_ms = self._wall_ms()
        if users:
            async with self._store.write() as writing:
                there = {*await writing.service_ids()}
                await writing.add_events([Event(one, kind, text, at_ms) for one in users if one in there])
        for service_id in users:
            self._nudge(service_id)

    async def _entries(self) -> Collection[PoolEntry]:
        async with self._store.read() as reading:
            return await reading.pools(None)


def _users(records: Iterable[ServiceRecord], pool_id: str) -> Iterator[str]:
    """Services that are to run in the pool, or have instances there."""
    for record in records:
        service = record.service
        meant = record.revisions[service.revision].variants if service.desired is Desired.RUNNING else ()
        templates = {v.template.hash: v.template for r in record.revisions.values() for v in r.variants}
        there = (templates[i.template] for i in record.instances if i.template in templates)
        if pool_id in {v.template.pool for v in meant} or any(template.pool == pool_id for template in there):
            yield service.id


def _name(engine: PoolEngine) -> str:
    return f"{engine.kind} {engine.endpoint}".rstrip()
