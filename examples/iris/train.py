"""Trains two versions of an iris classifier that say which of them answered.

    python examples/iris/train.py DEST   →   DEST/v1/model/…   DEST/v2/model/…

Version 1 looks at the petals only, version 2 at everything: they disagree on some flowers, and each answer carries
its `model_version`. Deterministic: the same packages each time.
"""

import json
import shutil
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).parent
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
VERSIONS = {"v1": ("1.0.0", slice(2, 4)), "v2": ("2.0.0", slice(0, 4))}


def train(destination: Path, version: str, seen: slice) -> None:
    """Writes one package below `destination`."""
    model = destination / "model"
    model.mkdir(parents=True, exist_ok=True)
    iris = load_iris()
    classifier = LogisticRegression(max_iter=1000).fit(iris.data[:, seen], iris.target)
    joblib.dump({"classifier": classifier, "first": seen.start, "last": seen.stop}, model / "model.joblib")
    (model / "config.json").write_text(json.dumps(config(version, classifier, iris, seen), indent=2) + "\n")
    shutil.copy(HERE / "customize_service.py", model / "customize_service.py")


def config(version: str, classifier: LogisticRegression, iris: object, seen: slice) -> dict:
    features = {"type": "object", "properties": {name: {"type": "number"} for name in FEATURES}}
    answer = {"type": "object", "properties": {"predictresult": {"type": "string"}}}
    accuracy = classifier.score(iris.data[:, seen], iris.target)
    return {
        "model_type": "Scikit_Learn",
        "model_algorithm": "iris",
        "runtime": "python3.11",
        "model_version": version,
        "metrics": {"accuracy": round(float(accuracy), 4)},
        "example": {"data": {"req_data": [dict(zip(FEATURES, (5.1, 3.5, 1.4, 0.2), strict=True))]}},
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
    for name, (version, seen) in VERSIONS.items():
        train(Path(sys.argv[1]) / name, version, seen)
