"""One look at a service, and everything that follows from it, as a value.

    see what happened → stop if due → switch the weights → conclude the rollout → start and drain → route → status

The same situation always leads to the same decision. The situation that a decision leads to gives an empty
decision, unless something else happened (quiescence, which the Hypothesis machine verifies).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from modelyard.core import schedule, status
from modelyard.core.rollout import events, routes, stopping, transitions
from modelyard.core.rollout.situation import InstanceObservation, Situation
from modelyard.core.rollout.steps import Drain, Plan, Start, plan
from modelyard.core.rollout.verdict import Done, Failed, ready_for_switch, verdict
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.process import ProcessState
from modelyard.domain.routing import ServiceRoute
from modelyard.domain.service import Desired, Event, EventType, Rollout, RolloutState, Service

T = TypeVar("T")
KEEP_EXITED_MS = 600_000
UNKNOWN_GRACE_S = 30
_WITH_REQUESTS = frozenset({Phase.STARTING, Phase.READY, Phase.DRAINING})
TOLD = frozenset({ProcessState.STOPPING, ProcessState.UNKNOWN})
"""Who needs no word to stop: one has it already, the other does not hear it (it is told when it is seen again)."""
KEEP_EXITED = 8
"""Per track: as many failures as it takes to reach the longest back-off."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Tell the instance to end: SIGTERM, then SIGKILL after the grace period."""

    instance_id: str
    grace_s: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to record, then what to do.

    `service`, `rollout`, `instances`: rows that changed (None / empty: unchanged). `starts`: new instances to
    record and start. `resume`: recorded ones that the engine does not know, to be started again. `forget`:
    instances to remove completely. `explain`: the instance whose last log lines belong to the cause of a failure.
    `route`: what the gateway should have (None: nothing). `again_ms`: when to look again if no event comes first.
    """

    service: Service | None
    rollout: Rollout | None
    instances: tuple[Instance, ...]
    starts: tuple[Start, ...]
    resume: tuple[str, ...]
    stops: tuple[Stop, ...]
    forget: tuple[str, ...]
    events: tuple[Event, ...]
    route: ServiceRoute | None
    explain: str | None = None
    delete_service: bool = False
    again_ms: int | None = None


def decide(situation: Situation, now_ms: int, *, rejected: str = "", wall_ms: int | None = None) -> Decision:
    """See the module. `rejected`: why the gateway refused the last route ("": it did not).

    `now_ms` is on the steady clock: intervals are measured by it, and instances are stamped with it. `wall_ms` is
    the same moment on the wall clock: schedules follow it, and so does every time that people are shown (None:
    there is only one clock).
    """
    wall_ms = now_ms if wall_ms is None else wall_ms
    before, situation = situation, _not_ahead(situation, now_ms)
    over = tuple(o for o in situation.observations if transitions.is_over(o))
    observations = tuple(transitions.seen(o, now_ms) for o in situation.observations if o not in over)
    stale_exits = tuple(_outlived(observations, situation, now_ms))
    situation = replace(situation, observations=tuple(o for o in observations if o not in stale_exits))
    situation, expired = _stop_when_due(situation, wall_ms)
    situation = _switch(situation)
    situation, explain = _conclude(situation, now_ms, wall_ms, rejected)
    steps = plan(situation, now_ms)
    situation = _drain(situation, steps.drains, now_ms)
    situation = _end_frozen(situation, now_ms)
    wanted = routes.route(situation)
    situation, again = _stop(situation, wanted, now_ms, settled=_settled(situation, wanted, rejected))
    situation = _project(situation, wall_ms)
    return Decision(
        service=_changed(situation.service, before.service),
        rollout=_changed(situation.rollout, before.rollout),
        instances=tuple(_moved(before, situation)),
        starts=steps.starts,
        resume=tuple(
            o.id for o in situation.observations if o.phase is Phase.STARTING and o.state is ProcessState.ABSENT
        ),
        stops=tuple(_stops(situation)),
        forget=tuple(o.id for o in (*over, *stale_exits)),
        events=(*expired, *events.events(before, situation, steps, wall_ms)),
        route=wanted,
        explain=explain,
        delete_service=_is_gone(situation),
        again_ms=_earliest(
            steps.again_ms,
            again,
            _cleanup_ms(situation),
            _lost_ms(situation),
            _due_ms(situation, now_ms - wall_ms),
        ),
    )


@dataclass(frozen=True, slots=True)
class Notes:
    """What happened, to be recorded: rows that changed (None / empty: unchanged), and the events about it."""

    service: Service | None
    instances: tuple[Instance, ...]
    events: tuple[Event, ...]


def noted(situation: Situation, now_ms: int, wall_ms: int) -> Notes:
    """The part of a decision that only takes note: who became ready or ended, and the status that results."""
    before, situation = situation, _not_ahead(situation, now_ms)
    observations = tuple(transitions.seen(o, now_ms) for o in situation.observations if not transitions.is_over(o))
    situation = _project(replace(situation, observations=observations), wall_ms)
    return Notes(
        service=_changed(situation.service, before.service),
        instances=tuple(_moved(before, situation)),
        events=tuple(events.events(before, situation, Plan(), wall_ms)),
    )


def _not_ahead(situation: Situation, now_ms: int) -> Situation:
    """Times in the future become now: they are from a clock that ran ahead, and would only lengthen every wait."""
    observations = situation.observations
    if any(o.instance.phase_ms > now_ms for o in observations):
        observations = tuple(
            replace(o, instance=replace(o.instance, phase_ms=min(o.instance.phase_ms, now_ms)))
            for o in observations
        )
    return replace(situation, began_ms=min(situation.began, now_ms), observations=observations)


def _stop_when_due(situation: Situation, wall_ms: int) -> tuple[Situation, tuple[Event, ...]]:
    """The end of a schedule is a stop like the user's; as a change, it makes the version they have read stale."""
    service, due_ms = situation.service, schedule.due_ms(situation.service)
    if due_ms is None or wall_ms < due_ms:
        return situation, ()
    stopped, ended = stopping.stopped(
        service, situation.rollout, "the service was stopped by its schedule", wall_ms
    )
    stopped = replace(stopped, version=service.version + 1)
    told = tuple(
        Event(service.id, EventType.NORMAL, info, wall_ms) for info in (schedule.EXPIRED, "service being stopped")
    )
    return replace(situation, service=stopped, rollout=ended or situation.rollout), told


