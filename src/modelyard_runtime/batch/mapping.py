"""A row becomes a request, by the mapping rule: compiled once for a task, so that a row costs one expression.

    {"fields": {"a": {"leaf": "number", "index": 0}}}      5.1,x  →  {"a": 5.1}
    {"leaf": "string", "index": 0}                         5.1,x  →  "5.1"

A cell is what its leaf says or the row has no request: nothing is guessed. Values are those that JSON would have
given: `3` of type number is 3, `3.0` is 3.0. Pure.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from modelyard_runtime.batch.rows import RowError, SourceError, shown

_INTEGER = re.compile(r"\s*[+-]?[0-9]+\s*")
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}

Make = Callable[[Any, int], Any]
"""(row, its number from 0) → the request. Raises RowError."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`place`: the index of its cell, or the key of its value. `name` is how people know it."""

    type: str
    place: int | str
    name: str


Node = Leaf | dict[str, "Node"] | list["Node"]


def of_cells(rule: Mapping[str, Any], header: Sequence[str] | None) -> Make:
    """For rows that are lists of cells. Raises SourceError when the header lacks a column."""
    node = node_of(rule, lambda leaf: _cell(leaf, header))
    leaves = leaves_of(node)
    made = _compiled(node, "c[{}]", _CELLS)
    least = max((int(leaf.place) for leaf in leaves), default=-1) + 1
    blank = len(leaves) == 1 and leaves[0].type == "string" and leaves[0].place == 0
    count = None if header is None else len(header)

    def make(cells: list[str], number: int) -> Any:
        if not cells:
            if not blank:
                raise RowError(f"row {number}: the line is empty")
            cells = [""]
        if count is not None and len(cells) != count:
            raise RowError(f"row {number} has {_columns(len(cells))}, the header has {count}")
        if len(cells) < least:
            raise RowError(f"row {number} has {_columns(len(cells))}, the mapping rule needs {least}")
        try:
            return made(cells)
        except (ValueError, OverflowError):
            raise _wrong(leaves, cells, number, _CELLS) from None

    return make


def cells_of(rule: Mapping[str, Any], header: Sequence[str] | None) -> list[Leaf]:
    """The cells that `of_cells` reads. Raises SourceError."""
    return leaves_of(node_of(rule, lambda leaf: _cell(leaf, header)))


def columns_of(rule: Mapping[str, Any]) -> list[str]:
    """The keys that `of_values` reads. Raises SourceError."""
    return [str(leaf.place) for leaf in leaves_of(node_of(rule, _key))]


def of_values(rule: Mapping[str, Any]) -> Make:
    """For rows that are objects, whose values have types of their own already."""
    node = node_of(rule, _key)
    leaves = leaves_of(node)
    made = _compiled(node, "c[{!r}]", _VALUES)

    def make(row: Any, number: int) -> Any:
        if not isinstance(row, dict):
            given = shown(msgspec.json.encode(row).decode())
            raise RowError(f"row {number} must be an object for the mapping rule, not {given}")
        try:
            return made(row)
        except KeyError as error:
            raise RowError(f"row {number} has no {shown(str(error.args[0]))}") from None
        except (TypeError, ValueError, OverflowError):
            raise _wrong(leaves, row, number, _VALUES) from None

    return make


def node_of(rule: Mapping[str, Any], leaf: Callable[[Mapping[str, Any]], Leaf]) -> Node:
    """Raises SourceError."""
    try:
        return _node(rule, leaf)
    except RecursionError:
        raise _too_deep() from None


def _node(rule: Mapping[str, Any], leaf: Callable[[Mapping[str, Any]], Leaf]) -> Node:
    if "fields" in rule:
        return {str(name): _node(each, leaf) for name, each in rule["fields"].items()}
    if "items" in rule:
        return [_node(each, leaf) for each in rule["items"]]
    if rule.get("leaf") in _CELLS:
        return leaf(rule)
    raise SourceError(f"the mapping rule has a node that this worker does not know: {str(rule)[:200]}")


