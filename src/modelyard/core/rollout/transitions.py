"""What the world did to an instance since we looked last, and what is left to do with it.

record     engine shows        becomes
STARTING   ready               READY
STARTING   absent              stays: the start is asked for again (it was recorded, then we were killed)
STARTING   exited              EXITED, kept for a while: its log is the cause, its time the back-off
READY      starting            STARTING (it fails its health check)
READY      absent or exited    EXITED
DRAINING   absent or exited    nothing is left of it
STOPPING   absent or exited    nothing is left of it
"""

from dataclasses import replace

from modelyard.core.rollout.situation import InstanceObservation
from modelyard.domain.instance import Phase
from modelyard.domain.process import ENDED, ProcessState

QUIET_MS = 500
"""How long a drained instance must have had no request inside and taken none."""


def seen(observation: InstanceObservation, now_ms: int) -> InstanceObservation:
    """The observation with its instance in the phase that the world put it in."""
    phase = _passive(observation)
    if phase is None:
        return observation
    exit_text = (observation.process.exit or "it vanished") if phase is Phase.EXITED else ""
    return replace(observation, instance=observation.instance.become(phase, now_ms, exit=exit_text))


def is_over(observation: InstanceObservation) -> bool:
    """Whether an instance that was to end has ended."""
    return observation.phase in {Phase.DRAINING, Phase.STOPPING} and observation.state in ENDED


def drained_ms(observation: InstanceObservation, patience_ms: int) -> int | None:
    """From when a draining instance may be told to end; None while the gateway may still route to it.

    Quiet for a while, or its time is over. One that was never ready, nor is now, has never had a request.
    """
    if observation.unrouted_ms is None:
        return None
    if observation.instance.ready_ms is None and not observation.answers:
        return 0
    begin = max(observation.unrouted_ms, observation.instance.phase_ms)
    over = begin + patience_ms
    if observation.process.quiet_since_ms is None:
        return over
    return min(over, max(begin, observation.process.quiet_since_ms) + QUIET_MS)


def _passive(observation: InstanceObservation) -> Phase | None:
    match observation.phase, observation.state:
        case Phase.STARTING, ProcessState.READY:
            return Phase.READY
        case Phase.STARTING, ProcessState.EXITED:
            return Phase.EXITED
        case Phase.STARTING, ProcessState.ABSENT if observation.instance.ready_ms is not None:
            return Phase.EXITED
        case Phase.READY, ProcessState.STARTING | ProcessState.STOPPING:
            return Phase.STARTING
        case Phase.READY, ProcessState.EXITED | ProcessState.ABSENT:
            return Phase.EXITED
        case _:
            return None
