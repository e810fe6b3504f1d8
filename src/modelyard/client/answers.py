"""Answers of the server: values, or the conditions they stand for. Pure."""

import httpx

from modelyard.client.errors import ApiError, Away
from modelyard.client.records import Json

OF_PROXIES = frozenset({502, 503, 504})
REQUEST_ID = "X-Request-Id"
"""Every answer of the API and of the gateway has one, those of models too."""
TEXTS = ("text/", "application/xml", "application/x-ndjson")


def json_object(response: httpx.Response) -> Json:
    """The JSON object of an answer; {} for an answer without a body."""
    answer = response.json() if response.content else {}
    return answer if isinstance(answer, dict) else {"answer": answer}


def value(content: bytes, content_type: str) -> object:
    """What a model answered: parsed JSON, text, or the bytes of anything else (an image).

    >>> value(b'{"a": 1}', "application/json"), value(b"hi", "text/plain"), value(b"{}", "image/png")
    ({'a': 1}, 'hi', b'{}')
    """
    kind = content_type.partition(";")[0].strip().lower()
    response = httpx.Response(200, content=content, headers={"Content-Type": content_type})
    if kind and not kind.endswith("json") and not kind.startswith(TEXTS):
        return content
    try:
        parsed: object = response.json()
    except ValueError:
        return response.text
    return parsed


def raise_for_answer(response: httpx.Response) -> None:
    """ApiError for any answer outside 2xx, from the API's error shape (or Keystone's, or none). Away for one that
    a proxy gave because nothing behind it did."""
    if response.is_success:
        return
    code, message = "", ""
    details: tuple[tuple[str, str], ...] = ()
    try:
        answer = response.json()
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        nested = answer.get("error")
        code = str(answer.get("error_code") or "")
        details = _details(answer.get("details"))
        message = str(answer.get("error_msg") or (nested.get("message") if isinstance(nested, dict) else "") or "")
    request_id = response.headers.get(REQUEST_ID, "")
    if response.status_code in OF_PROXIES and not (code or message or request_id):
        said = f"{response.status_code} {response.reason_phrase}"
        raise Away(f"a proxy answered {said}: the server behind it did not answer")
    if not message:
        message = response.text.strip()[:500] or f"{response.status_code} {response.reason_phrase}"
    raise ApiError(response.status_code, code, message, request_id, details)


def _details(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return ()
    return tuple((str(one.get("field")), str(one.get("error_msg"))) for one in value if isinstance(one, dict))
