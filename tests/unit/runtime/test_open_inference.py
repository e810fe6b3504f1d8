"""The Open Inference Protocol V2: every datatype in JSON and in binary, metadata, and errors in its own shape."""

import asyncio
import json
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import numpy as np
import pytest

from model_service import BadRequest
from modelyard import __version__
from modelyard_runtime.errors import bad_input, overloaded
from modelyard_runtime.execution.job import Asked, Call
from modelyard_runtime.execution.sharing import results_of
from modelyard_runtime.model import Joint, Model, Tensor, Tensors
from modelyard_runtime.protocols import v2
from modelyard_runtime.protocols.datatypes import SIZES
from modelyard_runtime.protocols.plane import Plane, Reply
from modelyard_runtime.protocols.v2 import OpenInference

HOME = "/v2/models/m"
LENGTH = "inference-header-content-length"


def mirror(given: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    """Answers each input as an output of the same name; `bad` and `broken` are what they say."""
    if "bad" in given:
        raise bad_input("I do not like it.")
    if "broken" in given:
        raise ValueError("secret")
    return {name: given[name] for name in wanted} if wanted else given


def protocol(**model: Any) -> OpenInference:
    tensors = Tensors("mirror", (Tensor("x", "FP32", (-1, 2)),), (Tensor("y", "BYTES", (-1,)),), mirror)
    given = {"tensors": tensors, "predict": lambda data: data, **model}
    return OpenInference(Model({}, **given), "m", "1.0.0", lambda _: "REFERENCE")


def infer(body: Any, tail: bytes = b"", **model: Any) -> Reply:
    head = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {LENGTH: str(len(head))} if tail else {}
    return Plane(protocol(**model)).answer(head + tail, lambda name: headers.get(name, ""))


def one(datatype: str, data: Any, shape: list[int]) -> dict[str, Any]:
    return {"inputs": [{"name": "x", "datatype": datatype, "shape": shape, "data": data}]}


def binary(datatype: str, raw: bytes, shape: list[int]) -> tuple[dict[str, Any], bytes]:
    tensor = {"name": "x", "datatype": datatype, "shape": shape, "parameters": {"binary_data_size": len(raw)}}
    return {"inputs": [tensor]}, raw


IN_JSON = {
    "BOOL": [True, False],
    "UINT8": [0, 255],
    "UINT16": [0, 65535],
    "UINT32": [0, 2**32 - 1],
    "UINT64": [0, 2**64 - 1],
    "INT8": [-128, 127],
    "INT16": [-32768, 32767],
    "INT32": [-(2**31), 2**31 - 1],
    "INT64": [-(2**63), 2**63 - 1],
    "FP16": [0.5, -2.0],
    "FP32": [0.5, 3],
    "FP64": [0.1, 1e300],
    "BYTES": ["hé", ""],
}


@pytest.mark.parametrize("datatype", IN_JSON)
@pytest.mark.parametrize("nested", [False, True], ids=["flat", "nested"])
def test_json(datatype: str, nested: bool) -> None:
    data = IN_JSON[datatype]
    reply = infer(one(datatype, [data] if nested else data, [1, 2]))
    assert reply.status == 200, reply.body
    assert reply.headers == [("content-type", "application/json")]
    assert json.loads(reply.body) == {
        "model_name": "m",
        "model_version": "1.0.0",
        "outputs": [{"name": "x", "datatype": datatype, "shape": [1, 2], "data": data}],
    }


IN_BINARY = {
    "BOOL": b"\x01\x00",
    "UINT8": struct.pack("<2B", 0, 255),
    "UINT16": struct.pack("<2H", 0, 65535),
    "UINT32": struct.pack("<2I", 0, 2**32 - 1),
    "UINT64": struct.pack("<2Q", 0, 2**64 - 1),
    "INT8": struct.pack("<2b", -128, 127),
    "INT16": struct.pack("<2h", -32768, 32767),
    "INT32": struct.pack("<2i", -(2**31), 2**31 - 1),
    "INT64": struct.pack("<2q", -(2**63), 2**63 - 1),
    "FP16": struct.pack("<2e", 0.5, -2),
    "FP32": struct.pack("<2f", 0.5, 3),
    "FP64": struct.pack("<2d", 0.1, 1e300),
    "BYTES": struct.pack("<I", 3) + "hé".encode() + struct.pack("<I", 2) + b"\xff\xfe",
}


@pytest.mark.parametrize("datatype", IN_BINARY)
def test_binary(datatype: str) -> None:
    raw = IN_BINARY[datatype]
    body, tail = binary(datatype, raw, [2])
    reply = infer({**body, "id": "7", "parameters": {"binary_data_output": True}}, tail)
    assert reply.status == 200, reply.body
    length = int(dict(reply.headers)[LENGTH])
    assert dict(reply.headers)["content-type"] == "application/octet-stream"
    output = {"name": "x", "datatype": datatype, "shape": [2], "parameters": {"binary_data_size": len(raw)}}
    assert json.loads(reply.body[:length]) == {
        "model_name": "m",
        "model_version": "1.0.0",
        "id": "7",
        "outputs": [output],
    }
    assert reply.body[length:] == raw


def test_every_datatype_is_in_the_tables() -> None:
    assert {*IN_JSON, "BF16"} == set(SIZES)
    assert {*IN_BINARY, "BF16"} == set(SIZES)


def test_bf16_is_fp32_inside() -> None:
    body, tail = binary("BF16", struct.pack("<2H", 0x3F80, 0xC000), [2])
    output = json.loads(infer(body, tail).body)["outputs"][0]
    assert (output["datatype"], output["data"]) == ("FP32", [1.0, -2.0])


def test_null_is_not_a_number_both_ways() -> None:
    output = json.loads(infer(one("FP32", [1, None], [2])).body)["outputs"][0]
    assert output["data"] == [1.0, None]


def test_tensors_in_json_and_in_binary_side_by_side() -> None:
    first = {"name": "a", "datatype": "FP16", "shape": [1], "parameters": {"binary_data_size": 2}}
    second = {"name": "b", "datatype": "INT64", "shape": [1], "data": [5]}
    third = {"name": "c", "datatype": "UINT8", "shape": [0], "parameters": {"binary_data_size": 0}}
    outputs = [{"name": "b"}, {"name": "a", "parameters": {"binary_data": True}}]
    reply = infer({"inputs": [first, second, third], "outputs": outputs}, b"\x00\x38")
    length = int(dict(reply.headers)[LENGTH])
    answered = json.loads(reply.body[:length])["outputs"]
    assert [o["name"] for o in answered] == ["b", "a"]
    assert answered[0]["data"] == [5]
    assert reply.body[length:] == b"\x00\x38"


REFUSED = {
    "not JSON": (b"{", "."),
    "no object": (b"[]", "Expected an object"),
    "no inputs": ({}, "inputs must be a list"),
    "input is no object": ({"inputs": [1]}, "Each input must be an object"),
    "unknown datatype": (one("FP8", [1], [1]), "datatype 'FP8'"),
    "no shape": ({"inputs": [{"name": "x", "datatype": "FP32", "data": [1]}]}, "must have a shape"),
    "negative shape": (one("FP32", [1], [-1]), "must have a shape"),
    "many sizes": (one("FP32", [1], [1] * 65), "shape of 65 sizes; numpy takes at most 64"),
    "many sizes of text": (one("BYTES", ["a"], [1] * 65), "shape of 65 sizes"),
    "no data": ({"inputs": [{"name": "x", "datatype": "FP32", "shape": [1]}]}, "must have data"),
    "too few": (one("FP32", [1], [2]), "1 elements; its shape .* needs 2"),
    "ragged": (one("FP32", [[1, 2], [3]], [3]), "do not fit"),
    "text as number": (one("FP32", ["1"], [1]), "do not fit"),
    "fraction as integer": (one("INT32", [1.5], [1]), "do not fit"),
    "out of range": (one("UINT8", [300], [1]), "do not fit"),
    "number as text": (one("BYTES", [1], [1]), "do not fit"),
    "number as boolean": (one("BOOL", [2], [1]), "do not fit"),
    "outputs": ({**one("FP32", [1], [1]), "outputs": ["y"]}, "outputs must be"),
    "refused by the model": (
        {"inputs": [{"name": "bad", "datatype": "FP32", "shape": [1], "data": [1]}]},
        "I do not like it",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_the_callers_error(case: str) -> None:
    body, message = REFUSED[case]
    reply = infer(body)
    assert reply.status == 400
    assert json.loads(reply.body).keys() == {"error"}
    with pytest.raises(ValueError, match=message):
        raise ValueError(json.loads(reply.body)["error"])


@pytest.mark.parametrize(
    ("raw", "datatype", "said", "message"),
    [
        pytest.param(b"\x00" * 3, "FP16", 3, "no multiple of 2", id="half an element"),
        pytest.param(b"\x00" * 4, "FP32", 8, "ends within x", id="too short"),
        pytest.param(b"\x00" * 8, "FP32", 4, "4 bytes of the body belong to no input", id="too long"),
        pytest.param(b"\x09\x00\x00\x00ab", "BYTES", 6, "cut off", id="text cut off"),
        pytest.param(b"\x09\x00", "BYTES", 2, "cut off", id="length cut off"),
        pytest.param(b"", "FP32", -1, "binary_data_size", id="negative"),
    ],
)
def test_binary_that_cannot_be_read(raw: bytes, datatype: str, said: int, message: str) -> None:
    tensor = {"name": "x", "datatype": datatype, "shape": [1], "parameters": {"binary_data_size": said}}
    reply = infer({"inputs": [tensor]}, raw)
    assert reply.status == 400
    assert message in json.loads(reply.body)["error"]


@pytest.mark.parametrize("length", ["x", "-1", "99999"])
def test_a_wrong_header_length(length: str) -> None:
    reply = Plane(protocol()).answer(b"{}", lambda name: length if name == LENGTH else "")
    assert (reply.status, "length of the JSON" in json.loads(reply.body)["error"]) == (400, True)


def test_a_failure_of_the_model_stays_in_the_log() -> None:
    reply = infer({"inputs": [{"name": "broken", "datatype": "FP32", "shape": [1], "data": [1]}]})
    assert reply.status == 500
    assert "REFERENCE" in json.loads(reply.body)["error"]
    assert b"secret" not in reply.body


def test_a_model_without_numpy_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpy", None)
    reply = infer(one("FP32", [1], [1]))
    assert (reply.status, "add it to dependencies" in json.loads(reply.body)["error"]) == (501, True)


METADATA = {
    "name": "m",
    "versions": ["1.0.0"],
    "platform": "mirror",
    "inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "y", "datatype": "BYTES", "shape": [-1]}],
}


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/v2", 200, {"name": "modelyard", "version": __version__, "extensions": ["binary_tensor_data"]}),
        ("GET", "/v2/", 200, {"name": "modelyard", "version": __version__, "extensions": ["binary_tensor_data"]}),
        ("GET", "/v2/health/live", 200, {"live": True}),
        ("GET", "/v2/health/ready", 200, {"ready": True}),
        ("GET", HOME, 200, METADATA),
        ("GET", f"{HOME}/versions/1.0.0", 200, METADATA),
        ("GET", f"{HOME}/ready", 200, {"name": "m", "ready": True}),
        ("GET", f"{HOME}/versions/1.0.0/ready", 200, {"name": "m", "ready": True}),
        ("GET", "/v2/models/other", 404, None),
        ("GET", f"{HOME}/versions/2.0.0", 404, None),
        ("POST", "/v2/models/other/infer", 404, None),
        ("POST", HOME, 405, None),
        ("GET", f"{HOME}/infer", 405, None),
    ],
)
def test_what_needs_no_body(method: str, path: str, status: int, body: Any) -> None:
    reply = protocol().described(method, path)
    assert reply is not None
    assert reply.status == status
    found = json.loads(reply.body)
    assert found == body if body else found.keys() == {"error"}


@pytest.mark.parametrize("path", [f"{HOME}/infer", f"{HOME}/versions/1.0.0/infer"])
def test_inference_needs_a_body(path: str) -> None:
    assert protocol().described("POST", path) is None


def test_before_there_is_a_model() -> None:
    assert v2.while_loading("/v2/health/live").status == 200
    assert v2.while_loading("/v2/health/ready").status == 503
    assert v2.while_loading(HOME).status == 503


# Scripts, which know requests and answers, not tensors.

SCRIPTS = {
    "undeclared: a field for each tensor": (
        (),
        {"a": [[1, 2]]},
        lambda body: {"echo": body["a"]},
        {"echo": [1, 2]},
    ),
    "declared: rows of a matrix": (
        ("p", "q"),
        {"a": [[1, 2], [3, 4]]},
        lambda body: {"data": {"resp_data": [{"sum": r["p"] + r["q"]} for r in body["data"]["req_data"]]}},
        {"sum": [3, 7]},
    ),
    "declared: a tensor for each column": (
        ("p", "q"),
        {"q": [2, 4], "p": [1, 3]},
        lambda body: [{"sum": r["p"] + r["q"]} for r in body["data"]["req_data"]],
        {"sum": [3, 7]},
    ),
    "numbers, texts and what is neither": (
        (),
        {"a": [1]},
        lambda _: {"n": 1.5, "t": "yes", "array": np.array([[1]]), "mixed": [1, [2]]},
        {"n": [1.5], "t": ["yes"], "array": [1], "mixed": ["[1,[2]]"]},
    ),
    "a text": ((), {"a": [1]}, lambda _: "hello", {"output": ["hello"]}),
}


@pytest.mark.parametrize("case", SCRIPTS)
def test_scripts(case: str) -> None:
    columns, given, predict, expected = SCRIPTS[case]
    inputs = [
        {"name": name, "datatype": "INT64", "shape": list(np.shape(data)), "data": data}
        for name, data in given.items()
    ]
    reply = infer({"inputs": inputs}, tensors=None, predict=predict, columns=columns)
    assert reply.status == 200, reply.body
    assert {o["name"]: o["data"] for o in json.loads(reply.body)["outputs"]} == expected


async def test_scripts_whose_steps_are_coroutines() -> None:
    async def predict(data: Any) -> Any:
        return {"y": data["x"]}

    opened = protocol(tensors=None, predict=None, predict_async=predict)
    reply = await Plane(opened).answer_async(json.dumps(one("FP32", [1, 2], [2])).encode(), lambda _: "")
    assert json.loads(reply.body)["outputs"][0]["data"] == [1.0, 2.0]


def joining(*bodies: Any, **tensors: Any) -> tuple[list[Any], list[Any]]:
    """What each is answered when all have one turn, and the shapes that the model was called with."""
    calls: list[Any] = []

    def run(given: dict[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
        calls.append({name: list(array.shape) for name, array in given.items()})
        if any(array.size and (array == 13).any() for array in given.values()):
            raise ValueError("thirteen")
        return mirror(given, wanted)

    joint = Joint(lambda items: items)
    model = Model(
        {}, lambda data: data, joint=joint, tensors=Tensors("p", (), (), tensors.pop("run", run), **tensors)
    )
    plane = Plane(OpenInference(model, "m", "", str))
    prepared = [plane.decode(json.dumps(body).encode(), lambda _: "") for body in bodies]
    replies = [each if isinstance(each, Reply) else None for each in prepared]
    groups: dict[Call, list[int]] = {}
    for n, each in enumerate(prepared):
        if isinstance(each, Asked):
            groups.setdefault(each.call, []).append(n)
    for call, group in groups.items():
        assert call.many is not None
        results = results_of(call.many, [prepared[n].item for n in group])  # type: ignore[union-attr]
        for n, result in zip(group, results, strict=True):
            replies[n] = plane.encode(prepared[n], result)  # type: ignore[arg-type]
    return [(reply.status, json.loads(reply.body)) for reply in replies if reply], calls


def outputs(answer: Any) -> Any:
    status, body = answer
    assert status == 200, body
    return [(each["name"], each["shape"], each["data"]) for each in body["outputs"]]


def test_requests_of_different_row_counts_share_a_call() -> None:
    answers, calls = joining(one("INT64", [1, 2], [1, 2]), one("INT64", [3, 4, 5, 6], [2, 2]))
    assert calls == [{"x": [3, 2]}]
    assert [outputs(each) for each in answers] == [[("x", [1, 2], [1, 2])], [("x", [2, 2], [3, 4, 5, 6])]]


def tensor(name: str, rows: int) -> dict[str, Any]:
    return {"name": name, "datatype": "INT64", "shape": [rows, 1], "data": [1] * rows}


PICKED = {**one("INT64", [1, 2], [1, 2]), "outputs": [{"name": "x"}]}
PAIR = {"inputs": [tensor("x", 2), tensor("y", 1)]}


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(one("FP64", [1, 2], [1, 2]), id="another datatype"),
        pytest.param(one("INT64", [1, 2, 3], [1, 3]), id="another width"),
        pytest.param(one("INT64", [1, 2], [1, 1, 2]), id="another number of axes"),
        pytest.param(one("INT64", [], [0, 2]), id="no rows"),
        pytest.param(one("INT64", [1], []), id="no axes"),
        pytest.param(PICKED, id="other outputs wanted"),
        pytest.param(PAIR, id="inputs of different row counts"),
    ],
)
def test_what_does_not_fit_has_a_call_of_its_own(other: Any) -> None:
    usual = one("INT64", [1, 2], [1, 2])
    answers, calls = joining(usual, other, usual)
    assert len(calls) == 2
    assert [status for status, _ in answers] == [200] * 3


def test_only_the_guilty_of_a_shared_call_fails() -> None:
    def fit(given: dict[str, Any]) -> dict[str, Any]:
        if given["x"][0, 0] == 9:
            raise bad_input("No nines.")
        return given

    bodies = [one("INT64", [n, 0], [1, 2]) for n in (1, 13, 9, 2)]
    answers, calls = joining(*bodies, fit=fit)
    assert [status for status, _ in answers] == [200, 500, 400, 200]
    assert calls == [{"x": [3, 2]}, *[{"x": [1, 2]}] * 3]
    assert outputs(answers[3]) == [("x", [1, 2], [2, 0])]


def test_a_model_whose_outputs_are_not_rows_is_called_for_each() -> None:
    calls = []

    def run(given: dict[str, Any], _: Sequence[str]) -> dict[str, Any]:
        calls.append(len(given["x"]))
        return {"sum": given["x"].sum(keepdims=True)}

    answers, _ = joining(one("INT64", [1, 2], [1, 2]), one("INT64", [3, 4], [1, 2]), run=run)
    assert calls == [2, 1, 1]
    assert [outputs(each) for each in answers] == [[("sum", [1, 1], [3])], [("sum", [1, 1], [7])]]


def test_a_request_that_is_refused_says_when_to_come_again() -> None:
    reply = protocol().refused(overloaded())
    assert reply.status == 503
    assert ("retry-after", "1") in reply.headers


def asked_async(items: Callable[[], AsyncGenerator[Any, None]]) -> Reply:
    """Of a script whose last step is an asynchronous generator, as `script_model` makes it."""

    async def predict(_: Any) -> Any:
        return items()

    served = protocol(tensors=None, predict=None, predict_async=predict)
    body = json.dumps(one("INT64", [1], [1])).encode()
    return asyncio.run(Plane(served).answer_async(body, lambda _: ""))


def test_an_asynchronous_generator_gives_a_tensor_of_its_items_as_another_does() -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        yield 2

    reply = asked_async(items)
    assert reply.status == 200, reply
    assert outputs((reply.status, json.loads(reply.body))) == [("output", [2], [1, 2])]


def test_what_an_asynchronous_generator_refuses_is_the_callers() -> None:
    async def items() -> AsyncGenerator[int, None]:
        yield 1
        raise BadRequest("no more")

    reply = asked_async(items)
    assert (reply.status, json.loads(reply.body)) == (400, {"error": "no more"})


def test_a_binary_tensor_of_many_sizes_is_refused_like_another() -> None:
    body, tail = binary("UINT8", b"1", [1] * 65)
    reply = infer(body, tail)
    assert (reply.status, "at most 64" in json.loads(reply.body)["error"]) == (400, True)
