"""What Envoy is started with: its listener, its filters, its log of calls. Pure.

Nothing here changes while it runs. Services come over ADS, and so do the two filters that do change, the keys
of the token check and the revocations; a change of the listener would drain every connection.

All paths are relative to the data directory, which is Envoy's working directory: a Unix path holds 107 bytes.
"""

import json
import socket

from modelyard.gateway import credentials, signatures, tracing
from modelyard.gateway.clusters import MODEL
from modelyard.gateway.envoy_json import Json, typed
from modelyard.gateway.replies import local_replies
from modelyard.gateway.translate import (
    ACCESS_FILTER,
    BUFFER_FILTER,
    DENY_FILTER,
    JWT_FILTER,
    LIMIT_FILTER,
    LOGGED,
    MARK,
    MARKED,
    PREFIX,
    SIGNATURE_FILTER,
    SIGNATURE_HEAD_FILTER,
)

XDS_SOCKET = "gateway/xds.sock"
ADMIN_SOCKET = "gateway/admin.sock"
COUNTER = "modelyard.requests"
LATENCY = "modelyard.latency"
LATENCY_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Bounds of its buckets."""
GENERATION = 2
"""To be raised when resources refer to something that an Envoy started with an earlier bootstrap does not have (a
filter, a cluster): it is then replaced, which breaks connections. No other change of the bootstrap needs that."""
DEFAULT_MAX_BODY_BYTES = 12 * 1024 * 1024

ACCESS_FIELDS = {
    "access": "%ROUTE_NAME%",
    "bytes_in": "%BYTES_RECEIVED%",
    "bytes_out": "%BYTES_SENT%",
    "caller": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    "code": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "duration_ms": "%DURATION%",
    "flags": "%RESPONSE_FLAGS%",
    "instance": "%UPSTREAM_HOST%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:PATH)%",
    "reference": "%RESP(X-MODELYARD-REFERENCE)%",
    "request": "%REQ(X-REQUEST-ID)%",
    "start_ms": "%START_TIME(%s%3f)%",
}
"""What a line of the access log holds; `core.access_lines` reads it."""

_HEAP = "envoy.resource_monitors.fixed_heap"
_LARGEST: Json = {"scaling_threshold": 0.85, "saturation_threshold": 0.95}
_RBAC = "envoy.extensions.filters.http.rbac.v3.RBAC"
_ADS: Json = {"ads": {}, "resource_api_version": "V3", "initial_fetch_timeout": "0s"}
"""No timeout: an Envoy that starts answers nobody before it knows everything."""


LEAST_MEMORY_BYTES = 512 * 1024 * 1024


def memory_bound(total_bytes: int) -> int:
    """How much Envoy may hold on a machine with so much memory: a quarter. 8 GiB: 2 GiB."""
    return max(total_bytes // 4, LEAST_MEMORY_BYTES)


def bootstrap(host: str, port: int, memory_bytes: int = LEAST_MEMORY_BYTES, traced: float = 0.0) -> str:
    """The bootstrap as JSON. `memory_bytes` bounds what all requests together make it hold. `traced`: the share of
    requests that are traced where their callers do not say (0: nothing here knows of tracing)."""
    return json.dumps(
        {
            "node": {"id": "modelyard", "cluster": "modelyard"},
            "admin": {"address": {"pipe": {"path": ADMIN_SOCKET, "mode": 0o600}}},
            "dynamic_resources": {"cds_config": _ADS, "ads_config": _ads()},
            "static_resources": {
                "listeners": [_listener(host, port, traced)],
                "clusters": [*_control_plane(), *([_of_control_plane(tracing.CLUSTER)] if traced else [])],
            },
            **({"layered_runtime": tracing.runtime()} if traced else {}),
            "stats_config": {
                "histogram_bucket_settings": [
                    {"match": {"prefix": LATENCY}, "buckets": [bound * 1_000_000 for bound in LATENCY_S]}
                ],
                "stats_matcher": {
                    "inclusion_list": {
                        "patterns": [
                            {"prefix": COUNTER},
                            {"prefix": LATENCY},
                            {"prefix": "http.gateway.downstream_"},
                            {"prefix": "server."},
                            {"prefix": "control_plane."},
                        ]
                    }
                },
            },
            "overload_manager": {
                "refresh_interval": "0.05s",
                "buffer_factory_config": {"minimum_account_to_track_power_of_two": 20},
                "actions": _relief(),
                "loadshed_points": [
                    {
                        "name": "envoy.load_shed_points.http1_server_abort_dispatch",
                        "triggers": [{"name": _HEAP, "scaled": _LARGEST}],
                    }
                ],
                "resource_monitors": [
                    {
                        "name": _HEAP,
                        "typed_config": typed(
                            "envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                            max_heap_size_bytes=memory_bytes,
                        ),
                    },
                    {
                        "name": "envoy.resource_monitors.global_downstream_max_connections",
                        "typed_config": typed(
                            "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                            max_active_downstream_connections=100_000,
                        ),
                    },
                ],
            },
        },
        indent=1,
    )


def _relief() -> list[Json]:
    """What is given up as memory runs out: first new requests (503), then those whose body is still coming: any of
    HTTP/1 (with the load shed point), the largest ones of HTTP/2.

    The heap is looked at twenty times a second, since a fast caller fills it within one.
    """

    def above(name: str, share: float) -> Json:
        return {"name": name, "triggers": [{"name": _HEAP, "threshold": {"value": share}}]}

    return [
        above("envoy.overload_actions.shrink_heap", 0.7),
        above("envoy.overload_actions.stop_accepting_requests", 0.8),
        {
            "name": "envoy.overload_actions.reset_high_memory_stream",
            "triggers": [{"name": _HEAP, "scaled": _LARGEST}],
        },
    ]


def _ads() -> Json:
    return {
        "api_type": "DELTA_GRPC",
        "transport_api_version": "V3",
        "set_node_on_first_message_only": True,
        "grpc_services": [
            {
                "envoy_grpc": {
                    "cluster_name": "control-plane",
                    "retry_policy": {"retry_back_off": {"base_interval": "0.05s", "max_interval": "0.5s"}},
                }
            }
        ],
    }


def _control_plane() -> list[Json]:
    """Its routes come from there, and answers about signed requests, which must not be too many at a time: one
    connection of few streams, and a queue for it that ends."""
    most = {"max_connections": 1, "max_pending_requests": signatures.MOST_WAITING}
    streams = {"max_concurrent_streams": signatures.MOST_AT_ONCE}
    return [_of_control_plane("control-plane"), _of_control_plane(signatures.CLUSTER, [most], streams)]


def _of_control_plane(name: str, thresholds: list[Json] | None = None, http2: Json | None = None) -> Json:
    options: Json = {"explicit_http_config": {"http2_protocol_options": http2 or {}}}
    endpoint = {"endpoint": {"address": {"pipe": {"path": XDS_SOCKET}}}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
        **({"circuit_breakers": {"thresholds": thresholds}} if thresholds else {}),
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": typed(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions", **options
            )
        },
    }


def _listener(host: str, port: int, traced: float) -> Json:
    manager = {"name": "http", "typed_config": {**_connection_manager(), **tracing.manager(traced)}}
    return {
        "name": "gateway",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "enable_reuse_port": False,  # one socket for all workers …
        "socket_options": [_shared_port()],  # … beside that of whoever keeps the port for us (processes/ports.py)
        "tcp_backlog_size": 4096,
        "filter_chains": [{"filters": [manager]}],
    }


def _shared_port() -> Json:
    return {"level": socket.SOL_SOCKET, "name": socket.SO_REUSEPORT, "int_value": 1, "state": "STATE_PREBIND"}


def _connection_manager() -> Json:
    return typed(
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="gateway",
        codec_type="AUTO",
        use_remote_address=True,
        internal_address_config={"cidr_ranges": [{"address_prefix": "255.255.255.255", "prefix_len": 32}]},
        server_header_transformation="PASS_THROUGH",
        preserve_external_request_id=True,
        always_set_request_id_in_response=True,
        # The two that a request pays for bound how long it may take to come in. The rest is bounded by the timeout
        # of its route, and the idle time of a stream would be set anew with each part of each message.
        request_headers_timeout="30s",
        request_timeout="300s",
        stream_idle_timeout="0s",
        stream_flush_timeout="60s",  # of HTTP/2: who never takes its answer; costs HTTP/1 nothing
        http2_protocol_options={
            "max_concurrent_streams": 100,
            "initial_stream_window_size": 1024 * 1024,
            "initial_connection_window_size": 4 * 1024 * 1024,
        },
        early_header_mutation_extensions=[_own_headers()],
        scoped_routes=_scoped_routes(),
        http_filters=[
            _dynamic(JWT_FILTER, "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication"),
            signatures.head_filter_config(SIGNATURE_HEAD_FILTER),
            signatures.filter_config(SIGNATURE_FILTER),
            _dynamic(DENY_FILTER, _RBAC),
            {"name": ACCESS_FILTER, "typed_config": typed(_RBAC)},
            {
                "name": LIMIT_FILTER,
                "disabled": True,  # but for the services that have a limit: their routes bring its configuration
                "typed_config": typed(
                    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit", stat_prefix="limit"
                ),
            },
            {
                "name": BUFFER_FILTER,
                "disabled": True,  # but for the routes of services: what leads nowhere is answered by its headers
                "typed_config": typed(
                    "envoy.extensions.filters.http.buffer.v3.Buffer", max_request_bytes=DEFAULT_MAX_BODY_BYTES
                ),
            },
            {
                "name": "router",
                "typed_config": typed(
                    "envoy.extensions.filters.http.router.v3.Router",
                    suppress_envoy_headers=True,
                    dynamic_stats=False,
                ),
            },
        ],
        access_log=[_counter(), _latency(), _access_log()],
        local_reply_config=local_replies(),
    )


def _own_headers() -> Json:
    """The path without its query, so that the id in it can be cut out: /v1/infers/ID?x=1. And what only the checks
    may say is taken off.

    PATH: as it is, and not as a caller says it was (x-envoy-original-path)."""
    header = {"key": "x-modelyard-path", "value": "%PATH(NQ:PATH)%"}
    append = {"append": {"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}}
    return {
        "name": "own-headers",
        "typed_config": typed(
            "envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
            mutations=[append, *({"remove": name} for name in credentials.FROM_CHECKS)],
        ),
    }


def _scoped_routes() -> Json:
    """One route configuration per service; its key is the fourth part of the path."""
    extractor = {"name": "x-modelyard-path", "element_separator": "/", "index": PREFIX.count("/")}
    return {
        "name": "services",
        "scope_key_builder": {"fragments": [{"header_value_extractor": extractor}]},
        "rds_config_source": _ADS,
        "scoped_rds": {"scoped_rds_config_source": _ADS},
    }


def _dynamic(name: str, message: str) -> Json:
    return {
        "name": name,
        "config_discovery": {"config_source": _ADS, "type_urls": [f"type.googleapis.com/{message}"]},
    }


def _counter() -> Json:
    """Counts every request once, however often it was tried: by service (the name of its route) and answer."""
    tags = [
        {"name": "service", "value_format": "%ROUTE_NAME%"},
        {"name": "code", "value_format": "%RESPONSE_CODE%"},
    ]
    prefix, _, name = COUNTER.rpartition(".")
    return {
        "name": "counter",
        "typed_config": typed(
            "envoy.extensions.access_loggers.stats.v3.Config",
            stats_scope={"prefix": prefix},
            counters=[{"stat": {"name": name, "tags": tags}, "value_fixed": 1}],
        ),
    }


def _latency() -> Json:
    """How long every answered request took until its answer began, by service, status, and the model that answered
    (of the instance's endpoint, `translate`). The end of an answer would count how long streams and WebSockets
    live; a caller that left before any answer has no time.

    All three are one tag: three cost Envoy 3 % of a request, one within the noise (docs/decisions)."""
    tags = [{"name": "of", "value_format": f"%ROUTE_NAME% %RESPONSE_CODE% %UPSTREAM_METADATA({MODEL}:name)%"}]
    prefix, _, name = LATENCY.rpartition(".")
    answered = {"comparison": {"op": "GE", "value": {"default_value": 100, "runtime_key": "modelyard.answered"}}}
    took = {"unit": "Microseconds", "value_format": "%COMMON_DURATION(DS_RX_BEG:DS_TX_BEG:us)%"}
    return {
        "name": "latency",
        "filter": {"status_code_filter": answered},
        "typed_config": typed(
            "envoy.extensions.access_loggers.stats.v3.Config",
            stats_scope={"prefix": prefix},
            histograms=[{"stat": {"name": name, "tags": tags}, **took}],
        ),
    }


def _access_log() -> Json:
    """One line of JSON, to the output that our shim keeps (`access_output`), for a call of a route that asked for
    it: a failed one of a marked route, and any that the filter of the access marked (`translate`). What another
    call costs is a look at its status, and one for a mark that is not there.

    Never a query, a body or a credential. The path is as the instance sees it."""
    status = {"comparison": {"op": "GE", "value": {"default_value": 400, "runtime_key": "modelyard.failed"}}}
    cel = typed(
        "envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter",
        expression=f"'{LOGGED}' in xds.route_metadata.filter_metadata",
    )
    failed = {"or_filter": {"filters": [{"status_code_filter": status}, {"response_flag_filter": {}}]}}
    of_marked_route = {"extension_filter": {"name": "cel", "typed_config": cel}}
    mark = {
        "filter": "envoy.filters.http.rbac",
        "path": [{"key": f"{MARK}shadow_effective_policy_id"}],
        "value": {"string_match": {"exact": MARKED}},
    }
    marked = {"metadata_filter": {"matcher": mark, "match_if_key_not_found": False}}
    return {
        "name": "access",
        "filter": {"or_filter": {"filters": [{"and_filter": {"filters": [failed, of_marked_route]}}, marked]}},
        "typed_config": typed(
            "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog",
            log_format={"json_format": ACCESS_FIELDS, "omit_empty_values": True},
        ),
    }
