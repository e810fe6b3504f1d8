"""What a model returns to JSON: each value is written as what it is, or refused with its type and place.

    str, int, float, bool, None and what derives from them     as what they derive from
    NaN, infinities, pandas' NA and NaT                        null
    mappings, named rows (dataclasses, pydantic)               objects
    sequences, sets, views, iterators, arrays, tensors         lists
    data frames                                                lists of objects, a row each
    dates, times, durations, of Python, numpy and pandas       ISO 8601; nanoseconds only where there are some;
                                                               UTC where the offset has seconds
    bytes                                                      base64 (RFC 4648)
    Decimal, UUID, Period, UserString                          text
    anything else                                              Unwritable

Keys are written like values, as text (`true`, `null`, numbers), a column of several levels as pandas does. Two
keys of one object that would be written alike are refused where they are noticed.

Most answers are written by msgspec at once, with `_known` for what it does not know. What that cannot write is
walked here, in Python, which also finds the place of what nobody can write. Both write a value alike: what msgspec
knows is left to it, names of fields and texts of keys are its own. What a value is goes by what it derives from.
"""

import dataclasses
import re
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from modelyard_runtime.protocols.values import (
    Unwritable,
    exact,
    has_odd_offset,
    key_text,
    objects_of,
    plain,
    short,
    type_name,
)

Items = Generator[Any, Any, Any] | AsyncGenerator[Any, Any]


MOST_DEEP = 200


class _Walk(Exception):
    """Something can be read only once, or its place matters: msgspec must not write it."""


def encode(answer: Any) -> bytes:
    """Raises Unwritable, or whatever an iterator of the model raises."""
    try:
        written = _encode(answer)
        if not _tells_an_offset(written) or not _inexact(answer):
            return written
    except _LEFT_TO_THE_WALK:
        pass
    return msgspec.json.encode(walked(answer))


def encode_lines(answers: list[Any]) -> bytes:
    """Each as `encode` writes it, with a newline behind it. Raises likewise."""
    try:
        written = _encode_lines(answers)
        if not _tells_an_offset(written) and written.count(b"\n") == len(answers):
            return written
    except _LEFT_TO_THE_WALK:
        pass
    return b"".join([encode(answer).replace(b"\n", b" ") + b"\n" for answer in answers])


def encode_or_stream(answer: Any) -> bytes | Items:
    """The same; but a generator is handed back as it is, to be streamed. One inside an answer becomes a list."""
    if type(answer) is not dict and isinstance(answer, (Generator, AsyncGenerator)):
        return answer
    return encode(answer)


