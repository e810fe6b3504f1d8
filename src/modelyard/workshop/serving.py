"""One server for a package, started here: to work with, or to see whether it loads. It is our model server, or the
package's command."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn

import httpx

from modelyard.artifacts.environments import Environments, site
from modelyard.artifacts.uv import Installer, Say
from modelyard.domain.health import Check
from modelyard.engines.launch import source_path
from modelyard.workshop import commands
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


@dataclass(frozen=True, slots=True)
class _Start:
    """How a process that serves the package is started. `inherits`: it gets the listening socket. `check`: what
    it is asked until it serves; `example`: what it is then sent."""

    words: tuple[str, ...]
    env: Mapping[str, str]
    directory: Path
    inherits: bool
    check: Check
    example: object


def _start(package: Package, listener: socket.socket, packages: Path | None, *, safe_only: bool) -> _Start:
    env = _environment(package, listener, packages, safe_only=safe_only)
    if words := commands.words(package):
        outside = {name: value for name, value in os.environ.items() if not name.startswith("MODELYARD_")}
        env = commands.environment(outside, package, listener.getsockname()[1], packages)
        home = package.directory.absolute()
        return _Start(words, env, home, False, commands.startup(package), package.config.get("example"))
    return _Start(COMMAND, env, Path.cwd(), True, Check(), package.config.get("example"))


def run(package: Package, listener: socket.socket, packages: Path | None) -> NoReturn:
    """Become the model server, or the package's command: whoever ends this process, with Ctrl-C or otherwise, ends
    it and leaves nothing."""
    start = _start(package, listener, packages, safe_only=False)
    if start.inherits:
        listener.set_inheritable(True)
    else:
        listener.close()  # the command opens its port itself
    sys.stdout.flush()
    os.chdir(start.directory)
    try:
        os.execvpe(start.words[0], start.words, dict(start.env))  # noqa: S606 - our own Python, the author's command
    except OSError as error:
        sys.exit(f"error: {start.words[0]!r} cannot be run: {error.strerror}")


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
        start = _start(package, listener, packages, safe_only=safe_only)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        given = (listener.fileno(),) if start.inherits else ()
        if not start.inherits:
            listener.close()
        try:
            process = subprocess.Popen(
                start.words, env=start.env, cwd=start.directory, pass_fds=given, stdout=log, stderr=log
            )
        except OSError as error:
            yield Finding(Level.ERROR, "load", f"{start.words[0]!r} cannot be run: {error.strerror}")
            return
        stack.callback(_end, process)
        client = stack.enter_context(httpx.Client(base_url=url, trust_env=False))
        listener.close()
        yield from _answers(start, process, client, log, time.monotonic() + limit_s)


def _answers(
    start: _Start, process: "subprocess.Popen[bytes]", client: httpx.Client, log: IO[bytes], until_s: float
) -> Iterator[Finding]:
    def ready() -> bool:
        limit_s = max(until_s - time.monotonic(), 0.1)
        return commands.answers(start.check, client, start.env, start.directory, limit_s)

    while not ready():
        if process.poll() is not None:
            yield Finding(Level.ERROR, "load", _last_line(log) or f"ended with status {process.returncode}")
            return
        if time.monotonic() > until_s:
            yield Finding(Level.ERROR, "load", f"not ready in time: {_last_line(log)}".rstrip(": "))
            return
        time.sleep(POLL_S)
    example = start.example
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
