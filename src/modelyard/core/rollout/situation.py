"""What a decision sees: what is stored of one service, beside what the engine and the gateway show of it.

`control.observe` builds it, decisions read it. It answers questions about tracks, so that decisions read like the
rules that they implement.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from modelyard.core.rollout import budget
from modelyard.domain.instance import HOLDING, LIVE, Instance, Phase
from modelyard.domain.process import Process, ProcessState
from modelyard.domain.revision import Budget, Revision, Variant
from modelyard.domain.routing import ServiceRoute
from modelyard.domain.service import Desired, Rollout, RolloutKind, RolloutState, Service


@dataclass(frozen=True, slots=True)
class InstanceObservation:
    """One instance: its record, and what the engine and the gateway show of it.

    `unrouted_ms`: since when the gateway is known not to route to it (None: it does, or cannot be asked; that it
    does, only `Situation.acked` tells). `obstacle`: why the engine did not accept the start ("" if it did),
    `waits`: which is not for want of room.
    `lost_ms`: from when one that its engine cannot see counts as lost (None: it can), `lost`: whether it does now.
    """

    instance: Instance
    process: Process
    unrouted_ms: int | None = None
    obstacle: str = ""
    waits: bool = False
    lost_ms: int | None = None
    lost: bool = False

    @property
    def id(self) -> str:
        return self.instance.id

    @property
    def phase(self) -> Phase:
        return self.instance.phase

    @property
    def answers(self) -> bool:
        """Whether it is known that it would answer a request now."""
        if self.phase is Phase.DRAINING:
            return self.state is ProcessState.READY
        return self.phase is Phase.READY and self.state is not ProcessState.UNKNOWN

    @property
    def holds(self) -> bool:
        """Whether it holds resources, as far as anybody knows."""
        return self.phase in HOLDING and not self.lost

    @property
    def state(self) -> ProcessState:
        return self.process.state

    @property
    def hung(self) -> bool:
        """Whether the engine says that it must be replaced although it runs, and may even be ready."""
        return self.process.hung or self.process.frozen


@dataclass(frozen=True, slots=True)
class Track:
    """One lineage of a service now.

    `variant` is what it should become (None: the track ends); `base` what it was before the rollout (None: it
    is new, or there is no rollout). `weight` is the share in force now. `observations` are all its instances,
    `routed` the ids of the instances (of any track) that the gateway has acknowledged.
    """

    number: int
    variant: Variant | None
    base: Variant | None
    weight: int
    observations: tuple[InstanceObservation, ...]
    routed: frozenset[str]

    @property
    def count(self) -> int:
        return self.variant.instance_count if self.variant else 0

    @property
    def budget(self) -> Budget:
        return self.variant.budget if self.variant else Budget()

    @property
    def ceiling(self) -> int:
        return budget.ceiling(self.count, self.budget)

    @property
    def floor(self) -> int:
        return budget.floor(self.count, self.budget)

    @property
    def base_floor(self) -> int:
        """How many must go on serving while the weights of the base are in force."""
        if self.base is None or self.base.weight == 0:
            return 0
        return budget.floor(self.base.instance_count, self.budget if self.variant else Budget())

    @property
    def base_differs(self) -> bool:
        """Whether the base and the variant need different processes."""
        return self.base is not None and (
            self.variant is None or self.variant.template.hash != self.base.template.hash
        )

    def is_fresh(self, observation: InstanceObservation) -> bool:
        """Whether it is what the track should become. One that hangs or is lost is not: it is replaced before it
        goes."""
        if self.variant is None or observation.hung or observation.lost:
            return False
        return observation.instance.template == self.variant.template.hash

    @property
    def holding(self) -> tuple[InstanceObservation, ...]:
        return tuple(o for o in self.observations if o.holds)

    @property
    def fresh(self) -> tuple[InstanceObservation, ...]:
        """Live instances of the template that the track should become."""
        return tuple(o for o in self.observations if o.phase in LIVE and self.is_fresh(o))

    @property
    def stale(self) -> tuple[InstanceObservation, ...]:
        """Live instances of any other template, and those that hang or are lost."""
        return tuple(o for o in self.observations if o.phase in LIVE and not self.is_fresh(o))

    def deadline_ms(self, observation: InstanceObservation) -> int | None:
        """When a fresh instance must be ready for the first time; None: it has no time limit now.

        Its time runs from the start of its process or, while there is no room for one, from the request for it.
        """
        if (
            self.variant is None
            or observation.phase is not Phase.STARTING
            or observation.instance.ready_ms is not None
        ):
            return None
        began_ms = observation.instance.phase_ms if observation.obstacle else observation.process.started_ms
        return None if began_ms is None else began_ms + self.variant.deploy_timeout_s * 1000

    def serves(self, observation: InstanceObservation) -> bool:
        """Known to be ready, and known to the gateway; where a track gets no traffic, ready is enough."""
        ready = observation.phase is Phase.READY and observation.answers
        return ready and (observation.id in self.routed or self.weight == 0)

    @property
    def serving(self) -> int:
        """How many live instances serve, of any template."""
        return sum(1 for o in (*self.fresh, *self.stale) if self.serves(o))

    @property
    def fresh_serving(self) -> int:
        return sum(1 for o in self.fresh if self.serves(o))


@dataclass(frozen=True, slots=True)
class Situation:
    """Everything that one decision is made from. `acked` is the route that the gateway acknowledged last.
    `app_codes` go into the route unchanged; no decision depends on them. `began_ms`: when the rollout began, on
    the steady clock (None: as recorded, there is only one clock). `lapses`: how often instances of a template went
    from ready to not ready, or hung, during the rollout, as far as this control plane has seen."""

    service: Service
    revisions: Mapping[int, Revision]
    rollout: Rollout | None
    observations: tuple[InstanceObservation, ...]
    acked: ServiceRoute | None
    app_codes: tuple[str, ...] = field(default=(), repr=False)
    began_ms: int | None = None
    lapses: Mapping[str, int] = field(default_factory=dict)

    @property
    def began(self) -> int:
        """When the rollout began; 0 without one."""
        if self.began_ms is not None:
            return self.began_ms
        return self.rollout.started_ms if self.rollout is not None else 0

    @property
    def goal(self) -> tuple[Variant, ...]:
        """The variants that should run now; none if the service should not run, or has failed."""
        if self.service.desired is not Desired.RUNNING:
            return ()
        if self.service.failed and (self.rollout is None or not self.rollout.active):
            return ()
        return self.revisions[self.service.revision].variants

    @property
    def base(self) -> tuple[Variant, ...]:
        """The variants whose weights stay in force until the rollout switches; none if nothing ran before."""
        rollout = self.rollout
        if rollout is None or rollout.state is not RolloutState.RUNNING or rollout.base is None:
            return ()
        if rollout.kind is not RolloutKind.UPDATE or self.service.desired is not Desired.RUNNING:
            return ()
        return self.revisions[rollout.base].variants

    @property
    def switched(self) -> bool:
        """Whether the weights of the goal are in force."""
        return not self.base or (self.rollout is not None and self.rollout.switched)

    def variant_of(self, observation: InstanceObservation) -> Variant | None:
        """The variant that the instance runs, of the present revision or else of the one that started it."""
        for number in (self.service.revision, observation.instance.revision):
            for variant in self.revisions[number].variants if number in self.revisions else ():
                if variant.template.hash == observation.instance.template:
                    return variant
        return None

    def tracks(self) -> tuple[Track, ...]:
        return tuple(self._tracks())

    def _tracks(self) -> Iterator[Track]:
        goal = {v.track: v for v in self.goal}
        base = {v.track: v for v in self.base}
        force = goal if self.switched else base
        seen = {o.instance.track for o in self.observations}
        routed = self.acked.instance_ids() if self.acked else frozenset()
        for number in sorted(goal.keys() | base.keys() | seen):
            yield Track(
                number=number,
                variant=goal.get(number),
                base=base.get(number),
                weight=force[number].weight if number in force else 0,
                observations=tuple(o for o in self.observations if o.instance.track == number),
                routed=routed,
            )
