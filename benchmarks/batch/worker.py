"""Rows per second of a worker of a batch service beside a plain Python loop with the same model, on one core.

    python -m benchmarks.batch.worker [--rows 400000] [--rounds 5] [--profile]

The loop is what one would write by hand: csv.reader, floats, `predict` at the batch size that is best for it
(which is tried out first), json.dumps, write. It reads and writes files. The worker gets the same rows in splits,
as the control plane hands them out, over a socket, by a process on another core. Both are pinned to one core, both
run in each round, and what counts is their ratio.
"""

import argparse
import csv
import json
import os
import random
import socket
import statistics
import struct
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

HEAD = struct.Struct(">cI")
SIZES = (64, 256, 1024, 4096, 16384)
NAMES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
SPLIT_ROWS = 50_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=400_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="where the worker's main thread spends its time")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "rows.csv"
        path.write_text("".join(_rows(asked.rows)))
        for name, made in (("logistic regression", _logistic), ("50 trees", _forest), ("onnx", _onnx)):
            package = Path(home) / name.replace(" ", "-")
            package.mkdir()
            predict = made(package)
            _compare(name, package, path, predict, asked)


def _rows(count: int) -> Iterator[str]:
    rng = random.Random(7)
    for _ in range(count):
        yield ",".join(f"{rng.uniform(0, 8):.1f}" for _ in NAMES) + "\n"


# ── the models ────────────────────────────────────────────────────────────────────────────────────────────────


def _declared(model_type: str, package: Path) -> None:
    properties = {name: {"type": "number"} for name in NAMES}
    data = {"type": "object", "properties": {"req_data": {"items": [{"properties": properties}]}}}
    schema = {"type": "object", "properties": {"data": data}}
    api = {"url": "/", "method": "post", "request": {"Content-type": "application/json", "data": schema}}
    (package / "config.json").write_text(json.dumps({"model_type": model_type, "apis": [api]}))


def _fitted(estimator: Any) -> Any:
    from sklearn.datasets import load_iris

    return estimator.fit(*load_iris(return_X_y=True))


def _logistic(package: Path) -> Callable[[Any], Any]:
    from sklearn.linear_model import LogisticRegression

    return _saved(package, _fitted(LogisticRegression(max_iter=500)))


def _forest(package: Path) -> Callable[[Any], Any]:
    from sklearn.ensemble import RandomForestClassifier

    return _saved(package, _fitted(RandomForestClassifier(50, random_state=1)))


def _saved(package: Path, model: Any) -> Callable[[Any], Any]:
    import joblib

    joblib.dump(model, package / "model.joblib")
    _declared("Scikit_Learn", package)
    return lambda rows: [_wrapped(each) for each in model.predict(rows).tolist()]


def _onnx(package: Path) -> Callable[[Any], Any]:
    import numpy as np
    import onnxruntime
    from skl2onnx import to_onnx
    from sklearn.linear_model import LogisticRegression

    model = _fitted(LogisticRegression(max_iter=500))
    converted = to_onnx(model, np.zeros((1, 4), np.float32), options={"zipmap": False})
    (package / "model.onnx").write_bytes(converted.SerializeToString())
    _declared("ONNX", package)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(package / "model.onnx"), sess_options=options, providers=["CPUExecutionProvider"]
    )

    def predict(rows: Any) -> Any:
        labels, chances = session.run(None, {"X": rows.astype(np.float32)})
        return [
            {"data": {"resp_data": [{"label": label, "probabilities": chance}]}}
            for label, chance in zip(labels.tolist(), chances.tolist(), strict=True)
        ]

    return predict


def _wrapped(prediction: Any) -> Any:
    return {"data": {"resp_data": [{"predictresult": prediction}]}}


# ── by hand ───────────────────────────────────────────────────────────────────────────────────────────────────


def _by_hand(path: Path, out: Path, predict: Callable[[Any], Any], size: int) -> None:
    import numpy as np

    batch: list[list[float]] = []
    with path.open(newline="") as rows, out.open("w") as lines:

        def flush() -> None:
            for answer in predict(np.array(batch)):
                lines.write(json.dumps(answer) + "\n")
            batch.clear()

        for row in csv.reader(rows):
            batch.append([float(cell) for cell in row])
            if len(batch) == size:
                flush()
        if batch:
            flush()


def _best_size(path: Path, out: Path, predict: Callable[[Any], Any]) -> int:
    def took_s(size: int) -> float:
        began_s = time.perf_counter()
        _by_hand(path, out, predict, size)
        return time.perf_counter() - began_s

    return min(SIZES, key=lambda size: min(took_s(size) for _ in range(3)))


# ── the worker, and the control plane's side of it ────────────────────────────────────────────────────────────


