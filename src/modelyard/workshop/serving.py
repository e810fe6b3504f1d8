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
from dataclasses import dataclass, replace
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
    """How a process that serves the package is started. `inherits`: it gets the listening socket, as our model
    server does; a command opens a port itself. `check`: what it is asked until it serves; `example`: what it is
    then sent."""

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
        port = listener.getsockname()[1]
        env = commands.environment(outside, package, _name(package), port, packages)
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
        "MODELYARD_MODEL_NAME": _name(package),
        **({"MODELYARD_ENVIRONMENT": str(packages)} if packages else {}),
        **({"MODELYARD_SAFE_FORMATS_ONLY": "1"} if safe_only else {}),
    }


def _name(package: Package) -> str:
    return str(package.config.get("model_algorithm") or package.directory.absolute().parent.name)


class _Either(httpx.BaseTransport):
    """By the socket of its own on which a command may listen, else by its port."""

    def __init__(self, own: Path) -> None:
        self._own = own
        self._by_own, self._by_port = httpx.HTTPTransport(uds=str(own)), httpx.HTTPTransport()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return (self._by_own if self._is_open() else self._by_port).handle_request(request)

    def _is_open(self) -> bool:
        with socket.socket(socket.AF_UNIX) as asked, contextlib.suppress(OSError):
            asked.settimeout(POLL_S)
            asked.connect(str(self._own))
            return True
        return False

    def close(self) -> None:
        self._by_own.close()
        self._by_port.close()


def tried(package: Package, packages: Path | None, limit_s: float, *, safe_only: bool) -> Iterator[Finding]:
    """Load the package, which runs its code, and send its example: what came of it."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(listening(0))
        log = stack.enter_context(tempfile.TemporaryFile())
        start = _start(package, listener, packages, safe_only=safe_only)
        env, transport = dict(start.env), None
        if not start.inherits:
            home = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            env = commands.apart(env, Path(stack.enter_context(home)))
            transport = _Either(Path(env["SOCKET_PATH"]))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        given = (listener.fileno(),) if start.inherits else ()
        if not start.inherits:
            listener.close()
        try:
            process = subprocess.Popen(
                start.words,
                env=env,
                cwd=start.directory,
                pass_fds=given,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        except OSError as error:
            yield Finding(Level.ERROR, "load", f"{start.words[0]!r} cannot be run: {error.strerror}")
            return
        stack.callback(commands.end, process, END_S)
        client = stack.enter_context(httpx.Client(base_url=url, trust_env=False, transport=transport))
        listener.close()
        yield from _answers(replace(start, env=env), process, client, log, time.monotonic() + limit_s)


def _answers(
    start: _Start, process: "subprocess.Popen[bytes]", client: httpx.Client, log: IO[bytes], until_s: float
) -> Iterator[Finding]:
    def ready() -> bool:
        limit_s = max(until_s - time.monotonic(), 0.1)
        return commands.answers(start.check, client, start.env, limit_s)

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
        status, text = _posted(process, client, example, until_s)
    except httpx.HTTPError as error:
        yield Finding(Level.ERROR, "load", f"did not answer its example: {error!r}; {_last_line(log)}")
        return
    level = Level.NOTE if status == httpx.codes.OK else Level.ERROR
    yield Finding(level, "load", f"answered its example with {status}: {text}")


def _posted(
    process: "subprocess.Popen[bytes]", client: httpx.Client, example: object, until_s: float
) -> tuple[int, str]:
    """Also to a command whose port is not open when it says that it serves: a door would wait, too."""
    while True:
        try:
            with client.stream("POST", "/", json=example, timeout=max(until_s - time.monotonic(), 1.0)) as reply:
                return reply.status_code, _beginning(reply)
        except httpx.ConnectError:
            if process.poll() is not None or time.monotonic() > until_s:
                raise
            time.sleep(POLL_S)


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
