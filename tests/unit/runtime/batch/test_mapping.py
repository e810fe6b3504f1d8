"""Rows to requests, by a mapping rule."""

from typing import Any

import pytest

from modelyard_runtime.batch.mapping import of_cells, of_values
from modelyard_runtime.batch.rows import RowError, SourceError


def leaf(kind: str, place: int | str) -> dict[str, Any]:
    return {"leaf": kind, ("index" if isinstance(place, int) else "column"): place}


NESTED = {
    "fields": {
        "data": {
            "fields": {"req_data": {"items": [{"fields": {"it's": leaf("number", 1), "b": leaf("string", 0)}}]}}
        }
    }
}


@pytest.mark.parametrize(
    ("kind", "cell", "wanted"),
    [
        ("number", "5.1", 5.1),
        ("number", "3", 3),
        ("number", "-3", -3),
        ("number", "+3", 3),
        ("number", "007", 7),
        ("number", "3.0", 3.0),
        ("number", "1e3", 1000.0),
        ("number", " 2.5 ", 2.5),
        ("number", ".5", 0.5),
        ("number", "12345678901234567890", 12345678901234567890),
        ("integer", "12", 12),
        ("integer", "-12", -12),
        ("integer", " 12", 12),
        ("boolean", "TRUE", True),
        ("boolean", "false", False),
        ("boolean", "1", True),
        ("boolean", "0", False),
        ("string", "", ""),
        ("string", " a ", " a "),
        ("string", "1", "1"),
    ],
)
def test_a_cell_is_what_its_leaf_says(kind: str, cell: str, wanted: Any) -> None:
    made = of_cells(leaf(kind, 0), None)([cell], 0)
    assert (made, type(made)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        *(
            ("number", cell)
            for cell in ("", "x", "1_000", "nan", "inf", "-Infinity", "1e400", "0x10", "1,5", "1 2")
        ),
        *(("number", cell) for cell in ("9" * 5000,)),
        *(("integer", cell) for cell in ("", "1.0", "1e3", "1_0", "٣", "9" * 5000)),
        *(("boolean", cell) for cell in ("", "yes", "2", "truee")),
    ],
)
def test_or_the_row_fails(kind: str, cell: str) -> None:
    with pytest.raises(RowError) as failed:
        of_cells(leaf(kind, 1), None)(["a", cell], 7)
    text = str(failed.value)
    assert text.startswith("row 7, column 1: ")
    assert text.endswith(f"must be of type {kind}" if not cell else f"is not of type {kind}")
    assert len(text) < 150


def test_nested_rules_and_names_that_are_no_names() -> None:
    assert of_cells(NESTED, None)(["x", "1", "more"], 0) == {"data": {"req_data": [{"it's": 1, "b": "x"}]}}


def test_each_request_is_its_own() -> None:
    make = of_cells(NESTED, None)
    make(["x", "1"], 0)["data"]["req_data"].clear()
    assert make(["x", "1"], 1) == {"data": {"req_data": [{"it's": 1, "b": "x"}]}}


@pytest.mark.parametrize(
    ("rule", "cells", "wanted"),
    [
        pytest.param(NESTED, [], "row 3: the line is empty", id="empty"),
        pytest.param(NESTED, ["a"], "row 3 has 1 column, the mapping rule needs 2", id="too few"),
        pytest.param(leaf("number", 0), [], "row 3: the line is empty", id="empty, one number"),
        pytest.param(leaf("string", 1), [], "row 3: the line is empty", id="empty, another column"),
    ],
)
def test_rows_that_do_not_fit(rule: Any, cells: list[str], wanted: str) -> None:
    with pytest.raises(RowError) as failed:
        of_cells(rule, None)(cells, 3)
    assert str(failed.value) == wanted


def test_an_empty_line_is_an_empty_value_of_a_single_text() -> None:
    assert of_cells(leaf("string", 0), None)([], 0) == ""
    assert of_cells({"fields": {"text": leaf("string", 0)}}, None)([], 0) == {"text": ""}


def test_columns_by_name() -> None:
    make = of_cells({"fields": {"a": leaf("number", "x"), "b": leaf("string", 0)}}, ["y", "x"])
    assert make(["u", "2"], 0) == {"a": 2, "b": "u"}
    for cells in (["u"], ["u", "2", "3"]):
        with pytest.raises(RowError, match=r"row 4 has . columns?, the header has 2"):
            make(cells, 4)
    with pytest.raises(RowError, match='row 4, column "x": "z" is not of type number'):
        make(["u", "z"], 4)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, 'the mapping rule names the column "x", and the file has no header'),
        (["a"], 'the header of the file has no column "x"'),
        (["x", "x"], 'the header of the file has 2 columns named "x"'),
    ],
)
def test_headers_that_do_not_fit(header: list[str] | None, wanted: str) -> None:
    with pytest.raises(SourceError) as failed:
        of_cells(leaf("number", "x"), header)
    assert str(failed.value) == wanted


def test_a_long_value_is_shortened_and_shown_in_one_line() -> None:
    with pytest.raises(RowError) as failed:
        of_cells(leaf("number", 0), None)(["a\nb" + "x" * 1000], 0)
    assert str(failed.value).startswith('row 0, column 0: "a\\nbxxx')
    assert len(str(failed.value)) < 150


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("number", 5, 5),
        ("number", 5.5, 5.5),
        ("number", "5", 5),
        ("integer", 5.0, 5),
        ("boolean", True, True),
        ("boolean", 1, True),
        ("string", "a", "a"),
        ("string", 5, "5"),
    ],
)
def test_values_that_have_a_type(kind: str, value: Any, wanted: Any) -> None:
    made = of_values(leaf(kind, "x"))({"x": value}, 0)
    assert (made, type(made)) == (wanted, type(wanted))


@pytest.mark.parametrize(
    ("kind", "row", "wanted"),
    [
        ("number", {"x": None}, 'row 2, column "x": "null" is not of type number'),
        ("number", {"x": True}, 'row 2, column "x": "true" is not of type number'),
        ("integer", {"x": 1.5}, 'row 2, column "x": "1.5" is not of type integer'),
        ("boolean", {"x": 2}, 'row 2, column "x": "2" is not of type boolean'),
        ("string", {"x": {}}, 'row 2, column "x": "{}" is not of type string'),
        ("string", {"y": 1}, 'row 2 has no "x"'),
        ("string", [1], 'row 2 must be an object for the mapping rule, not "[1]"'),
    ],
)
def test_values_that_do_not_fit(kind: str, row: Any, wanted: str) -> None:
    with pytest.raises(RowError) as failed:
        of_values(leaf(kind, "x"))(row, 2)
    assert str(failed.value) == wanted


def test_a_rule_that_is_nested_too_deep() -> None:
    rule: dict[str, Any] = leaf("number", 0)
    for _ in range(5000):
        rule = {"items": [rule]}
    with pytest.raises(SourceError, match="nested too deep"):
        of_cells(rule, None)
