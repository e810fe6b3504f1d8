"""Conditions become answers here and nowhere else: status, code of `error_codes.tsv`, text (contract §1.2).

Every error answer has one shape:

    {"error_code": "ModelArts.3522", "error_msg": "config[0].instance_count: is 9; …", "message": "…the same…",
     "details": [{"field": "config[0].instance_count", "error_code": "ModelArts.3522", "error_msg": "is 9; …"}]}

`details` is there when fields of the request are to blame. Below /v3 an `error` in Keystone's shape is added.
"""

import logging
from collections.abc import Mapping, Sequence

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from modelyard.api.binding import replayed
from modelyard.api.body import BodyTooLarge, UnsupportedMedia
from modelyard.api.paths import path_of
from modelyard.api.ranges import UnsatisfiableRange
from modelyard.api.transfers import TooSlow
from modelyard.domain.errors import (
    AlreadyExists,
    Conflict,
    DomainError,
    Forbidden,
    Invalid,
    KeyReused,
    NotFound,
    Stale,
    TooBusy,
    Unauthenticated,
    Unsupported,
    Violation,
)
from modelyard.domain.texts import message, printable, shortened
from modelyard.logs.base import LogsUnavailableError
from modelyard.objects.base import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreError,
)
from modelyard.operations.object_intake import ObjectTooLarge
from modelyard.operations.services.preconditions import Answered
from modelyard.operations.uploads import WrongOffset
from modelyard.store.base import StoreUnavailableError

log = logging.getLogger(__name__)

STATUS_OF_CODE: Mapping[str, int] = {"3507": 404, "3503": 409, "3002": 409, "4310": 403}
"""Statuses of violations; every other code of a violation is 400."""

NOT_FOUND_CODE: Mapping[str, str] = {
    "service": "3502",
    "model": "3001",
    "cluster": "3547",
    "token": "0203",
    "bucket": "4311",
}
NO_OBJECT = "4312"
NO_ACCESS = "4310"
TOO_SLOW = "4205"
EXISTS_CODE: Mapping[str, str] = {"service": "3503", "model": "3002"}
INTERNAL = "0010"
MAX_VIOLATIONS = 50
MAX_FIELD = 200
UNKNOWN_API = "4204"
KEY, WHOLE_KEY = "{key}", "{key:path}"
"""An object's key may have slashes; OpenAPI has no word for that."""
RETRY_AFTER_S = "1"


def install(app: FastAPI) -> None:
    """Have `app` answer every condition in the one shape."""
    app.add_exception_handler(DomainError, _condition)
    app.add_exception_handler(UnsupportedMedia, _unsupported_media)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(StoreUnavailableError, _unavailable)
    app.add_exception_handler(LogsUnavailableError, _logs_unavailable)
    for kind in (ObjectStoreError, WrongOffset, ObjectTooLarge, TooSlow, UnsatisfiableRange):
        app.add_exception_handler(kind, _of_objects)


def answer(
    request: Request, status: int, code: str, text: str, violations: tuple[Violation, ...] = ()
) -> Response:
    """The one shape, bounded however long what was sent is."""
    request.scope["state"]["error_code"] = code
    told = [Violation(message(v.field, MAX_FIELD), message(v.text), v.code) for v in violations[:MAX_VIOLATIONS]]
    more = len(violations) - len(told)
    text = message(_said(told, more) if violations else text)
    content: dict[str, object] = {"error_code": f"ModelArts.{code}", "error_msg": text, "message": text}
    if any(v.field for v in told):
        content["details"] = [
            {"field": v.field, "error_code": f"ModelArts.{v.code}", "error_msg": v.text} for v in told
        ]
    if request.scope["path"].startswith("/v3"):
        content["error"] = {"code": status, "message": text, "title": "Error"}
    return JSONResponse(content, status_code=status)


def _said(told: Sequence[Violation], more: int) -> str:
    texts = [f"{v.field}: {v.text}" if v.field else v.text for v in told]
    return "; ".join([*texts, *([f"and {more} more"] if more else [])])


def internal(request: Request, error: Exception, request_id: str) -> Response:
    """A fault of ours: the trace goes to the log, the caller gets the id to quote."""
    log.error("request %s failed: %s %s", request_id, request.method, path_of(request.scope), exc_info=error)
    return answer(request, 500, INTERNAL, f"Internal error. Quote request {request_id} when you report it.")


async def _unsupported_media(request: Request, error: Exception) -> Response:
    assert isinstance(error, UnsupportedMedia)
    response = answer(request, 415, "0104", str(error))
    response.headers[error.header[0]] = error.header[1]
    return response


