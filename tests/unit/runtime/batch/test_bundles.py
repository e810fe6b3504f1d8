"""Several small splits at once: one call of the model, and each row where it belongs."""

from typing import Any

from tests.worlds.batch_worker import CSV, Plane, serving, split

from modelyard_runtime.execution.sharing import alone
from modelyard_runtime.model import Joint, Limits, Model

ROUTES = {"/": frozenset({"POST"})}


def bundle(members: list[tuple[int, bytes, int, int, int]], **more: Any) -> tuple[dict[str, Any], bytes]:
    """Of (source, content, start, first row, rows)."""
    content = b"".join(each[1] for each in members)
    asked = split(CSV, content, sum(each[4] for each in members), **more)
    names = ("source", "start", "end", "first_row", "rows")
    asked["members"] = [
        dict(zip(names, (number, start, len(held), first, rows), strict=True))
        for number, held, start, first, rows in members
    ]
    return asked, content


def many(calls: list[int]) -> Model:
    def predict(items: list[Any]) -> list[Any]:
        calls.append(len(items))
        return items

    joint = Joint(predict=predict, limits=Limits(max_size=64))
    return Model(ROUTES, predict=alone(joint), joint=joint)


def test_rows_of_several_sources_are_one_call() -> None:
    calls: list[int] = []
    with serving(many(calls)) as plane:
        for _ in range(6):  # calls grow
            asked, content = bundle([(n, b"%d\n" % n, 0, 0, 1) for n in range(64)])
            ran = plane.run(asked, [content])
            assert ran.lines == [[str(n)] for n in range(64)]
            assert ran.kind == b"E"
    assert max(calls) > 16


def test_a_row_that_fails_says_its_own_number_and_is_told_by_its_place() -> None:
    with serving(Model(ROUTES, predict=lambda data: data)) as plane:
        asked, content = bundle([(3, b"a\n", 0, 0, 1), (5, b"x\n\xff\nb\n", 2, 7, 2)])
        asked["job"] = {**asked["job"], "mapping": {"items": [{"leaf": "string", "index": 0}]}}
        ran = plane.run(asked, [content])
    assert [*ran.failures] == [1]
    assert ran.lines[0] == ["a"]
    assert ran.lines[2] == ["b"]


def told(plane: Plane, asked: dict[str, Any], content: bytes) -> tuple[list[Any], bytes, dict[str, Any]]:
    ran = plane.run(asked, [content])
    return [each.head["next"] for each in ran.published], ran.kind, ran.ended


def test_a_source_that_is_not_what_it_was_ends_the_bundle_behind_those_before() -> None:
    with serving(Model(ROUTES, predict=lambda data: data)) as plane:
        asked, content = bundle([(3, b"a\n", 0, 0, 1), (5, b"b\n", 0, 0, 2), (6, b"c\n", 0, 0, 1)])
        following, kind, ended = told(plane, asked, content)
    assert (following, kind) == ([[5, 0]], b"F")
    assert "1 rows where 2 were counted" in ended["error"]


def test_where_the_next_row_begins_is_said_of_its_source() -> None:
    with serving(Model(ROUTES, predict=lambda data: data)) as plane:
        asked, content = bundle([(3, b"a\n", 0, 0, 1), (5, b"-\nbc\nd\n", 2, 0, 2)], careful=True)
        following, kind, _ = told(plane, asked, content)
    assert (following, kind) == ([[5, 2], [5, 5], None], b"E")
