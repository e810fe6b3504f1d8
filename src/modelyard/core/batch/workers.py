"""Which workers to start and to end, and when their failing means that the task cannot go on. Pure.

As many as the config asks for, all of the present template; those of another one go at once, since nobody waits
for an answer of theirs. Beyond the count there are only those that were told to end.

    ended before it was ready    one more, the next after a back-off; three in a row, none ready: the task fails
    ended after it was ready     one more at once: it may have died at a row, which is the run's matter
    not ready in its time        ended; with none ready the task fails
    hangs, unready for too long  ended, and another one started
    no room                      waits for it, without end
    out of reach                 waits; replaced once it counts as lost
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from modelyard.core import backoff
from modelyard.core.batch.situation import BatchSituation
from modelyard.core.rollout.situation import InstanceObservation
from modelyard.domain.instance import LIVE, Phase

LOAD_FAILURES = 3
"""In a row."""


@dataclass(frozen=True, slots=True)
class End:
    """Tell the worker to end. `why` is for people ("": its task is over, which is told anyway); `wrong`: something
    is."""

    instance_id: str
    why: str = ""
    wrong: bool = False


@dataclass(frozen=True, slots=True)
class WorkerPlan:
    """`starts`: how many. `again_ms`: when a back-off or a time limit ends."""

    starts: int = 0
    ends: tuple[End, ...] = ()
    again_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Unable:
    """Why no worker comes to work; `instance_id`: whose log tells more."""

    cause: str
    instance_id: str


def plan(situation: BatchSituation, now_ms: int) -> WorkerPlan:
    late = _late(situation, now_ms)
    fresh = [o for o in situation.fresh if o not in late] if situation.count else []
    surplus = _surplus(fresh, situation.count)
    going = [o for o in situation.observations if o.phase in LIVE and (o not in fresh or o in surplus)]
    missing = max(situation.count - len(fresh), 0)
    due_ms = next_try_ms(situation)
    times = [*_limits(situation)] if situation.count else []
    return WorkerPlan(
        starts=missing if due_ms <= now_ms else 0,
        ends=tuple(_end(situation, o, late=o in late, surplus=o in surplus) for o in going),
        again_ms=min((t for t in (*times, *([due_ms] if missing else [])) if t > now_ms), default=None),
    )


def unable(situation: BatchSituation, now_ms: int) -> Unable | None:
    """Whether the task has to be given up, because no worker is ready and none comes to be."""
    if not situation.count or situation.ready:
        return None
    variant = situation.variant
    name = f"{variant.model_name} {variant.model_version}"
    for observation in _late(situation, now_ms):
        if observation.instance.ready_ms is None:
            within = f"within {variant.deploy_timeout_s} s (deploy_timeout_in_seconds)"
            text = f"deployment timed out: a worker with {name} was not ready {within}"
            return Unable(text, observation.id)
    failed = load_failures(situation)
    if len(failed) >= LOAD_FAILURES:
        text = f"workers with {name} ended {len(failed)} times before they were ready: {failed[0].instance.exit}"
        return Unable(text, failed[0].id)
    return None


def load_failures(situation: BatchSituation) -> Sequence[InstanceObservation]:
    """Workers of the present template that ended before they were ready, since one was ready; newest first."""
    known = [o for o in situation.observations if o.instance.template == situation.variant.template.hash]
    was_ready = max((o.instance.ready_ms for o in known if o.instance.ready_ms is not None), default=0)
    since_ms = max(situation.began, was_ready)
    ended = [o for o in known if o.phase is Phase.EXITED and o.instance.ready_ms is None]
    return sorted(
        (o for o in ended if o.instance.phase_ms >= since_ms), key=lambda o: (-o.instance.phase_ms, o.id)
    )


def next_try_ms(situation: BatchSituation) -> int:
    return backoff.next_try_ms([o.instance.phase_ms for o in load_failures(situation)])


def _late(situation: BatchSituation, now_ms: int) -> list[InstanceObservation]:
    return [o for o in situation.fresh if (limit := _limit_ms(situation, o)) is not None and now_ms >= limit]


def _limit_ms(situation: BatchSituation, observation: InstanceObservation) -> int | None:
    """When a worker that is not ready is given up. Its time runs from the start of its process, and not while it
    waits for room."""
    if observation.phase is not Phase.STARTING:
        return None
    if observation.instance.ready_ms is not None:
        return observation.instance.phase_ms + observation.process.patience_ms
    began_ms = None if observation.obstacle else observation.process.started_ms
    return None if began_ms is None else began_ms + situation.variant.deploy_timeout_s * 1000


def _limits(situation: BatchSituation) -> Iterator[int]:
    return (t for o in situation.fresh if (t := _limit_ms(situation, o)) is not None)


def _surplus(fresh: Sequence[InstanceObservation], count: int) -> Sequence[InstanceObservation]:
    """Those beyond the count: first such that are not ready, then the youngest."""
    order = sorted(fresh, key=lambda o: (o.phase is Phase.READY, o.answers, -o.instance.started_ms, o.id))
    return order[: max(len(fresh) - count, 0)]


def _end(situation: BatchSituation, observation: InstanceObservation, *, late: bool, surplus: bool) -> End:
    if observation.lost:
        return End(observation.id, "is out of reach: another one replaces it", wrong=True)
    if observation.hung:
        return End(observation.id, "hangs: another one replaces it", wrong=True)
    if not situation.count:
        return End(observation.id)
    if late:
        return End(observation.id, "was not able to work in time", wrong=True)
    return End(observation.id, "is not needed any more" if surplus else "is replaced by one of the new config")
