"""Notifications through crashes, all of them decided by a seed: receivers must be told what a service became.

A control plane acts through the store, and through connections to receivers. Every transaction, every commit and
every answer of a receiver is a step (`tests.worlds.batch_crashes.Life`); where a life ends, that call never
returns, as after kill -9, and another control plane takes its place over the same store. Meanwhile instances die,
deployments fail, and one of two receivers is away, slow, answers 500 or hangs up in the middle.

What a service really became is written down by the database itself (a trigger), which knows nothing of messages.
`Tamper` spoils one thing, to prove that `check` sees it.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from enum import StrEnum
from ipaddress import ip_network
from pathlib import Path
from random import Random
from typing import Any

from tests.worlds import notifications as w
from tests.worlds.batch_crashes import Life, _of_the_database
from tests.worlds.envelopes import plain
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, variant_request
from tests.worlds.receiver import OK, Reader, Receiver, Writer, answer, receiving, request

from modelyard.core.admission.config import VariantRequest
from modelyard.core.notifications import OCCURRENCES
from modelyard.domain.errors import DomainError
from modelyard.domain.notifications import DeliveryState, Lane, Message
from modelyard.domain.service import Desired
from modelyard.engines.fake import CrashAtStart, NoRoom
from modelyard.notify.guard import Guard
from modelyard.notify.http import HttpChannel
from modelyard.operations.services.change import UpdateRequest, update_service
from modelyard.operations.telling import Teller
from modelyard.store.notifications import DeliveryQuery, Window
from modelyard.store.sql import SqlStore

MODELS = ("iris-1.0.0", "iris-2.0.0", "iris-3.0.0")
EVENTS = ((1, 3, 7, 11), (1, 3, 7, 11), (3,), (1, 7), (7, 11))
DEEDS = ("put", "put", "fail", "no room", "kill", "kill", "stop", "facts", "mood", "mood", "die")
HOUR_MS = 3_600_000


class Tamper(StrEnum):
    NOTHING = ""
    LOST = "a message is added in a transaction of its own, after that of the change"
    FORGOTTEN = "a delivery counts as made before the receiver said so"
    REORDERED = "a lane goes on behind a message that was not taken"


class MortalStore:
    """The store, as long as the control plane lives."""

    def __init__(self, store: SqlStore, life: Life, tamper: Tamper) -> None:
        self._store = store
        self._life = life
        self._tamper = tamper

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Any]:
        await self._life.step()
        async with self._store.read() as r:
            yield _Reordered(r) if self._tamper is Tamper.REORDERED else r

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Any]:
        await self._life.step()
        async with self._store.write() as writing:
            yield writing
            await self._life.step()  # what was written is not committed
        await self._life.step()  # it is, and nobody was told


class _Reordered:
    """Whatever is due next, rather than what came first."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def head(self, lane: Lane) -> Any:
        waits = DeliveryState.WAITING
        query = DeliveryQuery(subscription_urn=lane.subscription_urn, service_id=lane.service_id, state=waits)
        _, waiting = await self._inner.deliveries(query, Window())
        return min(waiting, key=lambda d: (d.delivery.due_ms, d.message.number), default=None)


@dataclass(slots=True)
class Mood:
    """What a receiver does with the next requests. `slow`: those who wait for an answer, and go on with time."""

    kind: str = "well"
    waiting: list[asyncio.Event] = field(default_factory=list)
    got: list[tuple[str, str]] = field(default_factory=list)
    """(message id, service id), in the order in which whole requests came."""

    async def serve(self, reader: Reader, writer: Writer) -> None:
        if self.kind == "away":
            writer.transport.abort()
            return
        received = await request(reader)
        body = json.loads(received.body)
        self.got.append((received.headers["x-smn-message-id"], body["subject"].partition(" is ")[0]))
        match self.kind:
            case "500":
                writer.write(answer("500 Oops"))
            case "503":
                writer.write(answer("503 Later", "Retry-After: 20"))
            case "torn":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
            case "deaf":
                writer.transport.abort()
            case "slow":
                self.waiting.append(event := asyncio.Event())
                await event.wait()
                writer.write(OK)
            case _:
                writer.write(OK)
        await writer.drain()


