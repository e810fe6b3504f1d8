"""What health checks, one after the other, say about an instance."""

import pytest

from modelyard.engines.vitals import Answer, Check, Refused, Silence, Vitals, after

IDLE = Answer(200, 0, 7)
QUIET = Vitals(ready=True, in_flight=0, requests=7, quiet_since_ms=100)


@pytest.mark.parametrize(
    ("checks", "expected"),
    [
        pytest.param([IDLE], QUIET, id="first answer"),
        pytest.param([IDLE, IDLE, IDLE], QUIET, id="quiet stays quiet since the first"),
        pytest.param([IDLE, Answer(200, 0, 8)], Vitals(True, 0, 0, 8, 200), id="one came and went"),
        pytest.param([IDLE, Answer(200, 1, 8)], Vitals(True, 0, 1, 8, None), id="one is inside"),
        pytest.param([Answer(200, 1, 8), Answer(200, 0, 8)], Vitals(True, 0, 0, 8, 200), id="it went"),
        pytest.param([Answer(200)], Vitals(True), id="a server that tells nothing"),
        pytest.param([IDLE, Silence()], Vitals(True, 1, None, 7, None), id="one silence: unknown, not unready"),
        pytest.param(
            [IDLE, Silence(), IDLE], Vitals(True, 0, 0, 7, 300), id="silence ends what is known of quiet"
        ),
        pytest.param([IDLE, *[Silence()] * 3], Vitals(False, 3, None, 7, None), id="three silences"),
        pytest.param([IDLE, *[Answer(503)] * 3], Vitals(False, 3, None, 7, None), id="three refusals in words"),
        pytest.param(
            [IDLE, Silence(), Answer(503), IDLE, Silence(), Silence()], Vitals(True, 2, None, 7), id="mixed"
        ),
        pytest.param([IDLE, Refused()], Vitals(), id="a refused connection counts at once"),
        pytest.param([Silence(), Answer(503), IDLE], Vitals(True, 0, 0, 7, 300), id="loads, then serves"),
    ],
)
def test_after(checks: list[Check], expected: Vitals) -> None:
    vitals = Vitals()
    for number, check in enumerate(checks, 1):
        vitals = after(vitals, check, number * 100)
    assert vitals == expected
