"""What the environment says, read once. Everything else in the environment belongs to the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard_runtime.errors import LoadError


@dataclass(frozen=True, slots=True)
class Settings:
    """Where to listen (exactly one of `socket_fd`, `socket_path`, `port` at `host`), and which model to serve.

    `metrics_path` (relative to the work directory) or `metrics_port`: where the counters are, if anywhere.

    `environment`: a directory of packages that win over those of the interpreter.
    `threads` bounds the predictions that run at the same time; None leaves it to the package (default 1).
    `safe_formats_only`: packages that hold a pickle are refused. `load_report_s`: how often a long load says where
    it is. `max_waiting`: how many requests of a model that does not batch may wait for their turn.
    `request_timeout_s`: callers wait no longer, so that what has waited longer is not run. `batch`: a worker of a
    batch service, which predicts what the control plane hands it and answers nobody else;
    `batch_url`: its model is not in this process, and listens there (http), or on the Unix socket `batch_socket`;
    `batch_health`: a path that it answers
    with 200 when it can predict ("": it can when it listens).
    """

    model_dir: Path
    model_name: str
    model_version: str
    socket_fd: int | None = None
    socket_path: Path | None = None
    port: int | None = None
    host: str = "127.0.0.1"
    metrics_path: str | None = None
    metrics_port: int | None = None
    environment: Path | None = None
    threads: int | None = None
    safe_formats_only: bool = False
    load_report_s: int = 10
    max_waiting: int = 1000
    request_timeout_s: int = 60
    batch: bool = False
    batch_url: str = ""
    batch_socket: str = ""
    batch_health: str = ""


def settings(environ: Mapping[str, str]) -> Settings:
    """Raises LoadError naming the variable that is missing or wrong."""
    model_dir = environ.get("MODELYARD_MODEL_DIR")
    batch = _switch(environ, "MODELYARD_BATCH")
    batch_url = environ.get("MODELYARD_BATCH_URL", "") if batch else ""
    if not model_dir and not batch_url:
        raise LoadError("MODELYARD_MODEL_DIR is not set: it names the directory of the model package")
    path = environ.get("MODELYARD_SOCKET")
    packages = environ.get("MODELYARD_ENVIRONMENT")
    read = Settings(
        model_dir=Path(model_dir or ".").absolute(),
        model_name=environ.get("MODELYARD_MODEL_NAME", "model"),
        model_version=environ.get("MODELYARD_MODEL_VERSION", ""),
        socket_fd=_integer(environ, "MODELYARD_SOCKET_FD", least=0),
        socket_path=Path(path).absolute() if path else None,
        port=_integer(environ, "PORT", least=0),
        host=environ.get("MODELYARD_HOST") or "127.0.0.1",
        metrics_path=environ.get("MODELYARD_METRICS_SOCKET") or None,
        metrics_port=_integer(environ, "MODELYARD_METRICS_PORT", least=0),
        environment=Path(packages).absolute() if packages else None,
        threads=_integer(environ, "MODELYARD_THREADS", least=1),
        safe_formats_only=_switch(environ, "MODELYARD_SAFE_FORMATS_ONLY"),
        load_report_s=_integer(environ, "MODELYARD_LOAD_REPORT_S", least=1) or 10,
        max_waiting=_integer(environ, "MODELYARD_MAX_WAITING", least=1) or 1000,
        request_timeout_s=_integer(environ, "MODELYARD_REQUEST_TIMEOUT_S", least=1) or 60,
        batch=batch,
        batch_url=batch_url,
        batch_socket=environ.get("MODELYARD_BATCH_SOCKET", ""),
        batch_health=environ.get("MODELYARD_BATCH_HEALTH", ""),
    )
    if read.socket_fd is None and read.socket_path is None and read.port is None:
        raise LoadError("nowhere to listen: set MODELYARD_SOCKET_FD, MODELYARD_SOCKET or PORT")
    return read


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name, "").lower()
    if text not in ("", "0", "false", "1", "true"):
        raise LoadError(f"{name} must be 1 or 0, not {text!r}")
    return text in ("1", "true")


def _integer(environ: Mapping[str, str], name: str, *, least: int) -> int | None:
    text = environ.get(name, "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise LoadError(f"{name} must be an integer of at least {least}, not {text!r}")
    return int(text)
