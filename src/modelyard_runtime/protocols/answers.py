"""What a model returns to JSON: each value is written as what it is, or refused with its type and place.

    str, int, float, bool, None and what derives from them     as what they derive from
    NaN, infinities, pandas' NA and NaT                        null
    mappings, named rows (dataclasses, pydantic)               objects
    sequences, sets, views, iterators, arrays, tensors         lists
    data frames                                                lists of objects, a row each
    dates, times, durations, of Python, numpy and pandas       ISO 8601; nanoseconds only where there are some
    bytes                                                      base64 (RFC 4648)
    Decimal, UUID, Period                                      text
    anything else                                              Unwritable

Keys are written as `json.dumps` writes them (`true`, `null`, numbers), times as above, a column of several levels
as pandas does. Two keys of one object that would be written alike are refused where they are noticed.

Most answers are written by msgspec at once, with `_known` for what it does not know. What that cannot write is
walked here, in Python, which also finds the place of what nobody can write.
"""

import io
import math
from collections import deque
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
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
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


class _Streams(Exception):
    """A generator was met where the answer is encoded."""


class _Walk(Exception):
    """Something can be read once only, or its place matters: not a matter for msgspec."""


def encode(answer: Any) -> bytes:
    """Raises Unwritable, or whatever an iterator of the model raises."""
    try:
        return _encode(answer)
    except (_Walk, TypeError, ValueError, NotImplementedError, RecursionError, OverflowError):
        return msgspec.json.encode(walked(answer))


def encode_or_stream(answer: Any) -> bytes | Items:
    """The same; but a generator is handed back as it is, to be streamed. One inside an answer becomes a list."""
    try:
        return _encode(answer)
    except (_Walk, TypeError, ValueError, NotImplementedError, RecursionError, OverflowError):
        if isinstance(answer, (Generator, AsyncGenerator)):
            return answer
        return msgspec.json.encode(walked(answer))


def plain(value: Any) -> Any:
    """One step from `value`, which is none of JSON's own types, towards what JSON knows. Raises Unwritable."""
    kind = type(value)
    module = kind.__module__.partition(".")[0]
    if module == "numpy":
        return _of_numpy(value)
    if module == "pandas":
        return _of_pandas(value)
    if isinstance(value, Enum):
        return value.value
    for base, convert in _BASES:
        if isinstance(value, base):
            return convert(value)
    if isinstance(value, Mapping):
        return dict(value.items())
    for name, arguments in _METHODS:
        method = getattr(value, name, None)
        if callable(method) and not isinstance(value, type):
            found = method(**arguments)
            if type(found) is not kind:
                return found
    if isinstance(value, AsyncGenerator):
        raise Unwritable("is an asynchronous generator inside an answer, which cannot be written as JSON")
    if isinstance(value, _LISTS) or (isinstance(value, Iterator) and not isinstance(value, io.IOBase)):
        return list(value)  # type: ignore[arg-type]
    if hasattr(value, "numpy"):  # a TensorFlow tensor
        return value.numpy()
    raise Unwritable(f"is of type {_name(kind)}, which cannot be written as JSON")


def walked(value: Any, place: str = "", depth: int = 0) -> Any:
    """`value` in the types that msgspec writes by itself. Raises Unwritable with the place."""
    if depth > MOST_DEEP:
        raise Unwritable(f"is nested more than {MOST_DEEP} deep, or contains itself", _cut(place))
    kind = type(value)
    if kind in _SELF:
        return _text(value, place) if kind is str else value
    if isinstance(value, (dict, Mapping)):
        return _object(value.items(), place, depth)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [walked(each, f"{place}[{n}]", depth + 1) for n, each in enumerate(value)]
    if _has_fields(value):
        return _object(
            msgspec.structs.asdict(value).items()
            if isinstance(value, msgspec.Struct)
            else ((name, getattr(value, name)) for name in value.__dataclass_fields__),
            place,
            depth,
        )
    try:
        found = plain(value)
    except Unwritable as error:
        raise Unwritable(error.what, _cut(place)) from None
    return walked(found, place, depth + 1)


