"""LitServe: one API server, one worker; dynamic batching for the networks."""

import os
from typing import Any

import litserve
import numpy as np
import predict


class Api(litserve.LitAPI):
    def setup(self, device: str) -> None:
        self.model = predict.load()

    def decode_request(self, request: dict[str, Any]) -> Any:
        return request if predict.KIND == "echo" else request["instances"][0]

    def batch(self, inputs: list[Any]) -> Any:
        return np.asarray(inputs, dtype=np.float32)

    def unbatch(self, output: Any) -> list[Any]:
        return list(output)

    def predict(self, x: Any) -> Any:
        if predict.KIND == "echo":
            return x
        return self.model(x) if predict.BATCHED else self.model([x])[0]

    def encode_response(self, output: Any) -> Any:
        return output if predict.KIND == "echo" else {"predictions": [output.tolist()]}


if __name__ == "__main__":
    batching = {"max_batch_size": predict.MAX_BATCH, "batch_timeout": 0.005} if predict.BATCHED else {}
    server = litserve.LitServer(
        Api(**batching),
        accelerator="cpu",
        workers_per_device=1,
        timeout=False,
        disable_openapi_url=True,
    )
    server.run(
        host="127.0.0.1",
        port=int(os.environ["BENCH_PORT"]),
        num_api_servers=1,
        log_level="warning",
        access_log=False,
        generate_client_file=False,
    )
