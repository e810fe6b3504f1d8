"""A service in a fair world: every start succeeds at once, the gateway acknowledges everything, requests take no
time.

The real decisions (`core.rollout.decide`) are applied to it until nothing changes any more; `core.rollout.dry_run`
tells what was noted on the way.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from modelyard.core.rollout.decide import Decision, decide
from modelyard.core.rollout.recording import recorded
from modelyard.core.rollout.routes import route
from modelyard.core.rollout.situation import InstanceObservation, Situation
from modelyard.domain.instance import HOLDING, Instance, Phase
from modelyard.domain.process import Process, ProcessState
from modelyard.domain.record import ServiceRecord
from modelyard.domain.resources import Resources
from modelyard.domain.routing import Endpoint, ServiceRoute

MOST_WORK = 20_000
"""Looks times the instances that each of them sees: enough to replace some 50 instances one by one, which takes a
second or two. A dry run that needs more is cut off and says so (`finished`)."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many instances hold resources: now, at the peak, and in the end; what the peak takes beyond those of
    now, and the accelerators that it takes in all."""

    now: int = 0
    peak: int = 0
    after: int = 0
    more: Resources = Resources()
    cards: Resources = Resources()


@dataclass(frozen=True, slots=True)
class Share:
    """A track's share of the traffic, and how many instances of each template answer for it."""

    track: int
    weight: int
    instances: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Traffic:
    """Who answers from then on. `switched`: by the new weights."""

    shares: tuple[Share, ...]
    switched: bool


