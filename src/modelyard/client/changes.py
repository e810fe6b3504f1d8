"""Changes that are planned before they are made, and made only if nothing happened in between. Extensions of the
API: `?dry_run`, `If-Match`, `Idempotency-Key`, revisions.
"""

import uuid
from dataclasses import dataclass, field

from modelyard.client.errors import Unreachable
from modelyard.client.records import Json, record, rows
from modelyard.client.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackPlan:
    """Instances of one track that start, stop, and stay as they are."""

    track: int
    model_name: str = ""
    model_version: str = ""
    starts: int = 0
    stops: int = 0
    stays: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a change would do. `etag` is that of the service it was made from, "" of one that would be created."""

    service_name: str
    changes: bool
    creates: bool = False
    service_id: str = ""
    etag: str = ""
    service: Json = field(default_factory=dict)
    config: tuple[Json, ...] = ()
    instances: tuple[TrackPlan, ...] = ()
    room: Json = field(default_factory=dict)
    traffic: tuple[Json, ...] = ()
    complete: bool = True
    raw: Json = field(default_factory=dict, repr=False, compare=False)

    @property
    def does_something(self) -> bool:
        """Whether anything would be other than it is: what is asked for, or what runs."""
        return self.changes or any(one.starts or one.stops for one in self.instances)


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One configuration of a service. `state`: current, deploying, stable, failed, cancelled, earlier, stored."""

    number: int
    created_at: int
    state: str
    stable: bool = False
    error_msg: str = ""
    config: tuple[Json, ...] = ()
    raw: Json = field(default_factory=dict, repr=False, compare=False)


class Changes:
    """Plan, then make. A service id of "" stands for a service to create."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def plan(self, service_id: str, body: Json) -> Plan:
        """What a POST or PUT of `body` would do; ApiError if it would be refused."""
        return record(self._session.call(*_target(service_id), body=body, params={"dry_run": "true"}), Plan)

    def make(self, plan: Plan, body: Json) -> Json:
        """Make what was planned; ApiError (412) when the service changed since. Sent again when no answer came,
        which is safe: the server does it once."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), **({"If-Match": plan.etag} if plan.etag else {})}
        method, path = _target(plan.service_id)
        try:
            return self._session.call(method, path, body=body, headers=headers)
        except Unreachable:
            return self._session.call(method, path, body=body, headers=headers)

    def revisions(self, service_id: str) -> tuple[Revision, ...]:
        """Newest first."""
        answer = self._session.call("GET", f"/services/{service_id}/revisions")
        return tuple(record(row, Revision) for row in rows(answer, "revisions"))

    def plan_rollback(self, service_id: str, number: int) -> Plan:
        path = f"/services/{service_id}/revisions/{number}/rollback"
        return record(self._session.call("POST", path, params={"dry_run": "true"}), Plan)

    def rollback(self, service_id: str, number: int, etag: str = "") -> Json:
        """Go back to a revision; the answer carries `update_time` when an update began."""
        path = f"/services/{service_id}/revisions/{number}/rollback"
        return self._session.call("POST", path, headers={"If-Match": etag} if etag else {})


def _target(service_id: str) -> tuple[str, str]:
    return ("PUT", f"/services/{service_id}") if service_id else ("POST", "/services")
