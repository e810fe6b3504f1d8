"""Topics, subscriptions, messages and their deliveries: the outbox of notifications.

A message is added in the transaction of what it tells of, with one delivery for each subscription of its topic
that is open then. Numbers of messages grow in the order in which they were added. A subscription's deliveries go
with it; a topic's subscriptions and messages go with the topic.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelyard.domain.notifications import (
    Backlog,
    Delivery,
    DeliveryState,
    Dispatch,
    Lane,
    Message,
    Subscription,
    Topic,
)

EVERYBODYS = ""
"""In place of the project of a topic that all may publish to."""


@dataclass(frozen=True, slots=True)
class Window:
    """Rows `skip` to `skip + limit` of a list."""

    skip: int = 0
    limit: int = 100


@dataclass(frozen=True, slots=True)
class DeliveryQuery:
    """None matches any. "" matches what has none: a message that no service told has `service_id` ""."""

    project_id: str | None = None
    topic_urn: str | None = None
    subscription_urn: str | None = None
    service_id: str | None = None
    message_id: str | None = None
    state: DeliveryState | None = None


Place = tuple[int, str]
"""Of a delivery in the order of all: the number of its message, and its subscription."""


@dataclass(frozen=True, slots=True)
class Again:
    """Which deliveries are to be sent again: at most `most`, behind the place `after` (None: from the first on).
    `now_ms` is of the steady clock, `wall_ms` of the wall clock."""

    now_ms: int
    wall_ms: int
    most: int
    after: Place | None = None


@dataclass(frozen=True, slots=True)
class Redelivered:
    """How many deliveries in which lanes, and where to go on (None: those were all)."""

    lanes: Mapping[Lane, int]
    after: Place | None = None


class NotificationReads(Protocol):
    async def topic(self, project_id: str | None, urn: str) -> Topic | None:
        """One of the project's, or of EVERYBODYS."""

    async def topic_named(self, project_id: str, name: str) -> Topic | None: ...

    async def topics(self, project_id: str, window: Window) -> tuple[int, Sequence[Topic]]:
        """(how many there are, those of the window), oldest first."""

    async def subscription(self, project_id: str | None, urn: str) -> Subscription | None: ...

    async def subscriptions(
        self, project_id: str, topic_urn: str | None, window: Window
    ) -> tuple[int, Sequence[Subscription]]:
        """Of a topic, or (None) of the project; oldest first."""

    async def message(self, project_id: str | None, message_id: str) -> Message | None: ...

    async def deliveries(self, query: DeliveryQuery, window: Window) -> tuple[int, Sequence[Dispatch]]:
        """Newest messages first, without `text`, `texts` and `facts`, which may be a thousand times as large as
        the rest and are shown in no list. Dead letters are those in the state DEAD."""

    async def lanes(self) -> Sequence[Lane]:
        """Those in which a delivery waits."""

    async def head(self, lane: Lane) -> Dispatch | None:
        """The first delivery of the lane that waits: nothing behind it may be sent before it."""

    async def backlog(self) -> Backlog: ...

    async def published(self, project_id: str, most: int) -> int:
        """How many notifications are kept that no service told, but users of the project published (no
        confirmations, no farewells); counted up to `most`."""

    async def undelivered(self, project_id: str) -> int:
        """How many of those wait for a subscriber, or were given up."""


class NotificationWrites(NotificationReads, Protocol):
    async def add_topic(self, topic: Topic) -> None:
        """Raises AlreadyExists for a name taken in the project."""

    async def save_topic(self, topic: Topic) -> None: ...

    async def delete_topic(self, urn: str) -> bool:
        """With its subscriptions and messages. False: there was none."""

    async def add_subscription(self, subscription: Subscription) -> None: ...

    async def save_subscription(self, subscription: Subscription) -> None: ...

    async def delete_subscription(self, urn: str) -> bool: ...

    async def add_message(self, message: Message, now_ms: int, *, to: str | None = None) -> Sequence[Lane] | None:
        """The lanes in which it waits now; None, and nothing is written, when its topic is not there (or is
        another project's). `now_ms`: of the steady clock. `to`: only this subscription of the topic gets it, open
        or not. Its `number` is given here."""

    async def conclude(self, before: Delivery, after: Delivery) -> bool:
        """Write what became of a try. False, and nothing is written, when the delivery is not `before` any more:
        its subscription is gone, or somebody had it sent again meanwhile."""

    async def give_up(self, lane: Lane, since_ms: int | None, error: str, ended_ms: int) -> int:
        """Every delivery of the lane that waits since `since_ms` or longer (None: however long) is DEAD now; how
        many those are."""

    async def died_before(self, dispatch: Dispatch) -> bool:
        """Whether the delivery before this one in its lane is dead too."""

    async def make_room(self, project_id: str, count: int) -> int:
        """Forget so many messages, the oldest first, that users of the project published and for which no delivery
        waits or is dead; how many there were."""

    async def redeliver(self, query: DeliveryQuery, again: Again) -> Redelivered:
        """Dead letters that match wait again, and those that wait are due at once: as many as `again` says, in the
        order of messages. Those whose message has expired, or whose subscription is not open (and the message a
        notification), stay as they are."""

    async def prune(self, delivered_ms: int, dead_ms: int) -> int:
        """Forget messages none of whose deliveries waits: those from before `delivered_ms`, those with a dead
        letter from before `dead_ms`; how many."""
