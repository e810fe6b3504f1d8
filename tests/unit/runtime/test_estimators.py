"""A bare scikit-learn file: loaded, asked by name, answered as declared."""

import json
import pickle
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from modelyard_runtime.errors import LoadError, RequestError
from modelyard_runtime.loading.loader import load
from modelyard_runtime.model import Model
from modelyard_runtime.settings import Settings

PLANE = LinearRegression().fit(np.array([[0, 0], [1, 0], [0, 1]]), [0, 1, 10])  # a + 10 b


def package(directory: Path, file: str, value: Any, columns: tuple[str, ...] = ()) -> Settings:
    if file.endswith(".pickle"):
        (directory / file).write_bytes(pickle.dumps(value))
    else:
        joblib.dump(value, directory / file)
    rows = {"type": "array", "items": [{"properties": {name: {"type": "number"} for name in columns}}]}
    schema = {"properties": {"data": {"properties": {"req_data": rows}}}}
    config = {"model_type": "Scikit_Learn", "apis": [{"request": {"data": schema}}]}
    (directory / "config.json").write_text(json.dumps(config))
    return Settings(model_dir=directory, model_name="m", model_version="", port=0)


def predict(model: Model, body: Any) -> Any:
    assert model.predict is not None
    return model.predict(body)


@pytest.mark.parametrize("file", ["model.m", "model.joblib", "model.pkl", "model.pickle"])
def test_every_suffix_and_shape(tmp_path: Path, file: str) -> None:
    model = load(package(tmp_path, file, PLANE, ("a", "b")))
    rows = [{"b": 2, "a": 1}, {"a": "3", "b": 4}]
    answered = predict(model, {"data": {"req_data": rows}})["data"]["resp_data"]
    assert [round(row["predictresult"], 6) for row in answered] == [21, 43]
    assert predict(model, {"req_data": []}) == {"resp_data": []}
    assert predict(model, {"instances": [[1, 2]]})["predictions"] == [pytest.approx(21)]
    assert predict(model, model.example) == {"resp_data": [{"predictresult": pytest.approx(0, abs=1e-9)}]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"instances": [[1]]}, id="too narrow"),
        pytest.param({"instances": [[1, 2], [1]]}, id="ragged"),
        pytest.param({"instances": [["x", "y"]]}, id="text"),
    ],
)
def test_rows_that_do_not_fit_are_refused(tmp_path: Path, body: Any) -> None:
    with pytest.raises(RequestError):
        predict(load(package(tmp_path, "model.pkl", PLANE)), body)


def test_a_schema_that_does_not_fit_the_model_is_found_by_the_warm_up(tmp_path: Path) -> None:
    model = load(package(tmp_path, "model.pkl", PLANE, ("a", "b", "c")))
    with pytest.raises(RequestError, match="2 values"):
        predict(model, model.example)


def test_broken_files_are_named(tmp_path: Path) -> None:
    read = package(tmp_path, "model.pkl", PLANE)
    (tmp_path / "model.pkl").write_bytes(b"nonsense")
    with pytest.raises(LoadError, match=r"model\.pkl cannot be unpickled"):
        load(read)
    with pytest.raises(LoadError, match="holds a dict, which has no predict"):
        load(package(tmp_path, "model.pkl", {}))
    (tmp_path / "model.pkl").unlink()
    with pytest.raises(LoadError, match="neither customize_service"):
        load(read)
