"""The models that are asked, and the rows they are asked about: deterministic, made once.

forest   scikit-learn: 300 trees over the 30 measurements of a tumour; a class
network  ONNX: the same 30 numbers, scaled, through 1,024 and 1,024 units; a class
iris     scikit-learn: logistic regression over four numbers. So small that it shows what everything else costs
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIELD, ANSWER = "req_data", "resp_data"


@dataclass(frozen=True)
class Kind:
    """`file` is the model's, the same for everybody; `answer` names the value of an answer."""

    name: str
    title: str
    file: str
    type: str
    width: int
    answer: str = "label"

    @property
    def columns(self) -> list[str]:
        return [f"x{n}" for n in range(self.width)]


KINDS = {
    kind.name: kind
    for kind in (
        Kind("forest", "scikit-learn, 300 trees", "model.joblib", "Scikit_Learn", 30),
        Kind("network", "ONNX, 30-1024-1024-2", "model.onnx", "ONNX", 30),
        Kind("iris", "scikit-learn, iris", "model.joblib", "Scikit_Learn", 4),
    )
}


def package(kind: Kind, home: Path) -> Path:
    """The model as a package: the directory that holds `model/`."""
    made = home / kind.name
    if not (made / "complete").exists():
        (made / "model").mkdir(parents=True, exist_ok=True)
        _train(kind, made / "model" / kind.file)
        (made / "model" / "config.json").write_text(json.dumps(_config(kind), indent=2) + "\n")
        (made / "complete").touch()
    return made


def rule(kind: Kind) -> dict[str, Any]:
    """The mapping rule: each column of the CSV is one of the model's."""
    return _wrapped(FIELD, {name: {"type": "number", "index": n} for n, name in enumerate(kind.columns)})


def rows(kind: Kind, count: int, home: Path) -> Path:
    """A CSV file of so many rows."""
    path = home / f"{kind.name}-{count}.csv"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            for begin in range(0, count, 100_000):
                file.write(_lines(kind, min(100_000, count - begin), begin))
        part.rename(path)
    return path


def _lines(kind: Kind, count: int, seed: int) -> bytes:
    """Rows of the data set the model knows, a little noise on each, four digits."""
    import numpy as np

    data = _data(kind)[0]
    random = np.random.default_rng(seed)
    drawn = data[random.integers(0, len(data), count)] * random.normal(1, 0.05, (count, kind.width))
    form = ",".join(["%.4g"] * kind.width) + "\n"
    return "".join([form % tuple(row) for row in drawn.tolist()]).encode()


def _data(kind: Kind) -> tuple[Any, Any]:
    from sklearn.datasets import load_breast_cancer, load_iris

    loaded = load_iris() if kind.name == "iris" else load_breast_cancer()
    return loaded.data, loaded.target


def _train(kind: Kind, path: Path) -> None:
    import joblib
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data, target = _data(kind)
    if kind.name == "forest":
        joblib.dump(RandomForestClassifier(300, max_depth=8, random_state=0).fit(data, target), path)
    elif kind.name == "iris":
        joblib.dump(LogisticRegression(max_iter=1000).fit(data, target), path)
    else:
        from skl2onnx import to_onnx

        layers = MLPClassifier((1024, 1024), max_iter=40, tol=1e-2, random_state=0)
        fitted = make_pipeline(StandardScaler(), layers).fit(data, target)
        converted = to_onnx(fitted, data[:1].astype("float32"), options={"zipmap": False})
        path.write_bytes(converted.SerializeToString())


def _config(kind: Kind) -> dict[str, Any]:
    columns = {name: {"type": "number"} for name in kind.columns}
    asked, answered = _wrapped(FIELD, columns), _wrapped(ANSWER, {kind.answer: {"type": "integer"}})
    content = "application/json"
    api = {
        "url": "/",
        "method": "post",
        "request": {"Content-type": content, "data": asked},
        "response": {"Content-type": content, "data": answered},
    }
    return {"model_type": kind.type, "model_algorithm": kind.name, "runtime": "python3.11", "apis": [api]}


def _wrapped(field: str, properties: dict[str, Any]) -> dict[str, Any]:
    listed = {"type": "array", "items": [{"type": "object", "properties": properties}]}
    return {
        "type": "object",
        "properties": {"data": {"type": "object", "properties": {field: listed}}},
    }


def main(arguments: Sequence[str]) -> None:
    """`python -m benchmarks.batch.models HOME`: make every package."""
    for kind in KINDS.values():
        print(package(kind, Path(arguments[0])))


if __name__ == "__main__":
    main(sys.argv[1:])
