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
import io
import math
import re
from collections import UserString, deque
from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterator,
    Mapping,
    MappingView,
    Sequence,
    Set,
)
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

Items = Generator[Any, Any, Any] | AsyncGenerator[Any, Any]

MOST_DEEP = 200
_LISTS = (Sequence, Set, MappingView, deque)
_NS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}


class Unwritable(TypeError):
    """`place` is the way to the value from the answer, as Python would write it: `["a"][0]`."""

    def __init__(self, what: str, place: str = "") -> None:
        super().__init__(what, place)
        self.what = what
        self.place = place

    def __str__(self) -> str:
        return f"answer{self.place} {self.what}"


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


def encode_or_stream(answer: Any) -> bytes | Items:
    """The same; but a generator is handed back as it is, to be streamed. One inside an answer becomes a list."""
    if type(answer) is not dict and isinstance(answer, (Generator, AsyncGenerator)):
        return answer
    return encode(answer)


def plain(value: Any) -> Any:
    """One step from `value`, which is none of JSON's own types, towards what JSON knows. Raises Unwritable."""
    known = _converter(type(value))  # type: ignore[arg-type]  # types are hashable
    if known is not None:
        return known(value)
    if isinstance(value, Enum):
        return value.value
    for base, convert in _BASES:
        if isinstance(value, base):
            return convert(value)
    if isinstance(value, Mapping):
        return dict(value.items())
    kind = type(value)
    for name, arguments in _METHODS:
        method = getattr(value, name, None)
        if callable(method) and not isinstance(value, type):
            result = method(**arguments)
            if type(result) is not kind:
                return result
    if isinstance(value, AsyncGenerator):
        raise Unwritable("is an asynchronous generator inside an answer, which cannot be written as JSON")
    if isinstance(value, _LISTS) or (isinstance(value, Iterator) and not isinstance(value, io.IOBase)):
        return list(value)  # type: ignore[arg-type]
    if hasattr(value, "numpy"):  # a TensorFlow tensor
        return value.numpy()
    raise Unwritable(f"is of type {_name(kind)}, which cannot be written as JSON")


def walked(value: Any, place: str = "", depth: int = 0) -> Any:
    """`value` in the types that msgspec writes by itself. Raises Unwritable with the place."""
    kind = type(value)
    if depth > MOST_DEEP:
        what = f"is nested more than {MOST_DEEP} deep, or contains itself (here is a value of type {_name(kind)})"
        raise Unwritable(what, _cut(place))
    if kind is str:
        return _text(value, place)
    if kind is datetime or kind is time:
        return _exact(value)
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
        raise Unwritable(f"is of type {_name(kind)}, which cannot be written as JSON", _cut(place))
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


def key_text(key: Any) -> str:
    """How a key is written. Raises Unwritable."""
    if type(key) is str:
        return key
    if key is None or key is True or key is False:
        return {None: "null", True: "true", False: "false"}[key]
    if type(key) is datetime or type(key) is time:
        key = _exact(key)
    try:
        return str(*msgspec.json.decode(msgspec.json.encode({key: None})))
    except (TypeError, ValueError, NotImplementedError, OverflowError):
        pass
    if isinstance(key, str):
        return str.__str__(key)
    try:
        simpler = plain(key)
    except Unwritable:
        simpler = key
    if isinstance(simpler, msgspec.Raw):
        return bytes(simpler).decode()
    if type(simpler) is type(key) or isinstance(simpler, (list, tuple, dict)):
        raise Unwritable(f"has a key of type {_name(type(key))}, which cannot be written as JSON")
    return key_text(simpler)


def _object(items: Any, place: str, depth: int) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for key, value in items:
        try:
            name = _text(key_text(key), place)
        except Unwritable as error:
            raise Unwritable(error.what, _cut(place)) from None
        if name in written:
            raise Unwritable(f"has two keys that are both written {_short(name)}", _cut(place))
        written[name] = walked(value, f"{place}[{_short(name)}]", depth + 1)
    return written


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unwritable(f"is the text {_short(ascii(value)[1:-1])}, which is not Unicode", _cut(place)) from None
    return value


