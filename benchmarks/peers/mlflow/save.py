"""Writes the model as MLflow does: a pyfunc in a directory. `python save.py DESTINATION`."""

import sys
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import predict
from mlflow.models import set_model
from mlflow.types import Schema, TensorSpec


class Served(mlflow.pyfunc.PythonModel):
    def load_context(self, context: Any) -> None:
        self.model = predict.load()

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        if predict.KIND == "echo":
            return model_input
        rows = model_input.to_numpy() if isinstance(model_input, pd.DataFrame) else model_input
        return self.model(rows)


if __name__ == "__main__":
    destination = Path(sys.argv[1])
    width = {"echo": 4, "iris": 4}.get(predict.KIND, 784)
    signature = mlflow.models.ModelSignature(Schema([TensorSpec(np.dtype("float64"), (-1, width))]))
    mlflow.pyfunc.save_model(
        str(destination),
        python_model=str(Path(__file__).absolute()),
        code_paths=[],
        pip_requirements=["mlflow", "numpy"],
        signature=signature,
    )
else:
    set_model(Served())
