"""Bytes to what a model takes (`answers` is the way back).

Content types are found by looking at the body first: a JSON document cannot begin with `--`, a multipart body
must; so the hot path reads no header.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from modelyard_runtime.errors import RequestError, bad_input

_decode_json = msgspec.json.Decoder().decode


def decode(body: bytes, content_type: Callable[[], str]) -> Any:
    """The request as a dict (or whatever JSON it is). Raises RequestError (400)."""
    if body[:2] == b"--":
        from modelyard_runtime import multipart

        mark = multipart.boundary(content_type())
        if mark is not None:
            return multipart.form(body, mark)
    if not body:
        raise RequestError(400, "ModelArts.4202", "Empty request.")
    try:
        return _decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise bad_input(f"{error}.") from None
