"""A multi-layer perceptron in numpy. `_inference` takes rows: with `"batching": true` callers share a call."""

from pathlib import Path

import numpy as np

from model_service.model_service import SingleNodeService


class MlpService(SingleNodeService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        with np.load(Path(model_path) / "weights.npz") as file:
            self.layers = [(file[f"w{n}"], file[f"b{n}"]) for n in range(len(file.files) // 2)]
        self.width = self.layers[0][0].shape[0]

    def _preprocess(self, data):
        rows = np.array(data["instances"], dtype=np.float32)
        if rows.ndim != 2 or rows.shape[1] != self.width:
            raise ValueError(f"instances must be rows of {self.width} numbers")
        return rows

    def _inference(self, rows):
        *hidden, (w, b) = self.layers
        for weights, bias in hidden:
            rows = rows @ weights
            rows += bias
            np.maximum(rows, 0, out=rows)
        return rows @ w + b

    def _postprocess(self, scores):
        return {"predictions": scores}
