"""The store port, over every store: topics, subscriptions, messages and their deliveries."""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract import store_samples as a
from tests.contract.test_store import differs_from_its_defaults

from modelyard.domain.errors import AlreadyExists
from modelyard.domain.notifications import (
    Backlog,
    Delivery,
    DeliveryState,
    Dispatch,
    Lane,
    Message,
    MessageType,
    Occurrence,
    Subscription,
    SubscriptionStatus,
    Topic,
)
from modelyard.domain.record import Changes
from modelyard.store.base import WriteTransaction
from modelyard.store.notifications import EVERYBODYS, Again, DeliveryQuery, Place, Window
from modelyard.store.sql import SqlStore
from modelyard.store.sql.convert import to_json
from modelyard.store.sql.secrets import SecretBox

TOPIC = Topic("p1", "urn:smn:r:p1:t", "t", "The topic", 5, 6)
OTHER = Topic("p2", "urn:smn:r:p2:t", "t")
SUBSCRIPTION = Subscription(
    urn=f"{TOPIC.urn}:s1",
    topic_urn=TOPIC.urn,
    project_id="p1",
    protocol="https",
    endpoint="https://example.org/hook?key=canary",
    status=SubscriptionStatus.CONFIRMED,
    remark="on call",
    format="cloudevents",
    secret="whsec_canary",
    address="https://canary",
    token="token",
    confirm_until_ms=9,
    created_ms=7,
)
SECOND = replace(
    SUBSCRIPTION, urn=f"{TOPIC.urn}:s2", token="", created_ms=8, status=SubscriptionStatus.UNNECESSARY
)
MESSAGE = Message(
    id="m1",
    project_id="p1",
    topic_urn=TOPIC.urn,
    subject="svc failed",
    text="why",
    created_ms=100,
    service_id="s1",
    occurrence=Occurrence.FAILED,
    facts={"from": "running"},
    type=MessageType.SUBSCRIPTION,
    texts={"email": "longer"},
    expires_ms=10_000,
)
LANE = Lane(SUBSCRIPTION.urn, "s1")


def message(number: int, service_id: str = "s1", **more: object) -> Message:
    return Message(f"m{number}", "p1", TOPIC.urn, "subject", "text", 100 + number, service_id, **more)  # type: ignore[arg-type]


async def subscribed(store: SqlStore, *subscriptions: Subscription) -> None:
    async with store.write() as w:
        await w.add_topic(TOPIC)
        for one in subscriptions or (SUBSCRIPTION,):
            await w.add_subscription(one)


async def added(store: SqlStore, *messages: Message) -> None:
    async with store.write() as w:
        for one in messages:
            await w.add_message(one, 50)


async def head(store: SqlStore, lane: Lane = LANE) -> Dispatch:
    async with store.read() as r:
        dispatch = await r.head(lane)
    assert dispatch is not None
    return dispatch


async def concluded(store: SqlStore, lane: Lane, state: DeliveryState, ended_ms: int = 200) -> None:
    delivery = (await head(store, lane)).delivery
    async with store.write() as w:
        assert await w.conclude(delivery, replace(delivery, state=state, attempts=1, ended_ms=ended_ms))


async def waiting(store: SqlStore) -> list[str]:
    async with store.read() as r:
        _, all_of_them = await r.deliveries(DeliveryQuery(state=DeliveryState.WAITING), Window())
    return [d.message.id for d in all_of_them]


@pytest.mark.parametrize(
    "value", [TOPIC, SUBSCRIPTION, replace(MESSAGE, number=1)], ids=lambda v: type(v).__name__
)
def test_the_samples_use_every_field(value: object) -> None:
    assert differs_from_its_defaults(value)


