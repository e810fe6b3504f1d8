"""Deliveries of two lanes under any order of tries, answers, clocks and deaths, beside a model of what must be.

order       what a lane takes, it takes in the order of numbers (what was sent again goes to its place)
no loss     what is neither delivered nor dead waits, and is tried again within bounds
no silence  a delivery dies only when it was refused, expired, had a day, or its endpoint is gone
"""

import asyncio
from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from modelyard.core.deliveries import ASKED_MOST_MS, GIVE_UP_MS, LEAST_ATTEMPTS
from modelyard.domain.notifications import (
    Delivery,
    DeliveryState,
    Lane,
    Message,
    Subscription,
    SubscriptionStatus,
    Topic,
)
from modelyard.notify.base import GoneError, PassingError, PermanentError, SendError
from modelyard.notify.sending import Clocks, Sender
from modelyard.store.notifications import Again, DeliveryQuery, Window
from modelyard.store.sql import SqlStore

TOPIC = Topic("p1", "urn:t", "t")
URN = "urn:t:s"
LANES = [Lane(URN, "s1"), Lane(URN, "s2")]
ANSWERS = {
    "ok": None,
    "500": PassingError("answered 500"),
    "429": PassingError("answered 429", 10**9),
    "no": PermanentError("refused"),
    "gone": GoneError("answered 410"),
    "bug": RuntimeError("a mistake"),
}
OFTEN = ("500", "500", "500", "429", "bug", "ok", "ok", "no", "gone")


@dataclass
class Receiver:
    at_once = 64

    answer: SendError | None = None
    tries: list[Message] = field(default_factory=list)
    taken: list[Message] = field(default_factory=list)

    async def send(self, _subscription: Subscription, message: Message) -> None:
        self.tries.append(message)
        if self.answer is not None:
            raise self.answer
        self.taken.append(message)


