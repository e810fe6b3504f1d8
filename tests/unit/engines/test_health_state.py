"""What health checks, one after the other, say about an instance."""

from dataclasses import replace

import pytest

from modelyard.domain.health import Check, Health
from modelyard.engines.health_state import (
    Answer,
    Asked,
    HealthState,
    Refused,
    Reply,
    Silence,
    Unasked,
    after,
    beat,
    hangs,
)

IDLE = Answer(200, 0, 7)
QUIET = HealthState(ready=True, in_flight=0, requests=7, quiet_since_ms=100, ended=7)
BUSY = HealthState(ready=True, in_flight=1, requests=8, ended=7)
SILENT = HealthState(ready=True, requests=7, ended=7)


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        pytest.param([IDLE], QUIET, id="first answer"),
        pytest.param([IDLE, IDLE, IDLE], QUIET, id="quiet stays quiet since the first"),
        pytest.param(
            [IDLE, Answer(200, 0, 8)],
            replace(QUIET, requests=8, ended=8, quiet_since_ms=200),
            id="one came and went",
        ),
        pytest.param([IDLE, Answer(200, 1, 8)], replace(BUSY, stalled_since_ms=200), id="one is inside"),
        pytest.param(
            [Answer(200, 1, 8), Answer(200, 0, 8)],
            replace(QUIET, requests=8, ended=8, quiet_since_ms=200),
            id="it went",
        ),
        pytest.param(
            [Answer(200, 1, 8), Answer(200, 2, 9), Silence(), Answer(200, 2, 9)],
            replace(BUSY, in_flight=2, requests=9, stalled_since_ms=100),
            id="more came and none went",
        ),
        pytest.param(
            [Answer(200, 2, 9), Answer(200, 2, 10)],
            replace(BUSY, in_flight=2, requests=10, ended=8, stalled_since_ms=200),
            id="one went for another",
        ),
        pytest.param([Answer(200)], HealthState(True), id="a server that tells nothing"),
        pytest.param([IDLE, Silence()], replace(SILENT, failures=1), id="one silence: unknown, not unready"),
        pytest.param(
            [IDLE, Silence(), IDLE], replace(QUIET, quiet_since_ms=300), id="silence ends what is known of quiet"
        ),
        pytest.param([IDLE, *[Silence()] * 3], replace(SILENT, ready=False, failures=3), id="three silences"),
        pytest.param(
            [IDLE, *[Answer(503)] * 3], replace(SILENT, ready=False, failures=3), id="three refusals in words"
        ),
        pytest.param(
            [IDLE, Silence(), Answer(503), IDLE, Silence(), Silence()], replace(SILENT, failures=2), id="mixed"
        ),
        pytest.param([IDLE, Refused()], HealthState(), id="a refused connection counts at once"),
        pytest.param([Silence(), Answer(503), IDLE], replace(QUIET, quiet_since_ms=300), id="loads, then serves"),
    ],
)
def test_after(replies: list[Reply], expected: HealthState) -> None:
    state = HealthState()
    for number, reply in enumerate(replies, 1):
        state = after(state, reply, number * 100)
    assert state == expected


def test_a_clock_that_was_set_back_does_not_prolong_the_quiet() -> None:
    state = after(after(HealthState(), IDLE, 3_600_000), IDLE, 5_000)
    assert after(state, IDLE, 6_000).quiet_since_ms == 5_000


def test_readiness_is_lost_when_the_model_says_so() -> None:
    state = HealthState(ready=True)
    for _ in range(4):
        state = after(state, Silence(), 1, Asked(Check(failures=5)))
    assert state.ready
    assert after(state, Silence(), 1, Asked(Check(failures=5), counts=False)).ready
    assert not after(state, Silence(), 1, Asked(Check(failures=5))).ready


@pytest.mark.parametrize("state", [QUIET, BUSY, HealthState(failures=2, missed=3)])
def test_who_could_not_be_asked_is_as_before(state: HealthState) -> None:
    assert after(state, Unasked(), 500) == state
    assert beat(state, Unasked()) == state


def test_a_command_says_nothing_of_traffic() -> None:
    before = replace(BUSY, stalled_since_ms=5)
    assert after(before, Answer(200), 900, Asked(told=False)) == before


def test_hung_after_failures_in_a_row() -> None:
    health = Health(liveness=Check(failures=3))
    state = HealthState(ready=True)
    for reply in (Silence(), Answer(500), IDLE, Silence(), Refused()):
        state = beat(state, reply)
    assert not hangs(state, health, 0)
    assert not hangs(beat(state, Silence(), counts=False), health, 0)
    state = beat(state, Answer(404))
    assert hangs(state, health, 0)
    assert hangs(after(state, Refused(), 1), health, 0)
    assert not hangs(beat(state, IDLE), health, 0)


def test_hung_when_nothing_ends() -> None:
    inside = replace(BUSY, stalled_since_ms=1_000)
    assert not hangs(inside, Health(stalled_s=5), 5_999)
    assert hangs(inside, Health(stalled_s=5), 6_000)
    assert not hangs(inside, Health(), 10**9)
    assert not hangs(QUIET, Health(stalled_s=5), 10**9)


def test_a_jump_of_the_time_of_day_hangs_nothing() -> None:
    health, hours_ms = Health(stalled_s=5), 10 * 3_600_000
    inside = Answer(200, 1, 8)
    state = after(HealthState(), inside, 1_000, steady_ms=50)
    state = after(state, inside, 1_000 + hours_ms, steady_ms=1_050)
    assert not hangs(state, health, 5_049)
    assert hangs(state, health, 5_050)
