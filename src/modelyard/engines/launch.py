"""How an instance is started as a process: its command, its environment, its limits, and its label on disk.

Pure but for finding where the model server is installed. The environment is built from nothing: what is not
named here does not reach the model's code.
"""

import math
import os
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import msgspec

from modelyard.engines import commands, devices, volumes
from modelyard.engines.base import InstanceSpec, label
from modelyard.processes.directory import LISTEN_FD, Spec
from modelyard.processes.isolation import Isolation
from modelyard.processes.limits import Enforcement, Limits
from modelyard.processes.mounts import Mount, view

Command = Callable[[InstanceSpec], tuple[str, ...]]

USER = "model"
"""What `getpass.getuser` finds: an instance's user has no entry anywhere, and libraries fail that ask for it."""

REACH = "import os; open(os.getcwd() + '/reached', 'w')"
"""A program that fails unless its work directory can be reached from the root."""

THREAD_POOLS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")

WORK = "work"
"""The instance's work directory, below its own."""

METRICS_SOCKET = "metrics.sock"
"""In the instance's work directory: its counters, which no caller can reach through the gateway."""


@dataclass(frozen=True, slots=True)
class LaunchOptions:
    """How instances are run here.

    `command` None is the model server that comes with Modelyard. `isolation`: how far instances are kept apart;
    `shown`: directories that they may read besides the interpreter's, the model server's and their package.
    `cpu_quota` False leaves cores uncapped, which spares latency the stalls of throttling. `loading_weight` is the
    share of a busy CPU while an instance loads, against 1 later: an import must not slow down who serves.
    `batch_weight`: that of a worker of a batch service, always: nobody waits for a row, while callers, and the
    control plane that hands workers their rows, are to be served at once.
    `overlay`: the packages that a snapshot's dependencies asked for, None when there are none; raises NoRoomError
    while they are not there. `safe_formats_only`: the model server loads nothing that runs code when it is loaded.
    `volume_dirs`: below which directories volumes may lie.
    `log_bytes` bounds each file of an instance's output, `log_kept_bytes` all of those that wait to be collected.
    """

    python: str = sys.executable
    command: Command | None = None
    isolation: Isolation = Isolation()
    shown: tuple[Path, ...] = ()
    cpu_quota: bool = True
    loading_weight: float = 0.25
    batch_weight: float = 0.25
    overlay: Callable[[Path], Path | None] = lambda _package: None
    safe_formats_only: bool = False
    volume_dirs: tuple[str, ...] = ()
    log_bytes: int = 4 * 1024 * 1024
    log_kept_bytes: int = 64 * 1024 * 1024


def source_path() -> str:
    """What an instance's PYTHONPATH needs to find the model server; "" when every Python here finds it."""
    module = find_spec("modelyard_runtime")
    if module is None or not module.submodule_search_locations:
        return ""
    path = Path(next(iter(module.submodule_search_locations))).parent
    return "" if path.name == "site-packages" else str(path)


def code_path() -> str:
    """Where the model server's code is, for a Python that looks for no packages."""
    module = find_spec("modelyard_runtime")
    if module is None or not module.submodule_search_locations:
        return ""
    return str(Path(next(iter(module.submodule_search_locations))).parent)


