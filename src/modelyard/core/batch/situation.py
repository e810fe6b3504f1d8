"""What a decision about a batch service sees: what is stored of it and of its tasks, beside what the engine shows
of its workers. `control.batch` builds it."""

from collections.abc import Mapping
from dataclasses import dataclass

from modelyard.core.rollout.situation import InstanceObservation
from modelyard.domain.batch import Job, Task, TaskState
from modelyard.domain.instance import LIVE, Phase
from modelyard.domain.process import ProcessState
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import Desired, Rollout, Service


@dataclass(frozen=True, slots=True)
class BatchSituation:
    """Everything that one decision is made from.

    `tasks`: newest first; at least the newest one, and those of which something is left to remove. `revisions` has
    those of the tasks too. `began_ms`: when the rollout began, on the steady clock (None: as recorded).
    """

    service: Service
    revisions: Mapping[int, Revision]
    rollout: Rollout | None
    observations: tuple[InstanceObservation, ...]
    tasks: tuple[Task, ...] = ()
    began_ms: int | None = None

    @property
    def task(self) -> Task | None:
        return self.tasks[0] if self.tasks else None

    @property
    def active(self) -> Rollout | None:
        """The rollout, as long as it is under way."""
        return self.rollout if self.rollout is not None and self.rollout.active else None

    @property
    def began(self) -> int:
        """When the rollout began; 0 without one."""
        if self.began_ms is not None:
            return self.began_ms
        return self.rollout.started_ms if self.rollout is not None else 0

    @property
    def variant(self) -> Variant:
        """What the service's present config asks for."""
        return self.revisions[self.service.revision].variants[0]

    @property
    def wanted(self) -> bool:
        """Whether the service is to work."""
        return self.service.desired is Desired.RUNNING and (not self.service.failed or self.active is not None)

    @property
    def count(self) -> int:
        """How many workers there should be: none once every row has its outcome."""
        task = self.task
        if task is None or not self.wanted or task.state is not TaskState.ACTIVE or task.complete:
            return 0
        return self.variant.instance_count

    def of(self, task: Task) -> Variant | None:
        """What the task was made for; None when that is not known any more."""
        revision = self.revisions.get(task.revision)
        return revision.variants[0] if revision is not None else None

    def job(self, task: Task) -> Job | None:
        variant = self.of(task)
        return variant.job if variant is not None else None

    def variant_of(self, observation: InstanceObservation) -> Variant | None:
        """The variant that a worker runs, of the present revision or else of the one that started it."""
        for number in (self.service.revision, observation.instance.revision):
            for variant in self.revisions[number].variants if number in self.revisions else ():
                if variant.template.hash == observation.instance.template:
                    return variant
        return None

    def fits(self, observation: InstanceObservation) -> bool:
        """Whether it runs what workers should run now, as far as anybody can see."""
        if observation.hung or observation.lost:
            return False
        return observation.instance.template == self.variant.template.hash

    @property
    def fresh(self) -> tuple[InstanceObservation, ...]:
        """Live workers of the present template."""
        return tuple(o for o in self.observations if o.phase in LIVE and self.fits(o))

    @property
    def ready(self) -> tuple[InstanceObservation, ...]:
        """Those that take splits now."""
        return tuple(o for o in self.fresh if o.phase is Phase.READY and o.state is not ProcessState.UNKNOWN)

    @property
    def holding(self) -> tuple[InstanceObservation, ...]:
        return tuple(o for o in self.observations if o.holds)
