"""From rows, processes and acknowledgements to one situation."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field

from modelyard.core.rollout.situation import InstanceObservation, Situation
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.process import ABSENT, Process, ProcessState
from modelyard.domain.record import ServiceRecord
from modelyard.domain.service import Rollout
from modelyard.engines.base import Listing, Observed
from modelyard.gateway.base import GatewayView

NODE_LOST_MS = 120_000
"""After how long out of sight an instance counts as lost. Longer than a node takes to boot: what comes back in
time costs nothing, what is replaced too early costs a start and a drain."""


@dataclass(frozen=True, slots=True)
class Instant:
    """One instant: on the clock that only passes, and on the one that people read (see `control.clock`)."""

    now_ms: int
    wall_ms: int


@dataclass(slots=True)
class Memory:
    """What one control plane has noticed and a fresh one can notice again; nothing here needs to survive.

    `unrouted_ms`: since when the gateway is known not to route to an instance. `obstacles`: why the engine did
    not take a start; `waiting`: where that was not for want of room, `fetching`: and an image was on its way.
    `unseen_ms`: since when an instance is where its engine cannot look. `began`: the rollout in progress (its id),
    and since when, on the clock of the decisions. `lapses`: of that rollout, as in `Situation`.
    """

    unrouted_ms: dict[str, int] = field(default_factory=dict)
    unseen_ms: dict[str, int] = field(default_factory=dict)
    obstacles: dict[str, str] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    fetching: set[str] = field(default_factory=set)
    route_rollout: str = ""
    began: tuple[str, int] = ("", 0)
    lapses: Counter[str] = field(default_factory=Counter)

    def note_routing(self, instance_id: str, *, routed: bool, now_ms: int) -> int | None:
        """Since when the instance is unrouted, None while it is not."""
        if routed:
            self.unrouted_ms.pop(instance_id, None)
            return None
        self.unrouted_ms[instance_id] = self.unrouted_ms.get(instance_id, now_ms)
        return self.unrouted_ms[instance_id]

    def note_unseen(self, instance_id: str, now_ms: int) -> int:
        """Since when it cannot be seen."""
        return self.unseen_ms.setdefault(instance_id, now_ms)

    def note_rollout(self, rollout: Rollout, instant: Instant) -> int:
        """When it began, on the steady clock. Worked out from its record once, when it is first seen: later jumps
        of the wall clock change nothing."""
        if self.began[0] != rollout.id:
            age_ms = max(instant.wall_ms - rollout.started_ms, 0)
            self.began = (rollout.id, instant.now_ms - age_ms)
            self.lapses.clear()
        return self.began[1]

    def note_lapses(self, before: Iterable[Instance], moved: Iterable[Instance], hung: Set[str]) -> None:
        """Count the instances that were ready before this was recorded and are not any more, though they run."""
        ready = {i.id for i in before if i.phase is Phase.READY}
        for instance in moved:
            if instance.id in ready and (
                instance.phase is Phase.STARTING or (instance.phase is Phase.DRAINING and instance.id in hung)
            ):
                self.lapses[instance.template] += 1

    def note_published(self, routed: Iterable[str], rollout_id: str) -> None:
        """A route was handed to the gateway: whoever is in it may get requests until a later one is acknowledged.

        The acknowledged value may be equal to a later wanted one while this one is still on its way (A, B, A).
        """
        self.route_rollout = rollout_id
        for instance_id in routed:
            self.unrouted_ms.pop(instance_id, None)

    def forget(self, instance_id: str) -> None:
        self.unrouted_ms.pop(instance_id, None)
        self.unseen_ms.pop(instance_id, None)
        self.obstacles.pop(instance_id, None)
        self.waiting.discard(instance_id)
        self.fetching.discard(instance_id)


def strangers(record: ServiceRecord, observed: Sequence[Observed]) -> Iterator[Instance]:
    """Rows for processes of this service that have none: adopted if they fit, drained if not.

    They come from a database that is older than the processes, or were lost and are back. Ended ones are not
    adopted (see `leftovers`).
    """
    known = {i.id for i in record.instances}
    for seen in observed:
        if seen.instance_id not in known and seen.process.state is not ProcessState.EXITED:
            started_ms = seen.process.started_ms or 0
            yield Instance(
                id=seen.instance_id,
                service_id=record.service.id,
                track=seen.track,
                revision=seen.revision,
                template=seen.template,
                phase=Phase.STARTING,
                started_ms=started_ms,
                phase_ms=started_ms,
                devices=seen.devices,
            )


def leftovers(record: ServiceRecord, observed: Sequence[Observed]) -> Iterator[str]:
    """Ended processes without a row: nothing but files, to be removed."""
    known = {i.id for i in record.instances}
    for seen in observed:
        if seen.instance_id not in known and seen.process.state is ProcessState.EXITED:
            yield seen.instance_id


@dataclass(frozen=True, slots=True)
class Seen:
    """What engine and gateway show of one service at an instant.

    `connected`: whether the gateway's view is of now. `app_codes`: those that open the service. `node_lost_ms`:
    how long an instance may be out of sight before it counts as lost.
    """

    listing: Listing
    view: GatewayView
    connected: bool
    instant: Instant
    app_codes: tuple[str, ...] = ()
    node_lost_ms: int = NODE_LOST_MS


def situation(record: ServiceRecord, seen: Seen, memory: Memory) -> Situation:
    """Everything that a decision about this service is made from."""
    instances = (*record.instances, *strangers(record, seen.listing.instances))
    began_ms = memory.note_rollout(record.rollout, seen.instant) if record.rollout is not None else None
    return Situation(
        service=record.service,
        revisions=record.revisions,
        rollout=record.rollout,
        observations=tuple(_observations(record, instances, seen, memory)),
        acked=seen.view.acked,
        app_codes=seen.app_codes,
        began_ms=began_ms,
        lapses=dict(memory.lapses) if record.rollout is not None else {},
    )


def _observations(
    record: ServiceRecord, instances: Iterable[Instance], seen: Seen, memory: Memory
) -> Iterator[InstanceObservation]:
    processes = {o.instance_id: o.process for o in seen.listing.instances}
    hidden = _hidden(record, seen.listing, memory)
    routed = seen.view.acked.instance_ids() if seen.view.acked else frozenset()
    now_ms = seen.instant.now_ms
    for instance in instances:
        process, lost_ms = processes.get(instance.id, ABSENT), None
        if process is ABSENT and hidden(instance):
            process = Process(ProcessState.UNKNOWN, instance.address, node=instance.node)
            lost_ms = memory.note_unseen(instance.id, now_ms) + seen.node_lost_ms
        else:
            memory.unseen_ms.pop(instance.id, None)
        unrouted = seen.connected and instance.id not in routed
        yield InstanceObservation(
            instance,
            process,
            unrouted_ms=memory.note_routing(instance.id, routed=not unrouted, now_ms=now_ms),
            obstacle=memory.obstacles.get(instance.id, ""),
            waits=instance.id in memory.waiting,
            lost_ms=lost_ms,
            lost=lost_ms is not None and lost_ms <= now_ms,
        )


def _hidden(record: ServiceRecord, listing: Listing, memory: Memory) -> Callable[[Instance], bool]:
    """Whether an instance that is not listed may exist where the engine cannot look. One whose start the engine
    did not take does not."""
    if not listing.unreachable:
        return lambda _instance: False
    pools = {v.template.hash: v.template.pool for r in record.revisions.values() for v in r.variants}
    return lambda i: i.id not in memory.obstacles and listing.may_hide(pools.get(i.template), i.node)
