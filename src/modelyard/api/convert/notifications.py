"""Topics, subscriptions and deliveries, as callers read them."""

from collections.abc import Sequence

from modelyard.api.schemas import notifications as wire
from modelyard.core.envelopes import time_text
from modelyard.domain.notifications import Dispatch, Subscription, Topic
from modelyard.store.notifications import DeliveryQuery, Window

DEFAULT_LIMIT = 1000


def window(offset: int | None, limit: int | None) -> Window:
    """Of SMN: `offset` is the first row."""
    return Window(offset or 0, limit or wire.ROWS)


def page_window(offset: int | None, limit: int | None) -> Window:
    """Of the rest of the API: `offset` is a page index (contract §1.7)."""
    rows = limit or DEFAULT_LIMIT
    return Window((offset or 0) * rows, rows)


def topic(one: Topic, request_id: str | None = None) -> wire.TopicShown:
    return wire.TopicShown(
        request_id=request_id,
        topic_urn=one.urn,
        topic_id=one.urn,
        name=one.name,
        display_name=one.display_name,
        push_policy=0,
        create_time=time_text(one.created_ms),
        update_time=time_text(one.updated_ms),
    )


def topics(request_id: str, total: int, shown: Sequence[Topic]) -> wire.TopicPage:
    return wire.TopicPage(
        request_id=request_id,
        topic_count=total,
        total_count=total,
        count=len(shown),
        topics=[topic(one) for one in shown],
    )


def subscription(one: Subscription) -> wire.SubscriptionShown:
    return wire.SubscriptionShown(
        subscription_urn=one.urn,
        topic_urn=one.topic_urn,
        protocol=one.protocol,
        endpoint=one.endpoint,
        owner=one.project_id,
        remark=one.remark,
        status=one.status.value,
        format=one.format,
        created_at=one.created_ms,
    )


def subscriptions(request_id: str, total: int, shown: Sequence[Subscription]) -> wire.SubscriptionPage:
    return wire.SubscriptionPage(
        request_id=request_id,
        subscription_count=total,
        total_count=total,
        count=len(shown),
        subscriptions=[subscription(one) for one in shown],
    )


def query(project_id: str, asked: wire.DeliveryList | wire.Redeliver) -> DeliveryQuery:
    return DeliveryQuery(
        project_id=project_id,
        topic_urn=asked.topic_urn,
        subscription_urn=asked.subscription_urn,
        service_id=asked.service_id,
        message_id=asked.message_id,
    )


def delivery(one: Dispatch) -> wire.DeliveryShown:
    return wire.DeliveryShown(
        message_id=one.message.id,
        topic_urn=one.message.topic_urn,
        subscription_urn=one.subscription.urn,
        protocol=one.subscription.protocol,
        endpoint=one.subscription.endpoint,
        type=one.message.type.value,
        subject=one.message.subject,
        service_id=one.message.service_id or None,
        state=one.delivery.state,
        attempts=one.delivery.attempts,
        error=one.delivery.error or None,
        published_at=one.message.created_ms,
        ended_at=one.delivery.ended_ms,
    )


def deliveries(total: int, shown: Sequence[Dispatch]) -> wire.DeliveryPage:
    return wire.DeliveryPage(total_count=total, count=len(shown), deliveries=[delivery(one) for one in shown])
