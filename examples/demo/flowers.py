"""What the callers ask: flowers, and what each version of the model must say of them."""

import json
import subprocess
import sys
from pathlib import Path

import joblib
from sklearn.datasets import load_iris

TRAIN = Path(__file__).parent.parent / "iris" / "train.py"
FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
SPECIES = ("setosa", "versicolor", "virginica")
LEAVES = {name: {"type": "number", "index": n} for n, name in enumerate(FEATURES)}
ROWS = {"type": "array", "items": [{"type": "object", "properties": LEAVES}]}
RULE = {
    "type": "object",
    "properties": {"data": {"type": "object", "properties": {"req_data": ROWS}}},
}
"""Which column of a row of CSV is which value of a question."""


def train(destination: Path) -> dict[str, Path]:
    """Train both versions; the directory of each by its version."""
    subprocess.run([sys.executable, str(TRAIN), str(destination)], check=True)
    packages = [destination / "v1", destination / "v2"]
    return {json.loads((p / "model" / "config.json").read_text())["model_version"]: p for p in packages}


def questions(packages: dict[str, Path]) -> list[dict]:
    """One question per flower with the answer of each version, computed here, without any server."""
    flowers = load_iris().data
    said = {}
    for version, package in packages.items():
        model = joblib.load(package / "model" / "model.joblib")
        seen = flowers[:, model["first"] : model["last"]]
        said[version] = [SPECIES[label] for label in model["classifier"].predict(seen)]
    return [
        {
            "body": {"data": {"req_data": [dict(zip(FEATURES, map(float, flower), strict=True))]}},
            "answers": {version: labels[n] for version, labels in said.items()},
        }
        for n, flower in enumerate(flowers)
    ]


def rows(asked: list[dict]) -> str:
    """The flowers of these questions as CSV."""
    flowers = (each["body"]["data"]["req_data"][0] for each in asked)
    return "".join(",".join(str(flower[name]) for name in FEATURES) + "\n" for flower in flowers)


def answer(line: str) -> str:
    """The species that a line of a batch's results names."""
    return json.loads(line)["data"]["resp_data"][0]["predictresult"]
