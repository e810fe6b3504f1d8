"""Who is at fault: what a model or its library says about its input is the caller's 400, all else a 500."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import model_service
from modelyard_runtime.errors import LoadError, input_refused
from modelyard_runtime.http.sse import Stream
from modelyard_runtime.loading.loader import load
from modelyard_runtime.model import Model
from modelyard_runtime.protocols.modelarts import ModelArts
from modelyard_runtime.protocols.plane import Plane
from modelyard_runtime.protocols.v2 import OpenInference
from modelyard_runtime.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries

PLANE = LinearRegression().fit(np.array([[0, 0], [1, 0], [0, 1]]), [0, 1, 10])  # a + 10 b


def served(directory: Path, estimator: Any, kinds: dict[str, str] | None = None) -> Model:
    (directory / "model.pkl").write_bytes(pickle.dumps(estimator))
    configure(directory, kinds)
    return load(Settings(directory, "m", "1.0.0", port=0))


def configure(directory: Path, kinds: dict[str, str] | None) -> None:
    rows = {
        "type": "array",
        "items": [{"properties": {name: {"type": kind} for name, kind in (kinds or {}).items()}}],
    }
    schema = {"properties": {"req_data": rows}} if kinds else {}
    (directory / "config.json").write_text(json.dumps({"apis": [{"request": {"data": schema}}]}))


def ask(model: Model, body: Any) -> tuple[int, Any]:
    reply = Plane(ModelArts(model, "m")).answer(json.dumps(body).encode(), lambda _: "")
    assert isinstance(reply.body, bytes)
    return reply.status, json.loads(reply.body)


def infer(model: Model, *inputs: dict[str, Any], **more: Any) -> tuple[int, Any]:
    def failed(error: BaseException) -> str:
        raise AssertionError(f"a 500: {error!r}") from error

    body = json.dumps({"inputs": inputs, **more}).encode()
    reply = Plane(OpenInference(model, "m", "1.0.0", failed)).answer(body, lambda _: "")
    assert isinstance(reply.body, bytes)
    return reply.status, json.loads(reply.body)


def tensor(name: str, datatype: str, shape: list[int], *data: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": shape, **({"data": list(data)} if data else {})}


def refuse(_: Any) -> Any:
    raise model_service.BadRequest("age must be positive")


def test_a_script_says_that_its_input_is_wrong() -> None:
    status, answer = ask(Model({}, predict=refuse), {})
    assert (status, answer["error_code"], answer["error_msg"]) == (400, "ModelArts.4204", "age must be positive")
    assert infer(Model({}, predict=refuse), tensor("x", "INT64", [1], 1)) == (
        400,
        {"error": "age must be positive"},
    )


async def test_so_does_one_of_coroutines() -> None:
    async def predict(data: Any) -> Any:
        return refuse(data)

    plane = Plane(ModelArts(Model({}, predict_async=predict), "m"))
    reply = await plane.answer_async(b"{}", lambda _: "")
    assert isinstance(reply.body, bytes)
    assert (reply.status, json.loads(reply.body)["error_msg"]) == (400, "age must be positive")


def test_so_does_a_stream_before_its_first_item() -> None:
    class Caller:
        left = False
        status = 200
        told: tuple[int, bytes] | None = None

        def send(self, item: Any) -> None:
            raise AssertionError(f"there is no item: {item}")

        def fail(self, status: int, body: bytes) -> None:
            self.told = (status, body)

        def end(self) -> None: ...

    def items() -> Any:
        yield refuse(None)

    caller = Caller()
    protocol = ModelArts(Model({}, predict=refuse), "m")

    def failed(error: BaseException) -> tuple[int, bytes]:
        reply = protocol.refused(error)
        assert isinstance(reply.body, bytes)
        return reply.status, reply.body

    Stream(items(), caller, lambda _: None, failed, lambda _: None).step()  # type: ignore[arg-type]
    assert caller.told is not None
    assert caller.told[0] == 400


def test_an_answer_that_is_no_json_is_told_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    status, answer = ask(Model({}, predict=lambda _: {"a": [object()]}), {})
    assert status == 500
    assert 'answer["a"][0] is of type object' in answer["error_msg"]
    assert "Traceback" in capsys.readouterr().err


def test_what_a_library_says_is_cleaned_of_places() -> None:
    begun = "[12:00:00] /workspace/src/learner.cc:12: Check failed: x\nin /usr/lib/python3/site.py"
    long = f"{begun}\nStack trace:\n  [bt]"
    assert input_refused(ValueError(long)).message.endswith("refuses these values: Check failed: x in …")
    assert input_refused(ValueError("a/b and 1/2")).message.endswith("a/b and 1/2")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"instances": [[1, None]]}, "contains NaN", id="null"),
        pytest.param({"instances": [[1, 10**400]]}, "not a table of numbers", id="beyond a float"),
        pytest.param({"req_data": [{"b": 1, "a": 2}]}, "several fields", id="fields without an order"),
    ],
)
def test_what_a_table_cannot_take_is_the_callers(tmp_path: Path, body: Any, said: str) -> None:
    status, answer = ask(served(tmp_path, PLANE), body)
    assert (status, answer["error_code"]) == (400, "ModelArts.4105")
    assert said in answer["error_msg"]


def test_an_unknown_category_is_the_callers(tmp_path: Path) -> None:
    frame = pd.DataFrame({"colour": ["red", "blue"], "n": [1.0, 2.0]})
    columns = ColumnTransformer([("c", OneHotEncoder(), ["colour"])], remainder="passthrough")
    model = served(tmp_path, make_pipeline(columns, LinearRegression()).fit(frame, [1, 2]))
    assert ask(model, {"req_data": [{"n": 1, "colour": "red"}]})[0] == 200
    status, answer = ask(model, {"req_data": [{"colour": "pink", "n": 1}]})
    assert status == 400
    assert "Found unknown categories ['pink']" in answer["error_msg"]


def test_a_fault_of_the_model_stays_a_500(tmp_path: Path) -> None:
    assert ask(served(tmp_path, Faulty()), {"instances": [[1]]})[0] == 500


class Faulty:
    def predict(self, _: Any) -> Any:
        raise AttributeError("its own")


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        pytest.param([tensor("x", "FP64", [1, 2], 1, None)], "contains NaN", id="null"),
        pytest.param([tensor("x", "UINT8", [1, 2], 1, 300)], "do not fit", id="out of range"),
        pytest.param([tensor("x", "FP16", [1, 2], 1, 70000)], "out of the range of FP16", id="no half"),
        pytest.param([tensor("x", "FP32", [1, 2], 1.5, 1e300)], "out of the range of FP32", id="no single"),
        pytest.param([tensor("x", "INT64", [1, 2], 1, 1.5)], "do not fit", id="a fraction"),
        pytest.param([tensor("x", "FP64", [1, 2], 1, 2)] * 2, "Two inputs have the name x", id="one name twice"),
    ],
)
def test_tensors_that_do_not_fit_are_the_callers(tmp_path: Path, inputs: list[Any], said: str) -> None:
    status, answer = infer(served(tmp_path, PLANE), *inputs)
    assert status == 400
    assert said in answer["error"]


def test_an_id_is_text(tmp_path: Path) -> None:
    model = served(tmp_path, PLANE)
    assert infer(model, tensor("x", "FP64", [1, 2], 1, 2), id="7")[1]["id"] == "7"
    assert infer(model, tensor("x", "FP64", [1, 2], 1, 2), id=7) == (
        400,
        {"error": "Incorrect JSON format of the input data. id must be a string, not 7."},
    )


@pytest.mark.parametrize("given", [{}, {"data": []}], ids=["no data", "empty data"])
def test_no_rows_are_answered_with_none(tmp_path: Path, given: dict[str, Any]) -> None:
    status, answer = infer(served(tmp_path, PLANE), {**tensor("x", "FP64", [0, 2]), **given})
    assert (status, answer["outputs"]) == (
        200,
        [{"name": "predict", "datatype": "FP64", "shape": [0], "data": []}],
    )


def onnx_model(directory: Path, kinds: dict[str, str] | None = None) -> Model:
    skl2onnx = pytest.importorskip("skl2onnx")
    kind = skl2onnx.common.data_types.FloatTensorType([None, 2])
    file = skl2onnx.convert_sklearn(PLANE, initial_types=[("x", kind)])
    (directory / "model.onnx").write_bytes(file.SerializeToString())
    configure(directory, kinds)
    return load(Settings(directory, "m", "1.0.0", port=0))


def test_fields_of_a_network_are_matched_or_refused(tmp_path: Path) -> None:
    model = onnx_model(tmp_path)
    for row in ({"age": 1, "income": 2}, {"income": 2, "age": 1}):
        assert ask(model, {"req_data": [row]})[0] == 400
    assert ask(model, {"req_data": [{"x": [1, 2]}]})[1]["resp_data"][0]["predictresult"] == pytest.approx([21])
    model = onnx_model(tmp_path, {"age": "number", "income": "number"})
    answers = [ask(model, {"req_data": [row]}) for row in ({"age": 1, "income": 2}, {"income": 2, "age": 1})]
    assert answers[0] == answers[1]
    assert answers[0][0] == 200


@pytest.mark.parametrize(
    ("body", "said"),
    [
        pytest.param({"instances": [[1, None]]}, "null is no number", id="null"),
        pytest.param({"instances": [[1, 1e300]]}, "out of the range of FP32", id="out of range"),
        pytest.param({"instances": [[1, 10**400]]}, "do not make a tensor", id="beyond a float"),
    ],
)
def test_what_a_network_cannot_take_is_the_callers(tmp_path: Path, body: Any, said: str) -> None:
    status, answer = ask(onnx_model(tmp_path), body)
    assert status == 400
    assert said in answer["error_msg"]


def test_a_network_answers_no_rows_with_none(tmp_path: Path) -> None:
    status, answer = infer(onnx_model(tmp_path), tensor("x", "FP32", [0, 2]))
    assert status == 200
    assert [(each["shape"], each["data"]) for each in answer["outputs"]] == [([0, 1], [])]
    assert infer(onnx_model(tmp_path), tensor("x", "FP64", [1, 2], 1, 1e300))[0] == 400


@pytest.mark.parametrize(
    ("declared", "status"),
    [
        pytest.param(("a", "b"), 200, id="the model's order"),
        pytest.param(("b", "a"), 200, id="another order"),
        pytest.param(("x", "y"), 200, id="other names"),
    ],
)
def test_columns_are_matched_by_name(tmp_path: Path, declared: tuple[str, str], status: int) -> None:
    fitted = LinearRegression().fit(pd.DataFrame({"a": [0, 1, 0], "b": [0, 0, 1]}), [0, 1, 10])
    model = served(tmp_path, fitted, dict.fromkeys(declared, "number"))
    first, second = ("a", "b") if declared != ("x", "y") else declared
    found = ask(model, {"req_data": [{second: 2, first: 1}]})
    assert found[0] == status
    assert found[1]["resp_data"][0]["predictresult"] == pytest.approx(21)
    by_place = ask(model, {"instances": [[1, 2]]})[0]
    assert by_place == (400 if declared == ("b", "a") else 200)


def test_columns_that_contradict_the_model_are_refused_at_the_start(tmp_path: Path) -> None:
    fitted = LinearRegression().fit(pd.DataFrame({"a": [0, 1, 0], "b": [0, 0, 1]}), [0, 1, 10])
    with pytest.raises(LoadError, match=r"declares the columns b, c; the model was fitted with a, b"):
        served(tmp_path, fitted, {"b": "number", "c": "number"})


COLOURS = pd.DataFrame(
    {
        "colour": pd.Categorical(["red", "green", "blue", "red"] * 10, ["blue", "green", "red"]),
        "n": np.arange(40.0),
    }
)
LABELS = [1, 0, 0, 1] * 10


def boosted(directory: Path) -> Any:
    xgboost = pytest.importorskip("xgboost")
    library = xgboost.XGBClassifier(n_estimators=3, enable_categorical=True, tree_method="hist").fit(
        COLOURS, LABELS
    )
    library.save_model(directory / "model.json")
    return library


def leaves(directory: Path) -> Any:
    lightgbm = pytest.importorskip("lightgbm")
    options = {"verbose": -1, "objective": "binary", "min_data_in_leaf": 1}
    library = lightgbm.train(options, lightgbm.Dataset(COLOURS, label=LABELS), num_boost_round=3)
    library.save_model(directory / "model.txt")
    return library


@pytest.mark.parametrize("save", [boosted, leaves])
@pytest.mark.parametrize("kinds", [None, {"colour": "string", "n": "number"}], ids=["no schema", "schema"])
def test_categories_are_served_by_name(tmp_path: Path, save: Callable[[Path], Any], kinds: Any) -> None:
    expected = save(tmp_path).predict(COLOURS)[:3].tolist()
    configure(tmp_path, kinds)
    model = load(Settings(tmp_path, "m", "1.0.0", port=0))
    rows = [{"n": n, "colour": c} for n, c in enumerate(("red", "green", "blue"))]
    status, answer = ask(model, {"req_data": rows})
    assert (status, [row["predictresult"] for row in answer["resp_data"]]) == (200, pytest.approx(expected))
    named = [tensor("colour", "BYTES", [3], "red", "green", "blue"), tensor("n", "FP64", [3], 0, 1, 2)]
    status, answer = infer(model, *named)
    assert (status, answer["outputs"][0]["data"]) == (200, pytest.approx(expected))
    status, answer = ask(model, {"req_data": [{"colour": "pink", "n": 1}]})
    assert status == 400
    assert 'column colour: "pink" is no category of it; they are blue, green, red' in answer["error_msg"]


def test_text_for_a_model_of_numbers_is_refused_at_the_start(tmp_path: Path) -> None:
    boosted(tmp_path)
    configure(tmp_path, {"colour": "string", "n": "string"})
    with pytest.raises(LoadError, match="declares n as a string, and the model takes a number"):
        load(Settings(tmp_path, "m", "1.0.0", port=0))


@pytest.mark.parametrize(
    ("value", "datatype", "data"),
    [
        pytest.param([1, 2.5], "FP64", [1.0, 2.5], id="numbers"),
        pytest.param(np.float32([0.5]), "FP32", [0.5], id="an array keeps its type"),
        pytest.param([1, "a"], "BYTES", ['[1,"a"]'], id="numbers are not made text"),
        pytest.param([True, 2], "BYTES", ["[true,2]"], id="truths are not made numbers"),
        pytest.param([-1, 2**63], "BYTES", [f"[-1,{2**63}]"], id="whole numbers are not made others"),
        pytest.param(pd.Timestamp("2024-01-02"), "BYTES", ['"2024-01-02T00:00:00"'], id="time"),
        pytest.param(["a", "b"], "BYTES", ["a", "b"], id="text"),
    ],
)
def test_answers_of_scripts_keep_their_kind_as_tensors(value: Any, datatype: str, data: list[Any]) -> None:
    status, answer = infer(Model({}, predict=lambda _: {"y": value}), tensor("x", "INT64", [1], 1))
    assert status == 200
    assert (answer["outputs"][0]["datatype"], answer["outputs"][0]["data"]) == (datatype, data)


SCRIPT = """from model_service.python_model_service import XgSklServingBaseService
class Service(XgSklServingBaseService): pass
"""


@pytest.mark.parametrize(
    "kinds", [None, {"a": "number", "b": "number"}], ids=["the model's names", "declared names"]
)
def test_the_default_steps_of_a_script_go_by_name(tmp_path: Path, kinds: dict[str, str] | None) -> None:
    train: Any = [[0, 0], [1, 0], [0, 1]] if kinds else pd.DataFrame({"a": [0, 1, 0], "b": [0, 0, 1]})
    (tmp_path / "customize_service.py").write_text(SCRIPT)
    model = served(tmp_path, LinearRegression().fit(train, [0, 1, 10]), kinds)
    for row in ({"a": 1, "b": 2}, {"b": 2, "a": 1}):
        status, answer = ask(model, {"req_data": [row]})
        assert (status, answer["data"]["resp_data"][0]["predictresult"]) == (200, pytest.approx(21))
    status, answer = ask(model, {"req_data": [{"a": 1, "c": 2}]})
    assert (status, answer["error_msg"]) == (400, "req_data[0].b is missing.")
