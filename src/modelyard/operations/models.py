"""Use cases about models: publish, read, delete. The snapshot itself is taken by `control.publishing`."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from modelyard.core.admission import fields
from modelyard.core.buckets import bucket_refusal
from modelyard.core.packages import contents, images
from modelyard.domain.errors import AlreadyExists, Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.pools import EngineKind
from modelyard.domain.revision import Variant
from modelyard.objects.paths import MalformedPathError, object_path
from modelyard.operations import acting, limits
from modelyard.operations.context import Context, authorise
from modelyard.store.base import ReadTransaction, WriteTransaction
from modelyard.store.models import ModelQuery
from modelyard.store.page import Page

ATTRIBUTES_MAX_BYTES = 256 * 1024
"""Of all optional fields of a model together: they are in every list answer."""


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A model to publish. `attributes`: the optional fields as they came. `violations`: found while reading."""

    name: str | None
    version: str | None
    type: str | None
    source_location: str | None
    description: str = ""
    workspace_id: str = fields.DEFAULT_WORKSPACE
    install_types: tuple[str, ...] | None = None
    source_copy: bool | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A model that was not deleted, and why."""

    model_id: str
    text: str
    code: str = "3009"


@dataclass(frozen=True, slots=True)
class Deleted:
    """What became of each model that was to be deleted."""

    deleted: tuple[str, ...]
    refused: tuple[Refusal, ...]


async def publish(ctx: Context, principal: Principal, project_id: str, request: ModelRequest) -> Model:
    """Store a model to be published, in place of one of this name and version that failed. Raises Forbidden,
    Invalid, AlreadyExists."""
    authorise(principal, project_id, CONTROL_WRITE, "createModel")
    run = request.type != images.TYPE or await _images_run(ctx, project_id)
    violations = (*request.violations, *_violations(request, images_run=run))
    if violations:
        raise Invalid(*violations)
    assert request.name is not None
    assert request.version is not None
    assert request.type is not None
    assert request.source_location is not None
    model = Model(
        id=ctx.new_id(),
        project_id=project_id,
        name=request.name,
        version=request.version,
        type=request.type,
        source_location=request.source_location,
        owner=principal.user_id,
        created_ms=ctx.clock(),
        install_types=frozenset(request.install_types or fields.INSTALL_TYPES),
        attributes=request.attributes,
    )
    acting.named(f"{model.name}/{model.version}", f"models/{model.id}")
    async with ctx.store.write() as w:
        if not _is_image(model.type, model.source_location):
            bucket = object_path(model.source_location).bucket
            await may_read_bucket(ctx, w, project_id, bucket, "source_location")
        await _free_version(w, model)
        await w.add_model(model)
    ctx.nudge("model", model.id)
    return model


async def _images_run(ctx: Context, project_id: str) -> bool:
    """Whether anything here can: the installation's container engine, or one of a pool of the project."""
    if ctx.images:
        return True
    async with ctx.store.read() as r:
        return any(limits.pool(entry).engine is EngineKind.CONTAINER for entry in await r.pools(project_id))


async def may_read_bucket(ctx: Context, r: ReadTransaction, project_id: str, bucket: str, field: str) -> None:
    """Raise Invalid (403 4310) for a bucket of another project."""
    if text := await foreign_bucket(ctx, r, project_id, bucket):
        raise Invalid(Violation(field, text, "4310"))


async def foreign_bucket(ctx: Context, r: ReadTransaction, project_id: str, bucket: str) -> str:
    """Why the project may not use the bucket ("": it may). One that nobody claimed is the home project's."""
    owner = (await r.buckets()).get(bucket)
    home = await r.project(ctx.home_project) if owner is None and ctx.home_project else None
    return bucket_refusal(bucket, project_id, owner, home.id if home else None)


async def _free_version(w: WriteTransaction, model: Model) -> None:
    """Remove a model of this name and version whose publishing failed. Raises AlreadyExists for any other."""
    same = ModelQuery(name=model.name, exact=True, version=model.version)
    for old in (await w.models(model.project_id, same))[1]:
        name = f"{old.name} {old.version}"
        if old.status is ModelStatus.PUBLISHING:
            raise AlreadyExists("model", name, "It is being published: wait until that is done.")
        if old.status is ModelStatus.PUBLISHED or await w.services_using(old.id):
            raise AlreadyExists("model", name, "Publish another version, or delete this one first.")
        await w.delete_model(old.id)


