"""KServe's model server with a custom model. Its batcher is a sidecar of Kubernetes, not part of the server."""

import argparse
from typing import Any

import predict
from kserve import Model, ModelServer, model_server


class Served(Model):
    def __init__(self) -> None:
        super().__init__("m")
        self.load()

    def load(self) -> bool:
        self.model = predict.load()
        self.ready = True
        return True

    async def predict(self, payload: dict[str, Any], headers: Any = None, response_headers: Any = None) -> Any:
        if predict.KIND == "echo":
            return payload
        return {"predictions": self.model(payload["instances"]).tolist()}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.parse_args()
    ModelServer(workers=1, enable_grpc=False, access_log_format=None).start([Served()])