def _switch(situation: Situation) -> Situation:
    current = situation.rollout
    if current is None or situation.switched or not ready_for_switch(situation):
        return situation
    return replace(situation, rollout=replace(current, switched=True))


def _conclude(situation: Situation, now_ms: int, wall_ms: int, rejected: str) -> tuple[Situation, str | None]:
    """The end of the rollout, or its turn back, and the instance whose log explains it."""
    current = situation.rollout
    match verdict(situation, now_ms, rejected=rejected):
        case Done() if current is not None:
            success = current.state is RolloutState.RUNNING
            state = RolloutState.SUCCESS if success else RolloutState.FAIL
            service = replace(
                situation.service,
                stable=situation.service.revision,
                failed=False,
                error="" if success else situation.service.error,
            )
            ended = replace(current, state=state, ended_ms=wall_ms)
            return replace(situation, service=service, rollout=ended), None
        case Failed(cause, instance_id) if current is not None:
            return _fail(situation, current, cause, wall_ms), instance_id
        case _:
            return situation, None


def _fail(situation: Situation, current: Rollout, cause: str, wall_ms: int) -> Situation:
    service = situation.service
    if current.state is RolloutState.ROLLING_BACK:
        text = f"{current.cause}\nThe rollback failed too: {cause}"
        ended = replace(current, state=RolloutState.FAIL, cause=text, ended_ms=wall_ms)
        return replace(situation, service=replace(service, error=text), rollout=ended)
    if current.base is not None and current.base != current.target:
        back = replace(current, state=RolloutState.ROLLING_BACK, cause=cause)
        return replace(situation, service=replace(service, revision=current.base, error=cause), rollout=back)
    ended = replace(current, state=RolloutState.FAIL, cause=cause, ended_ms=wall_ms)
    return replace(situation, service=replace(service, failed=True, error=cause), rollout=ended)


def _drain(situation: Situation, drains: Sequence[Drain], now_ms: int) -> Situation:
    ids = {d.instance_id for d in drains}

    def move(observation: InstanceObservation) -> InstanceObservation:
        if observation.id not in ids:
            return observation
        return replace(observation, instance=observation.instance.become(Phase.DRAINING, now_ms))

    return replace(situation, observations=tuple(move(o) for o in situation.observations))


def _end_frozen(situation: Situation, now_ms: int) -> Situation:
    """An instance that a signal has stopped (SIGSTOP) is ended at once if another one answers. Requests inside it
    would wait for ever; when their connections break, they are retried elsewhere, as when an instance is killed.
    Draining it first would be pointless: nothing inside it ever completes."""
    routed = situation.acked.instance_ids() if situation.acked else frozenset()
    well = any(
        o.phase is Phase.READY and o.id in routed and o.answers and o.process.responsive
        for o in situation.observations
    )

    def move(observation: InstanceObservation) -> InstanceObservation:
        if (
            not well
            or not observation.process.frozen
            or observation.phase not in _WITH_REQUESTS
            or observation.instance.ready_ms is None
        ):
            return observation
        return replace(observation, instance=observation.instance.become(Phase.STOPPING, now_ms))

    return replace(situation, observations=tuple(move(o) for o in situation.observations))


