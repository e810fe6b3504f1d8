"""What the gateway should serve and what it does serve, in the terms of the port. Pure.

It turns route values into resources, feeds the protocol, and derives a view per service from what was
acknowledged. `changed` names the services whose view has changed.
"""

from collections.abc import Iterable

from modelyard.domain.routing import RouteState, ServiceRoute
from modelyard.gateway.base import GatewayView
from modelyard.gateway.protocol import Protocol, Request, Response
from modelyard.gateway.translate import Resource, resources
from modelyard.gateway.xds import Kind

_OF_SERVICE = (Kind.CLUSTER, Kind.ENDPOINTS, Kind.ROUTE)
_OF_STOPPED = (Kind.CLUSTER, Kind.ROUTE)
_NOTHING = GatewayView()


class EnvoyTable:
    """The desired table, the views, and the protocol between them."""

    def __init__(self) -> None:
        self._protocol = Protocol()
        self._filters: dict[str, Resource] = {}
        self._routes: dict[str, ServiceRoute] = {}
        self._views: dict[str, GatewayView] = {}
        self._invalid: dict[str, str] = {}
        self._changed: set[str] = set()

    def load(self, routes: Iterable[ServiceRoute]) -> tuple[Response, ...]:
        self._routes = {route.service_id: route for route in routes}
        self._invalid = {}
        wanted = [*self._filters.values()]
        for route in self._routes.values():
            wanted += self._translated(route)
        return self._after(self._protocol.load(wanted))

    def put(self, route: ServiceRoute) -> tuple[Response, ...]:
        """An equal value is a no-op."""
        if self._routes.get(route.service_id) == route:
            return ()
        self._routes[route.service_id] = route
        self._invalid.pop(route.service_id, None)
        translated = self._translated(route)
        if not translated:
            return self._after((), touched=(route.service_id,))
        return self._after(self._protocol.want(route.service_id, translated, _OF_SERVICE))

    def remove(self, service_id: str) -> tuple[Response, ...]:
        if self._routes.pop(service_id, None) is None:
            return ()
        self._invalid.pop(service_id, None)
        return self._after(self._protocol.want(service_id, (), _OF_SERVICE))

    def set_filter(self, resource: Resource) -> tuple[Response, ...]:
        """A part of the filter chain that all services share."""
        if self._filters.get(resource.name) == resource:
            return ()
        self._filters[resource.name] = resource
        return self._after(self._protocol.want(resource.name, (resource,), (Kind.FILTER,)))

    def filter_in_effect(self, name: str) -> bool:
        return self._protocol.settled(name, (Kind.FILTER,))

    def received(self, request: Request) -> tuple[Response, ...]:
        return self._after(self._protocol.received(request))

    def connected(self) -> None:
        """A new stream; the views stay until Envoy says what it has."""
        self._protocol.connected()

    def died(self) -> None:
        """The process is gone: nothing is served."""
        self._protocol.died()
        self._changed |= {name for name, view in self._views.items() if view.acked is not None}
        self._views.clear()

    def synced(self) -> bool:
        return self._protocol.synced()

    def view(self, service_id: str) -> GatewayView:
        return self._views.get(service_id, _NOTHING)

    def services(self) -> frozenset[str]:
        return frozenset(self._routes)

    def changed(self) -> tuple[str, ...]:
        """Services whose view changed since the last call, in order of their names."""
        names, self._changed = tuple(sorted(self._changed)), set()
        return names

    def _translated(self, route: ServiceRoute) -> tuple[Resource, ...]:
        try:
            return resources(route)
        except (ValueError, TypeError) as error:
            self._invalid[route.service_id] = str(error)
            return ()

    def _after(self, responses: tuple[Response, ...], touched: Iterable[str] = ()) -> tuple[Response, ...]:
        for name in self._protocol.touched().union(touched):
            before = self.view(name)
            after = self._derived(name, before)
            if after == before:
                continue
            self._changed.add(name)
            if after == _NOTHING:
                del self._views[name]
            else:
                self._views[name] = after
        return responses

    def _derived(self, name: str, before: GatewayView) -> GatewayView:
        route = self._routes.get(name)
        why = self._invalid.get(name, "") or (self._protocol.rejected(name) if route else "")
        if not self._protocol.synced():
            return GatewayView(before.acked, why)
        if self._invalid.get(name):
            return GatewayView(before.acked, why)
        kinds = _OF_SERVICE if route and route.state is RouteState.OPEN else _OF_STOPPED
        if self._protocol.settled(name, kinds):
            return GatewayView(route, why)
        return GatewayView(before.acked if self._protocol.holds(Kind.ROUTE, name) else None, why)