def walked(value: Any, place: str = "", depth: int = 0) -> Any:
    """`value` in the types that msgspec writes by itself. Raises Unwritable with the place."""
    kind = type(value)
    if depth > MOST_DEEP:
        what = (
            f"is nested more than {MOST_DEEP} deep, or contains itself (here is a value of type {type_name(kind)})"
        )
        raise Unwritable(what, _cut(place))
    if kind is str:
        return _text(value, place)
    if kind is datetime or kind is time:
        return exact(value)
    if kind in _SELF:
        return value
    if isinstance(value, dict):
        return _object(dict.items(value), place, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [walked(each, f"{place}[{n}]", depth + 1) for n, each in enumerate(_items(value))]
    if isinstance(value, msgspec.Struct):
        return _struct(value, place, depth)
    names = _fields(value)
    if names is not None:
        return _object(
            ((name, each) for name in names if (each := getattr(value, name, _UNSET)) is not _UNSET), place, depth
        )
    if isinstance(value, Mapping):
        return _object(value.items(), place, depth)
    try:
        simpler = plain(value)
    except Unwritable as error:
        raise Unwritable(error.what, _cut(place)) from None
    if kind is type(simpler):  # never in itself
        raise Unwritable(f"is of type {type_name(kind)}, which cannot be written as JSON", _cut(place))
    return walked(simpler, place, depth + (type(simpler) is not list))


def _items(value: Any) -> Iterator[Any]:
    """As msgspec reads what derives from lists and tuples, whatever iterates it otherwise."""
    if isinstance(value, list):
        return list.__iter__(value)
    return tuple.__iter__(value) if isinstance(value, tuple) else iter(value)


def _struct(value: msgspec.Struct, place: str, depth: int) -> Any:
    """A Struct by its own rules: renamed, tagged, as an array, without its defaults."""
    config = value.__struct_config__
    fields = [(field, getattr(value, field.name, _UNSET)) for field in msgspec.structs.fields(value)]
    tag: list[Any] = [] if config.tag is None else [config.tag]
    if config.array_like:
        return tag + [walked(each, f"{place}[{n}]", depth + 1) for n, (_, each) in enumerate(fields, len(tag))]
    items = [
        (field.encode_name, each)
        for field, each in fields
        if each is not _UNSET and not (config.omit_defaults and _is_default(field, each))
    ]
    return _object([(config.tag_field, config.tag)] * len(tag) + items, place, depth)


def _is_default(field: msgspec.structs.FieldInfo, value: Any) -> bool:
    factory = field.default_factory
    return value is field.default or (factory in (list, dict, set) and type(value) is factory and not value)


def _object(items: Any, place: str, depth: int) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for key, value in items:
        try:
            name = _text(key_text(key), place)
        except Unwritable as error:
            raise Unwritable(error.what, _cut(place)) from None
        if name in written:
            raise Unwritable(f"has two keys that are both written {short(name)}", _cut(place))
        written[name] = walked(value, f"{place}[{short(name)}]", depth + 1)
    return written


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unwritable(f"is the text {short(ascii(value)[1:-1])}, which is not Unicode", _cut(place)) from None
    return value


def _fields(value: Any) -> Sequence[str] | None:
    """The names that msgspec writes of a dataclass, or of a class of attrs."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    names = getattr(kind, "__attrs_attrs__", None)
    return None if names is None or kind is type else [each.name for each in names if each.name[0] != "_"]


def _tells_an_offset(written: bytes) -> bool:
    """Whether there may be a time with an offset in it. Looks for signs that are rare: most answers have none."""
    if _Z in written and b'Z"' in written:
        return True
    return (_MINUS in written and _WEST(written) is not None) or (_PLUS in written and _EAST(written) is not None)


def _inexact(answer: Any) -> bool:
    """Whether msgspec may have met a time with an odd offset in it. What derives from one comes by `plain`."""
    todo = [answer]
    while todo:
        value = todo.pop()
        kind = type(value)
        if kind in _HARMLESS:
            continue
        if kind is datetime or kind is time:
            if value.tzinfo is not UTC and has_odd_offset(value):
                return True
        elif isinstance(value, dict):
            todo.extend(dict.keys(value))
            todo.extend(dict.values(value))
        elif isinstance(value, (list, tuple, set, frozenset)):
            todo.extend(value)
        elif not isinstance(value, _ATOMS):
            inner = objects_of(value)
            if inner is None:
                return True
            todo.extend(inner)
    return False


def _known(value: Any) -> Any:
    """For msgspec. What can be read only once is left to the walk: after a failure it could not be read again."""
    if isinstance(value, (Iterator, AsyncGenerator)):
        raise _Walk
    if type(value) in (bool, type(None), tuple):  # a key, which msgspec asks for like a value
        raise _Walk
    return plain(value)


_encoder = msgspec.json.Encoder(enc_hook=_known)
_encode, _encode_lines = _encoder.encode, _encoder.encode_lines


_LEFT_TO_THE_WALK = (
    _Walk,
    TypeError,
    ValueError,
    NotImplementedError,
    RecursionError,
    OverflowError,
    BufferError,
)


_Z, _PLUS, _MINUS = b"Z+-"


_WEST = re.compile(rb'-\d\d:\d\d"').search


_EAST = re.compile(rb'\+\d\d:\d\d"').search


_UNSET = msgspec.UNSET


_SELF = frozenset(
    {
        str,
        int,
        float,
        bool,
        type(None),
        bytes,
        bytearray,
        datetime,
        date,
        time,
        timedelta,
        Decimal,
        UUID,
        msgspec.Raw,
    }
)


_HARMLESS = frozenset({str, int, float, bool, type(None), date, timedelta, Decimal, UUID, bytes})


_ATOMS = (
    str,
    int,
    float,
    type(None),
    bytes,
    bytearray,
    memoryview,
    datetime,
    date,
    time,
    timedelta,
    Decimal,
    UUID,
)


def _cut(place: str) -> str:
    return place if len(place) <= 200 else place[:197] + "…"
