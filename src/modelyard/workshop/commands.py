"""A command of a package on its author's machine: with the environment that it finds in an instance.

It runs as the author. What keeps it apart there (a user, a view of the files, limits) is not here.
"""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx

from modelyard.core.packages.health import health
from modelyard.core.packages.programs import program
from modelyard.domain.health import Check
from modelyard.engines.commands import HOST
from modelyard_runtime.loading.package import Package


def words(package: Package) -> tuple[str, ...]:
    """(): our model server serves the package."""
    found = program(package.config)
    return found.command if found else ()


def environment(environ: Mapping[str, str], package: Package, port: int, packages: Path | None) -> dict[str, str]:
    """`packages`: those of its dependencies; they and their programs go before all others."""
    env = {
        **environ,
        "PYTHONUNBUFFERED": environ.get("PYTHONUNBUFFERED", "1"),
        "HOST": HOST,
        "PORT": str(port),
        "MODEL_DIR": str(package.directory.absolute()),
    }
    if packages is not None:
        for name, first in (("PATH", packages / "bin"), ("PYTHONPATH", packages)):
            env[name] = os.pathsep.join(part for part in (str(first), environ.get(name, "")) if part)
    return env


def startup(package: Package) -> Check:
    """What it is asked until it serves."""
    return health(package.config, own_server=bool(words(package))).startup


def answers(check: Check, client: httpx.Client, env: Mapping[str, str], directory: Path, limit_s: float) -> bool:
    """Whether it passes the check now."""
    if check.command:
        try:
            done = subprocess.run(
                check.command, env=env, cwd=directory, timeout=limit_s, capture_output=True, check=False
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0
    try:
        with client.stream("GET", check.path, timeout=limit_s) as reply:
            return reply.status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
