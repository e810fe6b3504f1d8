"""A change of one service is one resource towards Envoy, however many services there are."""

from dataclasses import replace

import pytest

from modelyard.domain.routing import Endpoint, RouteState, ServiceRoute, TrackRoute
from modelyard.gateway.envoy_table import EnvoyTable
from modelyard.gateway.protocol import Request, Response
from modelyard.gateway.xds import Kind

A, B = Endpoint("a", "unix:a.sock"), Endpoint("b", "unix:b.sock")


def route(n: int, first: int = 70) -> ServiceRoute:
    tracks = (TrackRoute(0, first, (A,)), TrackRoute(1, 100 - first, (B,)))
    return ServiceRoute(f"service-{n:04d}", "p", RouteState.OPEN, tracks)


def serving(routes: list[ServiceRoute]) -> EnvoyTable:
    """A snapshot whose Envoy has acknowledged all of these."""
    snapshot = EnvoyTable()
    snapshot.load(routes)
    for kind in (Kind.CLUSTER, Kind.ENDPOINTS, Kind.ROUTE):
        names = tuple(r.service_id for r in routes) if kind is Kind.ENDPOINTS else ()
        (response,) = [r for r in snapshot.received(Request(kind, subscribe=names)) if r.kind is kind]
        snapshot.received(Request(kind, nonce=response.nonce))
    assert all(snapshot.view(r.service_id).acked == r for r in routes)
    return snapshot


def carried(responses: tuple[Response, ...]) -> list[tuple[Kind, str]]:
    return [(response.kind, resource.name) for response in responses for resource in response.resources]


@pytest.mark.parametrize("count", [10, 1000])
def test_a_change_of_weights_is_one_resource(count: int) -> None:
    snapshot = serving([route(n) for n in range(count)])
    changed = route(count // 2, first=30)
    responses = snapshot.put(changed)
    assert carried(responses) == [(Kind.ENDPOINTS, changed.service_id)]
    assert sum(len(x.body) for r in responses for x in r.resources) < 500


@pytest.mark.parametrize("count", [10, 1000])
def test_another_timeout_is_one_resource(count: int) -> None:
    snapshot = serving([route(n) for n in range(count)])
    assert carried(snapshot.put(replace(route(3), request_timeout_s=5))) == [(Kind.ROUTE, route(3).service_id)]
