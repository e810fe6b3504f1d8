"""What a message looks like on its way: the headers and the body of the request that carries it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from modelyard.domain.notifications import Message, Subscription


@dataclass(frozen=True, slots=True)
class Envelope:
    headers: Mapping[str, str]
    body: bytes


Enveloped = Callable[[Subscription, Message, int], Awaitable[Envelope]]
"""Makes the envelope of a message to a subscription, sent at this moment (milliseconds of the wall clock)."""
