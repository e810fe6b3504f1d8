"""The status that people see: derived from facts, and never an input of a decision.

A service is `running` only if something answers for it. An unreachable gateway affects all services alike; it is
reported where services are read (`operations.facts`).
"""

from modelyard.core.rollout.situation import Situation
from modelyard.domain.instance import Phase
from modelyard.domain.service import Desired, ServiceStatus


def status(situation: Situation) -> ServiceStatus:
    """deploying, running, concerning (fewer ready than asked), pending (no room), failed, stopping …"""
    service = situation.service
    holding = [o for o in situation.observations if o.holds]
    if service.desired is Desired.DELETED:
        return ServiceStatus.DELETING
    if service.desired is Desired.STOPPED:
        return ServiceStatus.STOPPING if holding else ServiceStatus.STOPPED
    if situation.rollout is not None and situation.rollout.active:
        waiting = any(o.obstacle for o in situation.observations)
        return ServiceStatus.PENDING if waiting else ServiceStatus.DEPLOYING
    if service.failed:
        return ServiceStatus.FAILED
    whole = all(
        sum(1 for o in track.fresh if o.phase is Phase.READY and o.answers) >= track.count
        for track in situation.tracks()
    )
    return ServiceStatus.RUNNING if whole and _reached(situation) else ServiceStatus.CONCERNING


def _reached(situation: Situation) -> bool:
    """Whether the gateway sends requests to a ready instance. True while it does not say what it does."""
    if situation.acked is None:
        return True
    routed = situation.acked.instance_ids()
    return any(o.phase is Phase.READY and o.id in routed for o in situation.observations)
