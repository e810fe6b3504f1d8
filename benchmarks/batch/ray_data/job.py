"""The job in Ray Data, as its documentation has it: `read_csv`, `map_batches` of a class, `write_json`.

job.py KIND MODEL INPUT OUTPUT BATCH WORKERS TEMP   →   {"rows", "seconds", "start_s"}
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.csv
import ray


class Predictor:
    def __init__(self, kind: str, path: str) -> None:
        if kind == "network":
            import onnxruntime

            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
            (given,) = session.get_inputs()
            self.predict = lambda rows: session.run(["label"], {given.name: rows.astype(np.float32)})[0]
        else:
            import joblib

            self.predict = joblib.load(path).predict

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        return {"label": self.predict(np.stack(list(batch.values()), axis=1))}


def main() -> None:
    kind, path, source, output, size, workers, temp = sys.argv[1:]
    began = time.perf_counter()
    # One processor more than there are workers: with as many, reading would wait for an actor to end. The cores
    # that all of this may use are given by whoever starts it.
    ray.init(num_cpus=int(workers) + 1, include_dashboard=False, _temp_dir=temp, log_to_driver=False)
    ray.data.DataContext.get_current().enable_progress_bars = False
    started = time.perf_counter()
    with Path(source).open() as file:
        names = [f"x{n}" for n in range(len(file.readline().split(",")))]
    rows = ray.data.read_csv(source, read_options=pyarrow.csv.ReadOptions(column_names=names))
    rows.map_batches(
        Predictor, fn_constructor_args=(kind, path), batch_size=int(size), concurrency=int(workers), num_cpus=1
    ).write_json(output)
    ended = time.perf_counter()
    count = sum(file.read_bytes().count(b"\n") for file in Path(output).glob("*.json"))
    print(json.dumps({"rows": count, "seconds": ended - started, "start_s": started - began}))


if __name__ == "__main__":
    main()
