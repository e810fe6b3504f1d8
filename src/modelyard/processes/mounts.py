"""What a confined process sees of the file system: a list of mounts, made in this order on an empty root.

Decides what is there; everything else is not, so that no mode bit has to be right. Pure but for looking which of
the usual directories exist. Made by `confine.see` in a mount namespace of the process's own.

    /usr /bin /lib… /etc /opt   the machine's programs and libraries, read-only
    /dev /proc /sys             devices, of which it cannot open the denied; its own processes; no control groups
    /tmp                        its own, in its work directory; /dev/shm and /dev/mqueue are its own too
    shown                       interpreter, model server, package …: directories, read-only, wherever they lie
    hidden                      the data directory: an empty place, into which what is shown of it is put back
    work                        its work directory, writable
    volumes                     directories of the host, each as `attach` mounts it; secrets, which are in memory
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

SYSTEM = (
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/etc",
    "/opt",
    "/nix/store",
    "/gnu/store",
)
RESOLVER = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Mount:
    """One step. `kind` bind: show `source` at `path`, with what is mounted in it if `deep`; tmpfs, proc, mqueue: a
    new one with the options in `source`; link: a symbolic link to `source`; deny: a device that is there cannot be
    opened; volume: the directory `source`, from which programs are started only if `programs`; secret: a file with
    what was handed over for its path."""

    kind: str
    path: str
    source: str = ""
    writable: bool = False
    devices: bool = False
    deep: bool = True
    programs: bool = True


def view(
    shown: Iterable[Path],
    hidden: Path,
    work: Path,
    *,
    memory_mib: int = 0,
    denied: Iterable[str] = (),
    volumes: Iterable[Mount] = (),
) -> tuple[Mount, ...]:
    """The mounts for a process that works in `work` and reads `shown`. All paths absolute. `memory_mib` bounds
    what lies in its shared memory, which counts as its memory too where that is limited; 0: half of the machine's.
    `denied`: devices that it cannot open.
    """
    system = tuple(_system(memory_mib, denied))
    there = [Path(mount.path) for mount in system if mount.kind == "bind"]
    inside: list[Path] = []
    outside: list[Path] = []
    for path in dict.fromkeys(name for place in shown for name in _names(place)):
        if _within(path, [hidden]):
            inside.append(path)
        elif not _within(path, there):
            outside.append(path)
    return (
        *system,
        Mount("bind", "/tmp", str(work / "tmp"), writable=True),  # noqa: S108 - a place, not a file
        *(Mount("bind", str(path), str(path)) for path in sorted(outside)),
        Mount("tmpfs", str(hidden), "mode=0755,size=1m"),
        *(Mount("bind", str(path), str(path)) for path in sorted(inside)),
        Mount("bind", str(work), str(work), writable=True),
        *volumes,
    )


def occupied(shown: Iterable[Path], hidden: Path) -> tuple[str, ...]:
    """Where a view has something whoever it is for: a volume may neither cover these nor lie in them."""
    system = (mount.path for mount in _system(0, ()))
    places = (str(name) for place in (*shown, hidden) for name in _names(place))
    return tuple(dict.fromkeys((*system, "/tmp", *places)))  # noqa: S108 - a place, not a file


def _system(memory_mib: int, denied: Iterable[str]) -> Iterator[Mount]:
    for name in SYSTEM:
        path = Path(name)
        if path.is_symlink():
            yield Mount("link", name, str(path.readlink()))
        elif path.is_dir():
            yield Mount("bind", name, name)
    resolver = RESOLVER.resolve()  # often below /run
    if resolver != RESOLVER and resolver.is_file() and not _within(resolver, [Path(name) for name in SYSTEM]):
        yield Mount("bind", str(resolver.parent), str(resolver.parent))
    yield Mount("bind", "/dev", "/dev", writable=True, devices=True)
    yield from (Mount("deny", path) for path in denied)
    size = f",size={memory_mib}m" if memory_mib else ""
    yield Mount("tmpfs", "/dev/shm", f"mode=1777{size}")  # noqa: S108
    if Path("/dev/mqueue").is_dir():
        yield Mount("mqueue", "/dev/mqueue")
    yield Mount("proc", "/proc", "hidepid=2")
    yield Mount("bind", "/sys", "/sys", deep=False)
    yield Mount("link", "/var/tmp", "/tmp")  # noqa: S108


def _names(path: Path) -> Iterator[Path]:
    """As it is called and as it is: programs use both."""
    yield path
    if (real := path.resolve()) != path:
        yield real


def _within(path: Path, places: Iterable[Path]) -> bool:
    return any(path.is_relative_to(place) for place in places)
