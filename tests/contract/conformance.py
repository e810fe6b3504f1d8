"""What every conformance test asks of an answer (contract §1)."""

from typing import Any

import httpx
from pydantic import TypeAdapter

from modelyard.api.schemas.answer import Answer


def nulls(value: Any, at: str = "") -> list[str]:
    """Where an answer says null."""
    if value is None:
        return [at or "."]
    if isinstance(value, dict):
        return [found for key, inner in value.items() for found in nulls(inner, f"{at}.{key}")]
    if isinstance(value, list):
        return [found for i, inner in enumerate(value) for found in nulls(inner, f"{at}[{i}]")]
    return []


def conforms(answer: httpx.Response, model: type[Answer]) -> Any:
    """The body of a success that has exactly the fields and types of `model`."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert isinstance(body, dict)
    assert nulls(body) == []
    TypeAdapter(model).validate_json(answer.content)
    return body


def arrays(body: dict[str, Any]) -> list[str]:
    """The top-level arrays of an answer."""
    return [key for key, value in body.items() if isinstance(value, list)]


def error(answer: httpx.Response, status: int, code: str) -> Any:
    """The body of an error in the one shape."""
    body = answer.json()
    assert (answer.status_code, body["error_code"]) == (status, f"ModelArts.{code}"), answer.text
    assert body["message"] == body["error_msg"] != ""
    assert answer.headers["x-request-id"]
    assert answer.headers["x-openstack-request-id"]
    return body