async def test_every_field_survives_and_projects_do_not_see_each_other(store: SqlStore) -> None:
    await subscribed(store)
    async with store.write() as w:
        await w.add_topic(OTHER)
        assert await w.add_message(MESSAGE, 50) == [LANE]
    delivery = Delivery("m1", SUBSCRIPTION.urn, since_ms=50)
    assert await head(store) == Dispatch(SUBSCRIPTION, replace(MESSAGE, number=1), delivery)
    async with store.read() as r:
        assert await r.topic("p1", TOPIC.urn) == TOPIC
        assert await r.topic("p2", TOPIC.urn) is None
        assert await r.topic_named("p2", "t") == OTHER
        assert await r.topics("p1", Window()) == (1, [TOPIC])
        assert await r.subscription("p1", SUBSCRIPTION.urn) == SUBSCRIPTION
        assert await r.subscription("p2", SUBSCRIPTION.urn) is None
        assert await r.subscriptions("p1", None, Window()) == (1, [SUBSCRIPTION])
        assert await r.subscriptions("p2", None, Window()) == (0, [])
        assert await r.subscriptions("p1", OTHER.urn, Window()) == (0, [])
        assert await r.message("p2", "m1") is None
        assert await r.message("p1", "m1") == replace(MESSAGE, number=1)
        assert await r.deliveries(DeliveryQuery("p2"), Window()) == (0, [])
    assert "canary" not in repr(SUBSCRIPTION).replace(SUBSCRIPTION.endpoint, "")


async def test_a_name_is_taken_once_in_a_project(store: SqlStore) -> None:
    await subscribed(store)
    with pytest.raises(AlreadyExists):
        async with store.write() as w:
            await w.add_topic(replace(TOPIC, urn="urn:smn:elsewhere:p1:t"))
    async with store.write() as w:
        await w.save_topic(replace(TOPIC, display_name="another"))
        await w.save_subscription(replace(SUBSCRIPTION, remark="another", secret="new"))
    async with store.read() as r:
        assert (await r.topic(None, TOPIC.urn)) == replace(TOPIC, display_name="another")
        assert (await r.subscription(None, SUBSCRIPTION.urn)) == replace(
            SUBSCRIPTION, remark="another", secret="new"
        )


async def test_lists_are_windows_in_the_order_of_creation(store: SqlStore) -> None:
    await subscribed(store, SUBSCRIPTION, SECOND)
    async with store.read() as r:
        assert await r.subscriptions("p1", TOPIC.urn, Window(1, 5)) == (2, [SECOND])
        assert await r.subscriptions("p1", TOPIC.urn, Window(0, 1)) == (2, [SUBSCRIPTION])
        assert await r.topics("p1", Window(1, 2**70)) == (1, [])


@pytest.mark.parametrize("status", [SubscriptionStatus.UNCONFIRMED, SubscriptionStatus.CANCELLED])
async def test_a_message_goes_to_the_subscriptions_that_are_open(
    store: SqlStore, status: SubscriptionStatus
) -> None:
    await subscribed(store, SUBSCRIPTION, replace(SECOND, status=status))
    async with store.write() as w:
        assert await w.add_message(message(1), 50) == [LANE]
        await w.save_subscription(SECOND)
        assert await w.add_message(message(2, ""), 50) == [Lane(SUBSCRIPTION.urn), Lane(SECOND.urn)]
    async with store.read() as r:
        assert await r.lanes() == [Lane(SUBSCRIPTION.urn), LANE, Lane(SECOND.urn)]


async def again(w: WriteTransaction, query: DeliveryQuery, now_ms: int, wall_ms: int) -> Mapping[Lane, int]:
    return (await w.redeliver(query, Again(now_ms, wall_ms, 1000))).lanes


async def test_a_message_to_a_topic_that_is_not_there_is_not_written(store: SqlStore) -> None:
    await subscribed(store)
    async with store.write() as w:
        assert await w.add_message(replace(MESSAGE, topic_urn="urn:smn:r:p1:gone"), 50) is None
        assert await w.add_message(replace(MESSAGE, project_id="p2"), 50) is None
        assert await w.message(None, "m1") is None


