"""Bytes to what a model takes, and what a model returns to bytes.

Content types are found by looking at the body first: a JSON document cannot begin with `--`, a multipart body
must; so the hot path reads no header.
"""

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import msgspec

from modelyard_runtime.errors import RequestError, bad_input

Items = Generator[Any, Any, Any] | AsyncGenerator[Any, Any]
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


def plain(value: Any) -> Any:
    """Called for what JSON does not know: numpy and torch values, data frames, other iterables."""
    for name in ("tolist", "to_dict"):
        convert = getattr(value, name, None)
        if convert is not None:
            return convert(orient="records") if hasattr(value, "columns") else convert()
    if hasattr(value, "numpy"):  # a TensorFlow tensor
        return value.numpy().tolist()
    if hasattr(value, "__iter__"):
        return list(value)
    raise NotImplementedError(f"{type(value).__name__} cannot be written as JSON")


_encode = msgspec.json.Encoder(enc_hook=plain).encode


class _Streams(Exception):
    """A generator was met where the answer is encoded."""


def _plain_or_streams(value: Any) -> Any:
    if isinstance(value, (Generator, AsyncGenerator)):
        raise _Streams
    return plain(value)


_encode_or_stream = msgspec.json.Encoder(enc_hook=_plain_or_streams).encode


def encode_or_stream(answer: Any) -> bytes | Items:
    """The same; but a generator is handed back as it is, to be streamed. One inside an answer becomes a list."""
    try:
        return _encode_or_stream(answer)
    except _Streams:
        return answer if isinstance(answer, (Generator, AsyncGenerator)) else encode(answer)


def encode(answer: Any) -> bytes:
    """JSON; NaN and infinities become null. Raises TypeError, ValueError or NotImplementedError."""
    return _encode(answer)
