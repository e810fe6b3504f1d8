"""Ray Serve: one replica, HAProxy and the high-throughput mode where the environment asks for them.

`python app.py` starts a Ray of its own on this machine, and ends with it. `BENCH_UPGRADE=1`: a model that takes
two seconds to load and answers its version; a line on standard input names the next version to deploy.
"""

import os
import sys
import time
from typing import Any

import predict
import ray
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

PORT = int(os.environ["BENCH_PORT"])
BATCHED = predict.BATCHED


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
class Served:
    def __init__(self) -> None:
        self.model = predict.load()

    @serve.batch(max_batch_size=predict.MAX_BATCH, batch_wait_timeout_s=0.005)
    async def together(self, rows: list[Any]) -> list[Any]:
        return list(self.model(rows).tolist())

    async def __call__(self, request: Request) -> Any:
        body = await request.json()
        if predict.KIND == "echo":
            return JSONResponse(body)
        if BATCHED:
            return JSONResponse({"predictions": [await self.together(body["instances"][0])]})
        return JSONResponse({"predictions": self.model(body["instances"]).tolist()})


@serve.deployment(num_replicas=1, max_ongoing_requests=256, ray_actor_options={"num_cpus": 1})
class Slow:
    def __init__(self, tag: str) -> None:
        time.sleep(2)
        self.tag = tag

    async def __call__(self, request: Request) -> Any:
        return JSONResponse({"tag": self.tag})


def main() -> None:
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        _temp_dir=os.environ["BENCH_TEMP"],
        _node_ip_address="127.0.0.1",
        object_store_memory=80 * 1024**2,
        log_to_driver=False,
        logging_level="ERROR",
        configure_logging=True,
    )
    serve.start(http_options={"host": "127.0.0.1", "port": PORT})
    if os.environ.get("BENCH_UPGRADE"):
        serve.run(Slow.bind("1"), name="m", route_prefix="/")
        for line in sys.stdin:
            serve.run(Slow.bind(line.strip()), name="m", route_prefix="/")
            print("deployed", flush=True)
    else:
        serve.run(Served.bind(), name="m", route_prefix="/")
        sys.stdin.read()


if __name__ == "__main__":
    main()