class CrashWorld(PlaneWorld):
    """The world of the plane, whose control plane dies."""

    def __init__(self, store: SqlStore, directory: Path, seed: int, tamper: Tamper) -> None:
        self.random = Random(seed)
        self.tamper = tamper
        self.real = store
        self.moods = {"shaky": Mood(), "steady": Mood()}
        self.life = Life()
        self.names: dict[str, str] = {}
        self.done: list[str] = []
        super().__init__(store, directory)
        self.begin_life(None)

    def begin_life(self, steps: int | None) -> None:
        """Another control plane, that has yet to start."""
        self.life = Life(steps)
        store = MortalStore(self.real, self.life, self.tamper)
        self.world = replace(self.world, store=store)
        self.context = replace(self.context, store=store)
        self.channels = {"http": _Channel(self.real, self.life, self.tamper)}
        self.plane = self._plane()
        if self.tamper is Tamper.LOST:
            self.plane._reconciler._teller = _Late(  # type: ignore[assignment]
                store, Teller(self.world.new_id, self.clock.now_ms, self._nudge)
            )

    async def settle(self) -> None:
        """Until nothing can happen without time, or the control plane is dead, or waits for a slow receiver."""
        idle, over = asyncio.create_task(self.plane.idle()), asyncio.create_task(self.life.over.wait())
        while not idle.done() and not over.done() and not any(mood.waiting for mood in self.moods.values()):
            await asyncio.wait((idle, over), timeout=0.002, return_when=asyncio.FIRST_COMPLETED)
        for task in (idle, over):
            task.cancel()

    async def act(self, what: Callable[[], Awaitable[object]]) -> None:
        """A user asks for it; whether the control plane lives to answer is another matter."""
        asking, over = asyncio.ensure_future(what()), asyncio.create_task(self.life.over.wait())
        await asyncio.wait((asking, over), return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if asking.done():
            with suppress(DomainError):
                asking.result()

    async def live_on(self) -> None:
        """Bury the control plane if it is dead, and start another one, which may die too."""
        while self.life.over.is_set():
            self.life.buried = True
            await self._bury()
            await self.engine.close()
            self.begin_life(self.random.choice((None, None, self.random.randint(1, 60))))
            await self.act(self.plane.start)

    async def _bury(self) -> None:
        self.plane._started = False
        for loop in self.plane._loops.values():
            loop._closed = True
            for entry in loop._keys.values():
                if entry.timer is not None:
                    entry.timer.cancel()
        for _ in range(20):
            left = asyncio.all_tasks() - self.outside - {asyncio.current_task()}
            left = {task for task in left if not task.get_name().startswith("receiver")}
            if not left:
                return
            for task in left:
                if not _of_the_database(task):
                    task.cancel()
            await asyncio.wait(left, timeout=1)
        raise AssertionError(f"these do not end: {left}")

    async def pass_time(self, ms: int) -> None:
        end = self.clock.now + ms
        while True:
            await self.settle()
            await self.live_on()
            for mood in self.moods.values():
                waiting, mood.waiting = mood.waiting, []
                for event in waiting:
                    event.set()
            moments = [t for t in (self.engine.next_change_ms(), self.clock.next_ms()) if t is not None]
            step = min([*moments, end])
            self.clock.advance(min(step, end))
            self.engine.announce()
            if step >= end:
                return

    # ── what happens ──────────────────────────────────────────────────────────────────────────────────────────

    async def something(self) -> None:
        random, service_id = self.random, self.random.choice([*self.names])
        deed = random.choice(DEEDS)
        self.done.append(deed)
        match deed:
            case "put":
                await self.act(lambda: self._put(service_id, None))
            case "fail":
                self.engine.behave_next(*[CrashAtStart()] * random.randint(1, 4))
                await self.act(lambda: self._put(service_id, None))
            case "no room":
                self.engine.behave_next(NoRoom())
                await self.act(lambda: self._put(service_id, None))
            case "kill":
                if running := await self.running():
                    self.engine.kill(random.choice(running).instance_id)
            case "stop":
                await self.act(lambda: self._put(service_id, Desired.STOPPED))
                await self.pass_time(random.randint(0, 2000))
                await self.act(lambda: self._put(service_id, Desired.RUNNING))
            case "facts":
                await self.act(self.plane.facts)
            case "mood":
                kinds = ("well", "well", "away", "500", "503", "torn", "deaf", "slow")
                self.moods["shaky"].kind = random.choice(kinds)
            case "die":
                self.life._left = random.randint(1, 25)
        await self.pass_time(random.choice((0, 10, 500, 5_000, 60_000)))

    async def _put(self, service_id: str, status: Desired | None) -> None:
        config: tuple[VariantRequest, ...] | None = None
        if status is None:
            config = (variant_request(self.random.choice(MODELS), count=self.random.randint(1, 2)),)
        request = UpdateRequest(status=status, config=config)
        await update_service(self.context, ALICE, PROJECT, service_id, request)

    async def to_the_end(self) -> None:
        for _ in range(self.random.randint(6, 14)):
            await self.something()
        self.moods["shaky"].kind = "well"
        self.life._left = None
        for _ in range(40):
            await self.pass_time(HOUR_MS // 10)
            async with self.real.read() as r:
                if not await r.lanes():
                    return
        raise AssertionError("messages wait although receivers take them")

    # ── what must be so at the end ────────────────────────────────────────────────────────────────────────────

    async def check(self) -> None:
        numbers: dict[str, int] = {}
        async with self.real.read() as r:
            assert (await r.backlog()).dead == 0
            for mood in self.moods.values():
                for message_id, _ in mood.got:
                    message = await r.message(None, message_id)
                    assert message is not None
                    numbers[message_id] = message.number
        for which, mood in self.moods.items():
            by_service: defaultdict[str, list[str]] = defaultdict(list)
            for message_id, name in mood.got:
                by_service[name].append(message_id)
            for service_id, name in self.names.items():
                await self._check_lane(which, service_id, by_service[name], numbers)

    async def _check_lane(self, which: str, service_id: str, got: Sequence[str], numbers: dict[str, int]) -> None:
        """Everything that it became, once, in order; and what came twice is one message."""
        order = [numbers[message_id] for message_id in got]
        assert order == sorted(order), f"{which} was told out of order: {order}"
        told: list[Message] = []
        async with self.real.read() as r:
            for message_id in dict.fromkeys(got):
                message = await r.message(None, message_id)
                assert message is not None
                told.append(message)
            service = await r.service(None, service_id)
            assert service is not None
        wanted = service.settings.notifications[0].events
        became = [s for s in await w.statuses(self.real, service_id) if OCCURRENCES[s] in wanted]
        said = [message.facts["status"] for message in told]
        assert said == became, f"{which} was told {said} of {service_id}, which became {became}"


class _Channel(HttpChannel):
    """The real one, as long as the control plane lives."""

    at_once = 64

    def __init__(self, store: SqlStore, life: Life, tamper: Tamper) -> None:
        super().__init__(Guard((ip_network("127.0.0.0/8"),)), plain, lambda: 0)
        self._store, self._life, self._tamper = store, life, tamper

    async def send(self, subscription: Any, message: Message) -> None:
        await self._life.step()  # it is not sent
        if self._tamper is Tamper.FORGOTTEN:
            async with self._store.write() as writing:
                _, [dispatch] = await writing.deliveries(
                    DeliveryQuery(subscription_urn=subscription.urn, message_id=message.id), Window()
                )
                delivered = replace(dispatch.delivery, state=DeliveryState.DELIVERED, ended_ms=0)
                await writing.conclude(dispatch.delivery, delivered)
        await super().send(subscription, message)
        await self._life.step()  # it was taken, and nobody wrote that down


class _Late:
    """Adds messages when the change was committed already."""

    def __init__(self, store: MortalStore, teller: Teller) -> None:
        self._store, self._teller = store, teller

    async def apply(self, writing: Any, before: Any, changes: Any, _task: Any = None) -> Any:
        if not await writing.apply(before.id, changes):
            return None
        return [(before, changes)]

    def wake(self, changes: Any) -> None:
        for before, change in changes:
            asyncio.create_task(self._tell(before, change))  # noqa: RUF006 - buried with the control plane

    async def _tell(self, before: Any, changes: Any) -> None:
        async with self._store.write() as writing:
            lanes = await self._teller.tell(writing, before, changes)
        self._teller.wake(lanes)


@asynccontextmanager
async def crash_world(directory: Path, seed: int, tamper: Tamper = Tamper.NOTHING) -> AsyncIterator[CrashWorld]:
    async with AsyncExitStack() as stack:
        store = SqlStore.memory()
        await store.open()
        stack.push_async_callback(store.close)
        receivers = [await stack.enter_async_context(receiving()) for _ in range(2)]
        world = CrashWorld(store, directory, seed, tamper)
        for mood, receiver in zip(world.moods.values(), receivers, strict=True):
            receiver.usual = mood.serve
        await w.watch_statuses(store)
        await w.subscribed(
            store, *(_subscription(name, r) for name, r in zip(world.moods, receivers, strict=True))
        )
        world.outside = asyncio.all_tasks()
        await world.open()
        for version in ("1.0.0", "2.0.0", "3.0.0"):
            await world.model("iris", version)
        for n in range(2):
            events = world.random.choice(EVENTS)
            world.names[await w.telling_service(world, MODELS[0], f"s{n}", events, count=2)] = f"s{n}"
        try:
            yield world
        finally:
            world.life.over.set()
            world.life.buried = True
            await world._bury()


def _subscription(name: str, receiver: Receiver) -> Any:
    return replace(w.subscription(name, "http"), endpoint=f"http://127.0.0.1:{receiver.port}/{name}")
