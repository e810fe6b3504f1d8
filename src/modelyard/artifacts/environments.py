"""The environments of models: one directory per set of requirements, built once, shared by whoever needs it.

    ENVIRONMENTS/<requirements, Python, platform>-<what the interpreter has>/
        environment.json     what was asked for and what was installed
        site/                the packages, compiled; not there when the interpreter has them all

An environment lies over Modelyard's own interpreter and relies on what is installed there; so when that changes
(a new release), environments are built anew. Until then an instance takes the one that was built before.

Which environment an instance of a snapshot imports from (`Overlays`) follows from the snapshot alone: its
config.json says what it depends on, so its digest implies the answer, on every machine its own.
"""

import asyncio
import hashlib
import json
import platform
import sysconfig
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Protocol

from modelyard import files, trees
from modelyard.artifacts.shelf import Shelf
from modelyard.artifacts.uv import Say
from modelyard.core.packages.contents import CONFIG
from modelyard.core.packages.requirements import key, requirements
from modelyard.engines.base import NoRoomError

SITE = "site"
RECORD = "environment.json"


class Resolver(Protocol):
    """`artifacts.uv.Installer`."""

    async def missing(self, wanted: Sequence[str]) -> tuple[str, ...]: ...

    async def install(self, exact: Sequence[str], target: Path, say: Say) -> None: ...


class Environments:
    """Those below `root`, which is made when it is needed."""

    def __init__(self, root: Path, resolver: Resolver) -> None:
        self.shelf = Shelf(root)
        self._resolver = resolver
        self._building: dict[str, asyncio.Lock] = {}
        self._base = base()

    def name(self, wanted: Sequence[str]) -> str:
        return f"{prefix(wanted)}-{self._base}"

    def current(self, wanted: Sequence[str]) -> bool:
        """Whether nothing is left to build for these requirements."""
        return not wanted or self.shelf.has(self.name(wanted))

    def find(self, wanted: Sequence[str]) -> Path | None:
        """The environment for these requirements, the newest if the interpreter changed; None: not built."""
        best = self.shelf.root / self.name(wanted)
        if best.is_dir():
            return best
        earlier = self.shelf.root.glob(f"{prefix(wanted)}-*")
        return max(earlier, key=lambda p: p.stat().st_mtime_ns, default=None)

    async def ensure(self, wanted: Sequence[str], say: Say) -> Path | None:
        """The environment, built if need be; None when nothing is wanted. Raises UnresolvedError, OSError."""
        if not wanted:
            return None
        name = self.name(wanted)
        async with self._building.setdefault(name, asyncio.Lock()):
            if ready := self.shelf.take(name):
                return ready
            async with self.shelf.building() as partial:
                await self._build(wanted, partial, say)
                return await asyncio.to_thread(self.shelf.put, partial, name)

    async def _build(self, wanted: Sequence[str], directory: Path, say: Say) -> None:
        say(f"resolving {', '.join(wanted)}")
        missing = await self._resolver.missing(wanted)
        directory.mkdir(mode=0o755)
        if missing:
            await self._resolver.install(missing, directory / SITE, say)
        record = {
            "requirements": sorted(wanted),
            "installed": sorted(missing),
            "python": platform.python_version(),
        }
        files.write(directory / RECORD, json.dumps(record, indent=2).encode(), mode=0o644, durable=False)
        await asyncio.to_thread(settle, directory)


class Overlays:
    """Which environment lies over the interpreter for an instance of a snapshot."""

    def __init__(self, environments: Environments) -> None:
        self._environments = environments

    def of(self, package: Path) -> Path | None:
        """The packages for the snapshot in `package`; None when it needs none. Raises NoRoomError."""
        wanted = wanted_by(package)
        if not wanted:
            return None
        environment = self._environments.find(wanted)
        if environment is None:
            raise NoRoomError(f"the environment of its dependencies ({', '.join(wanted)}) is not built yet")
        return site(environment)


def wanted_by(package: Path) -> tuple[str, ...]:
    """What the snapshot in `package` depends on."""
    try:
        return requirements(files.read_object(package / "model" / CONFIG, files.SMALL * 16))
    except (OSError, ValueError):
        return ()


def site(environment: Path) -> Path | None:
    """What an instance imports from; None when the interpreter has everything itself."""
    path = environment / SITE
    return path if path.is_dir() else None


def prefix(wanted: Sequence[str]) -> str:
    python = f"{platform.python_implementation()}-{'.'.join(platform.python_version_tuple()[:2])}"
    return key(tuple(wanted), python, sysconfig.get_platform())


def base() -> str:
    """Eight hexadecimal digits over what this interpreter has installed."""
    installed = sorted({f"{d.metadata['Name']}=={d.version}" for d in metadata.distributions()})
    return hashlib.sha256("\n".join(installed).encode()).hexdigest()[:8]


def settle(directory: Path) -> None:
    """Make it readable for instances, which are other users, whatever our umask is, and write it to the disk: it
    alone, because what others write there meanwhile is not ours to wait for."""
    directory.chmod(0o755)
    for entry in trees.walk(directory):
        if not (entry.is_directory or entry.is_file):
            continue
        path, mode = directory / entry.name, entry.stat.st_mode
        wanted = 0o755 if entry.is_directory or mode & 0o100 else 0o644
        if mode & 0o777 != wanted:
            path.chmod(wanted)
    files.sync_all([directory / e.name for e in trees.walk(directory) if e.is_directory or e.is_file])
    files.sync(directory)
