"""Topics, subscriptions, messages and their deliveries: statements.

The endpoint of a subscription is sealed with its secret: addresses of webhooks and of chats carry keys. So is the
token that confirms it, which is sent at every try and so is no hash; rows from before schema 0011 have it in the
clear, until the store is opened (`seal_tokens`).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, exists, func, insert, literal, or_, select, tuple_, update
from sqlalchemy import true as sql_true
from sqlalchemy.ext.asyncio import AsyncConnection

from modelyard.domain.notifications import (
    Backlog,
    Delivery,
    DeliveryState,
    Dispatch,
    Lane,
    Message,
    MessageType,
    Occurrence,
    Subscription,
    SubscriptionStatus,
    Topic,
)
from modelyard.store.notifications import EVERYBODYS, Again, DeliveryQuery, Redelivered, Window
from modelyard.store.sql import queries
from modelyard.store.sql.convert import from_json, to_json
from modelyard.store.sql.notification_tables import deliveries, messages, subscriptions, topics
from modelyard.store.sql.secrets import SecretBox
from modelyard.store.sql.session import Session, part

WAITING, DELIVERED, DEAD = (state.value for state in DeliveryState)
OPEN = (SubscriptionStatus.CONFIRMED.value, SubscriptionStatus.UNNECESSARY.value)

_DELIVERY, _MESSAGE, _SUBSCRIPTION, _TOPIC = deliveries.c, messages.c, subscriptions.c, topics.c
_ALL = deliveries.join(messages, _MESSAGE.number == _DELIVERY.number).join(
    subscriptions, _SUBSCRIPTION.urn == _DELIVERY.subscription_urn
)
_UNLISTED: Mapping[str, Any] = {"text": "", "texts": {}, "facts": {}}
_LISTED = [column for column in _MESSAGE if column.name not in _UNLISTED]
_BIGGEST = 2**63 - 1


def _topic(row: Any) -> Topic:
    return Topic(
        project_id=row.project_id,
        urn=row.urn,
        name=row.name,
        display_name=row.display_name,
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
    )


def _topic_row(value: Topic) -> Mapping[str, Any]:
    return {
        "urn": value.urn,
        "project_id": value.project_id,
        "name": value.name,
        "display_name": value.display_name,
        "created_ms": value.created_ms,
        "updated_ms": value.updated_ms,
    }


def _owner(urn: str) -> str:
    return f"subscription {urn}"


def _subscription(row: Any, box: SecretBox) -> Subscription:
    opened: Any = from_json(box.open(_owner(row.urn), row.sealed))
    endpoint, secret, address, *of_token = opened
    return Subscription(
        urn=row.urn,
        topic_urn=row.topic_urn,
        project_id=row.project_id,
        protocol=row.protocol,
        endpoint=endpoint,
        status=SubscriptionStatus(row.status),
        remark=row.remark,
        format=row.format,
        secret=secret,
        address=address,
        token=of_token[0] if of_token else row.token,
        confirm_until_ms=row.confirm_until_ms,
        created_ms=row.created_ms,
    )


def _subscription_row(value: Subscription, box: SecretBox) -> Mapping[str, Any]:
    return {
        "urn": value.urn,
        "topic_urn": value.topic_urn,
        "project_id": value.project_id,
        "protocol": value.protocol,
        "status": value.status.value,
        "remark": value.remark,
        "format": value.format,
        "sealed": box.seal(_owner(value.urn), to_json([value.endpoint, value.secret, value.address, value.token])),
        "token": "",
        "confirm_until_ms": value.confirm_until_ms,
        "created_ms": value.created_ms,
    }


async def seal_tokens(connection: AsyncConnection, box: SecretBox) -> int:
    """Seal the tokens that were stored in the clear; returns how many there were."""
    rows = (await connection.execute(select(subscriptions).where(_SUBSCRIPTION.token != ""))).all()
    for row in rows:
        values = _subscription_row(_subscription(row, box), box)
        await connection.execute(update(subscriptions).where(_SUBSCRIPTION.urn == row.urn).values(values))
    return len(rows)


def _message(row: Any) -> Message:
    return Message(
        id=row.id,
        project_id=row.project_id,
        topic_urn=row.topic_urn,
        subject=row.subject,
        text=row.text,
        created_ms=row.created_ms,
        service_id=row.service_id,
        occurrence=None if row.occurrence is None else Occurrence(row.occurrence),
        facts=row.facts,
        type=MessageType(row.type),
        texts=row.texts,
        expires_ms=row.expires_ms,
        number=row.number,
    )


def _listed(row: Row[Any]) -> Message:
    return _message(SimpleNamespace(**_UNLISTED, **{one.name: row._mapping[one] for one in _LISTED}))


def _message_row(value: Message) -> Mapping[str, Any]:
    return {
        "id": value.id,
        "project_id": value.project_id,
        "topic_urn": value.topic_urn,
        "service_id": value.service_id,
        "occurrence": None if value.occurrence is None else value.occurrence.value,
        "subject": value.subject,
        "text": value.text,
        "facts": dict(value.facts),
        "type": value.type.value,
        "texts": dict(value.texts),
        "created_ms": value.created_ms,
        "expires_ms": value.expires_ms,
    }


def _delivery(row: Any, message_id: str) -> Delivery:
    return Delivery(
        message_id=message_id,
        subscription_urn=row.subscription_urn,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        since_ms=row.since_ms,
        due_ms=row.due_ms,
        error=row.error,
        ended_ms=row.ended_ms,
    )


def _delivery_row(value: Delivery) -> Mapping[str, Any]:
    """What a try changes."""
    return {
        "state": value.state.value,
        "attempts": value.attempts,
        "since_ms": value.since_ms,
        "due_ms": value.due_ms,
        "error": value.error,
        "ended_ms": value.ended_ms,
    }


def _in(lane: Lane) -> tuple[ColumnElement[bool], ...]:
    return _DELIVERY.subscription_urn == lane.subscription_urn, _DELIVERY.service_id == lane.service_id


def _conditions(query: DeliveryQuery) -> Sequence[ColumnElement[bool]]:
    asked: tuple[tuple[ColumnElement[Any], object], ...] = (
        (_MESSAGE.project_id, query.project_id),
        (_MESSAGE.topic_urn, query.topic_urn),
        (_DELIVERY.subscription_urn, query.subscription_urn),
        (_DELIVERY.service_id, query.service_id),
        (_MESSAGE.id, query.message_id),
        (_DELIVERY.state, None if query.state is None else query.state.value),
    )
    return [sql_true(), *(column == wanted for column, wanted in asked if wanted is not None)]


class NotificationReading(Session):
    async def topic(self, project_id: str | None, urn: str) -> Topic | None:
        statement = select(topics).where(_TOPIC.urn == urn)
        if project_id is not None:
            statement = statement.where(_TOPIC.project_id.in_((project_id, EVERYBODYS)))
        row = await self._row(statement)
        return None if row is None else _topic(row)

    async def topic_named(self, project_id: str, name: str) -> Topic | None:
        row = await self._row(select(topics).where(_TOPIC.project_id == project_id, _TOPIC.name == name))
        return None if row is None else _topic(row)

    async def topics(self, project_id: str, window: Window) -> tuple[int, Sequence[Topic]]:
        conditions = (_TOPIC.project_id == project_id,)
        total = int(await self._value(queries.counted(topics, conditions)))
        statement = select(topics).where(*conditions).order_by(_TOPIC.created_ms, _TOPIC.urn)
        return total, [_topic(row) for row in await self._rows(_windowed(statement, window))]

    async def subscription(self, project_id: str | None, urn: str) -> Subscription | None:
        statement = select(subscriptions).where(_SUBSCRIPTION.urn == urn)
        if project_id is not None:
            statement = statement.where(_SUBSCRIPTION.project_id == project_id)
        return self._opened(await self._row(statement))

    def _opened(self, row: Row[Any] | None) -> Subscription | None:
        return None if row is None else _subscription(row, self._box)

    async def subscriptions(
        self, project_id: str, topic_urn: str | None, window: Window
    ) -> tuple[int, Sequence[Subscription]]:
        conditions = [_SUBSCRIPTION.project_id == project_id]
        if topic_urn is not None:
            conditions.append(_SUBSCRIPTION.topic_urn == topic_urn)
        total = int(await self._value(queries.counted(subscriptions, conditions)))
        statement = select(subscriptions).where(*conditions)
        statement = statement.order_by(_SUBSCRIPTION.created_ms, _SUBSCRIPTION.urn)
        return total, [_subscription(row, self._box) for row in await self._rows(_windowed(statement, window))]

    async def message(self, project_id: str | None, message_id: str) -> Message | None:
        statement = select(messages).where(_MESSAGE.id == message_id)
        if project_id is not None:
            statement = statement.where(_MESSAGE.project_id == project_id)
        row = await self._row(statement)
        return None if row is None else _message(row)

    async def deliveries(self, query: DeliveryQuery, window: Window) -> tuple[int, Sequence[Dispatch]]:
        conditions = _conditions(query)
        total = int(await self._value(select(func.count()).select_from(_ALL).where(*conditions)))
        statement = select(deliveries, *_LISTED, subscriptions).select_from(_ALL).where(*conditions)
        statement = statement.order_by(_DELIVERY.number.desc(), _DELIVERY.subscription_urn)
        rows = await self._rows(_windowed(statement, window))
        return total, [self._dispatch(row, _listed(row)) for row in rows]

    async def lanes(self) -> Sequence[Lane]:
        of = (_DELIVERY.subscription_urn, _DELIVERY.service_id)
        statement = select(*of).where(_DELIVERY.state == WAITING).distinct().order_by(*of)
        return [Lane(row.subscription_urn, row.service_id) for row in await self._rows(statement)]

    async def head(self, lane: Lane) -> Dispatch | None:
        statement = select(deliveries, messages, subscriptions).select_from(_ALL)
        statement = statement.where(_DELIVERY.state == WAITING, *_in(lane))
        row = await self._row(statement.order_by(_DELIVERY.number).limit(1))
        return None if row is None else self._dispatch(row, _message(part(row, messages)))

    async def backlog(self) -> Backlog:
        waiting, dead = [
            int(await self._value(queries.counted(deliveries, (_DELIVERY.state == state,))))
            for state in (WAITING, DEAD)
        ]
        oldest = select(func.min(_MESSAGE.created_ms)).select_from(_ALL).where(_DELIVERY.state == WAITING)
        return Backlog(waiting, dead, await self._value(oldest) if waiting else None)

    async def published(self, project_id: str, most: int) -> int:
        some = select(_MESSAGE.number).where(*_published(project_id)).limit(most)
        return int(await self._value(select(func.count()).select_from(some.subquery())))

    async def undelivered(self, project_id: str) -> int:
        kept = select(func.count()).select_from(messages).where(*_published(project_id))
        return int(await self._value(kept.where(or_(_has(WAITING), _has(DEAD)))))

    def _dispatch(self, row: Row[Any], message: Message) -> Dispatch:
        subscription = _subscription(part(row, subscriptions), self._box)
        return Dispatch(subscription, message, _delivery(part(row, deliveries), message.id))


class NotificationWriting(NotificationReading):
    async def add_topic(self, topic: Topic) -> None:
        await self._add(insert(topics).values(_topic_row(topic)), "topic", topic.name)

    async def save_topic(self, topic: Topic) -> None:
        await self._save(topics, _topic_row(topic), "topic", topic.name)

    async def delete_topic(self, urn: str) -> bool:
        return await self._run(delete(topics).where(_TOPIC.urn == urn)) > 0

    async def add_subscription(self, subscription: Subscription) -> None:
        row = _subscription_row(subscription, self._box)
        await self._add(insert(subscriptions).values(row), "subscription", subscription.urn)

    async def save_subscription(self, subscription: Subscription) -> None:
        await self._upsert(subscriptions, [_subscription_row(subscription, self._box)])

    async def delete_subscription(self, urn: str) -> bool:
        return await self._run(delete(subscriptions).where(_SUBSCRIPTION.urn == urn)) > 0

    async def add_message(self, message: Message, now_ms: int, *, to: str | None = None) -> Sequence[Lane] | None:
        if await self.topic(message.project_id, message.topic_urn) is None:
            return None
        added = insert(messages).values(_message_row(message)).returning(_MESSAGE.number)
        number = int(await self._value(added))
        whose = _SUBSCRIPTION.status.in_(OPEN) if to is None else _SUBSCRIPTION.urn == to
        statement = select(_SUBSCRIPTION.urn).where(_SUBSCRIPTION.topic_urn == message.topic_urn, whose)
        statement = statement.order_by(_SUBSCRIPTION.urn)
        urns = [row.urn for row in await self._rows(statement)]
        if urns:
            first = _delivery_row(Delivery(message.id, "", since_ms=now_ms))
            shared = {"number": number, "service_id": message.service_id, **first}
            await self._run(insert(deliveries), [{"subscription_urn": urn, **shared} for urn in urns])
        return [Lane(urn, message.service_id) for urn in urns]

    async def conclude(self, before: Delivery, after: Delivery) -> bool:
        number = select(_MESSAGE.number).where(_MESSAGE.id == before.message_id).scalar_subquery()
        same = (
            _DELIVERY.subscription_urn == before.subscription_urn,
            _DELIVERY.number == number,
            _DELIVERY.state == before.state.value,
            _DELIVERY.attempts == before.attempts,
            _DELIVERY.since_ms == before.since_ms,
        )
        return await self._run(update(deliveries).where(*same).values(_delivery_row(after))) > 0

    async def give_up(self, lane: Lane, since_ms: int | None, error: str, ended_ms: int) -> int:
        statement = update(deliveries).where(_DELIVERY.state == WAITING, *_in(lane))
        if since_ms is not None:
            statement = statement.where(_DELIVERY.since_ms <= since_ms)
        return await self._run(statement.values(state=DEAD, error=error, ended_ms=ended_ms))

    async def died_before(self, dispatch: Dispatch) -> bool:
        statement = select(_DELIVERY.state).where(
            *_in(dispatch.lane), _DELIVERY.number < dispatch.message.number, _DELIVERY.state != WAITING
        )
        return bool(await self._value(statement.order_by(_DELIVERY.number.desc()).limit(1)) == DEAD)

    async def make_room(self, project_id: str, count: int) -> int:
        old = select(_MESSAGE.number).where(*_published(project_id), ~_has(WAITING), ~_has(DEAD))
        old = old.order_by(_MESSAGE.number).limit(count)
        return await self._run(delete(messages).where(_MESSAGE.number.in_(old)))

    async def redeliver(self, query: DeliveryQuery, again: Again) -> Redelivered:
        lasting = or_(_MESSAGE.expires_ms.is_(None), _MESSAGE.expires_ms > again.wall_ms)
        wanted = or_(_SUBSCRIPTION.status.in_(OPEN), _MESSAGE.type != MessageType.NOTIFICATION.value)
        place = tuple_(_DELIVERY.number, _DELIVERY.subscription_urn)
        asked = (
            select(_DELIVERY.number, _DELIVERY.subscription_urn, _DELIVERY.service_id)
            .select_from(_ALL)
            .where(*_conditions(query), lasting, wanted, _DELIVERY.state != DELIVERED)
            .order_by(_DELIVERY.number, _DELIVERY.subscription_urn)
            .limit(again.most)
        )
        if again.after is not None:
            asked = asked.where(place > tuple_(*map(literal, again.after)))
        rows = await self._rows(asked)
        if not rows:
            return Redelivered({})
        batch = asked.subquery()
        of_batch = place.in_(select(batch.c.number, batch.c.subscription_urn))
        waits = {"attempts": 0, "since_ms": again.now_ms, "due_ms": 0, "error": "", "ended_ms": None}
        for state, values in ((WAITING, {"due_ms": 0}), (DEAD, {"state": WAITING, **waits})):
            await self._run(update(deliveries).where(of_batch, _DELIVERY.state == state).values(values))
        last = (rows[-1].number, rows[-1].subscription_urn) if len(rows) == again.most else None
        return Redelivered(Counter(Lane(row.subscription_urn, row.service_id) for row in rows), last)

    async def prune(self, delivered_ms: int, dead_ms: int) -> int:
        old = or_(
            and_(_MESSAGE.created_ms < delivered_ms, ~_has(DEAD)),
            _MESSAGE.created_ms < dead_ms,
        )
        return await self._run(delete(messages).where(old, ~_has(WAITING)))


def _has(state: str) -> ColumnElement[bool]:
    """Whether a message has such a delivery."""
    return exists().where(_DELIVERY.number == _MESSAGE.number, _DELIVERY.state == state)


def _published(project_id: str) -> Sequence[ColumnElement[bool]]:
    notification = _MESSAGE.type == MessageType.NOTIFICATION.value
    return _MESSAGE.project_id == project_id, _MESSAGE.service_id == "", notification


def _windowed(statement: Any, window: Window) -> Any:
    limit, skip = min(max(window.limit, 0), _BIGGEST), min(max(window.skip, 0), _BIGGEST)
    return statement.limit(limit).offset(skip)
