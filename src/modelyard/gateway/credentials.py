"""What opens a service, as Envoy's own checks. Pure: values in, parts of Envoy's configuration out.

    X-Auth-Token       a JWT of ours: project and role are claims in it (jwt_authn, then RBAC)
    X-Apig-AppCode     one of the service's codes, compared whole (RBAC)
    Authorization      a signature of the SDK: Envoy cannot check it and asks the control plane (ext_authz), which
                       answers with the same claims; see gateway.signatures

A token that is there must be good, also beside a code. Only a request that brings one of the other two may come
without. Then three rules refuse, in the order of their names: `code` (no credential was right: 401), `project`
(403), `role` (403).

A code is 64 random hexadecimal digits. Envoy's comparison ends at the first difference of a machine word or more:
what a caller could learn from its time is far below what a network lets them measure, and 256 bits leave no prefix
to guess. Codes are in Envoy's memory and in config dumps of its administration socket, which is 0600.
"""

import re
from collections.abc import Mapping, Sequence

from modelyard.domain.identity import INVOKE
from modelyard.gateway.xds import Value

TOKEN = "X-Auth-Token"  # noqa: S105 - the name of a header
APP_CODE = "x-apig-appcode"
AUTHORIZATION = "authorization"
SIGNED = "SDK-HMAC-SHA256"
SIGNATURE = rf"{SIGNED} Access=[!-+.-~-]+, ?SignedHeaders=[!-+.-~-]+, ?Signature=[0-9a-f]+"
"""What `iam.signature` reads, but for lengths: Envoy takes no regular expression whose program has more than 100
steps. Anything else is no credential, nor is one without a date."""
DATE = "x-sdk-date"
SIGNED_KEY = "signed"
"""Where the control plane's answer about a signature puts the claims."""
CREDENTIALS = (TOKEN.lower(), APP_CODE, AUTHORIZATION)

_CLAIMS_OF_TOKEN = ("envoy.filters.http.jwt_authn", "token")
_CLAIMS_OF_SIGNATURE = ("envoy.filters.http.ext_authz", SIGNED_KEY)


def token_check(jwks_json: str, issuer: str) -> Value:
    """401 comes before anything else, also for unknown services."""
    provider = {
        "issuer": issuer,
        "local_jwks": {"inline_string": jwks_json},
        "from_headers": [{"name": TOKEN}],
        "payload_in_metadata": "token",
        "forward": True,  # later filters see that there was one; the router takes it off
        "jwt_cache_config": {"jwt_cache_size": 1000, "jwt_max_token_size": 8192},
        "clock_skew_seconds": 5,
    }
    needed = {"provider_name": "modelyard"}
    code, date = {"name": APP_CODE, "present_match": True}, {"name": DATE, "present_match": True}
    signed = {"name": AUTHORIZATION, "string_match": {"safe_regex": {"google_re2": {}, "regex": SIGNATURE}}}
    if_there = {"requires_any": {"requirements": [needed, {"allow_missing": {}}]}}
    return {
        "providers": {"modelyard": provider},
        "rules": [
            {"match": {"prefix": "/", "headers": [code]}, "requires": if_there},
            {"match": {"prefix": "/", "headers": [signed, date]}, "requires": if_there},
            {"match": {"prefix": "/"}, "requires": needed},
        ],
    }


def revoked(users: Mapping[str, int], tokens: Mapping[str, frozenset[str]]) -> Value:
    """Refuses tokens of a user that were issued before a time (seconds since 1970), and single ones by id."""
    principals = [
        {"and_ids": {"ids": [_of_token("sub", _exactly(user)), _of_token("iat", _below(before_s))]}}
        for user, before_s in sorted(users.items())
    ]
    for user, ids in sorted(tokens.items()):
        single = {"or_ids": {"ids": [_of_token("jti", _exactly(one)) for one in sorted(ids)]}}
        principals.append({"and_ids": {"ids": [_of_token("sub", _exactly(user)), single]}})
    if not principals:
        return {}
    policy = {"permissions": [{"any": True}], "principals": principals}
    return {"rules": {"action": "DENY", "policies": {"revoked": policy}}}


def access(project_id: str, codes: Sequence[str]) -> Value:
    """The rules of one service."""
    opened = [{"header": _header(APP_CODE, exact=code)} for code in sorted(codes)]
    allowed = [_exactly(role.value) for role in sorted(INVOKE)]
    roles: Value = {"list_match": {"one_of": {"or_match": {"value_matchers": allowed}}}}
    return {
        "action": "DENY",
        "policies": {
            "code": _unless(*_claim("sub", {"present_match": True}), *opened),
            "project": _unless(*_claim("project_id", _exactly(project_id)), *opened),
            "role": _unless(*_claim("roles", roles), *opened),
        },
    }


def redacted(text: str) -> str:
    """A complaint of Envoy's, which may quote what it was sent, without the codes in it."""
    return re.sub(r"[0-9a-f]{64}", "…", text)


def _unless(*principals: Value) -> Value:
    return {"permissions": [{"any": True}], "principals": [{"not_id": {"or_ids": {"ids": list(principals)}}}]}


def _claim(name: str, value: Value) -> tuple[Value, Value]:
    return _of_token(name, value), _metadata(_CLAIMS_OF_SIGNATURE, name, value)


def _of_token(name: str, value: Value) -> Value:
    return _metadata(_CLAIMS_OF_TOKEN, name, value)


def _metadata(where: tuple[str, str], name: str, value: Value) -> Value:
    path = [{"key": where[1]}, {"key": name}]
    return {"metadata": {"filter": where[0], "path": path, "value": value}}


def _header(name: str, **match: str) -> Value:
    return {"name": name, "string_match": match}


def _exactly(text: str) -> Value:
    return {"string_match": {"exact": text}}


def _below(bound: int) -> Value:
    return {"double_match": {"range": {"start": 0, "end": bound}}}
