"""What has become of a revision.

deploying   a rollout to it is in progress      current     what the service should run
stable      the last one that was complete      failed      its last rollout failed
cancelled   its last rollout was cancelled      earlier     it ran, and has been replaced
stored      it was never rolled out (a stopped service keeps a config for its next start, or until the next config)
"""

from collections.abc import Sequence
from enum import StrEnum

from modelyard.domain.service import Rollout, RolloutState, Service


class RevisionState(StrEnum):
    DEPLOYING = "deploying"
    CURRENT = "current"
    STABLE = "stable"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EARLIER = "earlier"
    STORED = "stored"


def state(number: int, service: Service, rollouts: Sequence[Rollout]) -> RevisionState:
    """The state of one revision; `rollouts` newest first."""
    last = next((r for r in rollouts if r.target == number), None)
    if any(r.active and number == service.revision for r in rollouts[:1]):
        return RevisionState.DEPLOYING
    if number == service.revision:
        return RevisionState.FAILED if service.failed else RevisionState.CURRENT
    if last is not None and last.state in {RolloutState.FAIL, RolloutState.ROLLING_BACK}:
        return RevisionState.FAILED
    if number == service.stable:
        return RevisionState.STABLE
    if last is None:
        return RevisionState.STORED
    return RevisionState.CANCELLED if last.state is RolloutState.CANCELLED else RevisionState.EARLIER