async def test_a_message_may_be_for_one_subscription_that_is_not_open(store: SqlStore) -> None:
    await subscribed(store, SUBSCRIPTION, replace(SECOND, status=SubscriptionStatus.UNCONFIRMED))
    confirmation = message(1, "", type=MessageType.SUBSCRIPTION)
    async with store.write() as w:
        assert await w.add_message(confirmation, 50, to=SECOND.urn) == [Lane(SECOND.urn)]
        assert await w.give_up(Lane(SECOND.urn), None, "away", 60) == 1
        assert await again(w, DeliveryQuery("p1", message_id="m1"), 70, 80) == {Lane(SECOND.urn): 1}


async def test_a_lane_is_in_the_order_in_which_messages_came(store: SqlStore) -> None:
    await subscribed(store)
    await added(store, message(9), message(1), message(5, "s2"), message(3))
    seen = []
    for _ in range(3):
        seen.append((await head(store)).message.id)
        await concluded(store, LANE, DeliveryState.DELIVERED)
    assert seen == ["m9", "m1", "m3"]
    async with store.read() as r:
        assert await r.head(LANE) is None
        assert await r.lanes() == [Lane(SUBSCRIPTION.urn, "s2")]
        total, delivered = await r.deliveries(
            DeliveryQuery("p1", TOPIC.urn, SUBSCRIPTION.urn, "s1", state=DeliveryState.DELIVERED), Window(0, 2)
        )
    assert (total, [d.message.id for d in delivered]) == (3, ["m3", "m1"])
    assert delivered[0].message == replace(message(3), number=4, text="", texts={}, facts={})


async def test_what_became_of_a_try_is_written_once(store: SqlStore) -> None:
    await subscribed(store)
    await added(store, message(1))
    before = (await head(store)).delivery
    tried = replace(before, attempts=1, due_ms=9000, error="answered 500")
    async with store.write() as w:
        assert await w.conclude(before, tried)
        assert not await w.conclude(before, replace(before, state=DeliveryState.DELIVERED))
    assert (await head(store)).delivery == tried
    async with store.write() as w:
        assert await w.delete_subscription(SUBSCRIPTION.urn)
        assert not await w.delete_subscription(SUBSCRIPTION.urn)
        assert not await w.conclude(tried, replace(tried, state=DeliveryState.DELIVERED))
        assert await w.deliveries(DeliveryQuery(), Window()) == (0, [])


async def test_giving_up_ends_what_waits_long_enough(store: SqlStore) -> None:
    await subscribed(store)
    await added(store, message(1), message(2, "s2"))
    async with store.write() as w:
        await w.add_message(message(3), 51)
        assert await w.give_up(LANE, 50, "gone", 700) == 1
    assert await waiting(store) == ["m3", "m2"]
    async with store.read() as r:
        _, [dead] = await r.deliveries(DeliveryQuery(message_id="m1"), Window())
    assert (dead.delivery.state, dead.delivery.error, dead.delivery.ended_ms) == (DeliveryState.DEAD, "gone", 700)
    assert await head(store) is not None
    async with store.write() as w:
        assert await w.died_before(await head(store))
        assert not await w.died_before(await head(store, Lane(SUBSCRIPTION.urn, "s2")))
        assert await w.give_up(LANE, None, "gone", 700) == 1


