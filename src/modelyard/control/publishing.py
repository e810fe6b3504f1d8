"""Publishing: takes the snapshot of a model's package, so that nothing later depends on `source_location`.

Level-triggered: `publish(model_id)` looks at what is stored and does what is left, so that a model still
`publishing` after a crash is simply looked at again. One try is straight:

    copy (artifacts.copying) → judge (artifacts.judgement) → build the environment → seal (artifacts.snapshots)

No code of the model runs. Its config.json is replaced by the effective one (`core.packages.contents`). An
environment that got lost, or was built over another interpreter, is built again. A copy that broke off is kept
under the model's id and gone on with, by the next try or the next control plane. What is going on, and what the
author should know afterwards, is in the model's `error`. This module decides how often a try that failed is
repeated, and what is put on record of it.
"""

import asyncio
import errno
import json
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import TypeVar
from weakref import WeakValueDictionary

from modelyard import files
from modelyard.artifacts.copying import Copying, RefusedPackageError
from modelyard.artifacts.environments import Environments
from modelyard.artifacts.judgement import Request, judge
from modelyard.artifacts.snapshots import Snapshots
from modelyard.artifacts.uv import IndexAwayError, UnresolvedError
from modelyard.core.backoff import delay_ms
from modelyard.core.packages import contents, images
from modelyard.core.packages.requirements import requirements
from modelyard.domain.model import Model, ModelStatus
from modelyard.engines.containers.images import Image, ImageAwayError, ImageError
from modelyard.objects.base import ObjectStoreUnavailableError
from modelyard.objects.paths import MalformedPathError, object_path
from modelyard.store.base import Store, StoreUnavailableError
from modelyard.store.models import ModelQuery
from modelyard.store.page import Page

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
RETRY_FOR_MS = 3_600_000
"""How long what may pass is waited for."""
UNFORESEEN_TRIES = 3

log = logging.getLogger(__name__)
T = TypeVar("T")
Resolve = Callable[[str, str, Callable[[str], None]], Awaitable[Image]]
"""What the name of an image means now to a project; it is told how far a pull is. Raises ImageError,
ImageAwayError."""


@dataclass(frozen=True, slots=True)
class Tries:
    """How often something was tried since it first failed. At first 1 s apart, then 2, 4 … a minute, for an hour;
    of what nobody foresaw only a few times."""

    first_ms: int
    count: int = 0

    def one_more(self) -> "Tries":
        return Tries(self.first_ms, self.count + 1)

    def next_ms(self, now_ms: int, *, known: bool) -> int | None:
        """When to try again; None: no more."""
        if now_ms - self.first_ms >= RETRY_FOR_MS or (not known and self.count >= UNFORESEEN_TRIES):
            return None
        return now_ms + max(delay_ms(self.count + 1), 1)


def passing(error: Exception) -> tuple[str, bool]:
    """What keeps a model from being published for now, and whether it is one of the things that pass."""
    match error:
        case ObjectStoreUnavailableError():
            return f"waiting for the object store: {error}", True
        case IndexAwayError():
            return f"waiting for the index of packages: {error}", True
        case ImageAwayError():
            return str(error), True
        case OSError(errno=number) if number in DISK_FULL:
            return f"waiting for disk space: {error.strerror}", True
        case OSError():
            return f"waiting for the server's disk: {error.strerror or error}", True
        case _:
            return f"publishing failed: {type(error).__name__}: {error}", False


class Slots:
    """How many are at work: `everybody` altogether, `each` of one project, so that no project keeps others waiting
    with a few large packages. Who waits for its own project's turn takes no slot of others."""

    def __init__(self, everybody: int = 8, each: int = 3) -> None:
        self._everybody = asyncio.Semaphore(everybody)
        self._each = each
        self._projects: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def one(self, project_id: str) -> AsyncIterator[None]:
        project = self._projects.setdefault(project_id, asyncio.Semaphore(self._each))
        async with project, self._everybody:
            yield


