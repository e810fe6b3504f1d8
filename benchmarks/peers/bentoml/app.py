"""BentoML: one worker; `batchable` for the networks. Short calls run on the event loop, which is faster here."""

from typing import Any

import bentoml
import numpy as np
import predict

TRAFFIC: Any = {"timeout": 60}
LOGGING: Any = {"access": {"enabled": False}}
BATCHING: Any = {"batchable": True, "max_batch_size": predict.MAX_BATCH, "max_latency_ms": 1000}


class Echo:
    @bentoml.api(route="/predict")
    async def predict(self, body: dict[str, Any]) -> dict[str, Any]:
        return body


class Iris:
    def __init__(self) -> None:
        self.model = predict.load()

    @bentoml.api(route="/predict")
    async def predict(self, instances: np.ndarray) -> np.ndarray:
        return self.model(instances)


class Network:
    def __init__(self) -> None:
        self.model = predict.load()

    @bentoml.api(route="/predict", **BATCHING)
    def predict(self, instances: np.ndarray) -> np.ndarray:
        return self.model(instances)


CHOSEN = {"echo": Echo, "iris": Iris}.get(predict.KIND, Network)
Served = bentoml.service(workers=1, traffic=TRAFFIC, logging=LOGGING)(CHOSEN)
