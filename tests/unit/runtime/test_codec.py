"""Bodies to values."""

import json
from typing import Any

import pytest

from modelyard_runtime.codec import decode
from modelyard_runtime.errors import RequestError


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