class Publisher:
    """Publishes models, several at a time (`Slots`).

    `clock` gives milliseconds since 1970 UTC. `environments` None: models with dependencies are refused.
    `safe_formats_only`: packages with weights that are code are refused. `images`: what an image's name means now
    to a project (None: images are refused).
    """

    def __init__(
        self,
        store: Store,
        copying: Copying,
        snapshots: Snapshots,
        clock: Callable[[], int],
        *,
        environments: Environments | None = None,
        safe_formats_only: bool = False,
        images: Resolve | None = None,
    ) -> None:
        self._store = store
        self._copying = copying
        self._snapshots = snapshots
        self._clock = clock
        self._environments = environments
        self._safe_only = safe_formats_only
        self._images = images
        self._tries: dict[str, Tries] = {}
        self._slots = Slots()
        self._threads = ThreadPoolExecutor(8, "publish")  # of its own: logins must not wait for a package

    async def pending(self) -> Sequence[str]:
        """What waits to be published, or to have its environment built again. Call once at start: it also drops
        what a crash left half done and nobody goes on with."""
        async with self._store.read() as r:
            _, models = await r.models(None, ModelQuery(page=Page(limit=1_000_000)))
        going_on = [model.id for model in models if model.status is ModelStatus.PUBLISHING]
        await asyncio.to_thread(self._snapshots.shelf.sweep, going_on)
        if self._environments is not None:
            await asyncio.to_thread(self._environments.shelf.sweep)
        return [model.id for model in models if model.status is ModelStatus.PUBLISHING or self._lacks(model)]

    async def publish(self, model_id: str) -> int | None:
        """Make the model published or failed. Does nothing for one that is unknown or done.

        What may pass (a store that is away, a full disk, an index of packages that does not answer) is tried
        again: returns when, in milliseconds; the model's `error` says of it what, how often and until when, and
        once that is over the model is failed. Raises StoreUnavailableError: nothing can be put on record.
        """
        async with self._store.read() as r:
            model = await r.model(None, model_id)
        if model is not None and model.status is ModelStatus.PUBLISHED and self._lacks(model):
            return await self._build_again(model)
        if model is None or model.status is not ModelStatus.PUBLISHING:
            self._tries.pop(model_id, None)
            await self._snapshots.shelf.drop(model_id)
            return None
        try:
            async with self._slots.one(model.project_id):
                done = await self._published(model)
        except RefusedPackageError as refused:
            done = replace(model, status=ModelStatus.FAILED, error=str(refused))
        except StoreUnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the model must not wait for ever
            return await self._again(model, error)
        self._tries.pop(model_id, None)
        await self._record(done)
        await self._snapshots.shelf.drop(model_id)
        return None

    async def _published(self, model: Model) -> Model:
        """Raises RefusedPackageError, and what a later try may not meet."""
        config, digest, size = await self._snapshot(model)
        note = contents.runtime_note(config, sys.version_info[:2])
        return replace(
            model,
            type=str(config["model_type"]),
            status=ModelStatus.PUBLISHED,
            digest=digest,
            size_bytes=size,
            install_types=model.install_types - ({"batch"} if images.RESOLVED in config else set()),
            config=config,
            error=note,
        )

    async def _again(self, model: Model, error: Exception) -> int | None:
        now_ms = self._clock()
        tries = self._tries.setdefault(model.id, Tries(now_ms)).one_more()
        self._tries[model.id] = tries
        cause, ours = passing(error)
        if not ours:
            log.error("publishing %s %s failed", model.name, model.version, exc_info=error)
        again_ms = tries.next_ms(now_ms, known=ours)
        if again_ms is None or not isinstance(error, ObjectStoreUnavailableError | IndexAwayError):
            await self._snapshots.shelf.drop(model.id)  # above all, who waits for disk space holds none
        if again_ms is None:
            del self._tries[model.id]
            text = f"{cause} (tried {tries.count} times; publish it again when that has passed)"
            log.warning("model %s %s is not published: %s", model.name, model.version, text)
            await self._record(replace(model, status=ModelStatus.FAILED, error=text))
            return None
        left_s = max(tries.first_ms + RETRY_FOR_MS - now_ms, 0) // 1000
        text = f"{cause} (tried {tries.count} times, tried again for {left_s} s)"
        log.warning("model %s %s waits: %s", model.name, model.version, text)
        await self._record(replace(model, error=text))
        return again_ms

    def _lacks(self, model: Model) -> bool:
        if self._environments is None or model.status is not ModelStatus.PUBLISHED:
            return False
        return not self._environments.current(requirements(model.config))

    async def _build_again(self, model: Model) -> int | None:
        """Its snapshot is there and it serves, perhaps with an older environment: tried as often as publishing."""
        assert self._environments is not None
        try:
            await self._environments.ensure(requirements(model.config), lambda text: log.info("%s", text))
        except (IndexAwayError, OSError) as error:
            now_ms = self._clock()
            tries = self._tries.setdefault(model.id, Tries(now_ms)).one_more()
            self._tries[model.id] = tries
            again_ms = tries.next_ms(now_ms, known=True)
            log.warning("the environment of model %s %s waits: %s", model.name, model.version, passing(error)[0])
            if again_ms is not None:
                return again_ms
        except UnresolvedError as error:
            log.warning(
                "the environment of model %s %s cannot be built again: %s", model.name, model.version, error
            )
        self._tries.pop(model.id, None)
        return None

    async def _record(self, model: Model) -> None:
        """Unless the model was deleted meanwhile."""
        async with self._store.write() as w:
            if (now := await w.model(None, model.id)) and now.status is ModelStatus.PUBLISHING:
                await w.save_model(model)

    async def _build(self, model: Model, config: Mapping[str, object]) -> None:
        wanted = requirements(config)
        if not wanted:
            return
        if self._environments is None:
            raise RefusedPackageError("dependencies: this server installs none")
        await self._record(replace(model, error=f"building the environment: {', '.join(wanted)}"))
        try:
            environment = await self._environments.ensure(
                wanted, lambda text: log.info("model %s %s: %s", model.name, model.version, text)
            )
        except IndexAwayError:
            raise
        except UnresolvedError as error:
            raise RefusedPackageError(f"dependencies: {error}") from error
        log.info("model %s %s has the environment %s", model.name, model.version, environment)

    async def _snapshot(self, model: Model) -> tuple[Mapping[str, object], str, int]:
        """(effective configuration, digest, size in bytes) of the snapshot, which is in its place afterwards."""
        partial = self._snapshots.shelf.partial(model.id)
        package = partial / "model"
        if model.type == images.TYPE and is_image(model.source_location):
            await self._in_thread(lambda: _named(model, package))
        else:
            await self._copying.copy(model.source_location, model.type, package)
        config = await self._in_thread(lambda: _judged(model, package, safe_only=self._safe_only))
        if config["model_type"] == images.TYPE:
            return await self._image(model, partial, config)
        await self._build(model, config)
        abandoned = Event()
        digest, size = await self._in_thread(lambda: self._snapshots.put(partial, abandoned), abandoned)
        return config, digest, size

    async def _image(
        self, model: Model, partial: Path, config: Mapping[str, object]
    ) -> tuple[Mapping[str, object], str, int]:
        """The same of an image: its size is the image's, which is on the engine's disk afterwards."""
        if self._images is None:
            raise RefusedPackageError("model_type: 'Image' needs a container engine, and this server has none")
        if "batch" in model.install_types and len(model.install_types) == 1:
            raise RefusedPackageError("install_type: is batch, but images serve in real time only")
        told: set[asyncio.Task[None]] = set()
        loop = asyncio.get_running_loop()

        def progress(text: str) -> None:
            loop.call_soon_threadsafe(lambda: told.add(loop.create_task(self._record(replace(model, error=text)))))

        name = str(config[images.LOCATION])
        try:
            found = await self._images(model.project_id, name, progress)
        except ImageError as error:
            raise RefusedPackageError(f"{images.LOCATION}: {error}") from None
        finally:
            await asyncio.gather(*told, return_exceptions=True)
        config = {**config, images.RESOLVED: found.reference}
        log.info("model %s %s is the image %s: %s", model.name, model.version, name, found.reference)
        await self._in_thread(lambda: _write_config(partial / "model", config))
        abandoned = Event()
        digest, size = await self._in_thread(lambda: self._snapshots.put(partial, abandoned), abandoned)
        return config, digest, size + found.size_bytes

    async def _in_thread(self, act: Callable[[], T], abandoned: Event | None = None) -> T:
        """To its end: whoever goes on with the same package must not meet it. `abandoned` ends it sooner."""
        acting = asyncio.get_running_loop().run_in_executor(self._threads, act)
        try:
            return await asyncio.shield(acting)
        except asyncio.CancelledError:
            if abandoned is not None:
                abandoned.set()
            await asyncio.wait([acting])
            raise


def _judged(model: Model, directory: Path, *, safe_only: bool) -> Mapping[str, object]:
    """The effective configuration, which also replaces config.json in the copy."""
    report = judge(directory, Request(model.type, model.attributes), safe_only=safe_only)
    if report.errors:
        raise RefusedPackageError("; ".join(finding.said for finding in report.errors))
    assert report.package is not None
    config = report.package.config
    _write_config(directory, config)
    return config


def _write_config(directory: Path, config: Mapping[str, object]) -> None:
    text = json.dumps(config, indent=2).encode()
    files.write(directory / contents.CONFIG, text, mode=0o644, durable=False)


def _named(model: Model, directory: Path) -> None:
    """The package of a model whose `source_location` is its image."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_config(directory, {"model_type": images.TYPE, images.LOCATION: model.source_location})


def is_image(location: str) -> bool:
    """Whether a `source_location` is the name of an image, and no place of the object store."""
    try:
        object_path(location)
    except MalformedPathError:
        return not images.wrong(location)
    return False
