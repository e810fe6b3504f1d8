"""Route values in, Envoy resources out, as files that people can read.

GOLDEN=write pytest tests/golden/gateway      writes them anew and prunes those that nothing makes any more
"""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.domain.routing import (
    AccessLog,
    Attempts,
    Endpoint,
    LoadBalancer,
    LoggedCalls,
    RouteState,
    ServiceRoute,
    TrackRoute,
    TrafficLimit,
)
from modelyard.gateway import tracing
from modelyard.gateway.bootstrap import bootstrap
from modelyard.gateway.translate import resources, revocation_filter, token_filter
from modelyard.gateway.xds import readable

HERE = Path(__file__).parent / "translated"
WRITE = os.environ.get("GOLDEN") == "write"

ONE = ServiceRoute(
    "one", "project", RouteState.OPEN, (TrackRoute(1, 100, (Endpoint("i-1", "unix:instances/i-1/s.sock"),)),)
)
TWO = TrackRoute(2, 30, (Endpoint("i-3", "tls:10.0.0.7:8443"), Endpoint("i-2", "tls:[fd00::1]:8443")))
REVOKED = revocation_filter({"u-2": 20, "u-1": 10}, {"u-3": frozenset({"t-1", "t-2"})})
CASES = {
    "one": ONE,
    "two-tracks": replace(ONE, tracks=(TWO, replace(ONE.tracks[0], weight=70))),
    "no-instance": replace(ONE, tracks=()),
    "logged-errors": replace(ONE, access_log=AccessLog(LoggedCalls.ERRORS)),
    "logged-all": replace(ONE, access_log=AccessLog(LoggedCalls.ALL), absence="why"),
    "logged-sampled": replace(ONE, access_log=AccessLog(LoggedCalls.SAMPLED, 0.01)),
    "counted": replace(
        ONE, tracks=(TrackRoute(1, 100, (Endpoint("i-1", "unix:instances/i-1/s.sock", "iris:1.0.0"),)),)
    ),
    "absent": replace(ONE, tracks=(), absence='it failed: "x"'),
    "once": replace(ONE, attempts=Attempts(twice=False)),
    "given-up": replace(ONE, tracks=(TWO,), attempts=Attempts(after_s=1.5)),
    "limits": replace(ONE, request_timeout_s=0.25, max_body_bytes=1000),
    "codes": replace(ONE, app_codes=("c" * 64, "b" * 64)),
    "traffic-limit": replace(ONE, traffic_limit=TrafficLimit(100, 60)),
    "least-connections": replace(ONE, load_balancer=LoadBalancer.LEAST_CONNECTIONS),
    "source-ip": replace(ONE, load_balancer=LoadBalancer.SOURCE_IP),
    "websocket": replace(ONE, websocket=True),
    "stopped-with-limit": replace(
        ONE, state=RouteState.STOPPED, tracks=(), traffic_limit=TrafficLimit(100, 60), websocket=True
    ),
    "stopped": replace(ONE, state=RouteState.STOPPED, tracks=()),
}


def made() -> dict[str, str]:
    files = {"bootstrap.json": bootstrap("127.0.0.1", 8080) + "\n"}
    files["tracing.json"] = json.dumps({"manager": tracing.manager(0.25), "runtime": tracing.runtime()}, indent=1)
    for resource in (token_filter('{"keys": []}', "modelyard"), REVOKED):
        files[f"{resource.name}.json"] = readable(resource.kind, resource.body)
    files["no-revocations.json"] = readable(revocation_filter({}).kind, revocation_filter({}).body)
    for name, route in CASES.items():
        for resource in resources(route):
            files[f"{name}.{resource.kind.rpartition('.')[2]}.json"] = readable(resource.kind, resource.body)
    return files


def test_no_file_is_forgotten() -> None:
    files = made()
    if WRITE:
        HERE.mkdir(exist_ok=True)
        for path in HERE.glob("*.json"):
            path.unlink()
        for name, text in files.items():
            (HERE / name).write_text(text)
    assert {path.name for path in HERE.glob("*.json")} == files.keys()


@pytest.mark.parametrize("name", sorted(made()))
def test_translation(name: str) -> None:
    assert made()[name] == (HERE / name).read_text()


def test_tracing_adds_to_the_bootstrap_and_changes_nothing_else() -> None:
    plain, traced = (json.loads(bootstrap("127.0.0.1", 8080, traced=share)) for share in (0.0, 0.25))
    (chain,) = traced["static_resources"]["listeners"][0]["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    for name in tracing.manager(0.25):
        del manager[name]
    del traced["layered_runtime"]
    assert traced["static_resources"]["clusters"].pop()["name"] == tracing.CLUSTER
    assert traced == plain
