"""Who did what: `/v1/{project_id}/audit`, and of the installation `/v1/modelyard/admin/audit`. An extension."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Depends

from modelyard.api.documents import ERRORS, asks
from modelyard.api.requests import Caller, ContextDep, query
from modelyard.api.schemas import audit as wire
from modelyard.domain.audit import AuditQuery, AuditRow, Outcome
from modelyard.operations import audit

router = APIRouter(prefix="/v1/modelyard/admin", tags=["audit"], responses=ERRORS)
project = APIRouter(prefix="/v1/{project_id}", tags=["audit"], responses=ERRORS)


@router.get("/audit", summary="Who did what in the installation", openapi_extra=asks(wire.InstallationAuditList))
async def of_installation(
    ctx: ContextDep,
    caller: Caller,
    asked: Annotated[wire.InstallationAuditList, Depends(query(wire.InstallationAuditList))],
) -> wire.AuditPage:
    """For administrators: all of it, with what happened in no project, and refused requests of those who nobody
    knows. Rows are never changed; the oldest are removed as the bounds want it."""
    total, rows = await audit.of_installation(ctx, caller, _query(asked, asked.project_id))
    return _page(total, rows)


@project.get("/audit", summary="Who did what in a project", openapi_extra=asks(wire.AuditList))
async def of_project(
    ctx: ContextDep,
    caller: Caller,
    project_id: str,
    asked: Annotated[wire.AuditList, Depends(query(wire.AuditList))],
) -> wire.AuditPage:
    """For the project's admins: each change by its users, each that was refused, logins, and what an administrator
    of the installation did in it. Newest first. `fields` are the names of what was sent, never the values."""
    total, rows = await audit.of_project(ctx, caller, project_id, _query(asked, None))
    return _page(total, rows)


def _query(asked: wire.AuditList, project_id: str | None) -> AuditQuery:
    limit = 1000 if asked.limit is None else asked.limit
    return AuditQuery(
        project_id=project_id,
        user=asked.user or "",
        action=asked.action or "",
        resource=asked.resource or "",
        outcome=Outcome(asked.outcome) if asked.outcome else None,
        logins=asked.logins is not False,
        since_ms=asked.since,
        until_ms=asked.until,
        after=asked.after,
        oldest_first=asked.order == "asc",
        offset=(asked.offset or 0) * limit,
        limit=limit,
    )


def _page(total: int, rows: Sequence[AuditRow]) -> wire.AuditPage:
    return wire.AuditPage(total_count=total, count=len(rows), audit=[_shown(row) for row in rows])


def _shown(row: AuditRow) -> wire.AuditShown:
    return wire.AuditShown(
        number=row.number,
        occur_time=row.at_ms,
        action=row.action,
        outcome=row.outcome,
        request_id=row.reference or None,
        status=row.status or None,
        error_code=f"ModelArts.{row.error_code}" if row.error_code else None,
        project_id=row.project_id or None,
        user_id=row.user_id or None,
        user_name=row.user_name or None,
        authenticated_by=row.means or None,
        resource=row.resource or None,
        resource_name=row.name or None,
        address=row.address or None,
        user_agent=row.agent or None,
        fields=list(row.fields) or None,
        times=row.times,
        last_time=row.until_ms,
    )
