"""Settings: what a service keeps as its caller wrote it, as values."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.worlds import services

from modelyard.core.admission.service import SettingsRequest, settled
from modelyard.core.schedule import Entry
from modelyard.core.settings import keeping, parsed
from modelyard.domain.routing import AccessLog, Attempts, LoadBalancer, LoggedCalls, TrafficLimit
from modelyard.domain.settings import LogChannel, Notification, RequestLimits, ServiceSettings

SERVICE = services.service("s")
URN = "urn:smn:region:project:topic"
TOLD = {"topic_urn": URN, "events": [1, 3]}
CHANNEL = {"type": "LTS", "configuration": {"log_group_id": "g", "log_stream_id": "s"}}
HOURS = [{"type": "stop", "time_unit": "HOURS", "duration": 2}]


def properties(**said: object) -> dict[str, Any]:
    return {"additional_properties": said}


@pytest.mark.parametrize(
    ("attributes", "settings"),
    [
        pytest.param({}, ServiceSettings(), id="nothing"),
        pytest.param(
            properties(traffic_limit={}, request_limit={}, websocket_upgrade=False, smn_notification={}),
            ServiceSettings(),
            id="switched off",
        ),
        pytest.param(
            {"load_balancer_policy": "SOURCE_IP"}, ServiceSettings(LoadBalancer.SOURCE_IP), id="load balancer"
        ),
        pytest.param({"load_balancer_policy": "RANDOM"}, ServiceSettings(), id="a policy of another release"),
        pytest.param(
            properties(request_limit={"timeout_seconds": 2, "max_body_bytes": 9}),
            ServiceSettings(requests=RequestLimits(2.0, 9)),
            id="bounds of a request",
        ),
        pytest.param(
            properties(request_limit={"attempts": 1, "attempt_seconds": 5}),
            ServiceSettings(requests=RequestLimits(attempts=Attempts(twice=False))),
            id="one attempt",
        ),
        pytest.param(
            properties(request_limit={"attempts": 2, "attempt_seconds": 1}),
            ServiceSettings(requests=RequestLimits(attempts=Attempts(after_s=1.0))),
            id="two attempts",
        ),
        pytest.param(
            properties(traffic_limit={"num": 7, "unit": "HOUR"}),
            ServiceSettings(traffic_limit=TrafficLimit(7, 3600)),
            id="traffic limit",
        ),
        pytest.param(properties(traffic_limit={"num": 7, "unit": "WEEK"}), ServiceSettings(), id="no such unit"),
        pytest.param(
            properties(access_log={"mode": "errors"}),
            ServiceSettings(access_log=AccessLog(LoggedCalls.ERRORS)),
            id="failed calls are logged",
        ),
        pytest.param(
            properties(access_log={"mode": "sampled", "share": 0.01}),
            ServiceSettings(access_log=AccessLog(LoggedCalls.SAMPLED, 0.01)),
            id="some calls are logged",
        ),
        pytest.param(properties(access_log={"mode": "sampled"}), ServiceSettings(), id="a share of nothing"),
        pytest.param(properties(access_log={}), ServiceSettings(), id="no call is logged"),
        pytest.param(properties(websocket_upgrade=True), ServiceSettings(websocket=True), id="websocket"),
        pytest.param({"schedule": HOURS}, ServiceSettings(auto_stop_s=7200), id="auto stop"),
        pytest.param(
            {"schedule": [*HOURS, {"type": "stop", "time_unit": "MINUTES", "duration": 1}]},
            ServiceSettings(auto_stop_s=60),
            id="the soonest of two",
        ),
        pytest.param(
            properties(smn_notification=TOLD),
            ServiceSettings(notifications=(Notification(URN, frozenset({1, 3})),)),
            id="notification",
        ),
        pytest.param(
            properties(smn_notification={"a": TOLD, "b": TOLD}),
            ServiceSettings(notifications=(Notification(URN, frozenset({1, 3})),) * 2),
            id="notifications as a map",
        ),
        pytest.param(
            properties(log_report_channels=[CHANNEL, {"type": "LTS"}]),
            ServiceSettings(log_channels=(LogChannel("g", "s"), LogChannel())),
            id="log channels",
        ),
        pytest.param(
            {"pool_name": "north", "cluster_id": "c"},
            ServiceSettings(pool_name="north", cluster_id="c"),
            id="pool",
        ),
    ],
)
def test_what_they_mean(attributes: dict[str, Any], settings: ServiceSettings) -> None:
    assert parsed(attributes) == settings


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["HOURS", "SECOND", "LTS", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                ["num", "unit", "duration", "time_unit", "topic_urn", "events", "configuration", "timeout_seconds"]
            ),
            inner,
            max_size=3,
        )
    ),
)
KNOWN = (
    "smn_notification",
    "log_report_channels",
    "websocket_upgrade",
    "traffic_limit",
    "request_limit",
    "access_log",
)
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        "schedule": JSON,
        "load_balancer_policy": JSON,
        "pool_name": JSON,
        "additional_properties": JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(KNOWN, JSON)),
    },
)


@given(ATTRIBUTES)
def test_whatever_is_stored_can_be_read(attributes: dict[str, Any]) -> None:
    assert isinstance(parsed(attributes), ServiceSettings)


def test_a_change_keeps_both_in_step() -> None:
    first = keeping(SERVICE, {"cluster_id": "c"})
    request = SettingsRequest(
        schedule=(Entry("stop", "HOURS", 2),), properties={"websocket_upgrade": True}, load_balancer="SOURCE_IP"
    )
    after = settled(request, first, 0)
    assert after.settings == parsed(after.attributes)
    assert after.settings == ServiceSettings(
        LoadBalancer.SOURCE_IP, websocket=True, auto_stop_s=7200, cluster_id="c"
    )
    assert settled(SettingsRequest(), after, 9) == after