async def _condition(request: Request, error: Exception) -> Response:
    match error:
        case Invalid():
            first = error.violations[0]
            return answer(request, STATUS_OF_CODE.get(first.code, 400), first.code, "", error.violations)
        case Unsupported():
            violation = Violation(error.field, error.text)
            return answer(request, 400, violation.code, str(error), (violation,))
        case NotFound():
            text = f"{error.kind.capitalize()} {shortened(printable(error.key), MAX_FIELD)} does not exist."
            return answer(request, 404, NOT_FOUND_CODE.get(error.kind, "0104"), text)
        case AlreadyExists():
            key = shortened(printable(error.key), MAX_FIELD)
            text = f"{error.kind.capitalize()} {key} already exists. {error.hint}".rstrip()
            return answer(request, 409, EXISTS_CODE.get(error.kind, "0104"), text)
        case Answered():
            return replayed(error)
        case Stale():
            return answer(request, 412, "0104", str(error))
        case KeyReused():
            return answer(request, 409, "0104", str(error))
        case Conflict():
            return answer(request, 400, error.code, str(error))
        case Forbidden():
            return answer(request, 403, error.code, str(error))
        case Unauthenticated():
            return answer(request, 401, error.code, str(error))
        case TooBusy():
            response = answer(request, 503, INTERNAL, str(error))
            response.headers["Retry-After"] = RETRY_AFTER_S
            return response
        case BodyTooLarge():
            return answer(request, 413, "4104", str(error))
    raise error


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    method, path = request.scope["state"]["method"], path_of(request.scope)
    if error.status_code == 404 and method != "CONNECT":
        response = answer(request, 404, UNKNOWN_API, f"API {method} {path} does not exist.")
    elif error.status_code in {404, 405}:  # CONNECT names a host, and no path: nothing is allowed there
        response = answer(request, 405, UNKNOWN_API, f"{path} does not know method {method}.")
        response.headers["Allow"] = ""
        if methods := _known_methods(request):
            response.headers["Allow"] = ", ".join(sorted(methods))
            return response
    else:
        response = answer(request, error.status_code, "0104", str(error.detail))
    response.headers.update(error.headers or {})
    return response


def _known_methods(request: Request) -> set[str]:
    """What the most literal path takes, of all its routes: the framework names only the first one's (RFC 9110,
    15.5.6)."""
    documented = request.app.openapi()["paths"]
    asked = request.scope["path"]
    matching = [path for path in documented if compile_path(path.replace(KEY, WHOLE_KEY))[0].match(asked)]
    path = min(matching, key=lambda path: path.count("{"), default=None)
    methods = set() if path is None else {method.upper() for method in documented[path]}
    return methods | {"HEAD"} if "GET" in methods else methods


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    violations = tuple(Violation(".".join(map(str, one["loc"][1:])), str(one["msg"])) for one in error.errors())
    return answer(request, 400, "0104", "; ".join(f"{v.field}: {v.text}" for v in violations), violations)


async def _unavailable(request: Request, error: Exception) -> Response:
    log.error("the store is unavailable: %s", error)
    return answer(request, 503, INTERNAL, "The database cannot be used now; nothing was changed. Try again.")


async def _logs_unavailable(request: Request, error: Exception) -> Response:
    log.error("the logs are unavailable: %s", error)
    response = answer(request, 503, INTERNAL, "The logs cannot be read now. Try again.")
    response.headers["Retry-After"] = RETRY_AFTER_S
    return response


async def _of_objects(request: Request, error: Exception) -> Response:
    match error:
        case ObjectNotFoundError():
            return answer(request, 404, NO_OBJECT, str(error))
        case ObjectRefusedError():
            return answer(request, 403, NO_ACCESS, str(error))
        case ObjectExistsError() | ObjectChangedError():
            return answer(request, 412, "0104", str(error))
        case ObjectTooLarge():
            return answer(request, 413, "4104", str(error))
        case TooSlow():
            return answer(request, 408, TOO_SLOW, str(error))
        case WrongOffset():
            response = answer(request, 409, error.code, str(error))
            response.headers["Upload-Offset"] = str(error.offset)
            return response
        case UnsatisfiableRange():
            response = answer(request, 416, "0104", str(error))
            response.headers["Content-Range"] = f"bytes */{error.size}"
            return response
    log.error("the object store is unavailable: %s", error)
    response = answer(request, 503, INTERNAL, f"The object store cannot be used now. Try again. ({error})")
    response.headers["Retry-After"] = RETRY_AFTER_S
    return response
