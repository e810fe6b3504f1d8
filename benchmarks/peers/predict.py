"""The models themselves, the same code under every peer: `load(kind)` answers a function from rows to rows.

Imported by the applications of the peers, so it needs nothing but numpy and joblib. Files: `BENCH_MODELS`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

KIND = os.environ.get("BENCH_MODEL", "echo")
BATCHED = KIND.startswith("mlp")
MAX_BATCH = 64
"""As many as there are callers: no peer waits for a batch that can never fill."""


def load(kind: str = KIND) -> Callable[[Any], Any]:
    """`iris`: rows of 4 numbers to class numbers. `mlp…`: rows of 784 to rows of 10. `echo`: what it is given."""
    if kind == "echo":
        return lambda rows: rows
    home = Path(os.environ["BENCH_MODELS"])
    if kind == "iris":
        import joblib

        classifier = joblib.load(home / "iris.joblib")
        return classifier.predict  # type: ignore[no-any-return]
    import numpy as np

    with np.load(home / kind / "model" / "weights.npz") as file:
        layers = [(file[f"w{n}"], file[f"b{n}"]) for n in range(len(file.files) // 2)]

    def forward(rows: Any) -> Any:
        rows = np.asarray(rows, dtype=np.float32)
        *hidden, (w, b) = layers
        for weights, bias in hidden:
            rows = rows @ weights
            rows += bias
            np.maximum(rows, 0, out=rows)
        return rows @ w + b

    return forward
