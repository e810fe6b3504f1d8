"""Bodies to values and values to bodies."""

import json
from typing import Any

import numpy as np
import pytest

from modelyard_runtime.codec import decode, encode
from modelyard_runtime.errors import RequestError


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"a": [1, 2.5, None, True, "é"]}, '{"a":[1,2.5,null,true,"é"]}', id="plain"),
        pytest.param(np.float64(1.5), "1.5", id="float64"),
        pytest.param(np.float32(0.5), "0.5", id="float32"),
        pytest.param(np.int64(3), "3", id="int64"),
        pytest.param(np.bool_(True), "true", id="bool"),
        pytest.param(np.array([[1, 2], [3, 4]]), "[[1,2],[3,4]]", id="array"),
        pytest.param({np.int64(1): "x"}, '{"1":"x"}', id="key"),
        pytest.param(np.array(["a"]), '["a"]', id="text array"),
        pytest.param([float("nan"), np.float64("inf")], "[null,null]", id="no number"),
        pytest.param((1, 2), "[1,2]", id="tuple"),
        pytest.param({1: 2}.values(), "[2]", id="view"),
    ],
)
def test_encode(value: Any, text: str) -> None:
    assert encode(value).decode() == text


def test_what_cannot_be_written_is_named() -> None:
    with pytest.raises(NotImplementedError, match="object cannot be written as JSON"):
        encode(object())


@pytest.mark.parametrize(
    ("body", "value"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="object"),
        pytest.param(b"[1]", [1], id="list"),
        pytest.param(b"-1", -1, id="negative number"),
    ],
)
def test_decode(body: bytes, value: Any) -> None:
    assert decode(body, lambda: "") == value


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(b"{", "ModelArts.4105", id="cut off"),
        pytest.param(b"--x", "ModelArts.4105", id="dashes"),
        pytest.param(b"\xff", "ModelArts.4105", id="not text"),
        pytest.param(b"[" * 100_000, "ModelArts.4105", id="too deep"),
        pytest.param(b"", "ModelArts.4202", id="empty"),
    ],
)
def test_bad_bodies(body: bytes, code: str) -> None:
    with pytest.raises(RequestError) as refused:
        decode(body, lambda: "text/plain")
    assert refused.value.status == 400
    assert json.loads(refused.value.body())["error_code"] == code
