"""Writes an image classifier of 784 inputs and 10 outputs as a package: numpy only, weights from a fixed seed.

    python examples/mlp/make.py DEST [WIDTH]   →   DEST/model/…      784-WIDTH-WIDTH-10, WIDTH 1024 unless given

`config.json` turns batching on: requests that arrive together become one matrix.
"""

import json
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
INPUTS, OUTPUTS = 784, 10


def make(destination: Path, width: int = 1024, batching: object = True) -> Path:
    model = destination / "model"
    model.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    sizes = (INPUTS, width, width, OUTPUTS)
    weights = {}
    for n, (before, after) in enumerate(pairwise(sizes)):
        weights[f"w{n}"] = random.standard_normal((before, after), dtype=np.float32) * np.sqrt(
            2 / before, dtype="f4"
        )
        weights[f"b{n}"] = np.zeros(after, dtype=np.float32)
    np.savez(model / "weights.npz", **weights)
    (model / "config.json").write_text(json.dumps(config(batching), indent=2) + "\n")
    shutil.copy(HERE / "customize_service.py", model / "customize_service.py")
    return destination


def config(batching: object) -> dict:
    json_object = {"Content-type": "application/json", "data": {"type": "object"}}
    return {
        "model_type": "Custom",
        "model_algorithm": "image_classification",
        "runtime": "python3.11",
        "batching": batching,
        "example": {"instances": [[0.0] * INPUTS]},
        "apis": [{"url": "/", "method": "post", "request": json_object, "response": json_object}],
    }


if __name__ == "__main__":
    make(Path(sys.argv[1]), *map(int, sys.argv[2:]))
