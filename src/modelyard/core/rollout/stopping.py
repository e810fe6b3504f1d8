"""How a stop changes what is stored of a service, whether a user or its schedule stops it.

The rollout ends with the reason, an earlier failure is forgotten, the countdown ends. Counting the version up is
left to callers, since one request may change more than this.
"""

from dataclasses import replace

from modelyard.core import schedule
from modelyard.domain.service import Desired, Rollout, RolloutState, Service, ServiceStatus


def cancelled(rollout: Rollout, why: str, now_ms: int) -> Rollout:
    """The rollout, ended. If it was rolling back it had failed already: it ends as FAIL and keeps its cause."""
    if rollout.state is RolloutState.ROLLING_BACK:
        return replace(rollout, state=RolloutState.FAIL, ended_ms=now_ms)
    return replace(rollout, state=RolloutState.CANCELLED, cause=why, ended_ms=now_ms)


def revision_after(service: Service, rollout: Rollout | None) -> int:
    """The revision that a service keeps when its rollout ends: the base, if it was rolling back."""
    if rollout is not None and rollout.state is RolloutState.ROLLING_BACK and rollout.base is not None:
        return rollout.base
    return service.revision


def turned(service: Service, desired: Desired, status: ServiceStatus, now_ms: int) -> Service:
    """The service with another desired state; its last failure is forgotten, its countdown begins or ends."""
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
    """The stopped service, and its ended rollout (None: there was none)."""
    ended = cancelled(rollout, why, now_ms) if rollout is not None and rollout.active else None
    service = replace(service, revision=revision_after(service, rollout))
    return turned(service, Desired.STOPPED, ServiceStatus.STOPPING, now_ms), ended
