"""A topic with subscribers, a channel that misbehaves on demand, and what a service's status really was."""

from dataclasses import dataclass, field, replace

from sqlalchemy import text
from tests.worlds.plane import ALICE, PROJECT, PlaneWorld, variant_request

from modelyard.core.admission.service import SettingsRequest
from modelyard.core.notifications import OCCURRENCES
from modelyard.domain.notifications import Lane, Message, Subscription, SubscriptionStatus, Topic
from modelyard.domain.service import InferType, ServiceStatus
from modelyard.notify.base import SendError
from modelyard.operations.services.create import ServiceRequest, create_service
from modelyard.store.sql import SqlStore

TOPIC = Topic(PROJECT, f"urn:smn:local:{PROJECT}:t", "t")
EVERYTHING = (1, 3, 7, 11)
_TRIGGER = """
CREATE TRIGGER statuses_changed AFTER UPDATE OF status ON services WHEN old.status <> new.status
BEGIN INSERT INTO statuses (service_id, status) VALUES (new.id, new.status); END
"""


def subscription(name: str = "s", protocol: str = "test") -> Subscription:
    return Subscription(
        f"{TOPIC.urn}:{name}", TOPIC.urn, PROJECT, protocol, "https://x", SubscriptionStatus.CONFIRMED
    )


@dataclass(slots=True)
class Inbox:
    """A channel that keeps what it takes; what it does with the next tries is in `next` (None: it takes it)."""

    at_once = 64

    taken: list[tuple[Lane, Message]] = field(default_factory=list)
    tries: int = 0
    next: list[SendError | None] = field(default_factory=list)
    down: SendError | None = None

    async def send(self, subscription: Subscription, message: Message) -> None:
        self.tries += 1
        error = self.next.pop(0) if self.next else self.down
        if error is not None:
            raise error
        self.taken.append((Lane(subscription.urn, message.service_id), message))

    def subjects(self) -> list[str]:
        return [message.subject for _, message in self.taken]


async def watch_statuses(store: SqlStore) -> None:
    """From now on the database itself writes down every change of a status, whoever makes it."""
    async with store.write() as w:
        connection = w.connection  # type: ignore[attr-defined]
        await connection.execute(
            text("CREATE TABLE statuses (n INTEGER PRIMARY KEY, service_id TEXT, status TEXT)")
        )
        await connection.execute(text(_TRIGGER))


async def statuses(store: SqlStore, service_id: str) -> list[ServiceStatus]:
    """Those that the service took, in order, of which anybody can be told."""
    async with store.read() as r:
        connection = r.connection  # type: ignore[attr-defined]
        rows = await connection.execute(
            text("SELECT status FROM statuses WHERE service_id = :id ORDER BY n"), {"id": service_id}
        )
        return [status for row in rows if (status := ServiceStatus(row.status)) in OCCURRENCES]


async def subscribed(store: SqlStore, *subscriptions: Subscription) -> None:
    async with store.write() as w:
        await w.add_topic(TOPIC)
        for one in subscriptions or (subscription(),):
            await w.add_subscription(one)


async def telling_service(
    world: PlaneWorld, model: str, name: str = "svc", events: tuple[int, ...] = EVERYTHING, count: int = 1
) -> str:
    """A service that tells the topic."""
    told = {"smn_notification": {"topic_urn": TOPIC.urn, "events": list(events)}}
    request = ServiceRequest(name, InferType.REAL_TIME, (variant_request(model, count=count),))
    request = replace(request, settings=SettingsRequest(properties=told))
    return (await create_service(world.context, ALICE, PROJECT, request)).service.id
