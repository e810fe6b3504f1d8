"""Every way by which a service's status is stored tells of it: messages in the same transaction, then sent."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds import notifications as w
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, plane_world, variant_request

from modelyard.core.admission.service import SettingsRequest
from modelyard.core.deliveries import GIVE_UP_MS
from modelyard.domain.errors import Invalid
from modelyard.domain.notifications import DeliveryState, Occurrence, SubscriptionStatus
from modelyard.domain.service import Desired, ServiceStatus
from modelyard.engines.fake import CrashAtStart
from modelyard.engines.misbehaviour import NoRoom
from modelyard.notify.base import GoneError, PassingError, PermanentError
from modelyard.operations.services.change import UpdateRequest, update_service
from modelyard.store.notifications import Again, DeliveryQuery, Window

V1, V2 = "iris-1.0.0", "iris-2.0.0"


@pytest.fixture
async def inbox() -> w.Inbox:
    return w.Inbox()


@pytest.fixture
async def world(tmp_path: Path, inbox: w.Inbox) -> AsyncIterator[PlaneWorld]:
    async with plane_world(tmp_path) as made:
        made.channels["test"] = inbox
        await made.restart()
        await made.model("iris", "1.0.0")
        await made.model("iris", "2.0.0")
        await w.watch_statuses(made.store)
        await w.subscribed(made.store)
        yield made


async def dead(world: PlaneWorld) -> list[str]:
    async with world.store.read() as r:
        _, found = await r.deliveries(DeliveryQuery(PROJECT, state=DeliveryState.DEAD), Window())
    return [d.delivery.error for d in found]


async def events(world: PlaneWorld, service_id: str) -> list[str]:
    return [line for line in await world.events(service_id) if "notification" in line]


async def test_everything_that_a_service_becomes_is_told(world: PlaneWorld, inbox: w.Inbox) -> None:
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    instance = (await world.running())[0]
    await world.engine.stop(instance.instance_id, 0)
    await world.run_until(lambda r: r.service.status is ServiceStatus.CONCERNING, service_id)
    await world.run_until(lambda r: r.service.status is ServiceStatus.RUNNING, service_id)
    world.engine.behave_next(NoRoom())
    await world.put(service_id, variant_request(V2))
    await world.converge(service_id)
    await world.settle()
    became = await w.statuses(world.store, service_id)
    assert {*became} >= {ServiceStatus.RUNNING, ServiceStatus.CONCERNING, ServiceStatus.PENDING}
    assert inbox.subjects() == [f"svc is {status}" for status in became]
    assert len({message.id for _, message in inbox.taken}) == len(became)


async def test_a_deployment_that_fails_is_told_with_its_cause(world: PlaneWorld, inbox: w.Inbox) -> None:
    world.engine.behave_next(*[CrashAtStart()] * 10)
    service_id = await w.telling_service(world, V1, events=(1,))
    await world.converge(service_id)
    await world.settle()
    assert inbox.subjects() == ["svc is failed"]
    [(_, message)] = inbox.taken
    assert "ended 3 times" in message.text
    assert (message.service_id, message.topic_urn) == (service_id, w.TOPIC.urn)


async def test_an_update_that_fails_is_told_though_the_service_goes_on(world: PlaneWorld, inbox: w.Inbox) -> None:
    service_id = await w.telling_service(world, V1, events=(1,))
    await world.converge(service_id)
    world.engine.behave_next(*[CrashAtStart()] * 10)
    await world.put(service_id, variant_request(V2))
    await world.converge(service_id)
    await world.settle()
    assert (await world.record(service_id)).service.status is ServiceStatus.RUNNING
    assert inbox.subjects() == ["svc: the update to revision 2 failed"]
    [(_, message)] = inbox.taken
    assert "it goes back to revision 1. The service is deploying.\nWhy: " in message.text
    assert "ended 3 times" in message.text
    assert (message.occurrence, message.facts["failed_revision"]) == (Occurrence.FAILED, 2)


async def test_what_is_only_noted_is_told_too(world: PlaneWorld, inbox: w.Inbox) -> None:
    """`facts` records what happened to instances before any pass does."""
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    await world.plane.close()
    await world.engine.stop((await world.running())[0].instance_id, 0)
    world.clock.advance(world.clock.now + 1000)
    await world.restart()
    await world.run_until(lambda r: r.service.status is ServiceStatus.RUNNING, service_id)
    await world.settle()
    became = await w.statuses(world.store, service_id)
    assert ServiceStatus.CONCERNING in became
    assert inbox.subjects() == [f"svc is {status}" for status in became]


async def test_only_what_was_asked_for_is_told(world: PlaneWorld, inbox: w.Inbox) -> None:
    service_id = await w.telling_service(world, V1, events=(7, 11))
    await world.converge(service_id)
    await world.settle()
    assert inbox.subjects() == []


async def test_a_topic_of_nobody_is_refused_by_name(world: PlaneWorld) -> None:
    service_id = await w.telling_service(world, V1)
    told = {"smn_notification": {"topic_urn": "urn:smn:local:p2:t", "events": [1]}}
    request = UpdateRequest(settings=SettingsRequest(properties=told))
    with pytest.raises(Invalid, match=r"topic_urn: is 'urn:smn:local:p2:t', which is no topic of this project"):
        await update_service(world.context, ALICE, PROJECT, service_id, request)


async def test_a_message_to_a_topic_that_was_deleted_becomes_an_event(world: PlaneWorld, inbox: w.Inbox) -> None:
    service_id = await w.telling_service(world, V1)
    async with world.store.write() as writing:
        assert await writing.delete_topic(w.TOPIC.urn)
    await world.converge(service_id)
    await world.settle()
    assert inbox.tries == 0
    [event] = await events(world, service_id)
    assert event.endswith(f"notification 'svc is running' was dropped: topic {w.TOPIC.urn} does not exist")
    same = UpdateRequest(description="x", status=Desired.STOPPED)
    await update_service(world.context, ALICE, PROJECT, service_id, replace(same, description=None))


async def test_what_is_not_taken_is_tried_again_in_order(world: PlaneWorld, inbox: w.Inbox) -> None:
    inbox.down = PassingError("answered 500")
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    await world.put(service_id, variant_request(V2))
    await world.converge(service_id)
    await world.elapse(120_000, service_id)
    assert inbox.taken == []
    assert 5 < inbox.tries < 20
    inbox.down = None
    await world.elapse(400_000, service_id)
    assert inbox.subjects() == ["svc is running", "svc is running"]
    numbers = [message.number for _, message in inbox.taken]
    assert numbers == sorted(numbers)


async def test_what_is_given_up_is_told_once_and_can_be_sent_again(world: PlaneWorld, inbox: w.Inbox) -> None:
    inbox.down = PassingError("answered 500")
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    await world.put(service_id, variant_request(V2))
    await world.converge(service_id)
    await world.elapse(GIVE_UP_MS + 3_600_000, service_id)
    assert await dead(world) == ["what came before it could not be delivered: answered 500", "answered 500"]
    [event] = await events(world, service_id)
    assert "2 notifications could not be delivered to subscription" in event
    assert "answered 500. Dead letters can be sent again." in event
    inbox.down = None
    async with world.store.write() as writing:
        again = Again(world.clock.now_ms(), world.clock.wall_ms(), 1000)
        lanes = (await writing.redeliver(DeliveryQuery(PROJECT), again)).lanes
    world.context.teller.wake(lanes)
    await world.settle()
    assert inbox.subjects() == ["svc is running", "svc is running"]
    assert await dead(world) == []


async def test_an_endpoint_that_is_gone_ends_its_subscription(world: PlaneWorld, inbox: w.Inbox) -> None:
    inbox.next = [PassingError("answered 500"), GoneError("answered 410")]
    first = await w.telling_service(world, V1, "one")
    await world.converge(first)
    second = await w.telling_service(world, V1, "two")
    inbox.next.insert(0, PassingError("answered 500"))
    await world.converge(second)
    await world.elapse(60_000, second)
    assert await dead(world) == ["answered 410", "answered 410"]
    for service_id in (first, second):
        [event] = await events(world, service_id)
        assert "answered 410. Subscribe again first" in event
    async with world.store.read() as r:
        ended = await r.subscription(None, w.subscription().urn)
    assert ended is not None
    assert ended.status is SubscriptionStatus.CANCELLED
    tries = inbox.tries
    await world.put(first, variant_request(V2))
    await world.converge(first)
    assert inbox.tries == tries, "nothing is sent there any more"


async def test_a_message_that_is_refused_holds_the_next_up_no_longer(world: PlaneWorld, inbox: w.Inbox) -> None:
    inbox.next = [PermanentError("too large")]
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    await world.put(service_id, variant_request(V2))
    await world.converge(service_id)
    await world.settle()
    assert await dead(world) == ["too large"]
    assert inbox.subjects() == ["svc is running"]


async def test_a_receiver_that_is_away_delays_itself_only(world: PlaneWorld, inbox: w.Inbox) -> None:
    away = w.Inbox(down=PassingError("away"))
    world.channels["away"] = away
    async with world.store.write() as writing:
        await writing.add_subscription(w.subscription("other", "away"))
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    await world.settle()
    assert inbox.subjects() == ["svc is running"]
    assert (away.taken, away.tries) == ([], 1)


async def test_a_protocol_that_nothing_sends_waits_and_says_so(world: PlaneWorld) -> None:
    async with world.store.write() as writing:
        await writing.add_subscription(w.subscription("other", "carrier-pigeon"))
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    await world.settle()
    async with world.store.read() as r:
        _, [waiting] = await r.deliveries(DeliveryQuery(state=DeliveryState.WAITING), Window())
    assert waiting.delivery.error == "nothing here sends by 'carrier-pigeon'"


async def test_a_mistake_in_a_channel_is_tried_again_like_any_fault(world: PlaneWorld, inbox: w.Inbox) -> None:
    class Broken:
        at_once = 64

        async def send(self, *_: object) -> None:
            raise KeyError("secret")

    world.channels["test"] = Broken()
    service_id = await w.telling_service(world, V1)
    await world.converge(service_id)
    await world.settle()
    async with world.store.read() as r:
        _, [waiting] = await r.deliveries(DeliveryQuery(state=DeliveryState.WAITING), Window())
    assert waiting.delivery.error == "sending failed: KeyError"
    world.channels["test"] = inbox
    await world.elapse(5_000, service_id)
    assert inbox.subjects() == ["svc is running"]
