"""Cards under any order of events: instances come, go, crash and roll over, the control plane dies between any two
steps, and its database may be older than what runs.

After every step no card is granted to more than it has: its parts add up to one at most, a whole one has one
instance. Whoever runs has what it asked for. In the end nothing is lost: what waits gets its cards when they are
free, and when nothing runs every card is free.
"""

import asyncio
import itertools
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.worlds.plane import PlaneWorld, plane_world, variant_request

from modelyard.control.grants import Granting
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.domain.capacity import FlavorEntry
from modelyard.domain.devices import Device, Inventory, Kind
from modelyard.domain.service import Desired, ServiceStatus
from modelyard.engines.base import InstanceSpec
from modelyard.engines.fake import CrashAtStart, CrashLater, NoRoom, SlowStart, StartLost

T = TypeVar("T")
SIZES = {"none": 0.0, "third": 1 / 3, "half": 0.5, "most": 0.7, "one": 1.0, "two": 2.0}
HOW = [None, CrashAtStart(10), CrashLater(50), NoRoom(), SlowStart(5_000), StartLost()]
NAMES = st.sampled_from(["a", "b", "c"])
GIVEN = st.sampled_from(sorted(SIZES))


class DiedError(Exception):
    """What it was about to do, nobody does."""


class Machine(RuleBasedStateMachine):
    @initialize(cards=st.integers(1, 3))
    def start(self, cards: int) -> None:
        self.dead, self.dies = False, ""
        self.runner, self.stack = asyncio.Runner(), AsyncExitStack()
        self.world: PlaneWorld = self.run(self._opened(cards))
        self.ids: dict[str, str] = {}
        self.numbers = itertools.count()
        self.older: sqlite3.Connection | None = None

    async def _opened(self, cards: int) -> PlaneWorld:
        folder = self.stack.enter_context(tempfile.TemporaryDirectory())
        world = await self.stack.enter_async_context(plane_world(Path(folder)))
        world.cards = Inventory(tuple(Device(Kind.GPU, number, f"GPU-{number}") for number in range(cards)))
        async with world.store.write() as w:
            for name, count in SIZES.items():
                size = {"cpu": 1, "memory_mib": 64, "category": "GPU", "accelerators": count}
                await w.save_flavor(FlavorEntry(name, True, size))
        await world.model("m")
        world.engine.stop_ms = 3_000  # who is told to end has its cards until it did
        start, look = world.engine.start, world._cards

        async def dying_start(spec: InstanceSpec) -> None:
            await self._may_die("before the start")
            await start(spec)
            await self._may_die("after the start")

        async def dying_look() -> Inventory:
            await self._may_die("before the grant")
            return await look()

        world.engine.start = dying_start  # type: ignore[method-assign]
        object.__setattr__(world.world, "cards", dying_look)
        await world.restart()
        return world

    async def _may_die(self, when: str) -> None:
        if self.dies == when:
            self.dies, self.dead = "", True
            raise DiedError(when)

    def run(self, act: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(act)

    async def _settle(self) -> None:
        """Until nothing more happens now, or the control plane is dead: then another one comes."""
        await self.world.settle()
        if self.dead:
            await self._succeed()

    async def _succeed(self) -> None:
        self.dead, self.dies = False, ""
        await self.world.restart()
        await self.world.settle()

    def _config(self, size: str, count: int) -> VariantRequest:
        envs = (("N", str(next(self.numbers))),)
        return variant_request("m-1.0.0", specification=size, count=count, envs=envs)

    async def _tried(self, act: Coroutine[Any, Any, T]) -> T | None:
        """A use case that may be refused, since another change is under way."""
        try:
            return await act
        except Exception as error:  # noqa: BLE001
            assert "Error" not in type(error).__name__, error
            return None

    @rule(name=NAMES, size=GIVEN, count=st.integers(1, 3), how=st.sampled_from(HOW))
    def deploy(self, name: str, size: str, count: int, how: Any) -> None:
        async def act() -> None:
            self.world.engine.behave_next(how)
            if name in self.ids:
                await self._tried(self.world.put(self.ids[name], self._config(size, count)))
            else:
                made = await self._tried(self.world.create_named(name, self._config(size, count)))
                self.ids |= {name: made} if made is not None else {}
            await self._settle()

        self.run(act())

    @rule(name=NAMES, status=st.sampled_from([Desired.RUNNING, Desired.STOPPED]))
    def switch(self, name: str, status: Desired) -> None:
        async def act() -> None:
            if name in self.ids:
                await self._tried(self.world.put(self.ids[name], status=status))
                await self._settle()

        self.run(act())

    @rule(name=NAMES)
    def delete(self, name: str) -> None:
        async def act() -> None:
            if name in self.ids:
                await self.world.delete(self.ids.pop(name))
                await self._settle()

        self.run(act())

    @rule(which=st.integers(0, 5))
    def crash(self, which: int) -> None:
        async def act() -> None:
            running = sorted(o.instance_id for o in await self.world.running())
            if running:
                self.world.engine.kill(running[which % len(running)])
                await self._settle()

        self.run(act())

    @rule(ms=st.sampled_from([20, 200, 6_000, 40_000]))
    def time_passes(self, ms: int) -> None:
        self.run(self._passes(ms))

    async def _passes(self, ms: int) -> None:
        world, end = self.world, self.world.clock.now + ms
        while True:
            await self._settle()
            moments = [t for t in (world.engine.next_change_ms(), world.clock.next_ms()) if t is not None]
            world.clock.advance(min([*moments, end]))
            world.engine.announce()
            if world.clock.now >= end:
                await self._settle()
                return

    @rule(when=st.sampled_from(["before the grant", "before the start", "after the start"]))
    def will_die(self, when: str) -> None:
        self.dies = when

    @rule()
    def dies_now(self) -> None:
        self.run(self._succeed())

    @rule()
    def backup(self) -> None:
        self.older = sqlite3.connect(":memory:")
        with sqlite3.connect(self.world.store._temporary / "modelyard.db") as now:  # type: ignore[operator]
            now.backup(self.older)

    @precondition(lambda self: self.older is not None)
    @rule()
    def restore(self) -> None:
        """The control plane dies, and comes back with the database of then. Who was made since is unknown."""

        async def act() -> None:
            assert self.older is not None
            await self.world.plane.close()
            self.dead, self.dies = False, ""
            with sqlite3.connect(self.world.store._temporary / "modelyard.db") as now:  # type: ignore[operator]
                self.older.backup(now)
            await self.world.restart()
            async with self.world.store.read() as r:
                known = {record.service.name: record.service.id for record in await r.records()}
            self.ids = {name: known[name] for name in ("a", "b", "c") if name in known}
            await self.world.settle()

        self.run(act())

    @invariant()
    def no_card_is_granted_twice(self) -> None:
        used: Counter[int] = Counter()
        for observed in self.run(self.world.running()):
            for grant in observed.devices:
                used[grant.number] += round(grant.share * 1_000_000)
        assert all(parts <= 1_000_000 for parts in used.values()), used

    @invariant()
    def who_runs_has_what_it_asked_for(self) -> None:
        asked = {spec.instance_id: spec for spec in self.world.engine.started}
        for observed in self.run(self.world.running()):
            spec = asked[observed.instance_id]
            assert abs(sum(g.share for g in observed.devices) - spec.resources.gpus) < 1e-6
            assert len({g.number for g in observed.devices}) == max(len(observed.devices), 0)
            assert spec.resources.gpus < 1 or all(g.share == 1 for g in observed.devices)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.dies = ""
            self.world.engine.behave_next()
            self.world.engine._next.clear()
            self.run(self._ends())
        finally:
            self.run(self.stack.aclose())
            self.runner.close()

    async def _ends(self) -> None:
        world = self.world
        for service_id in self.ids.values():
            await world.delete(service_id)
        waits = await world.create_named("last", self._config("one", len(world.cards.devices)))
        await self._passes(120_000)
        assert (await world.service(waits)).status is ServiceStatus.RUNNING, await world.events(waits)
        await world.delete(waits)
        await self._passes(60_000)
        assert await world.running() == []
        assert await Granting(world.store, world.engine, world._cards).all() == ()


Machine.TestCase.settings = settings(max_examples=15, stateful_step_count=20, deadline=None)
TestGrants = Machine.TestCase
