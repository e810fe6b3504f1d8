"""One value of a model's answer, one step nearer to JSON: what it is goes by what it derives from.

numpy and pandas may not be installed; whoever has a value of theirs has imported them, so they are known by name.
The rules are on top of `protocols.answers`.
"""

import io
import math
from collections import UserString, deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, MappingView, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec

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
    raise Unwritable(f"is of type {type_name(kind)}, which cannot be written as JSON")


def key_text(key: Any) -> str:
    """How a key is written. Raises Unwritable."""
    if type(key) is str:
        return key
    if key is None or key is True or key is False:
        return {None: "null", True: "true", False: "false"}[key]
    if type(key) is datetime or type(key) is time:
        key = exact(key)
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
        raise Unwritable(f"has a key of type {type_name(type(key))}, which cannot be written as JSON")
    return key_text(simpler)


# RFC 3339 has no seconds in an offset, and msgspec drops them.


def exact(value: datetime | time) -> datetime | str:
    """`value`, in UTC where its offset has seconds; a time of no day as Python writes it."""
    if not has_odd_offset(value):
        return value  # type: ignore[return-value]
    try:
        return value.astimezone(UTC)  # type: ignore[union-attr]
    except (AttributeError, OverflowError):
        return value.isoformat()


def has_odd_offset(value: datetime | time) -> bool:
    offset = value.utcoffset()
    return offset is not None and bool(offset.seconds % 60 or offset.microseconds)


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
    if has_odd_offset(value):
        value = value.tz_convert("UTC")
    if not value.nanosecond:
        return value.to_pydatetime()
    return value.isoformat().removesuffix("+00:00") + ("Z" if value.isoformat().endswith("+00:00") else "")


def _rows(frame: Any) -> list[dict[str, Any]]:
    names = [_label(each) for each in frame.columns]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Unwritable(f"is a data frame with several columns named {short(twice)}")
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


def objects_of(value: Any) -> list[Any] | None:
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


_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, bytes),
    (bytearray, bytes),
    (datetime, lambda v: exact(datetime.fromisoformat(datetime.isoformat(v)))),
    (date, lambda v: date(v.year, v.month, v.day)),
    (time, lambda v: exact(time.fromisoformat(time.isoformat(v)))),
    (timedelta, lambda v: timedelta(v.days, v.seconds, v.microseconds)),
    (Decimal, Decimal),
    (UUID, lambda v: UUID(int=v.int)),
    (UserString, str),
    (memoryview, memoryview.tobytes),
)


_METHODS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tolist", {}),
    ("to_list", {}),
    ("to_dicts", {}),  # polars
    ("to_pylist", {}),  # Arrow
    ("model_dump", {}),  # pydantic
    ("to_dict", {}),
)


def type_name(kind: type) -> str:
    module = "" if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}."
    return f"{module}{kind.__qualname__}"[:200]


def short(text: str) -> str:
    return '"' + (text if len(text) <= 60 else text[:57] + "…") + '"'
