"""Requests signed with an access key: Envoy asks the control plane about each (ext_authz over gRPC).

Only a request with a complete `Authorization: SDK-HMAC-SHA256 …`, an X-Sdk-Date and no token is asked about: no
other one meets Python. It is asked about twice: by its headers, so that an unknown access key or a wrong date is
refused before the body comes; then, since the signature covers it, with the body, which Envoy holds (up to
MAX_BODY_BYTES) until the answer is there. Whoever asks is unknown till then, so few bodies come at a time. The
others wait in Envoy; those beyond MOST_WAITING are refused with 503, as are all without a control plane, or
without its database. Requests with tokens or AppCodes go on.

Here: Envoy's messages on one side, plain values on the other. Who signed, and whether they may, is decided by the
`Check` that the gateway is given.
"""

import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from modelyard.domain.identity import Access
from modelyard.gateway import credentials, xds

METHOD = "/envoy.service.auth.v3.Authorization/Check"
CLUSTER = "signatures"
MAX_BODY_BYTES = 12 * 1024 * 1024
MOST_AT_ONCE = 4
"""How many bodies one worker of Envoy hands to the control plane at a time."""
MOST_WAITING = 64
"""How many more wait for that, of all workers; beyond, 503."""

HEAD = ("x-modelyard-asked", "head")
"""Metadata of a question that comes before the body."""

_UNAUTHENTICATED = 16
_MATCH = "envoy.type.matcher.v3.HttpRequestHeaderMatchInput"


@dataclass(frozen=True, slots=True)
class SignedCall:
    """A request as it came in: `path` and `query` still percent-encoded. `body` None: it has not come yet."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[bytes, bytes]] = field(repr=False)
    body: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the caller is answered; `code` is the number of an error code."""

    status: int
    code: str
    text: str


Check = Callable[[SignedCall], Awaitable[Access | Refusal]]


async def unknown(call: SignedCall) -> Access | Refusal:
    """The check of a gateway that was given none."""
    del call
    return Refusal(401, "0201", "Signed requests are not accepted here; use a token or an AppCode.")


async def answer(check: Check, body: bytes, asked: Iterable[tuple[str, object]] = ()) -> bytes:
    """One CheckRequest to its CheckResponse. `asked`: the metadata of the call, which tells who asks."""
    by_head = HEAD in asked
    verdict = await check(_call(body, by_head=by_head))
    if isinstance(verdict, Refusal):
        return xds.pack("envoy.service.auth.v3.CheckResponse", _refused(verdict))
    if by_head:  # nothing is proven yet
        return xds.pack("envoy.service.auth.v3.CheckResponse", {"status": {}, "ok_response": {}})
    return xds.pack("envoy.service.auth.v3.CheckResponse", {"status": {}, "ok_response": _accepted(verdict)})


def _call(body: bytes, *, by_head: bool) -> SignedCall:
    http = xds.message("envoy.service.auth.v3.CheckRequest", body).attributes.request.http
    path, _, query = http.path.partition("?")
    headers = [(h.key, h.raw_value or h.value.encode()) for h in http.header_map.headers]
    named = [(key.encode(), bytes(value)) for key, value in headers if not key.startswith(":")]
    if not any(key == b"host" for key, _ in named):
        named.append((b"host", http.host.encode()))
    came = None if by_head else http.raw_body or http.body.encode()
    return SignedCall(http.method, path, query, named, came)


def _accepted(access: Access) -> Mapping[str, object]:
    header = {"key": credentials.ACCESS, "value": access.text()}
    return {"headers": [{"header": header, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}]}


def _refused(refusal: Refusal) -> Mapping[str, object]:
    body = {"error_code": f"ModelArts.{refusal.code}", "error_msg": refusal.text, "message": refusal.text}
    denied = {"status": {"code": refusal.status}, "body": json.dumps(body)}
    return {"status": {"code": _UNAUTHENTICATED}, "denied_response": denied}


def head_filter_config(name: str) -> Mapping[str, object]:
    """The filter that asks before the body, as a part of the bootstrap. Alone it proves nothing."""
    key, value = HEAD
    return _filter(name, {"initial_metadata": [{"key": key, "value": value}]}, {})


def filter_config(name: str) -> Mapping[str, object]:
    """The filter that asks with the body, as a part of the bootstrap."""
    return _filter(name, {}, {"with_request_body": {"max_request_bytes": MAX_BODY_BYTES, "pack_as_bytes": True}})


def _filter(name: str, service: Mapping[str, object], more: Mapping[str, object]) -> Mapping[str, object]:
    """Asks about signed requests, and lets all others by."""
    authz = {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
        "transport_api_version": "V3",
        "grpc_service": {"envoy_grpc": {"cluster_name": CLUSTER}, "timeout": "10s", **service},
        **more,
        "encode_raw_headers": True,
        "failure_mode_allow": False,
        "status_on_error": {"code": "ServiceUnavailable"},
    }
    signed = _header(credentials.AUTHORIZATION, _regex(credentials.SIGNATURE))
    dated = _header(credentials.DATE, _regex(".+"))
    with_token = _header(credentials.TOKEN.lower(), _regex(".+"))
    skip = "type.googleapis.com/envoy.extensions.filters.common.matcher.action.v3.SkipFilter"
    others = {"or_matcher": {"predicate": [{"not_matcher": signed}, {"not_matcher": dated}, with_token]}}
    by = {"action": {"name": "skip", "typed_config": {"@type": skip}}}
    return {
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.common.matching.v3.ExtensionWithMatcher",
            "extension_config": {"name": "envoy.filters.http.ext_authz", "typed_config": authz},
            "xds_matcher": {"matcher_list": {"matchers": [{"predicate": others, "on_match": by}]}},
        },
    }


def _regex(text: str) -> Mapping[str, object]:
    return {"safe_regex": {"google_re2": {}, "regex": text}}


def _header(name: str, match: Mapping[str, object]) -> Mapping[str, object]:
    read = {"@type": f"type.googleapis.com/{_MATCH}", "header_name": name}
    return {"single_predicate": {"input": {"name": name, "typed_config": read}, "value_match": match}}