def notices(models: Mapping[str, Model], variants: Iterable[Variant]) -> tuple[str, ...]:
    """What whoever deploys these models should know of them (`Model.error` of a published one), for events."""
    used = [models[v.template.model_id] for v in variants if v.template.model_id in models]
    return tuple(f"model [{m.name} {m.version}]: {m.error}" for m in used if m.error)


def _is_image(model_type: str | None, location: str) -> bool:
    """Whether a `source_location` names an image itself, instead of a place in the object store."""
    if model_type != images.TYPE:
        return False
    try:
        object_path(location)
    except MalformedPathError:
        return not images.wrong(location)
    return False


def _violations(request: ModelRequest, *, images_run: bool) -> list[Violation]:
    broken = frozenset(v.field for v in request.violations)
    violations = [
        *fields.model_name(request.name),
        *fields.model_version(request.version),
        *fields.model_type(request.type),
        *fields.description(request.description),
        *fields.workspace(request.workspace_id),
        *fields.install_types(("batch",) if request.install_types is None else request.install_types),
        *contents.requested(request.attributes),
    ]
    if request.type == images.TYPE and not images_run:
        text = (
            "is 'Image', which needs a container engine: this server has none (MODELYARD_CONTAINER_ENGINE), "
            "nor has a pool of the project"
        )
        violations.append(Violation("model_type", text))
    if request.type == images.TYPE and request.install_types == ("batch",):
        violations.append(Violation("install_type", "is batch, but images serve in real time only"))
    if (named := request.attributes.get(images.LOCATION)) and (text := images.wrong(named)):
        violations.append(Violation(images.LOCATION, text))
    if request.source_copy is False:
        text = "is false, but publishing always takes a snapshot: nothing serves from source_location"
        violations.append(Violation("source_copy", text))
    if (size := len(json.dumps(request.attributes).encode())) > ATTRIBUTES_MAX_BYTES:
        text = f"the optional fields have {size} bytes together, at most {ATTRIBUTES_MAX_BYTES} are kept"
        violations.append(Violation("", text))
    if not request.source_location:
        violations.append(Violation("source_location", "is mandatory"))
    elif not _is_image(request.type, request.source_location):
        try:
            object_path(request.source_location)
        except MalformedPathError as error:
            violations.append(Violation("source_location", str(error), "3572"))
    return [v for v in violations if v.field not in broken]


async def detail(ctx: Context, principal: Principal, project_id: str, model_id: str) -> Model:
    """Raises Forbidden, NotFound."""
    authorise(principal, project_id, CONTROL_READ, "getModel")
    async with ctx.store.read() as r:
        model = await r.model(project_id, model_id)
    if model is None:
        raise NotFound("model", model_id)
    return model


async def models(
    ctx: Context, principal: Principal, project_id: str, query: ModelQuery
) -> tuple[int, Sequence[Model]]:
    """(how many match, one page of them). Raises Forbidden."""
    authorise(principal, project_id, CONTROL_READ, "listModels")
    async with ctx.store.read() as r:
        return await r.models(project_id, query)


async def delete(
    ctx: Context, principal: Principal, project_id: str, model_id: str, *, cascade: bool = False
) -> Deleted:
    """Delete a model, with `cascade` every version of it; one that a service uses stays. Raises NotFound."""
    authorise(principal, project_id, CONTROL_WRITE, "deleteModel")
    deleted: list[str] = []
    refused: list[Refusal] = []
    async with ctx.store.write() as w:
        model = await w.model(project_id, model_id)
        if model is None:
            raise NotFound("model", model_id)
        acting.named(f"{model.name}/{model.version}")
        versions: Sequence[Model] = [model]
        if cascade:
            every = ModelQuery(name=model.name, exact=True, page=Page(limit=1_000_000))
            _, versions = await w.models(project_id, every)
        for version in versions:
            if users := await w.services_using(version.id):
                text = f"Failed to delete model, model ({version.id}) already deploy service: {', '.join(users)}"
                refused.append(Refusal(version.id, text))
            else:
                await w.delete_model(version.id)
                deleted.append(version.id)
    return Deleted(tuple(deleted), tuple(refused))
