"""BentoML: one worker; `batchable` for the networks."""

from typing import Any

import bentoml
import numpy as np
import predict

TRAFFIC: Any = {"timeout": 60}
LOGGING: Any = {"access": {"enabled": False}}
BATCHING = (
    {"batchable": True, "max_batch_size": predict.MAX_BATCH, "max_latency_ms": 1000} if predict.BATCHED else {}
)


if predict.KIND == "echo":

    @bentoml.service(workers=1, traffic=TRAFFIC, logging=LOGGING)
    class Served:
        @bentoml.api(route="/predict")
        def predict(self, body: dict[str, Any]) -> dict[str, Any]:
            return body

else:

    @bentoml.service(workers=1, traffic=TRAFFIC, logging=LOGGING)
    class Served:  # type: ignore[no-redef]
        def __init__(self) -> None:
            self.model = predict.load()

        @bentoml.api(route="/predict", **BATCHING)
        def predict(self, instances: np.ndarray) -> np.ndarray:
            return self.model(instances)
