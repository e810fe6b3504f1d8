"""How much is sent at a time, and what a stop leaves."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest

from modelyard.domain.notifications import (
    Backlog,
    DeliveryState,
    Message,
    Subscription,
    SubscriptionStatus,
    Topic,
)
from modelyard.notify.sending import AT_ALL, DAY_MS, OF_PROJECT, OF_SUBSCRIPTION, Clocks, Patience, Sender
from modelyard.store.notifications import DeliveryQuery, Window
from modelyard.store.sql import SqlStore


@dataclass
class Slow:
    """Takes nothing until `open` is set."""

    at_once: int = AT_ALL
    open: asyncio.Event = field(default_factory=asyncio.Event)
    inside: Counter[str] = field(default_factory=Counter)
    full: asyncio.Event = field(default_factory=asyncio.Event)
    most: int = 0
    ids: set[str] = field(default_factory=set)

    async def send(self, subscription: Subscription, message: Message) -> None:
        if subscription.project_id == "quick":
            return
        self.inside[subscription.urn] += 1
        self.ids.add(message.id)
        if self.inside.total() == self.most:
            self.full.set()
        try:
            await self.open.wait()
        finally:
            self.inside[subscription.urn] -= 1


@pytest.fixture
async def store() -> AsyncIterator[SqlStore]:
    made = SqlStore.memory()
    await made.open()
    yield made
    await made.close()


def sender(store: SqlStore, channel: object, **more: float) -> Sender:
    clocks = Clocks(lambda: 1_000, lambda: 40 * DAY_MS, lambda: 0.0)
    return Sender(store, {"test": channel}, clocks, Patience(**more))  # type: ignore[dict-item, arg-type]


async def waiting(store: SqlStore, project: str, subscriptions: int, services: int) -> list[str]:
    """The keys of the lanes."""
    keys = []
    async with store.write() as w:
        await w.add_topic(Topic(project, f"urn:{project}", "t"))
        for n in range(subscriptions):
            urn = f"urn:{project}:{n}"
            await w.add_subscription(
                Subscription(urn, f"urn:{project}", project, "test", "x", SubscriptionStatus.CONFIRMED)
            )
        for n in range(services):
            message = Message(f"{project}-{n}", project, f"urn:{project}", "", "", 40 * DAY_MS, f"s{n}")
            keys += [lane.key for lane in await w.add_message(message, 1) or ()]
    return keys


async def test_a_slow_receiver_delays_itself_only(store: SqlStore) -> None:
    slow = Slow(most=OF_SUBSCRIPTION)
    sending = sender(store, slow)
    tasks = [asyncio.create_task(sending.handle(key)) for key in await waiting(store, "slow", 1, 20)]
    await slow.full.wait()
    for key in await waiting(store, "quick", 1, 3):
        assert await sending.handle(key) is None
    assert slow.inside.total() == OF_SUBSCRIPTION
    slow.open.set()
    await asyncio.gather(*tasks)
    async with store.read() as r:
        assert await r.backlog() == Backlog()


@pytest.mark.parametrize("end", ["expired", "left", "deleted"])
async def test_what_is_over_when_its_turn_comes_is_not_sent(store: SqlStore, end: str) -> None:
    slow, wall = Slow(most=OF_SUBSCRIPTION), [40 * DAY_MS]
    sending = Sender(store, {"test": slow}, Clocks(lambda: 1_000, lambda: wall[0], lambda: 0.0))
    keys = await waiting(store, "slow", 1, OF_SUBSCRIPTION)
    tasks = [asyncio.create_task(sending.handle(key)) for key in keys]
    await slow.full.wait()
    async with store.write() as w:
        last = Message("last", "slow", "urn:slow", "", "", wall[0], expires_ms=wall[0] + 60_000)
        (lane,) = await w.add_message(last, 1) or ()
    late = asyncio.create_task(sending.handle(lane.key))
    await asyncio.wait((late,), timeout=0.1)  # it waits for its turn
    if end == "expired":
        wall[0] += 60_000
    async with store.write() as w:
        one = await w.subscription(None, lane.subscription_urn)
        assert one is not None
        if end == "left":
            await w.save_subscription(replace(one, status=SubscriptionStatus.CANCELLED))
        elif end == "deleted":
            await w.delete_subscription(one.urn)
    slow.open.set()
    assert await late is None
    await asyncio.gather(*tasks)
    assert slow.ids == {f"slow-{n}" for n in range(OF_SUBSCRIPTION)}


async def test_a_project_of_slow_receivers_delays_itself_only(store: SqlStore) -> None:
    slow = Slow(most=OF_PROJECT)
    sending = sender(store, slow)
    tasks = [asyncio.create_task(sending.handle(key)) for key in await waiting(store, "slow", 10, 8)]
    await slow.full.wait()
    for key in await waiting(store, "quick", 1, 3):
        assert await sending.handle(key) is None
    assert slow.inside.total() == OF_PROJECT < AT_ALL
    assert max(slow.inside.values()) <= OF_SUBSCRIPTION
    slow.open.set()
    await asyncio.gather(*tasks)


async def test_a_project_leaves_places_of_a_channel_to_others(store: SqlStore) -> None:
    """Four at a time: three of the slow one's at most, and nothing of it waits in front of the others."""
    slow = Slow(at_once=4, most=3)
    sending = sender(store, slow)
    tasks = [asyncio.create_task(sending.handle(key)) for key in await waiting(store, "slow", 10, 2)]
    await slow.full.wait()
    for key in await waiting(store, "quick", 2, 3):
        assert await sending.handle(key) is None
    assert slow.inside.total() == 3
    slow.open.set()
    await asyncio.gather(*tasks)


