"""How often an address is asked."""

from modelyard.operations import confirmations
from modelyard.operations.confirmations import PAUSE_MS, TOPICS, Confirmations

READER = ("p-1", "email", "ops@example.org")


def test_once_a_minute_for_a_topic() -> None:
    asked = Confirmations()
    waits = [asked.wait_ms(READER, "t", now) for now in (0, 1, PAUSE_MS - 1, PAUSE_MS, PAUSE_MS + 10)]
    assert waits == [0, PAUSE_MS - 1, 1, 0, PAUSE_MS - 10]
    assert asked.wait_ms(("p-2", "email", "ops@example.org"), "t", 1) == 0


def test_another_topic_is_no_way_around_it() -> None:
    asked = Confirmations()
    assert [asked.wait_ms(READER, f"t{n}", n) for n in range(TOPICS)] == [0] * TOPICS
    assert asked.wait_ms(READER, "one more", TOPICS) == PAUSE_MS - TOPICS
    assert asked.wait_ms(READER, "one more", PAUSE_MS) == 0


def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    asked = Confirmations()
    assert [asked.wait_ms(READER, "t", now) for now in (10 * PAUSE_MS, 0)] == [0, 0]


def test_what_is_remembered_is_bounded() -> None:
    asked = Confirmations()
    for n in range(confirmations.REMEMBERED + 1):
        asked.wait_ms(("p-1", "email", f"{n}"), "t", 0)
    assert asked.wait_ms(("p-1", "email", "0"), "t", 1) == 0
    assert asked.wait_ms(("p-1", "email", "2"), "t", 1) > 0
