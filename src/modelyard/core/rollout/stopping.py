"""What becomes of the stored facts when a service is sent to stop, whoever sends it: a user, or its schedule.

Both stop alike: the rollout ends with the reason, a failure of before is forgotten, the countdown is over.
Versions are the caller's matter, since one request may change more than this.
"""

from dataclasses import replace

from modelyard.core import schedule
from modelyard.domain.service import Desired, Rollout, RolloutState, Service, ServiceStatus


def cancelled(rollout: Rollout, why: str, now_ms: int) -> Rollout:
    """An active rollout, ended. One that was rolling back had failed already: it ends as FAIL, cause and all."""
    if rollout.state is RolloutState.ROLLING_BACK:
        return replace(rollout, state=RolloutState.FAIL, ended_ms=now_ms)
    return replace(rollout, state=RolloutState.CANCELLED, cause=why, ended_ms=now_ms)


def revision_after(service: Service, rollout: Rollout | None) -> int:
    """The revision that a service keeps when its rollout is ended: of one that was rolling back, the base."""
    if rollout is not None and rollout.state is RolloutState.ROLLING_BACK and rollout.base is not None:
        return rollout.base
    return service.revision


def turned(service: Service, desired: Desired, status: ServiceStatus, now_ms: int) -> Service:
    """The service sent somewhere else, its last failure forgotten; the countdown runs only while it should run."""
    due_ms = service.due_ms
    if desired is not Desired.RUNNING:
        due_ms = None
    elif service.desired is not Desired.RUNNING or service.failed:
        due_ms = schedule.countdown_ms(service.settings, now_ms)
    return replace(
        service,
        desired=desired,
        status=status,
        transition_ms=now_ms,
        failed=False,
        error="",
        due_ms=due_ms,
    )


def stopped(service: Service, rollout: Rollout | None, why: str, now_ms: int) -> tuple[Service, Rollout | None]:
    """The service told to stop, and its rollout ended (None: there was none)."""
    ended = cancelled(rollout, why, now_ms) if rollout is not None and rollout.active else None
    service = replace(service, revision=revision_after(service, rollout))
    return turned(service, Desired.STOPPED, ServiceStatus.STOPPING, now_ms), ended
