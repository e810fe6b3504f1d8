"""The matrix: each format by each protocol answers what its library answers when it is called directly."""

import importlib.util
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.unit.runtime.saved_models import COLUMNS, FORMATS, ROWS, Saved, package

from modelyard_runtime.execution.job import Asked
from modelyard_runtime.execution.sharing import results_of, rows_joint
from modelyard_runtime.loading.loader import load
from modelyard_runtime.model import Limits, Model
from modelyard_runtime.protocols.modelarts import ModelArts
from modelyard_runtime.protocols.plane import Plane
from modelyard_runtime.protocols.v2 import OpenInference
from modelyard_runtime.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries, which are not ours to mend

OBJECTS = [dict(zip(COLUMNS, row, strict=True)) for row in ROWS]
Served = tuple[Saved, Model, Any]


@pytest.fixture(scope="module", params=FORMATS)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    saved = FORMATS[request.param]
    if importlib.util.find_spec(saved.needs) is None:
        pytest.skip(f"NOT PROVEN HERE: {request.param} needs {saved.needs}, which is not installed")
    directory = tmp_path_factory.mktemp(request.param)
    expected = package(directory, saved)
    yield saved, load(Settings(directory, "m", "1.0.0", port=0)), plain(expected)


def plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


def ask(model: Model, body: Any) -> Any:
    reply = Plane(ModelArts(model, "m")).answer(json.dumps(body).encode(), lambda _: "")
    assert isinstance(reply.body, bytes)
    assert reply.status == 200, reply.body
    return json.loads(reply.body)


def wrapped(_: Saved, model: Model) -> Any:
    return unnamed(ask(model, {"data": {"req_data": OBJECTS}})["data"]["resp_data"])


def bare(_: Saved, model: Model) -> Any:
    return unnamed(ask(model, {"req_data": OBJECTS})["resp_data"])


def instances(_: Saved, model: Model) -> Any:
    return ask(model, {"instances": ROWS})["predictions"]


def joined(_: Saved, model: Model) -> Any:
    """Three callers answered by one call, also where config.json would have to ask for that."""
    assert model.rows is not None
    plane = Plane(ModelArts(replace(model, joint=rows_joint(model.rows, Limits())), "m"))
    asked: list[Asked] = []
    for row in OBJECTS:
        each = plane.decode(json.dumps({"req_data": [row]}).encode(), lambda _: "")
        assert isinstance(each, Asked)
        asked.append(each)
    many = asked[0].call.many
    assert many is not None
    results = results_of(many, [each.item for each in asked])
    answers = [json.loads(plane.encode(*each).body) for each in zip(asked, results, strict=True)]  # type: ignore[arg-type]
    return unnamed([row for answer in answers for row in answer["resp_data"]])


def unnamed(rows: list[dict[str, Any]]) -> list[Any]:
    return [row["predictresult"] if row.keys() == {"predictresult"} else row for row in rows]


def v2_json(saved: Saved, model: Model) -> Any:
    tensors = [
        {"name": t.name, "datatype": saved.datatype, "shape": list(a.shape), "data": a.tolist()}
        for t, a in inputs(saved, model)
    ]
    answer = infer(model, json.dumps({"inputs": tensors}).encode(), {})
    return rows_of({o["name"]: np.reshape(o["data"], o["shape"]).tolist() for o in answer["outputs"]})


def v2_binary(saved: Saved, model: Model) -> Any:
    tensors = [
        (
            {
                "name": t.name,
                "datatype": saved.datatype,
                "shape": list(a.shape),
                "parameters": {"binary_data_size": a.nbytes},
            },
            a.tobytes(),
        )
        for t, a in inputs(saved, model)
    ]
    head = json.dumps({"inputs": [h for h, _ in tensors], "parameters": {"binary_data_output": True}}).encode()
    body = head + b"".join(raw for _, raw in tensors)
    return rows_of(infer(model, body, {"inference-header-content-length": str(len(head))}))


def inputs(saved: Saved, model: Model) -> list[tuple[Any, Any]]:
    assert model.tensors is not None
    matrix = np.array(ROWS, dtype={"FP64": "float64", "FP32": "float32"}[saved.datatype])
    declared = model.tensors.inputs
    if len(declared) == 1:
        return [(declared[0], matrix)]
    return [(each, matrix[:, n].copy()) for n, each in enumerate(declared)]


