"""Mapping rules: how a row becomes a request (contract §5). Pure.

A rule mirrors the JSON schema of the request; its leaves say which cell of the row they are. What is used is made
here once, at admission (`normalised`), typed by the schema where the rule does not say a type:

    {"type": "object", "properties": {"data": {"type": "object", "properties": {"req_data": {"type": "array",
     "items": [{"type": "object", "properties": {"x": {"type": "number", "index": 0}, "y": {"index": -1}}}]}}}}}
                                                    → Fields(data: Fields(req_data: Items(Fields(x: Leaf(0)))))

A leaf whose `index` is no number from 0 on is left out, alone: what it was in stays, though it be empty. `column`
names the cell instead, where columns have names. `plain` and `node` are the same tree as JSON, as it is stored and
as a worker is told it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelyard.core.json_text import Path, at
from modelyard.domain.batch import Fields, Items, Leaf, LeafType, Node
from modelyard.domain.errors import Violation
from modelyard.domain.texts import shown

MAX_DEPTH = 32
MAX_NODES = 10_000
MAX_INDEX = 99_999
MAX_COLUMN_CHARS = 256
"""Of the name of a column."""

WHOLE = re.compile(r"[+-]?[0-9]{1,18}(\.0*)?")
LEAVES = frozenset(LeafType)
KNOWN = "object, array, string, number, integer or boolean"


@dataclass(frozen=True, slots=True)
class Cells:
    """How the cells of a row are named: by position (`index`), by `column`, or either. `column_needs`: what is to
    be said so that columns have names ("": nothing can be)."""

    by_index: bool = True
    by_column: bool = False
    column_needs: str = ""


@dataclass(frozen=True, slots=True)
class Normalised:
    """`node`: None when a rule is broken, or cannot be judged. `leaves`: how many cells the request takes."""

    node: Node | None
    leaves: int
    violations: tuple[Violation, ...] = ()


def normalised(rule: Mapping[str, object], schema: object, cells: Cells, name: str = "mapping_rule") -> Normalised:
    """The rule as it is used. `schema`: the JSON schema of the request, whatever the model declares as such (None:
    nobody knows what it declares, so nothing is said of types that it may have); `name`: where the rule stands,
    for messages."""
    reading = _Reading(cells, name, schema_known=schema is not None)
    node = reading.node(rule, schema, ())
    if not reading.violations and not reading.leaves and not reading.untyped:
        text = "has no leaf with an index from 0 on" if cells.by_index else "has no leaf with a column"
        reading.wrong((), f"{text}: nothing of a row would be sent")
    violations = tuple(reading.violations)
    return Normalised(None if violations or reading.untyped else node, reading.leaves, violations)


@dataclass(slots=True)
class _Reading:
    cells: Cells
    name: str
    schema_known: bool = True
    nodes: int = 0
    leaves: int = 0
    untyped: int = 0
    violations: list[Violation] = field(default_factory=list)

    def wrong(self, path: Path, text: str) -> None:
        self.violations.append(Violation(at((self.name, *path)), text))

    def node(self, rule: object, schema: object, path: Path) -> Node | None:
        """None: it is left out, or wrong."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            if self.nodes == MAX_NODES + 1:
                self.wrong((), f"has too many parts, at most {MAX_NODES} are read")
            return None
        if not isinstance(rule, Mapping):
            self.wrong(path, f"is {shown(rule)}, must be an object like those of the request's JSON schema")
            return None
        declared = schema if isinstance(schema, Mapping) else {}
        if _is_left_out(rule, declared):
            return None
        kind = self._kind(rule, declared, path)
        if kind is None or (kind in {"object", "array"} and self._too_deep(path)):
            return None
        if kind == "object":
            return self._fields(rule, declared, path)
        if kind == "array":
            return self._items(rule, declared, path)
        return self._leaf(rule, LeafType(kind), path)

    def _kind(self, rule: Mapping[str, object], declared: Mapping[str, object], path: Path) -> str | None:
        kind = _type(rule) or _shape(rule) or _type(declared)
        if kind is None:
            self.untyped += 1
            if self.schema_known:
                self.wrong(path, f"has no type, and the model's request schema gives it none: say {KNOWN}")
        elif kind not in LEAVES | {"object", "array"}:
            self.wrong((*path, "type"), f"is {shown(kind)}, must be {KNOWN}")
        else:
            return kind
        return None

    def _too_deep(self, path: Path) -> bool:
        if len(path) < 2 * MAX_DEPTH:  # two steps of the rule are one of the request
            return False
        self.wrong(path, f"is nested deeper than {MAX_DEPTH} levels")
        return True

    def _fields(self, rule: Mapping[str, object], declared: Mapping[str, object], path: Path) -> Node | None:
        inner, below = rule.get("properties"), declared.get("properties")
        if not isinstance(inner, Mapping):
            text = "is mandatory in an object" if inner is None else f"is {shown(inner)}, must be an object"
            self.wrong((*path, "properties"), text)
            return None
        known = below if isinstance(below, Mapping) else {}
        made = (
            (key, self.node(value, known.get(key), (*path, "properties", key))) for key, value in inner.items()
        )
        return Fields(tuple((key, node) for key, node in made if node is not None))

    def _items(self, rule: Mapping[str, object], declared: Mapping[str, object], path: Path) -> Node | None:
        """One schema describes the only element; a list of them, one each."""
        items, known = rule.get("items"), declared.get("items")
        if isinstance(items, Mapping):
            of_one = known[0] if isinstance(known, list) and known else known
            only = self.node(items, of_one, (*path, "items"))
            return Items(() if only is None else (only,))
        if not isinstance(items, list):
            text = "is mandatory in an array" if items is None else f"is {shown(items)}, must be an array"
            self.wrong((*path, "items"), text)
            return None
        made = [self.node(value, _element(known, i), (*path, "items", i)) for i, value in enumerate(items)]
        return Items(tuple(node for node in made if node is not None))

    def _leaf(self, rule: Mapping[str, object], kind: LeafType, path: Path) -> Leaf | None:
        index, column = _index(rule.get("index")), rule.get("column")
        if column is not None:
            return self._named(column, kind, path, beside_index=rule.get("index") is not None)
        if index is None:
            return None
        if not self.cells.by_index:
            self.wrong((*path, "index"), "is for csv: name the `column` here")
        elif index > MAX_INDEX:
            self.wrong((*path, "index"), f"is {index}, must be at most {MAX_INDEX}")
        else:
            self.leaves += 1
            return Leaf(kind, index=index)
        return None

    def _named(self, column: object, kind: LeafType, path: Path, *, beside_index: bool) -> Leaf | None:
        at_column = (*path, "column")
        if not self.cells.by_column:
            self.wrong(at_column, self.cells.column_needs)
        elif beside_index:
            self.wrong(at_column, "excludes index: set one of them")
        elif not isinstance(column, str) or not 1 <= len(column) <= MAX_COLUMN_CHARS:
            self.wrong(at_column, f"is {shown(column)}, must be a name of 1 to {MAX_COLUMN_CHARS} characters")
        else:
            self.leaves += 1
            return Leaf(kind, column=column)
        return None


