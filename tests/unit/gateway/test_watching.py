"""When an Envoy that runs is given up."""

import pytest

from modelyard.gateway.watching import Look, Record

A, R, S, T = Look.ANSWERED, Look.REFUSED, Look.SILENT, Look.STOPPED


@pytest.mark.parametrize(
    ("looks", "lost"),
    [
        pytest.param((A, A, A, A), "", id="it answers"),
        pytest.param((A, S, S, A, S, S, A), "", id="it is slow now and then"),
        pytest.param((A, S, S, S), "did not answer 3 times", id="it does not answer any more"),
        pytest.param((S, S, S), "did not answer 3 times", id="it never answered"),
        pytest.param((A, T, A), "", id="stopped for a moment"),
        pytest.param((A, T, T), "was stopped", id="stopped"),
        pytest.param((R, R, R, R, R), "", id="it has no routes yet"),
        pytest.param((A, R, R, R), "did not answer 3 times", id="its listener is gone"),
        pytest.param((A, S, R, S), "did not answer 3 times", id="silent and gone"),
    ],
)
def test_given_up(looks: tuple[Look, ...], lost: str) -> None:
    record = Record()
    for look in looks:
        assert not record.lost
        record = record.after(look)
    assert record.lost.startswith(lost)
    assert bool(record.lost) is bool(lost)
