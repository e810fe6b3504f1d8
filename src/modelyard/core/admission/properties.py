"""Service-level properties (contract §2): what may be asked for, how they merge, which may never change again.

`Service.attributes` keeps them as the caller wrote them, so that a read returns what was sent; `core.settings`
reads what they mean. An absent key changes nothing; an empty object or array switches its feature off. Callers'
own keys are labels: kept, shown, bounded (every list answer contains them), and removed by null. What counts in
another place of the body is none of these (`places`), unless an earlier release kept it.

Extensions of ours, beside the vendor's keys:

    traffic_limit  {"num": 100, "unit": "SECOND"}                         requests per SECOND, MINUTE, HOUR or DAY
    request_limit  {"max_body_bytes": 1000000, "timeout_seconds": 5.5}    bounds of one request at the gateway
                   {"attempts": 2, "attempt_seconds": 1}                  and how often, and when, another instance
                                                                          is given it
    access_log     {"mode": "sampled", "share": 0.01}                     which calls are told of in the log:
                                                                          errors, all, or a share
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from modelyard.core.admission import places
from modelyard.domain.errors import Violation
from modelyard.domain.routing import DEFAULT_TIMEOUT_S
from modelyard.domain.texts import shown

PROPERTIES = "additional_properties"
LOAD_BALANCER = "load_balancer_policy"
PRIORITY = "priority"
SECRETS = "service_secrets"

KNOWN = (
    "smn_notification",
    "log_report_channels",
    "websocket_upgrade",
    "traffic_limit",
    "request_limit",
    "access_log",
)
OF_CALLERS = ("websocket_upgrade", "traffic_limit", "request_limit", "access_log")
"""What says something of requests at the gateway."""
OWN_KEYS = 32
OWN_KEY_CHARS = 64
OWN_DEPTH = 8
OWN_BYTES = 8 * 1024
"""How much callers may keep here beside the known keys; the size of all of it as JSON."""

TOPIC_URN = re.compile(r"urn:smn:[^:\s]+:[^:\s]+:[^:\s]+")
NOTIFIABLE = frozenset({1, 3, 7, 11})
"""failed, running, concerning, pending."""

UNITS_S: Mapping[str, int] = {"SECOND": 1, "MINUTE": 60, "HOUR": 3600, "DAY": 24 * 3600}
MAX_REQUESTS = 2**32 - 1
ACCESS_MODES = ("errors", "all", "sampled")
LEAST_SHARE = 0.000001
ID_MAX = 64
MOST_CHANNELS = 8


@dataclass(frozen=True, slots=True)
class Bounds:
    """The limits of `request_limit`, set by the administrator."""

    timeout_max_s: float = 3600.0
    max_body_max_bytes: int = 100 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Known:
    """What the service's properties are held against. `websocket`: any of its models may be able to serve one.
    `topics`: those that the project has, of those that are named."""

    websocket: bool = True
    topics: frozenset[str] = frozenset()


def merged(before: Mapping[str, object], sent: Mapping[str, object]) -> Mapping[str, object]:
    """`before`, updated with the top-level keys that were sent. Null removes own keys, and ignores known ones."""
    removed = {key for key, value in sent.items() if value is None and key not in KNOWN}
    after = {**before, **{key: value for key, value in sent.items() if value is not None}}
    return {key: value for key, value in after.items() if key not in removed}


def violations(
    before: Mapping[str, object], sent: Mapping[str, object], bounds: Bounds, known: Known = Known()
) -> Iterator[Violation]:
    """What is wrong with `sent`, whose known keys were type-checked, for a service that had `before`."""
    after, websocket = merged(before, sent), known.websocket
    yield from _notification(sent.get("smn_notification"))
    if sent.get("smn_notification") != before.get("smn_notification"):
        yield from _unknown_topics(sent.get("smn_notification"), known.topics)
    yield from _channels(sent.get("log_report_channels"))
    yield from _limits(sent, bounds)
    yield from _access_log(sent.get("access_log"))
    for key, value in sent.items():
        home = places.misplaced(key, places.SERVICE_PROPERTIES)
        if home and value is not None and value != before.get(key):
            yield Violation(f"{PROPERTIES}.{key}", home)
    yield from _own(after, {key for key, value in sent.items() if value is not None and key not in KNOWN})
    if sent.get("websocket_upgrade") is True and before.get("websocket_upgrade") is not True and not websocket:
        text = (
            "no model of the service has inference code, or a server, for a WebSocket, and it cannot be taken back"
        )
        yield Violation(f"{PROPERTIES}.websocket_upgrade", text)
    if before.get("websocket_upgrade") is True and sent.get("websocket_upgrade") is False and websocket:
        yield Violation(f"{PROPERTIES}.websocket_upgrade", "cannot be changed after WebSocket was enabled")
    if after.get("websocket_upgrade") is True and after.get("traffic_limit"):
        at = "traffic_limit" if sent.get("traffic_limit") else "websocket_upgrade"
        yield Violation(f"{PROPERTIES}.{at}", "WebSocket and a traffic limit exclude each other")


def topics(sent: Mapping[str, object]) -> frozenset[str]:
    """The topics that these properties name."""
    return frozenset(urn for _, urn in _named(sent.get("smn_notification")))


def _unknown_topics(value: object, known: Collection[str]) -> Iterator[Violation]:
    for path, urn in _named(value):
        if urn not in known:
            yield Violation(f"{path}.topic_urn", f"is {shown(urn, 200)}, which is no topic of this project")


def _named(value: object) -> Iterator[tuple[str, str]]:
    """Where a topic is named, and which."""
    for path, one in _each(value):
        urn = one.get("topic_urn") if isinstance(one, Mapping) else None
        if isinstance(urn, str) and TOPIC_URN.fullmatch(urn):
            yield path, urn


def _each(value: object) -> Iterator[tuple[str, object]]:
    """One object, or a map of arbitrary keys to such objects (as the contract types it); each with its path."""
    at = f"{PROPERTIES}.smn_notification"
    if isinstance(value, Mapping) and value:
        nested = {} if "topic_urn" in value or "events" in value else value
        yield from [(f"{at}.{key}", one) for key, one in nested.items()] or [(at, value)]


def _notification(value: object) -> Iterator[Violation]:
    if value is not None and not isinstance(value, Mapping):
        yield Violation(f"{PROPERTIES}.smn_notification", "must be an object")
        return
    for path, one in _each(value):
        if not isinstance(one, Mapping):
            yield Violation(path, "must be an object with topic_urn and events")
            continue
        urn, events = one.get("topic_urn"), one.get("events")
        if not isinstance(urn, str) or not TOPIC_URN.fullmatch(urn):
            yield Violation(f"{path}.topic_urn", f"is {shown(urn)}, must be urn:smn:region:project:topic")
        if not isinstance(events, list) or not events:
            yield Violation(f"{path}.events", "must be an array with at least one of 1, 3, 7, 11")
            continue
        for i, event in enumerate(events):
            if isinstance(event, bool) or event not in NOTIFIABLE:
                yield Violation(
                    f"{path}.events[{i}]",
                    f"is {shown(event)}, must be 1 (failed), 3 (running), 7 (concerning) or 11 (pending)",
                )


def numbered(value: object) -> object:
    """A smn_notification whose numeric strings are numbers (contract §1.3)."""
    if not isinstance(value, Mapping):
        return value
    return {key: _events(one) if key == "events" else numbered(one) for key, one in value.items()}


def _events(value: object) -> object:
    if not isinstance(value, list):
        return value
    return [int(e) if isinstance(e, str) and e.isascii() and e.isdigit() and len(e) < 4 else e for e in value]


def _channels(sent: object) -> Iterator[Violation]:
    """Whether the streams are there, and may be changed, is for `operations.services.log_channels`."""
    at = f"{PROPERTIES}.log_report_channels"
    if isinstance(sent, list) and len(sent) > MOST_CHANNELS:
        yield Violation(at, f"has {len(sent)} entries, at most {MOST_CHANNELS} are allowed")
    for i, channel in enumerate(sent if isinstance(sent, list) else []):
        kind = channel.get("type")
        if kind != "LTS":
            yield Violation(
                f"{at}[{i}].type", "is mandatory" if kind is None else f"is {shown(kind)}, must be 'LTS'"
            )
        configuration = channel.get("configuration")
        for name in ("log_group_id", "log_stream_id") if configuration is not None else ():
            key = configuration.get(name)
            if key is None:
                yield Violation(f"{at}[{i}].configuration.{name}", "is mandatory in a configuration")
            elif not 1 <= len(key) <= ID_MAX:
                text = f"has {len(key)} characters, must have 1 to {ID_MAX}"
                yield Violation(f"{at}[{i}].configuration.{name}", text)


def _own(after: Mapping[str, object], sent: set[str]) -> Iterator[Violation]:
    """Callers' own keys: not too many, long, deep or large. Keys that were stored earlier are not checked."""
    own = {key: value for key, value in after.items() if key not in KNOWN}
    if not sent:
        return
    if len(own) > OWN_KEYS:
        yield Violation(
            PROPERTIES, f"has {len(own)} keys of its own, at most {OWN_KEYS} are kept; null removes one"
        )
    for key in sorted(sent):
        if len(key) > OWN_KEY_CHARS:
            text = f"the key {shown(key)} has {len(key)} characters, at most {OWN_KEY_CHARS} are kept"
            yield Violation(PROPERTIES, text)
        elif _deeper(after[key], OWN_DEPTH):
            yield Violation(f"{PROPERTIES}.{key}", f"is nested deeper than {OWN_DEPTH} levels")
    size = len(json.dumps(own, separators=(",", ":")).encode())
    if size > OWN_BYTES:
        text = f"has {size} bytes in keys of its own, at most {OWN_BYTES} are kept; null removes one"
        yield Violation(PROPERTIES, text)