class Deliveries(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = SqlStore.memory()
        self.steady, self.wall = 1_000_000, 5_000_000
        self.receiver = Receiver()
        self.added = 0
        self.again: set[str] = set()
        self.refused: set[str] = set()
        self.gone = False

    @initialize()
    def begin(self) -> None:
        self.do(self.store.open())
        self.do(self._begin())
        self.sender()

    def sender(self) -> None:
        clocks = Clocks(lambda: self.steady, lambda: self.wall, lambda: 0.5)
        self._sender = Sender(self.store, {"test": self.receiver}, clocks)

    async def _begin(self) -> None:
        async with self.store.write() as w:
            await w.add_topic(TOPIC)
            await w.add_subscription(Subscription(URN, TOPIC.urn, "p1", "test", "x", SubscriptionStatus.CONFIRMED))

    def do(self, work: object) -> object:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]

    def teardown(self) -> None:
        self.do(self.store.close())
        self.loop.close()

    # ── what may happen ───────────────────────────────────────────────────────────────────────────────────────

    @rule(lane=st.sampled_from(LANES), lasts_ms=st.sampled_from((None, None, 1, 60_000, GIVE_UP_MS * 3)))
    def a_message_comes(self, lane: Lane, lasts_ms: int | None) -> None:
        self.added += 1
        expires = None if lasts_ms is None else self.wall + lasts_ms
        message = Message(
            f"m{self.added}", "p1", TOPIC.urn, "", "", self.wall, lane.service_id, expires_ms=expires
        )

        async def add() -> None:
            async with self.store.write() as w:
                assert await w.add_message(message, self.steady) == ([] if self.gone else [lane])

        self.do(add())

    @rule(lane=st.sampled_from(LANES), answer=st.sampled_from(OFTEN), times=st.integers(1, 6))
    def the_lane_is_looked_at(self, lane: Lane, answer: str, times: int) -> None:
        """Whenever something is due, so often."""
        for _ in range(times):
            due = self._look(lane, answer)
            if due is None:
                return
            ahead_ms = due - self.steady
            self.steady, self.wall = self.steady + ahead_ms, self.wall + ahead_ms

    def _look(self, lane: Lane, answer: str) -> int | None:
        self.receiver.answer = ANSWERS[answer]  # type: ignore[assignment]
        before = len(self.receiver.tries)
        due: int | None = self.do(self._sender.handle(lane.key))  # type: ignore[assignment]
        tried = self.receiver.tries[before:]
        if answer in ("no", "gone"):
            self.refused.update(message.id for message in tried)
        self.gone |= answer == "gone" and bool(tried)
        waiting = {d.message.id for d in self.all(lane) if d.delivery.state is DeliveryState.WAITING}
        if waiting:
            assert due is not None, "what waits is looked at again"
            assert self.steady <= due <= self.steady + ASKED_MOST_MS
        else:
            assert due is None
        assert waiting.isdisjoint({m.id for m in tried[:-1]}), "nothing goes ahead of what was not taken"
        return due

    @rule(ms=st.sampled_from((1, 1_000, 60_000, 3_600_000, GIVE_UP_MS)))
    def time_passes(self, ms: int) -> None:
        self.steady += ms
        self.wall += ms

    @rule(ms=st.sampled_from((-GIVE_UP_MS, GIVE_UP_MS * 2)))
    def the_wall_clock_jumps(self, ms: int) -> None:
        self.wall += ms

    @rule()
    def the_control_plane_dies(self) -> None:
        """Nothing of it is left but the store."""
        self.sender()

    @rule(lane=st.sampled_from(LANES))
    def dead_letters_are_sent_again(self, lane: Lane) -> None:
        async def again() -> None:
            async with self.store.write() as w:
                query = DeliveryQuery("p1", service_id=lane.service_id)
                await w.redeliver(query, Again(self.steady, self.wall, 1000))

        before = {d.message.id for d in self.all(lane) if d.delivery.state is DeliveryState.DEAD}
        self.do(again())
        after = {d.message.id for d in self.all(lane) if d.delivery.state is DeliveryState.DEAD}
        self.again |= before - after
        self.refused -= before - after

    # ── what must be so ───────────────────────────────────────────────────────────────────────────────────────

    def all(self, lane: Lane) -> list["Dispatched"]:
        async def look() -> list[Dispatched]:
            async with self.store.read() as r:
                query = DeliveryQuery(subscription_urn=URN, service_id=lane.service_id)
                _, found = await r.deliveries(query, Window(0, 10_000))
            return [Dispatched(d.message, d.delivery) for d in found]

        return self.do(look())  # type: ignore[return-value]

    @invariant()
    def order(self) -> None:
        for lane in LANES:
            numbers = [
                m.number for m in self.receiver.taken if m.service_id == lane.service_id and m.id not in self.again
            ]
            assert numbers == sorted(numbers)
            assert len(numbers) == len(set(numbers)), "taken once, as long as nobody dies while it is sent"

    @invariant()
    def no_loss_and_no_silence(self) -> None:
        taken = {m.id for m in self.receiver.taken}
        for lane in LANES:
            for one in self.all(lane):
                match one.delivery.state:
                    case DeliveryState.DELIVERED:
                        assert one.message.id in taken
                    case DeliveryState.WAITING:
                        assert not self.gone or one.message.id in self.again
                    case DeliveryState.DEAD:
                        assert self._may_be_dead(one), one
                        assert one.delivery.error

    def _may_be_dead(self, one: "Dispatched") -> bool:
        delivery = one.delivery
        had_its_day = self.steady - delivery.since_ms >= GIVE_UP_MS and (
            delivery.attempts >= LEAST_ATTEMPTS or "before it" in delivery.error
        )
        expired = one.message.expires_ms is not None and "expired" in delivery.error
        return one.message.id in self.refused or self.gone or had_its_day or expired


@dataclass(frozen=True)
class Dispatched:
    message: Message
    delivery: Delivery


Deliveries.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
test_any_order_of_what_may_happen = Deliveries.TestCase
