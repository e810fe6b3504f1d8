"""Directories that a variant asks to have mounted: log_volume and persistent_volumes (contract §2).

A directory of the host is mounted only if, once the file system has resolved it, it lies below a directory that
the administrator has allowed (none by default): `..` and symbolic links lead nowhere else. The caller resolves
paths, because that touches the disk; the engine looks again when it mounts.

    allowed /srv/logs: /srv/logs/a → mounted    /srv/logs/../x → refused    /srv/other → refused

Where it is mounted it may cover nothing that the instance needs, nor lie in what is mounted there anyway: neither
on, nor below, nor above.

    /data → mounted    /etc/x → refused    /var → refused, since /var/tmp lies in it
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from modelyard.domain.errors import Violation
from modelyard.domain.revision import Volume
from modelyard.domain.texts import shown

SYSTEM = (
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
)
"""Nothing may be mounted on these directories, below or above them, by whatever runs the instance."""

IN_IMAGES = ("/model",)
"""Where a container finds the files of its package."""

MOST_CHARS = 1024
MOST_VOLUMES = 32
"""Of one entry."""


@dataclass(frozen=True, slots=True)
class VolumeRequest:
    """One volume as asked for: its place in the entry, and the directory of the host (None: not given).

    `host_optional`: the contract allows it without a host directory, as a volume that the platform provides.
    `only_in_pool`: it is a log volume.
    """

    field: str
    host_field: str
    host_path: str | None
    mount_path: str | None
    storage_type: str | None = None
    only_in_pool: bool = False
    host_optional: bool = False
    read_only: bool = False


@dataclass(frozen=True, slots=True)
class Fitness:
    """Why the user that an instance is cannot read in a directory, or write there ("": it can)."""

    read: str = ""
    write: str = ""


@dataclass(frozen=True, slots=True)
class HostDirs:
    """`allowed`: what the administrator has allowed, resolved. `resolved`: each requested host path as the file
    system resolves it (None: not a directory); `fitness`: what is known of those, `everybody`: the same for users
    who own nothing there. `ours`: what nobody may have a part of. `mountable`: whether instances
    that are processes can have anything mounted, `why` they cannot; `occupied`: what they find mounted anyway."""

    allowed: tuple[str, ...] = ()
    resolved: Mapping[str, str | None] = field(default_factory=dict)
    mountable: bool = False
    why: str = ""
    occupied: tuple[str, ...] = ()
    fitness: Mapping[str, Fitness] = field(default_factory=dict)
    everybody: Mapping[str, Fitness] = field(default_factory=dict)
    ours: tuple[str, ...] = ()


def everybody(mode: int) -> Fitness:
    """Of a directory with this mode. The engine of a container maps no owners."""
    why = "and a package in a container is a user of its own there"
    read = "" if mode & 0o5 == 0o5 else f"which not everybody may read, {why}: chmod o+rx"
    write = (
        "" if mode & 0o7 == 0o7 else f"where not everybody may write, {why}: chmod 1777, or ask for it read_only"
    )
    return Fitness(read, write)


def violations(
    path: str,
    volumes: tuple[VolumeRequest, ...],
    dirs: HostDirs,
    *,
    in_pool: bool,
    image: bool = False,
    boxed: bool = False,
) -> Iterator[Violation]:
    """What is wrong with the volumes of one entry, whose additional_properties are at `path`. `image`: its model
    is one, which runs in containers; `boxed`: it is a package that runs in one."""
    taken = IN_IMAGES if image else dirs.occupied
    seen: dict[str, str] = {}
    if len(volumes) > MOST_VOLUMES:
        yield Violation(path, f"has {len(volumes)} volumes, at most {MOST_VOLUMES} are allowed")
    for volume in volumes:
        at = f"{path}.{volume.field}"
        wrong = [
            *_host(f"{at}.{volume.host_field}", volume, dirs, image=image, boxed=boxed),
            *mount_path(f"{at}.mount_path", volume.mount_path, (*SYSTEM, *taken)),
        ]
        if volume.only_in_pool and not in_pool:
            wrong.insert(0, Violation(at, "is only for services in a dedicated resource pool"))
        if volume.mount_path:
            wrong += touching(f"{at}.mount_path", volume.mount_path, seen)
            seen.setdefault(plain(volume.mount_path), at)
        if not wrong and not dirs.mountable and not (image or boxed):
            text = f"cannot be mounted: instances have no view of the files of their own here ({dirs.why})"
            wrong.append(Violation(at, text))
        elif not wrong and not volume.host_path:
            text = f"is not supported yet without {volume.host_field}: only directories of the host are mounted"
            wrong.append(Violation(at, text))
        yield from wrong


def mounted(volumes: tuple[VolumeRequest, ...], dirs: HostDirs) -> tuple[Volume, ...]:
    """The volumes of a valid entry, resolved."""
    return tuple(
        Volume(
            dirs.resolved.get(v.host_path) or v.host_path,
            plain(v.mount_path),
            read_only=v.read_only,
            log=v.only_in_pool,
        )
        for v in volumes
        if v.host_path and v.mount_path
    )


def mount_path(at: str, path: str | None, taken: Iterable[str]) -> Iterator[Violation]:
    """What is wrong with a place in an instance where something is to be mounted. `taken`: what is there."""
    if not path:
        yield Violation(at, "is mandatory")
    elif not _is_plain(path):
        yield Violation(at, f"is {shown(path)}, must be an absolute path without '..'")
    elif plain(path) == "/" or any(_meet(plain(path), plain(s)) for s in SYSTEM if s in taken):
        yield Violation(at, f"is {shown(path)}, which is a system directory")
    elif met := next((s for s in taken if _meet(plain(path), plain(s))), ""):
        yield Violation(at, f"is {shown(path)}, which meets {met}: instances need that for themselves")


def touching(at: str, path: str, others: Mapping[str, str]) -> Iterator[Violation]:
    """What is wrong with a mount path beside others, each with the field that asks for it."""
    for other, before in others.items():
        if plain(path) == other:
            yield Violation(at, f"is the mount path of {before} too")
            return
        if _meet(plain(path), other):
            yield Violation(
                at, f"is {shown(path)}, and {before} is mounted at {shown(other)}: one lies in the other"
            )
            return


def plain(path: str) -> str:
    """Without what names the same place in another way: `//a/./b/` → `/a/b`."""
    return str(PurePosixPath("/", path.lstrip("/")))


def _host(at: str, volume: VolumeRequest, dirs: HostDirs, *, image: bool, boxed: bool) -> Iterator[Violation]:
    if volume.storage_type not in {None, "", "hostPath", "local"}:
        yield Violation(
            at.rpartition(".")[0] + ".storage_type",
            f"is {shown(volume.storage_type)}, only directories of the host are supported (hostPath)",
        )
        return
    path = volume.host_path
    if not path:
        if not volume.host_optional:
            yield Violation(at, "is mandatory")
        return
    if not _is_plain(path):
        yield Violation(at, f"is {shown(path)}, must be an absolute path without '..'")
        return
    real = dirs.resolved.get(path)
    if not any(_below(path, a) for a in dirs.allowed) or (real and not any(_below(real, a) for a in dirs.allowed)):
        allowed = ", ".join(dirs.allowed) or "none"
        yield Violation(
            at, f"is {shown(path)}, which is not below a directory that the administrator allowed ({allowed})"
        )
    elif any(_meet(one, kept) for one in (path, real or path) for kept in dirs.ours):
        yield Violation(at, f"is {shown(path)}, where this server keeps what is its own")
    elif real is None:
        yield Violation(at, f"is {shown(path)}, which is no directory of the host, or does not answer")
    elif not image:
        fit = (dirs.everybody if boxed else dirs.fitness).get(path, Fitness())
        if unfit := fit.read or ("" if volume.read_only else fit.write):
            yield Violation(at, f"is {shown(path)}, {unfit}")


def _is_plain(path: str) -> bool:
    return (
        path.startswith("/")
        and path.isprintable()
        and ".." not in PurePosixPath(path).parts
        and len(path) <= MOST_CHARS
    )


def _meet(one: str, other: str) -> bool:
    return _below(one, other) or _below(other, one)


def _below(path: str, directory: str) -> bool:
    return PurePosixPath(path).is_relative_to(directory)
