"""The environments of models: one directory per set of requirements, built once, shared by whoever needs it.

    ENVIRONMENTS/<requirements, Python, platform>-<what the interpreter has>/
        environment.json     what was asked for and what was installed
        site/                the packages, compiled; not there when the interpreter has them all

It lies over Modelyard's own interpreter, of which it needs what it does not hold itself; so when that changes (a
new release), environments are built anew. Until then an instance takes the one that was built before. A directory
with a name like this is complete: it is built beside its place and renamed into it.
"""

import asyncio
import hashlib
import json
import os
import platform
import sysconfig
import uuid
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Protocol

from modelyard import trees
from modelyard.artifacts.uv import Say
from modelyard.core.packages.requirements import key

PARTIAL = ".partial-"
SITE = "site"
RECORD = "environment.json"


class Resolver(Protocol):
    """`artifacts.uv.Installer`."""

    async def missing(self, wanted: Sequence[str]) -> tuple[str, ...]: ...

    async def install(self, exact: Sequence[str], target: Path, say: Say) -> None: ...


class Environments:
    """Those below `root`, which is made when it is needed."""

    def __init__(self, root: Path, resolver: Resolver) -> None:
        self.root = root
        self._resolver = resolver
        self._building: dict[str, asyncio.Lock] = {}
        self._base = base()

    def name(self, wanted: Sequence[str]) -> str:
        return f"{prefix(wanted)}-{self._base}"

    def current(self, wanted: Sequence[str]) -> bool:
        """Whether nothing is left to build for these requirements."""
        return not wanted or (self.root / self.name(wanted)).is_dir()

    def find(self, wanted: Sequence[str]) -> Path | None:
        """The environment for these requirements, the newest if the interpreter changed; None: not built."""
        best = self.root / self.name(wanted)
        if best.is_dir():
            return best
        return max(self.root.glob(f"{prefix(wanted)}-*"), key=lambda p: p.stat().st_mtime_ns, default=None)

    async def ensure(self, wanted: Sequence[str], say: Say) -> Path | None:
        """The environment, built if need be; None when nothing is wanted. Raises UnresolvedError, OSError."""
        if not wanted:
            return None
        name = self.name(wanted)
        async with self._building.setdefault(name, asyncio.Lock()):
            final = self.root / name
            if final.is_dir():
                os.utime(final)  # in use: not to be removed before its user is on record
                return final
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            partial = self.root / f"{PARTIAL}{name}-{uuid.uuid4().hex[:8]}"
            try:
                await self._build(wanted, partial, say)
                _place(partial, final)
            finally:
                await asyncio.to_thread(trees.remove, partial)
            return final

    def sweep(self) -> None:
        """Remove what a crash left half built. Call once, at start."""
        for left in self.root.glob(f"{PARTIAL}*"):
            trees.remove(left)

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
        (directory / RECORD).write_text(json.dumps(record, indent=2), encoding="ascii")
        await asyncio.to_thread(_settle, directory)


def site(environment: Path) -> Path | None:
    """What an instance imports from; None when the interpreter has everything itself."""
    path = environment / SITE
    return path if path.is_dir() else None


def prefix(wanted: Sequence[str]) -> str:
    python = f"{platform.python_implementation()}-{'.'.join(platform.python_version_tuple()[:2])}"
    return key(tuple(wanted), python, sysconfig.get_platform())


def base() -> str:
    """Eight hexadecimal digits over what this interpreter has installed."""
    found = sorted({f"{d.metadata['Name']}=={d.version}" for d in metadata.distributions()})
    return hashlib.sha256("\n".join(found).encode()).hexdigest()[:8]


def _place(partial: Path, final: Path) -> None:
    try:
        partial.rename(final)
    except OSError:
        if not final.is_dir():  # otherwise another process built it too
            raise


def _settle(directory: Path) -> None:
    """Readable for instances, which are somebody else, whatever our umask; and on the disk."""
    directory.chmod(0o755)
    for entry in trees.walk(directory):
        if not (entry.is_directory or entry.is_file):
            continue
        path, mode = directory / entry.name, entry.stat.st_mode
        wanted = 0o755 if entry.is_directory or mode & 0o100 else 0o644
        if mode & 0o777 != wanted:
            path.chmod(wanted)
        _sync(path)
    _sync(directory)


def _sync(path: Path) -> None:
    """This one only: what others write meanwhile to the same disk is not ours to wait for."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
