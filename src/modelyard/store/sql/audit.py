"""The audit: statements."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, func, or_, select

from modelyard.core.audit import LOGIN
from modelyard.domain.audit import AuditQuery, AuditRow, Cut, Means, Outcome
from modelyard.store.sql.audit_tables import audit, audit_cuts
from modelyard.store.sql.session import Session

_A = audit.c


def _row(row: Row[Any]) -> AuditRow:
    return AuditRow(
        at_ms=row.at_ms,
        action=row.action,
        outcome=Outcome(row.outcome),
        status=row.status,
        error_code=row.error_code,
        project_id=row.project_id,
        user_id=row.user_id,
        user_name=row.user_name,
        means=Means(row.means),
        resource=row.resource,
        name=row.name,
        address=row.address,
        agent=row.agent,
        reference=row.reference,
        fields=tuple(row.fields),
        times=row.times,
        until_ms=row.until_ms,
        lane=row.lane,
        number=row.number,
    )


def _values(row: AuditRow) -> dict[str, object]:
    names = (column.name for column in audit.columns if column.name not in {"number", "fields"})
    return {**{name: getattr(row, name) for name in names}, "fields": list(row.fields)}


def _has(column: ColumnElement[str], part: str) -> ColumnElement[bool]:
    return func.lower(column).contains(part.lower(), autoescape=True)


def _conditions(query: AuditQuery) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if query.project_id is not None:
        found.append(_A.project_id == query.project_id)
    if query.user:
        found.append(or_(_A.user_id == query.user, _A.user_name == query.user))
    if query.action:
        found.append(_has(_A.action, query.action))
    if query.resource:
        found.append(or_(_has(_A.resource, query.resource), _has(_A.name, query.resource)))
    if query.outcome is not None:
        found.append(_A.outcome == query.outcome.value)
    if not query.logins:
        found.append(or_(_A.action != LOGIN, _A.outcome != Outcome.DONE.value))
    if query.since_ms is not None:
        found.append(func.coalesce(_A.until_ms, _A.at_ms) >= query.since_ms)
    if query.until_ms is not None:
        found.append(_A.at_ms <= query.until_ms)
    if query.after is not None:
        found.append(_A.number > query.after)
    return found


class AuditReading(Session):
    async def audit(self, query: AuditQuery) -> tuple[int, Sequence[AuditRow]]:
        conditions = _conditions(query)
        total = int(await self._value(select(func.count()).select_from(audit).where(*conditions)))
        order = _A.number.asc() if query.oldest_first else _A.number.desc()
        page = select(audit).where(*conditions).order_by(order).offset(query.offset).limit(query.limit)
        return total, [_row(row) for row in await self._rows(page)]

    async def audit_lanes(self) -> Mapping[str, int]:
        counted = select(_A.lane, func.count().label("rows")).group_by(_A.lane)
        return {row.lane: row.rows for row in await self._rows(counted)}

    async def audit_cuts(self) -> Sequence[Cut]:
        rows = await self._rows(select(audit_cuts).order_by(audit_cuts.c.lane))
        return [Cut(row.lane, row.number, row.at_ms) for row in rows]


class AuditWriting(AuditReading):
    async def add_audit(self, rows: Sequence[AuditRow]) -> None:
        if rows:
            await self._run(audit.insert(), [_values(row) for row in rows])

    async def cut_audit(self, lane: str, before_ms: int, keep: int, at_ms: int, most: int) -> int:
        mine = select(_A.number).where(_A.lane == lane)
        beyond = await self._value(mine.order_by(_A.number.desc()).offset(keep).limit(1))
        young = await self._value(
            select(func.min(_A.number)).where(_A.lane == lane, func.coalesce(_A.until_ms, _A.at_ms) >= before_ms)
        )
        newest = select(func.max(_A.number)).where(_A.lane == lane)
        old = young - 1 if young is not None else await self._value(newest)
        last = max(beyond or 0, old or 0)
        if last:
            last = await self._value(
                select(func.max(mine.where(_A.number <= last).order_by(_A.number).limit(most).subquery().c.number))
            )
        if not last:
            return 0
        await self._upsert(audit_cuts, [{"lane": lane, "number": last, "at_ms": at_ms}])
        return await self._run(delete(audit).where(_A.lane == lane, _A.number <= last))
