"""What opens a service, as Envoy's own checks. Pure: values in, parts of Envoy's configuration out.

    X-Auth-Token       a JWT of ours (jwt_authn), which says who calls: its claim `access`
    X-Apig-AppCode     one of the service's codes, compared whole (RBAC)
    Authorization      a signature of the SDK: Envoy cannot check it and asks the control plane (ext_authz), which
                       answers with the same line; see gateway.signatures

Who calls is one line (`domain.identity.Access`), handed from the check to the rules (RBAC) in a header that
callers cannot send: Envoy takes it off first. A header, because Envoy copies all claims of a token for each
request if the rules are to read them as metadata; that cost a tenth of all its work on a request.

A token that is there must be good, also beside a code. Only a request that brings one of the other two may come
without. Then three rules refuse, in the order of their names: `code` (no credential was right: 401), `project`
(403), `role` (403).

A code is 64 random hexadecimal digits. Envoy's comparison ends at the first difference of a machine word or more:
what a caller could learn from its time is far below what a network lets them measure, and 256 bits leave no prefix
to guess. Codes are in Envoy's memory and in config dumps of its administration socket, which is 0600.
"""

import re
from collections.abc import Mapping, Sequence

from modelyard.domain.identity import INVOKE, of_project, of_roles, of_token, of_user
from modelyard.gateway.xds import Value

TOKEN = "X-Auth-Token"  # noqa: S105 - the name of a header
APP_CODE = "x-apig-appcode"
AUTHORIZATION = "authorization"
SIGNED = "SDK-HMAC-SHA256"
SIGNATURE = rf"{SIGNED} Access=[!-+.-~-]+, ?SignedHeaders=[!-+.-~-]+, ?Signature=[0-9a-f]+"
"""What `iam.signature` reads, but for lengths: Envoy takes no regular expression whose program has more than 100
steps. Anything else is no credential, nor is one without a date."""
DATE = "x-sdk-date"
SIGNED_HEADERS: Sequence[Value] = (
    {"name": AUTHORIZATION, "string_match": {"safe_regex": {"google_re2": {}, "regex": SIGNATURE}}},
    {"name": DATE, "present_match": True},
)
"""What a request looks like that is signed."""
ACCESS = "x-modelyard-access"
ISSUED = "x-modelyard-issued"
"""When the token was issued, seconds since 1970."""
CREDENTIALS = (TOKEN.lower(), APP_CODE, AUTHORIZATION)
FROM_CHECKS = (ACCESS, ISSUED)
"""Headers that the checks set and the rules read."""


def token_check(jwks_json: str, issuer: str) -> Value:
    """401 comes before anything else, also for unknown services."""
    provider = {
        "issuer": issuer,
        "local_jwks": {"inline_string": jwks_json},
        "from_headers": [{"name": TOKEN}],
        "claim_to_headers": [
            {"header_name": ACCESS, "claim_name": "access"},
            {"header_name": ISSUED, "claim_name": "iat"},
        ],
        "forward": True,  # later filters see that there was one; the router takes it off
        "jwt_cache_config": {"jwt_cache_size": 1000, "jwt_max_token_size": 8192},
        "clock_skew_seconds": SKEW_S,
    }
    needed = {"provider_name": "modelyard"}
    code = {"name": APP_CODE, "present_match": True}
    if_there = {"requires_any": {"requirements": [needed, {"allow_missing": {}}]}}
    return {
        "providers": {"modelyard": provider},
        "rules": [
            {"match": {"connect_matcher": {}}, "requires": needed},  # it has no path, and no other rule sees it
            {"match": {"prefix": "/", "headers": [code]}, "requires": if_there},
            {"match": {"prefix": "/", "headers": SIGNED_HEADERS}, "requires": if_there},
            {"match": {"prefix": "/"}, "requires": needed},
        ],
    }


SKEW_S = 5
"""As `iam.tokens.SKEW_S`."""


def revoked(users: Mapping[str, int], tokens: Mapping[str, frozenset[str]], settled_s: int = 0) -> Value:
    """Refuses tokens of a user that were issued before a time (seconds since 1970), single ones by id, and those
    that say they were issued later than now: no revocation by time could reach them. `settled_s`: what was issued
    before that second is not asked (a comparison with the clock costs more than one with a number)."""
    principals = [
        _all({"header": _says(of_user(user))}, {"header": _issued_before(before_s)})
        for user, before_s in sorted(users.items())
    ]
    for user, ids in sorted(tokens.items()):
        single = _any(*({"header": _says(of_token(one))} for one in sorted(ids)))
        principals.append(_all({"header": _says(of_user(user))}, single))
    policies = {"early": _early(settled_s)}
    if principals:
        policies["revoked"] = {"permissions": [{"any": True}], "principals": principals}
    return {"rules": {"action": "DENY", "policies": policies}}


def access(project_id: str, codes: Sequence[str]) -> Value:
    """The rules of one service."""
    opened = [{"header": _header(APP_CODE, exact=code)} for code in sorted(codes)]
    roles = [{"header": _says(role)} for role in of_roles(INVOKE)]
    return {
        "action": "DENY",
        "policies": {
            "code": _unless({"header": {"name": ACCESS, "present_match": True}}, *opened),
            "project": _unless({"header": _says(of_project(project_id))}, *opened),
            "role": _unless(*roles, *opened),
        },
    }


def redacted(text: str) -> str:
    """A complaint of Envoy's, which may quote what it was sent, without the codes in it."""
    return re.sub(r"[0-9a-f]{64}", "…", text)


def _unless(*principals: Value) -> Value:
    return {"permissions": [{"any": True}], "principals": [{"not_id": _any(*principals)}]}


def _any(*principals: Value) -> Value:
    return {"or_ids": {"ids": list(principals)}}


def _all(*principals: Value) -> Value:
    return {"and_ids": {"ids": list(principals)}}


def _says(part: str) -> Value:
    return _header(ACCESS, contains=part)


def _issued_before(second: int) -> Value:
    return {"name": ISSUED, "range_match": {"start": 0, "end": second}}


def _early(settled_s: int) -> Value:
    """int(request.headers[ISSUED]) > int(request.time) + SKEW_S, which is asked only of the newest tokens."""
    newest = {"name": ISSUED, "range_match": {"start": settled_s, "end": 2**62}}
    header = _call("_[_]", _of_request("headers"), {"const_expr": {"string_value": ISSUED}})
    latest = _call("_+_", _call("int", _of_request("time")), {"const_expr": {"int64_value": SKEW_S}})
    return {
        "permissions": [{"any": True}],
        "principals": [{"header": newest}],
        "condition": _call("_>_", _call("int", header), latest),
    }


def _of_request(field: str) -> Value:
    return {"select_expr": {"operand": {"ident_expr": {"name": "request"}}, "field": field}}


def _call(function: str, *args: Value) -> Value:
    return {"call_expr": {"function": function, "args": list(args)}}


def _header(name: str, **match: str) -> Value:
    return {"name": name, "string_match": match}