async def test_dead_letters_are_sent_again_in_their_place(store: SqlStore) -> None:
    await subscribed(store, SUBSCRIPTION, SECOND)
    await added(store, message(1), message(2, expires_ms=300), message(3))
    for _ in range(2):
        await concluded(store, LANE, DeliveryState.DEAD)
    await concluded(store, Lane(SECOND.urn, "s1"), DeliveryState.DELIVERED)
    async with store.write() as w:
        of_one = DeliveryQuery("p1", subscription_urn=SUBSCRIPTION.urn, message_id="m1")
        assert await again(w, replace(of_one, project_id="p2"), 900, 400) == {}
        assert await again(w, of_one, 900, 400) == {LANE: 1}
    assert (await head(store)).delivery == Delivery("m1", SUBSCRIPTION.urn, since_ms=900)
    async with store.write() as w:
        later = (await w.head(LANE)).delivery  # type: ignore[union-attr]
        assert await w.conclude(later, replace(later, attempts=4, due_ms=5000, error="500"))
        assert await again(w, DeliveryQuery("p1", subscription_urn=SUBSCRIPTION.urn), 950, 400) == {LANE: 2}
    assert (await head(store)).delivery == replace(later, attempts=4, due_ms=0, error="500"), "due, and counted on"
    async with store.write() as w:
        await w.save_subscription(replace(SUBSCRIPTION, status=SubscriptionStatus.CANCELLED))
        assert SUBSCRIPTION.urn not in {lane.subscription_urn for lane in await again(w, DeliveryQuery(), 1, 1)}
    assert LANE.of(LANE.key) == LANE


@pytest.mark.parametrize("state", [None, DeliveryState.DEAD])
async def test_dead_letters_are_sent_again_in_batches(store: SqlStore, state: DeliveryState | None) -> None:
    await subscribed(store, SUBSCRIPTION, SECOND)
    await added(store, message(1), message(2), message(3))
    async with store.write() as w:
        for urn in (SUBSCRIPTION.urn, SECOND.urn):
            await w.give_up(Lane(urn, "s1"), None, "away", 60)
    found = Counter[Lane]()
    after: Place | None = None
    sizes = []
    while True:
        async with store.write() as w:
            told = await w.redeliver(DeliveryQuery("p1", state=state), Again(900, 400, 2, after))
            _, still = await w.deliveries(DeliveryQuery(state=DeliveryState.DEAD), Window())
        found.update(told.lanes)
        sizes.append(sum(told.lanes.values()))
        assert len(still) == 6 - found.total()
        if (after := told.after) is None:
            break
    assert (sizes, found) == ([2, 2, 2, 0], {LANE: 3, Lane(SECOND.urn, "s1"): 3})


async def test_room_is_made_of_what_everybody_got(store: SqlStore) -> None:
    await subscribed(store)
    await added(store, message(1, ""), message(2, ""), message(3, ""), message(4, ""), message(5, "s1"))
    for state in (DeliveryState.DELIVERED, DeliveryState.DEAD, DeliveryState.DELIVERED):
        await concluded(store, Lane(SUBSCRIPTION.urn), state)
    await concluded(store, LANE, DeliveryState.DELIVERED)
    for n, kind in enumerate((MessageType.SUBSCRIPTION, MessageType.UNSUBSCRIPTION), 6):  # of nobody's quota
        await added(store, replace(message(n, ""), type=kind))
    async with store.write() as w:
        assert [await w.published("p1", most) for most in (3, 10)] == [3, 4]
        assert await w.published("p2", 10) == 0
        assert [await w.undelivered(project) for project in ("p1", "p2")] == [2, 0]
        assert (await w.make_room("p2", 10), await w.make_room("p1", 1), await w.make_room("p1", 10)) == (0, 1, 1)
        kept = [id for id in ("m1", "m2", "m3", "m4", "m5") if await w.message(None, id)]
    assert kept == ["m2", "m4", "m5"], "one was given up, one waits, one is of a service"


async def test_a_token_is_nowhere_in_the_clear(tmp_path: Path) -> None:
    store = SqlStore(tmp_path / "modelyard.db")
    await store.open()
    await subscribed(store, replace(SUBSCRIPTION, token="open-sesame"))
    await store.close()
    assert b"open-sesame" not in b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    await store.open()
    async with store.read() as r:
        assert (await r.subscription(None, SUBSCRIPTION.urn)).token == "open-sesame"  # type: ignore[union-attr]
    await store.close()