async def test_to_wait_for_a_place_is_no_try(store: SqlStore) -> None:
    slow = Slow(at_once=1)
    sending = sender(store, slow, send_s=0.05)
    keys = await waiting(store, "slow", 1, 3)
    await asyncio.gather(*map(sending.handle, keys))  # each is cut off in its turn
    assert slow.ids == {"slow-0", "slow-1", "slow-2"}
    async with store.read() as r:
        _, found = await r.deliveries(DeliveryQuery("slow"), Window())
    assert {(one.delivery.error, one.delivery.attempts) for one in found} == {("it took longer than 0.05 s", 1)}


async def test_slow_receivers_of_one_channel_hold_no_place_of_another(store: SqlStore) -> None:
    """A place of a channel that carries little would be lost to every project."""
    slow, other = Slow(most=OF_PROJECT), Slow(at_once=2)
    other.open.set()
    sending = Sender(store, {"test": slow, "other": other}, sender(store, slow)._clocks)
    tasks = [asyncio.create_task(sending.handle(key)) for key in await waiting(store, "slow", 10, 8)]
    await slow.full.wait()
    async with store.write() as w:
        await w.add_topic(Topic("slow", "urn:other", "o"))
        await w.add_subscription(
            Subscription("urn:other:0", "urn:other", "slow", "other", "x", SubscriptionStatus.CONFIRMED)
        )
        (lane,) = await w.add_message(Message("m", "slow", "urn:other", "", "", 40 * DAY_MS), 1) or ()
    assert await asyncio.wait_for(sending.handle(lane.key), 5) is None
    assert other.ids == {"m"}
    slow.open.set()
    await asyncio.gather(*tasks)


async def test_a_channel_of_two_protocols_has_its_places_once(store: SqlStore) -> None:
    channel = Slow()
    sending = Sender(store, {"http": channel, "https": channel}, sender(store, channel)._clocks)
    assert sending._places["http"] is sending._places["https"]


async def test_a_channel_that_does_not_end_is_cut_off(store: SqlStore) -> None:
    [key] = await waiting(store, "slow", 1, 1)
    assert await sender(store, Slow(), send_s=0.01).handle(key) == 2_000
    async with store.read() as r:
        _, [dispatch] = await r.deliveries(DeliveryQuery(), Window())
    assert dispatch.delivery.error == "it took longer than 0.01 s"


async def test_a_stop_writes_down_what_was_answered(store: SqlStore) -> None:
    """The cancellation comes when the receiver has answered, and nothing is written yet."""
    [key] = await waiting(store, "p", 1, 1)

    class Answered:
        at_once = AT_ALL

        async def send(self, *_: object) -> None:
            asyncio.get_running_loop().call_soon(task.cancel)

    task = asyncio.create_task(sender(store, Answered()).handle(key))
    await asyncio.wait((task,))
    assert task.cancelled()
    async with store.read() as r:
        _, [dispatch] = await r.deliveries(DeliveryQuery(), Window())
    assert dispatch.delivery.state is DeliveryState.DELIVERED


async def test_what_is_over_is_forgotten_after_a_while(store: SqlStore) -> None:
    channel = Slow()
    channel.open.set()
    sending = sender(store, channel)
    [key] = await waiting(store, "p", 1, 1)
    assert await sending.handle(key) is None
    await sending.prune()
    async with store.read() as r:
        assert await r.message("p", "p-0") is not None, "not yet"
    later = Clocks(lambda: 1_000, lambda: 48 * DAY_MS)
    await Sender(store, {}, later).prune()
    async with store.read() as r:
        assert await r.message("p", "p-0") is None
