"""A whole control plane in one process, with virtual time: fake engine, fake gateway, the real store.

`settle()` lets everything happen that can happen now; `run_until` moves the clock from event to event.
"""

import heapq
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.worlds.publishing import new_publisher

from modelyard.batch.fake import FakeRunner
from modelyard.control.plane import ControlPlane
from modelyard.control.reconcile import Ports
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.domain.devices import Inventory
from modelyard.domain.identity import Principal, Role
from modelyard.domain.instance import Instance
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.process import ProcessState
from modelyard.domain.record import ServiceRecord
from modelyard.domain.routing import RouteState, ServiceRoute
from modelyard.domain.service import Desired, Event, InferType, Rollout, Service
from modelyard.engines.base import Observed
from modelyard.engines.fake import FakeEngine
from modelyard.gateway.fake import FakeGateway
from modelyard.notify.base import Channel
from modelyard.operations.context import Context
from modelyard.operations.services.change import UpdateRequest, update_service
from modelyard.operations.services.create import ServiceRequest, create_service
from modelyard.operations.services.delete import delete_services
from modelyard.operations.tracing import Tracing
from modelyard.store.services import EventQuery
from modelyard.store.sql import SqlStore

PROJECT = "p1"
ALICE = Principal("u1", "alice", "d1", "domain", PROJECT, "project", frozenset({Role.ADMIN}))
EPOCH_MS = 1_000_000


@dataclass(slots=True)
class _Call:
    call: Callable[[], None]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True)
class VirtualClock:
    """A clock that only moves when told. `ahead_ms`: of its wall clock, set by `jump`."""

    now: int = EPOCH_MS
    ahead_ms: int = 0
    _calls: list[tuple[int, int, _Call]] = field(default_factory=list)
    _order: "itertools.count[int]" = field(default_factory=itertools.count)

    def now_ms(self) -> int:
        return self.now

    def wall_ms(self) -> int:
        return self.now + self.ahead_ms

    def jump(self, ms: int) -> None:
        """Somebody sets the wall clock. No time passes."""
        self.ahead_ms += ms

    def call_at(self, when_ms: int, call: Callable[[], None]) -> _Call:
        entry = _Call(call)
        heapq.heappush(self._calls, (when_ms, next(self._order), entry))
        return entry

    def next_ms(self) -> int | None:
        while self._calls and self._calls[0][2].cancelled:
            heapq.heappop(self._calls)
        return self._calls[0][0] if self._calls else None

    def advance(self, to_ms: int) -> None:
        self.now = max(self.now, to_ms)
        while (due := self.next_ms()) is not None and due <= self.now:
            heapq.heappop(self._calls)[2].call()


