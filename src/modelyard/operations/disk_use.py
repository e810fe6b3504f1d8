"""What of a data directory takes the disk, by what uses it, and what of it nothing uses.

`measure` walks everything, which takes as long as there are files: call it in a thread.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from modelyard import trees
from modelyard.domain.errors import Conflict
from modelyard.domain.identity import Principal
from modelyard.operations.accounts import administer

COPY = ".before-"
NAMES = (
    *("packages", "environments", "instances", "outputs", "logs", "log", "objects", "uploads", "gateway"),
    *("reserve", "backups"),
)
"""What lies at the top of a data directory; the rest is `other`, but for the database and its copies (which count
as `backups`)."""


@dataclass(frozen=True, slots=True)
class Unneeded:
    """Something that nothing uses. `kind`: package, environment, upload, database copy. `held`: it stayed, since a
    backup that is being made may read it."""

    kind: str
    name: str
    size_bytes: int
    held: bool = False


@dataclass(frozen=True, slots=True)
class DiskPorts:
    """What the composition knows: `measured` by use, in bytes; `unneeded` finds what nothing uses, `clean` removes
    it, looking again at each, and tells what is gone, and what a backup held."""

    measured: Callable[[], Awaitable[Mapping[str, int]]]
    unneeded: Callable[[], Awaitable[Sequence[Unneeded]]]
    clean: Callable[[], Awaitable[Sequence[Unneeded]]]


def measure(data_dir: Path) -> Mapping[str, int]:
    """Bytes by use; what vanishes meanwhile counts as far as it was seen."""
    sizes = dict.fromkeys(("database", *NAMES, "other"), 0)
    for path in data_dir.iterdir():
        with suppress(OSError):
            sizes[_use(path.name)] += size(path)
    return sizes


def size(path: Path) -> int:
    """Of a file or a directory, in bytes on the disk."""
    if path.is_dir() and not path.is_symlink():
        return trees.size_bytes(path)
    return path.lstat().st_blocks * 512


def copies(data_dir: Path) -> list[Path]:
    """Of the database from before its migrations, but the newest: oldest first."""
    whole = [path for path in data_dir.glob(f"modelyard.db{COPY}*") if not path.name.endswith(".part")]
    return sorted(whole, key=lambda path: path.stat().st_mtime)[:-1]


def _use(name: str) -> str:
    if name.startswith("modelyard.db"):
        return "backups" if COPY in name else "database"
    return name if name in NAMES else "other"


async def by_use(disk: DiskPorts | None, principal: Principal) -> Mapping[str, int]:
    """Raises Forbidden, Conflict (None: there is no data directory)."""
    administer(principal, "showDisk")
    return await _there(disk).measured()


async def clean(disk: DiskPorts | None, principal: Principal, *, dry_run: bool) -> Sequence[Unneeded]:
    """What nothing uses, removed unless it is a dry run, or held. Raises Forbidden, Conflict."""
    administer(principal, "cleanDisk")
    there = _there(disk)
    return await (there.unneeded() if dry_run else there.clean())


def _there(disk: DiskPorts | None) -> DiskPorts:
    if disk is None:
        raise Conflict("this server has no data directory", code="0104")
    return disk
