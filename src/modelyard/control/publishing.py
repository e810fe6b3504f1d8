"""Publishing: takes the snapshot of a model's package, so that nothing later depends on `source_location`.

Level-triggered: `publish(model_id)` looks at what is stored and does what is left, so that a model still
`publishing` after a crash is simply looked at again. The snapshot lies in `packages/<digest>/model/…`; the digest
is of the names and contents in it, config.json being the effective one (`core.packages.config`). It is built
beside its place and renamed into it whole: a directory named by a digest is complete. No code of the model runs.
The environment of its dependencies is built before (`artifacts.environments`); one that got lost, or was built
over another interpreter, is built again. What goes on meanwhile, and what the author should know afterwards, is in
the model's `error`.
"""

import asyncio
import errno
import json
import logging
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from modelyard.artifacts.environments import Environments
from modelyard.artifacts.integrity import sealed, write_manifest
from modelyard.artifacts.uv import UnresolvedError
from modelyard.core import packages
from modelyard.core.requirements import requirements
from modelyard.domain.errors import Violation
from modelyard.domain.model import Model, ModelStatus
from modelyard.objects.base import ObjectInfo, ObjectStore, ObjectStoreError, ObjectStoreUnavailableError
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path
from modelyard.store.base import ModelQuery, Page, Store
from modelyard_runtime.errors import LoadError
from modelyard_runtime.formats import refuse_code
from modelyard_runtime.package import Package

MAX_BYTES = 20 * 1024**3
"""The vendor's bound on a package (`ModelArts.3044`)."""

DISK_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
PARTIAL = ".partial-"
TRIES = 3
"""How often one file is asked for in a row, each time from where it broke off."""

log = logging.getLogger(__name__)


class RefusedPackageError(Exception):
    """This package can never be published; the message says why, for its author."""


