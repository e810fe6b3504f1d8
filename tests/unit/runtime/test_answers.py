"""What models return, as JSON: what it is, or an error with its type and place."""

import collections
import enum
import io
import json
import types
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from modelyard_runtime.protocols.answers import MOST_DEEP, Unwritable, encode, encode_or_stream


class Text(str):
    __slots__ = ()


class Whole(int):
    pass


class Broken(float):
    pass


class Raw(bytes):
    pass


class Moment(datetime):
    pass


class Colour(enum.Enum):
    RED = "red"


class Pair(NamedTuple):
    a: int
    b: int


@dataclass
class Row:
    a: int
    b: Any


class Odd:
    """Has a method of every name, none of which says what it is."""

    def __iter__(self) -> Iterator[int]:
        return iter([1])


LEVELS = pd.MultiIndex.from_tuples([("a", "x"), ("b", 1)])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"a": [1, 2.5, None, True, "é"]}, '{"a":[1,2.5,null,true,"é"]}', id="plain"),
        pytest.param(np.float64(1.5), "1.5", id="float64"),
        pytest.param(np.float32(0.5), "0.5", id="float32"),
        pytest.param(np.int64(3), "3", id="int64"),
        pytest.param(np.bool_(True), "true", id="bool"),
        pytest.param(np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]", id="array"),
        pytest.param({np.int64(1): "x"}, '{"1":"x"}', id="key"),
        pytest.param(np.array(["a"]), '["a"]', id="text array"),
        pytest.param([float("nan"), np.float64("inf")], "[null,null]", id="no number"),
        pytest.param((1, 2), "[1,2]", id="tuple"),
        pytest.param({1: 2}.values(), "[2]", id="view"),
        pytest.param({"a": Text("abc")}, '{"a":"abc"}', id="derived text"),
        pytest.param([Whole(3), Broken(1.5)], "[3,1.5]", id="derived numbers"),
        pytest.param(Raw(b"ab"), '"YWI="', id="derived bytes"),
        pytest.param(Moment(2024, 1, 2, tzinfo=UTC), '"2024-01-02T00:00:00Z"', id="derived time"),
        pytest.param(np.str_("abc"), '"abc"', id="numpy text"),
        pytest.param({"b": collections.UserDict(k=1)}, '{"b":{"k":1}}', id="UserDict"),
        pytest.param(types.MappingProxyType({"k": Text("v")}), '{"k":"v"}', id="mapping proxy"),
        pytest.param(collections.ChainMap({"k": 1}), '{"k":1}', id="ChainMap"),
        pytest.param(collections.UserList([1]), "[1]", id="UserList"),
        pytest.param(collections.deque([1]), "[1]", id="deque"),
        pytest.param(range(2), "[0,1]", id="range"),
        pytest.param(Pair(1, 2), "[1,2]", id="named tuple"),
        pytest.param(Row(1, Text("x")), '{"a":1,"b":"x"}', id="dataclass"),
        pytest.param([Colour.RED], '["red"]', id="enum"),
        pytest.param({True: 1, False: 0}, '{"true":1,"false":0}', id="keys that are truths"),
        pytest.param({None: 1, 2: {None: Text("x")}}, '{"null":1,"2":{"null":"x"}}', id="keys that are null"),
        pytest.param({np.bool_(True): 1, 1.5: 2}, '{"true":1,"1.5":2}', id="keys of numpy"),
        pytest.param({date(2024, 1, 2): 1, True: 2}, '{"2024-01-02":1,"true":2}', id="keys that are times"),
        pytest.param(2**70, str(2**70), id="a large number"),
        pytest.param(np.longdouble("0.1"), "0.1", id="long double"),
        pytest.param(np.array([np.longdouble(1)]), "[1.0]", id="long doubles"),
        pytest.param(Decimal("1.10"), '"1.10"', id="decimal"),
        pytest.param(uuid.UUID(int=1), '"00000000-0000-0000-0000-000000000001"', id="uuid"),
        pytest.param((n for n in (1, 2)), "[1,2]", id="generator"),
        pytest.param(
            {"a": map(Text, "ab"), None: 1}, '{"a":["a","b"],"null":1}', id="read once, beside an odd key"
        ),
        pytest.param(np.array([Text("a"), {1: Whole(2)}], dtype=object), '["a",{"1":2}]', id="object array"),
        pytest.param([pd.NA, pd.NaT, np.datetime64("NaT")], "[null,null,null]", id="missing"),
        pytest.param(pd.Timestamp("2024-01-02"), '"2024-01-02T00:00:00"', id="Timestamp"),
        pytest.param(pd.Timestamp("2024-01-02", tz="UTC"), '"2024-01-02T00:00:00Z"', id="Timestamp in UTC"),
        pytest.param(datetime(2024, 1, 2, tzinfo=UTC), '"2024-01-02T00:00:00Z"', id="the same of Python"),
        pytest.param(
            datetime(2024, 1, 2, tzinfo=timezone(timedelta(hours=2))), '"2024-01-02T00:00:00+02:00"', id="offset"
        ),
        pytest.param(pd.Timestamp(1), '"1970-01-01T00:00:00.000000001"', id="nanoseconds"),
        pytest.param(np.datetime64("2024-01-02T00:00:00", "ns"), '"2024-01-02T00:00:00"', id="datetime64"),
        pytest.param(np.array(["2024-01-02"], dtype="datetime64[ns]"), '["2024-01-02T00:00:00"]', id="times"),
        pytest.param(np.datetime64("2024-01-02"), '"2024-01-02"', id="date of numpy"),
        pytest.param(np.datetime64("2024-03"), '"2024-03"', id="month"),
        pytest.param(timedelta(days=1, seconds=1.5), '"P1DT1.5S"', id="duration"),
        pytest.param(pd.Timedelta(days=1, seconds=1.5), '"P1DT1.5S"', id="duration of pandas"),
        pytest.param(np.timedelta64(86_401_500, "ms"), '"P1DT1.5S"', id="duration of numpy"),
        pytest.param(-pd.Timedelta(1, "ns"), '"-PT0.000000001S"', id="a short one, negative"),
        pytest.param(pd.Period("2024-01", "M"), '"2024-01"', id="period"),
        pytest.param(
            pd.DataFrame({"t": [pd.Timestamp("2024-01-02")], "n": [np.int64(1)], 3: [None]}),
            '[{"t":"2024-01-02T00:00:00","n":1,"3":null}]',
            id="frame with times",
        ),
        pytest.param(pd.DataFrame([[1, 2]], columns=LEVELS), """[{"('a', 'x')":1,"('b', 1)":2}]""", id="levels"),
        pytest.param(pd.Series(["a", pd.NA], dtype="string"), '["a",null]', id="series"),
        pytest.param(pd.Categorical(["a", "b"]), '["a","b"]', id="categorical"),
    ],
)
def test_encode(value: Any, text: str) -> None:
    assert encode(value).decode() == text


