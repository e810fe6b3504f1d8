"""Who is measured, and how each is started: one replica, the setting its documentation recommends."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.questions import ROOT, package
from benchmarks.peers.venvs import HERE, python_of
from examples.demo.stage import free_ports

THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
BATCH = 64


@dataclass(frozen=True)
class Setting:
    """One start of one peer."""

    kind: str
    port: int
    scratch: Path
    cache: Path
    blas: int

    @property
    def models(self) -> Path:
        return self.cache / "models"

    def env(self, directory: str, **more: str) -> dict[str, str]:
        """`directory` is the peer's below here; empty for ours."""
        path = [str(HERE), str(HERE / directory)] if directory else [str(ROOT / "src")]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "MODELYARD_"))}
        return {
            **kept,
            "PYTHONPATH": os.pathsep.join(path),
            "BENCH_MODEL": self.kind,
            "BENCH_MODELS": str(self.models),
            "BENCH_PORT": str(self.port),
            "PYTHONDONTWRITEBYTECODE": "1",
            **dict.fromkeys(THREADS, str(self.blas)),
            **more,
        }


@dataclass(frozen=True)
class Peer:
    """`command` makes what is spawned; `directory` names its folder here, where its versions are pinned."""

    name: str
    directory: str
    package: str
    command: "Callable[[Setting], tuple[list[str], dict[str, str]]]"
    path: str = "/"
    dialect: str = "instances"
    setting: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def fastapi(s: Setting) -> tuple[list[str], dict[str, str]]:
    options = ["--workers", "1", "--loop", "uvloop", "--http", "httptools", "--no-access-log"]
    command = ["-m", "uvicorn", "--host", "127.0.0.1", "--port", str(s.port), *options, "app:app"]
    return [str(python_of("fastapi", s.cache)), *command], s.env("fastapi")


def litserve(s: Setting) -> tuple[list[str], dict[str, str]]:
    return [str(python_of("litserve", s.cache)), str(HERE / "litserve/app.py")], s.env("litserve")


def bentoml(s: Setting) -> tuple[list[str], dict[str, str]]:
    command = ["-m", "bentoml", "serve", "app:Served", "--host", "127.0.0.1", "--port", str(s.port)]
    env = s.env("bentoml", BENTOML_HOME=str(s.scratch), BENTOML_DO_NOT_TRACK="True")
    return [str(python_of("bentoml", s.cache)), *command, "--working-dir", str(HERE / "bentoml")], env


def mlserver(s: Setting) -> tuple[list[str], dict[str, str]]:
    grpc, metrics = free_ports(2)
    ports = {"http_port": s.port, "grpc_port": grpc, "metrics_port": metrics}
    settings = {"host": "127.0.0.1", **ports, "debug": False, "parallel_workers": 0}
    (s.scratch / "settings.json").write_text(json.dumps(settings))
    model: dict[str, object] = {"name": "m", "implementation": "served.Served"}
    if s.kind == "iris":
        model["implementation"] = "mlserver_sklearn.SKLearnModel"
        model["parameters"] = {"uri": str(s.models / "iris.joblib")}
    if s.kind.startswith("mlp"):
        model |= {"max_batch_size": BATCH, "max_batch_time": 0.005}
    (s.scratch / "model-settings.json").write_text(json.dumps(model))
    python = python_of("mlserver", s.cache)
    return [str(python.with_name("mlserver")), "start", str(s.scratch)], s.env("mlserver")


def kserve(s: Setting) -> tuple[list[str], dict[str, str]]:
    python = python_of("kserve", s.cache)
    return [str(python), str(HERE / "kserve/app.py"), "--http_port", str(s.port)], s.env("kserve")


def mlflow(s: Setting) -> tuple[list[str], dict[str, str]]:
    python = python_of("mlflow", s.cache)
    saved = s.models / f"mlflow-{s.kind}"
    served = ["-m", "mlflow", "models", "serve", "-m", str(saved), "--env-manager", "local"]
    env = s.env("mlflow", PATH=f"{python.parent}{os.pathsep}{os.environ['PATH']}", MLFLOW_DISABLE_TELEMETRY="true")
    if not saved.exists():
        import subprocess

        subprocess.run(
            [str(python), str(HERE / "mlflow/save.py"), str(saved)], check=True, env=env, capture_output=True
        )
    return [str(python), *served, "-h", "127.0.0.1", "-p", str(s.port), "--workers", "1"], env


def ray_serve(s: Setting) -> tuple[list[str], dict[str, str]]:
    env = s.env(
        "rayserve",
        BENCH_TEMP=str(s.scratch),
        RAY_SERVE_ENABLE_HA_PROXY="1",
        RAY_SERVE_THROUGHPUT_OPTIMIZED="1",
        RAY_USAGE_STATS_ENABLED="0",
        RAY_AUTH_MODE="disabled",
    )
    return [str(python_of("rayserve", s.cache)), str(HERE / "rayserve/app.py")], env


def granian(s: Setting) -> tuple[list[str], dict[str, str]]:
    options = ["--interface", "rsgi", "--workers", "1", "--no-log", "--loop", "uvloop", "--port", str(s.port)]
    env = s.env("")
    env["PYTHONPATH"] += os.pathsep + str(ROOT)
    return [sys.executable, "-m", "granian", *options, "benchmarks.peers.bare_granian:app"], env


def ours_alone(s: Setting) -> tuple[list[str], dict[str, str]]:
    more = {
        "MODELYARD_MODEL_DIR": str(package(s.kind, s.models)),
        "PORT": str(s.port),
        "MODELYARD_MODEL_NAME": "m",
    }
    return [sys.executable, "-m", "modelyard_runtime"], s.env("", **more)


BARE = Peer(
    "Granian, bare", "", "granian", granian, dialect="echo", setting="sends the body back, no model: the reference"
)
ALONE = Peer("Modelyard, server alone", "", "modelyard", ours_alone, setting="batching as the package says")
PEERS = (
    BARE,
    ALONE,
    Peer("FastAPI + uvicorn", "fastapi", "fastapi", fastapi, setting="uvloop, httptools, orjson; no batching"),
    Peer(
        "LitServe",
        "litserve",
        "litserve",
        litserve,
        "/predict",
        setting="1 worker, 1 API server; batching of MLPs",
    ),
    Peer("BentoML", "bentoml", "bentoml", bentoml, "/predict", "bentoml", "1 worker; batchable for MLPs"),
    Peer("MLServer", "mlserver", "mlserver", mlserver, "/v2/models/m/infer", "v2", "in process; batching of MLPs"),
    Peer(
        "KServe", "kserve", "kserve", kserve, "/v1/models/m:predict", setting="1 worker; its batcher is a sidecar"
    ),
    Peer("Ray Serve", "rayserve", "ray", ray_serve, setting="HAProxy, throughput mode; serve.batch for MLPs"),
    Peer("MLflow", "mlflow", "mlflow", mlflow, "/invocations", "mlflow", "1 worker; has no batching"),
)
