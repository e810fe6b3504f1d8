"""How Envoy reaches the instances of a service: its cluster and the endpoints in it (`translate`). Pure."""

from collections.abc import Iterable, Mapping

from modelyard.domain.address import TlsAddress, UnixAddress, parsed
from modelyard.domain.routing import Endpoint, LoadBalancer, ServiceRoute, TrackRoute
from modelyard.gateway.xds import Value, typed

MATCH = "envoy.transport_socket_match"
MODEL = "modelyard.model"
"""The metadata of an endpoint: which model answers there."""

GATEWAY_SECRET = "modelyard.gateway"  # noqa: S105 - a name
"""The certificate that identifies a gateway, with its key."""
AUTHORITY_SECRET = "modelyard.instances"  # noqa: S105 - a name
"""The authority that the certificates of instances are signed by."""

UPSTREAM_IDLE_S = 30
"""Instances keep idle connections for an hour: it is always Envoy that closes first, so no request meets a
connection that the other side is just closing."""

_UNLIMITED = {"value": 100_000}

BALANCERS: Mapping[LoadBalancer, Value] = {
    LoadBalancer.ROUND_ROBIN: {"lb_policy": "ROUND_ROBIN"},
    LoadBalancer.LEAST_CONNECTIONS: {"lb_policy": "LEAST_REQUEST"},
    LoadBalancer.SOURCE_IP: {"lb_policy": "MAGLEV", "maglev_lb_config": {"table_size": {"value": 5003}}},
}
"""All three know weighted localities. The table of SOURCE_IP holds each share to about a thousandth; Envoy's own
size would cost half a megabyte for each service."""


def cluster(route: ServiceRoute) -> Value:
    """Constant but for name, balancer, and whether instances are elsewhere: Envoy warms a changed cluster anew,
    which costs more than it is worth.

    An instance that refuses or breaks a connection, or answers too late, is left out at once and tried again
    after some seconds; the jitter keeps one request from meeting two dead ones. Only when all are out are all
    tried again (Envoy's panic, at a threshold of 1 %): with 2 of 3 dead the third gets everything. Changes of
    weights and health take effect one by one, where Envoy would gather them for a second.
    """
    thresholds = {
        "max_connections": _UNLIMITED,
        "max_pending_requests": _UNLIMITED,
        "max_requests": _UNLIMITED,
        "max_retries": _UNLIMITED,
    }
    options = {
        "common_http_protocol_options": {"idle_timeout": {"seconds": UPSTREAM_IDLE_S}},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    off = {"value": 0}
    return {
        "name": route.service_id,
        "type": "EDS",
        "eds_cluster_config": {
            "eds_config": {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": {"seconds": 5}},
        },
        "connect_timeout": {"seconds": 1},
        **BALANCERS[route.load_balancer],
        **_transport(route),
        "common_lb_config": {
            "locality_weighted_lb_config": {},
            "healthy_panic_threshold": {"value": 1},
            "update_merge_window": {},
        },
        "circuit_breakers": {"thresholds": [thresholds, {**thresholds, "priority": "HIGH"}]},
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_local_origin_failure": {"value": 1},
            "enforcing_consecutive_local_origin_failure": {"value": 100},
            "enforcing_consecutive_5xx": off,
            "enforcing_consecutive_gateway_failure": off,
            "enforcing_success_rate": off,
            "enforcing_local_origin_success_rate": off,
            "max_ejection_percent": {"value": 100},
            "interval": {"seconds": 1},
            "base_ejection_time": {"seconds": 1},
            "max_ejection_time": {"seconds": 3},
            "max_ejection_time_jitter": {"seconds": 3},
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", options
            )
        },
    }


def assignment(name: str, tracks: Iterable[TrackRoute]) -> Value:
    """A locality keeps its whole weight while one instance of it is healthy (the huge overprovisioning)."""
    return {
        "cluster_name": name,
        "endpoints": [
            {
                "locality": {"zone": f"track-{track.track}"},
                "load_balancing_weight": {"value": track.weight},
                "lb_endpoints": [_endpoint(endpoint) for endpoint in sorted(track.endpoints)],
            }
            for track in sorted(tracks, key=lambda track: track.track)
            if track.weight > 0 and track.endpoints
        ],
        "policy": {"overprovisioning_factor": {"value": 100_000}},
    }


def _endpoint(endpoint: Endpoint) -> Value:
    known: dict[str, object] = {}
    if endpoint.model:
        known[MODEL] = {"fields": {"name": {"string_value": endpoint.model}}}
    match parsed(endpoint.address):
        case UnixAddress(path):
            address: Value = {"pipe": {"path": path}}
        case TlsAddress(host, port):
            address = {"socket_address": {"address": host, "port_value": port}}
            known[MATCH] = {"fields": {"tls": {"bool_value": True}}}
    metadata = {"metadata": {"filter_metadata": known}} if known else {}
    return {"endpoint": {"address": address}, **metadata}


def _transport(route: ServiceRoute) -> Value:
    """How instances elsewhere are spoken to. Nothing for a service that has none: its cluster stays as it is.

    We show the gateway's certificate, and take no other name than that of the service from an instance. Both
    secrets come over the stream that brings this.
    """
    if not any(isinstance(parsed(e.address), TlsAddress) for t in route.tracks for e in t.endpoints):
        return {}
    ads = {"ads": {}, "resource_api_version": "V3"}
    context: Value = {
        "sni": route.service_id,
        "common_tls_context": {
            "tls_params": {"tls_minimum_protocol_version": "TLSv1_3"},
            "tls_certificate_sds_secret_configs": [{"name": GATEWAY_SECRET, "sds_config": ads}],
            "combined_validation_context": {
                "default_validation_context": {
                    "match_typed_subject_alt_names": [
                        {"san_type": "DNS", "matcher": {"exact": route.service_id}},
                    ],
                },
                "validation_context_sds_secret_config": {"name": AUTHORITY_SECRET, "sds_config": ads},
            },
        },
    }
    tls = {
        "name": "tls",
        "match": {"fields": {"tls": {"bool_value": True}}},
        "transport_socket": {
            "name": "envoy.transport_sockets.tls",
            "typed_config": typed("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", context),
        },
    }
    return {"transport_socket_matches": [tls]}
