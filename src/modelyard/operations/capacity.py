"""Use cases of the installation's administrator: what projects may use. Quotas, flavors, pools, buckets.

Each change holds for what is admitted from then on; what runs already goes on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from modelyard.core.admission.catalog import FLAVORS, UNBOUNDED, Quotas
from modelyard.core.admission.totals import PARTS
from modelyard.core.grants import indivisible
from modelyard.core.size import fits_anywhere, shortage
from modelyard.domain.capacity import FlavorEntry, PoolEntry
from modelyard.domain.endpoints import Endpoint, EndpointError, endpoint
from modelyard.domain.errors import AlreadyExists, Conflict, Invalid, NotFound, Violation
from modelyard.domain.identity import Principal
from modelyard.domain.resources import Resources
from modelyard.domain.service import InferType
from modelyard.domain.texts import shown
from modelyard.operations import acting, limits, pool_rows
from modelyard.operations.accounts import administer
from modelyard.operations.context import Context
from modelyard.operations.object_usage import Usage
from modelyard.operations.services import totals
from modelyard.store.base import ReadTransaction
from modelyard.store.notifications import Window

POOL_STATUS = ("running", "concerning", "abnormal", "deploying")
CATEGORIES = ("CPU", "GPU", "NPU")
MOST = 2**53
"""The largest whole number that every JSON reader keeps."""


@dataclass(frozen=True, slots=True)
class FlavorChange:
    """None leaves a field as it is. `opened`, `closed`: projects that may, and no longer may, use it."""

    open: bool | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    opened: tuple[str, ...] = ()
    closed: tuple[str, ...] = ()


# Quotas.


async def quotas(ctx: Context, principal: Principal, project_id: str) -> Mapping[str, int]:
    """Every quota of a project by its name, set or default."""
    administer(principal, "showQuotas")
    async with ctx.store.read() as r:
        await _project(r, project_id)
        now = await limits.quotas(ctx, r, project_id)
    return {one.name: getattr(now, one.name) for one in fields(Quotas)}


async def used(ctx: Context, principal: Principal, project_id: str, usage: Usage) -> Mapping[str, float]:
    """What a project has now of what its quotas count, by the quota. Those that bound one thing each (a request,
    a service, an object) are not there."""
    administer(principal, "showQuotas")
    async with ctx.store.read() as r:
        await _project(r, project_id)
        total = await totals.taken(ctx, r, project_id)
        buckets = await r.buckets(project_id)
        counted = {
            "real_time_services": await r.count_services(project_id, InferType.REAL_TIME),
            "batch_services": await r.count_services(project_id, InferType.BATCH),
            "buckets": len(buckets),
            "topics": (await r.topics(project_id, Window(0, 1)))[0],
            "subscriptions": (await r.subscriptions(project_id, None, Window(0, 1)))[0],
            "messages": await r.undelivered(project_id),
        }
    counted["objects_max_bytes"] = await usage.bytes(buckets)
    return {**counted, **{name: getattr(total, part) for name, part, _ in PARTS}}


async def set_quotas(
    ctx: Context, principal: Principal, project_id: str, wanted: Mapping[str, object]
) -> Mapping[str, int]:
    """Set some of them. One below what is used stops nothing. Raises Forbidden, NotFound, Invalid."""
    administer(principal, "setQuotas")
    known = [one.name for one in fields(Quotas)]
    violations = []
    for name, value in wanted.items():
        if name not in known:
            violations.append(Violation(f"quotas.{name}", f"is no quota; known: {', '.join(known)}"))
        elif not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
            violations.append(Violation(f"quotas.{name}", f"is {shown(value)}, must be a whole number from 0"))
        elif name == "total_disk_mib" and value < UNBOUNDED and not ctx.instance_disk_mib:
            text = "cannot be held to while instances may have as much disk as they like: "
            violations.append(Violation(f"quotas.{name}", text + "set MODELYARD_INSTANCE_DISK_MIB first"))
    if violations:
        raise Invalid(*violations)
    async with ctx.store.write() as w:
        await _project(w, project_id)
        for name, value in wanted.items():
            assert isinstance(value, int)
            await w.save_quota(project_id, name, value)
    return await quotas(ctx, principal, project_id)


# Flavors.


async def flavors(ctx: Context, principal: Principal) -> Sequence[FlavorEntry]:
    """The built-in ones and those added, with whom each is open to."""
    administer(principal, "listFlavors")
    async with ctx.store.read() as r:
        stored = {entry.name: entry for entry in await r.flavors()}
    return [stored.get(name) or _built_in(name) for name in sorted({*stored, *ctx.flavors})]


async def create_flavor(ctx: Context, principal: Principal, name: str | None, change: FlavorChange) -> FlavorEntry:
    """Add a flavor; it is closed unless the change says otherwise. Raises Forbidden, Invalid, AlreadyExists."""
    administer(principal, "createFlavor")
    if not name or len(name) > 64 or not name.isprintable() or " " in name or "/" in name or name == "custom":
        raise Invalid(
            Violation("name", "must have 1 to 64 printable characters but space and '/', not be 'custom'")
        )
    violations = [Violation(key, "is mandatory") for key in ("cpu", "memory_mib") if key not in change.attributes]
    if violations := [*violations, *_sizes(change.attributes), *_whole(change.attributes)]:
        raise Invalid(*violations)
    async with ctx.store.write() as w:
        if name in ctx.flavors or any(entry.name == name for entry in await w.flavors()):
            raise AlreadyExists("flavor", name)
        made = await _changed(w, FlavorEntry(name, open=False), change)
        _may_open(ctx, made, change)
        acting.named(made.name, f"flavors/{made.name}")
        await w.save_flavor(made)
    return made


async def change_flavor(ctx: Context, principal: Principal, name: str, change: FlavorChange) -> FlavorEntry:
    """Open or close it, change its size for what is deployed from now on. Raises Forbidden, NotFound, Invalid."""
    administer(principal, "updateFlavor")
    if violations := [*_sizes(change.attributes), *_whole(change.attributes)]:
        raise Invalid(*violations)
    async with ctx.store.write() as w:
        made = await _changed(w, await _flavor(ctx, w, name), change)
        _may_open(ctx, made, change)
        await w.save_flavor(made)
    return made


async def delete_flavor(ctx: Context, principal: Principal, name: str) -> None:
    """Raises NotFound; Conflict for one that a service uses, or that is built in (close it instead)."""
    administer(principal, "deleteFlavor")
    if name in ctx.flavors:
        raise Conflict(f"{name} is built in; close it instead", code="0104")
    async with ctx.store.write() as w:
        await _flavor(ctx, w, name)
        for record in await w.records():
            used = {v.template.specification for r in record.revisions.values() for v in r.variants}
            if name in used:
                raise Conflict(f"{name} is used by service {shown(record.service.name)}", code="0104")
        await w.delete_flavor(name)


async def _flavor(ctx: Context, r: ReadTransaction, name: str) -> FlavorEntry:
    for entry in await r.flavors():
        if entry.name == name:
            return entry
    if name not in ctx.flavors:
        raise NotFound("flavor", name)
    return _built_in(name)


async def _changed(r: ReadTransaction, before: FlavorEntry, change: FlavorChange) -> FlavorEntry:
    for project_id in change.opened:
        await _project(r, project_id)
    return replace(
        before,
        open=before.open if change.open is None else change.open,
        attributes={**before.attributes, **change.attributes},
        projects=(before.projects | set(change.opened)) - set(change.closed),
    )


def _built_in(name: str) -> FlavorEntry:
    one = FLAVORS[name]
    size = {key.name: getattr(one, key.name) for key in fields(one) if key.name not in {"name", "open"}}
    return FlavorEntry(name, one.open, size)


def _whole(attributes: Mapping[str, object]) -> list[Violation]:
    """Of a flavor: an instance has a part of one card, or whole ones."""
    count = attributes.get("accelerators")
    if isinstance(count, int | float) and 0 < count <= MOST and (why := indivisible(Resources(gpus=float(count)))):
        return [Violation("accelerators", f"is {why.replace('GPU', 'card')}")]
    return []


def _may_open(ctx: Context, made: FlavorEntry, change: FlavorChange) -> None:
    """Raise Invalid when somebody gets a flavor that no instance could have here. To close one is always allowed,
    and what is closed may be of any size."""
    sooner = change.open is True or change.opened or change.attributes
    flavor = limits.flavor(made, None)
    if not sooner or not (made.open or made.projects) or fits_anywhere(replace(flavor, open=True)):
        return
    if short := shortage(flavor.resources, ctx.there):
        field = "open" if change.open else "open_projects" if change.opened else sorted(change.attributes)[0]
        raise Invalid(Violation(field, f"{shown(made.name)} does not fit on this machine: it takes {short}"))


def _sizes(attributes: Mapping[str, object]) -> list[Violation]:
    """As they were said, before anything is rounded."""
    bounds = {"cpu": 0.01, "memory_mib": 1, "pids": 16, "open_files": 64, "accelerators": 0}
    violations = [
        Violation(key, f"is {value}, must be {bounds[key]} to {MOST}")
        for key, value in attributes.items()
        if isinstance(value, int | float) and key in bounds and not bounds[key] <= value <= MOST
    ]
    category = attributes.get("category")
    if category is not None and category not in CATEGORIES:
        violations.append(Violation("category", f"is {shown(category)}, must be one of {', '.join(CATEGORIES)}"))
    return violations


# Pools.


async def pools(ctx: Context, principal: Principal, project_id: str | None = None) -> Sequence[PoolEntry]:
    administer(principal, "listPools")
    async with ctx.store.read() as r:
        return await r.pools(project_id)


async def create_pool(
    ctx: Context,
    principal: Principal,
    project_id: str,
    *,
    name: str | None,
    status: str,
    attributes: Mapping[str, object],
) -> PoolEntry:
    """A dedicated pool of a project; `attributes` name its engine, its nodes and its size. An engine that cannot
    be reached now is refused. Raises Forbidden, NotFound, Invalid, AlreadyExists."""
    administer(principal, "createPool")
    if not name or len(name) > 64 or not name.isprintable():
        raise Invalid(Violation("name", "must have 1 to 64 printable characters"))
    _pool_status(status)
    if violations := [*_sizes(attributes), *pool_rows.wrong(attributes)]:
        raise Invalid(*violations)
    kept = pool_rows.kept({}, attributes)
    if violations := await pool_rows.out_of_reach(ctx, kept):
        raise Invalid(*violations)
    made = PoolEntry(ctx.new_id(), project_id, name, status, ctx.clock(), kept)
    acting.named(made.name, f"pools/{made.id}")
    async with ctx.store.write() as w:
        await _project(w, project_id)
        await w.save_pool(made)
    return made


async def change_pool(
    ctx: Context, principal: Principal, pool_id: str, *, status: str | None, attributes: Mapping[str, object]
) -> PoolEntry:
    """Say how a pool is, or what it consists of. Raises Forbidden, NotFound, Invalid; Conflict when another engine
    is named while a service uses it."""
    administer(principal, "updatePool")
    if status is not None:
        _pool_status(status)
    async with ctx.store.read() as r:
        before = await _pool(r, pool_id)
    if violations := [*_sizes(attributes), *pool_rows.wrong({**before.attributes, **attributes}, attributes)]:
        raise Invalid(*violations)
    kept = pool_rows.kept(before.attributes, attributes)
    if {"engine", "endpoint", "nodes"} & attributes.keys():
        async with ctx.store.read() as r:
            await _same_engine(r, before, kept)
        if violations := await pool_rows.out_of_reach(ctx, kept):
            raise Invalid(*violations)
    async with ctx.store.write() as w:
        before = await _pool(w, pool_id)
        kept = pool_rows.kept(before.attributes, attributes)
        await _same_engine(w, before, kept)
        made = replace(before, status=status or before.status, attributes=kept)
        await w.save_pool(made)
    return made


async def _same_engine(r: ReadTransaction, pool: PoolEntry, kept: Mapping[str, object]) -> None:
    """Raise Conflict where a service's instances would lose their engine: a service moves by naming another
    pool."""
    if pool_rows.named(kept) != pool_rows.named(pool.attributes) and (user := await _user(r, pool)):
        text = f"the pool is used by service {shown(user)}: its engine stays while one uses it. Add another pool"
        raise Conflict(f"{text}, and have the service name that one.", code="0104")


async def _user(r: ReadTransaction, pool: PoolEntry) -> str:
    """The name of a service that uses the pool."""
    for record in await r.records(pool.project_id):
        if pool.id in {v.template.pool for revision in record.revisions.values() for v in revision.variants}:
            return record.service.name
    return ""


async def delete_pool(ctx: Context, principal: Principal, pool_id: str) -> None:
    """Raises NotFound; Conflict while a service uses it."""
    administer(principal, "deletePool")
    async with ctx.store.write() as w:
        if user := await _user(w, await _pool(w, pool_id)):
            raise Conflict(f"the pool is used by service {shown(user)}", code="0104")
        await w.delete_pool(pool_id)


def _pool_status(status: str) -> None:
    if status not in POOL_STATUS:
        raise Invalid(Violation("status", f"is {shown(status)}, must be one of {', '.join(POOL_STATUS)}"))


async def _pool(r: ReadTransaction, pool_id: str) -> PoolEntry:
    pool = await r.pool(None, pool_id)
    if pool is None or pool.id != pool_id:
        raise NotFound("pool", pool_id)
    return pool


# Buckets.


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket that a project has, and where it is (None: with those that have no endpoint of their own)."""

    name: str
    project_id: str
    endpoint: Endpoint | None


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What a request says of where a bucket is. `endpoint` None: nothing; "": nowhere of its own."""

    endpoint: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    region: str | None = None


async def buckets(ctx: Context, principal: Principal) -> Sequence[Bucket]:
    """Those that somebody claimed, by name."""
    administer(principal, "listBuckets")
    async with ctx.store.read() as r:
        endpoints = await r.endpoints()
        return [Bucket(name, owner, endpoints.get(name)) for name, owner in (await r.buckets()).items()]


async def claim_bucket(
    ctx: Context, principal: Principal, name: str, project_id: str, where: Whereabouts = Whereabouts()
) -> None:
    """Give a bucket to a project, and say where it is. Raises Forbidden, Invalid, NotFound; AlreadyExists when
    another project has it."""
    administer(principal, "claimBucket")
    place = _place(where)
    async with ctx.store.write() as w:
        await _project(w, project_id)
        if await w.claim_bucket(name, project_id) != project_id:
            raise AlreadyExists("bucket", name)
        if where.endpoint is not None:
            await w.save_endpoint(name, place)
    ctx.buckets_moved()


def _place(where: Whereabouts) -> Endpoint | None:
    others = {"access_key": where.access_key, "secret_key": where.secret_key, "region": where.region}
    if not where.endpoint:
        if said := [name for name, value in others.items() if value]:
            raise Invalid(*(Violation(name, "is of no use without endpoint") for name in said))
        return None
    try:
        return endpoint(where.endpoint, where.access_key or "", where.secret_key or "", where.region or "")
    except EndpointError as error:
        name, _, text = str(error).partition(": ")
        raise Invalid(Violation(name, text)) from None


async def release_bucket(ctx: Context, principal: Principal, name: str) -> None:
    """Nobody has it afterwards (contract §6: then the first project does); what is in it stays."""
    administer(principal, "releaseBucket")
    async with ctx.store.write() as w:
        owner = (await w.buckets()).get(name)
        if owner is None:
            raise NotFound("bucket", name)
        await w.release_bucket(name, owner)
    ctx.buckets_moved()


async def _project(r: ReadTransaction, project_id: str) -> None:
    project = await r.project(project_id)
    if project is None or project.id != project_id:
        raise NotFound("project", project_id)