def _type(schema: Mapping[str, object]) -> str | None:
    """What JSON schema calls its type; of a list of types (`["number", "null"]`) the only one that is no null."""
    said = schema.get("type")
    if isinstance(said, list):
        said = [one for one in said if one != "null"]
        return said[0] if len(said) == 1 and isinstance(said[0], str) else None
    return said if isinstance(said, str) else None if said is None else shown(said)


def _shape(rule: Mapping[str, object]) -> str | None:
    """What it must be by what it holds."""
    return "object" if "properties" in rule else "array" if "items" in rule else None


def _is_left_out(rule: Mapping[str, object], declared: Mapping[str, object]) -> bool:
    """Whether it says so itself, by an index that is none. Of what type it would be does not matter then."""
    if "index" not in rule or rule.get("column") is not None or _index(rule["index"]) is not None:
        return False
    return (_type(rule) or _shape(rule) or _type(declared)) not in {"object", "array"}


def _element(schema: object, number: int) -> object:
    """What an array's schema says of its element `number`."""
    if isinstance(schema, list):
        return schema[number] if number < len(schema) else None
    return schema


def _index(value: object) -> int | None:
    """The number of a cell; None when it is none."""
    if isinstance(value, str) and WHOLE.fullmatch(value.strip()):
        value = int(value.strip().partition(".")[0])
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def columns(node: Node) -> int:
    """How many cells a row must have at least."""
    match node:
        case Leaf(index=index, column=""):
            return index + 1
        case Leaf():
            return 0
        case Fields(properties):
            return max((columns(inner) for _, inner in properties), default=0)
        case Items(items):
            return max((columns(inner) for inner in items), default=0)


Json = dict[str, object]


def plain(node: Node) -> Json:
    """As JSON: {"fields": {name: node}}, {"items": [node]}, {"leaf": type, "index": n} or
    {"leaf": type, "column": name}."""
    match node:
        case Leaf(kind, index, column):
            return {"leaf": kind.value, **({"column": column} if column else {"index": index})}
        case Fields(properties):
            return {"fields": {name: plain(inner) for name, inner in properties}}
        case Items(items):
            return {"items": [plain(inner) for inner in items]}


def node(value: Mapping[str, object]) -> Node:
    """What `plain` wrote."""
    fields, items, index = value.get("fields"), value.get("items"), value.get("index")
    if isinstance(fields, Mapping):
        return Fields(tuple((name, node(inner)) for name, inner in fields.items()))
    if isinstance(items, list):
        return Items(tuple(node(inner) for inner in items))
    column = value.get("column", "")
    return Leaf(LeafType(str(value["leaf"])), index if isinstance(index, int) else 0, str(column))