def environment(spec: InstanceSpec, package: Path, work: Path, python: str) -> dict[str, str]:
    """All of an instance's environment. The variant's own entries win over our defaults, not over our facts."""
    defaults = {
        "PATH": os.pathsep.join([str(Path(python).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
        "HOME": str(work),
        "TMPDIR": str(work / "tmp"),
        "USER": USER,
        "LOGNAME": USER,
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
    }
    if source := source_path():
        defaults["PYTHONPATH"] = source
    if spec.resources.cpu:
        defaults |= dict.fromkeys(THREAD_POOLS, str(math.ceil(spec.resources.cpu)))
    defaults |= devices.polite(spec.devices)
    facts = {
        "MODELYARD_SOCKET_FD": str(LISTEN_FD),
        "MODELYARD_MODEL_DIR": str(package),
        "MODELYARD_MODEL_NAME": spec.model_name,
        "MODELYARD_MODEL_VERSION": spec.model_version,
        "MODELYARD_METRICS_SOCKET": METRICS_SOCKET,
        **devices.environment(spec.devices),
    }
    if spec.batch:
        facts["MODELYARD_BATCH"] = "1"
    return defaults | dict(spec.envs) | facts


def weight_of(spec: InstanceSpec, options: LaunchOptions) -> float:
    return min(options.batch_weight, options.loading_weight) if spec.batch else options.loading_weight


def niceness(weight: float) -> int:
    """The nice value that weighs as much; each step is a quarter: 1 -> 0, 0.25 -> 6. Only root can undo it."""
    return round(-math.log(weight, 1.25))


def readable(python: str) -> tuple[Path, ...]:
    """The directories that the model server itself needs."""
    prefixes = (sys.prefix, sys.base_prefix, sys.exec_prefix) if python == sys.executable else ()
    return tuple(Path(path) for path in (*prefixes, source_path()) if path)


def trial(python: str) -> Spec:
    """A process that works where an instance would: it finds the interpreter, the model server and its rights."""
    env = (("PYTHONPATH", source_path()), ("PYTHONDONTWRITEBYTECODE", "1"))
    return Spec((python, "-c", f"import modelyard_runtime.main; {REACH}"), env=env)


def process_spec(
    spec: InstanceSpec,
    package: Path,
    directory: Path,
    enforcement: Enforcement,
    options: LaunchOptions,
    *,
    taken: Collection[int] = (),
    taken_ports: Collection[int] = (),
) -> Spec:
    """The process that runs `spec` in `directory`, which is `DATA_DIR/instances/ID`; `taken`: users in use,
    `taken_ports`: of commands. `spec` is settled (`commands.settled`). Raises NoRoomError,
    StartRefusedError."""
    resources = spec.resources
    limits = Limits(resources.cpu, resources.memory_mib, resources.pids, resources.open_files)
    weight = weight_of(spec, options)
    plan = enforcement.plan(spec.instance_id, limits, weight=weight, quota=options.cpu_quota)
    work = directory.absolute() / WORK
    isolation = options.isolation
    overlay = options.overlay(package)
    more = {"MODELYARD_ENVIRONMENT": str(overlay.absolute())} if overlay else {}
    if options.safe_formats_only:
        more["MODELYARD_SAFE_FORMATS_ONLY"] = "1"
    shown = (*readable(options.python), *(d for d in options.shown if d.is_dir()), package.absolute())
    if overlay:
        overlay = overlay.absolute()
        shown = (*shown, overlay)
    memory = math.ceil(limits.memory_mib)
    denied = devices.denied(spec.devices)
    user = isolation.users.of(spec.instance_id, taken) if isolation.users else None
    own_user = isolation.users is not None and not isolation.users.shared
    env = {**environment(spec, package.absolute(), work, options.python), **more}
    argv = options.command(spec) if options.command else (options.python, "-m", "modelyard_runtime")
    if program := spec.program:
        port = program.port if isolation.network else commands.free_port(work, taken_ports)
        env = commands.environment(spec, env, package.absolute(), work, overlay, port=port, isolation=isolation)
        argv = commands.argv(program, options.python, code_path())
    return Spec(
        argv=argv,
        env=tuple(env.items()),
        listen=True,
        plan=plan,
        open_files=limits.open_files,
        processes=limits.pids if own_user else 0,
        view=view(
            shown,
            directory.absolute().parents[1],
            work,
            memory_mib=memory,
            denied=denied,
            volumes=(*volumes.mounts(spec.volumes), *(Mount("secret", one.path) for one in spec.secrets)),
        )
        if isolation.views
        else (),
        namespaces=isolation.namespaces,
        shared_memory_mib=memory,
        user=user,
        groups=devices.groups(spec.devices, user),
        nice=niceness(weight) if not plan.weight and os.geteuid() == 0 else 0,
        log_bytes=options.log_bytes,
        log_kept_bytes=options.log_kept_bytes,
        label=label(spec),
    )


def instance_spec(label: Mapping[str, object]) -> InstanceSpec:
    """The spec that a label was made of, also by another release: fields it does not know are left out.

    Raises ValueError when one without a default is missing.
    """
    return msgspec.convert(label, InstanceSpec)
