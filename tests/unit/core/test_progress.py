from dataclasses import replace

import pytest
from tests.unit.core.situations import NOW

from modelyard.core.rollout.situation import InstanceObservation, Process
from modelyard.core.rollout.transitions import QUIET_MS, drained_ms, is_over, seen
from modelyard.domain.instance import Instance, Phase

STARTING, READY, DRAINING, STOPPING, EXITED = (
    Phase.STARTING,
    Phase.READY,
    Phase.DRAINING,
    Phase.STOPPING,
    Phase.EXITED,
)


def a_observation(
    phase: Phase, process: Process, *, ready_ms: int | None = None, exit: str = ""
) -> InstanceObservation:
    instance = Instance("i", "svc", 1, 1, "t", phase, started_ms=1, phase_ms=2, ready_ms=ready_ms)
    return InstanceObservation(instance, process, exit=exit)


@pytest.mark.parametrize(
    ("phase", "process", "ready_ms", "becomes"),
    [
        (STARTING, Process.ABSENT, None, STARTING),
        (STARTING, Process.STARTING, None, STARTING),
        (STARTING, Process.READY, None, READY),
        (STARTING, Process.STOPPING, None, STARTING),
        (STARTING, Process.EXITED, None, EXITED),
        (STARTING, Process.READY, 5, READY),
        (STARTING, Process.ABSENT, 5, EXITED),
        (READY, Process.READY, 5, READY),
        (READY, Process.STARTING, 5, STARTING),
        (READY, Process.STOPPING, 5, STARTING),
        (READY, Process.EXITED, 5, EXITED),
        (READY, Process.ABSENT, 5, EXITED),
        (DRAINING, Process.READY, 5, DRAINING),
        (DRAINING, Process.EXITED, 5, DRAINING),
        (STOPPING, Process.READY, 5, STOPPING),
        (EXITED, Process.EXITED, None, EXITED),
        (EXITED, Process.ABSENT, None, EXITED),
    ],
)
def test_what_the_world_did(phase: Phase, process: Process, ready_ms: int | None, becomes: Phase) -> None:
    before = a_observation(phase, process, ready_ms=ready_ms)
    assert seen(before, NOW).phase is becomes
    assert (seen(before, NOW) == before) == (phase is becomes)


def test_first_readiness_is_kept() -> None:
    once = seen(a_observation(STARTING, Process.READY), 100)
    again = seen(replace(once, process=Process.STARTING), 200)
    assert (once.instance.ready_ms, once.instance.phase_ms) == (100, 100)
    assert (again.instance.ready_ms, again.instance.phase_ms) == (100, 200)


def test_an_end_tells_how() -> None:
    assert (
        seen(a_observation(READY, Process.EXITED, exit="killed by signal 9"), NOW).instance.exit
        == "killed by signal 9"
    )
    assert seen(a_observation(READY, Process.ABSENT), NOW).instance.exit == "it vanished"


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("process", list(Process))
def test_over_is_what_was_to_end_and_ended(phase: Phase, process: Process) -> None:
    ended = process in {Process.ABSENT, Process.EXITED}
    assert is_over(a_observation(phase, process)) == (phase in {DRAINING, STOPPING} and ended)


@pytest.mark.parametrize(
    ("unrouted", "quiet", "ready", "process", "due"),
    [
        pytest.param(None, 0, 5, Process.READY, None, id="the gateway has it"),
        pytest.param(None, None, None, Process.STARTING, None, id="never ready, but the gateway may have it"),
        pytest.param(1_000, None, None, Process.STARTING, 0, id="never had a request"),
        pytest.param(1_000, None, None, Process.READY, 31_000, id="never counted as ready, but may have had one"),
        pytest.param(1_000, None, 5, Process.READY, 31_000, id="requests inside: until its time is over"),
        pytest.param(1_000, 500, 5, Process.READY, 1_000 + QUIET_MS, id="quiet before it left the routing"),
        pytest.param(1_000, 9_000, 5, Process.READY, 9_000 + QUIET_MS, id="quiet later"),
        pytest.param(1_000, 40_000, 5, Process.READY, 31_000, id="quiet too late"),
        pytest.param(0, 0, 5, Process.READY, 300 + QUIET_MS, id="out of the routing before it was drained"),
    ],
)
def test_when_a_drained_one_may_end(
    unrouted: int | None, quiet: int | None, ready: int | None, process: Process, due: int | None
) -> None:
    instance = Instance("i", "svc", 1, 1, "t", DRAINING, started_ms=1, phase_ms=300, ready_ms=ready)
    assert (
        drained_ms(InstanceObservation(instance, process, unrouted_ms=unrouted, quiet_since_ms=quiet), 30_000)
        == due
    )
