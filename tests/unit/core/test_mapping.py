"""A mapping rule as it is used: tables, and whatever somebody sends."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.core.batch import mapping
from modelyard.core.batch.mapping import Cells, Normalised, normalised
from modelyard.domain.batch import Fields, Items, Leaf, LeafType, Node

N, S, W, B = LeafType.NUMBER, LeafType.STRING, LeafType.INTEGER, LeafType.BOOLEAN
BY_INDEX = Cells(column_needs="needs csv_header")
EITHER = Cells(by_column=True)
BY_COLUMN = Cells(by_index=False, by_column=True)


def obj(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def leaf(kind: str | None = "number", **more: Any) -> dict[str, Any]:
    return {**({"type": kind} if kind else {}), **more}


INPUTS = {f"input_{n + 1}": leaf(index=n) for n in range(4)}
VENDOR = obj(data=obj(req_data=array([obj(**INPUTS)])))
"""The example of the vendor's page."""


def test_the_example_of_the_page() -> None:
    made = normalised(VENDOR, {}, BY_INDEX)
    inputs = Fields(tuple((f"input_{n + 1}", Leaf(N, n)) for n in range(4)))
    assert made == Normalised(Fields((("data", Fields((("req_data", Items((inputs,))),))),)), 4)
    assert made.node is not None
    assert mapping.columns(made.node) == 4


USED: dict[str, tuple[Any, Any, Cells, Node]] = {
    "a leaf alone": (leaf("string", index=0), {}, BY_INDEX, Leaf(S)),
    "every type": (
        obj(
            a=leaf("string", index=0),
            b=leaf("number", index=1),
            c=leaf("integer", index=2),
            d=leaf("boolean", index=3),
        ),
        {},
        BY_INDEX,
        Fields((("a", Leaf(S)), ("b", Leaf(N, 1)), ("c", Leaf(W, 2)), ("d", Leaf(B, 3)))),
    ),
    "the schema says the type": (
        obj(a=leaf(None, index=2), b=leaf(None, index=0)),
        obj(a=leaf("integer"), b=leaf("boolean")),
        BY_INDEX,
        Fields((("a", Leaf(W, 2)), ("b", Leaf(B)))),
    ),
    "the rule's type wins": (
        obj(a=leaf("string", index=0)),
        obj(a=leaf("number")),
        BY_INDEX,
        Fields((("a", Leaf(S)),)),
    ),
    "the type that is no null": (
        obj(a=leaf(None, index=0)),
        obj(a={"type": ["null", "number"]}),
        BY_INDEX,
        Fields((("a", Leaf(N)),)),
    ),
    "the same cell twice": (
        obj(a=leaf(index=1), b=leaf(index=1)),
        {},
        BY_INDEX,
        Fields((("a", Leaf(N, 1)), ("b", Leaf(N, 1)))),
    ),
    "numeric strings": (
        obj(a=leaf(index="3"), b=leaf(index=" 2 "), c=leaf(index=1.0)),
        {},
        BY_INDEX,
        Fields((("a", Leaf(N, 3)), ("b", Leaf(N, 2)), ("c", Leaf(N, 1)))),
    ),
    "left out": (
        obj(
            a=leaf(index=-1),
            b=leaf(index=0),
            c=leaf(),
            d=leaf(index="x"),
            e=leaf(index=1.5),
            f=leaf(index=True),
            g=leaf(index=None),
        ),
        {},
        BY_INDEX,
        Fields((("b", Leaf(N)),)),
    ),
    "left out without a type": (
        obj(a=leaf(None, index=-1), b=leaf("file", index="-1"), c=leaf(index=0)),
        {},
        BY_INDEX,
        Fields((("c", Leaf(N)),)),
    ),
    "what was in it stays": (
        obj(a=obj(b=leaf(index=-1)), c=array([leaf(index="-1")]), d=array([leaf(index=-1), leaf(index=0)])),
        {},
        BY_INDEX,
        Fields((("a", Fields(())), ("c", Items(())), ("d", Items((Leaf(N),))))),
    ),
    "an array of one": (array(leaf(None, index=5)), array([leaf("integer")]), BY_INDEX, Items((Leaf(W, 5),))),
    "one schema for every element": (
        array([leaf(None, index=0), leaf(None, index=1)]),
        array(leaf("integer")),
        BY_INDEX,
        Items((Leaf(W), Leaf(W, 1))),
    ),
    "a schema for each element": (
        array([leaf(None, index=0), leaf(None, index=1)]),
        array([leaf("integer"), leaf("string")]),
        BY_INDEX,
        Items((Leaf(W), Leaf(S, 1))),
    ),
    "arrays in arrays": (
        array([array([leaf(index=0)]), array(leaf(index=1))]),
        {},
        BY_INDEX,
        Items((Items((Leaf(N),)), Items((Leaf(N, 1),)))),
    ),
    "objects without their type": (
        {"properties": {"a": {"items": [leaf(index=0)]}}},
        {},
        BY_INDEX,
        Fields((("a", Items((Leaf(N),))),)),
    ),
    "other words of a schema": (
        {**obj(a=leaf(index=0, minimum=0, description="x")), "required": ["a"], "$schema": "y"},
        {},
        BY_INDEX,
        Fields((("a", Leaf(N)),)),
    ),
    "by column": (
        obj(a=leaf(column="x"), b=leaf(index=1)),
        {},
        EITHER,
        Fields((("a", Leaf(N, column="x")), ("b", Leaf(N, 1)))),
    ),
    "only by column": (
        obj(a=leaf(column="x"), b=leaf(index=-1), c=leaf()),
        {},
        BY_COLUMN,
        Fields((("a", Leaf(N, column="x")),)),
    ),
    "a damaged schema": (
        obj(a=leaf(index=0)),
        {"properties": {"a": [1]}, "items": 3},
        BY_INDEX,
        Fields((("a", Leaf(N)),)),
    ),
    "a schema that nobody knows": (obj(a=leaf(index=0)), None, BY_INDEX, Fields((("a", Leaf(N)),))),
}


