"""Bytes to what a model takes (`answers` is the way back). What a body is comes from its Content-Type alone:

multipart/…                                  a form (`multipart`)
application/json, …+json, text/…, none,      JSON; in the charset that it says, else UTF-8, with or without a
application/x-www-form-urlencoded            byte order mark. (What `curl -d` and browsers call a text is JSON
                                             here; a form without files is multipart too.)
anything else (image/png, …/octet-stream)    the bytes as they are
"""

import codecs
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from modelyard_runtime.errors import RequestError, bad_input

JSON_TYPES = frozenset({"", "application/json", "application/x-www-form-urlencoded"})
UTF_8 = "utf-8"
FORM = "form"
BYTES = "bytes"
_decode_json = msgspec.json.Decoder().decode


def decode(body: bytes, header: Callable[[str], str]) -> Any:
    """The request as a dict (or whatever JSON it is), a form, or bytes. Raises RequestError (400)."""
    said = header("content-type")
    kind = _kind(said)
    if kind is not UTF_8:
        if kind is FORM:
            from modelyard_runtime.protocols import multipart

            return multipart.form(body, multipart.boundary(said))
        if kind is BYTES:
            return body
        body = _text(body, kind).encode()
    if not body:
        raise RequestError(400, "ModelArts.4202", "Empty request.")
    try:
        return _decode_json(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if body.startswith(codecs.BOM_UTF8):
            return decode(body.removeprefix(codecs.BOM_UTF8), lambda _name: "")
        raise bad_input(f"{error}.{_advice(said)}") from None


def given(data: Any, body: bytes, header: Callable[[str], str]) -> Any:
    """What a script that parses its text itself gets: the text of a JSON body; any other as it was decoded."""
    kind = _kind(header("content-type"))
    return data if kind is FORM or kind is BYTES else _text(body, kind).removeprefix("\ufeff")


@lru_cache(maxsize=256)
def _kind(content_type: str) -> str:
    """FORM, BYTES, or the charset of JSON. (Callers repeat theirs; what is kept of others is bounded.)"""
    name, _, options = content_type.partition(";")
    name = name.strip().lower()
    if name.startswith("multipart/"):
        return FORM
    if name not in JSON_TYPES and not name.startswith("text/") and not name.endswith("+json"):
        return BYTES
    if not options:
        return UTF_8
    from modelyard_runtime.protocols.parameters import parameters

    try:
        said = parameters(content_type)[1].get("charset")
    except ValueError as error:
        raise bad_input(f"The Content-Type {error}.") from None
    return UTF_8 if said is None else charset(said.strip("\"' "))


def charset(name: str) -> str:
    """Its usual name. Raises RequestError (400)."""
    try:
        codec = codecs.lookup(name)
    except (LookupError, ValueError):
        raise bad_input(f"The charset {name[:80]!r} is not known.") from None
    if not codec._is_text_encoding:  # rot13, zlib: transformations of bytes
        raise bad_input(f"The charset {name[:80]!r} is not one of texts.")
    return UTF_8 if codec.name in (UTF_8, "ascii") else codec.name


def _text(body: bytes, name: str) -> str:
    try:
        return body.decode(name)
    except (UnicodeDecodeError, UnicodeError) as error:
        raise bad_input(f"It is not text in {name}: {error}.") from None


def _advice(content_type: str) -> str:
    name = content_type.partition(";")[0].strip().lower()
    if name == "application/x-www-form-urlencoded":
        return " (A form is sent as multipart/form-data; this type is read as JSON.)"
    return (
        "" if name.endswith("json") else f" (The Content-Type {name[:80] or 'is missing, which'} is read as JSON.)"
    )
