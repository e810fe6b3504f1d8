"""The control plane's working life: take stock, publish, then react until closed. It is a list of workers, one per
kind of key (`control.loop`); what a service of some type needs is its worker's to know.

A fresh one publishes no route and stops nothing until the store and the engine were observed in full: its first
snapshot would otherwise wipe the routes that a gateway still serves.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from functools import partial

from modelyard.artifacts.sweeping import Sweeper
from modelyard.control.access import TOKEN_TTL_MS, Access
from modelyard.control.counting import Counting
from modelyard.control.loop import KeyedLoop, Worker
from modelyard.control.publishing import Publisher
from modelyard.control.reconcile import Ports, Reconciler
from modelyard.core.metric_catalogue import DATABASE_UP
from modelyard.core.tallies import Sample, Tallies
from modelyard.domain.process import ProcessState
from modelyard.domain.record import Changes
from modelyard.engines.base import EngineUnavailableError
from modelyard.notify.base import Channel
from modelyard.notify.sending import Clocks, Sender
from modelyard.operations.telling import LANE, Teller
from modelyard.operations.tracing import Tracing
from modelyard.store.base import StoreUnavailableError

log = logging.getLogger(__name__)

COUNT_EVERY_S = 1.0
ASK_STORE_EVERY_S = 5.0
LOOK_AGAIN_EVERY_S = 60.0
SWEEP_EVERY_S = 600.0
DOWN_GRACE_S = 10.0


class UnknownKindError(Exception):
    """A nudge for a kind of key that no worker handles: a mistake of whoever nudges."""


class ControlPlane:
    """See the module. `nudge` may be called by anybody in the same event loop, at any time."""

    def __init__(
        self,
        ports: Ports,
        publisher: Publisher,
        *,
        token_ttl_ms: int = TOKEN_TTL_MS,
        sweeper: Sweeper | None = None,
        chores: Sequence[Callable[[], Awaitable[None]]] = (),
        beside: Mapping[str, Callable[[], Coroutine[object, object, None]]] = {},
        channels: Mapping[str, Channel] = {},
        changed: Callable[[str], None] = lambda _service_id: None,
        tracing: Tracing | None = None,
        tallies: Tallies | None = None,
    ) -> None:
        """`token_ttl_ms`: how long a token is good at most. `sweeper`: removes what models left on the disk;
        `chores`: what else is done as often; `beside`: what goes on all the time, by name, until cancelled.
        `channels`: what sends notifications, by protocol. `changed` is called with a service that may look
        different now. `tracing`: None where nothing is traced. `tallies`: where passes are counted."""
        self._sweeper = sweeper
        self._beside = beside
        self._changed = changed
        self._ports = ports
        nudge_service = partial(self.nudge, "service")
        self._access = Access(ports.store, ports.gateway, ports.clock, nudge_service, token_ttl_ms=token_ttl_ms)
        self._tracing = tracing
        teller = Teller(ports.new_id, ports.clock.now_ms, self.nudge, tracing)
        self._reconciler = Reconciler(ports, teller, self._access.codes, changed)
        self._counting = Counting(ports.store, ports.gateway, ports.clock.now_ms)
        clocks = Clocks(ports.clock.now_ms, ports.clock.wall_ms)
        sender = Sender(ports.store, channels, clocks, keep=tracing.keep if tracing is not None else None)
        self._chores = (*chores, sender.prune)
        workers = (
            self._access.worker(),
            Worker(
                LANE,
                sender.lanes,
                sender.handle,
                parallel=10_000,  # the sender itself bounds how much goes on at once
                interruptible=True,
            ),
            Worker("service", self._reconciler.keys, self._reconciler.handle),
            Worker(
                "model",
                publisher.pending,
                publisher.publish,
                parallel=1000,  # the publisher itself bounds what goes on at once
                repeats=False,
                interruptible=True,
            ),
        )
        self._loops = {worker.kind: KeyedLoop(worker, ports.clock, tallies) for worker in workers}
        self._tasks: list[asyncio.Task[None]] = []
        self._started = False
        self._readable = False

    def nudge(self, kind: str, key: str) -> None:
        """Have this key looked at again. What comes before the start is seen by the start. Raises UnknownKindError
        when nobody works on such keys."""
        loop = self._loops.get(kind)
        if loop is None:
            raise UnknownKindError(f"nobody works on keys of the kind {kind!r}")
        if kind == "service":
            self._changed(key)
        if self._started:
            loop.nudge(key)

    async def start(self) -> None:
        """Observe everything, publish every route, and begin to react."""
        ports = self._ports
        if self._tracing is None:
            async with ports.store.write() as writing:
                await writing.forget_traces()  # of a time when there were some
        ports.engine.watch(self._moved)
        ports.gateway.watch(partial(self.nudge, "service"))
        await ports.engine.open()
        await self._access.refresh()
        async with ports.store.read() as reading:
            records = await reading.records()
        await ports.gateway.load(await self._reconciler.routes(records))
        for record in records:
            self._reconciler.moved(record.service.id)
        await self._reconciler.note()
        self._started = True
        for loop in self._loops.values():
            for key in await loop.worker.keys():
                loop.nudge(key)
        self._readable = True
        self._tasks = [
            asyncio.create_task(_every(ASK_STORE_EVERY_S, self.ask_store), name="ask the store"),
            asyncio.create_task(_every(COUNT_EVERY_S, self._counting.take), name="counting"),
            asyncio.create_task(self._sweep_up(), name="sweep"),
            *(asyncio.create_task(_every(SWEEP_EVERY_S, chore), name="chore") for chore in self._chores),
            *(asyncio.create_task(act(), name=name) for name, act in self._beside.items()),
            *(
                asyncio.create_task(_every(LOOK_AGAIN_EVERY_S, partial(_look_again, loop)), name=f"again: {kind}")
                for kind, loop in self._loops.items()
                if loop.worker.repeats
            ),
        ]

    async def close(self) -> None:
        """Let go: gateway and instances go on serving, workers wait for the next control plane."""
        self._started = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for loop in self._loops.values():
            await loop.close()
        await self._ports.runner.close()
        await self._counting.take()

    def healthy(self) -> bool:
        """Whether it was started and is at work, and could read the store when it last tried, seconds ago. Costs
        nothing, however often it is asked."""
        return self._started and bool(self._tasks) and self._readable and not any(t.done() for t in self._tasks)

    async def ask_store(self) -> None:
        """Find out whether the store can be read, for `healthy`. Done by itself every few seconds."""
        try:
            async with asyncio.timeout(ASK_STORE_EVERY_S), self._ports.store.read() as reading:
                await reading.revocations()
        except (StoreUnavailableError, TimeoutError) as error:
            if self._readable:
                log.error("the store cannot be read: %s", error or "no answer")
            self._readable = False
        else:
            self._readable = True

    async def facts(self) -> bool:
        """Bring what is stored to what is there now, so that nobody reads of instances that are gone; whether the
        gateway answers callers. Costs nothing while nothing moves. What cannot be brought there is as it was."""
        try:
            await self._reconciler.note()
        except (EngineUnavailableError, StoreUnavailableError) as error:
            log.warning("what is stored may be older than what runs: %s", error)
        return self._ports.gateway.answers()

    def samples(self) -> Iterator[Sample]:
        """How much it has to do, and whether it can read the store."""
        yield Sample(DATABASE_UP, int(self._readable))
        for loop in self._loops.values():
            yield from loop.samples()

    def requests_per_minute(self, service_id: str) -> int:
        """Requests that came in the last minute, as far as they were counted (once a second)."""
        return self._counting.minute.requests(service_id, self._ports.clock.now_ms())

    async def idle(self) -> None:
        """Until nothing is queued or being handled."""
        for loop in self._loops.values():
            await loop.idle()

    def _moved(self, service_id: str) -> None:
        self._reconciler.moved(service_id)
        self.nudge("service", service_id)

    async def _sweep(self) -> None:
        if self._sweeper is None:
            return
        await self._sweeper.clear()
        for name in await self._sweeper.sweep():
            log.info("removed %s: nothing uses it any more", name)

    async def _sweep_up(self) -> None:
        """What an earlier control plane could not remove goes first."""
        if self._sweeper is not None:
            await self._sweeper.clear()
        await _every(SWEEP_EVERY_S, self._sweep)


async def _look_again(loop: KeyedLoop) -> None:
    """At every key, spread over half a minute: what is due now must not queue behind a thousand."""
    keys = [*await loop.worker.keys()]
    for key in keys:
        loop.nudge(key)
        await asyncio.sleep(LOOK_AGAIN_EVERY_S / 2 / len(keys))


async def end_instances(ports: Ports) -> None:
    """End every instance of the data directory and forget it; the services stay wanted. Call with no loop on.

    The next start deploys again what is wanted.
    """
    changed = asyncio.Event()
    ports.engine.watch(lambda _service_id: changed.set())
    asked: set[str] = set()
    while True:
        changed.clear()
        listing = await ports.engine.list()
        running = [o for o in listing.instances if o.process.state is not ProcessState.EXITED]
        for seen in running:
            if seen.instance_id not in asked:
                await ports.engine.stop(seen.instance_id, DOWN_GRACE_S)
                asked.add(seen.instance_id)
        if not running:
            break
        await changed.wait()
    for seen in listing.instances:
        await ports.engine.remove(seen.instance_id)
    for scope in sorted(listing.unreachable, key=str):
        log.error("what runs on %s of pool %r cannot be ended", scope.node or "any node", scope.pool or "default")
    await _forget_rows(ports)


async def _forget_rows(ports: Ports) -> None:
    async with ports.store.write() as writing:
        for record in await writing.records():
            ids = tuple(i.id for i in record.instances)
            if ids:
                await writing.apply(
                    record.service.id, Changes(seen_version=record.service.version, forget_instances=ids)
                )


async def _every(period_s: float, act: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again; one failure is logged and the next try comes as usual."""
    while True:
        await asyncio.sleep(period_s)
        try:
            await act()
        except Exception:  # a loop's edge: see control.loop
            log.exception("a periodic task failed")
