"""Directories that a variant asks to have mounted: log_volume and persistent_volumes (contract §2).

A directory of the host is mounted only if, once the file system has resolved it, it lies below a directory that
the administrator has allowed (none by default): `..` and symbolic links lead nowhere else. The caller resolves
paths, because that touches the disk.

    allowed /srv/logs: /srv/logs/a → mounted    /srv/logs/../x → refused    /srv/other → refused
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from modelyard.domain.errors import Violation
from modelyard.domain.revision import Volume
from modelyard.domain.texts import shown

SYSTEM = (
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/lib",
    "/lib64",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/sys",
    "/usr",
)
"""Nothing may be mounted on these directories or below them."""


@dataclass(frozen=True, slots=True)
class VolumeRequest:
    """One volume as asked for: its place in the entry, and the directory of the host (None: not given).

    `host_optional`: the contract allows it without a host directory, as a volume that the platform provides.
    """

    field: str
    host_field: str
    host_path: str | None
    mount_path: str | None
    storage_type: str | None = None
    only_in_pool: bool = False
    host_optional: bool = False


@dataclass(frozen=True, slots=True)
class HostDirs:
    """`allowed`: what the administrator has allowed, resolved. `resolved`: each requested host path as the file
    system resolves it (None: not a directory). `mountable`: whether the engine can mount anything at all."""

    allowed: tuple[str, ...] = ()
    resolved: Mapping[str, str | None] = field(default_factory=dict)
    mountable: bool = False


def violations(
    path: str, volumes: tuple[VolumeRequest, ...], dirs: HostDirs, *, in_pool: bool
) -> Iterator[Violation]:
    """What is wrong with the volumes of one entry, whose additional_properties are at `path`."""
    seen: dict[str, str] = {}
    for volume in volumes:
        at = f"{path}.{volume.field}"
        wrong = [
            *_host(f"{at}.{volume.host_field}", volume, dirs),
            *_mount(f"{at}.mount_path", volume.mount_path),
        ]
        if volume.only_in_pool and not in_pool:
            wrong.insert(0, Violation(at, "is only for services in a dedicated resource pool"))
        if volume.mount_path and (before := seen.setdefault(volume.mount_path, at)) != at:
            wrong.append(Violation(f"{at}.mount_path", f"is the mount path of {before} too"))
        if not wrong and not dirs.mountable:
            text = "is not supported yet: instances have no storage here that outlives them, nothing is mounted"
            wrong.append(Violation(at, text))
        elif not wrong and not volume.host_path:
            text = f"is not supported yet without {volume.host_field}: only directories of the host are mounted"
            wrong.append(Violation(at, text))
        yield from wrong


def mounted(volumes: tuple[VolumeRequest, ...], dirs: HostDirs) -> tuple[Volume, ...]:
    """The volumes of a valid entry, resolved."""
    return tuple(
        Volume(dirs.resolved.get(v.host_path) or v.host_path, v.mount_path)
        for v in volumes
        if v.host_path and v.mount_path
    )


def _host(at: str, volume: VolumeRequest, dirs: HostDirs) -> Iterator[Violation]:
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
    elif real is None:
        yield Violation(at, f"is {shown(path)}, which is no directory of the host")


def _mount(at: str, path: str | None) -> Iterator[Violation]:
    if not path:
        yield Violation(at, "is mandatory")
    elif not _is_plain(path):
        yield Violation(at, f"is {shown(path)}, must be an absolute path without '..'")
    elif any(path.rstrip("/") == s.rstrip("/") or (s != "/" and _below(path, s)) for s in SYSTEM):
        yield Violation(at, f"is {shown(path)}, which is a system directory")


def _is_plain(path: str) -> bool:
    return path.startswith("/") and ".." not in PurePosixPath(path).parts and len(path) <= 1024


def _below(path: str, directory: str) -> bool:
    return PurePosixPath(path).is_relative_to(directory)
