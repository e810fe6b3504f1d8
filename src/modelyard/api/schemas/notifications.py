"""Topics, subscriptions, messages and deliveries on the wire (contract §7)."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, WithJsonSchema

from modelyard.api.schemas.answer import Answer, Maybe, Word, answer
from modelyard.api.schemas.queries import Offset
from modelyard.api.schemas.wire import Integer, Wire
from modelyard.domain.notifications import DeliveryState

TOPIC: dict[str, Any] = {"name": "alerts", "display_name": "Alerts"}
RENAMED: dict[str, Any] = {"display_name": "Alerts of the shop"}
SUBSCRIPTION: dict[str, Any] = {"protocol": "https", "endpoint": "https://example.org/hook", "remark": "on call"}
REMARK: dict[str, Any] = {"remark": "on call"}
MESSAGE: dict[str, Any] = {"subject": "Maintenance", "message": "Tonight at eight.", "time_to_live": "3600"}
AGAIN: dict[str, Any] = {"message_id": "f3b0a7c1d2e34f56a7b8c9d0e1f2a3b4"}

ROWS = 100
"""Of a page, as SMN has it."""
FirstRow = Annotated[
    Annotated[Integer, Field(ge=0, le=10**9), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 10**9})]
    | None,
    Field(description="the first row, counted from 0 (in SMN no page index)"),
]
Rows = Annotated[
    Annotated[Integer, Field(ge=1, le=ROWS), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": ROWS})]
    | None,
    Field(description="rows of a page. Default 100."),
]


DeliveryRows = Annotated[
    Annotated[Integer, Field(ge=1, le=1000), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 1000})]
    | None,
    Field(description="rows of a page. Default 1000."),
]
Named = Annotated[str, Field(min_length=1)]
"""Where nothing named means all, an empty name is a mistake."""


class TopicCreate(Wire):
    """POST /v2/{project_id}/notifications/topics."""

    name: Annotated[str | None, Field(description="1 to 255 letters, digits, - and _")] = None
    display_name: Annotated[str | None, Field(description="at most 192 bytes")] = None

    required: ClassVar[Sequence[str]] = ("name",)


class TopicUpdate(Wire):
    """PUT /v2/{project_id}/notifications/topics/{topic_urn}."""

    display_name: str | None = None

    required: ClassVar[Sequence[str]] = ("display_name",)


class SubscriptionCreate(Wire):
    """POST /v2/{project_id}/notifications/topics/{topic_urn}/subscriptions."""

    protocol: Annotated[str | None, Field(description="http, https, email or apprise")] = None
    endpoint: Annotated[str | None, Field(description="URL, address, or the URL that Apprise knows")] = None
    remark: Annotated[str | None, Field(description="at most 128 bytes")] = None
    format: Annotated[str | None, Field(description="smn, or cloudevents (extension). Default smn.")] = None

    required: ClassVar[Sequence[str]] = ("protocol", "endpoint")
    later: ClassVar[Mapping[str, str]] = {
        "subscriptions": "subscribe one endpoint at a time",
        "extension": "no header or robot can be set",
    }


class SubscriptionUpdate(Wire):
    """PUT /v2/{project_id}/notifications/topics/{topic_urn}/subscriptions/{subscription_urn}."""

    remark: str | None = None

    required: ClassVar[Sequence[str]] = ("remark",)


class Publish(Wire):
    """POST /v2/{project_id}/notifications/topics/{topic_urn}/publish."""

    subject: Annotated[str | None, Field(description="one line of at most 512 characters")] = None
    message: Annotated[str | None, Field(description="at most 256 KiB in UTF-8")] = None
    message_structure: Annotated[
        str | None,
        Field(description="JSON in a string: texts by protocol, `default` among them. Counts instead of message."),
    ] = None
    time_to_live: Annotated[
        Integer | None, Field(description="seconds after which it is not sent any more, 1 to 86400")
    ] = None

    later: ClassVar[Mapping[str, str]] = {
        "message_template_name": "there are no templates; send message or message_structure",
        "tags": "they fill templates, which there are none of",
        "message_attributes": "subscriptions have no filters",
        "locale": "nothing is added to a message in a language",
    }


class TopicList(Wire):
    """Query of GET /v2/{project_id}/notifications/topics."""

    name: Annotated[str | None, Field(description="the name, whole")] = None
    offset: FirstRow = None
    limit: Rows = None


class SubscriptionList(Wire):
    """Query of GET …/subscriptions."""

    offset: FirstRow = None
    limit: Rows = None


class ConfirmQuery(Wire):
    """Query of a subscribe_url."""

    topic_urn: str | None = None
    token: str | None = None

    required: ClassVar[Sequence[str]] = ("topic_urn", "token")


class UnsubscribeQuery(Wire):
    """Query of an unsubscribe_url."""

    subscription_urn: str | None = None
    token: str | None = None

    required: ClassVar[Sequence[str]] = ("subscription_urn", "token")


class DeliveryList(Wire):
    """Query of GET /v1/{project_id}/notifications/deliveries."""

    state: Annotated[
        Literal["waiting", "delivered", "dead"] | None, Field(description="dead: the dead letters")
    ] = None
    topic_urn: str | None = None
    subscription_urn: str | None = None
    service_id: str | None = None
    message_id: str | None = None
    offset: Offset = None
    limit: DeliveryRows = None


class Redeliver(Wire):
    """POST /v1/{project_id}/notifications/deliveries/redeliver. Nothing named means all dead letters; an empty
    name is refused."""

    message_id: Named | None = None
    subscription_urn: Named | None = None
    topic_urn: Named | None = None
    service_id: Named | None = None


BODIES = (TopicCreate, TopicUpdate, SubscriptionCreate, SubscriptionUpdate, Publish, Redeliver)


@answer
class Requested(Answer):
    request_id: str


@answer
class TopicMade(Answer):
    request_id: str
    topic_urn: str


@answer
class TopicShown(Answer):
    request_id: Maybe[str] = None
    topic_urn: str
    topic_id: str
    name: str
    display_name: str
    push_policy: int
    create_time: str
    update_time: str


@answer
class TopicPage(Answer):
    request_id: str
    topic_count: int
    total_count: int
    count: int
    topics: list[TopicShown]


@answer
class SubscriptionMade(Answer):
    """`secret` is what Standard Webhooks signatures are checked with; here it is shown to who may change it."""

    request_id: str
    subscription_urn: str
    secret: Maybe[str] = None


@answer
class SubscriptionShown(Answer):
    """`status`: 0 not confirmed, 1 confirmed, 2 needs no confirmation, 3 left by its subscriber."""

    subscription_urn: str
    topic_urn: str
    protocol: str
    endpoint: str
    owner: str
    remark: str
    status: int
    format: str
    created_at: int


@answer
class SubscriptionPage(Answer):
    request_id: str
    subscription_count: int
    total_count: int
    count: int
    subscriptions: list[SubscriptionShown]


@answer
class SecretShown(Answer):
    subscription_urn: str
    secret: str


@answer
class Published(Answer):
    request_id: str
    message_id: str


@answer
class DeliveryShown(Answer):
    """`attempts`: tries that were made. `error`: why the last one failed."""

    message_id: str
    topic_urn: str
    subscription_urn: str
    protocol: str
    endpoint: str
    type: str
    subject: str
    service_id: Maybe[str] = None
    state: Word[DeliveryState]
    attempts: int
    error: Maybe[str] = None
    published_at: int
    ended_at: Maybe[int] = None


@answer
class DeliveryPage(Answer):
    total_count: int
    count: int
    deliveries: list[DeliveryShown]


@answer
class Redelivered(Answer):
    """How many deliveries are tried again."""

    redelivered: int


_URN = "urn:smn:local:8a2c:alerts"
_SUBSCRIPTION_URN = f"{_URN}:0c1d2e3f405162738495a6b7c8d9eaf0"
_REQUEST: dict[str, Any] = {"request_id": "6a63a18b8bab40ffb71ebd9cb80d0085"}
_TOPIC: dict[str, Any] = {
    "topic_urn": _URN,
    "topic_id": _URN,
    "name": "alerts",
    "display_name": "Alerts",
    "push_policy": 0,
    "create_time": "2026-01-31T23:59:59Z",
    "update_time": "2026-01-31T23:59:59Z",
}
_SHOWN: dict[str, Any] = {
    "subscription_urn": _SUBSCRIPTION_URN,
    "topic_urn": _URN,
    "protocol": "https",
    "endpoint": "https://example.org/hook",
    "owner": "8a2c",
    "remark": "on call",
    "status": 1,
    "format": "smn",
    "created_at": 1700000000000,
}
_DELIVERY: dict[str, Any] = {
    "message_id": "f3b0a7c1d2e34f56a7b8c9d0e1f2a3b4",
    "topic_urn": _URN,
    "subscription_urn": _SUBSCRIPTION_URN,
    "protocol": "https",
    "endpoint": "https://example.org/hook",
    "type": "Notification",
    "subject": "Service digits failed",
    "service_id": "f76f20ba-78f5-44e8-893a-37c8c600c02f",
    "state": "dead",
    "attempts": 31,
    "error": "it answers 503",
    "published_at": 1700000000000,
    "ended_at": 1700086400000,
}
_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105 - the example of the standard
_COUNTED: dict[str, Any] = {"total_count": 1, "count": 1}
EXAMPLES: Mapping[type[Answer], Any] = {
    Requested: _REQUEST,
    TopicMade: {**_REQUEST, "topic_urn": _URN},
    TopicShown: {**_REQUEST, **_TOPIC},
    TopicPage: {**_REQUEST, "topic_count": 1, **_COUNTED, "topics": [_TOPIC]},
    SubscriptionMade: {**_REQUEST, "subscription_urn": _SUBSCRIPTION_URN, "secret": _SECRET},
    SubscriptionPage: {**_REQUEST, "subscription_count": 1, **_COUNTED, "subscriptions": [_SHOWN]},
    SecretShown: {"subscription_urn": _SUBSCRIPTION_URN, "secret": _SECRET},
    Published: {**_REQUEST, "message_id": "f3b0a7c1d2e34f56a7b8c9d0e1f2a3b4"},
    DeliveryPage: {**_COUNTED, "deliveries": [_DELIVERY]},
    Redelivered: {"redelivered": 3},
}
