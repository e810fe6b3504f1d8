"""From body to answer, with the things that go wrong."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from modelyard_runtime.errors import bad_input
from modelyard_runtime.model import Model
from modelyard_runtime.protocols.modelarts import ModelArts
from modelyard_runtime.protocols.plane import Plane


def plane(predict: Callable[[Any], Any], **options: bool) -> Plane:
    return Plane(ModelArts(Model(routes={}, predict=predict, **options), "iris 1.0.0"))  # type: ignore[arg-type]


def ask(predict: Callable[[Any], Any], body: bytes = b"{}", **options: bool) -> tuple[int, Any]:
    reply = plane(predict, **options).answer(body, lambda _: "")
    assert isinstance(reply.body, bytes)
    return reply.status, json.loads(reply.body)


def test_the_return_value_is_the_answer() -> None:
    assert ask(lambda data: [data["x"]], b'{"x": 1}') == (200, [1])


@pytest.mark.parametrize(
    ("body", "result", "answer"),
    [
        pytest.param(b'{"meta": {"uuid": "7"}}', {"a": 1}, {"a": 1, "meta": {"uuid": "7"}}, id="echoed"),
        pytest.param(b'{"meta": {"uuid": "7"}}', {"meta": 1}, {"meta": 1}, id="the model's own stays"),
        pytest.param(b'{"meta": {}}', {"a": 1}, {"a": 1}, id="no uuid"),
        pytest.param(b"{}", {"a": 1}, {"a": 1}, id="no meta"),
        pytest.param(b'{"meta": {"uuid": "7"}}', [1], [1], id="a list has no place for it"),
    ],
)
def test_meta(body: bytes, result: Any, answer: Any) -> None:
    assert ask(lambda _: result, body) == (200, answer)


def test_lists_of_machine_learning_scripts_are_wrapped() -> None:
    body = b'{"meta": {"uuid": "7"}}'
    expected = {"data": {"resp_data": [1]}, "meta": {"uuid": "7"}}
    assert ask(lambda _: [1], body, wraps_lists=True) == (200, expected)
    assert ask(lambda _: {"a": 1}, wraps_lists=True) == (200, {"a": 1})


def test_scripts_that_parse_get_the_text() -> None:
    assert ask(lambda text: text, b'{"a":1}', wants_text=True) == (200, '{"a":1}')
    assert ask(lambda text: text, b"{", wants_text=True)[0] == 400


def refuse(_: Any) -> Any:
    raise bad_input("No.")


def crash(_: Any) -> Any:
    raise ValueError("secret of the model")


def leave(_: Any) -> Any:
    raise SystemExit(1)


def test_a_refusal_of_the_input_is_a_400() -> None:
    status, answer = ask(refuse)
    assert (status, answer["error_code"]) == (400, "ModelArts.4105")
    assert answer["message"] == answer["error_msg"]


@pytest.mark.parametrize("predict", [crash, leave, lambda _: object()], ids=["raises", "exits", "not JSON"])
def test_a_failure_is_a_500_with_a_reference(predict: Any, capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = ask(predict)
    reference = answer["error_msg"].rstrip(".").split()[-1]
    log = capsys.readouterr().err
    assert status == 500
    assert "secret" not in json.dumps(answer)
    assert reference in log
    assert "Traceback" in log
