"""The settings of a service, read from what its caller wrote. Pure.

Reads `Service.attributes` once, when a request is admitted and when a row is loaded; decisions use the values.
Total: whatever is stored is read, and what is not understood means as little as if it were absent. What may be
written in the first place is judged by `core.admission`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from modelyard.core import schedule
from modelyard.core.admission import properties
from modelyard.domain.routing import (
    DEFAULT_MAX_BODY_BYTES,
    DEFAULT_TIMEOUT_S,
    AccessLog,
    Attempts,
    LoadBalancer,
    LoggedCalls,
    TrafficLimit,
)
from modelyard.domain.service import Service
from modelyard.domain.settings import LogChannel, Notification, RequestLimits, ServiceSettings

DEFAULT = ServiceSettings()
POLICIES: Mapping[object, LoadBalancer] = {policy.value: policy for policy in LoadBalancer}


def parsed(attributes: Mapping[str, object]) -> ServiceSettings:
    """What the attributes mean."""
    if not attributes:
        return DEFAULT
    said = _mapping(attributes.get(properties.PROPERTIES))
    return ServiceSettings(
        load_balancer=_load_balancer(attributes.get(properties.LOAD_BALANCER)),
        requests=_requests(_mapping(said.get("request_limit"))),
        traffic_limit=_traffic_limit(_mapping(said.get("traffic_limit"))),
        websocket=said.get("websocket_upgrade") is True,
        access_log=_access_log(_mapping(said.get("access_log"))),
        auto_stop_s=_auto_stop_s(attributes.get(schedule.SCHEDULE)),
        notifications=tuple(_notifications(said.get("smn_notification"))),
        log_channels=tuple(_log_channels(said.get("log_report_channels"))),
        pool_name=_text(attributes.get("pool_name")),
        cluster_id=_text(attributes.get("cluster_id")),
    )


def keeping(service: Service, attributes: Mapping[str, object]) -> Service:
    """The service with these attributes, and the settings that they mean."""
    return replace(service, attributes=attributes, settings=parsed(attributes))


def _load_balancer(policy: object) -> LoadBalancer:
    return POLICIES.get(policy, DEFAULT.load_balancer) if isinstance(policy, str) else DEFAULT.load_balancer


def _requests(limit: Mapping[str, object]) -> RequestLimits:
    timeout, size = limit.get("timeout_seconds"), limit.get("max_body_bytes")
    twice, seconds = limit.get("attempts") != 1, limit.get("attempt_seconds")
    return RequestLimits(
        timeout_s=float(timeout) if isinstance(timeout, int | float) else DEFAULT_TIMEOUT_S,
        max_body_bytes=size if isinstance(size, int) else DEFAULT_MAX_BODY_BYTES,
        attempts=Attempts(twice, float(seconds) if twice and isinstance(seconds, int | float) else None),
    )


def _traffic_limit(limit: Mapping[str, object]) -> TrafficLimit | None:
    num, period_s = limit.get("num"), properties.UNITS_S.get(str(limit.get("unit")))
    return TrafficLimit(num, period_s) if isinstance(num, int) and period_s is not None else None


def _access_log(said: Mapping[str, object]) -> AccessLog | None:
    mode, share = said.get("mode"), said.get("share")
    if mode not in properties.ACCESS_MODES:
        return None
    calls = LoggedCalls(str(mode))
    if calls is not LoggedCalls.SAMPLED:
        return AccessLog(calls)
    known = isinstance(share, int | float) and not isinstance(share, bool) and 0 < share <= 1
    return AccessLog(calls, float(share)) if known and isinstance(share, int | float) else None


def _auto_stop_s(entries: object) -> int | None:
    spans = []
    for entry in _mappings(entries):
        duration, unit_s = entry.get("duration"), schedule.UNITS_S.get(str(entry.get("time_unit")))
        if isinstance(duration, int) and unit_s is not None:
            spans.append(duration * unit_s)
    return min(spans, default=None)


def _notifications(value: object) -> Iterator[Notification]:
    """One, or a map of any keys to such objects."""
    said = _mapping(value)
    alone = "topic_urn" in said or "events" in said
    for one in (said,) if alone else said.values():
        urn, events = _mapping(one).get("topic_urn"), _mapping(one).get("events")
        if isinstance(urn, str) and isinstance(events, list):
            yield Notification(urn, frozenset(event for event in events if isinstance(event, int)))


def _log_channels(value: object) -> Iterator[LogChannel]:
    for channel in _mappings(value):
        where = _mapping(channel.get("configuration"))
        yield LogChannel(_text(where.get("log_group_id")) or "", _text(where.get("log_stream_id")) or "")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: object) -> Iterator[Mapping[str, object]]:
    return (one for one in (value if isinstance(value, list) else ()) if isinstance(one, Mapping))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