def _worker(package: Path, connection: socket.socket, *, profile: bool) -> None:
    """Never returns."""
    from modelyard_runtime.batch.link import Link
    from modelyard_runtime.batch.predictors import InProcess
    from modelyard_runtime.batch.worker import Worker
    from modelyard_runtime.ledger import Ledger
    from modelyard_runtime.loading.loader import load
    from modelyard_runtime.settings import settings

    read = settings({"MODELYARD_MODEL_DIR": str(package), "PORT": "0"})
    inside = InProcess(load(read), "m")
    worker = Worker(Ledger())
    link = Link(connection, connection.makefile("rb"))
    import threading

    def listen() -> None:
        link.listen(worker.begin)
        os._exit(0)

    if profile:
        _profiled(worker, link, inside)
    threading.Thread(target=listen, daemon=True).start()
    worker.work(inside.predictor, inside.most)


def _profiled(worker: Any, link: Any, inside: Any) -> None:
    import cProfile
    import pstats
    import threading

    profile = cProfile.Profile()

    def listen() -> None:
        link.listen(worker.begin)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)
        os._exit(0)

    threading.Thread(target=listen, daemon=True).start()
    profile.enable()
    worker.work(inside.predictor, inside.most)


def _splits(content: bytes) -> list[tuple[int, int, int, int]]:
    """(start, end, first row, rows) of each."""
    splits, start, row = [], 0, 0
    lines = content.splitlines(keepends=True)
    while row < len(lines):
        taken = lines[row : row + SPLIT_ROWS]
        size = sum(map(len, taken))
        splits.append((start, start + size, row, len(taken)))
        start, row = start + size, row + len(taken)
    return splits


def _by_worker(
    stream: Any, connection: socket.socket, content: bytes, splits: Sequence[tuple[int, int, int, int]], out: Path
) -> None:
    leaves = {name: {"leaf": "number", "index": n} for n, name in enumerate(NAMES)}
    mapping = {"fields": {"data": {"fields": {"req_data": {"items": [{"fields": leaves}]}}}}}
    with out.open("wb") as lines:
        for start, end, first_row, rows in splits:
            asked = {"job": {"format": "csv", "mapping": mapping}, "source": 0, "start": start, "end": end}
            asked |= {"first_row": first_row, "rows": rows, "size": len(content)}
            _send(connection, b"S", json.dumps(asked).encode())
            while True:
                kind, length = HEAD.unpack(stream.read(HEAD.size))
                payload = stream.read(length)
                if kind == b"R":
                    wanted = json.loads(payload)
                    _send(connection, b"D", content[wanted["offset"] : wanted["offset"] + wanted["length"]])
                elif kind == b"P":
                    (size,) = struct.unpack(">I", payload[:4])
                    assert not json.loads(payload[4 : 4 + size])["failed"]
                    lines.write(payload[4 + size :])
                else:
                    assert kind == b"E", payload
                    break


def _send(connection: socket.socket, kind: bytes, payload: bytes) -> None:
    connection.sendall(HEAD.pack(kind, len(payload)) + payload)


# ── side by side ──────────────────────────────────────────────────────────────────────────────────────────────


def _compare(
    name: str, package: Path, path: Path, predict: Callable[[Any], Any], asked: argparse.Namespace
) -> None:
    cores = sorted(os.sched_getaffinity(0))
    content = path.read_bytes()
    splits = _splits(content)
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        os.sched_setaffinity(0, cores[:1])
        ours.close()
        _worker(package, theirs, profile=asked.profile)
    theirs.close()
    stream = ours.makefile("rb")
    hand, machine = package / "hand.txt", package / "machine.txt"
    os.sched_setaffinity(0, cores[:1])
    size = _best_size(path, hand, predict)
    ratios, speeds = [], []
    for _ in range(asked.rounds):
        os.sched_setaffinity(0, cores[:1])
        began_s = time.perf_counter()
        _by_hand(path, hand, predict, size)
        by_hand_s = time.perf_counter() - began_s
        os.sched_setaffinity(0, cores[-1:])
        began_s = time.perf_counter()
        _by_worker(stream, ours, content, splits, machine)
        by_worker_s = time.perf_counter() - began_s
        ratios.append(by_hand_s / by_worker_s)
        speeds.append(asked.rows / by_worker_s)
    same = [json.loads(a) == json.loads(b) for a, b in zip(hand.open(), machine.open(), strict=True)]
    alike = sum(same) / len(same)
    print(
        f"{name:20} {statistics.median(speeds):10,.0f} rows/s, {statistics.median(ratios):5.2f} of the loop "
        f"({min(ratios):.2f} to {max(ratios):.2f}; its batches have {size} rows); {alike:.4%} of the lines alike",
        flush=True,
    )
    stream.close()
    ours.close()
    os.waitpid(child, 0)
    os.sched_setaffinity(0, cores)


if __name__ == "__main__":
    main()
