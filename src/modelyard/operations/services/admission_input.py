"""What a config is held against: loaded in the transaction that will write it, in few statements."""

import asyncio
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from modelyard.core.admission import properties, room
from modelyard.core.admission.catalog import Pool
from modelyard.core.admission.config import AdmissionInput
from modelyard.core.admission.placement import Placement
from modelyard.core.admission.service import SecretRequest, SettingsRequest
from modelyard.core.admission.service_secrets import ServiceSecrets, requested
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.core.admission.volumes import Fitness, HostDirs, everybody
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Variant
from modelyard.domain.secrets import SecretFile
from modelyard.domain.service import InferType
from modelyard.operations import limits, topics
from modelyard.operations.context import Context
from modelyard.operations.services import pool_room
from modelyard.operations.services.batch_places import Places, places
from modelyard.processes import attach
from modelyard.store.base import ReadTransaction, WriteTransaction

LOOK_S = 5.0
"""How long directories of the host may take to be looked at."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The service that a config is for. `record`: all that is stored of it; None when it is new. `secrets`: those
    that the same request asks for (None: those it has); `files`: as an earlier revision had them."""

    project_id: str
    infer_type: InferType
    placement: Placement
    record: ServiceRecord | None = None
    secrets: tuple[SecretRequest, ...] | None = None
    files: tuple[SecretFile, ...] | None = None

    @property
    def previous(self) -> tuple[Variant, ...]:
        return self.record.revisions[self.record.service.revision].variants if self.record else ()


async def admission_input(
    ctx: Context, r: ReadTransaction, subject: Subject, config: Sequence[VariantRequest], looked: Places
) -> AdmissionInput:
    """`looked`: what was found of the config's inputs before the transaction."""
    project_id, record = subject.project_id, subject.record
    models = await r.models_by_id(project_id, {entry.model_id for entry in config if entry.model_id})
    flavors = await limits.flavors(ctx, r, project_id)
    pools = await _pools(ctx, r, subject, config)
    return AdmissionInput(
        models=models,
        flavors=flavors,
        quotas=await limits.quotas(ctx, r, project_id),
        infer_type=subject.infer_type,
        previous=subject.previous,
        next_track=1 + max(_tracks(record), default=0),
        pools=pools,
        placement=subject.placement,
        dirs=await _looked_at(ctx, config),
        machine=ctx.there,
        taken=await pool_room.others(r, pools, project_id, record.service.id if record else ""),
        held=room.wanted(record) if record else {},
        images=ctx.images,
        objects=await places(ctx, r, project_id, config, looked) if subject.infer_type is InferType.BATCH else {},
        parquet=ctx.batch.parquet,
        secrets=await service_secrets(r, subject),
    )


async def service_secrets(r: ReadTransaction, subject: Subject) -> ServiceSecrets:
    """What it asks for, and of those what its project has."""
    if subject.files is not None:
        return ServiceSecrets(files=subject.files)
    asked = requested(subject.previous) if subject.secrets is None else subject.secrets
    names = {one.secret_id for one in asked}
    known = await r.secrets(subject.project_id) if names else ()
    return ServiceSecrets(asked, {one.name: one for one in known if one.name in names})


async def known_topics(
    ctx: Context, w: WriteTransaction, project_id: str, said: SettingsRequest
) -> frozenset[str]:
    """Those that the request names and the project may publish to."""
    named = properties.topics(said.properties or {})
    return frozenset([urn for urn in sorted(named) if await topics.known(ctx, w, project_id, urn)])


def _tracks(record: ServiceRecord | None) -> Iterable[int]:
    """Every track that anything of the service still knows: what it should run, ran, or is going back to, and the
    instances there are."""
    if record is None:
        return ()
    variants = (v.track for revision in record.revisions.values() for v in revision.variants)
    return (*variants, *(instance.track for instance in record.instances))


async def _pools(
    ctx: Context, r: ReadTransaction, subject: Subject, config: Sequence[VariantRequest]
) -> Mapping[str, Pool]:
    """Not asked for where nobody names one."""
    said = [subject.placement, *(entry.placement for entry in config)]
    if not any(p.pool_key or p.affinity for p in said):
        return {}
    return await limits.pools(ctx, r, subject.project_id)


async def _looked_at(ctx: Context, config: Sequence[VariantRequest]) -> HostDirs:
    """A file system that does not answer holds up this request for a while, and nobody for good."""
    try:
        async with asyncio.timeout(LOOK_S):
            return await asyncio.to_thread(host_dirs, ctx, config)
    except TimeoutError:
        return host_dirs(ctx)


def host_dirs(ctx: Context, config: Sequence[VariantRequest] = ()) -> HostDirs:
    """Where the directories asked for really are. Looks at nothing that is not below an allowed one."""
    asked = {v.host_path for entry in config for v in entry.volumes if v.host_path}
    resolved: dict[str, str | None] = {}
    fitness: dict[str, Fitness] = {}
    others: dict[str, Fitness] = {}
    for path in asked:
        if any(Path(path).is_relative_to(allowed) for allowed in ctx.volume_dirs):
            resolved[path], fitness[path], others[path] = _resolved(path, ctx.instance_user)
    return HostDirs(
        ctx.volume_dirs, resolved, ctx.mountable, ctx.unmountable, ctx.occupied, fitness, others, ctx.ours
    )


def _resolved(path: str, user: int | None) -> tuple[str | None, Fitness, Fitness]:
    try:
        real = Path(path).resolve(strict=True)
        found = real.stat()
    except (OSError, RuntimeError, ValueError):
        return None, Fitness(), Fitness()
    read, write = (attach.unfit(found.st_uid, found.st_mode, user, writable=w) for w in (False, True))
    write = write or attach.of_root(found.st_uid, found.st_gid, user)
    place = str(real) if stat.S_ISDIR(found.st_mode) else None
    return place, Fitness(read, write), everybody(found.st_mode)
