from modelyard.core.metrics import Lines, lines_of
from modelyard.core.outbox_metrics import samples
from modelyard.domain.notifications import Backlog


def lines(backlog: Backlog, now_ms: int) -> Lines:
    return lines_of(samples(backlog, now_ms))


def test_how_notifications_stand() -> None:
    assert lines(Backlog(3, 2, 1000), 3500) == {
        "modelyard_notifications_waiting": ["modelyard_notifications_waiting 3"],
        "modelyard_notifications_dead": ["modelyard_notifications_dead 2"],
        "modelyard_notifications_oldest_seconds": ["modelyard_notifications_oldest_seconds 2.5"],
    }


def test_nothing_waits_and_no_jump_of_a_clock_makes_an_age_negative() -> None:
    name = "modelyard_notifications_oldest_seconds"
    assert lines(Backlog(), 3500)[name] == [f"{name} 0.0"]
    assert lines(Backlog(1, 0, 5000), 3500)[name] == [f"{name} 0.0"]
