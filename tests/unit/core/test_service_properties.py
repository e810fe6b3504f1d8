"""Service-level additional_properties: rules, merging."""

from typing import Any

import pytest

from modelyard.core.admission import properties
from modelyard.core.admission.properties import Bounds, Known

URN = "urn:smn:region:project:topic"
LTS = {"type": "LTS", "configuration": {"log_group_id": "g", "log_stream_id": "s"}}
TOLD = {"topic_urn": URN, "events": [1, 3, 7, 11]}
ELSEWHERE = {"topic_urn": "urn:smn:region:other:topic", "events": [1]}
LIMIT = {"num": 5, "unit": "SECOND"}
CASES: dict[str, tuple[dict[str, Any], dict[str, Any], list[str]]] = {
    "nothing": ({}, {}, []),
    "anything else": ({}, {"colour": {"deep": [1]}}, []),
    "notification": ({}, {"smn_notification": TOLD}, []),
    "notification as a map": ({}, {"smn_notification": {"any": TOLD, "more": TOLD}}, []),
    "topic that is not there": ({}, {"smn_notification": ELSEWHERE}, ["smn_notification.topic_urn"]),
    "one of two topics": (
        {"smn_notification": TOLD},
        {"smn_notification": {"a": TOLD, "b": ELSEWHERE}},
        ["smn_notification.b.topic_urn"],
    ),
    "topic that is gone since": ({"smn_notification": ELSEWHERE}, {"smn_notification": ELSEWHERE}, []),
    "topic that is gone since, other events": (
        {"smn_notification": ELSEWHERE},
        {"smn_notification": {**ELSEWHERE, "events": [3]}},
        ["smn_notification.topic_urn"],
    ),
    "off after an earlier release": ({"smn_notification": TOLD}, {"smn_notification": {}}, []),
    "notification off": ({}, {"smn_notification": {}}, []),
    "urn": ({}, {"smn_notification": {"topic_urn": "x", "events": [1]}}, ["smn_notification.topic_urn"]),
    "no events": ({}, {"smn_notification": {"topic_urn": URN, "events": []}}, ["smn_notification.events"]),
    "event": ({}, {"smn_notification": {"topic_urn": URN, "events": [2]}}, ["smn_notification.events[0]"]),
    "event of a bool": (
        {},
        {"smn_notification": {"topic_urn": URN, "events": [True]}},
        ["smn_notification.events[0]"],
    ),
    "map of text": ({}, {"smn_notification": {"any": "x"}}, ["smn_notification.any"]),
    "channel": ({}, {"log_report_channels": [LTS]}, []),
    "channel without configuration": ({}, {"log_report_channels": [{"type": "LTS"}]}, []),
    "channels": ({}, {"log_report_channels": [LTS] * 9}, ["log_report_channels"]),
    "channel of nothing": (
        {},
        {"log_report_channels": [{"type": "LTS", "configuration": {}}]},
        [f"log_report_channels[0].configuration.{name}" for name in ("log_group_id", "log_stream_id")],
    ),
    "channel type": ({}, {"log_report_channels": [{"type": "FTP"}]}, ["log_report_channels[0].type"]),
    "channel id": (
        {},
        {
            "log_report_channels": [
                {"type": "LTS", "configuration": {**LTS["configuration"], "log_group_id": "x" * 65}}
            ]
        },
        ["log_report_channels[0].configuration.log_group_id"],
    ),
    "channel again": ({"log_report_channels": [LTS]}, {"log_report_channels": [LTS]}, []),
    "channel after off": ({"log_report_channels": []}, {"log_report_channels": [LTS]}, []),
    "no channel": ({}, {"log_report_channels": []}, []),
    "off what never reported": ({"log_report_channels": [LTS]}, {"log_report_channels": []}, []),
    "own keys": ({}, {str(i): 1 for i in range(32)}, []),
    "too many own keys": ({str(i): 1 for i in range(32)}, {"one more": 1}, [""]),
    "too many of an earlier release": ({str(i): 1 for i in range(33)}, {"0": None}, []),
    "one for another": ({str(i): 1 for i in range(32)}, {"one more": 1, "0": None}, []),
    "long key": ({}, {"k" * 65: 1}, [""]),
    "large value": ({}, {"k": "v" * 8200}, [""]),
    "large together": ({"k": "v" * 5000}, {"l": "v" * 5000}, [""]),
    "deep value": ({}, {"k": [[[[[[[[1]]]]]]]]}, []),
    "deeper value": ({}, {"k": [[[[[[[[{}]]]]]]]]}, ["k"]),
    "websocket": ({}, {"websocket_upgrade": True}, []),
    "websocket again": ({"websocket_upgrade": True}, {"websocket_upgrade": True}, []),
    "websocket back": ({"websocket_upgrade": True}, {"websocket_upgrade": False}, ["websocket_upgrade"]),
    "websocket and limit": ({}, {"websocket_upgrade": True, "traffic_limit": LIMIT}, ["traffic_limit"]),
    "limit on websocket": ({"websocket_upgrade": True}, {"traffic_limit": LIMIT}, ["traffic_limit"]),
    "websocket on limit": ({"traffic_limit": LIMIT}, {"websocket_upgrade": True}, ["websocket_upgrade"]),
    "websocket as the limit goes": (
        {"traffic_limit": LIMIT},
        {"websocket_upgrade": True, "traffic_limit": {}},
        [],
    ),
    "access log without mode": ({}, {"access_log": {"share": 0.1}}, ["access_log.mode"]),
    "access log mode": ({}, {"access_log": {"mode": "some"}}, ["access_log.mode"]),
    "access log share": ({}, {"access_log": {"mode": "sampled"}}, ["access_log.share"]),
    "access log share of nothing": ({}, {"access_log": {"mode": "sampled", "share": 0}}, ["access_log.share"]),
    "access log share of more": ({}, {"access_log": {"mode": "sampled", "share": 1.5}}, ["access_log.share"]),
    "access log share of all": ({}, {"access_log": {"mode": "all", "share": 0.5}}, ["access_log.share"]),
    "access log": ({}, {"access_log": {"mode": "sampled", "share": 0.01}}, []),
    "access log off": ({"access_log": {"mode": "all"}}, {"access_log": {}}, []),
    "limit without unit": ({}, {"traffic_limit": {"num": 1}}, ["traffic_limit.unit"]),
    "limit of nothing": ({}, {"traffic_limit": {"num": 0, "unit": "DAY"}}, ["traffic_limit.num"]),
    "limit unit": ({}, {"traffic_limit": {"num": 1, "unit": "WEEK"}}, ["traffic_limit.unit"]),
    "request": ({}, {"request_limit": {"max_body_bytes": 1, "timeout_seconds": 0.5}}, []),
    "request size": ({}, {"request_limit": {"max_body_bytes": 2001}}, ["request_limit.max_body_bytes"]),
    "attempts": ({}, {"request_limit": {"attempts": 2, "attempt_seconds": 0.5, "timeout_seconds": 1}}, []),
    "no attempt": ({}, {"request_limit": {"attempts": 0}}, ["request_limit.attempts"]),
    "three attempts": ({}, {"request_limit": {"attempts": 3}}, ["request_limit.attempts"]),
    "attempt of no time": ({}, {"request_limit": {"attempt_seconds": 0.01}}, ["request_limit.attempt_seconds"]),
    "attempt as long as all": (
        {},
        {"request_limit": {"attempt_seconds": 5, "timeout_seconds": 5}},
        ["request_limit.attempt_seconds"],
    ),
    "one attempt given up": (
        {},
        {"request_limit": {"attempts": 1, "attempt_seconds": 1}},
        ["request_limit.attempt_seconds"],
    ),
    "request time": ({}, {"request_limit": {"timeout_seconds": 61}}, ["request_limit.timeout_seconds"]),
}


