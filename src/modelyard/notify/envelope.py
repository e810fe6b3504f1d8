"""What a message looks like on its way: the headers and the body of the request that carries it."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from modelyard.domain.notifications import Message, Subscription


@dataclass(frozen=True, slots=True)
class Envelope:
    headers: Mapping[str, str]
    body: bytes


Enveloped = Callable[[Subscription, Message, int], Awaitable[Envelope]]
"""Makes the envelope of a message to a subscription, sent at this moment (milliseconds of the wall clock)."""


async def plain(subscription: Subscription, message: Message, _now_ms: int) -> Envelope:
    """The message as JSON, unsigned."""
    body = {
        "message_id": message.id,
        "topic_urn": subscription.topic_urn,
        "subject": message.subject,
        "message": message.text,
        "timestamp": message.created_ms,
    }
    headers = {"content-type": "application/json; charset=utf-8", "x-smn-message-id": message.id}
    return Envelope(headers, json.dumps(body, ensure_ascii=False).encode())
