"""What models return, as JSON: what it is, or an error with its type and place."""

import collections
import enum
import io
import json
import types
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard_runtime.protocols.answers import MOST_DEEP, encode, encode_lines, encode_or_stream, walked
from modelyard_runtime.protocols.values import Unwritable


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


class Letters(Sequence[Any]):
    """Its items are like it, as those of a text."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __len__(self) -> int:
        return len(self.text)

    def __getitem__(self, n: Any) -> Any:
        return Letters(self.text[n])


class Frame(pd.DataFrame):
    @property
    def _constructor(self) -> Any:
        return Frame


class Array(np.ndarray):
    pass


class Stamp(pd.Timestamp):
    pass


class Upper(msgspec.Struct, rename="upper", tag=True):
    a: int
    b: Any = None


class AsArray(msgspec.Struct, array_like=True, tag=3):
    a: Any


class Short(msgspec.Struct, omit_defaults=True):
    a: int = 1
    b: list[Any] = []
    c: Any = msgspec.UNSET


class Key(enum.Enum):
    TEXT = "t"
    NUMBER = 1.5
    NULL = None


@dataclass
class Partly:
    shared: ClassVar[int] = 1
    a: Any
    b: int = field(init=False)


def offset(**by: int) -> timezone:
    return timezone(timedelta(**by))


RECORDS = np.array([(np.datetime64(1, "ns"), 2)], dtype=[("t", "M8[ns]"), ("n", "i4")])
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
        pytest.param(Frame({"a": [1, 2]}), '[{"a":1},{"a":2}]', id="derived frame"),
        pytest.param(
            np.array(["2024-01-01"], dtype="M8[ns]").view(Array), '["2024-01-01T00:00:00"]', id="derived times"
        ),
        pytest.param(np.array([90], dtype="m8[s]").view(Array), '["PT90S"]', id="derived durations"),
        pytest.param(RECORDS, '[["1970-01-01T00:00:00.000000001",2]]', id="records with times"),
        pytest.param({np.datetime64(0, "s"): 1}, '{"1970-01-01T00:00:00":1}', id="key of a time of numpy"),
        pytest.param([collections.UserString("abc")], '["abc"]', id="UserString"),
        pytest.param({collections.UserString("k"): 1, None: 2}, '{"k":1,"null":2}', id="key of UserString"),
        pytest.param(datetime(2024, 1, 1, tzinfo=offset(seconds=30)), '"2023-12-31T23:59:30Z"', id="seconds"),
        pytest.param(
            {"a": [datetime(2024, 1, 1, tzinfo=offset(hours=-1, seconds=-30))]},
            '{"a":["2024-01-01T01:00:30Z"]}',
            id="hours and seconds",
        ),
        pytest.param(
            {datetime(1800, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")): 1},
            '{"1799-12-31T23:06:32Z":1}',
            id="local mean",
        ),
        pytest.param(time(1, tzinfo=offset(seconds=30)), '"01:00:00+00:00:30"', id="a time of no day"),
        pytest.param(
            Row(1, Moment(2024, 1, 1, tzinfo=offset(seconds=30))),
            '{"a":1,"b":"2023-12-31T23:59:30Z"}',
            id="in a row",
        ),
        pytest.param(
            pd.Series([pd.Timestamp("1800-01-01", tz="Europe/Berlin")]), '["1799-12-31T23:06:32Z"]', id="of pandas"
        ),
        pytest.param(
            datetime.min.replace(tzinfo=offset(seconds=30)), '"0001-01-01T00:00:00+00:00:30"', id="first"
        ),
        pytest.param(
            [{1e300: 1}, {None: Upper(1)}], '[{"1e300":1},{"null":{"type":"Upper","A":1,"B":null}}]', id="one"
        ),
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
        pytest.param({"a": [np.dtype("f8")]}, r'answer\["a"\]\[0\] is of type numpy\.dtype', id="a type of numpy"),
        pytest.param([np.poly1d([1])], r"answer\[0\] is of type numpy\.poly1d", id="a polynomial"),
        pytest.param([np.random.default_rng(0)], r"answer\[0\] is of type numpy\.random", id="random numbers"),
        pytest.param(
            pd.DataFrame({"a": [1]}).dtypes, r"answer\[0\] is of type numpy\.dtype", id="types of columns"
        ),
        pytest.param(Letters("ab"), "of type .*Letters", id="a sequence of itself"),
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


ZONES = st.none() | st.builds(timezone, st.timedeltas(timedelta(hours=-23), timedelta(hours=23)))
KEYS = st.one_of(
    st.text(max_size=3).filter(lambda text: text.isprintable()),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.floats(width=32).map(np.float32),
    st.binary(max_size=3),
    st.decimals().filter(lambda number: not number.is_snan()),  # which has no hash
    st.uuids(),
    st.dates(),
    st.times(timezones=ZONES),
    st.datetimes(timezones=ZONES),
    st.timedeltas(),
    st.sampled_from([Key.TEXT, Key.NUMBER, Colour.RED, Whole(3), Broken(1.5), Raw(b"a"), Text("t")]),
)
ATOMS = st.one_of(
    KEYS,
    st.decimals(),
    st.none(),
    st.booleans(),
    st.just(Key.NULL),
    st.binary(max_size=3).map(bytearray),
    st.binary(max_size=3).map(memoryview),
    st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=ZONES).map(pd.Timestamp),
    st.datetimes(timezones=ZONES).map(lambda at: Moment.fromisoformat(at.isoformat())),
)
VALUES = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(KEYS, inner, max_size=3),
        st.builds(Row, st.integers(), inner),
        st.builds(Partly, inner),
        st.builds(Upper, st.integers(), inner),
        st.builds(AsArray, inner),
        st.builds(Short, st.integers(0, 2), st.lists(inner, max_size=2), inner | st.just(msgspec.UNSET)),
        st.lists(inner, min_size=1, max_size=2).map(lambda items: pd.Series(items, dtype=object)),
    ),
    max_leaves=8,
)


@given(VALUES)
def test_a_value_is_written_alike_whatever_stands_beside_it(value: Any) -> None:
    """Beside a key that msgspec does not know, everything is walked."""
    try:
        alone = encode([value])
    except Unwritable:
        return
    try:
        beside = msgspec.json.encode(walked([value]))
    except Unwritable as refused:
        assert "two keys" in refused.what
        return
    assert alone == beside


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([], id="none"),
        pytest.param([{"a": 1}, [1.5, None], "é\n"], id="plain"),
        pytest.param([np.float32(0.5), np.array([1, 2]), {"n": float("nan")}], id="numpy"),
        pytest.param([1, {(1, 2): 3}, Text("x")][::2], id="derived"),
        pytest.param([1, (n for n in range(2)), 2], id="read only once"),
        pytest.param([datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=3661)))], id="odd offset"),
        pytest.param([msgspec.Raw(b"[1,\n2]"), 3], id="lines within"),
    ],
)
def test_lines_are_written_as_answers_are(answers: list[Any]) -> None:
    written = encode_lines(list(answers))
    assert written.count(b"\n") == len(answers)
    if not any(isinstance(each, Iterator) for each in answers):
        assert written.splitlines() == [encode(each).replace(b"\n", b" ") for each in answers]
    else:
        assert written == b"1\n[0,1]\n2\n"


def test_a_line_that_cannot_be_written() -> None:
    with pytest.raises(Unwritable):
        encode_lines([1, object()])