def leaves_of(node: Node) -> list[Leaf]:
    if isinstance(node, Leaf):
        return [node]
    return [leaf for each in (node.values() if isinstance(node, dict) else node) for leaf in leaves_of(each)]


def _cell(leaf: Mapping[str, Any], header: Sequence[str] | None) -> Leaf:
    column = leaf.get("column")
    if not column:
        place = int(leaf["index"])
        if header is not None and place < len(header):
            return Leaf(leaf["leaf"], place, f"{place} ({shown(header[place])})")
        return Leaf(leaf["leaf"], place, str(place))
    if header is None:
        raise SourceError(f"the mapping rule names the column {shown(column)}, and the file has no header")
    if (count := list(header).count(column)) != 1:
        has = "has no column" if not count else f"has {count} columns named"
        raise SourceError(f"the header of the file {has} {shown(column)}")
    place = list(header).index(column)
    return Leaf(leaf["leaf"], place, shown(column))


def _key(leaf: Mapping[str, Any]) -> Leaf:
    column = leaf.get("column")
    if not column:
        raise SourceError("the mapping rule must name columns: rows of this format have no index")
    return Leaf(leaf["leaf"], column, shown(column))


def _columns(count: int) -> str:
    return f"{count} column" if count == 1 else f"{count} columns"


def _compiled(node: Node, value: str, types: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    """The expression that makes the request, with all names of the rule as literals of their own."""
    try:
        source = f"lambda c: {_source(node, value)}"
        made: Callable[[Any], Any] = eval(source, {f"_{name}": types[name] for name in types})  # noqa: S307
    except (SyntaxError, RecursionError, MemoryError):
        raise _too_deep() from None
    return made


def _too_deep() -> SourceError:
    return SourceError("the mapping rule is nested too deep")


def _source(node: Node, value: str) -> str:
    if isinstance(node, dict):
        return "{" + ", ".join(f"{name!r}: {_source(each, value)}" for name, each in node.items()) + "}"
    if isinstance(node, list):
        return "[" + ", ".join(_source(each, value) for each in node) + "]"
    cell = value.format(node.place)
    return cell if node.type == "string" and value == "c[{}]" else f"_{node.type}({cell})"


def _wrong(leaves: Sequence[Leaf], row: Any, number: int, types: Mapping[str, Callable[[Any], Any]]) -> RowError:
    """Which value is not of its type."""
    for leaf in leaves:
        try:
            types[leaf.type](row[leaf.place])
        except (TypeError, ValueError, OverflowError):
            value = row[leaf.place]
            text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
            return RowError(
                f"row {number}, column {leaf.name}: {shown(text)} is not of type {leaf.type}"
                if text
                else f"row {number}, column {leaf.name}: it is empty, and must be of type {leaf.type}"
            )
    return RowError(f"row {number} does not fit the mapping rule")


def number(text: str) -> int | float:
    """What Python's float takes, without underscores and what JSON cannot write. Raises ValueError."""
    value = float(text)
    if value - value or "_" in text:  # neither an infinity nor NaN less itself is 0
        raise ValueError(text)
    if "." in text or not _INTEGER.fullmatch(text):
        return value
    return int(text)


def integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError(text)
    return int(text)


def boolean(text: str) -> bool:
    value = _BOOLEANS.get(text.strip().lower())
    if value is None:
        raise ValueError(text)
    return value


def _is_number(value: Any) -> Any:
    if isinstance(value, str):
        return number(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(value)
    return value


def _is_integer(value: Any) -> int:
    if isinstance(value, str):
        return integer(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value != int(value):
        raise ValueError(value)
    return int(value)


def _is_boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    return boolean(str(value)) if isinstance(value, (int, str)) else boolean("")


def _is_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, (bool, dict, list)):
        raise ValueError(value)
    return str(value)


_CELLS: dict[str, Callable[[Any], Any]] = {
    "string": str,
    "number": number,
    "integer": integer,
    "boolean": boolean,
}
_VALUES: dict[str, Callable[[Any], Any]] = {
    "string": _is_string,
    "number": _is_number,
    "integer": _is_integer,
    "boolean": _is_boolean,
}
