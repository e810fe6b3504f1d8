"""Requests of named features to rows, predictions to answers."""

from collections.abc import Sequence
from typing import Any

import pytest

from modelyard_runtime.errors import RequestError
from modelyard_runtime.formats.tabular import Answers, Column, columns, reader, rows_of
from modelyard_runtime.model import Question

AB = (Column("a", "number"), Column("b", "integer"))
XY = (Column("x", "number"), Column("y", "number"))
ANY = (Column("x"), Column("y"))


def question(body: Any, declared: Sequence[Column], answers: Answers) -> Question:
    return rows_of(body, answers, reader(declared))


def schema(field: str, properties: dict[str, Any], *, wrapped: bool, as_list: bool) -> dict[str, Any]:
    items: Any = {"type": "object", "properties": properties}
    rows = {"type": "object", "properties": {field: {"type": "array", "items": [items] if as_list else items}}}
    return {"type": "object", "properties": {"data": rows}} if wrapped else rows


@pytest.mark.parametrize("wrapped", [True, False], ids=["data wrapper", "bare"])
@pytest.mark.parametrize("as_list", [True, False], ids=["items as list", "items as object"])
def test_columns(wrapped: bool, as_list: bool) -> None:
    declared = schema("req_data", {"b": {"type": "integer"}, "a": {}}, wrapped=wrapped, as_list=as_list)
    assert columns(declared) == (Column("b", "integer"), Column("a", ""))


@pytest.mark.parametrize("nothing", [{}, {"properties": {}}, {"properties": {"data": {"type": "object"}}}])
def test_no_columns(nothing: dict[str, Any]) -> None:
    assert columns(nothing) == ()


@pytest.mark.parametrize(
    ("body", "declared", "rows"),
    [
        pytest.param({"data": {"req_data": [{"b": 2, "a": 1}]}}, AB, [[1.0, 2]], id="schema orders"),
        pytest.param({"req_data": [{"a": "1.5", "b": "2"}]}, AB, [[1.5, 2]], id="strings become numbers"),
        pytest.param({"req_data": [{"a": 1, "b": 2, "c": 3}]}, AB, [[1.0, 2]], id="extra is ignored"),
        pytest.param({"req_data": [{"a": 1}]}, (), [[1]], id="no schema: one field has no order"),
        pytest.param({"req_data": [{"a": 3.0, "b": 3.0}]}, AB, [[3.0, 3]], id="a whole number with a point"),
        pytest.param({"req_data": []}, AB, [], id="no rows"),
        pytest.param({"req_data": [{"y": 2.5, "x": 0.5}]}, XY, [[0.5, 2.5]], id="all with a fraction"),
        pytest.param({"req_data": [{"y": 2, "x": "0.5"}]}, XY, [[0.5, 2.0]], id="not all with a fraction"),
        pytest.param({"req_data": [{"y": None, "x": "a"}]}, ANY, [["a", None]], id="columns of any type"),
        pytest.param({"instances": [[1, 2], [3, 4]]}, AB, [[1, 2], [3, 4]], id="instances"),
        pytest.param({"req_data": [{"x": "true"}]}, (Column("x", "boolean"),), [[True]], id="boolean"),
        pytest.param({"req_data": [{"x": 3}]}, (Column("x", "string"),), [["3"]], id="string"),
        pytest.param({"req_data": [{"x": None}]}, (Column("x"),), [[None]], id="untyped"),
    ],
)
def test_rows(body: Any, declared: tuple[Column, ...], rows: list[list[Any]]) -> None:
    assert question(body, declared, Answers()).rows == rows


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param({}, "Expected", id="nothing known"),
        pytest.param([1], "Expected", id="a list"),
        pytest.param({"data": {}}, "Expected", id="empty data"),
        pytest.param({"req_data": {}}, "req_data must be a list", id="not a list"),
        pytest.param({"req_data": [1]}, r"req_data\[0\] must be an object", id="not an object"),
        pytest.param({"req_data": [{"a": 1, "b": 1}, {"a": 1}]}, r"req_data\[1\]\.b is missing", id="missing"),
        pytest.param({"req_data": [{"a": "x", "b": 1}]}, r"\.a must be of type number, not \"x\"", id="no number"),
        pytest.param({"instances": [1, 2]}, "list of lists", id="flat instances"),
        pytest.param({"req_data": [{"a": 1, "b": 1.5}]}, r"\.b must be of type integer, not 1\.5", id="cut off"),
        pytest.param({"req_data": [{"a": True, "b": 1}]}, r"\.a must be of type number, not true", id="a truth"),
        pytest.param({"req_data": [{"a": 1, "b": False}]}, r"\.b must be of type integer", id="another"),
        pytest.param({"req_data": [{"a": 10**400, "b": 1}]}, r"\.a must be of type number", id="beyond a float"),
        pytest.param({"req_data": [{"a": "1e999", "b": 1}]}, r"\.a must be of type number", id="infinite"),
    ],
)
def test_bad_requests_name_the_field(body: Any, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        question(body, AB, Answers())
    assert (refused.value.status, refused.value.code) == (400, "ModelArts.4105")


@pytest.mark.parametrize(
    ("body", "names", "answer"),
    [
        pytest.param(
            {"data": {"req_data": []}}, [], {"data": {"resp_data": [{"predictresult": 1}]}}, id="wrapped"
        ),
        pytest.param({"req_data": []}, [], {"resp_data": [{"predictresult": 1}]}, id="bare"),
        pytest.param({"req_data": []}, ["species"], {"resp_data": [{"species": 1}]}, id="declared name"),
        pytest.param({"instances": []}, ["species"], {"predictions": [1]}, id="instances"),
    ],
)
def test_answers(body: Any, names: list[str], answer: Any) -> None:
    assert question(body, AB, Answers(names)).answer([1]) == answer


def test_several_outputs_by_name() -> None:
    def answer(names: list[str], prediction: Any) -> Any:
        return question({"req_data": []}, AB, Answers(names)).answer([prediction])

    assert answer(["x", "y"], [1, 2]) == {"resp_data": [{"x": 1, "y": 2}]}
    assert answer(["x"], [1, 2]) == {"resp_data": [{"x": [1, 2]}]}
    assert answer([], {"label": 1, "score": 2}) == {"resp_data": [{"label": 1, "score": 2}]}


def test_null_is_a_missing_value_where_it_is_declared() -> None:
    declared = columns(schema("req_data", {"a": {"type": ["number", "null"]}}, wrapped=True, as_list=True))
    assert declared == (Column("a", "number", nullable=True),)
    assert question({"req_data": [{"a": None}]}, declared, Answers()).rows == [[None]]
    with pytest.raises(RequestError, match=r"req_data\[0\]\.a must be of type number, not null"):
        question({"req_data": [{"a": None}]}, (Column("a", "number"),), Answers())


@pytest.mark.parametrize("value", [None, True, [1], {"a": 1}])
def test_text_is_not_made_of_what_is_none(value: Any) -> None:
    with pytest.raises(RequestError, match="must be of type string"):
        question({"req_data": [{"a": value}]}, (Column("a", "string"),), Answers())


def test_without_names_the_order_of_fields_is_no_order() -> None:
    with pytest.raises(RequestError, match=r"neither config\.json nor the model says their order"):
        question({"req_data": [{"income": 2, "age": 1}]}, (), Answers())
