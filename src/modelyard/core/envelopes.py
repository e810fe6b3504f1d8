"""What a subscriber is sent: the body of SMN v2 and the text that its signature covers, or the same as the data of
a CloudEvent (contract §7). Pure.

    Notification               message, message_id, subject, timestamp, topic_urn, type
    SubscriptionConfirmation,  message, message_id, subscribe_url, timestamp, topic_urn, type
    UnsubscribeConfirmation

are signed, in this order, each as its name and its value on a line of its own; an empty subject is left out. The
signature says who sent it. That it is not an old one sent again is said by the headers of Standard Webhooks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from modelyard.domain.notifications import Message, MessageType, Occurrence, Subscription

SIGNED = {
    MessageType.NOTIFICATION: ("message", "message_id", "subject", "timestamp", "topic_urn", "type"),
    MessageType.SUBSCRIPTION: ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type"),
    MessageType.UNSUBSCRIPTION: ("message", "message_id", "subscribe_url", "timestamp", "topic_urn", "type"),
}
SIGNATURE_VERSION = "v1"
SMN, CLOUDEVENTS = "smn", "cloudevents"
FORMATS = (SMN, CLOUDEVENTS)
JSON_TYPE = "application/json; charset=utf-8"
CLOUDEVENTS_TYPE = "application/cloudevents+json; charset=utf-8"

EVENT_TYPES: Mapping[Occurrence | None, str] = {
    None: "io.modelyard.message",
    **{one: f"io.modelyard.service.{one.name.lower()}" for one in Occurrence},
}


@dataclass(frozen=True, slots=True)
class Links:
    """Where the subscriber confirms, where it unsubscribes, and where the certificate of the signature is."""

    subscribe: str
    unsubscribe: str
    certificate: str


def time_text(ms: int) -> str:
    """As SMN writes times.

    >>> time_text(1471246156789)
    '2016-08-15T07:29:16Z'
    """
    return datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def text_for(message: Message, protocol: str) -> str:
    """What the message says to those who subscribed by this protocol."""
    return message.texts.get(protocol, message.text)


def unsigned(message: Message, subscription: Subscription, links: Links) -> dict[str, str]:
    """The body, all but its signature."""
    body = {
        "type": message.type.value,
        "topic_urn": message.topic_urn,
        "message_id": message.id,
        "message": text_for(message, subscription.protocol),
        "timestamp": time_text(message.created_ms),
        "signature_version": SIGNATURE_VERSION,
        "signing_cert_url": links.certificate,
    }
    if message.type is not MessageType.NOTIFICATION:
        return {**body, "subscribe_url": links.subscribe}
    subject = {"subject": message.subject} if message.subject else {}
    return {**body, **subject, "unsubscribe_url": links.unsubscribe}


def canonical(body: Mapping[str, str]) -> str:
    """The text that is signed.

    >>> canonical({"type": "Notification", "message": "m", "message_id": "1", "timestamp": "t", "topic_urn": "u"})
    'message\\nm\\nmessage_id\\n1\\ntimestamp\\nt\\ntopic_urn\\nu\\ntype\\nNotification\\n'
    """
    names = SIGNED[MessageType(body["type"])]
    return "".join(f"{name}\n{body[name]}\n" for name in names if body.get(name))


def headers(message: Message, subscription: Subscription) -> dict[str, str]:
    """Those of SMN."""
    return {
        "Content-Type": CLOUDEVENTS_TYPE if subscription.format == CLOUDEVENTS else JSON_TYPE,
        "X-SMN-MESSAGE-TYPE": message.type.value,
        "X-SMN-MESSAGE-ID": message.id,
        "X-SMN-TOPIC-URN": message.topic_urn,
        "X-SMN-SUBSCRIPTION-URN": subscription.urn,
    }


def cloud_event(message: Message, body: Mapping[str, str]) -> dict[str, object]:
    """The signed body as the data of an event (CloudEvents 1.0, structured mode). `type` says what happened to a
    service, `subject` to which, and `facts` in the data the same as the text, for programs."""
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": message.id,
        "source": message.topic_urn,
        "type": _event_type(message),
        "time": time_text(message.created_ms),
        "datacontenttype": "application/json",
    }
    subject = {"subject": f"services/{message.service_id}"} if message.service_id else {}
    facts = {"facts": dict(message.facts)} if message.facts else {}
    return {**event, **subject, "data": {**body, **facts}}


def _event_type(message: Message) -> str:
    if message.type is MessageType.NOTIFICATION:
        return EVENT_TYPES[message.occurrence]
    done = "unsubscribed" if message.type is MessageType.UNSUBSCRIPTION else "requested"
    return f"io.modelyard.subscription.{done}"
