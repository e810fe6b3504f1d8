"""Rows of Parquet."""

import datetime
import decimal
import io
from typing import Any

import pytest
from tests.worlds.batch_worker import Ran, serving, split

from modelyard_runtime.model import Model

pa = pytest.importorskip("pyarrow")
from pyarrow import parquet  # noqa: E402

ROUTES = {"/": frozenset({"POST"})}
JOB = {"format": "parquet"}
RULE = {"fields": {"n": {"leaf": "number", "column": "a"}, "s": {"leaf": "string", "column": "b.c"}}}


def file(table: Any, **more: Any) -> bytes:
    out = io.BytesIO()
    parquet.write_table(table, out, **more)
    return out.getvalue()


def predicted(content: bytes, rows: int, job: Any = None, **more: Any) -> Ran:
    with serving(Model(ROUTES, predict=lambda data: data)) as plane:
        return plane.run(split(job or JOB, content, rows, **{"end": rows, **more}), [content])


def test_rows_as_objects_with_values_of_json() -> None:
    table = pa.table(
        {
            "i": [1, 2],
            "f": [1.5, float("nan")],
            "t": ["é", None],
            "d": [datetime.date(2024, 2, 29)] * 2,
            "m": [decimal.Decimal("1.50")] * 2,
            "b": [b"\x00\x01"] * 2,
            "l": [[1, 2], []],
        }
    )
    ran = predicted(file(table), 2)
    more = {"d": "2024-02-29", "m": "1.50", "b": "AAE="}
    assert ran.lines == [
        {"i": 1, "f": 1.5, "t": "é", **more, "l": [1, 2]},
        {"i": 2, "f": None, "t": None, **more, "l": []},
    ]


def test_a_rule_reads_its_columns_only() -> None:
    table = pa.table({"a": [1, None, 3], "b.c": ["x", "y", "z"], "unused": ["u" * 2_000_000] * 3})
    content = file(table, compression="none", use_dictionary=False)
    ran = predicted(content, 3, {**JOB, "mapping": {"fields": {"n": {"leaf": "number", "column": "a"}}}})
    assert ran.lines[0] == {"n": 1}
    assert ran.failures == {1: 'row 1, column "a": "null" is not of type number'}
    assert sum(read["length"] for read in ran.reads) < 200_000
    assert predicted(content, 3, {**JOB, "mapping": RULE}).lines[2] == {"n": 3, "s": "z"}


def test_a_split_in_the_middle_of_row_groups() -> None:
    content = file(pa.table({"a": list(range(1000))}), row_group_size=70)
    ran = predicted(content, 300, start=130, end=430, first_row=130, flush_bytes=500)
    assert [line["a"] for line in ran.lines] == list(range(130, 430))
    assert ran.published[0].head["next"] == [0, 130 + ran.published[0].head["rows"]]
    only = predicted(content, 300, start=130, end=430, first_row=130, only=[131, 400])
    assert [line["a"] for line in only.lines] == [131, 400]


def test_a_row_that_is_too_long() -> None:
    content = file(pa.table({"a": ["x", "y" * 100]}))
    ran = predicted(content, 2, {**JOB, "max_row_bytes": 50})
    assert ran.lines[0] == {"a": "x"}
    assert ran.failures == {1: "the row is longer than 50 bytes"}


@pytest.mark.parametrize(
    ("content", "job", "cause"),
    [
        pytest.param(b"PAR1 no PAR1", JOB, "it is no Parquet file that can be read", id="damaged"),
        pytest.param("permission denied", JOB, "permission denied", id="refused"),
        pytest.param(
            file(pa.table({"a": [1]})), {**JOB, "mapping": RULE}, 'the file has no column "b.c"', id="column"
        ),
        pytest.param(
            file(pa.table({"a": [1]})), {**JOB, "mapping": {"leaf": "number", "index": 0}}, "no index", id="index"
        ),
        pytest.param(file(pa.table({"a": [1]})), JOB, "it has 1 rows where 2 were counted", id="fewer rows"),
    ],
)
def test_files_that_cannot_be_read(content: bytes | str, job: Any, cause: str) -> None:
    with serving(Model(ROUTES, predict=lambda data: data)) as plane:
        ran = plane.run(split(job, b"x" * len(content), 2, end=2), [content])
    assert ran.kind == b"F"
    assert cause in ran.ended["error"]