@pytest.mark.parametrize(("rule", "schema", "cells", "expected"), USED.values(), ids=USED.keys())
def test_rules_as_they_are_used(rule: Any, schema: Any, cells: Cells, expected: Node) -> None:
    made = normalised(rule, schema, cells)
    assert made.violations == ()
    assert made.node == expected


WRONG: dict[str, tuple[Any, Cells, str, str]] = {
    "nothing": ({}, BY_INDEX, "", "has no type"),
    "no schema": ({"data": {"a": 0}}, BY_INDEX, "", "has no type"),
    "no leaf": (obj(a=leaf(index=-1)), BY_INDEX, "", "has no leaf with an index"),
    "no leaf with a column": (obj(a=leaf()), BY_COLUMN, "", "has no leaf with a column"),
    "a type that is none": (
        obj(a=leaf("float", index=0)),
        BY_INDEX,
        ".properties.a.type",
        "is 'float', must be object",
    ),
    "a type that is no text": (obj(a={"type": 3, "index": 0}), BY_INDEX, ".properties.a.type", "is '3'"),
    "a file": (obj(a=leaf("file", index=0)), BY_INDEX, ".properties.a.type", "is 'file'"),
    "no type anywhere": (obj(a=leaf(None, index=0)), BY_INDEX, ".properties.a", "has no type"),
    "no properties": ({"type": "object"}, BY_INDEX, ".properties", "is mandatory"),
    "odd properties": ({"type": "object", "properties": [1]}, BY_INDEX, ".properties", "must be an object"),
    "no items": (obj(a={"type": "array"}), BY_INDEX, ".properties.a.items", "is mandatory"),
    "odd items": (array(3), BY_INDEX, ".items", "is 3, must be an array"),
    "no object": (obj(a=3), BY_INDEX, ".properties.a", "is 3, must be an object"),
    "no object in an array": (array([leaf(index=0), "x"]), BY_INDEX, ".items[1]", "is 'x', must be an object"),
    "too many columns": (
        obj(a=leaf(index=100_000)),
        BY_INDEX,
        ".properties.a.index",
        "is 100000, must be at most 99999",
    ),
    "a column without a header": (obj(a=leaf(column="x")), BY_INDEX, ".properties.a.column", "needs csv_header"),
    "both": (obj(a=leaf(column="x", index=0)), EITHER, ".properties.a.column", "excludes index"),
    "an empty column": (obj(a=leaf(column="")), EITHER, ".properties.a.column", "1 to 256 characters"),
    "a column that is no name": (obj(a=leaf(column=3)), EITHER, ".properties.a.column", "is 3, must be a name"),
    "an index where there are names": (obj(a=leaf(index=0)), BY_COLUMN, ".properties.a.index", "is for csv"),
}


@pytest.mark.parametrize(("rule", "cells", "field", "said"), WRONG.values(), ids=WRONG.keys())
def test_what_is_wrong_is_named(rule: Any, cells: Cells, field: str, said: str) -> None:
    made = normalised(rule, {}, cells, "config[0].mapping_rule")
    assert made.node is None
    assert [v.field for v in made.violations] == [f"config[0].mapping_rule{field}"]
    assert said in made.violations[0].text