def infer(model: Model, body: bytes, headers: dict[str, str]) -> Any:
    def failed(error: BaseException) -> str:
        raise error

    reply = Plane(OpenInference(model, "m", "1.0.0", failed)).answer(body, lambda name: headers.get(name, ""))
    assert isinstance(reply.body, bytes)
    assert reply.status == 200, reply.body
    length = dict(reply.headers).get("inference-header-content-length")
    if length is None:
        return json.loads(reply.body)
    return {name: array.tolist() for name, array in unpacked(reply.body, int(length)).items()}


def unpacked(body: bytes, length: int) -> dict[str, Any]:
    """As a client reads it, written anew here: little-endian numbers, texts with their lengths."""
    found = {}
    at = length
    for output in json.loads(body[:length])["outputs"]:
        raw = body[at : at + output["parameters"]["binary_data_size"]]
        at += len(raw)
        if output["datatype"] == "BYTES":
            texts = []
            while raw:
                size = 4 + int.from_bytes(raw[:4], "little")
                texts.append(raw[4:size].decode())
                raw = raw[size:]
            array = np.array(texts)
        else:
            kinds = {"FP64": "<f8", "FP32": "<f4", "INT64": "<i8", "INT32": "<i4"}
            array = np.frombuffer(raw, dtype=kinds[output["datatype"]])
        found[output["name"]] = array.reshape(output["shape"])
    assert at == len(body)
    return found


def rows_of(outputs: dict[str, Any]) -> Any:
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    return [dict(zip(outputs, values, strict=True)) for values in zip(*outputs.values(), strict=True)]


PROTOCOLS: dict[str, Callable[[Saved, Model], Any]] = {
    "data wrapper": wrapped,
    "no wrapper": bare,
    "instances": instances,
    "several callers": joined,
    "v2 json": v2_json,
    "v2 binary": v2_binary,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_prediction_equals_the_library(served: Served, protocol: str) -> None:
    saved, model, expected = served
    found = PROTOCOLS[protocol](saved, model)
    assert len(found) == len(ROWS)
    same(found, expected)


def same(found: Any, expected: Any) -> None:
    """Labels and counts exactly; numbers to what JSON and 32 bits keep."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            same(found[key], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-6)
    else:
        assert found == expected
        assert type(found) is type(expected)


def test_a_wrong_width_is_the_callers_error(served: Served) -> None:
    _, model, _ = served
    reply = Plane(ModelArts(model, "m")).answer(b'{"instances": [[1.0, 2.0]]}', lambda _: "")
    assert isinstance(reply.body, bytes)
    assert (reply.status, json.loads(reply.body)["error_code"]) == (400, "ModelArts.4105")


def test_the_example_of_the_warm_up_fits(served: Served) -> None:
    saved, model, _ = served
    assert (model.example is not None) is saved.warms_up
    if saved.warms_up:
        assert len(ask(model, model.example).popitem()[1]) == 1


def test_classes_of_xgboost_are_cut_where_its_own_classifier_cuts(tmp_path: Path) -> None:
    """Labels that can hardly be learned: the scores lie close to one half, on both sides."""
    xgboost = pytest.importorskip("xgboost")
    random = np.random.default_rng(7)
    rows, labels = random.normal(size=(400, 4)), random.integers(0, 2, 400)
    library = xgboost.XGBClassifier(n_estimators=3, max_depth=2, learning_rate=0.3).fit(rows, labels)
    scores = library.predict_proba(rows)[:, 1]
    assert (abs(scores - 0.5) < 0.03).sum() > 20
    library.save_model(tmp_path / "model.json")
    (tmp_path / "config.json").write_text("{}")
    model = load(Settings(tmp_path, "m", "", port=0))
    assert ask(model, {"instances": rows.tolist()})["predictions"] == library.predict(rows).tolist()
    assert model.tensors is not None
    found = model.tensors.run(model.tensors.fit({"x": rows}), ("predict", "predict_proba"))
    assert found["predict_proba"] == pytest.approx(library.predict_proba(rows), abs=1e-6)


@pytest.mark.parametrize(
    ("said", "threads"),
    [("1", 1), ("2", 2), ("64", 8), ("", 8), ("0", 8), ("many", 8), ("-1", 8)],
)
def test_onnx_takes_as_many_threads_as_pools_are_told_to_have(said: str, threads: int) -> None:
    from modelyard_runtime.formats import onnx

    assert onnx.threads({"OMP_NUM_THREADS": said}, 8) == threads
    assert onnx.threads({}, 8) == 8
