"""Rows of named features to arrays, and predictions back to rows, by the schema that config.json declares.

Accepted requests, and what answers them:

    {"data": {"req_data": [{"a": 1, "b": 2}, …]}}   {"data": {"resp_data": [{"predictresult": …}, …]}}
    {"req_data": [{"a": 1, "b": 2}, …]}             {"resp_data": [{"predictresult": …}, …]}
    {"instances": [[1, 2], …]}                      {"predictions": [ …]}

A declared schema fixes the order, the presence and the type of the columns; without one a row's own order counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from modelyard_runtime.errors import bad_input

Rows = list[list[Any]]


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is the JSON schema type: number, integer, boolean, string, or "" for anything."""

    name: str
    kind: str = ""

    @property
    def numeric(self) -> bool:
        return self.kind != "string"


@dataclass(frozen=True, slots=True)
class Question:
    """What a request asks: its rows, and the shape of the answer it expects."""

    rows: Rows
    answer: Callable[[Sequence[Any], Sequence[str]], Any]


def columns(schema: dict[str, Any], field: str = "req_data") -> tuple[Column, ...]:
    """The columns that a request (or, with `resp_data`, a response) schema declares, in its order."""
    properties = _properties(schema)
    if "data" in properties:
        properties = _properties(properties["data"])
    items = properties.get(field, {})
    items = items.get("items", {}) if isinstance(items, dict) else {}
    if isinstance(items, list):  # the published examples write items as a list of one schema
        items = items[0] if items else {}
    return tuple(
        Column(name, str(each.get("type", "")) if isinstance(each, dict) else "")
        for name, each in _properties(items).items()
    )


def question(body: Any, declared: Sequence[Column]) -> Question:
    """Raises RequestError (400) that names the row and the field."""
    if isinstance(body, dict):
        data = body.get("data")
        if isinstance(data, dict) and "req_data" in data:
            return Question(_rows(data["req_data"], declared), _wrapped)
        if "req_data" in body:
            return Question(_rows(body["req_data"], declared), _bare)
        if "instances" in body:
            return Question(_instances(body["instances"]), _predictions)
    raise bad_input('Expected {"data": {"req_data": [{…}]}}.')


def _rows(req_data: Any, declared: Sequence[Column]) -> Rows:
    if not isinstance(req_data, list):
        raise bad_input("req_data must be a list.")
    rows = []
    for n, row in enumerate(req_data):
        if not isinstance(row, dict):
            raise bad_input(f"req_data[{n}] must be an object.")
        if declared:
            rows.append([_cell(row, column, n) for column in declared])
        else:
            rows.append(list(row.values()))
    return rows


def _cell(row: dict[str, Any], column: Column, n: int) -> Any:
    try:
        value = row[column.name]
    except KeyError:
        raise bad_input(f"req_data[{n}].{column.name} is missing.") from None
    try:
        return _TYPES[column.kind](value)
    except (KeyError, TypeError, ValueError):
        if column.kind not in _TYPES:
            return value
        raise bad_input(f"req_data[{n}].{column.name} must be of type {column.kind}, not {value!r}.") from None


def _instances(instances: Any) -> Rows:
    if not isinstance(instances, list) or not all(isinstance(row, list) for row in instances):
        raise bad_input("instances must be a list of lists.")
    return instances


def _named(predictions: Sequence[Any], names: Sequence[str]) -> list[dict[str, Any]]:
    if len(names) > 1 and all(isinstance(p, list) and len(p) == len(names) for p in predictions):
        return [dict(zip(names, p, strict=True)) for p in predictions]
    name = names[0] if names else "predictresult"
    return [{name: p} for p in predictions]


def _wrapped(predictions: Sequence[Any], names: Sequence[str]) -> Any:
    return {"data": {"resp_data": _named(predictions, names)}}


def _bare(predictions: Sequence[Any], names: Sequence[str]) -> Any:
    return {"resp_data": _named(predictions, names)}


def _predictions(predictions: Sequence[Any], names: Sequence[str]) -> Any:
    return {"predictions": predictions}


def _properties(schema: Any) -> dict[str, Any]:
    found = schema.get("properties") if isinstance(schema, dict) else None
    return found if isinstance(found, dict) else {}


def _boolean(value: Any) -> bool:
    if value in (True, "true", "True", "1"):
        return True
    if value in (False, "false", "False", "0"):
        return False
    raise ValueError(value)


_TYPES: dict[str, Callable[[Any], Any]] = {
    "number": float,
    "integer": int,
    "boolean": _boolean,
    "string": str,
}