def _fields(value: Any) -> Sequence[str] | None:
    """The names that msgspec writes of a dataclass, or of a class of attrs."""
    kind = type(value)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    names = getattr(kind, "__attrs_attrs__", None)
    return None if names is None or kind is type else [each.name for each in names if each.name[0] != "_"]


# RFC 3339 has no seconds in an offset, and msgspec drops them.


def _exact(value: datetime | time) -> datetime | str:
    """`value`, in UTC where its offset has seconds; a time of no day as Python writes it."""
    if not _has_odd_offset(value):
        return value  # type: ignore[return-value]
    try:
        return value.astimezone(UTC)  # type: ignore[union-attr]
    except (AttributeError, OverflowError):
        return value.isoformat()


def _has_odd_offset(value: datetime | time) -> bool:
    offset = value.utcoffset()
    return offset is not None and bool(offset.seconds % 60 or offset.microseconds)


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
            if value.tzinfo is not UTC and _has_odd_offset(value):
                return True
        elif isinstance(value, dict):
            todo.extend(dict.keys(value))
            todo.extend(dict.values(value))
        elif isinstance(value, (list, tuple, set, frozenset)):
            todo.extend(value)
        elif not isinstance(value, _ATOMS):
            inner = _objects(value)
            if inner is None:
                return True
            todo.extend(inner)
    return False


def _objects(value: Any) -> list[Any] | None:
    """What an array, a series or a frame has of Python's own objects; None for anything else."""
    known = _converter(type(value))  # type: ignore[arg-type]  # types are hashable
    if known is None:
        return None
    if known is _rows:
        return [value.iloc[:, n] for n, dtype in enumerate(value.dtypes) if dtype.kind == "O"]
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "V":
        return None
    return list(value.reshape(-1) if known is _of_numpy else value) if kind == "O" else []


# numpy and pandas, which may not be installed: whoever has a value of theirs has imported them.


def _of_numpy(value: Any) -> Any:
    kind = value.dtype.kind
    if kind == "c":
        raise Unwritable("is a complex number, which cannot be written as JSON")
    special = kind in ("M", "m") or (kind == "f" and value.dtype.itemsize > 8)
    names = value.dtype.names
    if value.ndim and (special or kind == "O" or names):
        return list(value)
    if names:
        return [value[name] for name in names]
    if kind == "M":
        return _moment(value)
    if kind == "m":
        return _span(value)
    if special:  # a long double keeps its digits
        return msgspec.Raw(str(value).encode()) if math.isfinite(value) else None
    return value.tolist()


def _moment(value: Any) -> Any:
    """numpy's datetime64: a date, a time to the microsecond as Python has it, or text where that is not enough."""
    import numpy as np

    if np.isnat(value):
        return None
    unit, _ = np.datetime_data(value.dtype)
    if unit in ("Y", "M"):
        return str(np.datetime_as_string(value))
    if unit in ("ns", "ps", "fs", "as"):
        coarse = value.astype("datetime64[us]")
        if coarse.astype(value.dtype) != value:
            return str(np.datetime_as_string(value))
        value = coarse
    moment = value.item()
    return moment if isinstance(moment, date) else str(np.datetime_as_string(value))


def _span(value: Any) -> Any:
    import numpy as np

    if np.isnat(value):
        return None
    unit, step = np.datetime_data(value.dtype)
    count = int(value.astype("int64")) * step
    if unit in ("Y", "M"):
        return f"P{count}{unit}"
    if unit == "generic":
        raise Unwritable("is a duration without a unit, which cannot be written as JSON")
    if unit in ("ps", "fs", "as"):
        raise Unwritable(f"is a duration in {unit}, which cannot be written as JSON")
    weeks = {"W": 604_800, "D": 86_400, "h": 3_600, "m": 60}
    return duration(count * (weeks[unit] * 10**9 if unit in weeks else _NS[unit]))


