"""Which snapshots and environments go: those that no model, no revision and no process uses, after a while.

    GRACE_S    is how long something must be unused, as far as this control plane saw, and untouched on disk:
               what is just being published is on no record yet
    keep       bytes of what is unused may stay after that; the longest unused goes first

What is in use follows from what is stored and from what runs. A directory is moved aside before it is removed, so
that one with its name is never half there. While a backup is being made nothing is removed (`processes.holding`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

from modelyard import trees
from modelyard.artifacts.environments import prefix, wanted_by
from modelyard.artifacts.shelf import Shelf
from modelyard.processes.directory import ProcessDir, Spec, SpecUnreadableError
from modelyard.store.base import Store
from modelyard.store.models import ModelQuery
from modelyard.store.page import Page

GRACE_S = 3600.0
READ = frozenset({"MODELYARD_MODEL_DIR", "MODELYARD_ENVIRONMENT"})
"""Variables of an instance that name what it reads from."""


@dataclass(frozen=True, slots=True)
class Unused:
    """A directory that nobody uses, since when as far as is known, and its size. `held`: it stayed, a backup may
    be reading it."""

    path: Path
    since_s: float
    size: int
    held: bool = False


def superfluous(unused: Sequence[Unused], keep: int, now_s: float) -> tuple[Path, ...]:
    """What to remove. With keep=10: sizes 6, 6, 6, unused for 3, 2 and 1 hours -> the first two.

    What is within its grace stays, and does not count.
    """
    due = sorted((u for u in unused if now_s - u.since_s >= GRACE_S), key=lambda u: u.since_s)
    excess = sum(u.size for u in due) - keep
    gone = []
    for each in due:
        if excess <= 0:
            break
        gone.append(each.path)
        excess -= each.size
    return tuple(gone)


@dataclass(frozen=True, slots=True)
class _Users:
    """What was in use at one moment. `wanted`: the environment that a snapshot needs ("": none), by its digest,
    also of those that were in use before; `environments`: those that are needed."""

    digests: frozenset[str]
    wanted: Mapping[str, str]
    environments: frozenset[str]
    running: tuple[Path, ...]

    def need(self, path: Path) -> bool:
        """Whether one of them needs this directory."""
        return (
            path.name in self.digests
            or path.name.partition("-")[0] in self.environments
            or any(place.is_relative_to(path.resolve()) for place in self.running)
        )


class Sweeper:
    """`used` gives the digests of every snapshot in use, `running` the directories that processes read from.

    `clock` gives seconds since 1970. Everything is asked again before each removal: it takes a while, and a model
    that is published meanwhile must find what it needs. Who sweeps, cleans or looks waits for whoever does.
    """

    def __init__(
        self,
        packages: Shelf,
        environments: Shelf,
        used: Callable[[], Awaitable[Collection[str]]],
        running: Callable[[], Collection[Path]],
        clock: Callable[[], float],
        *,
        keep: int = 0,
        litter: Sequence[Path] = (),
        removing: Callable[[], AbstractContextManager[bool]] = lambda: nullcontext(True),
    ) -> None:
        """`litter`: more directories in which removals may have left something. `removing` is entered for each
        removal, and says whether it may be."""
        self._packages = packages
        self._environments = environments
        self._used = used
        self._running = running
        self._clock = clock
        self._keep = keep
        self._since: dict[Path, float] = {}
        self._one = asyncio.Lock()
        self._removing = removing
        self._litter = (packages.root, environments.root, *litter)

    async def sweep(self) -> tuple[str, ...]:
        """Remove what is superfluous; its names. Raises OSError, and what `used` raises."""
        async with self._one:
            return await self._swept()

    async def _swept(self) -> tuple[str, ...]:
        now_s, users = self._clock(), await self._users()
        unused = await asyncio.to_thread(self._unused, users, now_s)
        gone = []
        for path in superfluous(unused, self._keep, now_s):
            users = await self._users(users.wanted)
            if users.need(path):
                self._since.pop(path, None)
            elif now_s - path.stat().st_mtime >= GRACE_S:  # or else somebody has just come to use it
                aside = self._moved_aside(path)
                if aside is None:
                    break
                gone.append(path.name)
                await asyncio.to_thread(trees.remove, aside)
        return tuple(gone)

    async def unused(self) -> tuple[Unused, ...]:
        """What nobody uses now, whatever it is kept for."""
        async with self._one:
            return tuple(await asyncio.to_thread(self._unused, await self._users(), self._clock()))

    def young(self, path: Path) -> bool:
        """Whether somebody touched it within the grace."""
        return path.is_dir() and self._clock() - path.stat().st_mtime < GRACE_S

    async def clean(self, alone: Callable[[], AbstractAsyncContextManager[bool]]) -> tuple[Unused, ...]:
        """Remove what nobody uses, at once; what was removed, and what a backup held. `alone`: while it is entered
        no publication begins; it says whether none is under way. While one is, what was touched within the grace
        stays: it may be what that one has just built, or found."""
        async with self._one:
            return await self._cleaned(alone)

    async def _cleaned(self, alone: Callable[[], AbstractAsyncContextManager[bool]]) -> tuple[Unused, ...]:
        users = await self._users()
        gone = []
        for each in await asyncio.to_thread(self._unused, users, self._clock()):
            async with alone() as nobody:
                users = await self._users(users.wanted)
                if not each.path.is_dir() or users.need(each.path) or not (nobody or not self.young(each.path)):
                    continue
                aside = self._moved_aside(each.path)
            if aside is None:
                gone.append(replace(each, held=True))
                continue
            gone.append(each)
            await asyncio.to_thread(trees.remove, aside)
        return tuple(gone)

    def _moved_aside(self, path: Path) -> Path | None:
        """Where it is now; None while a backup may be reading it."""
        with self._removing() as may:
            if not may:
                return None
            aside = Shelf(path.parent).aside()
            path.rename(aside)
            self._since.pop(path, None)
            return aside

    async def clear(self) -> None:
        """Try again what could not be removed whole. It takes as long as it takes; raises nothing."""
        for directory in self._litter:
            await asyncio.to_thread(trees.clear, directory)

    async def _users(self, known: Mapping[str, str] = MappingProxyType({})) -> _Users:
        """Who they are now. `known`: environments of snapshots, which are not read again: they never change."""
        digests = frozenset(await self._used())
        running = tuple(path.resolve() for path in self._running())
        new = digests - known.keys()
        read = await asyncio.to_thread(self._wanted, new) if new else {}
        wanted = {**known, **read}
        return _Users(digests, wanted, frozenset(wanted[digest] for digest in digests), running)

    def _wanted(self, digests: Collection[str]) -> dict[str, str]:
        wanted = {digest: wanted_by(self._packages.root / digest) for digest in digests}
        return {digest: prefix(w) if w else "" for digest, w in wanted.items()}

    def _unused(self, users: _Users, now_s: float) -> list[Unused]:
        everything = (*self._packages.all(), *self._environments.all())
        unused = [path for path in everything if not users.need(path)]
        self._since = {path: self._since.get(path, now_s) for path in unused}
        return [
            Unused(path, max(since_s, path.stat().st_mtime), trees.size_bytes(path))
            for path, since_s in self._since.items()
        ]


async def digests_in_use(store: Store) -> frozenset[str]:
    """The snapshots of every model, and of every revision that a service, its rollout or an instance mentions."""
    async with store.read() as reading:
        _, models = await reading.models(None, ModelQuery(page=Page(limit=1_000_000)))
        records = await reading.records()
    digests = {model.digest for model in models}
    for record in records:
        digests |= {v.template.digest for revision in record.revisions.values() for v in revision.variants}
    return frozenset(digests - {""})


def directories_in_use(instances: Path) -> frozenset[Path]:
    """What the processes in `instances` read from, those that drain included. Raises OSError, and
    SpecUnreadableError while a process runs whose spec cannot be read."""
    specs = [_spec(ProcessDir(path)) for path in instances.iterdir()] if instances.is_dir() else []
    return frozenset(Path(value) for spec in specs if spec for name, value in spec.env if name in READ)


def _spec(directory: ProcessDir) -> Spec | None:
    try:
        return directory.spec()
    except SpecUnreadableError:
        if directory.locked():
            raise
        return None
