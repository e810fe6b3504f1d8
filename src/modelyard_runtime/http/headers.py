"""A request header that something depends on: one that cannot be read is refused, never taken for missing."""

from typing import Any

from modelyard_runtime.errors import RequestError


def header(headers: Any, name: str) -> str:
    """`name` is in lower case; "" when there is none. Raises RequestError (400) for one that is not ASCII:
    Granian does not pass on its value, RFC 9110 gives its bytes no meaning, and no header read here needs them."""
    value = headers.get(name)
    if value is None:
        if name not in headers:
            return ""
    elif value.isascii():
        return str(value)
    raise RequestError(
        400, "ModelArts.4105", f"The header {name.title()} must be ASCII (names beyond: name*=UTF-8''…)."
    )
