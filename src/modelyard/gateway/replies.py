"""What Envoy answers itself, where no instance does: a part of its bootstrap. Pure."""

from modelyard.gateway import credentials
from modelyard.gateway.envoy_json import Json, typed
from modelyard.gateway.translate import ABSENCE

INVALID_CODE = "Invalid AppCode: it is unknown, was deleted, or its app is not bound to this service."


def local_replies() -> Json:
    """Envoy's own answers in the shape of the API. First match wins; a model's answers are not touched."""
    details = "response.code_details"
    denied = f"{details} == 'jwt_authn_access_denied"
    return {
        "mappers": [
            _reply(
                f"{details} == 'jwt_authn_access_denied{{Jwt_is_missing}}'", 401, "0201", "Token doesn't exist."
            ),
            _reply(
                f"{denied}{{Jwt_is_expired}}'",
                401,
                "0202",
                "Invalid token header because the token has expired.",
            ),
            _reply(f"{details}.startsWith('jwt_authn_access_denied')", 401, "0203", "Invalid token."),
            _reply(
                f"{details} == 'rbac_access_denied_matched_policy[revoked]'",
                401,
                "0203",
                "Invalid token: the user's access was changed after it was issued.",
            ),
            _reply(
                f"{details} == 'rbac_access_denied_matched_policy[early]'",
                401,
                "0203",
                "Invalid token: it says that it was issued in the future.",
            ),
            _reply(
                f"{details} == 'rbac_access_denied_matched_policy[code]'",
                401,
                "0203",
                INVALID_CODE,
            ),
            _reply(
                f"{details} == 'rbac_access_denied_matched_policy[project]'",
                403,
                "0210",
                "The project of the service does not match the token.",
            ),
            _reply(
                f"{details} == 'rbac_access_denied_matched_policy[role]'",
                403,
                "0108",
                "You are not authorized to call services: the role admin, member or invoker is needed.",
            ),
            {
                **_reply(f"{details} == 'ext_authz_denied'", 0, "0206", ""),
                "body_format_override": {
                    "text_format_source": {"inline_string": "%LOCAL_REPLY_BODY%"},
                    "content_type": "application/json",
                },
            },
            _reply(
                f"{details} == 'ext_authz_error'",
                503,
                "4302",
                "The signature cannot be checked now. Requests with a token or an AppCode are answered.",
            ),
            _reply(
                f"response.code == 404 && !('{credentials.TOKEN.lower()}' in request.headers)"
                f" && '{credentials.APP_CODE}' in request.headers",
                401,
                "0203",
                INVALID_CODE,
            ),
            _reply("response.code == 404", 404, "3502", "Service at %REQ(x-modelyard-path)% does not exist."),
            _reply(
                f"{details} == 'direct_response'",
                400,
                "4203",
                "Invalid request because requested service %ROUTE_NAME% is unavailable: it is stopped.",
            ),
            _reply(
                "response.code == 413",
                413,
                "4104",
                "Invalid request body because the size exceeds the maximum size allowed.",
            ),
            _reply("response.code == 429", 429, "4206", "Excessive number of requests to %ROUTE_NAME%."),
            _reply(
                "response.code == 504",
                504,
                "4503",
                "Failed to obtain the backend service because it did not answer in time.",
            ),
            _reply(
                f"{details} == 'overload'",
                503,
                "4302",
                "The gateway holds as much as it may: try again.",
            ),
            _reply("response.code == 501", 400, "0101", "Invalid request: %RESPONSE_CODE_DETAILS%."),
            _reply(
                f"response.code >= 500 && '{ABSENCE}' in xds.route_metadata.filter_metadata",
                503,
                "4302",
                f"Service %ROUTE_NAME% cannot answer: %METADATA(ROUTE:{ABSENCE}:why)%.",
            ),
            _reply(
                "response.code >= 500",
                503,
                "4302",
                "Gateway forwarding error because no instance of %ROUTE_NAME% could answer (%RESPONSE_FLAGS%).",
            ),
        ],
        "body_format": _body("0101", "Invalid request: %RESPONSE_CODE_DETAILS%."),
    }


def _reply(condition: str, status: int, code: str, text: str) -> Json:
    cel = typed("envoy.extensions.access_loggers.filters.cel.v3.ExpressionFilter", expression=condition)
    return {
        "filter": {"extension_filter": {"name": "cel", "typed_config": cel}},
        **({"status_code": status} if status else {}),
        "body_format_override": _body(code, text),
        "headers_to_add": [{"header": {"key": "x-openstack-request-id", "value": "%REQ(X-REQUEST-ID)%"}}],
    }


def _body(code: str, text: str) -> Json:
    return {"json_format": {"error_code": f"ModelArts.{code}", "error_msg": text, "message": text}}
