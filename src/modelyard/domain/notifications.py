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


@dataclass(frozen=True, slots=True)
class Message:
    """`id` goes with every try. `number`: the order of messages, given by the store (0: not stored yet).
    `service_id`, `occurrence`: of a service's own; "" and None of one that a user published. `expires_ms`: after
    it nobody is sent it any more (None: never). `texts`: other texts than `text`, by protocol."""

    id: str
    project_id: str
    topic_urn: str
    subject: str
    text: str
    created_ms: int
    service_id: str = ""
    occurrence: Occurrence | None = None
    expires_ms: int | None = None
    number: int = 0
    type: MessageType = MessageType.NOTIFICATION
    texts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message's way to one subscription. `due_ms`: not tried before; `error`: why the last try failed."""

    message_id: str
    subscription_urn: str
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    due_ms: int = 0
    error: str = ""
    ended_ms: int | None = None