class PlaneWorld:
    """What tests drive. `plane` is replaced by `restart` (a kill -9 and a new control plane)."""

    def __init__(self, store: SqlStore, directory: Path, *, traced: bool = False) -> None:
        self.clock = VirtualClock()
        self.engine = FakeEngine(self.clock.now_ms)
        self.gateway = FakeGateway()
        self.store = store
        self._ids = (f"id{n}" for n in itertools.count(1))
        self.runner = FakeRunner(store, lambda service_id: self._nudge("service", service_id), self.clock.wall_ms)
        self.publisher = new_publisher(store, self.clock.wall_ms, directory)
        self.world = Ports(
            store=store,
            engine=self.engine,
            gateway=self.gateway,
            clock=self.clock,
            new_id=lambda: next(self._ids),
            runner=self.runner,
            cards=self._cards,
        )
        self.cards = Inventory()
        self.changed: list[str] = []
        self.channels: dict[str, Channel] = {}
        self._traced = traced
        self.plane = self._plane()
        self.context = Context(
            store=store,
            clock=self.clock.wall_ms,
            new_id=lambda: next(self._ids),
            nudge=self._nudge,
            facts=self._facts,
            steady=self.clock.now_ms,
            tracing=self.tracing,
        )

    def _plane(self) -> ControlPlane:
        self.tracing = (
            Tracing(self.clock.wall_ms, self.clock.now_ms, now_ns=self._now_ns) if self._traced else None
        )
        return ControlPlane(
            self.world,
            self.publisher,
            channels=self.channels,
            changed=self.changed.append,
            tracing=self.tracing,
        )

    def _now_ns(self) -> int:
        return self.clock.wall_ms() * 1_000_000

    def _nudge(self, kind: str, key: str) -> None:
        """To the present control plane: `restart` replaces it."""
        self.plane.nudge(kind, key)

    async def _cards(self) -> Inventory:
        """What a test says there are."""
        return self.cards

    async def _facts(self) -> bool:
        return await self.plane.facts()

    async def open(self) -> None:
        await self.engine.open()
        await self.gateway.open()
        await self.plane.start()

    async def restart(self) -> None:
        """The control plane dies, engine and gateway go on, another one starts."""
        await self.plane.close()
        await self.engine.close()
        self.plane = self._plane()
        self.context = replace(self.context, tracing=self.tracing)
        await self.plane.start()

    async def model(self, name: str, version: str = "1.0.0") -> str:
        """A published model; its id is name-version."""
        model = Model(
            id=f"{name}-{version}",
            project_id=PROJECT,
            name=name,
            version=version,
            type="Custom",
            source_location="obs://b/k",
            owner="u1",
            created_ms=self.clock.now,
            status=ModelStatus.PUBLISHED,
            digest=f"digest-{name}-{version}",
        )
        async with self.store.write() as w:
            await w.add_model(model)
        return model.id

    async def create(self, *config: VariantRequest) -> str:
        return await self.create_named("svc", *config)

    async def create_named(self, name: str, *config: VariantRequest) -> str:
        request = ServiceRequest(name, InferType.REAL_TIME, config)
        return (await create_service(self.context, ALICE, PROJECT, request)).service.id

    async def put(self, service_id: str, *config: VariantRequest, status: Desired | None = None) -> None:
        request = UpdateRequest(status=status, config=config or None)
        await update_service(self.context, ALICE, PROJECT, service_id, request)

    async def delete(self, service_id: str) -> None:
        await delete_services(self.context, ALICE, PROJECT, [service_id])

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        await self.plane.idle()

    async def run_until(
        self, done: "Callable[[ServiceRecord], bool]", service_id: str, limit_ms: int = 600_000
    ) -> int:
        """Move the clock from change to change until the record fulfils `done`; how long it took (ms)."""
        begin = self.clock.now
        while True:
            await self.settle()
            record = await self.record(service_id)
            if done(record):
                return self.clock.now - begin
            moments = [t for t in (self.engine.next_change_ms(), self.clock.next_ms()) if t is not None]
            if not moments or min(moments) > begin + limit_ms:
                raise AssertionError(f"nothing more happens: {record}\n{await self.events(service_id)}")
            self.clock.advance(min(moments))
            self.engine.announce()

    async def converge(self, service_id: str) -> int:
        return await self.run_until(lambda r: r.rollout is None and r.service.status != "deploying", service_id)

    async def elapse(self, ms: int, service_id: str) -> None:
        """Let time pass, event by event."""
        end = self.clock.now + ms
        while True:
            await self.settle()
            moments = [t for t in (self.engine.next_change_ms(), self.clock.next_ms()) if t is not None]
            step = min([*moments, end])
            self.clock.advance(min(step, end))
            self.engine.announce()
            if step >= end:
                await self.settle()
                return

    async def record(self, service_id: str) -> ServiceRecord:
        async with self.store.read() as r:
            record = await r.record(service_id)
        assert record is not None
        return record

    async def service(self, service_id: str) -> Service:
        return (await self.record(service_id)).service

    async def rollouts(self, service_id: str) -> list[Rollout]:
        async with self.store.read() as r:
            return list(await r.rollouts(service_id))

    async def events(self, service_id: str) -> list[str]:
        async with self.store.read() as r:
            _, found = await r.events(service_id, EventQuery())
        return [_line(e) for e in found]

    async def running(self) -> "list[Observed]":
        return [o for o in (await self.engine.list()).instances if o.process.state is not ProcessState.EXITED]

    def route(self, service_id: str) -> ServiceRoute | None:
        return self.gateway.view(service_id).acked

    def shares(self, service_id: str) -> "Mapping[int, tuple[int, int]]":
        """Track → (weight, number of endpoints) as acknowledged."""
        route = self.route(service_id)
        assert route is not None
        assert route.state is RouteState.OPEN
        return {t.track: (t.weight, len(t.endpoints)) for t in route.tracks}


def _line(event: Event) -> str:
    return f"{event.occur_ms - EPOCH_MS} {event.type} {event.info}"


def variant_request(model_id: str, weight: int = 100, count: int = 1, **more: object) -> VariantRequest:
    """One entry of a config."""
    base = VariantRequest(
        model_id=model_id,
        specification="modelarts.vm.cpu.2u",
        instance_count=count,
        weight=weight,
        raw={"model_id": model_id},
    )
    return replace(base, **more)  # type: ignore[arg-type]  # keyword by keyword, as the caller writes it


@asynccontextmanager
async def plane_world(directory: Path, *, traced: bool = False) -> AsyncIterator[PlaneWorld]:
    """A started control plane with an empty store."""
    store = SqlStore.memory()
    await store.open()
    made = PlaneWorld(store, directory, traced=traced)
    await made.open()
    try:
        yield made
    finally:
        await made.plane.close()
        await store.close()


def phases(instances: "tuple[Instance, ...] | list[Instance]") -> list[str]:
    return sorted(i.phase for i in instances)
