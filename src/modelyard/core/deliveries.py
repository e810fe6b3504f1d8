"""What becomes of a delivery after a try. Pure.

    taken                                  delivered
    not now                                waits: 1 s after the first try, then twice as long each time, up to five
                                           minutes, each a random part shorter; longer where the other side asks
    not now, for a day                     dead, and with it what has waited behind it as long
    never                                  dead

A day means that long of tries: a control plane that comes back after a week tries some times before it gives up.
All moments are of the steady clock, except `wall_ms`.
"""

from dataclasses import dataclass, replace

from modelyard.domain.notifications import Delivery, DeliveryState, Message, Subscription
from modelyard.domain.texts import message as bounded

FIRST_MS = 1_000
LONGEST_MS = 5 * 60_000
ASKED_MOST_MS = 60 * 60_000
"""Retry-After is heeded up to this."""
GIVE_UP_MS = 24 * 3600_000
LEAST_ATTEMPTS = 5
ERROR_CHARS = 500
EXPIRED = "it expired before it could be delivered (time_to_live)"


@dataclass(frozen=True, slots=True)
class Try:
    """What came of a try. `error` "": it was taken. `passing`: it may be later. `asked_ms`: how long the other
    side wants to be left alone (None: it did not say)."""

    error: str = ""
    passing: bool = False
    asked_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """Now, on both clocks, and a number from 0 to 1 that nobody can foretell."""

    now_ms: int
    wall_ms: int
    random: float = 0.0


def after(before: Delivery, result: Try, at: Moment, give_up_ms: int = GIVE_UP_MS) -> Delivery:
    """The delivery after one more try. `give_up_ms`: how long it is tried."""
    attempts = before.attempts + 1
    if not result.error:
        return replace(
            before, state=DeliveryState.DELIVERED, attempts=attempts, due_ms=0, error="", ended_ms=at.wall_ms
        )
    error = bounded(result.error, ERROR_CHARS)
    since_ms = before.since_ms or at.now_ms
    tried = replace(before, attempts=attempts, since_ms=since_ms, error=error)
    if not result.passing or (at.now_ms - since_ms >= give_up_ms and attempts >= LEAST_ATTEMPTS):
        return replace(tried, state=DeliveryState.DEAD, due_ms=0, ended_ms=at.wall_ms)
    return replace(tried, due_ms=at.now_ms + delay_ms(attempts, at.random, result.asked_ms))


def delay_ms(attempts: int, random: float, asked_ms: int | None = None) -> int:
    """How long after the `attempts`-th try the next one is due. `random` 0: the longest, 1: half of it."""
    longest = min(FIRST_MS << min(attempts - 1, 32), LONGEST_MS)
    return max(round(longest * (1 - random / 2)), min(asked_ms or 0, ASKED_MOST_MS))


def wait_ms(delivery: Delivery, now_ms: int) -> int:
    """How long until it may be tried; 0 when it is due. Never longer than any pause, whatever the clock did since
    that was written."""
    return min(max(delivery.due_ms - now_ms, 0), ASKED_MOST_MS)


def expired(message: Message, wall_ms: int) -> bool:
    return message.expires_ms is not None and message.expires_ms <= wall_ms


def given_up(subscription: Subscription, count: int, error: str) -> str:
    """The event of notifications of a service that are dead letters now. `subscription`: as it is after that."""
    what = "a notification" if count == 1 else f"{count} notifications"
    to = f"subscription {subscription.urn} ({subscription.protocol})"
    again = "Dead letters" if subscription.open else "Subscribe again first, then dead letters"
    return f"{what} could not be delivered to {to}: {error}. {again} can be sent again."


def ended(before: Delivery, why: str, wall_ms: int) -> Delivery:
    """Dead without a try."""
    return replace(before, state=DeliveryState.DEAD, due_ms=0, error=why, ended_ms=wall_ms)