@pytest.mark.parametrize(
    ("value", "message"),
    [
        pytest.param(object(), "answer is of type object, which cannot be written as JSON", id="itself"),
        pytest.param(
            {"a": [1, {"b": Odd()}]}, r'answer\["a"\]\[1\]\["b"\] is of type .*\.Odd, which', id="inside"
        ),
        pytest.param([1j], r"answer\[0\] is of type complex", id="complex"),
        pytest.param(np.array([1j]), "answer is a complex number", id="complex array"),
        pytest.param({(1, 2): 1}, "answer has a key of type tuple", id="a key"),
        pytest.param({"x": {object(): 1}}, r'answer\["x"\] has a key of type object', id="a key inside"),
        pytest.param([io.StringIO("text")], r"answer\[0\] is of type _io\.StringIO", id="an open file"),
        pytest.param({"a": "\ud800"}, r'answer\["a"\] is the text .* not Unicode', id="half a character"),
        pytest.param({1: 1, None: {"1": 2, 1: 3}}, r'two keys that are both written "1"', id="one name twice"),
        pytest.param(pd.DataFrame([[1, 2]], columns=["a", "a"]), 'several columns named "a"', id="columns"),
        pytest.param(Odd, "is of type type", id="a class"),
        pytest.param(np.timedelta64(1), "duration without a unit", id="no unit"),
    ],
)
def test_what_cannot_be_written_is_named_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(Unwritable, match=message):
        encode(value)


def test_what_contains_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(Unwritable, match=f"more than {MOST_DEEP} deep, or contains itself"):
        encode({"a": loop})


def test_a_generator_is_read_once_whatever_follows_it() -> None:
    with pytest.raises(Unwritable, match=r'answer\["b"\] is of type object'):
        encode({"a": (n for n in (1, 2)), "b": object()})


@pytest.mark.parametrize("dump", [json.dumps, lambda value: encode(value).decode()], ids=["json", "ours"])
def test_keys_are_those_of_the_standard_library(dump: Callable[[Any], str]) -> None:
    value = {"a": 1, 2: 3, 1.5: 4, True: 5, None: 6, Text("t"): 7}
    assert json.loads(dump(value)) == {"a": 1, "2": 3, "1.5": 4, "true": 5, "null": 6, "t": 7}


def test_a_generator_as_the_answer_is_handed_back() -> None:
    items = (n for n in (1, 2))
    assert encode_or_stream(items) is items
    assert encode_or_stream([items]) == b"[[1,2]]"