def test_everything_that_is_wrong_at_once() -> None:
    found = normalised(obj(a=leaf("x", index=0), b=leaf(index=10**6), c=4), {}, BY_INDEX).violations
    assert [v.field.rpartition("properties.")[2] for v in found] == ["a.type", "b.index", "c"]


def test_types_are_not_missed_where_nobody_knows_the_schema() -> None:
    assert normalised(obj(a=leaf(None, index=0)), None, BY_INDEX) == Normalised(None, 0)
    assert [v.field for v in normalised(obj(a=leaf(None, index=0), b=3), None, BY_INDEX).violations] == [
        "mapping_rule.properties.b"
    ]


def test_bounds() -> None:
    rule = leaf(index=0)
    for _ in range(mapping.MAX_DEPTH):
        rule = obj(a=rule)
    assert normalised(rule, {}, BY_INDEX).violations == ()
    assert "nested deeper" in normalised(obj(a=rule), {}, BY_INDEX).violations[0].text
    wide = {f"a{n}": leaf(index=0) for n in range(mapping.MAX_NODES)}
    (only,) = normalised(obj(**wide), {}, BY_INDEX).violations
    assert "at most 10000" in only.text


LEAVES = st.builds(
    lambda kind, more: {**({"type": kind} if kind else {}), **more},
    st.sampled_from([*LeafType, None]),
    st.one_of(
        st.builds(
            lambda n: {"index": n}, st.one_of(st.integers(-3, 20), st.sampled_from(["4", "-1", "x", 1.5, None]))
        ),
        st.just({}),
    ),
)
RULES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda p: {"type": "object", "properties": p}, st.dictionaries(st.text(max_size=4), inner, max_size=4)
        ),
        st.builds(lambda i: {"type": "array", "items": i}, st.one_of(inner, st.lists(inner, max_size=4))),
    ),
    max_leaves=12,
)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=6)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(
            st.sampled_from(["type", "properties", "items", "index", "column", "a", "b"]), inner, max_size=5
        ),
    ),
    max_leaves=15,
)


def indices(rule: Any) -> list[int]:
    """The cells that a well-formed rule names, in its order."""
    if rule.get("type") == "object":
        return [n for inner in rule["properties"].values() for n in indices(inner)]
    if rule.get("type") == "array":
        inner = rule["items"]
        return [n for one in (inner if isinstance(inner, list) else [inner]) for n in indices(one)]
    index = rule.get("index")
    number = int(index) if isinstance(index, int) or index == "4" else -1
    return [number] if number >= 0 else []


def leaves(node: Node) -> list[Leaf]:
    match node:
        case Leaf():
            return [node]
        case Fields(properties):
            return [one for _, inner in properties for one in leaves(inner)]
        case Items(items):
            return [one for inner in items for one in leaves(inner)]


@given(RULES)
def test_exactly_the_leaves_with_an_index_are_used(rule: Any) -> None:
    made = normalised(rule, {}, BY_INDEX)
    wanted = indices(rule)
    assert (made.node is None) == bool(made.violations)
    if made.node is None:
        untyped = any("has no type" in v.text for v in made.violations)
        assert untyped or not wanted
        return
    assert [one.index for one in leaves(made.node)] == wanted
    assert made.leaves == len(wanted)
    assert mapping.columns(made.node) == 1 + max(wanted)


@given(
    rule=st.dictionaries(st.sampled_from(["type", "properties", "items", "index", "column"]), JSON), schema=JSON
)
def test_whatever_is_sent_is_used_or_refused(rule: Any, schema: Any) -> None:
    for cells in (BY_INDEX, EITHER, BY_COLUMN):
        made = normalised(rule, schema, cells)
        assert (made.node is None) == bool(made.violations) or (schema is None and made.node is None)
        assert all(v.field.startswith("mapping_rule") and v.text for v in made.violations)


@given(RULES)
def test_it_is_the_same_after_it_was_written(rule: Any) -> None:
    made = normalised(rule, {}, BY_INDEX)
    if made.node is not None:
        assert mapping.node(json.loads(json.dumps(mapping.plain(made.node)))) == made.node


def test_how_it_is_written() -> None:
    tree = Fields((("a", Items((Leaf(N, 3), Leaf(S, column="x"), Fields(())))),))
    written = {
        "fields": {
            "a": {"items": [{"leaf": "number", "index": 3}, {"leaf": "string", "column": "x"}, {"fields": {}}]}
        }
    }
    assert mapping.plain(tree) == written
    assert mapping.node(written) == tree
    assert mapping.columns(tree) == 4
