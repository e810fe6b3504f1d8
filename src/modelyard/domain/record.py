"""A service with all that is stored of it, and what a decision writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from modelyard.domain.instance import Instance
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import Event, Rollout, Service


@dataclass(frozen=True, slots=True)
class ServiceRecord:
    """Everything stored that a decision about one service needs.

    `revisions` holds at least those that the service, its rollout and its instances mention. `rollout` is the
    active one. `instances` are all that are not GONE: those that EXITED are kept for a while, because the cause
    of a failure and the back-off are read from them. `last_revision` is the highest revision number so far.
    """

    service: Service
    revisions: Mapping[int, Revision]
    rollout: Rollout | None = None
    instances: Sequence[Instance] = ()
    last_revision: int = 0

    @property
    def variants(self) -> tuple[Variant, ...]:
        """The variants of the revision that the service should run now."""
        return self.revisions[self.service.revision].variants


@dataclass(frozen=True, slots=True)
class Changes:
    """What one decision writes: whole rows. If it is empty, there is nothing to write.

    `seen_version` is the `Service.version` that the decision was based on. If a user has changed the service
    since then, none of this is written.
    """

    seen_version: int
    service: Service | None = None
    rollouts: tuple[Rollout, ...] = ()
    instances: tuple[Instance, ...] = ()
    forget_instances: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    delete_service: bool = False

    def __bool__(self) -> bool:
        return bool(
            self.service
            or self.rollouts
            or self.instances
            or self.forget_instances
            or self.events
            or self.delete_service
        )
