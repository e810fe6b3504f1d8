"""Changes that are planned before they are made, and made only if nothing happened in between. Extensions of the
API: `?dry_run`, `If-Match`, `Idempotency-Key`, revisions.
"""

import uuid

from modelyard.client.aio.session import AsyncSession
from modelyard.client.plans import Plan, Revision
from modelyard.client.records import Json, record, rows


class AsyncChanges:
    """Plan, then make. A service id of "" stands for a service to create."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def plan(self, service_id: str, body: Json) -> Plan:
        """What a POST or PUT of `body` would do; ApiError if it would be refused."""
        return record(await self._session.call(*_target(service_id), body=body, params={"dry_run": "true"}), Plan)

    async def make(self, plan: Plan, body: Json) -> Json:
        """Make what was planned; ApiError (412) when the service changed since. Sent again when no answer came,
        which is safe: the server does it once."""
        headers = {"Idempotency-Key": str(uuid.uuid4()), **({"If-Match": plan.etag} if plan.etag else {})}
        method, path = _target(plan.service_id)
        return await self._session.call(method, path, body=body, headers=headers)

    async def revisions(self, service_id: str) -> tuple[Revision, ...]:
        """Newest first."""
        answer = await self._session.call("GET", f"/services/{service_id}/revisions")
        return tuple(record(row, Revision) for row in rows(answer, "revisions"))

    async def plan_rollback(self, service_id: str, number: int) -> Plan:
        path = f"/services/{service_id}/revisions/{number}/rollback"
        return record(await self._session.call("POST", path, params={"dry_run": "true"}), Plan)

    async def rollback(self, service_id: str, number: int, etag: str = "") -> Json:
        """Go back to a revision; the answer carries `update_time` when an update began."""
        path = f"/services/{service_id}/revisions/{number}/rollback"
        return await self._session.call("POST", path, headers={"If-Match": etag} if etag else {})


def _target(service_id: str) -> tuple[str, str]:
    return ("PUT", f"/services/{service_id}") if service_id else ("POST", "/services")
