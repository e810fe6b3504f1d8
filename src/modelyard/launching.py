"""How instances are started on this machine: as processes with as few rights as it lets us take from them, and as
containers of the engines that are named."""

import asyncio
import logging
import socket
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from modelyard import files
from modelyard.control.registries import RegistryLogins
from modelyard.core.pools import engine_of
from modelyard.domain.pools import EngineKind, Node, PoolEngine, Sight
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.credentials import CredentialsFile, NoCredentials
from modelyard.engines.containers.images import Image, ImageAwayError
from modelyard.engines.containers.secrets import SecretDirs
from modelyard.engines.containers.several import NONE, SCHEME, ContainerEngines
from modelyard.engines.containers.shape import ContainerOptions
from modelyard.engines.launch import LaunchOptions, readable, trial
from modelyard.processes import isolation, machine
from modelyard.processes.accelerators import Accelerators
from modelyard.processes.mounts import occupied, view
from modelyard.settings import Settings
from modelyard.store.base import Store
from modelyard_runtime.door.docker import Docker

log = logging.getLogger(__name__)

LOADING_WEIGHT = 1.0
"""A model that loads gets a full share of a busy CPU. Measured on two cores under 16 callers: a quarter of a share
made changes four times as slow and the worst answer no better (docs/decisions/0006)."""


class Images:
    """What the names of images mean now, asked of the installation's container engine, else of one that a pool of
    the project names."""

    def __init__(self, containers: ContainerEngines, store: Store, logins: RegistryLogins) -> None:
        self._containers = containers
        self._store = store
        self._logins = logins

    async def __call__(self, project_id: str, reference: str, progress: Callable[[str], None]) -> Image:
        """Raises ImageError, ImageAwayError, StoreUnavailableError."""
        away = ImageAwayError(NONE)
        for engine in await self._asked(project_id):
            try:
                return await self._logins.resolved(engine, project_id, reference, progress)
            except ImageAwayError as error:
                away = error
        raise away

    async def _asked(self, project_id: str) -> list[Containers]:
        """In this order, until one can tell."""
        if (own := self._containers.own) is not None:
            return [own]
        async with self._store.read() as reading:
            rows = await reading.pools(project_id)
        engines = (engine_of(row) for row in rows)
        named = (one for one in engines if one is not None and one.kind is EngineKind.CONTAINER and one.endpoint)
        return [self._containers.of(one) for one in named]


class MachinePools:
    """Implements `engines.pools.PoolEngines`: pools of this machine's processes and of containers."""

    def __init__(self, containers: ContainerEngines, name: str, cards: Accelerators) -> None:
        """`name`: of this machine, whose accelerators are `cards`."""
        self._containers = containers
        self._name = name
        self._cards = cards

    async def look(self, engine: PoolEngine) -> Sight:
        """The engine at a socket runs here as well, and has the same accelerators."""
        if engine.kind is EngineKind.PROCESS:
            here = Node(self._name, self._cards.inventory.within(machine.capacity()))
            return Sight("processes of this machine", "", (here,))
        seen = await self._containers.look(engine)
        nodes = tuple(replace(n, capacity=self._cards.inventory.within(n.capacity)) for n in seen.nodes)
        return replace(seen, nodes=nodes)


@dataclass(frozen=True, slots=True)
class Launching:
    """How processes are started, in which engines containers are, what images are, what pools run on, and which
    accelerators there are. `occupied`: what processes find mounted whatever they ask for; `ours`: which
    directories no service may mount."""

    options: LaunchOptions
    containers: ContainerEngines
    images: Images
    pools: MachinePools
    cards: Accelerators
    occupied: tuple[str, ...]
    ours: tuple[str, ...]


async def launching(settings: Settings, data_dir: Path, store: Store) -> Launching:
    """Raises OSError."""
    options = await _options(settings, data_dir)
    engines, images = _containers(settings, data_dir, store)
    cards = Accelerators(settings.gpus, settings.npus)
    await asyncio.to_thread(cards.look)  # once here, since everything is sized by them
    pools = MachinePools(engines, socket.gethostname(), cards)
    taken = occupied((*readable(options.python), *options.shown), data_dir)
    return Launching(options, engines, images, pools, cards, taken, _ours(data_dir))


def _ours(data_dir: Path) -> tuple[str, ...]:
    """As they are named and as they are."""
    in_memory = SecretDirs(_installation(data_dir)).roots()
    return tuple(dict.fromkeys(str(one) for one in (data_dir, data_dir.resolve(), *in_memory)))


def _installation(data_dir: Path) -> str:
    """What tells ours from those of others wherever they meet."""
    place = data_dir / "installation"
    if not place.exists():
        files.write(place, uuid.uuid4().hex.encode())
    return files.read(place).decode("ascii", "replace").strip()


def _containers(settings: Settings, data_dir: Path, store: Store) -> tuple[ContainerEngines, Images]:
    """What is ours in an engine is known by a name that this data directory keeps. Raises OSError."""
    known = settings.registry_credentials
    options = ContainerOptions(
        _installation(data_dir),
        user=settings.container_user,
        alone=settings.instance_network == isolation.NONE,
        joins=isolation.is_root(),
    )
    logins = RegistryLogins(store, CredentialsFile(Path(known)) if known else NoCredentials())
    own = settings.container_engine.removeprefix(SCHEME)
    engines = ContainerEngines(lambda path: Containers(Docker(path), options, logins.of_service), own)
    return engines, Images(engines, store, logins)


async def _options(settings: Settings, data_dir: Path) -> LaunchOptions:
    """How instances are started here: with as few rights as this machine lets us take from them."""
    options = LaunchOptions(
        loading_weight=LOADING_WEIGHT,
        safe_formats_only=settings.safe_formats_only,
        volume_dirs=_directories(settings.volume_dirs),
    )
    users, why = isolation.users(settings.instance_user, root=isolation.is_root(), uid_map=isolation.id_map())
    shown = readable(options.python)
    alone = settings.instance_network == isolation.NONE
    isolated = await isolation.detect(
        data_dir / "trial",
        users,
        why,
        trial(options.python),
        lambda work: view(shown, data_dir, work),
        network=alone,
    )
    if alone and not isolated.network:
        reason = isolated.reasons.get("network", "")
        raise OSError(f"instance_network is none, which cannot be had here: {reason}")
    if users is None or not isolated.views:
        for what, how in isolated.describe().items():
            log.warning("isolation of instances: %s %s", what, how)
    if isolated.users is not None and not isolated.views:
        for name in ("packages", "environments"):
            (data_dir / name).mkdir(mode=0o711, exist_ok=True)
            (data_dir / name).chmod(0o711)
    return replace(options, isolation=isolated)


def _directories(text: str) -> tuple[str, ...]:
    """Absolute directories with `:` between them, as the file system resolves them."""
    return tuple(str(Path(part).resolve()) for part in text.split(":") if part.startswith("/"))