async def test_a_token_from_before_is_good_and_sealed(tmp_path: Path) -> None:
    path = tmp_path / "modelyard.db"
    store = SqlStore(path)
    await store.open()
    await subscribed(store, replace(SUBSCRIPTION, token=""))
    await store.close()
    box = SecretBox(tmp_path / "keys" / "store.key")
    one = SUBSCRIPTION
    before = box.seal(f"subscription {one.urn}", to_json([one.endpoint, one.secret, one.address]))
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE subscriptions SET token = 'sesame', sealed = ?", (before,))
        connection.commit()
    await store.open()
    async with store.read() as r:
        assert await r.subscription(None, one.urn) == replace(one, token="sesame")
    await store.close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT token FROM subscriptions").fetchall() == [("",)]


async def test_old_messages_are_forgotten_unless_one_waits(store: SqlStore) -> None:
    await subscribed(store)
    await added(store, message(1, "a"), message(2, "b"), message(3, "c"), message(4, "d"))
    await concluded(store, Lane(SUBSCRIPTION.urn, "a"), DeliveryState.DELIVERED)
    await concluded(store, Lane(SUBSCRIPTION.urn, "b"), DeliveryState.DEAD)
    await concluded(store, Lane(SUBSCRIPTION.urn, "d"), DeliveryState.DELIVERED)
    async with store.read() as r:
        assert await r.backlog() == Backlog(waiting=1, dead=1, oldest_ms=103)
    async with store.write() as w:
        assert await w.prune(104, 0) == 1
        assert await w.message(None, "m1") is None
        assert await w.prune(104, 104) == 1
        assert await w.message(None, "m2") is None
        assert await w.backlog() == Backlog(waiting=1, dead=0, oldest_ms=103)
        assert await w.deliveries(DeliveryQuery(), Window()) != (0, [])
        assert await w.give_up(Lane(SUBSCRIPTION.urn, "c"), None, "", 1) == 1
        assert await w.backlog() == Backlog(0, 1)


async def test_everything_goes_with_its_topic(store: SqlStore) -> None:
    await subscribed(store)
    await added(store, message(1))
    async with store.write() as w:
        assert await w.delete_topic(TOPIC.urn)
        assert not await w.delete_topic(TOPIC.urn)
        assert await w.lanes() == []
        assert await w.message(None, "m1") is None
        assert await w.subscriptions("p1", None, Window()) == (0, [])


async def test_a_message_that_is_not_committed_is_not_sent(store: SqlStore) -> None:
    await subscribed(store)
    with pytest.raises(RuntimeError):
        async with store.write() as w:
            await w.add_message(message(1), 50)
            raise RuntimeError
    async with store.read() as r:
        assert await r.lanes() == []


async def test_messages_outlive_their_service(store: SqlStore) -> None:
    await a.filled(store, a.service("s1"))
    await subscribed(store)
    await added(store, message(1))
    async with store.write() as w:
        service = await w.service(None, "s1")
        assert service is not None
        assert await w.apply("s1", Changes(service.version, delete_service=True))
        assert (await w.head(LANE)) is not None


async def test_a_topic_of_everybody_is_found_by_all_and_listed_by_none(store: SqlStore) -> None:
    shared = Topic(EVERYBODYS, "urn:smn:far:q:t", "urn:smn:far:q:t")
    one = replace(SUBSCRIPTION, urn=f"{shared.urn}:smn", topic_urn=shared.urn, project_id=EVERYBODYS)
    async with store.write() as w:
        await w.add_topic(shared)
        await w.add_subscription(one)
        for project in ("p1", "p2"):
            assert await w.topic(project, shared.urn) == shared
            assert await w.topics(project, Window()) == (0, [])
        message = replace(MESSAGE, project_id="p2", topic_urn=shared.urn, type=MessageType.NOTIFICATION)
        assert await w.add_message(message, 1) == [Lane(one.urn, MESSAGE.service_id)]
        assert (await w.deliveries(DeliveryQuery("p2"), Window()))[0] == 1
        assert (await w.deliveries(DeliveryQuery("p1"), Window()))[0] == 0
