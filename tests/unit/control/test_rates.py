"""Requests of the last minute."""

from modelyard.control.rates import Minute


def test_what_came_in_the_last_minute() -> None:
    minute = Minute()
    assert minute.requests("s", 0) == 0
    minute.note("s", 5, 1_000)
    minute.note("s", 0, 2_000)
    minute.note("s", 7, 30_000)
    minute.note("other", 1, 30_000)
    assert minute.requests("s", 60_999) == 12
    assert minute.requests("s", 61_000) == 7
    assert minute.requests("s", 90_000) == 0
