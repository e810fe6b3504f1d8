"""What becomes of a delivery after a try."""

from dataclasses import replace

import pytest

from modelyard.core import deliveries
from modelyard.core.deliveries import (
    ASKED_MOST_MS,
    GIVE_UP_MS,
    LEAST_ATTEMPTS,
    LONGEST_MS,
    Moment,
    Try,
    after,
    delay_ms,
    wait_ms,
)
from modelyard.domain.notifications import Delivery, DeliveryState, Message, Subscription, SubscriptionStatus

NEW = Delivery("m", "s", since_ms=1000)
NOT_NOW = Try("answered 503", passing=True)


def test_what_is_taken_is_delivered() -> None:
    tried = replace(NEW, attempts=3, due_ms=50, error="500")
    assert after(tried, Try(), Moment(2000, 7000)) == Delivery(
        "m", "s", DeliveryState.DELIVERED, attempts=4, since_ms=1000, ended_ms=7000
    )


def test_what_never_will_be_taken_is_dead_at_once() -> None:
    assert after(NEW, Try("answered 410"), Moment(2000, 7000)) == Delivery(
        "m", "s", DeliveryState.DEAD, attempts=1, since_ms=1000, error="answered 410", ended_ms=7000
    )


def test_what_is_not_taken_now_waits_longer_each_time() -> None:
    delivery, waits = NEW, []
    for _ in range(12):
        delivery = after(delivery, NOT_NOW, Moment(2000, 7000))
        waits.append(delivery.due_ms - 2000)
    assert waits == [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000] + [LONGEST_MS] * 3
    assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.WAITING, 12, "answered 503")


@pytest.mark.parametrize("attempts", [1, 4, 40, 4000])
def test_chance_takes_up_to_half_of_the_wait(attempts: int) -> None:
    longest = delay_ms(attempts, 0.0)
    assert longest / 2 <= delay_ms(attempts, 0.999) < delay_ms(attempts, 0.5) < longest <= LONGEST_MS


def test_a_wait_that_was_asked_for_is_kept_within_bounds() -> None:
    assert delay_ms(1, 0.0, 30_000) == 30_000
    assert delay_ms(1, 0.0, 10**12) == ASKED_MOST_MS
    assert delay_ms(10, 0.0, 1) == LONGEST_MS


def test_it_is_given_up_after_a_day_of_tries_and_no_sooner() -> None:
    old = replace(NEW, attempts=LEAST_ATTEMPTS - 1)
    assert after(old, NOT_NOW, Moment(1000 + GIVE_UP_MS - 1, 7)).state is DeliveryState.WAITING
    dead = after(old, NOT_NOW, Moment(1000 + GIVE_UP_MS, 7))
    assert (dead.state, dead.error, dead.ended_ms) == (DeliveryState.DEAD, "answered 503", 7)


def test_a_control_plane_that_was_away_for_days_tries_some_times() -> None:
    delivery, tries = NEW, 0
    while delivery.state is DeliveryState.WAITING:
        delivery = after(delivery, NOT_NOW, Moment(10 * GIVE_UP_MS, 7))
        tries += 1
    assert tries == LEAST_ATTEMPTS


def test_the_time_counts_from_the_first_try_where_nobody_said_when_it_came() -> None:
    first = after(replace(NEW, since_ms=0), NOT_NOW, Moment(GIVE_UP_MS * 9, 7))
    assert first.since_ms == GIVE_UP_MS * 9


def test_no_jump_of_a_clock_makes_anything_wait_for_ever() -> None:
    assert wait_ms(NEW, 0) == 0
    assert wait_ms(replace(NEW, due_ms=500), 400) == 100
    assert wait_ms(replace(NEW, due_ms=10**15), 400) == ASKED_MOST_MS


def test_an_error_is_bounded() -> None:
    assert len(after(NEW, Try("x" * 10**6), Moment(1, 1)).error) <= 510


def test_a_message_expires_at_its_moment() -> None:
    message = Message("m", "p", "t", "", "", 0, expires_ms=100)
    assert [deliveries.expired(message, at) for at in (99, 100)] == [False, True]
    assert not deliveries.expired(replace(message, expires_ms=None), 10**15)


def test_the_event_says_how_many_and_where_to_but_not_the_address() -> None:
    subscription = Subscription(
        "urn:s", "urn:t", "p", "https", "https://canary", SubscriptionStatus.CONFIRMED, secret="canary"
    )
    assert deliveries.given_up(subscription, 1, "answered 410") == (
        "a notification could not be delivered to subscription urn:s (https): answered 410."
        " Dead letters can be sent again."
    )
    assert deliveries.given_up(subscription, 2, "x").startswith("2 notifications could not")
    left = replace(subscription, status=SubscriptionStatus.CANCELLED)
    assert deliveries.given_up(left, 1, "x").endswith(
        ": x. Subscribe again first, then dead letters can be sent again."
    )
