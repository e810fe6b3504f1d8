"""Rows of named features to arrays, and predictions back to rows, by the schema that config.json declares.

Accepted requests, and what answers them:

    {"data": {"req_data": [{"a": 1, "b": 2}, …]}}   {"data": {"resp_data": [{"predictresult": …}, …]}}
    {"req_data": [{"a": 1, "b": 2}, …]}             {"resp_data": [{"predictresult": …}, …]}
    {"instances": [[1, 2], …]}                      {"predictions": [ …]}

A declared schema fixes the order, the presence and the type of the columns; without one the names that the model
was fitted with do. Where neither is known, the order of an object's fields means nothing: several are refused.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from modelyard_runtime.errors import bad_input
from modelyard_runtime.model import Question

Row = Callable[[dict[str, Any], int], Any]
"""Reads one object of `req_data`, knowing its number."""


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is the JSON schema type: number, integer, boolean, string, or "" for anything. `nullable`: null is a
    missing value, as models of trees know it."""

    name: str
    kind: str = ""
    nullable: bool = False

    @property
    def numeric(self) -> bool:
        return self.kind != "string"


class Answers:
    """The three shapes of an answer; `names` are those of the declared response. Made once, not per request."""

    __slots__ = ("_names",)

    def __init__(self, names: Sequence[str] = ()) -> None:
        self._names = tuple(names)

    def wrapped(self, predictions: Sequence[Any]) -> Any:
        return {"data": {"resp_data": self._named(predictions)}}

    def bare(self, predictions: Sequence[Any]) -> Any:
        return {"resp_data": self._named(predictions)}

    def predictions(self, predictions: Sequence[Any]) -> Any:
        return {"predictions": predictions}

    def _named(self, predictions: Sequence[Any]) -> list[Any]:
        names = self._names
        if predictions and isinstance(predictions[0], dict):  # a model of several outputs names them itself
            return list(predictions)
        if len(names) > 1 and all(isinstance(p, list) and len(p) == len(names) for p in predictions):
            return [dict(zip(names, p, strict=True)) for p in predictions]
        name = names[0] if names else "predictresult"
        return [{name: p} for p in predictions]


def columns(schema: dict[str, Any], field: str = "req_data") -> tuple[Column, ...]:
    """The columns that a request (or, with `resp_data`, a response) schema declares, in its order."""
    properties = _properties(schema)
    if "data" in properties:
        properties = _properties(properties["data"])
    items = properties.get(field, {})
    items = items.get("items", {}) if isinstance(items, dict) else {}
    if isinstance(items, list):  # the published examples write items as a list of one schema
        items = items[0] if items else {}
    return tuple(_column(name, each) for name, each in _properties(items).items())


def reader(declared: Sequence[Column]) -> Row:
    """Reads the declared columns in their order. Raises RequestError (400) that names the row and the field.

    Columns of any type, and numbers that JSON wrote with a fractional part, need no conversion and are read at
    once. All others take the long way, which knows what is wrong.
    """
    if not declared:
        return _only_value

    def row(given: dict[str, Any], n: int) -> Any:
        return [_cell(given, column, n) for column in declared]

    kinds = {column.kind for column in declared}
    if len(declared) == 1 or kinds not in ({"number"}, {""}):
        return row
    pick = itemgetter(*[column.name for column in declared])
    of_any_type = kinds == {""}

    def picked(given: dict[str, Any], n: int) -> Any:
        try:
            values = pick(given)
        except KeyError:
            return row(given, n)
        return list(values) if of_any_type or set(map(type, values)) == _FLOATS else row(given, n)

    return picked


def _only_value(given: dict[str, Any], n: int) -> Any:
    """A row of a model whose columns have no names."""
    if len(given) > 1:
        raise bad_input(
            f"req_data[{n}] has several fields, and neither config.json nor the model says their order: "
            'declare them in config.json, or send {"instances": [[…]]}.'
        )
    return list(given.values())


def rows_of(body: Any, answers: Answers, row: Row) -> Question:
    """What a request asks, in any of the shapes above. Raises RequestError (400)."""
    if isinstance(body, dict):
        data = body.get("data")
        if isinstance(data, dict) and "req_data" in data:
            return Question(_each(data["req_data"], row), answers.wrapped)
        if "req_data" in body:
            return Question(_each(body["req_data"], row), answers.bare)
        if "instances" in body:
            return Question(_instances(body["instances"]), answers.predictions)
    raise bad_input('Expected {"data": {"req_data": [{…}]}}.')


def _each(req_data: Any, row: Row) -> list[Any]:
    if not isinstance(req_data, list):
        raise bad_input("req_data must be a list.")
    rows = []
    for n, given in enumerate(req_data):
        if not isinstance(given, dict):
            raise bad_input(f"req_data[{n}] must be an object.")
        rows.append(row(given, n))
    return rows


def _cell(row: dict[str, Any], column: Column, n: int) -> Any:
    try:
        value = row[column.name]
    except KeyError:
        raise bad_input(f"req_data[{n}].{column.name} is missing.") from None
    convert = _TYPES.get(column.kind)
    if convert is None or (value is None and column.nullable):
        return value
    try:
        return convert(value)
    except (TypeError, ValueError, OverflowError):
        name = f"req_data[{n}].{column.name}"
        raise bad_input(f"{name} must be of type {column.kind}, not {shown(value)}.") from None


def shown(value: Any) -> str:
    """A value of a request, shortened, as JSON writes it."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _instances(instances: Any) -> list[Any]:
    if not isinstance(instances, list) or not all(isinstance(row, list) for row in instances):
        raise bad_input("instances must be a list of lists.")
    return instances


def _column(name: str, schema: Any) -> Column:
    """`"type": ["number", "null"]` is a nullable number."""
    kind = schema.get("type", "") if isinstance(schema, dict) else ""
    if isinstance(kind, list):
        kinds = [str(each) for each in kind if each != "null"]
        return Column(name, kinds[0] if len(kinds) == 1 else "", nullable="null" in kind)
    return Column(name, str(kind))


def _properties(schema: Any) -> dict[str, Any]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _boolean(value: Any) -> bool:
    if value in (True, "true", "True", "1"):
        return True
    if value in (False, "false", "False", "0"):
        return False
    raise ValueError(value)


def _number(value: Any) -> float:
    """Numbers, also as text; what is beyond a float is no number."""
    if isinstance(value, bool):
        raise TypeError(value)
    number = float(value)
    if math.isinf(number):
        raise OverflowError(value)
    return number


def _integer(value: Any) -> int:
    """Whole numbers, also as text and as 3.0: nothing is cut off."""
    if isinstance(value, bool):
        raise TypeError(value)
    number = int(value)
    if not isinstance(value, str) and number != value:
        raise ValueError(value)
    return number


def _string(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise TypeError(value)
    return str(value)


_FLOATS = {float}
_TYPES: dict[str, Callable[[Any], Any]] = {
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "string": _string,
}
