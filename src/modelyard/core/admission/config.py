"""Admission: may this `config` become the next revision of a service?

The answer is either the variants that it makes or all the rules that it breaks, never just the first. Shapes
(types, unknown keys) were checked when the request was read. Here it is checked against what exists (models,
flavors, quotas), and its entries against each other (contract §2, ServiceConfig).

    weights 70, 30         → 70, 30
    weights 100, absent    → 100, 0      a client that drops zeros
    weights 60, absent     → refused     a weight is mandatory unless the rest sum to 100
    one entry, absent      → refused     mandatory for real-time services (100 for batch and edge)

A batch service has one entry, which does everything; what it does is its job (`admission.batch`).
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from modelyard.core.admission import batch, placement, pool_models, room, secret_envs, service_secrets, volumes
from modelyard.core.admission import infer_types as types
from modelyard.core.admission.batch import Place
from modelyard.core.admission.catalog import FLAVORS, Flavor, Pool, Quotas
from modelyard.core.admission.fields import told
from modelyard.core.admission.placement import Placement, Site
from modelyard.core.admission.service_secrets import ServiceSecrets, Surroundings
from modelyard.core.admission.variant_request import VariantRequest
from modelyard.core.admission.volumes import HostDirs
from modelyard.core.packages.programs import is_image
from modelyard.core.rollout.pairing import pair
from modelyard.core.size import shortage
from modelyard.domain.errors import Violation
from modelyard.domain.model import Model, ModelStatus
from modelyard.domain.resources import Capacity, Resources
from modelyard.domain.revision import Budget, Template, Variant
from modelyard.domain.service import InferType
from modelyard.domain.texts import shown

DEPLOY_TIMEOUT_S = 1200
TERMINATION_GRACE_S = 30


@dataclass(frozen=True, slots=True)
class AdmissionInput:
    """What a config is checked against: the models that it names, the available flavors and pools, the quotas.

    `placement` is what the service says about pools. `previous` are the variants of the present revision (their
    tracks are inherited), `next_track` a number that the service has never used. `machine`: what this machine has;
    `taken`: what other services use of each pool, by pool id, `held`: what this one was to have until now.
    `images`: what is in no pool of containers can be an image too. `objects`: the object paths that it names, as
    they were found; `parquet`: whether this server reads and writes it. `secrets`: what the
    service asks for, and its project has.
    """

    models: Mapping[str, Model]
    flavors: Mapping[str, Flavor]
    quotas: Quotas
    infer_type: InferType = InferType.REAL_TIME
    previous: Sequence[Variant] = ()
    next_track: int = 1
    pools: Mapping[str, Pool] = field(default_factory=dict)
    placement: Placement = Placement()
    dirs: HostDirs = HostDirs()
    machine: Capacity = Capacity()
    taken: Mapping[str, Resources] = field(default_factory=dict)
    held: Mapping[str, Resources] = field(default_factory=dict)
    images: bool = True
    objects: Mapping[str, Place] = field(default_factory=dict)
    parquet: bool = True
    secrets: ServiceSecrets = ServiceSecrets()

    @property
    def site(self) -> Site:
        return Site(self.flavors, self.pools, self.placement, self.machine)


@dataclass(frozen=True, slots=True)
class Admission:
    """Either `variants`, with their tracks, or at least one violation."""

    variants: tuple[Variant, ...] = ()
    violations: tuple[Violation, ...] = ()


def admit(config: Sequence[VariantRequest], given: AdmissionInput, broken: Collection[str] = ()) -> Admission:
    """Check a config against every rule.

    `broken` are the paths that were refused when the request was read: there is no second complaint about them,
    nor one that would only follow from them.
    """
    config = tuple(secret_envs.restored(entry, given.previous) for entry in config)
    violations = [v for v in _violations(config, given, broken) if not told(v.field, broken)]
    if violations or broken:
        return Admission(violations=tuple(violations))
    weights = _weights(config)
    variants = [_variant(f"config[{i}]", entry, weights[i], given) for i, entry in enumerate(config)]
    return Admission(pair(given.previous, variants, given.next_track))


def _violations(
    config: Sequence[VariantRequest], given: AdmissionInput, broken: Collection[str]
) -> Iterator[Violation]:
    if not config:
        yield Violation("config", "must have at least one entry")
    if given.infer_type is InferType.BATCH:
        yield from _batch_rules(config)
    elif len(config) > given.quotas.variants_per_service:
        yield Violation(
            "config", f"has {len(config)} entries, at most {given.quotas.variants_per_service} are allowed"
        )
    for i, entry in enumerate(config):
        path = f"config[{i}]"
        yield from _model(path, entry, given)
        yield from pool_models.violations(
            path,
            entry,
            given.models,
            given.site,
            images=given.images,
            batch=given.infer_type is InferType.BATCH,
        )
        yield from placement.violations(path, entry.specification, entry.placement, given.site)
        yield from _count(path, entry, given)
        yield from _rollout(path, entry, given.quotas)
        yield from _envs(path, entry, given.quotas)
        yield from secret_envs.violations(path, entry, given.previous)
        yield from types.violations(path, entry.typed, given.infer_type)
        if given.infer_type is InferType.BATCH:
            yield from batch.violations(_batch(path, entry, given, broken))
        in_pool = (entry.placement.pool_key or given.placement.pool_key) is not None
        at, image = f"{path}.additional_properties", _is_image(entry, given)
        boxed = pool_models.boxed(entry, given.site) and not image
        yield from volumes.violations(at, entry.volumes, given.dirs, in_pool=in_pool, image=image, boxed=boxed)
    around = [_surroundings(f"config[{i}]", entry, given) for i, entry in enumerate(config)]
    yield from service_secrets.violations(given.secrets, around, given.dirs)
    yield from _room(config, given)
    yield from _same_versions(config)
    if given.infer_type is InferType.REAL_TIME and not any(_touches_weights(b) for b in broken):
        yield from _weight_rules(config)


def _surroundings(path: str, entry: VariantRequest, given: AdmissionInput) -> Surroundings:
    at = f"{path}.additional_properties"
    mounts = {volumes.plain(v.mount_path): f"{at}.{v.field}" for v in entry.volumes if v.mount_path}
    return Surroundings(_is_image(entry, given), pool_models.boxed(entry, given.site), mounts)


def _is_image(entry: VariantRequest, given: AdmissionInput) -> bool:
    model = given.models.get(entry.model_id or "")
    return model is not None and is_image(model)


def _batch(path: str, entry: VariantRequest, given: AdmissionInput, broken: Collection[str] = ()) -> batch.Entry:
    model = given.models.get(entry.model_id or "")
    around = batch.Surroundings(model, given.quotas, given.objects, given.parquet)
    return batch.Entry(path, entry.typed.batch, around, broken)


def _batch_rules(config: Sequence[VariantRequest]) -> Iterator[Violation]:
    """One entry does all the work, and nothing is exchanged while it does."""
    if len(config) > 1:
        yield Violation("config", f"has {len(config)} entries, a batch service has exactly one")
    for i, entry in enumerate(config):
        if entry.weight not in {None, 100}:
            text = f"is {entry.weight}, which is for real-time services: the one entry of a batch has all, 100"
            yield Violation(f"config[{i}].weight", text)
        for name in ("max_surge", "max_unavailable"):
            if getattr(entry, name) is not None:
                text = "is for real-time services: the workers of a batch are not exchanged one by one"
                yield Violation(f"config[{i}].additional_properties.{name}", text)


def _model(path: str, entry: VariantRequest, given: AdmissionInput) -> Iterator[Violation]:
    at = f"{path}.model_id"
    if not entry.model_id:
        yield Violation(at, "is mandatory")
        return
    model = given.models.get(entry.model_id)
    if model is None:
        yield Violation(at, f"model {shown(entry.model_id)} does not exist", "3507")
        return
    if model.status is ModelStatus.PUBLISHING:
        yield Violation(at, f"model {shown(entry.model_id)} is still being published", "3515")
    elif model.status is ModelStatus.FAILED:
        yield Violation(at, f"model {shown(entry.model_id)} cannot be used: publishing it failed", "3515")
    if given.infer_type.value not in model.install_types:
        allowed = ", ".join(sorted(model.install_types)) or "nothing"
        yield Violation(
            at,
            f"model {shown(entry.model_id)} cannot be deployed as {given.infer_type}; "
            f"its install_type is {allowed}",
            "3589",
        )


def _count(path: str, entry: VariantRequest, given: AdmissionInput) -> Iterator[Violation]:
    at, count, most = f"{path}.instance_count", entry.instance_count, given.quotas.instances_per_model
    if count is None:
        yield Violation(at, "is mandatory")
    elif count < 1:
        yield Violation(at, f"is {count}, must be at least 1")
    elif count > most:
        yield Violation(
            at, f"is {count}; a maximum of {most} {given.infer_type} service instances are allowed", "3522"
        )


def _room(config: Sequence[VariantRequest], given: AdmissionInput) -> Iterator[Violation]:
    """All instances together against pools with a capacity, of which other services use a part."""
    asked: dict[str, Resources] = {}
    for entry in config:
        pool = given.site.pool(entry.placement)
        one = placement.resources(entry.specification, entry.placement, given.site)
        if (
            pool is not None and one is not None and not shortage(one, pool.capacity)
        ):  # else it was reported already
            asked[pool.id] = asked.get(pool.id, Resources()) + one.times(max(entry.instance_count or 1, 1))
    yield from room.violations("config", asked, given.pools, given.taken, given.held)


def _rollout(path: str, entry: VariantRequest, quotas: Quotas) -> Iterator[Violation]:
    timeout, least, most = entry.deploy_timeout_s, quotas.deploy_timeout_min_s, quotas.deploy_timeout_max_s
    if timeout is not None and not least <= timeout <= most:
        yield Violation(f"{path}.deploy_timeout_in_seconds", f"is {timeout}, must be {least} to {most}")
    at = f"{path}.additional_properties"
    for name, value in (("max_surge", entry.max_surge), ("max_unavailable", entry.max_unavailable)):
        if value is not None and value <= 0:
            yield Violation(f"{at}.{name}", f"is {value:g}, must be greater than 0")
        elif value is not None and value >= 1 and value != int(value):
            yield Violation(f"{at}.{name}", f"is {value:g}; from 1 on it is a count and must be an integer")
    grace, most = entry.termination_grace_s, quotas.termination_grace_max_s
    if grace is not None and not 0 <= grace <= most:
        yield Violation(f"{at}.termination_grace_period_seconds", f"is {grace}, must be 0 to {most}")


def _envs(path: str, entry: VariantRequest, quotas: Quotas) -> Iterator[Violation]:
    for name, value in entry.envs:
        if not name or "=" in name or "\0" in name:
            yield Violation(f"{path}.envs", f"{shown(name)} cannot name an environment variable")
        if "\0" in value:
            yield Violation(f"{path}.envs.{name}", "must not contain the character NUL")
    size = sum(len(name.encode()) + len(value.encode()) + 2 for name, value in entry.envs)
    if size > quotas.envs_max_bytes:
        yield Violation(f"{path}.envs", f"takes {size} bytes, at most {quotas.envs_max_bytes} are allowed")


def _same_versions(config: Sequence[VariantRequest]) -> Iterator[Violation]:
    first: dict[str, int] = {}
    for i, entry in enumerate(config):
        if entry.model_id and (before := first.setdefault(entry.model_id, i)) != i:
            yield Violation(
                f"config[{i}].model_id",
                f"is the model version of config[{before}] again; versions must differ within a service",
                "3516",
            )


def _touches_weights(path: str) -> bool:
    return path == "config" or path.endswith((".weight", "]"))


def _weight_rules(config: Sequence[VariantRequest]) -> Iterator[Violation]:
    outside = [i for i, entry in enumerate(config) if entry.weight is not None and not 0 <= entry.weight <= 100]
    for i in outside:
        yield Violation(f"config[{i}].weight", f"is {config[i].weight}, must be 0 to 100")
    if outside or not config:
        return
    total = sum(entry.weight or 0 for entry in config)
    missing = [i for i, entry in enumerate(config) if entry.weight is None]
    if total == 100:
        return
    if missing:
        yield Violation(
            f"config[{missing[0]}].weight",
            f"is mandatory for real-time services (the others sum to {total})",
        )
    else:
        yield Violation("config", f"the weights sum to {total}, must sum to 100")


def _weights(config: Sequence[VariantRequest]) -> list[int]:
    if len(config) == 1 and config[0].weight is None:
        return [100]
    return [entry.weight or 0 for entry in config]


def _variant(path: str, entry: VariantRequest, weight: int, given: AdmissionInput) -> Variant:
    """The variant of a valid entry, its track not yet chosen."""
    assert entry.model_id is not None
    assert entry.specification is not None
    assert entry.instance_count is not None
    model, pool = given.models[entry.model_id], given.site.pool(entry.placement)
    resources = placement.resources(entry.specification, entry.placement, given.site)
    assert resources is not None
    default, timeout, grace = Budget(), entry.deploy_timeout_s, entry.termination_grace_s
    return Variant(
        track=0,
        model_id=model.id,
        model_name=model.name,
        model_version=model.version,
        template=Template(
            model_id=model.id,
            digest=model.digest,
            specification=entry.specification,
            envs=entry.envs,
            pool=pool.id if pool else "",
            volumes=volumes.mounted(entry.volumes, given.dirs),
            resources=resources,
            secrets=service_secrets.mounted(given.secrets),
            explicit=placement.explicit(entry.specification, entry.placement, given.site, FLAVORS),
        ),
        instance_count=entry.instance_count,
        weight=weight,
        budget=Budget(
            default.max_surge if entry.max_surge is None else entry.max_surge,
            default.max_unavailable if entry.max_unavailable is None else entry.max_unavailable,
        ),
        deploy_timeout_s=DEPLOY_TIMEOUT_S if timeout is None else timeout,
        termination_grace_s=TERMINATION_GRACE_S if grace is None else grace,
        job=batch.job(_batch(path, entry, given)) if given.infer_type is InferType.BATCH else None,
        raw=entry.raw,
    )
