"""The events of one decision, in the vendor's vocabulary (contract §2, event texts)."""

from collections.abc import Iterator

from modelyard.core.rollout.situation import InstanceObservation, Situation
from modelyard.core.rollout.steps import Plan
from modelyard.domain.instance import Phase
from modelyard.domain.revision import Variant
from modelyard.domain.service import Desired, Event, EventType, Rollout, RolloutKind, RolloutState, ServiceStatus


def events(before: Situation, after: Situation, plan: Plan, now_ms: int) -> Iterator[Event]:
    """What changed from `before` to `after`, oldest first."""
    for kind, info in _texts(before, after, plan):
        yield Event(after.service.id, kind, info, now_ms)


def _texts(before: Situation, after: Situation, plan: Plan) -> Iterator[tuple[EventType, str]]:
    known = {o.id: o.instance.phase for o in before.observations}
    for observation in after.observations:
        if known.get(observation.id) is not observation.phase:
            yield from _instance(after, observation)
    names = {v.template.hash: _name(v) for v in (*after.base, *after.goal)}
    for start in plan.starts:
        yield EventType.NORMAL, f"{names[start.template]} schedule resource success"
        yield EventType.NORMAL, f"{names[start.template]} starting model"
    if before.rollout != after.rollout and after.rollout is not None and after.service.desired is Desired.RUNNING:
        yield from _rollout(before.rollout, after.rollout)
    if before.service.status is not after.service.status:
        waits = next((o.obstacle for o in after.observations if o.obstacle and o.waits), "")
        yield from _status(after.service.status, waits)


def _instance(after: Situation, observation: InstanceObservation) -> Iterator[tuple[EventType, str]]:
    name = _name(after.variant_of(observation))
    match observation.phase:
        case Phase.READY:
            yield EventType.NORMAL, f"{name} instance {observation.id} is ready"
        case Phase.EXITED:
            yield EventType.ABNORMAL, f"{name} instance {observation.id} ended: {observation.instance.exit}"
        case Phase.STOPPING if observation.process.frozen:
            yield (
                EventType.ABNORMAL,
                f"{name} instance {observation.id} was stopped by a signal: ended, another one replaces it",
            )
        case Phase.DRAINING if observation.lost:
            yield EventType.ABNORMAL, f"{name} instance {observation.id} is out of reach: another one replaces it"
        case Phase.DRAINING if observation.hung:
            yield EventType.ABNORMAL, f"{name} instance {observation.id} hangs: another one replaces it"
        case Phase.STARTING:
            yield EventType.ABNORMAL, f"{name} instance {observation.id} does not pass its health check"
        case _:
            return


def _name(variant: Variant | None) -> str:
    return f"[{variant.model_name} {variant.model_version}]" if variant else "[unknown]"


def _rollout(before: Rollout | None, after: Rollout) -> Iterator[tuple[EventType, str]]:
    if before is not None and before.state is after.state:
        return
    update = after.kind is RolloutKind.UPDATE
    match after.state:
        case RolloutState.SUCCESS:
            yield EventType.NORMAL, "service updated" if update else "service started"
        case RolloutState.ROLLING_BACK:
            yield EventType.ABNORMAL, f"Failed to update the service. Perform a rollback. Cause: {after.cause}"
        case RolloutState.FAIL if before is not None and before.state is RolloutState.ROLLING_BACK:
            if after.cause == before.cause:
                yield EventType.NORMAL, "service has been rolled back"
            else:
                yield EventType.ABNORMAL, "rollback failed"
        case RolloutState.FAIL:
            yield EventType.ABNORMAL, f"service failed to start. Cause: {after.cause}"
        case _:
            return


def _status(status: ServiceStatus, waits: str) -> Iterator[tuple[EventType, str]]:
    match status:
        case ServiceStatus.STOPPED:
            yield EventType.NORMAL, "service stopped"
        case ServiceStatus.CONCERNING:
            yield EventType.ABNORMAL, "service is concerning: fewer instances are ready than asked for"
        case ServiceStatus.PENDING:
            text = f"the service waits: {waits}" if waits else "insufficient resources: the service waits for room"
            yield EventType.ABNORMAL, text
        case _:
            return
