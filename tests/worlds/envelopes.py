"""Messages on their way without signatures, for tests of what is around them."""

import json

from modelyard.domain.notifications import Message, Subscription
from modelyard.notify.envelope import Envelope


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
