"""Services, revisions, rollouts, instances, events and counters: statements."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Text, cast, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from modelyard.domain.devices import Grant, Holding
from modelyard.domain.errors import AlreadyExists
from modelyard.domain.instance import HOLDING, Instance, Phase
from modelyard.domain.record import Changes, ServiceRecord
from modelyard.domain.revision import Revision
from modelyard.domain.service import Counter, Event, Rollout, Service
from modelyard.store.services import EventQuery, ServiceQuery
from modelyard.store.sql import convert, queries, sealing
from modelyard.store.sql.secrets import SecretBox
from modelyard.store.sql.session import Session, chunks, part
from modelyard.store.sql.tables import (
    counters,
    events,
    instances,
    revision_models,
    revisions,
    rollouts,
    services,
)

EVENTS_KEPT = 1000
"""Per service, the newest."""

EVENTS_BETWEEN = 32
"""Older ones are deleted when an event gets a number that this divides. So most writes cost one statement less,
and a service has some tens more for a while."""

HISTORY_KEPT = 200
"""Revisions, and rollouts, of a service: the newest, and whatever is still mentioned or active."""


async def seal_all(connection: AsyncConnection, box: SecretBox) -> int:
    """Seal the revisions that were stored in the clear (`sealing`); returns how many there were."""
    r = revisions.c
    clear = cast(r.variants, Text).like("[%")
    rows = (await connection.execute(select(r.service_id, r.number).where(clear))).all()
    for service_id, number in rows:
        this = (r.service_id == service_id, r.number == number)
        stored = (await connection.execute(select(r.variants).where(*this))).scalar_one()
        values = sealing.sealed(box, service_id, number, stored)
        await connection.execute(update(revisions).where(*this).values(variants=values))
    return len(rows)


class ServiceReading(Session):
    async def service(self, project_id: str | None, service_id: str) -> Service | None:
        statement = select(services).where(services.c.id == service_id)
        if project_id is not None:
            statement = statement.where(services.c.project_id == project_id)
        row = await self._row(statement)
        return None if row is None else convert.service(row)

    async def service_named(self, project_id: str, name: str) -> Service | None:
        s = services.c
        row = await self._row(select(services).where(s.project_id == project_id, s.name == name))
        return None if row is None else convert.service(row)

    async def services(self, project_id: str | None, query: ServiceQuery) -> tuple[int, Sequence[Service]]:
        conditions = queries.service_conditions(project_id, query)
        total = int(await self._value(queries.counted(services, conditions)))
        order = queries.service_order(query.page)
        rows = await self._rows(queries.paged(services, conditions, query.page, order, services.c.id))
        return total, [convert.service(row) for row in rows]

    async def count_services(self, project_id: str, infer_type: str) -> int:
        s = services.c
        conditions = (s.project_id == project_id, s.infer_type == infer_type)
        return int(await self._value(queries.counted(services, conditions)))

    async def service_ids(self) -> Sequence[str]:
        return [row.id for row in await self._rows(select(services.c.id).order_by(services.c.id))]

    async def revision(self, service_id: str, number: int) -> Revision | None:
        r = revisions.c
        row = await self._row(select(revisions).where(r.service_id == service_id, r.number == number))
        return None if row is None else convert.revision(row, self._box)

    async def revisions(self, service_id: str) -> Sequence[Revision]:
        r = revisions.c
        rows = await self._rows(select(revisions).where(r.service_id == service_id).order_by(r.number.desc()))
        return [convert.revision(row, self._box) for row in rows]

    async def rollouts(self, service_id: str) -> Sequence[Rollout]:
        o = rollouts.c
        rows = await self._rows(select(rollouts).where(o.service_id == service_id).order_by(o.seq.desc()))
        return [convert.rollout(row) for row in rows]

    async def newest_rollouts(self, project_id: str | None = None) -> Sequence[Rollout]:
        statement = queries.newest_rollouts(of_project=project_id is not None)
        return [convert.rollout(row) for row in await self._rows(statement, {"project_id": project_id})]

    async def record(self, service_id: str, project_id: str | None = None) -> ServiceRecord | None:
        counted = await self.counted_record(service_id, project_id)
        return None if counted is None else counted[0]

    async def counted_record(
        self, service_id: str, project_id: str | None = None
    ) -> tuple[ServiceRecord, Counter] | None:
        records = await self._records(service_id, project_id)
        return records[0] if records else None

    async def records(self, project_id: str | None = None) -> Sequence[ServiceRecord]:
        return [record for record, _ in await self._records(None, project_id)]

    async def _records(
        self, service_id: str | None, project_id: str | None = None
    ) -> Sequence[tuple[ServiceRecord, Counter]]:
        """In three statements, whether of one service, of a project or of all: services with their active rollout,
        counter and highest revision; the revisions that are mentioned; instances."""
        one, asked = service_id is not None, {"service_id": service_id, "project_id": project_id}
        whole = project_id is not None and not one
        heads = await self._rows(queries.heads(one=one, of_project=project_id is not None), asked)
        if not heads:
            return []
        numbered: defaultdict[str, dict[int, Revision]] = defaultdict(dict)
        for row in await self._rows(queries.mentioned_revisions(one=one, of_project=whole), asked):
            numbered[row.service_id][row.number] = convert.revision(row, self._box)
        running: defaultdict[str, list[Instance]] = defaultdict(list)
        for row in await self._rows(queries.running(one=one, of_project=whole), asked):
            running[row.service_id].append(convert.instance(row))
        records = []
        for row in heads:
            service, rollout, counter = convert.service(row), part(row, rollouts), part(row, counters)
            record = ServiceRecord(
                service=service,
                revisions=numbered[service.id],
                rollout=None if rollout.id is None else convert.rollout(rollout),
                instances=tuple(running[service.id]),
                last_revision=row.last_revision or 0,
            )
            records.append((record, Counter() if counter.epoch is None else convert.counter(counter)))
        return records

    async def holdings(self) -> Sequence[Holding]:
        i = instances.c
        rows = await self._rows(select(i.id, i.phase, i.devices).where(i.devices.is_not(None)))
        return [Holding(row.id, convert.grants(row.devices), Phase(row.phase) in HOLDING) for row in rows]

    async def events(self, service_id: str, query: EventQuery) -> tuple[int, Sequence[Event]]:
        conditions = queries.event_conditions(service_id, query)
        total = int(await self._value(queries.counted(events, conditions)))
        rows = await self._rows(queries.paged(events, conditions, query.page, events.c.occur_ms, events.c.id))
        return total, [convert.event(row) for row in rows]

    async def counters(self, service_ids: Sequence[str] | None = None) -> Mapping[str, Counter]:
        rows: list[Row[Any]] = []
        if service_ids is None:
            rows.extend(await self._rows(select(counters)))
        else:
            for some in chunks(service_ids):
                rows.extend(await self._rows(select(counters).where(counters.c.service_id.in_(some))))
        return {row.service_id: convert.counter(row) for row in rows}


class ServiceWriting(ServiceReading):
    async def add_service(self, service: Service) -> None:
        await self._add(insert(services).values(convert.service_row(service)), "service", service.name)

    async def save_service(self, service: Service) -> None:
        await self._save(services, convert.service_row(service), "service", service.name)

    async def add_revision(self, revision: Revision) -> None:
        name = f"{revision.service_id} revision {revision.number}"
        await self._add(insert(revisions).values(convert.revision_row(revision, self._box)), "revision", name)
        used = dict.fromkeys(variant.model_id for variant in revision.variants)
        key = {"service_id": revision.service_id, "number": revision.number}
        await self._upsert(revision_models, [{**key, "model_id": model_id} for model_id in used])
        if (up_to := revision.number - HISTORY_KEPT) > 0:
            for table in (revision_models, revisions):
                await self._run(queries.outdated_revisions(table, revision.service_id, up_to))

    async def save_rollout(self, rollout: Rollout) -> None:
        o = rollouts.c
        next_seq = (
            select(func.coalesce(func.max(o.seq), 0) + 1)
            .where(o.service_id == rollout.service_id)
            .scalar_subquery()
        )
        row = {**convert.rollout_row(rollout), "seq": next_seq}
        insertion = self._dialect.insert(rollouts).values(row)
        changed = {name: insertion.excluded[name] for name in row if name not in ("id", "service_id", "seq")}
        statement = insertion.on_conflict_do_update(index_elements=[o.id], set_=changed).returning(o.seq)
        try:
            seq = int(await self._value(statement))
        except IntegrityError as error:
            raise AlreadyExists("active rollout of service", rollout.service_id) from error
        if rollout.active and seq > HISTORY_KEPT:  # it may be a new one
            await self._run(queries.outdated_rollouts(rollout.service_id, HISTORY_KEPT))

    async def apply(self, service_id: str, changes: Changes) -> bool:
        version = await self._value(select(services.c.version).where(services.c.id == service_id))
        if version != changes.seen_version:
            return False
        if changes.delete_service:
            await self._run(delete(services).where(services.c.id == service_id))
            return True
        if changes.service is not None:
            await self.save_service(changes.service)
        for rollout in sorted(changes.rollouts, key=lambda rollout: rollout.active):
            await self.save_rollout(rollout)
        kept = [i for i in changes.instances if i.phase is not Phase.GONE]
        gone = [i.id for i in changes.instances if i.phase is Phase.GONE]
        await self._upsert(instances, [convert.instance_row(one) for one in kept], keep=frozenset({"devices"}))
        for some in chunks([*gone, *changes.forget_instances]):
            await self._run(
                delete(instances).where(instances.c.service_id == service_id, instances.c.id.in_(some))
            )
        await self.add_events(changes.events)
        return True

    async def grant_devices(self, instance_id: str, devices: Sequence[Grant]) -> bool:
        i = instances.c
        there = i.id == instance_id, i.phase == Phase.STARTING
        found = await self._value(
            update(instances).where(*there).values(devices=convert.grants_json(devices) or None).returning(i.id)
        )
        return found is not None

    async def save_counters(self, values: Mapping[str, Counter]) -> None:
        there = await self._existing(list(values))
        rows = [convert.counter_row(key, value) for key, value in values.items() if key in there]
        await self._upsert(counters, rows)

    async def add_events(self, values: Sequence[Event]) -> None:
        if not values:
            return
        e, rows = events.c, [convert.event_row(event) for event in values]
        numbers = [row.id for row in await self._rows(insert(events).returning(e.id), rows)]
        if not any(number % EVENTS_BETWEEN == 0 for number in numbers):
            return
        for service_id in {event.service_id for event in values}:
            oldest_kept = (
                select(e.id)
                .where(e.service_id == service_id)
                .order_by(e.id.desc())
                .limit(1)
                .offset(EVENTS_KEPT - 1)
                .scalar_subquery()
            )
            await self._run(delete(events).where(e.service_id == service_id, e.id < oldest_kept))

    async def _existing(self, service_ids: Sequence[str]) -> set[str]:
        """Those that still exist: a reading may come after a service was deleted."""
        there: set[str] = set()
        for some in chunks(list(dict.fromkeys(service_ids))):
            rows = await self._rows(select(services.c.id).where(services.c.id.in_(some)))
            there.update(row.id for row in rows)
        return there
