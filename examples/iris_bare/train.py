"""Trains an iris classifier that is served without a script: a scikit-learn file and its config.json.

    python examples/iris_bare/train.py DEST   →   DEST/model/{config.json,model.joblib}

The answer is named after what config.json declares: `{"data": {"resp_data": [{"predictresult": "setosa"}]}}`.
"""

import json
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def train(destination: Path) -> None:
    model = destination / "model"
    model.mkdir(parents=True, exist_ok=True)
    iris = load_iris()
    species = iris.target_names[iris.target]
    joblib.dump(LogisticRegression(max_iter=1000).fit(iris.data, species), model / "model.joblib")
    (model / "config.json").write_text(json.dumps(config(), indent=2) + "\n")


def config() -> dict:
    features = {"type": "object", "properties": {name: {"type": "number"} for name in FEATURES}}
    answer = {"type": "object", "properties": {"predictresult": {"type": "string"}}}
    return {
        "model_type": "Scikit_Learn",
        "model_algorithm": "iris",
        "runtime": "python3.11",
        "apis": [
            {
                "url": "/",
                "method": "post",
                "request": {"Content-type": "application/json", "data": wrapped("req_data", features)},
                "response": {"Content-type": "application/json", "data": wrapped("resp_data", answer)},
            }
        ],
    }


def wrapped(field: str, items: dict) -> dict:
    rows = {"type": "object", "properties": {field: {"type": "array", "items": [items]}}}
    return {"type": "object", "properties": {"data": rows}}


if __name__ == "__main__":
    train(Path(sys.argv[1]))
