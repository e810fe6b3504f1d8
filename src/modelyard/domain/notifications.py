"""Topics, who subscribed to them, the messages that were published, and their way to each subscriber.

A *message* is a fact that was published to a topic: written in the transaction of the change that it tells of
(the outbox), immutable, numbered. A *delivery* is its way to one subscription: at least once, in the order of
the numbers for each service and subscription, the same message id at every try. One that is given up is a *dead
letter*, kept for people to see and send again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType


class Occurrence(IntEnum):
    """What a service may tell a topic of (numbers of the contract's `smn_notification.events`)."""

    FAILED = 1
    RUNNING = 3
    CONCERNING = 7
    PENDING = 11


class MessageType(StrEnum):
    """Words of SMN v2. The last two tell one subscriber of its own subscription, and go to nobody else."""

    NOTIFICATION = "Notification"
    SUBSCRIPTION = "SubscriptionConfirmation"
    UNSUBSCRIPTION = "UnsubscribeConfirmation"


class SubscriptionStatus(IntEnum):
    """Numbers of SMN v2."""

    UNCONFIRMED = 0
    CONFIRMED = 1
    UNNECESSARY = 2
    CANCELLED = 3


class DeliveryState(StrEnum):
    WAITING = "waiting"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Topic:
    """`urn` names it everywhere: urn:smn:REGION:PROJECT:NAME."""

    project_id: str
    urn: str
    name: str
    display_name: str = ""
    created_ms: int = 0
    updated_ms: int = 0


@dataclass(frozen=True, slots=True)
class Subscription:
    """`protocol`: http, https, email, … `secret` is what Standard Webhooks signatures of it are made with (stored
    sealed), `token` what confirms it until `confirm_until_ms`. `format`: "smn", or "cloudevents". `address`: where
    messages go when that is a secret (stored sealed) which `endpoint` only hints at; "" otherwise."""

    urn: str
    topic_urn: str
    project_id: str
    protocol: str
    endpoint: str
    status: SubscriptionStatus = SubscriptionStatus.UNCONFIRMED
    remark: str = ""
    format: str = "smn"
    secret: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    address: str = field(default="", repr=False)
    confirm_until_ms: int = 0
    created_ms: int = 0

    @property
    def open(self) -> bool:
        """Whether messages go to it."""
        return self.status in {SubscriptionStatus.CONFIRMED, SubscriptionStatus.UNNECESSARY}


@dataclass(frozen=True, slots=True)
class Message:
    """`id` goes with every try. `number`: the order of messages, given by the store (0: not stored yet).
    `service_id`, `occurrence`: of a service's own; "" and None of one that a user published. `facts`: what a
    program reads of it (JSON), where the text is for people. `expires_ms`: after it nobody is sent it any more
    (None: never). `texts`: other texts than `text`, by protocol."""

    id: str
    project_id: str
    topic_urn: str
    subject: str
    text: str
    created_ms: int
    service_id: str = ""
    occurrence: Occurrence | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    expires_ms: int | None = None
    number: int = 0
    type: MessageType = MessageType.NOTIFICATION
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message's way to one subscription.

    `since_ms`: from when on it is tried (its message came, or somebody had it sent again). `due_ms`: not tried
    before. Both are moments of the steady clock, `ended_ms` one of the wall clock. `attempts`: tries that failed,
    or the one that did not; `error`: why the last one failed.
    """

    message_id: str
    subscription_urn: str
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    since_ms: int = 0
    due_ms: int = 0
    error: str = ""
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """What keeps an order of its own: the messages of one service ("": those that users published) to one
    subscription. `key` names it for a queue."""

    subscription_urn: str
    service_id: str = ""

    @property
    def key(self) -> str:
        return f"{self.subscription_urn} {self.service_id}"

    @classmethod
    def of(cls, key: str) -> "Lane":
        urn, _, service_id = key.partition(" ")
        return cls(urn, service_id)


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A delivery with all that carrying it out needs."""

    subscription: Subscription
    message: Message
    delivery: Delivery

    @property
    def lane(self) -> Lane:
        return Lane(self.subscription.urn, self.message.service_id)


@dataclass(frozen=True, slots=True)
class Backlog:
    """How deliveries stand, of the whole installation. `oldest_ms`: the wall clock's time of the oldest message
    that waits for one (None: none does)."""

    waiting: int = 0
    dead: int = 0
    oldest_ms: int | None = None
