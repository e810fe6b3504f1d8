"""A worker in this process: splits in, outcomes out."""

from typing import Any

from tests.worlds.batch_worker import CSV, serving, split

from modelyard_runtime.model import Model

ROUTES = {"/": frozenset({"POST"})}


def echo(data: Any) -> Any:
    return {"got": data}


def test_the_documented_example() -> None:
    """Contract §5."""
    names = [f"input_{n}" for n in range(1, 5)]
    leaves = {name: {"leaf": "number", "index": n} for n, name in enumerate(names)}
    mapping = {"fields": {"data": {"fields": {"req_data": {"items": [{"fields": leaves}]}}}}}
    content = b"5.1,3.5,1.4,0.2\n4.9,3,1.4,0.2\n"
    with serving(Model(ROUTES, predict=echo)) as plane:
        ran = plane.run(split({"format": "csv", "mapping": mapping}, content, 2), [content])
    assert ran.raw == (
        b'{"got":{"data":{"req_data":[{"input_1":5.1,"input_2":3.5,"input_3":1.4,"input_4":0.2}]}}}\n'
        b'{"got":{"data":{"req_data":[{"input_1":4.9,"input_2":3,"input_3":1.4,"input_4":0.2}]}}}\n'
    )
    assert (ran.kind, ran.ended) == (b"E", {"abandoned": False})


def test_several_splits_of_a_source() -> None:
    content = b"a\nb\n"
    with serving(Model(ROUTES, predict=echo)) as plane:
        first = plane.run(split(CSV, content, 1, end=2), [content])
        second = plane.run(split(CSV, content, 1, start=2, first_row=1), [content])
    assert (first.lines, second.lines) == ([{"got": ["a"]}], [{"got": ["b"]}])
