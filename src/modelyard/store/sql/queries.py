"""Statements for lists: filters, sorting and pages as SQL. Pure.

Two statements per list: how many match, and one page. A page beyond what a 64-bit number can
express is simply empty.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Delete,
    Select,
    Subquery,
    Table,
    and_,
    bindparam,
    delete,
    exists,
    false,
    func,
    or_,
    select,
    union,
)

from modelyard.domain.batch import TaskState
from modelyard.domain.service import ACTIVE_ROLLOUT, InferType
from modelyard.store.models import ModelQuery
from modelyard.store.page import Page
from modelyard.store.services import EventQuery, ServiceQuery
from modelyard.store.sql.batch_tables import batch_tasks
from modelyard.store.sql.tables import (
    counters,
    events,
    instances,
    models,
    revision_models,
    revisions,
    rollouts,
    services,
)

_BIGGEST = 2**63 - 1
_LONGEST_PART = 5_000
ACTIVE_STATES = sorted(state.value for state in ACTIVE_ROLLOUT)
FINISHED, SUPERSEDED = TaskState.FINISHED.value, TaskState.SUPERSEDED.value

_SERVICE_ORDER: dict[str, ColumnElement[Any]] = {
    "publish_at": services.c.created_ms,
    "service_name": services.c.name,
    "transition_at": services.c.transition_ms,
}
_MODEL_ORDER: dict[str, ColumnElement[Any]] = {
    "create_at": models.c.created_ms,
    "model_version": models.c.version,
    "model_size": models.c.size_bytes,
}

Conditions = Sequence[ColumnElement[bool]]


def counted(table: Table, conditions: Conditions) -> Select[Any]:
    return select(func.count()).select_from(table).where(*conditions)


def paged(
    table: Table, conditions: Conditions, page: Page, first: ColumnElement[Any], then: ColumnElement[Any]
) -> Select[Any]:
    """One page, by `first` and among equals by `then`, so that pages never overlap."""
    limit = min(max(page.limit, 0), _BIGGEST)
    offset = min(max(page.offset, 0) * limit, _BIGGEST)
    order = (first.desc(), then.desc()) if page.descending else (first.asc(), then.asc())
    return select(table).where(*conditions).order_by(*order).limit(limit).offset(offset)


def _holds(column: ColumnElement[Any], part: str) -> ColumnElement[bool]:
    """Whether the text contains `part`. SQLite refuses a pattern of 50,000 bytes; no text that is searched is that
    long."""
    return column.icontains(part, autoescape=True) if len(part) <= _LONGEST_PART else false()


def service_conditions(project_id: str | None, query: ServiceQuery) -> Conditions:
    s = services.c
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (s.project_id, project_id),
        (s.id, query.service_id),
        (s.workspace_id, query.workspace_id),
        (s.infer_type, query.infer_type),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if query.status is not None:
        conditions.append(_in_status(query.status, query.or_status))
    if query.name is not None:
        conditions.append(_holds(s.name, query.name))
    if query.model_id is not None:
        r = revision_models.c
        conditions.append(
            exists().where(r.service_id == s.id, r.number == s.revision, r.model_id == query.model_id)
        )
    return conditions


def _in_status(status: str, instead: str | None) -> ColumnElement[bool]:
    s = services.c
    if instead is None:
        return s.status == status
    return or_(s.status == status, and_(s.status == instead, s.infer_type == InferType.REAL_TIME.value))


def service_order(page: Page) -> ColumnElement[Any]:
    return _SERVICE_ORDER.get(page.sort_by, services.c.created_ms)


def model_conditions(project_id: str | None, query: ModelQuery) -> Conditions:
    m = models.c
    conditions: list[ColumnElement[bool]] = []
    for column, wanted in (
        (m.project_id, project_id),
        (m.version, query.version),
        (m.status, None if query.status is None else query.status.value),
        (m.type, query.type),
        (m.workspace_id, query.workspace_id),
    ):
        if wanted is not None:
            conditions.append(column == wanted)
    if query.name is not None:
        conditions.append(m.name == query.name if query.exact else _holds(m.name, query.name))
    if query.not_type is not None:
        conditions.append(m.type != query.not_type)
    if query.description is not None:
        conditions.append(_holds(m.description, query.description))
    return conditions


def model_order(page: Page) -> ColumnElement[Any]:
    return _MODEL_ORDER.get(page.sort_by, models.c.created_ms)


def event_conditions(service_id: str, query: EventQuery) -> Conditions:
    e = events.c
    conditions: list[ColumnElement[bool]] = [e.service_id == service_id]
    if query.type is not None:
        conditions.append(e.type == query.type)
    if query.info is not None:
        conditions.append(_holds(e.info, query.info))
    if query.start_ms is not None:
        conditions.append(e.occur_ms >= _bounded(query.start_ms))
    if query.end_ms is not None:
        conditions.append(e.occur_ms <= _bounded(query.end_ms))
    return conditions


def _bounded(number: int) -> int:
    return min(max(number, -_BIGGEST), _BIGGEST)


@cache
def heads(*, one: bool, of_project: bool) -> Select[Any]:
    """Each service beside its active rollout, its counter, and the number of its last revision; the one that is
    `:service_id`, those of `:project_id`. What is asked at every look is built once: that costs more than to run
    it."""
    s, o, r = services.c, rollouts.c, revisions.c
    active = and_(o.service_id == s.id, o.state.in_(ACTIVE_STATES))
    there = services.outerjoin(rollouts, active).outerjoin(counters, counters.c.service_id == s.id)
    last = select(func.max(r.number)).where(r.service_id == s.id).scalar_subquery().label("last_revision")
    statement = select(services, rollouts, counters, last).select_from(there).order_by(s.id)
    if one:
        statement = statement.where(s.id == bindparam("service_id"))
    return statement.where(s.project_id == bindparam("project_id")) if of_project else statement


def _of_project(column: ColumnElement[str]) -> ColumnElement[bool]:
    return column.in_(select(services.c.id).where(services.c.project_id == bindparam("project_id")))


@cache
def running(*, one: bool, of_project: bool) -> Select[Any]:
    """Instances, of all services, of `:service_id`, of those of `:project_id`."""
    i = instances.c
    statement = select(instances).order_by(i.started_ms, i.id)
    if one:
        statement = statement.where(i.service_id == bindparam("service_id"))
    return statement.where(_of_project(i.service_id)) if of_project else statement


@cache
def mentioned_revisions(*, one: bool, of_project: bool) -> Select[Any]:
    """The revisions that a service, its active rollout, its instances and those tasks mention that may go on or
    have left something to remove; of every service, of `:service_id`, of those of `:project_id`."""
    pairs = _mentioned(bindparam("service_id") if one else None)
    statement = select(revisions).join(
        pairs, and_(revisions.c.service_id == pairs.c.service_id, revisions.c.number == pairs.c.number)
    )
    return statement.where(_of_project(revisions.c.service_id)) if of_project else statement


@cache
def latest_tasks(*, some: bool) -> Select[Any]:
    """The newest task of each service, or of each of `:service_ids`."""
    t, newer = batch_tasks.c, batch_tasks.alias("newer")
    newest = select(func.max(newer.c.number)).where(newer.c.service_id == t.service_id).scalar_subquery()
    statement = select(batch_tasks).where(t.number == newest).order_by(t.service_id)
    return statement.where(t.service_id.in_(bindparam("service_ids", expanding=True))) if some else statement


@cache
def newest_rollouts(*, of_project: bool) -> Select[Any]:
    """The newest rollout of each service, or of each of `:project_id`."""
    o, newer = rollouts.c, rollouts.alias("newer")
    newest = select(func.max(newer.c.seq)).where(newer.c.service_id == o.service_id).scalar_subquery()
    statement = select(rollouts).where(o.seq == newest).order_by(o.service_id)
    return statement.where(_of_project(o.service_id)) if of_project else statement


def outdated_revisions(table: Table, service_id: str, up_to: int) -> Delete:
    """Deletes the rows in `table` of the revisions up to a number, except those that are still mentioned."""
    t = table.c
    mentioned = select(_mentioned(service_id).c.number)
    return delete(table).where(t.service_id == service_id, t.number <= up_to, t.number.not_in(mentioned))


def outdated_rollouts(service_id: str, kept: int) -> Delete:
    """Deletes all but the last `kept` and the active one."""
    o, newer = rollouts.c, rollouts.alias()
    last = select(func.max(newer.c.seq)).where(newer.c.service_id == service_id).scalar_subquery()
    return delete(rollouts).where(o.service_id == service_id, o.seq <= last - kept, o.state.not_in(ACTIVE_STATES))


def _mentioned(service_id: str | BindParameter[Any] | None) -> Subquery:
    """Pairs (service_id, number)."""
    s, o, i, t = services.c, rollouts.c, instances.c, batch_tasks.c
    active, unremoved = o.state.in_(ACTIVE_STATES), t.finished_ms.is_(None)
    parts = [
        select(s.id.label("service_id"), s.revision.label("number")),
        select(s.id, s.stable).where(s.stable.is_not(None)),
        select(o.service_id, o.target).where(active),
        select(o.service_id, o.base).where(active, o.base.is_not(None)),
        select(i.service_id, i.revision),
        select(t.service_id, t.revision).where(t.state != FINISHED, or_(t.state != SUPERSEDED, unremoved)),
    ]
    if service_id is not None:
        owners = (s.id, s.id, o.service_id, o.service_id, i.service_id, t.service_id)
        parts = [part.where(owner == service_id) for part, owner in zip(parts, owners, strict=True)]
    return union(*parts).subquery("mentioned")


def users_of_model(model_id: str) -> Select[Any]:
    """Names of services whose present or stable revision, or an active rollout, uses the model."""
    s, r, o = services.c, revision_models.c, rollouts.c
    in_rollout = exists().where(
        o.service_id == r.service_id,
        o.state.in_(ACTIVE_STATES),
        or_(o.target == r.number, o.base == r.number),
    )
    return (
        select(s.name)
        .join(revision_models, r.service_id == s.id)
        .where(r.model_id == model_id, or_(r.number == s.revision, r.number == s.stable, in_rollout))
        .distinct()
        .order_by(s.name)
    )
