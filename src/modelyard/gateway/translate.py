"""Route table → Envoy resources. Pure.

A service that is open is three resources, each named by the service's id:

    Cluster                what hardly ever changes: how to connect and balance, retry bounds, outlier detection
    ClusterLoadAssignment  one locality per track, weighted; the instances of the track inside it
    ScopedRouteConfiguration  key: the id in the path; project, timeout, limits, upgrades

so that a change of weights or instances is one small endpoint push, and nothing here grows with the number of
services. A stopped service is its route alone, answering 400. Why localities and not weighted clusters:
docs/decisions/0001-split-by-weighted-localities.md.

    /v1/infers/{id}       → /          /v1/infers/{id}?x=1   → /?x=1
    /v1/infers/{id}/      → /          /v1/infers/{id}/a/b   → /a/b

A traffic limit is a token bucket that all workers of one Envoy share; it is full again after any change of the
route.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from modelyard.domain.routing import LoadBalancer, LoggedCalls, RouteState, ServiceRoute
from modelyard.gateway import clusters, credentials
from modelyard.gateway.base import NO_TOKENS
from modelyard.gateway.xds import Kind, Value, pack, typed, version

JWT_FILTER = "modelyard.jwt"
DENY_FILTER = "modelyard.revocations"
ACCESS_FILTER = "modelyard.access"
SIGNATURE_FILTER = "modelyard.signatures"
SIGNATURE_HEAD_FILTER = "modelyard.signatures.head"
LIMIT_FILTER = "modelyard.limit"
BUFFER_FILTER = "modelyard.buffer"

ABSENCE = "modelyard.absence"
LOGGED = "modelyard.access_log"
"""The metadata of a route whose failed calls are logged."""
MARK = "modelyard_"
MARKED = "every"
"""What the filter of the access says (as a policy that it would apply) of a call that is logged in any case."""

PREFIX = "/v1/infers/"
OURS = ("x-modelyard-path", "x-envoy-external-address", *credentials.FROM_CHECKS)
ENVOYS = (
    "x-envoy-original-dst-host",
    "x-envoy-attempt-count",
    "x-envoy-peer-metadata",
    "x-envoy-peer-metadata-id",
)
"""What proxies tell each other. Envoy removes the rest of a caller's x-envoy-* headers itself, but not these."""
RETRY_ON = "connect-failure,refused-stream,reset,reset-before-request"
RETRY_ONLY_UNSENT_ON = "connect-failure,refused-stream,reset-before-request"
"""For a service whose requests may not be computed twice: only what no instance has seen is tried again."""
WEBSOCKET_IDLE_S = 3600
"""An upgraded connection without a byte for so long is closed."""

_OFF = typed("envoy.config.route.v3.FilterConfig", {"disabled": True})
_UNSIGNED = {SIGNATURE_HEAD_FILTER: _OFF, SIGNATURE_FILTER: _OFF}


@dataclass(frozen=True, slots=True)
class Resource:
    """One packed resource. `version` is the hash of `body`."""

    kind: Kind
    name: str
    version: str
    body: bytes


def resources(route: ServiceRoute) -> tuple[Resource, ...]:
    """All that Envoy must have to serve this value. ValueError when an address is none."""
    if route.state is RouteState.STOPPED:
        return (_resource(Kind.ROUTE, route.service_id, _scope(route)),)
    return (
        _resource(Kind.CLUSTER, route.service_id, clusters.cluster(route)),
        _resource(Kind.ENDPOINTS, route.service_id, clusters.assignment(route.service_id, route.tracks)),
        _resource(Kind.ROUTE, route.service_id, _scope(route)),
    )


def token_filter(jwks_json: str, issuer: str) -> Resource:
    """The check of X-Auth-Token against our keys."""
    message = "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"
    return _extension(JWT_FILTER, message, credentials.token_check(jwks_json, issuer))