@pytest.mark.parametrize(("before", "sent", "fields"), CASES.values(), ids=CASES.keys())
def test_rules(before: dict[str, Any], sent: dict[str, Any], fields: list[str]) -> None:
    known = Known(topics=frozenset({URN}))
    found = properties.violations(before, sent, Bounds(timeout_max_s=60, max_body_max_bytes=2000), known)
    assert [v.field for v in found] == [f"additional_properties.{field}".rstrip(".") for field in fields]


def test_a_websocket_needs_a_model_that_may_serve_it() -> None:
    on, off = {"websocket_upgrade": True}, {"websocket_upgrade": False}
    cases = ((({}, on), 1), ((on, on), 0), ((on, {"label": 1}), 0), ((on, off), 0), (({}, off), 0))
    for (before, sent), count in cases:
        assert len([*properties.violations(before, sent, Bounds(), Known(websocket=False))]) == count


def test_merging_is_by_top_level_key() -> None:
    before = {"traffic_limit": LIMIT, "websocket_upgrade": True, "kept": {"a": 1}, "dropped": {"a": 1}}
    sent = {"traffic_limit": {}, "new": 1, "dropped": None, "never there": None, "websocket_upgrade": None}
    assert properties.merged(before, sent) == {
        "traffic_limit": {},
        "websocket_upgrade": True,
        "kept": {"a": 1},
        "new": 1,
    }


def test_numeric_strings_in_events_are_numbers() -> None:
    sent = {"any": {"topic_urn": "1", "events": ["1", 3, "x", "-1"]}}
    assert properties.numbered(sent) == {"any": {"topic_urn": "1", "events": [1, 3, "x", "-1"]}}
