"""Rules of the translation that a golden file does not say by itself."""

from dataclasses import replace

import pytest

from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.gateway.translate import resources
from modelyard.gateway.xds import Kind

A, B = Endpoint("a", "unix:a.sock"), Endpoint("b", "unix:b.sock")
OPEN = ServiceRoute("s", "p", RouteState.OPEN, (TrackRoute(0, 70, (A,)), TrackRoute(1, 30, (B,))))
HALVES = (TrackRoute(0, 50, (A,)), TrackRoute(1, 50, (B,)))


def versions(route: ServiceRoute) -> dict[Kind, str]:
    return {resource.kind: resource.version for resource in resources(route)}


@pytest.mark.parametrize(
    ("after", "changed"),
    [
        pytest.param(OPEN, set(), id="equal"),
        pytest.param(
            replace(OPEN, tracks=(TrackRoute(0, 50, (A,)), TrackRoute(1, 50, (B,)))),
            {Kind.ENDPOINTS},
            id="weights",
        ),
        pytest.param(replace(OPEN, tracks=(TrackRoute(0, 100, (A, B)),)), {Kind.ENDPOINTS}, id="instances"),
        pytest.param(replace(OPEN, tracks=OPEN.tracks[::-1]), set(), id="order of tracks"),
        pytest.param(replace(OPEN, request_timeout_s=1), {Kind.ROUTE}, id="timeout"),
        pytest.param(replace(OPEN, max_body_bytes=1), {Kind.ROUTE}, id="body limit"),
        pytest.param(replace(OPEN, project_id="q"), {Kind.ROUTE}, id="project"),
    ],
)
def test_a_change_touches_only_its_resource(after: ServiceRoute, changed: set[Kind]) -> None:
    before, now = versions(OPEN), versions(after)
    assert {kind for kind in Kind if before.get(kind) != now.get(kind)} == changed


@pytest.mark.parametrize(
    "track", [pytest.param(TrackRoute(1, 0, (B,)), id="weight 0"), pytest.param(TrackRoute(1, 30, ()), id="empty")]
)
def test_a_track_that_takes_nothing_is_left_out(track: TrackRoute) -> None:
    only = replace(OPEN, tracks=(TrackRoute(0, 70, (A,)),))
    assert versions(replace(only, tracks=(*only.tracks, track))) == versions(only)


def test_a_stopped_service_has_only_a_route() -> None:
    assert versions(replace(OPEN, state=RouteState.STOPPED)).keys() == {Kind.ROUTE}


@pytest.mark.parametrize("address", ["", "host", "127.0.0.1:80", "tls:host"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError, match="neither unix:PATH nor tls:HOST:PORT"):
        resources(replace(OPEN, tracks=(TrackRoute(0, 100, (Endpoint("a", address),)),)))