@dataclass(slots=True)
class FairWorld:
    """The service as far as the dry run has brought it."""

    record: ServiceRecord
    observations: dict[str, InstanceObservation]
    acked: ServiceRoute | None
    now_ms: int
    sizes: Mapping[str, Resources]
    first: Mapping[str, InstanceObservation] = field(default_factory=dict)
    started: dict[str, int] = field(default_factory=dict)
    traffic: list[Traffic] = field(default_factory=list)
    most: int = 0
    peak: Resources = Resources()

    @classmethod
    def of(cls, before: ServiceRecord | None, after: ServiceRecord, now_ms: int) -> "FairWorld":
        """Without the countdown: what the schedule does later is not part of the change."""
        holding = tuple(i for i in after.instances if i.phase in HOLDING)
        record = replace(after, service=replace(after.service, due_ms=None), instances=holding)
        observations = {i.id: _observation(i, now_ms) for i in holding}
        revisions = (*after.revisions.values(), *(before.revisions.values() if before else ()))
        sizes = {v.template.hash: v.template.resources for revision in revisions for v in revision.variants}
        world = cls(record, observations, None, now_ms, sizes, dict(observations))
        if before is not None:
            world.acked = route(replace(world.situation(), service=before.service, rollout=before.rollout))
            world.noticed()
            world.seen(switched=False)
        world.measure()
        return world

    def situation(self) -> Situation:
        record, observations = self.record, tuple(self.observations.values())
        return Situation(record.service, record.revisions, record.rollout, observations, self.acked)

    def run(self) -> bool:
        """Look until nothing changes any more; False when that took too long."""
        work = 0
        while work < MOST_WORK:
            work += max(len(self.observations), 1)
            decision = decide(self.situation(), self.now_ms)
            if self.apply(decision):
                continue
            resting = all(o.phase is Phase.READY for o in self.observations.values())
            if resting or decision.again_ms is None or decision.again_ms <= self.now_ms:
                return self.record.rollout is None
            self.now_ms = decision.again_ms
        return False

    def apply(self, decision: Decision) -> bool:
        """Record and carry out the decision; whether anything is different now."""
        moved = bool(decision.instances or decision.starts or decision.forget or decision.stops or decision.resume)
        moved |= bool(decision.service or decision.rollout) or self.acked != decision.route
        ids = [f"new-{len(self.started) + 1 + i}" for i in range(len(decision.starts))]
        made = recorded(self.record, decision, ids, self.now_ms)
        self.started |= {i.id: i.track for i in made.started}
        self.record = made.after or replace(self.record, instances=())
        self.observations = {i.id: self._observed(i) for i in self.record.instances}
        for stop in decision.stops:
            self.observations[stop.instance_id] = replace(self.observations[stop.instance_id], process=EXITED)
        moved |= self.answered()
        self.acked = decision.route
        self.noticed()
        self.seen(switched=self.situation().switched)
        self.measure()
        return moved

    def _observed(self, instance: Instance) -> InstanceObservation:
        known = self.observations.get(instance.id)
        return replace(known, instance=instance) if known else _observation(instance, self.now_ms)

    def answered(self) -> bool:
        """Let all new processes become ready; whether there were any."""
        young = [
            o
            for o in self.observations.values()
            if o.phase is Phase.STARTING and o.state is not ProcessState.READY
        ]
        for observation in young:
            self.observations[observation.id] = replace(
                observation, process=replace(observation.process, state=ProcessState.READY)
            )
        return bool(young)

    def noticed(self) -> None:
        """From now on, whatever the gateway does not route to is quiet."""
        routed = self.acked.instance_ids() if self.acked else frozenset()
        for i, observation in self.observations.items():
            since = None if i in routed else observation.unrouted_ms or self.now_ms
            if since != observation.unrouted_ms:
                self.observations[i] = replace(
                    observation, unrouted_ms=since, process=replace(observation.process, quiet_since_ms=since)
                )

    def seen(self, *, switched: bool) -> None:
        """Note who answers, if other templates do or the weights have changed."""
        tracks = self.acked.tracks if self.acked else ()
        shares = tuple(Share(t.track, t.weight, self._counted(t.endpoints)) for t in tracks)
        last = self.traffic[-1].shares if self.traffic else ()
        if _who(shares) != _who(last):
            self.traffic.append(Traffic(shares, switched))

    def _counted(self, endpoints: Sequence[Endpoint]) -> tuple[tuple[str, int], ...]:
        """How many endpoints there are of each template."""
        known = {**self.first, **self.observations}
        return tuple(sorted(Counter(known[e.instance_id].instance.template for e in endpoints).items()))

    def measure(self) -> None:
        taken = self._taken(self.observations)
        self.most = max(self.most, len(self.observations))
        self.peak = Resources(
            cpu=max(self.peak.cpu, taken.cpu),
            memory_mib=max(self.peak.memory_mib, taken.memory_mib),
            gpus=max(self.peak.gpus, taken.gpus),
            npus=max(self.peak.npus, taken.npus),
        )

    def room(self) -> Room:
        now, peak = self._taken(self.first), self.peak
        more = Resources(
            cpu=round(peak.cpu - now.cpu, 3),
            memory_mib=peak.memory_mib - now.memory_mib,
            gpus=round(peak.gpus - now.gpus, 6),
            npus=round(peak.npus - now.npus, 6),
        )
        cards = Resources(gpus=round(peak.gpus, 6), npus=round(peak.npus, 6))
        return Room(len(self.first), self.most, len(self.observations), more, cards)

    def _taken(self, observations: Mapping[str, InstanceObservation]) -> Resources:
        taken = Resources()
        for observation in observations.values():
            taken += self.sizes.get(observation.instance.template, Resources())
        return taken


def _who(shares: tuple[Share, ...]) -> tuple[tuple[int, int, tuple[str, ...]], ...]:
    return tuple((s.track, s.weight, tuple(t for t, _ in s.instances)) for s in shares)


EXITED = Process(ProcessState.EXITED)
STATES: Mapping[Phase, ProcessState] = {
    Phase.STARTING: ProcessState.STARTING,
    Phase.READY: ProcessState.READY,
    Phase.DRAINING: ProcessState.READY,
    Phase.STOPPING: ProcessState.EXITED,
}


def _observation(instance: Instance, now_ms: int) -> InstanceObservation:
    return InstanceObservation(instance, Process(STATES[instance.phase], f"unix:{instance.id}", now_ms))
