"""What the engine is told to start: an instance of a service as its revision and its model's package have it."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from modelyard.core.packages.health import health
from modelyard.core.packages.programs import program
from modelyard.core.size import UNKNOWN
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.health import Health
from modelyard.domain.instance import Instance
from modelyard.domain.model import Model
from modelyard.domain.pools import PoolEngine, Sight, UnknownEngineError, pool_engine
from modelyard.domain.record import ServiceRecord
from modelyard.domain.revision import Revision, Variant
from modelyard.domain.service import InferType
from modelyard.engines.base import InstanceSpec, StartRefusedError, WaitingError
from modelyard.store.base import Store

Sights = Callable[[PoolEngine], Sight | None]
"""How the engines of pools were last seen; None: nobody has looked yet."""


def unseen(_engine: PoolEngine) -> Sight | None:
    """Where nobody looks at pools."""
    return None


async def spec(store: Store, record: ServiceRecord, instance: Instance, sights: Sights = unseen) -> InstanceSpec:
    """Raises StartRefusedError where nothing can be started, WaitingError while its pool is out of reach."""
    variant = _variant(record.revisions, instance)
    if variant is None:
        raise StartRefusedError(f"no revision of the service has the template {instance.template}")
    if variant.template.resources == UNKNOWN:
        raise StartRefusedError(f"the specification {variant.template.specification!r} is not known any more")
    pool = variant.template.pool
    async with store.read() as reading:
        model = await reading.model(None, variant.model_id)
        row = await reading.pool(None, pool) if pool else None
    engine = _engine(row)
    if row is not None and (sight := sights(engine)) is not None and sight.why:
        raise WaitingError(f"the resource pool {row.name} cannot be used now: {sight.why}")
    own = program(model.config) if model is not None else None
    return InstanceSpec(
        instance_id=instance.id,
        service_id=instance.service_id,
        track=instance.track,
        revision=instance.revision,
        template=instance.template,
        package=variant.template.digest,
        model_name=variant.model_name,
        model_version=variant.model_version,
        envs=variant.template.envs,
        resources=variant.template.resources,
        health=_health(model, record, own_server=own is not None),
        pool=pool,
        engine=engine,
        volumes=variant.template.volumes,
        secrets=variant.template.secrets,
        batch=_is_batch(record),
        secret_names=tuple(sorted(variant.secret_names)),
        program=own,
        script_health=_health(model, record, own_server=False) if own is not None else None,
    )


def _engine(row: PoolEntry | None) -> PoolEngine:
    try:
        return pool_engine(row.attributes) if row is not None else PoolEngine()
    except UnknownEngineError as error:
        raise StartRefusedError(f"the pool {row.name if row else ''}: {error}") from None


def _health(model: Model | None, record: ServiceRecord, *, own_server: bool) -> Health:
    """What the model's package says of its health checks.

    A request that is not over after twice its time never will be; a WebSocket may last, and of a program only
    connections are seen, which last as well. How long a worker of a batch service may take is the run's matter.
    """
    if model is None:
        return Health()
    asked = health(model.config, model_type=model.type, own_server=own_server)
    settings = record.service.settings
    if settings.websocket or own_server or _is_batch(record):
        return asked
    return replace(asked, stalled_s=2 * settings.requests.timeout_s)


def _variant(revisions: Mapping[int, Revision], instance: Instance) -> Variant | None:
    """The variant that an instance runs: of its own revision, else of any with the same template."""
    for revision in sorted(revisions.values(), key=lambda r: r.number != instance.revision):
        for variant in revision.variants:
            if variant.template.hash == instance.template:
                return variant
    return None


def _is_batch(record: ServiceRecord) -> bool:
    return record.service.infer_type is InferType.BATCH
