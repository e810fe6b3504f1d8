"""Reading the JSON object in a request's body, under bounds that no body can exceed."""

import json
import math
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import NoReturn

from modelyard.domain.errors import DomainError, Invalid, Violation

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
"""What no database and no process environment can hold."""

NOT_TEXT = "contains the character NUL or half a surrogate pair"


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """Bounds of a control-plane body: bytes, levels of nesting."""

    max_bytes: int = 4 * 1024 * 1024
    max_depth: int = 32


class BodyTooLarge(DomainError):
    """The body is larger than this server reads."""


async def bounded(stream: AsyncIterator[bytes], limits: BodyLimits) -> bytes:
    """The whole body; raises BodyTooLarge as soon as it is."""
    body = bytearray()
    async for piece in stream:
        body += piece
        if len(body) > limits.max_bytes:
            raise BodyTooLarge(f"the request body is larger than {limits.max_bytes} bytes")
    return bytes(body)


def json_object(body: bytes, limits: BodyLimits) -> Mapping[str, object]:
    """The JSON object in `body`; raises Invalid. Whatever Content-Type says: clients get it wrong."""
    value = json_value(body, limits)
    if not isinstance(value, dict):
        raise _malformed("the body must be a JSON object")
    return value


def json_value(body: bytes, limits: BodyLimits) -> object:
    """Any JSON value in `body`; raises Invalid."""
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise _malformed(f"the body is not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise _malformed(f"the body is nested deeper than {limits.max_depth} levels") from error
    except ValueError as error:
        raise _malformed(f"the body is not JSON: {error}") from error
    _check(value, limits)
    result: object = value
    return result


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")


def _check(root: object, limits: BodyLimits) -> None:
    """Refuse what no database and no process environment can hold, wherever it is."""
    left: list[tuple[object, int]] = [(root, 1)]
    while left:
        value, depth = left.pop()
        if depth > limits.max_depth:
            raise _malformed(f"the body is nested deeper than {limits.max_depth} levels")
        if isinstance(value, str) and UNSTORABLE.search(value):
            raise _malformed(f"the body {NOT_TEXT}")
        if isinstance(value, float) and not math.isfinite(value):
            raise _malformed("the body contains a number that is too large")
        if isinstance(value, dict):
            left += [(key, depth) for key in value]
            left += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            left += [(item, depth + 1) for item in value]


def _malformed(text: str) -> Invalid:
    return Invalid(Violation("", text, "0104"))