def _deeper(value: object, levels: int) -> bool:
    """Whether objects and arrays are nested deeper than this."""
    if not isinstance(value, Mapping | list):
        return False
    inner = value.values() if isinstance(value, Mapping) else value
    return levels == 0 or any(_deeper(one, levels - 1) for one in inner)


def _limits(sent: Mapping[str, object], bounds: Bounds) -> Iterator[Violation]:
    at, limit = f"{PROPERTIES}.traffic_limit", sent.get("traffic_limit")
    if isinstance(limit, Mapping) and limit:
        num, unit = limit.get("num"), limit.get("unit")
        if not isinstance(num, int):
            yield Violation(f"{at}.num", "is mandatory")
        elif not 1 <= num <= MAX_REQUESTS:
            yield Violation(f"{at}.num", f"is {num}, must be 1 to {MAX_REQUESTS}")
        if unit not in UNITS_S:
            said = "is mandatory" if unit is None else f"is {shown(unit)}, must be one of {', '.join(UNITS_S)}"
            yield Violation(f"{at}.unit", said)
    at, request = f"{PROPERTIES}.request_limit", sent.get("request_limit")
    if isinstance(request, Mapping):
        size, timeout = request.get("max_body_bytes"), request.get("timeout_seconds")
        most = bounds.max_body_max_bytes
        if isinstance(size, int) and not 1 <= size <= most:
            yield Violation(f"{at}.max_body_bytes", f"is {size}, must be 1 to {most}")
        if isinstance(timeout, int | float) and not 0.01 <= timeout <= bounds.timeout_max_s:
            text = f"is {timeout:g}, must be 0.01 to {bounds.timeout_max_s:g}"
            yield Violation(f"{at}.timeout_seconds", text)
        yield from _attempts(at, request)


