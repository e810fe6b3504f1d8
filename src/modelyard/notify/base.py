"""The port to whatever takes notifications: a channel for each protocol of subscriptions.

Contract: `send` returns when the other side has taken the message, and not before. It sends it once, and raises
PassingError when it may be taken later, PermanentError when it never will be, GoneError when nothing will ever be
taken there. It ends in bounded time, may be cancelled at any moment, and changes nothing that is stored. Causes
are for people: short, without secrets of the subscription. What was taken may be sent again (after a crash, say):
the message's id tells.
"""

from typing import Protocol

from modelyard.domain.notifications import Message, Subscription


class SendError(Exception):
    """The message was not taken. `cause`: why, for people."""

    def __init__(self, cause: str) -> None:
        super().__init__(cause)
        self.cause = cause


class PassingError(SendError):
    """Not taken now. `retry_after_s`: when the other side wants to be asked again (None: it did not say)."""

    def __init__(self, cause: str, retry_after_s: float | None = None) -> None:
        super().__init__(cause)
        self.retry_after_s = retry_after_s


class PermanentError(SendError):
    """This message will never be taken."""


class GoneError(PermanentError):
    """The endpoint wants no more messages, ever: the subscription is over."""


MANY = 64
"""At a time, by a channel that only waits for others."""


class Channel(Protocol):
    """`at_once`: how many it sends at a time; whoever calls sees to it (`places`)."""

    @property
    def at_once(self) -> int: ...

    async def send(self, subscription: Subscription, message: Message) -> None: ...
