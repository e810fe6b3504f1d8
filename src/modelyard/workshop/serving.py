"""One model server for a package, started here: to work with, or to see whether it loads."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, NoReturn

import httpx

from modelyard.artifacts.environments import Environments, site
from modelyard.artifacts.uv import Installer, Say
from modelyard.engines.launch import source_path
from modelyard.workshop.check import Finding, Level
from modelyard_runtime.loading.package import Package

POLL_S = 0.05
END_S = 5.0
SHOWN = 500
COMMAND = (sys.executable, "-m", "modelyard_runtime")


def cache() -> Path:
    """Where environments of packages lie that are run without a server."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()) / "modelyard" / "environments"


async def packages_for(wanted: tuple[str, ...], say: Say) -> Path | None:
    """The packages of an environment, built if need be. Raises UnresolvedError, OSError."""
    environment = await Environments(cache(), Installer()).ensure(wanted, say)
    return site(environment) if environment else None


def listening(port: int) -> socket.socket:
    """Raises OSError that names the port."""
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        raise OSError(f"cannot listen on port {port}: {error.strerror}") from error


def served(
    package: Package, listener: socket.socket, packages: Path | None, *, safe_only: bool, output: IO[bytes] | None
) -> "subprocess.Popen[bytes]":
    """The model server's process."""
    env = _environment(package, listener, packages, safe_only=safe_only)
    return subprocess.Popen(COMMAND, env=env, pass_fds=(listener.fileno(),), stdout=output, stderr=output)


def run(package: Package, listener: socket.socket, packages: Path | None) -> NoReturn:
    """Become the model server: whoever ends this process, with Ctrl-C or otherwise, ends it and leaves nothing."""
    env = _environment(package, listener, packages, safe_only=False)
    listener.set_inheritable(True)
    sys.stdout.flush()
    os.execve(COMMAND[0], COMMAND, env)  # noqa: S606 - our own Python


def _environment(
    package: Package, listener: socket.socket, packages: Path | None, *, safe_only: bool
) -> dict[str, str]:
    """Ours, since it is the author's own code, and what the model server must know."""
    path = os.pathsep.join(part for part in (source_path(), os.environ.get("PYTHONPATH", "")) if part)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")},
        **({"PYTHONPATH": path} if path else {}),
        "PYTHONUNBUFFERED": os.environ.get("PYTHONUNBUFFERED", "1"),  # as in an instance
        "MODELYARD_SOCKET_FD": str(listener.fileno()),
        "MODELYARD_MODEL_DIR": str(package.directory.absolute()),
        "MODELYARD_MODEL_NAME": str(
            package.config.get("model_algorithm") or package.directory.absolute().parent.name
        ),
        **({"MODELYARD_ENVIRONMENT": str(packages)} if packages else {}),
        **({"MODELYARD_SAFE_FORMATS_ONLY": "1"} if safe_only else {}),
    }


def tried(package: Package, packages: Path | None, limit_s: float, *, safe_only: bool) -> Iterator[Finding]:
    """Load the package, which runs its code, and send its example: what came of it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(0))
        log = stack.enter_context(tempfile.TemporaryFile())
        process = served(package, listener, packages, safe_only=safe_only, output=log)
        stack.callback(_end, process)
        client = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", trust_env=False)
        )
        listener.close()
        yield from _answers(package, process, client, log, time.monotonic() + limit_s)


def _answers(
    package: Package, process: "subprocess.Popen[bytes]", client: httpx.Client, log: IO[bytes], until_s: float
) -> Iterator[Finding]:
    while not _ready(client, until_s):
        if process.poll() is not None:
            yield Finding(Level.ERROR, "load", _last_line(log) or f"ended with status {process.returncode}")
            return
        if time.monotonic() > until_s:
            yield Finding(Level.ERROR, "load", f"not ready in time: {_last_line(log)}".rstrip(": "))
            return
        time.sleep(POLL_S)
    example = package.config.get("example")
    if example is None:
        yield Finding(
            Level.NOTE, "load", "loads; without an example in config.json its answers were not looked at"
        )
        return
    try:
        with client.stream("POST", "/", json=example, timeout=max(until_s - time.monotonic(), 1.0)) as reply:
            text = _beginning(reply)
    except httpx.HTTPError as error:
        yield Finding(Level.ERROR, "load", f"did not answer its example: {error!r}; {_last_line(log)}")
        return
    level = Level.NOTE if reply.status_code == httpx.codes.OK else Level.ERROR
    yield Finding(level, "load", f"answered its example with {reply.status_code}: {text}")


def _ready(client: httpx.Client, until_s: float) -> bool:
    try:
        with client.stream("GET", "/health", timeout=max(until_s - time.monotonic(), 0.1)) as reply:
            return reply.status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _beginning(reply: httpx.Response) -> str:
    """As much of an answer as is shown; what follows is not taken in, however long it is."""
    taken = b""
    for piece in reply.iter_bytes(1024):
        taken += piece
        if len(taken) > 4 * SHOWN:
            break
    return taken.decode(errors="replace")[:SHOWN]


def _last_line(log: IO[bytes]) -> str:
    size = log.seek(0, os.SEEK_END)
    log.seek(max(size - 65536, 0))
    lines = log.read(65536).decode(errors="replace").strip().splitlines()
    log.seek(0, os.SEEK_END)
    return lines[-1] if lines else ""


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
