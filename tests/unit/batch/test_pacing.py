"""How fast a task goes."""

from modelyard.batch.pacing import Pacing
from modelyard.batch.runner import Pace
from modelyard.domain.batch import Counts, Task


def task(done: int, *, failed: int = 0, planned: bool = True) -> Task:
    return Task(
        "t1", "s1", 1, 1, "r", 1, planned=planned, counts=Counts(rows=1000, rows_done=done, rows_failed=failed)
    )


def test_nothing_is_known_before_rows_are_done() -> None:
    pacing = Pacing()
    assert pacing.pace(0) == Pace()
    pacing.note(task(0), 0)
    assert pacing.pace(1000) == Pace()


def test_rows_a_second_and_what_is_left() -> None:
    pacing = Pacing()
    for second in range(7):
        pacing.note(task(10 * second, failed=second), 1000 * second)
    assert pacing.pace(6000) == Pace(11.0, (1000 - 66) / 11)


def test_what_is_left_is_told_when_rows_have_been_done_for_a_while_and_not_from_when_workers_start() -> None:
    pacing = Pacing()
    pacing.note(task(0), 0)
    for second in range(20, 30):
        pacing.note(task(10 * (second - 19)), 1000 * second)
        pace = pacing.pace(1000 * second)
        assert pace.rows_per_s > 0
        assert pace.left_s == (None if second < 25 else (1000 - 10 * (second - 19)) / 10)


def test_what_is_left_is_not_known_before_all_is_planned() -> None:
    pacing = Pacing()
    pacing.note(task(0, planned=False), 0)
    pacing.note(task(100, planned=False), 1000)
    assert pacing.pace(1000) == Pace(100.0, None)


def test_only_the_last_half_minute_counts() -> None:
    pacing = Pacing()
    for second in range(61):
        pacing.note(task(second if second < 30 else 30 + 10 * (second - 30)), 1000 * second)
    assert pacing.pace(60_000).rows_per_s == 10.0


def test_a_task_that_stands_still_has_no_pace() -> None:
    pacing = Pacing()
    pacing.note(task(0), 0)
    pacing.note(task(100), 1000)
    assert pacing.pace(10_000).rows_per_s == 10.0
    assert pacing.pace(60_000) == Pace()


def test_many_notes_are_held_in_few_marks() -> None:
    pacing = Pacing()
    for n in range(100_000):
        pacing.note(task(n // 100), n)
    assert len(pacing._marks) < 70


def test_rows_that_no_longer_count_begin_it_anew() -> None:
    pacing = Pacing()
    pacing.note(task(100), 0)
    pacing.note(task(50), 1000)
    pacing.note(task(60), 2000)
    assert pacing.pace(2000).rows_per_s == 10.0
