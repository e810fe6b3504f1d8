"""What happened to an instance since the last look, and what is left to do with it.

record     engine shows        becomes
STARTING   ready               READY
STARTING   absent              stays; the start is repeated (it was recorded, then the control plane was killed)
STARTING   exited              EXITED; kept for a while: its log tells the cause, its time sets the back-off
READY      starting            STARTING (it fails its health check)
READY      absent or exited    EXITED
DRAINING   absent or exited    is removed
STOPPING   absent or exited    is removed
any        unknown             stays; once it is lost: a STOPPING one is forgotten (if it comes back, it is a
                               stranger), the others are replaced and drained (`rollout.steps`)

Where it is seen is noted with the record, for a time when its engine cannot look.
"""

from dataclasses import replace

from modelyard.core.rollout.situation import InstanceObservation
from modelyard.domain.instance import Phase
from modelyard.domain.process import ENDED, ProcessState

SEEN = frozenset({ProcessState.STARTING, ProcessState.READY})
QUIET_MS = 500
"""How long a drained instance must have been idle: no requests inside and none arriving."""


def seen(observation: InstanceObservation, now_ms: int) -> InstanceObservation:
    """The observation with its instance in the phase that the engine shows."""
    observation = _located(observation)
    phase = _passive(observation)
    if phase is None:
        return observation
    exit_text = (observation.process.exit or "it vanished") if phase is Phase.EXITED else ""
    return replace(observation, instance=observation.instance.become(phase, now_ms, exit=exit_text))


def is_over(observation: InstanceObservation) -> bool:
    """Whether an instance that was meant to end has ended, or is lost."""
    if observation.phase is Phase.STOPPING and observation.lost:
        return True
    return observation.phase in {Phase.DRAINING, Phase.STOPPING} and observation.state in ENDED


def drained_ms(observation: InstanceObservation, patience_ms: int) -> int | None:
    """The time from which a draining instance may be stopped; None while the gateway may still route to it.

    It must have been quiet for a while, or used up its time. An instance that has never been ready cannot have any
    requests.
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


def _located(observation: InstanceObservation) -> InstanceObservation:
    """With its node as soon as it is seen, and its address once it can get requests: no record is written for that
    alone in the one case, and where a pool has no nodes in the other."""
    process, instance = observation.process, observation.instance
    if process.state not in SEEN:
        return observation
    address = process.address if process.state is ProcessState.READY else instance.address
    if (process.node, address) == (instance.node, instance.address):
        return observation
    return replace(observation, instance=replace(instance, node=process.node, address=address))


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