def duration(ns: int) -> str:
    """ISO 8601 with days and seconds, as msgspec writes Python's: 90061.5 s is `P1DT3661.5S`."""
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    days, rest = divmod(ns, 86_400 * 10**9)
    seconds, fraction = divmod(rest, 10**9)
    tail = f"{seconds}.{fraction:09d}".rstrip("0") if fraction else str(seconds)
    if not days:
        return f"{sign}PT{tail}S"
    return f"{sign}P{days}D" + (f"T{tail}S" if rest else "")


def _timestamp(value: Any) -> Any:
    if _has_odd_offset(value):
        value = value.tz_convert("UTC")
    if not value.nanosecond:
        return value.to_pydatetime()
    return value.isoformat().removesuffix("+00:00") + ("Z" if value.isoformat().endswith("+00:00") else "")


def _rows(frame: Any) -> list[dict[str, Any]]:
    names = [_label(each) for each in frame.columns]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Unwritable(f"is a data frame with several columns named {_short(twice)}")
    columns = [frame.iloc[:, n].tolist() for n in range(len(names))]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _label(label: Any) -> str:
    """A column of several levels is named as DataFrame.to_json names it: `('a', 'x')`."""
    if not isinstance(label, tuple):
        return key_text(label)
    return str(tuple(each if type(each) in (int, float, str) else key_text(each) for each in label))


_LIBRARIES: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("numpy", "ndarray"): _of_numpy,
    ("numpy", "generic"): _of_numpy,
    ("pandas", "NAType"): lambda _: None,
    ("pandas", "NaTType"): lambda _: None,
    ("pandas", "Timestamp"): _timestamp,
    ("pandas", "Timedelta"): lambda value: duration(int(value.as_unit("ns").value)),
    ("pandas", "Period"): str,
    ("pandas", "DataFrame"): _rows,
    ("pandas", "Series"): lambda value: value.tolist(),
    ("pandas", "Index"): lambda value: value.tolist(),
}


@lru_cache(maxsize=512)
def _converter(kind: type) -> Callable[[Any], Any] | None:
    """By what `kind` derives from: a script's own subclass of a data frame is one, too. No library is imported."""
    for each in kind.__mro__:
        converter = _LIBRARIES.get((str(each.__module__).partition(".")[0], each.__name__))
        if converter is not None:
            return converter
    return None


def _known(value: Any) -> Any:
    """For msgspec. What can be read only once is left to the walk: after a failure it could not be read again."""
    if isinstance(value, (Iterator, AsyncGenerator)):
        raise _Walk
    if type(value) in (bool, type(None), tuple):  # a key, which msgspec asks for like a value
        raise _Walk
    return plain(value)


_encode = msgspec.json.Encoder(enc_hook=_known).encode
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


def _identity(value: Any) -> Any:
    return value


_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes),
    (bytearray, bytes),
    (datetime, lambda v: _exact(datetime.fromisoformat(datetime.isoformat(v)))),
    (date, lambda v: date(v.year, v.month, v.day)),
    (time, lambda v: _exact(time.fromisoformat(time.isoformat(v)))),
    (timedelta, lambda v: timedelta(v.days, v.seconds, v.microseconds)),
    (Decimal, Decimal),
    (UUID, lambda v: UUID(int=v.int)),
    (UserString, str),
    (memoryview, memoryview.tobytes),
)
_UNSET = msgspec.UNSET
_METHODS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tolist", {}),
    ("to_list", {}),
    ("to_dicts", {}),  # polars
    ("to_pylist", {}),  # Arrow
    ("model_dump", {}),  # pydantic
    ("to_dict", {}),
)
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


def _name(kind: type) -> str:
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"[:200]


def _short(text: str) -> str:
    return '"' + (text if len(text) <= 60 else text[:57] + "…") + '"'


def _cut(place: str) -> str:
    return place if len(place) <= 200 else place[:197] + "…"
