"""One pass over one service: observe everything, decide, record, act.

Promises: what is done was recorded before (a crash in between leaves a row that says what was meant, and the
next pass does it again: every act is idempotent on our ids). A decision made from a state that a user changed
meanwhile is thrown away whole. An engine or store that cannot be asked means no decision at all.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

from modelyard.batch.runner import Runner
from modelyard.control.batch import BatchTasks, batch_situation, explained, load_tasks
from modelyard.control.clock import Clock
from modelyard.control.grants import Granting, no_cards
from modelyard.control.observe import NODE_LOST_MS, Instant, Memory, Seen, leftovers, situation, strangers
from modelyard.control.passes import Look, Passes
from modelyard.control.specs import Sights, spec, unseen
from modelyard.core.batch.decide import BatchDecision
from modelyard.core.batch.decide import noted as batch_noted
from modelyard.core.masking import Masker
from modelyard.core.rollout.decide import Decision, decide, noted
from modelyard.core.rollout.recording import Recorded, recorded
from modelyard.core.rollout.situation import Situation
from modelyard.core.secrets import masker_of
from modelyard.domain.batch import Task
from modelyard.domain.devices import Inventory
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.notifications import Lane
from modelyard.domain.process import ProcessState
from modelyard.domain.record import Changes, ServiceRecord
from modelyard.domain.routing import ServiceRoute
from modelyard.domain.service import Event, EventType, InferType, Rollout, Service
from modelyard.engines.base import (
    Engine,
    FetchingError,
    Listing,
    NoRoomError,
    Observed,
    StartRefusedError,
    WaitingError,
)
from modelyard.gateway.base import Gateway
from modelyard.operations.telling import Teller
from modelyard.store.base import Store

TAIL_LINES = 20
NO_ROOM_AGAIN_MS = 5_000
STRANGER_GRACE_S = 30.0
READ_ONE_BY_ONE = 16
"""For more services than this, all records are read at once."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything a pass touches. `runner` carries out the tasks of batch services. `node_lost_ms` as in `Seen`;
    `sights`: how the engines of pools were last seen. `cards`: the accelerators of this machine."""

    store: Store
    engine: Engine
    gateway: Gateway
    clock: Clock
    new_id: Callable[[], str]
    runner: Runner
    node_lost_ms: int = NODE_LOST_MS
    sights: Sights = unseen
    cards: Callable[[], Awaitable[Inventory]] = no_cards


@dataclass(frozen=True, slots=True)
class _Decided:
    """A decision that was recorded, and has yet to be carried out. `batch`: all of it, of a batch service."""

    decision: Decision
    rows: Recorded
    now_ms: int
    batch: BatchDecision | None = None


class UndecidedTypeError(Exception):
    """A service of a type that this release has no decision for."""


def _real_time(seen: Situation, instant: Instant, rejected: str) -> Decision:
    return decide(seen, instant.now_ms, rejected=rejected, wall_ms=instant.wall_ms)


class Reconciler:
    """See the module. One per control plane; passes over different services may overlap."""

    def __init__(
        self,
        ports: Ports,
        teller: Teller,
        codes: Callable[[str], tuple[str, ...]] = lambda _service_id: (),
        changed: Callable[[str], None] = lambda _service_id: None,
    ) -> None:
        """`teller` writes what changes. `codes`: the AppCodes that open a service. `changed`: what is stored of
        this one is different now."""
        self._changed = changed
        self._teller = teller
        self._ports = ports
        self._passes = Passes(ports.store, ports.gateway, teller.tracing)
        self._codes = codes
        self._granting = Granting(ports.store, ports.engine, ports.cards)
        self._batch = BatchTasks(ports.store, ports.runner, ports.clock)
        self._memory: dict[str, Memory] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._moved: Counter[str] = Counter()

    def moved(self, service_id: str) -> None:
        """Something about its instances changed: until that is recorded, what is stored is out of date."""
        self._moved[service_id] += 1

    async def keys(self) -> Collection[str]:
        """Every service that is stored or has an instance."""
        async with self._ports.store.read() as reading:
            known = await reading.service_ids()
        return {*known, *(o.service_id for o in (await self._ports.engine.list()).instances)}

    async def handle(self, service_id: str) -> int | None:
        """One pass; the moment from which the next is due without an event (milliseconds), None for none."""
        async with self._passes.look(service_id) as look:
            return await self._looked(service_id, look)

    async def _looked(self, service_id: str, look: Look) -> int | None:
        ports = self._ports
        async with self._alone(service_id):
            moves = self._moved[service_id]
            async with ports.store.read() as reading:
                record = await reading.record(service_id)
                tasks = await load_tasks(reading, service_id) if record is not None and _is_batch(record) else ()
            observed = await ports.engine.list(service_id)
            decided = await self._decided(record, observed, tasks) if record is not None else None
            if record is None or decided is not None:
                self._recorded(service_id, moves)
        if record is None:
            return await self._end_strangers(service_id, observed)
        if decided is None:  # a user changed it meanwhile
            return ports.clock.now_ms()
        look.decided(decided.decision, decided.rows)
        return await self._carried_out(record, observed, decided)

    async def note(self) -> None:
        """Record what happened to the instances of every service that moved, all in one transaction. Decides
        nothing: the passes do that, and may come later when many services move at once.

        Raises EngineUnavailableError, StoreUnavailableError.
        """
        ids = sorted(self._moved)
        async with AsyncExitStack() as stack:
            for service_id in ids:
                await stack.enter_async_context(self._alone(service_id))
            moves = {service_id: self._moved[service_id] for service_id in ids if service_id in self._moved}
            if not moves:
                return
            changes = await self._noted(moves)
            waiting: list[Lane] = []
            if changes:
                async with self._ports.store.write() as writing:
                    for service_id, (service, one) in changes.items():
                        lanes = await self._teller.apply(writing, service, one)
                        if lanes is None:
                            del moves[service_id]  # a user changed it meanwhile
                        waiting += lanes or ()
            self._teller.wake(waiting)
            for service_id, seen in moves.items():
                self._recorded(service_id, seen)
                if service_id in changes:
                    self._changed(service_id)

    async def _noted(self, service_ids: Collection[str]) -> Mapping[str, tuple[Service, Changes]]:
        """What there is to record of which services, as they are stored."""
        ports, instant = self._ports, self._instant()
        async with ports.store.read() as reading:
            if len(service_ids) > READ_ONE_BY_ONE:
                records = [r for r in await reading.records() if r.service.id in service_ids]
            else:
                records = [r for key in service_ids if (r := await reading.record(key)) is not None]
        observed = _by_service(await ports.engine.list())
        changes = {}
        for record in records:
            seen = self._situation(record, observed[record.service.id], instant)
            if _is_batch(record):
                notes = batch_noted(batch_situation(seen, ()), instant.now_ms, instant.wall_ms)
            else:
                notes = noted(seen, instant.now_ms, instant.wall_ms)
            if notes.service or notes.instances:
                self._lapsed(seen, record, notes.instances)
                version = record.service.version
                one = Changes(version, notes.service, instances=notes.instances, events=notes.events)
                changes[record.service.id] = record.service, one
        return changes

    @asynccontextmanager
    async def _alone(self, service_id: str) -> AsyncIterator[None]:
        """Nobody else reads, decides and records about this service meanwhile."""
        lock = self._locks.setdefault(service_id, asyncio.Lock())
        async with lock:
            yield

    def _recorded(self, service_id: str, moves: int) -> None:
        """What had moved by the `moves`-th time is in the store now; what has moved since is not."""
        if self._moved[service_id] == moves:
            del self._moved[service_id]

    async def routes(self, records: Iterable[ServiceRecord]) -> Sequence[ServiceRoute]:
        """What a fresh control plane publishes first: the route of every service that has one, from everything
        observed."""
        observed = _by_service(await self._ports.engine.list())
        routes = []
        for record in _routed(records):
            instant = self._instant()
            seen = self._situation(record, observed[record.service.id], instant)
            route = _real_time(seen, instant, "").route
            if route is not None:
                self._passes.pushing(record.service.id, route)
                routes.append(route)
        return routes

    async def _decided(self, record: ServiceRecord, observed: Listing, tasks: Sequence[Task]) -> _Decided | None:
        """What is to be done, recorded; None when it was decided from what is not so any more: a user changed the
        service meanwhile, or its task came to an end."""
        ports, service_id = self._ports, record.service.id
        instant, batch = self._instant(), None
        seen = self._situation(record, observed, instant)
        match record.service.infer_type:
            case InferType.REAL_TIME:
                rejected = ports.gateway.view(service_id).rejected if self._is_ours(record) else ""
                decision = await self._explained(_real_time(seen, instant, rejected), record)
            case InferType.BATCH:
                decided = self._batch.decided(seen, tasks, instant, ports.new_id())
                batch = await self._explained_task(decided, record)
                decision = batch.rows
            case InferType.EDGE:
                raise UndecidedTypeError(f"nothing decides about {record.service.infer_type} services")
        ids = [ports.new_id() for _ in decision.starts]
        rows = recorded(record, decision, ids, instant.now_ms, tuple(strangers(record, observed.instances)))
        if rows.changes or batch:
            async with ports.store.write() as writing:
                if batch is not None and not await self._batch.unchanged(writing, service_id, tasks):
                    return None
                task = _newest(batch, tasks)
                lanes = await self._teller.apply(writing, record.service, rows.changes, task)
                if lanes is None:
                    return None
                if batch is not None:
                    await self._batch.record(writing, batch)
            self._teller.wake(lanes)
            self._lapsed(seen, record, decision.instances)
            self._changed(service_id)
        return _Decided(decision, rows, instant.now_ms, batch)

    def _lapsed(self, seen: Situation, record: ServiceRecord, moved: Iterable[Instance]) -> None:
        hung = {o.id for o in seen.observations if o.hung}
        self._memory[record.service.id].note_lapses(record.instances, moved, hung)

    async def _carried_out(self, record: ServiceRecord, observed: Listing, decided: _Decided) -> int | None:
        ports, service_id = self._ports, record.service.id
        decision, now_ms, batch = decided.decision, decided.now_ms, decided.batch
        if batch is None:
            await self._route(service_id, decision.route, decision.rollout or record.rollout)
        else:
            await self._batch.halt(batch)
        waiting = await self._act(record, decision, decided.rows)
        for instance_id in leftovers(record, observed.instances):
            await ports.engine.remove(instance_id)
        if decision.delete_service:
            self._memory.pop(service_id, None)
            return None
        again_ms = await self._batch.carry_out(record, batch) if batch is not None else None
        if decided.rows.changes:
            return now_ms
        return _earliest(decision.again_ms, again_ms, now_ms + NO_ROOM_AGAIN_MS if waiting else None)

    def _instant(self) -> Instant:
        return Instant(self._ports.clock.now_ms(), self._ports.clock.wall_ms())

    def _situation(self, record: ServiceRecord, observed: Listing, instant: Instant) -> Situation:
        service_id, gateway = record.service.id, self._ports.gateway
        seen = Seen(
            hidden(observed, masker_of(record)),
            gateway.view(service_id),
            gateway.connected(),
            instant,
            self._codes(service_id),
            self._ports.node_lost_ms,
        )
        return situation(record, seen, self._memory.setdefault(service_id, Memory()))

    async def _explained(self, decision: Decision, record: ServiceRecord) -> Decision:
        """The decision with the last log lines of the instance that caused a failure."""
        if decision.explain is None or decision.rollout is None:
            return decision
        text = await self._last_words(decision.explain, masker_of(record))
        rollout = replace(decision.rollout, cause=decision.rollout.cause + text)
        service = decision.service and replace(decision.service, error=decision.service.error + text)
        return replace(decision, rollout=rollout, service=service)

    async def _explained_task(self, decision: BatchDecision, record: ServiceRecord) -> BatchDecision:
        """The same for a task that failed."""
        if decision.rows.explain is None:
            return decision
        return explained(decision, await self._last_words(decision.rows.explain, masker_of(record)))

    async def _last_words(self, instance_id: str, masker: Masker) -> str:
        tail = (await self._ports.engine.log_tail(instance_id, TAIL_LINES)).strip()
        return f"\nThe last lines of its log:\n{masker.text(tail)}" if tail else ""

    async def _route(self, service_id: str, route: ServiceRoute | None, rollout: Rollout | None) -> None:
        self._passes.pushing(service_id, route)
        if route is None:
            await self._ports.gateway.remove(service_id)
            return
        memory = self._memory.setdefault(service_id, Memory())
        memory.note_published(route.instance_ids(), rollout.id if rollout else "")
        await self._ports.gateway.put(route)

    def _is_ours(self, record: ServiceRecord) -> bool:
        """Whether the route that the gateway may have refused was published for the rollout of this record."""
        memory = self._memory.setdefault(record.service.id, Memory())
        return memory.route_rollout == (record.rollout.id if record.rollout else "")

    async def _act(self, record: ServiceRecord, decision: Decision, rows: Recorded) -> bool:
        """Carry the decision out; True when a start waits for room."""
        engine, memory = self._ports.engine, self._memory[record.service.id]
        resumed = [i for i in record.instances if i.id in decision.resume]
        for stop in decision.stops:
            await engine.stop(stop.instance_id, stop.grace_s)
        for instance_id in decision.forget:
            await engine.remove(instance_id)
            memory.forget(instance_id)
        refused: list[Instance] = []
        told: list[Event] = []
        for instance in rows.after.instances if rows.after else ():
            if instance.phase is Phase.DRAINING:
                engine.poll_fast(instance.id)
        for instance in (*resumed, *rows.started):
            try:
                wanted = await spec(self._ports.store, record, instance, self._ports.sights)
                await engine.start(replace(wanted, devices=await self._granting.granted(record, wanted)))
                memory.obstacles.pop(instance.id, None)
                if instance.id in memory.fetching:
                    memory.fetching.discard(instance.id)
                    told.append(self._told(record, instance, "pull image success"))
            except NoRoomError as error:
                if isinstance(error, FetchingError) and instance.id not in memory.fetching:
                    memory.fetching.add(instance.id)
                    told.append(self._told(record, instance, "pulling model image"))
                memory.obstacles[instance.id] = str(error)
                (memory.waiting.add if isinstance(error, WaitingError) else memory.waiting.discard)(instance.id)
            except StartRefusedError as error:
                refused.append(instance.become(Phase.EXITED, self._ports.clock.now_ms(), exit=str(error)))
        if refused or told:
            await self._record_starts(record, refused, told)
        return bool(memory.obstacles)

    def _told(self, record: ServiceRecord, instance: Instance, what: str) -> Event:
        """The event of an instance's model, in the vendor's vocabulary."""
        variants = (v for r in record.revisions.values() for v in r.variants)
        variant = next((v for v in variants if v.template.hash == instance.template), None)
        name = f"[{variant.model_name} {variant.model_version}]" if variant else "[unknown]"
        return Event(record.service.id, EventType.NORMAL, f"{name} {what}", self._ports.clock.wall_ms())

    async def _record_starts(
        self, record: ServiceRecord, refused: Sequence[Instance], told: Sequence[Event]
    ) -> None:
        wall_ms = self._ports.clock.wall_ms()
        service = record.service
        cannot = (Event(service.id, EventType.ABNORMAL, f"cannot start: {i.exit}", wall_ms) for i in refused)
        events = (*told, *cannot)
        changes = Changes(seen_version=service.version, instances=tuple(refused), events=events)
        async with self._ports.store.write() as writing:
            lanes = await self._teller.apply(writing, service, changes)
        self._teller.wake(lanes or ())

    async def _end_strangers(self, service_id: str, observed: Listing) -> int | None:
        """Instances of a service that is not there: nothing may be left of it."""
        await self._ports.gateway.remove(service_id)
        for seen in observed.instances:
            if seen.process.state is ProcessState.EXITED:
                await self._ports.engine.remove(seen.instance_id)
            elif seen.process.state is not ProcessState.STOPPING:
                await self._ports.engine.stop(seen.instance_id, STRANGER_GRACE_S)
        return None


def hidden(observed: Listing, masker: Masker) -> Listing:
    """Without secrets in how instances ended: a model may have said that itself."""
    if not masker:
        return observed
    processes = [replace(o.process, exit=masker.text(o.process.exit)) for o in observed.instances]
    instances = zip(observed.instances, processes, strict=True)
    return replace(observed, instances=tuple(replace(o, process=process) for o, process in instances))


def _newest(batch: BatchDecision | None, tasks: Sequence[Task]) -> Task | None:
    """The newest task as the decision leaves it."""
    if batch is None or not tasks or batch.begun is not None:
        return batch.begun if batch is not None else None
    return next((task for task in batch.tasks if task.id == tasks[0].id), tasks[0])


def _is_batch(record: ServiceRecord) -> bool:
    return record.service.infer_type is InferType.BATCH


def _routed(records: Iterable[ServiceRecord]) -> Iterator[ServiceRecord]:
    """Those of services that callers reach through the gateway."""
    return (record for record in records if record.service.infer_type is InferType.REAL_TIME)


def _by_service(listing: Listing) -> Mapping[str, Listing]:
    """Of each service what is seen of it, and what cannot be."""
    of: defaultdict[str, list[Observed]] = defaultdict(list)
    for instance in listing.instances:
        of[instance.service_id].append(instance)
    parts = {service_id: Listing(tuple(instances), listing.unreachable) for service_id, instances in of.items()}
    return defaultdict(lambda: Listing(unreachable=listing.unreachable), parts)


def _earliest(*moments: int | None) -> int | None:
    return min((m for m in moments if m is not None), default=None)