def key_text(key: Any) -> str:
    """How a key is written. Raises Unwritable."""
    if isinstance(key, Enum):
        key = key.value
    if key is None or key is True or key is False:
        return {None: "null", True: "true", False: "false"}[key]
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, int):
        return int.__repr__(key)
    if isinstance(key, float):
        return float.__repr__(key)
    if type(key) in (date, time, datetime, timedelta, UUID, Decimal):
        return str(msgspec.to_builtins(key, str_keys=True))
    if type(key).__module__.partition(".")[0] in ("numpy", "pandas"):
        found = plain(key)
        if found is None or isinstance(found, (str, int, float, date, time, timedelta)):
            return key_text(found)
    raise Unwritable(f"has a key of type {_name(type(key))}, which cannot be written as JSON")


def _object(items: Any, place: str, depth: int) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in items:
        try:
            name = _text(key_text(key), place)
        except Unwritable as error:
            raise Unwritable(error.what, _cut(place)) from None
        if name in found:
            raise Unwritable(f"has two keys that are both written {_short(name)}", _cut(place))
        found[name] = walked(value, f"{place}[{_short(name)}]", depth + 1)
    return found


def _text(value: str, place: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Unwritable(f"is the text {_short(ascii(value)[1:-1])}, which is not Unicode", _cut(place)) from None
    return value


def _has_fields(value: Any) -> bool:
    return not isinstance(value, type) and (
        hasattr(type(value), "__dataclass_fields__") or isinstance(value, msgspec.Struct)
    )


# numpy and pandas, which may not be installed: whoever has a value of theirs has imported them.


def _of_numpy(value: Any) -> Any:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind == "c":
        raise Unwritable("is a complex number, which cannot be written as JSON")
    special = kind in "Mm" or (kind == "f" and value.dtype.itemsize > 8)
    if getattr(value, "ndim", None) and (special or kind == "O"):
        return list(value)
    if kind == "M":
        return _moment(value)
    if kind == "m":
        return _span(value)
    if special:  # a long double keeps its digits
        return msgspec.Raw(str(value).encode()) if math.isfinite(value) else None
    convert = getattr(value, "tolist", None)
    if convert is None:
        raise Unwritable(f"is of type {_name(type(value))}, which cannot be written as JSON")
    return convert()


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
    found = value.item()
    return found if isinstance(found, date) else str(np.datetime_as_string(value))


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


def _of_pandas(value: Any) -> Any:
    name = type(value).__name__
    if name in ("NAType", "NaTType"):
        return None
    if name == "Timestamp":
        if not value.nanosecond:
            return value.to_pydatetime()
        return value.isoformat().removesuffix("+00:00") + ("Z" if value.isoformat().endswith("+00:00") else "")
    if name == "Timedelta":
        return duration(int(value.as_unit("ns").value))
    if name == "Period":
        return str(value)
    if hasattr(value, "columns") and hasattr(value, "itertuples"):
        return _rows(value)
    if hasattr(value, "tolist"):
        return value.tolist()
    raise Unwritable(f"is of type {_name(type(value))}, which cannot be written as JSON")


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


def _known(value: Any) -> Any:
    """For msgspec. What can be read only once is left to the walk: a failure after it could not be told truly."""
    if isinstance(value, (Iterator, AsyncGenerator)):
        raise _Walk
    if type(value) in (bool, type(None), tuple):  # a key, which msgspec asks for like a value
        raise _Walk
    return plain(value)


_encode = msgspec.json.Encoder(enc_hook=_known).encode


def _identity(value: Any) -> Any:
    return value


_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes),
    (bytearray, bytes),
    (datetime, lambda v: datetime.fromisoformat(datetime.isoformat(v))),
    (date, lambda v: date(v.year, v.month, v.day)),
    (time, lambda v: time.fromisoformat(time.isoformat(v))),
    (timedelta, lambda v: timedelta(v.days, v.seconds, v.microseconds)),
    (Decimal, Decimal),
    (UUID, lambda v: UUID(int=v.int)),
)
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


def _name(kind: type) -> str:
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"[:200]


def _short(text: str) -> str:
    return '"' + (text if len(text) <= 60 else text[:57] + "…") + '"'


def _cut(place: str) -> str:
    return place if len(place) <= 200 else place[:197] + "…"
