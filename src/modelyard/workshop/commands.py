"""A command of a package on its author's machine: with the variables that it finds in an instance.

It runs as the author. What keeps it apart there (a user, a view of the files, limits) is not here.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import httpx

from modelyard.core.packages.health import health
from modelyard.core.packages.programs import program
from modelyard.domain.health import Check
from modelyard.engines import health_monitor
from modelyard.engines.commands import HOST, PROGRAM_SOCKET, before, before_all
from modelyard_runtime.loading.package import Package


def words(package: Package) -> tuple[str, ...]:
    """(): our model server serves the package."""
    found = program(package.config)
    return found.command if found else ()


def environment(
    environ: Mapping[str, str], package: Package, name: str, port: int, packages: Path | None
) -> dict[str, str]:
    """`packages`: those of its dependencies; they and their programs go before all others, then our Python."""
    env = {
        **environ,
        "PATH": before(Path(sys.executable).parent, environ.get("PATH", "")),
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),
        "HOST": HOST,
        "PORT": str(port),
        "MODEL_DIR": str(package.directory.absolute()),
        "MODELYARD_MODEL_NAME": name,
        "MODELYARD_MODEL_VERSION": "",
    }
    return before_all(env, packages)


def apart(env: Mapping[str, str], work: Path) -> dict[str, str]:
    """`env`, with `work` for whatever it writes and for a socket of its own."""
    temporary = work / "tmp"
    temporary.mkdir()
    return {**env, "HOME": str(work), "TMPDIR": str(temporary), "SOCKET_PATH": str(work / PROGRAM_SOCKET)}


def startup(package: Package) -> Check:
    """What it is asked until it serves."""
    return health(package.config, own_server=bool(words(package))).startup


def answers(check: Check, client: httpx.Client, env: Mapping[str, str], limit_s: float) -> bool:
    """Whether it passes the check now, which has the time that an instance's would have while it starts, or
    `limit_s` if that is shorter."""
    limit_s = min(limit_s, max(check.timeout_s, health_monitor.PATIENT_TIMEOUT_S))
    if check.command:
        return _passes(check.command, env, limit_s)
    try:
        with client.stream("GET", check.path, timeout=limit_s) as reply:
            return reply.status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def end(process: "subprocess.Popen[bytes]", grace_s: float) -> None:
    """With all of its group, which it leads; at once where it has no time."""
    with suppress(ProcessLookupError, subprocess.TimeoutExpired):
        if grace_s:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(grace_s)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _passes(command: tuple[str, ...], env: Mapping[str, str], limit_s: float) -> bool:
    nothing = subprocess.DEVNULL
    try:
        asked = subprocess.Popen(
            command, env=env, cwd=env["HOME"], process_group=0, stdin=nothing, stdout=nothing, stderr=nothing
        )
    except OSError:
        return False
    try:
        return asked.wait(limit_s) == 0
    except subprocess.TimeoutExpired:
        return False
    finally:
        end(asked, 0)
