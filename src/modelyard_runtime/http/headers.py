"""A header of a request, for whoever decides by it: what cannot be read is refused, never taken for missing."""

from typing import Any

from modelyard_runtime.errors import RequestError


def header(headers: Any, name: str) -> str:
    """`name` is in lower case; "" when there is none. Raises RequestError (400) for one that is not ASCII: Granian
    keeps its value to itself, RFC 9110 gives its bytes no meaning, and none that is read here needs them."""
    value = headers.get(name)
    if value is None:
        if name not in headers:
            return ""
    elif value.isascii():
        return str(value)
    raise RequestError(
        400, "ModelArts.4105", f"The header {name.title()} must be ASCII (names beyond: name*=UTF-8''…)."
    )
