"""What a plain Python program does with the same file and the same model: read, predict, write the same lines.

    python loop.py KIND MODEL INPUT OUTPUT BATCH   →   {"rows", "seconds", "load_s", "cpu_s"}

One thread; every batch is read, predicted and written before the next. The lines it writes are compared with those
of the batch service. With OUTPUT `-` it only predicts: rows that are arrays in memory already, answers dropped.
"""

import csv
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np


def model(kind: str, path: str) -> Callable[[Any], list[Any]]:
    """From rows of text or numbers to their classes."""
    if kind == "network":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        (given,) = session.get_inputs()
        return lambda rows: session.run(["label"], {given.name: np.array(rows, dtype=np.float32)})[0].tolist()
    import joblib

    predict = joblib.load(path).predict
    return lambda rows: predict(np.array(rows, dtype=float)).tolist()


def batches(path: str, size: int) -> Iterator[list[list[str]]]:
    with Path(path).open(newline="") as file:
        reader = csv.reader(file)
        while rows := list(islice(reader, size)):
            yield rows


def whole(ask: Callable[[Any], list[Any]], source: str, output: str, size: int) -> int:
    count = 0
    with Path(output).open("w") as file:
        for rows in batches(source, size):
            for label in ask(rows):
                answer = {"data": {"resp_data": [{"label": label}]}}
                file.write(json.dumps(answer, separators=(",", ":")) + "\n")
            count += len(rows)
    return count


def main() -> None:
    kind, path, source, output, size = sys.argv[1:6]
    began = time.perf_counter()
    ask = model(kind, path)
    ready = [np.array(rows, dtype=float) for rows in batches(source, int(size))] if output == "-" else []
    loaded, used = time.perf_counter(), time.process_time()
    count = whole(ask, source, output, int(size)) if output != "-" else sum(len(ask(rows)) for rows in ready)
    ended, cpu_s = time.perf_counter(), time.process_time() - used
    print(json.dumps({"rows": count, "seconds": ended - loaded, "load_s": loaded - began, "cpu_s": cpu_s}))


if __name__ == "__main__":
    main()
