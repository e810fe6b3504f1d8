"""Services with all that belongs to them: revisions, rollouts, instances, events, counters."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from modelyard.domain.devices import Grant, Holding
from modelyard.domain.record import Changes, ServiceRecord
from modelyard.domain.revision import Revision
from modelyard.domain.service import Counter, Event, Rollout, Service
from modelyard.store.page import Page


@dataclass(frozen=True, slots=True)
class ServiceQuery:
    """None matches any. `name` is a substring, regardless of case; `model_id` is looked for in the present
    revision; a real-time service may have `or_status` instead of `status`."""

    service_id: str | None = None
    name: str | None = None
    model_id: str | None = None
    workspace_id: str | None = None
    infer_type: str | None = None
    status: str | None = None
    or_status: str | None = None
    page: Page = Page()


@dataclass(frozen=True, slots=True)
class EventQuery:
    """None matches any. `info` is a substring; times are inclusive milliseconds."""

    type: str | None = None
    info: str | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    page: Page = Page()


class ServiceReads(Protocol):
    async def service(self, project_id: str | None, service_id: str) -> Service | None: ...

    async def service_named(self, project_id: str, name: str) -> Service | None: ...

    async def services(self, project_id: str | None, query: ServiceQuery) -> tuple[int, Sequence[Service]]: ...

    async def count_services(self, project_id: str, infer_type: str) -> int: ...

    async def service_ids(self) -> Sequence[str]:
        """Every service of every project, for the loop to look at."""

    async def revision(self, service_id: str, number: int) -> Revision | None: ...

    async def revisions(self, service_id: str) -> Sequence[Revision]:
        """Newest first: the last 200, and older ones that a record mentions."""

    async def rollouts(self, service_id: str) -> Sequence[Rollout]:
        """Newest first: the last 200, and an older one that is active."""

    async def newest_rollouts(self, project_id: str | None = None) -> Sequence[Rollout]:
        """The newest of each service, of all or of one project's."""

    async def record(self, service_id: str, project_id: str | None = None) -> ServiceRecord | None: ...

    async def counted_record(
        self, service_id: str, project_id: str | None = None
    ) -> tuple[ServiceRecord, Counter] | None:
        """The same with its counter, in the same number of statements."""

    async def records(self, project_id: str | None = None) -> Sequence[ServiceRecord]:
        """Every service, or every one of a project, in a constant number of statements: what a fresh control plane
        reads first."""

    async def holdings(self) -> Sequence[Holding]:
        """Of all instances that were granted accelerators."""

    async def events(self, service_id: str, query: EventQuery) -> tuple[int, Sequence[Event]]: ...

    async def counters(self, service_ids: Sequence[str] | None = None) -> Mapping[str, Counter]: ...


class ServiceWrites(ServiceReads, Protocol):
    async def add_service(self, service: Service) -> None:
        """Raises AlreadyExists for a name taken in the project."""

    async def save_service(self, service: Service) -> None: ...

    async def add_revision(self, revision: Revision) -> None: ...

    async def save_rollout(self, rollout: Rollout) -> None: ...

    async def apply(self, service_id: str, changes: Changes) -> bool:
        """Write everything that a decision changed. False, and nothing is written, when it was based on a stale
        version or the service is gone: then observe again. The accelerators of an instance are written with its
        first row alone, and kept after that: whoever writes may have read it before they were granted."""

    async def grant_devices(self, instance_id: str, devices: Sequence[Grant]) -> bool:
        """From now on the instance has these, and no others. False, and nothing is written, when it is not to
        run any more."""

    async def save_counters(self, counters: Mapping[str, Counter]) -> None: ...

    async def add_events(self, events: Sequence[Event]) -> None:
        """Events of services that exist. A service keeps the newest thousand, and some tens more for a while."""
