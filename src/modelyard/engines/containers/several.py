"""The container engines of one installation: its own, if it has one, and those that pools name. Each is asked by
itself, so that one that is away or hangs holds up nobody at another.

Which one keeps an instance is in its label on disk (`engine_of`), so that it is found again whatever became of its
pool.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

from modelyard.domain.pools import EngineKind, PoolEngine, Sight
from modelyard.engines.base import InstanceSpec, StartRefusedError
from modelyard.engines.containers.containers import Containers
from modelyard.processes.directory import Spec

SCHEME = "unix://"
NONE = "no container engine is set (MODELYARD_CONTAINER_ENGINE, or the endpoint of a pool)"


def in_container(spec: InstanceSpec) -> bool:
    """An image always is, anything else where its pool has a container engine."""
    return is_image(spec) or spec.engine.kind is EngineKind.CONTAINER


def is_image(spec: InstanceSpec) -> bool:
    return spec.program is not None and bool(spec.program.image)


def engine_of(process: Spec) -> str:
    """The path of the socket of the engine that keeps the container of this door; "": it is none."""
    orders = process.label.get("container")
    path = orders.get("engine") if isinstance(orders, Mapping) else None
    return path if isinstance(path, str) else ""


def user_of(process: Spec) -> int | None:
    """Whose files those of a package in the container of this door are."""
    orders = process.label.get("container")
    create = orders.get("create") if isinstance(orders, Mapping) else None
    user = create.get("User") if isinstance(create, Mapping) else None
    uid = user.partition(":")[0] if isinstance(user, str) else ""
    return int(uid) if uid.isdecimal() else None


class ContainerEngines:
    def __init__(self, made: Callable[[str], Containers], own: str = "") -> None:
        """`made` gives the engine behind the socket at a path; `own`: the installation's own ("": none)."""
        self._made = made
        self._own = own
        self._known: dict[str, Containers] = {}
        self._living: Callable[[], Collection[str]] | None = None
        self._tending: dict[str, asyncio.Task[None]] = {}
        if own:
            self.at(own)

    @property
    def own(self) -> Containers | None:
        return self.at(self._own) if self._own else None

    def at(self, path: str) -> Containers:
        if path not in self._known:
            self._known[path] = self._made(path)
            self._tend(path)
        return self._known[path]

    def of(self, engine: PoolEngine) -> Containers:
        """Raises StartRefusedError when the pool names none and the installation has none."""
        path = engine.endpoint.removeprefix(SCHEME) or self._own
        if not path:
            raise StartRefusedError(NONE)
        return self.at(path)

    async def look(self, engine: PoolEngine) -> Sight:
        """As `engines.pools.PoolEngines`."""
        try:
            return await self.of(engine).sight()
        except StartRefusedError as error:
            return Sight(why=str(error))

    def describe(self) -> str:
        """The installation's own, for people; "": it has none."""
        return self._known[self._own].describe() if self._own else ""

    def written(self, instance_id: str) -> int:
        """What it wrote into its container's own file system, in bytes, as of the last look."""
        return max((one.layers.get(instance_id, 0) for one in self._known.values()), default=0)

    def tend(self, living: Callable[[], Collection[str]]) -> None:
        """From now on until `close`: as `Containers.tend`, of every engine that is known or becomes so."""
        self._living = living
        for path in self._known:
            self._tend(path)

    def _tend(self, path: str) -> None:
        if self._living is not None and path not in self._tending:
            tending = self._known[path].tend(self._living)
            self._tending[path] = asyncio.create_task(tending, name=f"containers at {path}")

    async def close(self) -> None:
        self._living = None
        for task in self._tending.values():
            task.cancel()
        await asyncio.gather(*self._tending.values(), return_exceptions=True)
        self._tending.clear()
        await asyncio.gather(*(one.close() for one in self._known.values()))
