"""What is asked, and what the right answer is. The same numbers for every peer, in the words of its protocol."""

import json
import os
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FLOWER = [5.1, 3.5, 1.4, 0.2]
_random = random.Random(0)
IMAGE = [round(_random.random(), 4) for _ in range(784)]
KINDS = ("echo", "iris", "mlp1024", "mlp4096")
TITLES = {
    "echo": "echo",
    "iris": "scikit-learn iris",
    "mlp1024": "784-1024-1024-10",
    "mlp4096": "784-4096-4096-10",
}


def make_models(home: Path) -> None:
    """Every model, deterministic: packages for ours, bare files for the peers. Made once."""
    if (home / "complete").exists():
        return
    home.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    for script, *arguments in (
        ("iris_bare/train.py", str(home / "iris")),
        ("mlp/make.py", str(home / "mlp1024"), "1024"),
        ("mlp/make.py", str(home / "mlp4096"), "4096"),
    ):
        subprocess.run([sys.executable, str(ROOT / "examples" / script), *arguments], check=True, env=env)
    train = (
        "import sys, joblib; from sklearn.datasets import load_iris; from sklearn.linear_model "
        "import LogisticRegression; d = load_iris(); "
        "joblib.dump(LogisticRegression(max_iter=1000).fit(d.data, d.target), sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", train, str(home / "iris.joblib")], check=True)
    (home / "complete").touch()


def package(kind: str, home: Path) -> Path:
    """The model as a package of ours: what is served, and what is published."""
    return ROOT / "examples" / "echo" / "model" if kind == "echo" else home / kind / "model"


@dataclass(frozen=True)
class Question:
    """One row for one model, and how each protocol asks for it."""

    kind: str
    expected: list[float]

    @property
    def row(self) -> list[float]:
        return IMAGE if self.kind.startswith("mlp") else FLOWER

    def body(self, dialect: str) -> str:
        if dialect == "v2":
            tensor = {"name": "input", "shape": [1, len(self.row)], "datatype": "FP64", "data": self.row}
            return json.dumps({"inputs": [tensor]})
        if dialect == "mlflow":
            return json.dumps({"inputs": [self.row]})
        asked = {"instances": [self.row]}
        return json.dumps({"body": asked} if dialect == "bentoml" and self.kind == "echo" else asked)

    def wrong(self, answer: bytes, dialect: str) -> str:
        """What is wrong with an answer; empty when it is right."""
        try:
            said = json.loads(answer)
            got = numbers(said["outputs"][0]["data"] if dialect == "v2" else said)
        except (ValueError, KeyError, IndexError, TypeError) as error:
            return f"{type(error).__name__}: {answer[:200]!r}"
        expected = self.row if dialect == "echo" else self.expected
        near = len(got) == len(expected) and all(
            abs(a - b) <= 0.001 + abs(b) / 100 for a, b in zip(got, expected, strict=True)
        )
        return "" if near else f"expected {expected[:4]}…, got {answer[:200]!r}"


def numbers(said: Any) -> list[float]:
    """The numbers in an answer, whatever they are wrapped in; a species is the number of its class."""
    if isinstance(said, dict):
        return [n for each in said.values() for n in numbers(each)]
    if isinstance(said, list):
        return [n for each in said for n in numbers(each)]
    if isinstance(said, str):
        return [float(("setosa", "versicolor", "virginica").index(said))]
    return [float(said)]


def question(kind: str, models: Path) -> Question:
    """The question with its answer, computed here by calling the model."""
    os.environ["BENCH_MODELS"] = str(models)
    from benchmarks.peers import predict

    rows = predict.load(kind)([Question(kind, []).row])
    return Question(kind, numbers(rows if isinstance(rows, list) else rows.tolist()))
