"""Envoy's messages: the one place that touches the generated protobuf classes, which are untyped.

`pack` turns a plain mapping into the bytes of a message; what a mapping may hold is what the message's
constructor takes (nested mappings, lists, `{"seconds": 1}` for durations, `{"value": 1}` for wrapped numbers,
and the result of `typed` wherever Envoy wants an Any). Packing is deterministic: equal mappings give equal
bytes, so that the hash of the bytes can name a version over restarts of the control plane.
"""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from functools import cache
from hashlib import blake2b
from importlib import import_module
from typing import Any

from google.protobuf import json_format

type_prefix = "type.googleapis.com/"

_MODULES = {
    "envoy.config.cluster.v3.Cluster": "cluster_pb2",
    "envoy.config.endpoint.v3.ClusterLoadAssignment": "endpoint_pb2",
    "envoy.config.route.v3.ScopedRouteConfiguration": "scoped_route_pb2",
    "envoy.config.core.v3.TypedExtensionConfig": "extension_pb2",
    "envoy.config.route.v3.FilterConfig": "route_components_pb2",
    "envoy.extensions.filters.http.rbac.v3.RBAC": "rbac_pb2",
    "envoy.extensions.filters.http.rbac.v3.RBACPerRoute": "rbac_pb2",
    "envoy.extensions.filters.http.buffer.v3.BufferPerRoute": "buffer_pb2",
    "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit": "local_rate_limit_pb2",
    "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication": "config_pb2",
    "envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate": "previous_hosts_pb2",
    "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext": "tls_pb2",
    "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": "http_protocol_options_pb2",
    "envoy.service.auth.v3.CheckRequest": "external_auth_pb2",
    "envoy.service.auth.v3.CheckResponse": "external_auth_pb2",
    "envoy.service.discovery.v3.DeltaDiscoveryRequest": "discovery_pb2",
    "envoy.service.discovery.v3.DeltaDiscoveryResponse": "discovery_pb2",
}

Value = Mapping[str, object]


class Kind(StrEnum):
    """The resource types that the gateway publishes, in the order in which an Envoy that starts asks for them."""

    CLUSTER = "envoy.config.cluster.v3.Cluster"
    ENDPOINTS = "envoy.config.endpoint.v3.ClusterLoadAssignment"
    FILTER = "envoy.config.core.v3.TypedExtensionConfig"
    ROUTE = "envoy.config.route.v3.ScopedRouteConfiguration"

    @property
    def url(self) -> str:
        return type_prefix + self.value


@cache
def _message(name: str) -> Any:
    return getattr(import_module(f"{name.rpartition('.')[0]}.{_MODULES[name]}"), name.rpartition(".")[2])


def pack(name: str, value: Value) -> bytes:
    """The bytes of message `name`. ValueError or TypeError if the value does not fit the message."""
    packed: bytes = _message(name)(**value).SerializeToString(deterministic=True)
    return packed


def typed(name: str, value: Value) -> Value:
    """The value as an Any."""
    return {"type_url": type_prefix + name, "value": pack(name, value)}


def message(name: str, body: bytes) -> Any:
    """The message in these bytes, untyped."""
    return _message(name).FromString(body)


def version(body: bytes) -> str:
    """Names the content: sixteen hexadecimal digits."""
    return blake2b(body, digest_size=8).hexdigest()


def salted(body: bytes, salt: str) -> bytes:
    """A ScopedRouteConfiguration that means the same and is not equal: its routes go by another name.

    Protobuf merges what is appended to a message, so this needs no unpacking.
    """
    return body + pack(Kind.ROUTE.value, {"route_configuration": {"name": salt}})


def readable(name: str, body: bytes) -> str:
    """The message as indented JSON, for people and golden files."""
    message = _message(name).FromString(body)
    shown = json_format.MessageToDict(message, preserving_proto_field_name=True)
    return json.dumps(shown, indent=2, sort_keys=True) + "\n"


def response(url: str, resources: Sequence[tuple[str, str, bytes]], removed: Sequence[str], nonce: str) -> bytes:
    """A DeltaDiscoveryResponse; each resource is name, version, packed body."""
    return pack(
        "envoy.service.discovery.v3.DeltaDiscoveryResponse",
        {
            "type_url": url,
            "nonce": nonce,
            "removed_resources": list(removed),
            "resources": [
                {"name": name, "version": version, "resource": {"type_url": url, "value": body}}
                for name, version, body in resources
            ],
        },
    )


def request(body: bytes) -> tuple[str, str, str, tuple[str, ...], tuple[str, ...], dict[str, str]]:
    """A DeltaDiscoveryRequest: type URL, nonce, error ("": none), subscribed, unsubscribed, initial versions."""
    message = _message("envoy.service.discovery.v3.DeltaDiscoveryRequest").FromString(body)
    error = (message.error_detail.message or "refused") if message.HasField("error_detail") else ""
    return (
        message.type_url,
        message.response_nonce,
        error,
        tuple(message.resource_names_subscribe),
        tuple(message.resource_names_unsubscribe),
        dict(message.initial_resource_versions),
    )