def revocation_filter(
    users: Mapping[str, int], tokens: Mapping[str, frozenset[str]] = NO_TOKENS, settled_s: int = 0
) -> Resource:
    """Refuses revoked tokens, and those of the future (see `gateway.base`, set_revocations)."""
    message = "envoy.extensions.filters.http.rbac.v3.RBAC"
    return _extension(DENY_FILTER, message, credentials.revoked(users, tokens, settled_s))


def _resource(kind: Kind, name: str, value: Value) -> Resource:
    body = pack(kind.value, value)
    return Resource(kind, name, version(body), body)


def _extension(name: str, message: str, config: Value) -> Resource:
    return _resource(Kind.FILTER, name, {"name": name, "typed_config": typed(message, config)})


def _scope(route: ServiceRoute) -> Value:
    """The routes of one service. The policy of the project is at the virtual host, so 401 and 403 come first."""
    bare = PREFIX + route.service_id
    host: dict[str, object] = {
        "name": route.service_id,
        "domains": ["*"],
        "routes": [
            one
            for match in ({"path": bare}, {"prefix": f"{bare}/"})
            for each in _routes(route, match)
            for one in _logged(route, each)
        ],
        "typed_per_filter_config": {
            **_limit(route),
            ACCESS_FILTER: typed(
                "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
                {"rbac": {"rules": credentials.access(route.project_id, route.app_codes)}},
            ),
            BUFFER_FILTER: typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", _held(route)),
        },
        "request_headers_to_remove": list(credentials.CREDENTIALS + OURS + ENVOYS),
    }
    return {
        "name": route.service_id,
        "key": {"fragments": [{"string_key": route.service_id}]},
        "route_configuration": {"name": route.service_id, "virtual_hosts": [host]},
    }


def _held(route: ServiceRoute) -> Value:
    """How much of a body is held until it is complete; a refusal needs none of it."""
    if route.state is RouteState.STOPPED:
        return {"disabled": True}
    return {"buffer": {"max_request_bytes": {"value": route.max_body_bytes}}}


def _limit(route: ServiceRoute) -> Value:
    """One bucket for the whole service, after the check of who calls. A stopped one answers 400 to everybody."""
    if route.traffic_limit is None or route.state is RouteState.STOPPED:
        return {}
    requests = route.traffic_limit.requests
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    config: Value = {
        "stat_prefix": "limit",
        "token_bucket": {
            "max_tokens": requests,
            "tokens_per_fill": {"value": requests},
            "fill_interval": {"seconds": route.traffic_limit.period_s},
        },
        "filter_enabled": always,
        "filter_enforced": always,
    }
    return {LIMIT_FILTER: typed("envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", config)}


def _routes(route: ServiceRoute, match: Value) -> Iterator[Value]:
    """An upgrade goes first: it has no body to hold and no end to wait for. Only a request that looks signed meets
    the filter for these, which would cost each other one a twentieth of Envoy's work."""
    if route.websocket and route.state is RouteState.OPEN:
        upgrade = {"name": "upgrade", "string_match": {"exact": "websocket", "ignore_case": True}}
        yield {
            "name": route.service_id,
            "match": {**match, "headers": [upgrade]},
            "route": {
                **_action(route),
                "timeout": _duration(0),
                "idle_timeout": _duration(WEBSOCKET_IDLE_S),
                "upgrade_configs": [{"upgrade_type": "websocket"}],
            },
            "typed_per_filter_config": {
                BUFFER_FILTER: typed("envoy.extensions.filters.http.buffer.v3.BufferPerRoute", {"disabled": True})
            },
        }
    signed = _route(route, {**match, "headers": credentials.SIGNED_HEADERS})
    # Or as much would be held while it is asked about by its headers; the filters that want the body say so.
    yield {name: value for name, value in signed.items() if name != "request_body_buffer_limit"}
    yield {**_route(route, match), "typed_per_filter_config": _UNSIGNED}


