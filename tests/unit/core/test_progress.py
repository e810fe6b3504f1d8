from dataclasses import replace

import pytest
from tests.unit.core.situations import NOW

from modelyard.core.rollout.situation import InstanceObservation
from modelyard.core.rollout.transitions import QUIET_MS, drained_ms, is_over, seen
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.process import Process, ProcessState

STARTING, READY, DRAINING, STOPPING, EXITED = (
    Phase.STARTING,
    Phase.READY,
    Phase.DRAINING,
    Phase.STOPPING,
    Phase.EXITED,
)


def a_observation(
    phase: Phase, state: ProcessState, *, ready_ms: int | None = None, exit: str = ""
) -> InstanceObservation:
    instance = Instance("i", "svc", 1, 1, "t", phase, started_ms=1, phase_ms=2, ready_ms=ready_ms)
    return InstanceObservation(instance, Process(state, exit=exit))


@pytest.mark.parametrize(
    ("phase", "state", "ready_ms", "becomes"),
    [
        (STARTING, ProcessState.ABSENT, None, STARTING),
        (STARTING, ProcessState.STARTING, None, STARTING),
        (STARTING, ProcessState.READY, None, READY),
        (STARTING, ProcessState.STOPPING, None, STARTING),
        (STARTING, ProcessState.EXITED, None, EXITED),
        (STARTING, ProcessState.READY, 5, READY),
        (STARTING, ProcessState.ABSENT, 5, EXITED),
        (READY, ProcessState.READY, 5, READY),
        (READY, ProcessState.STARTING, 5, STARTING),
        (READY, ProcessState.STOPPING, 5, STARTING),
        (READY, ProcessState.EXITED, 5, EXITED),
        (READY, ProcessState.ABSENT, 5, EXITED),
        (DRAINING, ProcessState.READY, 5, DRAINING),
        (DRAINING, ProcessState.EXITED, 5, DRAINING),
        (STOPPING, ProcessState.READY, 5, STOPPING),
        (EXITED, ProcessState.EXITED, None, EXITED),
        (EXITED, ProcessState.ABSENT, None, EXITED),
    ],
)
def test_what_the_world_did(phase: Phase, state: ProcessState, ready_ms: int | None, becomes: Phase) -> None:
    before = a_observation(phase, state, ready_ms=ready_ms)
    assert seen(before, NOW).phase is becomes
    assert (seen(before, NOW) == before) == (phase is becomes)


def test_first_readiness_is_kept() -> None:
    once = seen(a_observation(STARTING, ProcessState.READY), 100)
    again = seen(replace(once, process=Process(ProcessState.STARTING)), 200)
    assert (once.instance.ready_ms, once.instance.phase_ms) == (100, 100)
    assert (again.instance.ready_ms, again.instance.phase_ms) == (100, 200)


def test_an_end_tells_how() -> None:
    assert (
        seen(a_observation(READY, ProcessState.EXITED, exit="killed by signal 9"), NOW).instance.exit
        == "killed by signal 9"
    )
    assert seen(a_observation(READY, ProcessState.ABSENT), NOW).instance.exit == "it vanished"


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("state", list(ProcessState))
def test_over_is_what_was_to_end_and_ended(phase: Phase, state: ProcessState) -> None:
    ended = state in {ProcessState.ABSENT, ProcessState.EXITED}
    assert is_over(a_observation(phase, state)) == (phase in {DRAINING, STOPPING} and ended)


@pytest.mark.parametrize(
    ("unrouted", "quiet", "ready", "state", "due"),
    [
        pytest.param(None, 0, 5, ProcessState.READY, None, id="the gateway has it"),
        pytest.param(None, None, None, ProcessState.STARTING, None, id="never ready, but the gateway may have it"),
        pytest.param(1_000, None, None, ProcessState.STARTING, 0, id="never had a request"),
        pytest.param(
            1_000, None, None, ProcessState.READY, 31_000, id="never counted as ready, but may have had one"
        ),
        pytest.param(1_000, None, 5, ProcessState.READY, 31_000, id="requests inside: until its time is over"),
        pytest.param(1_000, 500, 5, ProcessState.READY, 1_000 + QUIET_MS, id="quiet before it left the routing"),
        pytest.param(1_000, 9_000, 5, ProcessState.READY, 9_000 + QUIET_MS, id="quiet later"),
        pytest.param(1_000, 40_000, 5, ProcessState.READY, 31_000, id="quiet too late"),
        pytest.param(0, 0, 5, ProcessState.READY, 300 + QUIET_MS, id="out of the routing before it was drained"),
    ],
)
def test_when_a_drained_one_may_end(
    unrouted: int | None, quiet: int | None, ready: int | None, state: ProcessState, due: int | None
) -> None:
    instance = Instance("i", "svc", 1, 1, "t", DRAINING, started_ms=1, phase_ms=300, ready_ms=ready)
    assert drained_ms(InstanceObservation(instance, Process(state, quiet_since_ms=quiet), unrouted), 30_000) == due
