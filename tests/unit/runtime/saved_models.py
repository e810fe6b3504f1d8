"""One small model of each format, as its library saves it, and what that library itself predicts."""

import json
import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

COLUMNS = ("sepal_length", "sepal_width", "petal_length", "petal_width")
ROWS = [[5.1, 3.5, 1.4, 0.2], [6.3, 2.5, 5.0, 1.9], [5.9, 3.0, 4.2, 1.5]]


@dataclass(frozen=True)
class Saved:
    """`save` writes `file` and returns what the library itself answers to ROWS, loaded anew from it."""

    file: str
    save: Callable[[Path], Any]
    kind: str = "number"
    needs: str = "sklearn"
    datatype: str = "FP64"
    warms_up: bool = True  # there is an example of zeros


def package(directory: Path, saved: Saved, columns: Sequence[str] = COLUMNS) -> Any:
    """Writes a package without a script; what the library answers to ROWS."""
    expected = saved.save(directory / saved.file)
    properties = {name: {"type": saved.kind} for name in columns}
    items = {"type": "array", "items": [{"type": "object", "properties": properties}]}
    data = {"type": "object", "properties": {"req_data": items}}
    schema = {"type": "object", "properties": {"data": data}}
    config = {"model_file": saved.file, "apis": [{"url": "/", "method": "post", "request": {"data": schema}}]}
    (directory / "config.json").write_text(json.dumps(config))
    return expected


def iris() -> tuple[Any, Any]:
    from sklearn.datasets import load_iris

    return load_iris(return_X_y=True)


def classifier() -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=1000).fit(*iris())


def _joblib(path: Path) -> Any:
    import joblib

    joblib.dump(classifier(), path)
    return joblib.load(path).predict(ROWS)


def _pickle(path: Path) -> Any:
    path.write_bytes(pickle.dumps(classifier()))
    return pickle.loads(path.read_bytes()).predict(ROWS)


def _skops(path: Path) -> Any:
    import skops.io

    skops.io.dump(classifier(), path)
    return skops.io.load(path).predict(ROWS)


def _by_name(path: Path) -> Any:
    """A pipeline that picks columns by their names and labels that are text."""
    import joblib
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = iris()
    picked = make_column_transformer((StandardScaler(), list(COLUMNS[2:])))
    labels = np.array(["setosa", "versicolor", "virginica"])[y]
    joblib.dump(make_pipeline(picked, LogisticRegression()).fit(pd.DataFrame(x, columns=COLUMNS), labels), path)
    return joblib.load(path).predict(pd.DataFrame(ROWS, columns=COLUMNS))


def _xgb_classifier(path: Path) -> Any:
    from xgboost import XGBClassifier

    XGBClassifier(n_estimators=4, max_depth=2).fit(*iris()).save_model(path)
    again = XGBClassifier()
    again.load_model(path)
    return again.predict(np.array(ROWS))


def _xgb_binary(path: Path) -> Any:
    from xgboost import XGBClassifier

    x, y = iris()
    XGBClassifier(n_estimators=4, max_depth=2).fit(x, y == 2).save_model(path)
    again = XGBClassifier()
    again.load_model(path)
    return again.predict(np.array(ROWS))


def _booster(path: Path) -> Any:
    import xgboost

    x, y = iris()
    xgboost.train({"max_depth": 2}, xgboost.DMatrix(x, y), num_boost_round=4).save_model(path)
    return xgboost.Booster(model_file=path).predict(xgboost.DMatrix(np.array(ROWS)))


def _linear_booster(path: Path) -> Any:
    import xgboost

    x, y = iris()
    xgboost.train({"booster": "gblinear"}, xgboost.DMatrix(x, y), num_boost_round=4).save_model(path)
    return xgboost.Booster(model_file=path).predict(xgboost.DMatrix(np.array(ROWS)))


def _pickled_booster(path: Path) -> Any:
    import xgboost

    x, y = iris()
    path.write_bytes(pickle.dumps(xgboost.train({"max_depth": 2}, xgboost.DMatrix(x, y), num_boost_round=4)))
    return pickle.loads(path.read_bytes()).predict(xgboost.DMatrix(np.array(ROWS)))


def _lightgbm(path: Path) -> Any:
    import lightgbm

    x, y = iris()
    options = {"objective": "multiclass", "num_class": 3, "verbose": -1, "num_threads": 1}
    lightgbm.train(options, lightgbm.Dataset(x, y), num_boost_round=4).save_model(path)
    return lightgbm.Booster(model_file=path).predict(np.array(ROWS))


def _onnx(path: Path) -> Any:
    import onnxruntime
    from skl2onnx import to_onnx

    saved = to_onnx(classifier(), np.array(ROWS, dtype=np.float32), options={"zipmap": False})
    path.write_bytes(saved.SerializeToString())
    session = onnxruntime.InferenceSession(path)
    label, scores = session.run(None, {session.get_inputs()[0].name: np.array(ROWS, dtype=np.float32)})
    return [{"label": n, "probabilities": p} for n, p in zip(label.tolist(), scores.tolist(), strict=True)]


def network() -> Any:
    import torch

    torch.manual_seed(1)

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = torch.nn.Linear(4, 8)
            self.outer = torch.nn.Linear(8, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.softmax(self.outer(torch.relu(self.inner(x))), 1)

    return Net().eval()


def _torchscript(path: Path) -> Any:
    import torch

    torch.jit.trace(network(), torch.zeros(1, 4)).save(str(path))
    with torch.inference_mode():
        return torch.jit.load(str(path))(torch.tensor(ROWS)).numpy()


def _exported(path: Path) -> Any:
    import torch

    sizes = {"x": {0: torch.export.Dim("batch")}}
    torch.export.save(torch.export.export(network(), (torch.zeros(2, 4),), dynamic_shapes=sizes), path)
    with torch.inference_mode():
        return torch.export.load(path).module()(torch.tensor(ROWS)).numpy()


FORMATS = {
    "sklearn-joblib": Saved("model.joblib", _joblib),
    "sklearn-pickle": Saved("model.pkl", _pickle),
    "sklearn-skops": Saved("model.skops", _skops, needs="skops"),
    "sklearn-by-name": Saved("model.m", _by_name, needs="pandas", warms_up=False),
    "xgboost-json": Saved("model.json", _xgb_classifier, needs="xgboost"),
    "xgboost-ubj": Saved("model.ubj", _xgb_binary, needs="xgboost"),
    "xgboost-booster": Saved("booster.ubj", _booster, needs="xgboost"),
    "xgboost-linear": Saved("linear.json", _linear_booster, needs="xgboost"),
    "xgboost-pickle": Saved("model.m", _pickled_booster, needs="xgboost"),
    "lightgbm": Saved("model.txt", _lightgbm, needs="lightgbm"),
    "onnx": Saved("model.onnx", _onnx, needs="skl2onnx", datatype="FP32"),
    "torchscript": Saved("model.pt", _torchscript, needs="torch", datatype="FP32"),
    "torch-export": Saved("model.pt2", _exported, needs="torch", datatype="FP32"),
}