def _route(route: ServiceRoute, match: Value) -> Value:
    answer: Value
    if route.state is RouteState.STOPPED:
        answer = {"direct_response": {"status": 400}}
    else:
        answer = {"route": _action(route), "request_body_buffer_limit": {"value": route.max_body_bytes}}
    return {"name": route.service_id, "match": match, **answer, **_absence(route)}


def _logged(route: ServiceRoute, value: Value) -> Iterator[Value]:
    """The same route, marked for the access log where calls of it are logged (`bootstrap`, access log); unchanged
    where none is. For a share of the calls a marked one stands before it, that matches so many of them."""
    if route.access_log is None:
        yield value
        return
    calls = route.access_log.calls
    known = value.get("metadata")
    known = known.get("filter_metadata", {}) if isinstance(known, Mapping) else {}
    metadata = {"filter_metadata": {**known, LOGGED: {"fields": {"calls": {"string_value": calls.value}}}}}
    if calls is LoggedCalls.ERRORS:
        yield {**value, "metadata": metadata}
        return
    own = value.get("typed_per_filter_config")
    rules = credentials.access(route.project_id, route.app_codes)
    anything = {"permissions": [{"any": True}], "principals": [{"any": True}]}
    shadow = {"action": "ALLOW", "policies": {MARKED: anything}}
    marking = typed(
        "envoy.extensions.filters.http.rbac.v3.RBACPerRoute",
        {"rbac": {"rules": rules, "shadow_rules": shadow, "shadow_rules_stat_prefix": MARK}},
    )
    marked = {
        **value,
        "metadata": metadata,
        "typed_per_filter_config": {**(own if isinstance(own, Mapping) else {}), ACCESS_FILTER: marking},
    }
    if calls is LoggedCalls.ALL:
        yield marked
        return
    match = value["match"]
    assert isinstance(match, Mapping)
    numerator = max(1, round(route.access_log.share * 1_000_000))
    fraction = {"default_value": {"numerator": numerator, "denominator": "MILLION"}}
    yield {**marked, "match": {**match, "runtime_fraction": fraction}}
    yield value


def _absence(route: ServiceRoute) -> Value:
    """What the answer to callers says (`bootstrap`, local replies) while there is no instance for them."""
    if not route.absence:
        return {}
    return {"metadata": {"filter_metadata": {ABSENCE: {"fields": {"why": {"string_value": route.absence}}}}}}


def _action(route: ServiceRoute) -> Value:
    return {
        "cluster": route.service_id,
        "prefix_rewrite": "/",
        **_hashed(route.load_balancer),
        "timeout": _duration(route.request_timeout_s),
        "retry_policy": {
            "retry_on": RETRY_ON if route.attempts.twice else RETRY_ONLY_UNSENT_ON,
            "num_retries": {"value": 1},
            **_given_up(route),
            "retry_host_predicate": [
                {
                    "name": "envoy.retry_host_predicates.previous_hosts",
                    "typed_config": typed(
                        "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", {}
                    ),
                }
            ],
            "host_selection_retry_max_attempts": 100,
            "retry_back_off": {"base_interval": {"nanos": 1_000_000}, "max_interval": {"nanos": 10_000_000}},
        },
    }


def _given_up(route: ServiceRoute) -> Value:
    """How long to wait for an answer to begin, if there is another instance to ask."""
    if route.attempts.after_s is None or len(route.instance_ids()) < 2:
        return {}
    return {"per_try_timeout": _duration(route.attempts.after_s)}


def _hashed(balancer: LoadBalancer) -> Value:
    """By what a caller's instance is chosen; only SOURCE_IP has such a rule."""
    if balancer is not LoadBalancer.SOURCE_IP:
        return {}
    return {"hash_policy": [{"connection_properties": {"source_ip": True}}]}


def _duration(seconds: float) -> Value:
    whole = int(seconds)
    return {"seconds": whole, "nanos": round((seconds - whole) * 1_000_000_000)}
