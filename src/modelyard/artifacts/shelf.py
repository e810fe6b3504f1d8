"""Directories that are whole: each is built beside its place and renamed into it when it is done.

ROOT/NAME         complete, for as long as it is there
ROOT/.partial-…   being built, or on its way out; what a crash left of it is swept at the next start, unless
                  somebody goes on with it (`partial`)
"""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from pathlib import Path

from modelyard import files, trees

PARTIAL = ".partial-"


class Shelf:
    """Those in `root`, which is made when it is needed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def has(self, name: str) -> bool:
        return (self.root / name).is_dir()

    def take(self, name: str) -> Path | None:
        """The one of that name, if it is there. Its time becomes now: a sweep must not take it before its new
        user is on record."""
        if not self.has(name):
            return None
        os.utime(self.root / name)
        return self.root / name

    @asynccontextmanager
    async def building(self) -> AsyncIterator[Path]:
        """Where to build: nothing is there yet, and what is not `put` in its place by the end is removed."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial = self.aside()
        try:
            yield partial
        finally:
            await asyncio.to_thread(trees.remove, partial)

    def partial(self, name: str) -> Path:
        """Where something is built that takes more than one try, `name` is its builder's. Whoever builds it drops
        it in the end."""
        return self.root / f"{PARTIAL}{name}"

    async def drop(self, name: str) -> None:
        """Remove what was built there."""
        await asyncio.to_thread(trees.remove, self.partial(name))

    def put(self, partial: Path, name: str) -> Path:
        """Give what was built its name. What it holds must be on the disk already. Raises OSError."""
        try:
            return self.take(name) or files.place(partial, self.root / name)
        except OSError:
            if not self.has(name):  # otherwise another process built it too
                raise
            return self.root / name

    def aside(self) -> Path:
        """A path for something unfinished."""
        return self.root / f"{PARTIAL}{uuid.uuid4().hex}"

    def all(self) -> list[Path]:
        if not self.root.is_dir():
            return []
        with os.scandir(self.root) as entries:
            return [Path(e.path) for e in entries if e.is_dir() and not e.name.startswith(".")]

    def sweep(self, going_on: Collection[str] = ()) -> None:
        """Remove what a crash left half built, but what those of `going_on` build. Call it once, at start."""
        kept = {self.partial(name) for name in going_on}
        for left in self.root.glob(f"{PARTIAL}*"):
            if left not in kept:
                trees.remove(left)