def _settled(situation: Situation, wanted: ServiceRoute | None, rejected: str) -> bool:
    """Whether no route that was published earlier can still be on its way to the gateway."""
    return situation.acked == wanted or (bool(rejected) and situation.acked is not None)


def _stop(
    situation: Situation, wanted: ServiceRoute | None, now_ms: int, *, settled: bool
) -> tuple[Situation, int | None]:
    """Stop the drained instances; also the time at which the next one may be stopped."""
    kept = wanted.instance_ids() if wanted else frozenset()
    later: list[int] = []
    observations: list[InstanceObservation] = []
    for observation in situation.observations:
        due = None
        if observation.phase is Phase.DRAINING and observation.id not in kept:
            due = transitions.drained_ms(observation, _patience_ms(situation))
        if due is not None and due <= now_ms and settled:
            observations.append(replace(observation, instance=observation.instance.become(Phase.STOPPING, now_ms)))
            continue
        if due is not None and due > now_ms:
            later.append(due)
        observations.append(observation)
    return replace(situation, observations=tuple(observations)), min(later, default=None)


def _patience_ms(situation: Situation) -> int:
    """How long to wait for requests inside an instance before its process is told to end.

    A replaced instance finishes them; none may take longer than the service's timeout. When the whole service is
    being stopped, its user is waiting: processes are told at once, and have the grace period to finish in.
    """
    running = situation.service.desired is Desired.RUNNING
    return int(situation.service.settings.requests.timeout_s * 1000) if running else 0


def _grace_s(situation: Situation, observation: InstanceObservation) -> int:
    variant = situation.variant_of(observation)
    return variant.termination_grace_s if variant else UNKNOWN_GRACE_S


def _stops(situation: Situation) -> Iterator[Stop]:
    for observation in situation.observations:
        if observation.phase is Phase.STOPPING and observation.state not in TOLD:
            yield Stop(observation.id, 0 if observation.process.frozen else _grace_s(situation, observation))


def _outlived(
    observations: Sequence[InstanceObservation], situation: Situation, now_ms: int
) -> Iterator[InstanceObservation]:
    """Ended instances that are no longer needed for a cause or a back-off."""
    exited = sorted((o for o in observations if o.phase is Phase.EXITED), key=lambda o: -o.instance.phase_ms)
    for index, observation in enumerate(exited):
        if _counts(situation, observation):
            continue
        old = now_ms >= observation.instance.phase_ms + KEEP_EXITED_MS
        if old or index >= KEEP_EXITED * max(len(situation.goal), 1) or not situation.goal:
            yield observation


def _counts(situation: Situation, observation: InstanceObservation) -> bool:
    """Whether the verdict counts it: it ended during the rollout and is of a new template. They are few, or the
    rollout fails."""
    current = situation.rollout
    if current is None or not current.active or observation.instance.phase_ms < situation.began:
        return False
    what = (observation.instance.track, observation.instance.template)
    return any((v.track, v.template.hash) == what for v in situation.goal)


def _cleanup_ms(situation: Situation) -> int | None:
    ended = (o for o in situation.observations if o.phase is Phase.EXITED and not _counts(situation, o))
    return min((o.instance.phase_ms + KEEP_EXITED_MS for o in ended), default=None)


def _lost_ms(situation: Situation) -> int | None:
    """When the next one that nobody can see counts as lost."""
    return min((o.lost_ms for o in situation.observations if o.lost_ms is not None and not o.lost), default=None)


def _due_ms(situation: Situation, ahead_ms: int) -> int | None:
    """When the schedule ends, on the steady clock, as far as is known now. `ahead_ms`: steady minus wall clock."""
    due_ms = schedule.due_ms(situation.service)
    return None if due_ms is None else due_ms + ahead_ms


def _project(situation: Situation, wall_ms: int) -> Situation:
    service = situation.service
    now = status.status(situation)
    if now is service.status:
        return situation
    return replace(situation, service=replace(service, status=now, transition_ms=wall_ms))


def _is_gone(situation: Situation) -> bool:
    if situation.service.desired is not Desired.DELETED or situation.acked is not None:
        return False
    return not any(o.holds for o in situation.observations)


def _moved(before: Situation, after: Situation) -> Iterator[Instance]:
    known = {o.id: o.instance for o in before.observations}
    for observation in after.observations:
        if known.get(observation.id) != observation.instance:
            yield observation.instance


def _earliest(*moments: int | None) -> int | None:
    return min((t for t in moments if t is not None), default=None)


def _changed(new: T, old: T) -> T | None:
    return None if new == old else new