class Publisher:
    """Publishes one model after the other. `clock` gives milliseconds since 1970 UTC. `environments` None: models
    with dependencies are refused. `safe_formats_only`: packages with weights that are code are refused."""

    def __init__(
        self,
        store: Store,
        objects: ObjectStore,
        packages_dir: Path,
        clock: Callable[[], int],
        *,
        environments: Environments | None = None,
        safe_formats_only: bool = False,
    ) -> None:
        self._store = store
        self._objects = objects
        self._dir = packages_dir
        self._clock = clock
        self._environments = environments
        self._safe_only = safe_formats_only

    async def pending(self) -> Sequence[str]:
        """What waits to be published, or to have its environment built again. Call once at start: it also drops
        what a crash left half done."""
        for left in self._dir.glob(f"{PARTIAL}*"):
            shutil.rmtree(left, ignore_errors=True)
        if self._environments is not None:
            await asyncio.to_thread(self._environments.sweep)
        async with self._store.read() as r:
            _, models = await r.models(None, ModelQuery(page=Page(limit=1_000_000)))
        return [model.id for model in models if model.status is ModelStatus.PUBLISHING or self._lacks(model)]

    async def publish(self, model_id: str) -> None:
        """Make the model published or failed. Does nothing for one that is unknown or done.

        Raises ObjectStoreUnavailableError, and OSError when the disk refuses: try again later. What the disk said
        is in the model's `error` meanwhile, and a package that has no room is not copied.
        """
        async with self._store.read() as r:
            model = await r.model(None, model_id)
        if model is not None and model.status is ModelStatus.PUBLISHED and self._lacks(model):
            await self._build_again(model)
        if model is None or model.status is not ModelStatus.PUBLISHING:
            return
        try:
            config, digest, size = await self._snapshot(model)
        except RefusedPackageError as refused:
            done = replace(model, status=ModelStatus.FAILED, error=str(refused))
        except OSError as error:
            if error.errno in DISK_FULL:
                await self._record(replace(model, error=f"waiting for disk space: {error.strerror}"))
            raise
        else:
            note = packages.runtime_note(config, sys.version_info[:2])
            done = replace(
                model, status=ModelStatus.PUBLISHED, digest=digest, size_bytes=size, config=config, error=note
            )
        await self._record(done)

    def _lacks(self, model: Model) -> bool:
        if self._environments is None or model.status is not ModelStatus.PUBLISHED:
            return False
        return not self._environments.current(requirements(model.config))

    async def _build_again(self, model: Model) -> None:
        assert self._environments is not None
        try:
            await self._environments.ensure(requirements(model.config), lambda text: log.info("%s", text))
        except UnresolvedError as error:
            log.warning(
                "the environment of model %s %s cannot be built again: %s", model.name, model.version, error
            )

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
        except UnresolvedError as error:
            raise RefusedPackageError(f"dependencies: {error}") from error
        log.info("model %s %s has the environment %s", model.name, model.version, environment)

    async def _snapshot(self, model: Model) -> tuple[Mapping[str, object], str, int]:
        """(effective configuration, digest, size in bytes) of the snapshot, which is in its place afterwards."""
        self._dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        partial = self._dir / f"{PARTIAL}{model.id}"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            await self._copy(model, partial / "model")
            config = _effective_config(model, partial / "model")
            if self._safe_only:
                await asyncio.to_thread(_refuse_unsafe, partial / "model", config)
            await self._build(model, config)
            digest, size = await asyncio.to_thread(_seal, partial)
            final = self._dir / digest
            if final.is_dir():
                os.utime(final)  # in use: not to be removed before the model is on record
            else:
                partial.rename(final)
                _sync(self._dir)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return config, digest, size

    async def _copy(self, model: Model, target: Path) -> None:
        try:
            source = object_path(model.source_location) / "model"
            found = await self._objects.list(source)
            if (size := sum(info.size for info in found)) > MAX_BYTES:
                raise RefusedPackageError(f"source_location: the package has {size} bytes, more than {MAX_BYTES}")
            _refuse(packages.layout([info.key for info in found], model.type))
            _need(size, self._dir)
            for info in found:
                await self._fetch(source, info, target)
        except (MalformedPathError, ObjectStoreError) as error:
            if isinstance(error, ObjectStoreUnavailableError):
                raise
            raise RefusedPackageError(f"source_location: {error}") from error

    async def _fetch(self, source: ObjectPath, info: ObjectInfo, target: Path) -> None:
        """A store that goes away in between is asked again for the rest, as long as the object is the same."""
        relative = PurePosixPath(info.key)
        if relative.is_absolute() or ".." in relative.parts:
            raise RefusedPackageError(f"source_location: {info.key!r} leads out of the package")
        path = target / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for tries_left in reversed(range(TRIES)):
                begun = file.tell()
                try:
                    async for piece in self._objects.read(source / info.key, offset=begun):
                        await asyncio.to_thread(file.write, piece)
                    if begun and not await self._same(source, info):
                        raise ObjectStoreUnavailableError(f"{source / info.key} changed while it was read")
                    return
                except ObjectStoreUnavailableError:
                    if not tries_left or not await self._same(source, info):
                        raise

    async def _same(self, source: ObjectPath, info: ObjectInfo) -> bool:
        return bool(info.version) and info in await self._objects.list(source)


def _refuse(violations: Sequence[Violation]) -> None:
    if violations:
        raise RefusedPackageError("; ".join(f"{v.field}: {v.text} (ModelArts.{v.code})" for v in violations))


def _need(size: int, directory: Path) -> None:
    """Raises OSError when the disk has no room for so many bytes."""
    free = shutil.disk_usage(directory).free
    if size > free:
        raise OSError(errno.ENOSPC, f"the package has {size} bytes, the server has {free} left")


def _refuse_unsafe(directory: Path, config: Mapping[str, object]) -> None:
    try:
        refuse_code(Package(directory, dict(config)))
    except LoadError as error:
        raise RefusedPackageError(f"source_location: {error}") from error


def _effective_config(model: Model, directory: Path) -> Mapping[str, object]:
    """The effective configuration, which also replaces config.json in the copy."""
    path = directory / packages.CONFIG
    text = path.read_bytes() if path.is_file() else None
    initial = model.attributes.get("initial_config")
    config, violations = packages.config(text, model.attributes, initial if isinstance(initial, str) else None)
    _refuse(violations)
    config = {"model_type": model.type, **config}
    path.write_text(json.dumps(config, indent=2), encoding="ascii")
    return config


def _seal(root: Path) -> tuple[str, int]:
    """Make the tree read-only and durable; (digest over sorted names and contents, size in bytes)."""
    for path in root.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o444)
    digest, size = sealed(root)
    write_manifest(root)
    for directory in (*(p for p in root.rglob("*") if p.is_dir()), root):
        directory.chmod(0o755)  # an instance is somebody else
        _sync(directory)
    return digest, size


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
