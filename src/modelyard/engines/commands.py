"""How a command of a package is started: behind a door (decision 0042), with its port in its environment.

Where instances share this machine's network a command gets a port that no other instance has: one below those that
the kernel gives out, chosen by where the instance lies, so that two data directories seldom meet. Its door keeps
it from other doors. In a network of its own an instance has all ports, and the command gets its model's.
"""

import hashlib
import os
import socket
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

from modelyard.domain.health import PATH, Check, Health
from modelyard.domain.program import Program
from modelyard.engines.base import InstanceSpec, NoRoomError, StartRefusedError
from modelyard.processes import keeper
from modelyard.processes.directory import Spec
from modelyard.processes.isolation import Isolation
from modelyard_runtime.door.command import COUNTS, PROBE
from modelyard_runtime.loading.kinds import SCRIPT

PORTS = range(20_000, 30_000)
"""Ephemeral ports begin at 32768 on Linux; what is configured otherwise is told by the door's own check."""

HOST = "127.0.0.1"
HOME = "model"
"""Where a package's config.json is, below its directory."""

PROBE_SOCKET, COUNTS_SOCKET = PROBE, COUNTS
"""In the work directory of an instance that has a door: where health questions are passed on, and where it tells
how many connections are inside."""

PROGRAM_SOCKET = "program.sock"
"""Where a command may listen instead of on its port: in its own /tmp, which is a short name, or where it has none
in its work directory."""
TEMPORARY = Path("/tmp")  # noqa: S108 - as its view shows it

BOOT = (
    "import sys; sys.path.append(sys.argv[1]); from modelyard_runtime.door.command import main; "
    "main(sys.argv[1], sys.argv[2:])"
)
"""Apart from whatever the package brings, and without looking for installed packages: half of a start."""


def settled(spec: InstanceSpec, package: Path) -> InstanceSpec:
    """What is really run. A package with a script is served by its script, and asked like one: earlier releases
    published such packages, and passed over their `cmd`. Raises StartRefusedError for an image."""
    if spec.program is None:
        return spec
    if spec.program.image:
        raise StartRefusedError(f"{spec.program.image} is an image: this engine runs none")
    if not (package / HOME / SCRIPT).exists():
        return replace(spec, script_health=None)
    return replace(spec, program=None, health=spec.script_health or spec.health, script_health=None)


def argv(program: Program, python: str, source: str) -> tuple[str, ...]:
    """`source`: where the model server's code is."""
    return (python, "-I", "-S", "-E", "-c", BOOT, source, *program.command)


def environment(
    spec: InstanceSpec,
    env: dict[str, str],
    package: Path,
    work: Path,
    overlay: Path | None,
    *,
    port: int,
    isolation: Isolation,
) -> dict[str, str]:
    """`env` with what a command finds besides. `overlay`: the packages that its dependencies asked for."""
    facts = {
        "PORT": str(port),
        "HOST": HOST,
        "SOCKET_PATH": str((TEMPORARY if isolation.views else work) / PROGRAM_SOCKET),
        "MODEL_DIR": str(package / HOME),
    }
    if spec.batch and not spec.health.startup.command:
        facts["MODELYARD_BATCH_HEALTH"] = spec.health.startup.path
    if not isolation.network:
        facts["MODELYARD_PORT_SHARED"] = "1"
    return before_all(env | facts, overlay)


def before_all(env: Mapping[str, str], overlay: Path | None) -> dict[str, str]:
    """`env`, in which the packages in `overlay` and their programs go before all others."""
    if overlay is None:
        return dict(env)
    first = {"PATH": overlay / "bin", "PYTHONPATH": overlay}
    return {**env, **{name: before(place, env.get(name, "")) for name, place in first.items()}}


def before(first: Path, rest: str) -> str:
    """A path to look in `first`, then in those of `rest`."""
    return os.pathsep.join([str(first), rest] if rest else [str(first)])


def has_door(spec: InstanceSpec, process: Spec) -> bool:
    """Whether the instance's process is a door, which tells its traffic apart from the program's health. A worker
    of a batch service answers for itself."""
    return _runs_one(spec, process) and not spec.batch


def health(spec: InstanceSpec, process: Spec) -> Health:
    """How the instance is asked. A worker of a batch service is, and asks its command as the model says."""
    if not (spec.batch and _runs_one(spec, process)):
        return spec.health
    said = spec.health
    return replace(
        said, startup=_ours(said.startup), readiness=_ours(said.readiness), liveness=_ours(said.liveness)
    )


def _runs_one(spec: InstanceSpec, process: Spec) -> bool:
    """Both are asked: a script's variant may have a variable of that name."""
    return spec.program is not None and "SOCKET_PATH" in dict(process.env)


def _ours(check: Check) -> Check:
    return check if check.command else replace(check, path=PATH)


def port_of(spec: InstanceSpec, process: Spec) -> int | None:
    """The port of this machine that the process was handed."""
    env = dict(process.env)
    return int(env["PORT"]) if _runs_one(spec, process) and "MODELYARD_PORT_SHARED" in env else None


def free_port(place: Path, taken: Collection[int]) -> int:
    """One that neither an instance of ours nor anybody else has now, for the one in `place`. Raises
    NoRoomError."""
    start = int.from_bytes(hashlib.sha256(str(place).encode()).digest()[:8], "big")
    for step in range(len(PORTS)):
        port = PORTS[(start + step) % len(PORTS)]
        if port not in taken and _is_free(port):
            return port
    raise NoRoomError(f"none of the ports {PORTS.start} to {PORTS.stop - 1} is free for a command")


def _is_free(port: int) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            keeper.bound(family, port, alone=True).close()
        except OSError as error:
            if not keeper.no_family(error):
                return False
    return True
