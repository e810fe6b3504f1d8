"""What a decision writes, and what is stored after that. Pure: the loop writes the changes, and worlds that only
imagine a rollout go on from what would be stored.

    starts      become new rows, under the ids given
    adopted     rows for processes that have none, unless the decision says something else of them
    forget      removes rows; of an instance that has none there is nothing to remove
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from modelyard.core.rollout.decide import Decision
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.record import Changes, ServiceRecord


@dataclass(frozen=True, slots=True)
class Recorded:
    """`after`: what is stored once `changes` are (None: nothing, the service is deleted). `started`: the instances
    that are new."""

    changes: Changes
    after: ServiceRecord | None
    started: tuple[Instance, ...]


def recorded(
    record: ServiceRecord,
    decision: Decision,
    ids: Iterable[str],
    now_ms: int,
    adopted: Collection[Instance] = (),
) -> Recorded:
    """The decision, made from `record`, as rows. `ids`: one for each start."""
    service = decision.service or record.service
    started = tuple(
        Instance(
            id=instance_id,
            service_id=service.id,
            track=start.track,
            revision=service.revision,
            template=start.template,
            phase=Phase.STARTING,
            started_ms=now_ms,
            phase_ms=now_ms,
        )
        for start, instance_id in zip(decision.starts, ids, strict=True)
    )
    told = {*(i.id for i in decision.instances), *decision.forget}
    known = {i.id for i in record.instances}
    changes = Changes(
        seen_version=record.service.version,
        service=decision.service,
        rollouts=(decision.rollout,) if decision.rollout else (),
        instances=(*(i for i in adopted if i.id not in told), *decision.instances, *started),
        forget_instances=tuple(i for i in decision.forget if i in known),
        events=decision.events,
        delete_service=decision.delete_service,
    )
    return Recorded(changes, _after(record, changes), started)


def _after(record: ServiceRecord, changes: Changes) -> ServiceRecord | None:
    if changes.delete_service:
        return None
    rollout = changes.rollouts[-1] if changes.rollouts else record.rollout
    return replace(
        record,
        service=changes.service or record.service,
        rollout=rollout if rollout is not None and rollout.active else None,
        instances=_merged(record.instances, changes),
    )


def _merged(before: Sequence[Instance], changes: Changes) -> tuple[Instance, ...]:
    rows = {i.id: i for i in (*before, *changes.instances)}
    gone = {*changes.forget_instances, *(i.id for i in changes.instances if i.phase is Phase.GONE)}
    return tuple(i for i in rows.values() if i.id not in gone)