def _attempts(at: str, request: Mapping[str, object]) -> Iterator[Violation]:
    attempts, attempt = request.get("attempts"), request.get("attempt_seconds")
    timeout = request.get("timeout_seconds")
    if attempts is not None and attempts not in {1, 2}:
        yield Violation(f"{at}.attempts", f"is {attempts}, must be 1 or 2")
    if not isinstance(attempt, int | float):
        return
    most = timeout if isinstance(timeout, int | float) else DEFAULT_TIMEOUT_S
    if not 0.05 <= attempt < most:
        yield Violation(f"{at}.attempt_seconds", f"is {attempt:g}, must be 0.05 or more, and less than {most:g}")
    if attempts == 1:
        yield Violation(f"{at}.attempt_seconds", "needs a second attempt: attempts is 1")


def _access_log(value: object) -> Iterator[Violation]:
    at = f"{PROPERTIES}.access_log"
    if not isinstance(value, Mapping) or not value:
        return
    mode, share = value.get("mode"), value.get("share")
    if mode not in ACCESS_MODES:
        said = "is mandatory" if mode is None else f"is {shown(mode)}, must be one of {', '.join(ACCESS_MODES)}"
        yield Violation(f"{at}.mode", said)
    elif mode == "sampled" and share is None:
        yield Violation(f"{at}.share", "is mandatory where the mode is sampled")
    elif mode != "sampled" and share is not None:
        yield Violation(f"{at}.share", f"belongs to the mode sampled, and the mode is {mode}")
    if isinstance(share, int | float) and not LEAST_SHARE <= share <= 1:
        yield Violation(f"{at}.share", f"is {share:g}, must be {LEAST_SHARE:f} to 1")


def of(attributes: Mapping[str, object]) -> Mapping[str, object]:
    """The service-level additional_properties as stored; empty when there are none."""
    kept = attributes.get(PROPERTIES)
    return kept if isinstance(kept, Mapping) else {}
