"""What the gateway wrote of a call becomes a line (`core/access_lines.py`)."""

import json

import pytest

from modelyard.core.access_lines import call

TOLD = {
    "access": "s-1",
    "start_ms": "1000",
    "duration_ms": 12,
    "code": 503,
    "bytes_in": 120,
    "bytes_out": 80,
    "method": "POST",
    "path": "/a/b",
    "request": "6b0c1f0e-3b7a-4a4e-9d5c-1a2b3c4d5e6f",
    "caller": "10.0.0.7",
    "instance": "instances/3f1d/s.sock",
    "details": "via_upstream",
    "flags": "-",
}


def told(**changes: object) -> bytes:
    return json.dumps({**TOLD, **changes}).encode() + b"\n"


def test_a_call() -> None:
    line = call(told())
    assert line is not None
    assert (line.service_id, line.at_ms) == ("s-1", 1012)
    assert line.reference == "6b0c1f0e-3b7a-4a4e-9d5c-1a2b3c4d5e6f"
    assert line.text == (
        "POST /a/b 503 in 12 ms, request 6b0c1f0e-3b7a-4a4e-9d5c-1a2b3c4d5e6f, caller 10.0.0.7, "
        "120 bytes in, 80 out, instance 3f1d, via_upstream"
    )


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        pytest.param({"path": "/v1/infers/s-1/x?password=hunter22"}, "POST /x 503", id="refused before its route"),
        pytest.param({"path": "/v1/infers/s-1"}, "POST / 503", id="the service itself"),
        pytest.param({"code": 0}, "POST /a/b no answer", id="the caller went away"),
        pytest.param({"path": "/\u001b[31m\n"}, "POST /␛[31m␊ 503", id="a terminal's commands"),
    ],
)
def test_texts(changes: dict[str, object], text: str) -> None:
    line = call(told(**changes))
    assert line is not None
    assert line.text.startswith(text)
    assert "hunter22" not in line.text


def test_the_failures_own_reference_comes_first() -> None:
    line = call(told(reference="3f0a1b2c3d4e"))
    assert line is not None
    assert line.reference == "3f0a1b2c3d4e"


@pytest.mark.parametrize("request_id", ["x", "a b c d e f g h", "y" * 100, "\u202e" * 10])
def test_a_callers_id_that_names_nothing_is_no_reference(request_id: str) -> None:
    line = call(told(request=request_id))
    assert line is not None
    assert line.reference == ""


@pytest.mark.parametrize(
    "line", [b"", b"[2026] [warning] ...\n", b"{\n", b"{}\n", b"[1]\n", b'{"access": 1}\n', b"\xff\n"]
)
def test_other_words_of_the_gateway_are_no_call(line: bytes) -> None:
    assert call(line) is None
