"""Packages in containers: the model server, or a package's command, with this machine's own programs.

A package needs an interpreter with its libraries, and the one that publishing resolved its dependencies for is
ours. So its container has an image with nothing in it, made here from no bytes of anybody else, and finds what a
process would find in its view (`processes.mounts`): the machine's programs and libraries, the interpreter, the
model server and the package, read-only at the paths they have here; its work directory is of the container. Pure
but for looking which of the usual paths exist.
"""

import hashlib
import io
import tarfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from modelyard.domain.devices import Kind
from modelyard.domain.program import PORT
from modelyard.engines import commands, devices
from modelyard.engines.base import InstanceSpec, StartRefusedError
from modelyard.engines.launch import LaunchOptions, code_path, environment, readable
from modelyard.processes.mounts import SYSTEM

NAME = "modelyard/machine"
WORK = "/work"
LIBRARIES = "/etc/ld.so.cache"
"""What hands a container its GPUs adds the driver's libraries to this by a new file in its place, which nobody can
put where one is mounted: without it a new one is made."""
CONFIGURED = (
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/fonts",
    LIBRARIES,
    "/etc/localtime",
    "/etc/mime.types",
    "/etc/nsswitch.conf",
    "/etc/pki",
    "/etc/ssl",
    "/etc/timezone",
)
"""Of /etc what libraries need; the rest of it is this machine's affair."""
EMPTY = ("dev", "etc", "proc", "run", "sys", "var")
OWN = ("work", "tmp", "var/tmp")
"""Where anybody may write, in the container's own file system."""
NOBODY = "65534:65534"
BOOT = "import sys; sys.path.append(sys.argv[1]); from modelyard_runtime.door.init import main; main(sys.argv[2:])"


@dataclass(frozen=True, slots=True)
class Contained:
    """What runs in the container, and in which `directory`. `shown`: what it finds at the paths that this has
    here, read-only; `hidden`: a directory in one of them, of which it finds only what is shown by itself ("":
    none)."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    port: int
    shown: tuple[str, ...]
    directory: str = WORK
    hidden: str = ""
    image: str = ""
    user: str = NOBODY


def contained(
    spec: InstanceSpec, package: Path, options: LaunchOptions, hidden: Path, *, joins: bool
) -> Contained:
    """`spec` is settled (`commands.settled`); `hidden`: the data directory, of which it finds its own
    alone. Raises StartRefusedError, NoRoomError."""
    package = package.absolute()
    overlay = options.overlay(package)
    overlay = overlay.absolute() if overlay else None
    env = environment(spec, package, Path(WORK), options.python)
    for name in ("MODELYARD_SOCKET_FD", "MODELYARD_METRICS_SOCKET", *devices.environment(spec.devices)):
        env.pop(name, None)
    env |= devices.container_environment(spec.devices)
    env |= {"TMPDIR": "/tmp", "MODELYARD_HOST": "127.0.0.1" if joins else "0.0.0.0"}  # noqa: S108, S104
    if overlay is not None:
        env["MODELYARD_ENVIRONMENT"] = str(overlay)
    if options.safe_formats_only:
        env["MODELYARD_SAFE_FORMATS_ONLY"] = "1"
    argv = options.command(spec) if options.command else (options.python, "-m", "modelyard_runtime")
    port, directory = PORT, WORK
    if spec.program is not None:
        if spec.batch:
            raise StartRefusedError("a batch service with a command runs in pools of processes only")
        argv, port, directory = spec.program.command, spec.program.port, str(package / commands.HOME)
        facts = {"HOST": env["MODELYARD_HOST"], "MODEL_DIR": directory}
        env = commands.before_all(env | facts, overlay)
    env["PORT"] = str(port)
    argv = (options.python, "-I", "-S", "-E", "-c", BOOT, code_path(), *argv)
    places = (
        *readable(options.python),
        Path(code_path()),
        *(d for d in options.shown if d.is_dir()),
        package,
        overlay,
    )
    left_out = {LIBRARIES} if any(grant.kind is Kind.GPU for grant in spec.devices) else set()
    shown = tuple(_shown((p for p in places if p), hidden, left_out))
    return Contained(argv, env, port, shown, directory, _covered(hidden))


def _covered(hidden: Path) -> str:
    """ "": it is in none of the machine's directories, so that it is not there anyway."""
    names = {hidden, hidden.resolve()}
    return str(hidden) if any(n.is_relative_to(one) for n in names for one in _directories()) else ""


def _shown(places: Iterable[Path], hidden: Path, left_out: Collection[str]) -> Iterator[str]:
    """The machine's directories, then those that are in none of them, or in what is hidden of them."""
    system = _directories()
    yield from system
    yield from (name for name in CONFIGURED if name not in left_out and Path(name).exists())
    there = [Path(name) for name in system]
    for path in sorted({name for place in places for name in (place, place.resolve())}):
        around = [one for one in there if path.is_relative_to(one)]
        if not around or (path.is_relative_to(hidden) and not any(one.is_relative_to(hidden) for one in around)):
            there.append(path)
            yield str(path)


def _directories() -> list[str]:
    return [name for name in SYSTEM if name != "/etc" and Path(name).is_dir() and not Path(name).is_symlink()]


def image() -> tuple[str, bytes]:
    """(the name of the image, the tar file that it is made of): directories and the machine's symbolic links at
    its root. The name is of the content, so that one that is there is the right one."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name in (*EMPTY, *OWN, *(path.strip("/") for path in _directories())):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name in OWN else 0o755
            tar.addfile(entry)
        for name in SYSTEM:
            if Path(name).is_symlink():
                entry = tarfile.TarInfo(name.strip("/"))
                entry.type, entry.linkname = tarfile.SYMTYPE, str(Path(name).readlink())
                tar.addfile(entry)
    content = buffer.getvalue()
    return f"{NAME}:{hashlib.sha256(content).hexdigest()[:12]}", content
