"""Use cases about objects: buckets of a project, what is in them, objects in and out.

A bucket belongs to one project. One that nobody claimed is the home project's (`Context.home_project`), so what
stood in the store before there were projects stays where it was. Another project makes a bucket by claiming a name
that nobody claimed and where there is nothing: on purpose (`make_bucket`), or with the first object it writes.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from modelyard.domain.errors import Conflict, Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE, Principal, Role
from modelyard.domain.objects import Digest, Entries, Listing
from modelyard.domain.texts import shown
from modelyard.objects.base import (
    Method,
    ObjectExistsError,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectStore,
)
from modelyard.objects.paths import MalformedPathError, ObjectPath, object_path
from modelyard.objects.staging import Staging
from modelyard.operations import limits
from modelyard.operations.context import Context, authorise
from modelyard.operations.models import may_read_bucket
from modelyard.operations.object_intake import Allowance, Intake
from modelyard.operations.object_listing import page
from modelyard.operations.object_usage import Usage

BAD_PATH = "4315"
QUOTA = "0118"


@dataclass(frozen=True, slots=True)
class Storage:
    """Where objects are. `staging` keeps uploads that are not whole, `usage` counts what there is, `spare_bytes`
    tells how much of this machine's disk may still be used."""

    objects: ObjectStore
    staging: Staging
    usage: Usage
    spare_bytes: Callable[[], int]


@dataclass(frozen=True, slots=True)
class Call:
    """Who asks, about the objects of which project."""

    ctx: Context
    storage: Storage
    principal: Principal
    project_id: str

    @property
    def objects(self) -> ObjectStore:
        return self.storage.objects

    def authorise(self, right: frozenset[Role], operation: str) -> None:
        """Raises Forbidden."""
        authorise(self.principal, self.project_id, right, operation)


@dataclass(frozen=True, slots=True)
class Written:
    """What an upload became."""

    info: ObjectInfo
    digest: Digest


# Buckets.


async def buckets(call: Call) -> Sequence[str]:
    """Those that the project claimed."""
    call.authorise(CONTROL_READ, "listBuckets")
    async with call.ctx.store.read() as r:
        return sorted(await r.buckets(call.project_id))


async def make_bucket(call: Call, bucket: str) -> None:
    """Claim it; it may be the project's already. Raises Forbidden, Invalid."""
    call.authorise(CONTROL_WRITE, "createBucket")
    await claim(call, path(bucket))


async def remove_bucket(call: Call, bucket: str) -> None:
    """Give up an empty one. Raises Forbidden, NotFound; Conflict for one with something in it."""
    call.authorise(CONTROL_WRITE, "deleteBucket")
    async with call.ctx.store.read() as r:
        if bucket not in await r.buckets(call.project_id):
            raise NotFound("bucket", bucket)
    if await _something(call.objects, ObjectPath(bucket)):
        raise Conflict(f"bucket {shown(bucket)} is not empty", code="0104")
    async with call.ctx.store.write() as w:
        await w.release_bucket(bucket, call.project_id)


async def claim(call: Call, where: ObjectPath) -> None:
    """Have the bucket of `where` be the project's, as the module says. Raises Invalid."""
    bucket, project_id = where.bucket, call.project_id
    async with call.ctx.store.read() as r:
        owner = (await r.buckets()).get(bucket)
        if owner == project_id:
            return
        if owner is not None:
            await may_read_bucket(call.ctx, r, project_id, bucket, "bucket")
    if await _something(call.objects, ObjectPath(bucket)):  # unclaimed: the home project's
        async with call.ctx.store.read() as r:
            await may_read_bucket(call.ctx, r, project_id, bucket, "bucket")
    async with call.ctx.store.write() as w:
        most = (await limits.quotas(call.ctx, w, project_id)).buckets
        if len(await w.buckets(project_id)) >= most:
            raise Invalid(Violation("bucket", f"a project may have {most} buckets (quota buckets)", QUOTA))
        if await w.claim_bucket(bucket, project_id) != project_id:
            await may_read_bucket(call.ctx, w, project_id, bucket, "bucket")


async def _something(objects: ObjectStore, where: ObjectPath) -> bool:
    async with aclosing(objects.list(where)) as listed:
        async for _ in listed:
            return True
    return False


# Paths.


def path(bucket: str, key: str | None = None) -> ObjectPath:
    """Raises Invalid. `key` None: the bucket itself."""
    if "/" in bucket:
        raise Invalid(Violation("bucket", f"{shown(bucket)} cannot name a bucket", BAD_PATH))
    try:
        where = object_path(f"/{bucket}/{key or ''}")
    except MalformedPathError as error:
        raise Invalid(Violation("bucket" if key is None else "key", str(error), BAD_PATH)) from error
    if key is not None and (not key or where.key != key or "\ufffd" in key):
        text = f"is {shown(key)}, must be a name that does not end with '/', in UTF-8"
        raise Invalid(Violation("key", text, BAD_PATH))
    return where


async def readable(call: Call, where: ObjectPath, operation: str) -> None:
    """Raises Forbidden; Invalid (403 4310) for a bucket of another project."""
    call.authorise(CONTROL_READ, operation)
    async with call.ctx.store.read() as r:
        await may_read_bucket(call.ctx, r, call.project_id, where.bucket, "bucket")


# Reading.


async def listing(call: Call, bucket: str, asked: Listing) -> Entries:
    """A page of a bucket. Raises Forbidden, Invalid, NotFound."""
    where = path(bucket)
    await readable(call, where, "listObjects")
    found = await page(call.objects, where, asked)
    if not found.entries:
        async with call.ctx.store.read() as r:
            claimed = bucket in await r.buckets()
        if not claimed and not await _something(call.objects, where):
            raise NotFound("bucket", bucket)
    return found


async def look(call: Call, where: ObjectPath) -> ObjectInfo:
    """What is known of an object without reading it. Raises Forbidden, Invalid, ObjectStoreError."""
    await readable(call, where, "getObject")
    return await call.objects.head(where)


async def size_of(objects: ObjectStore, where: ObjectPath) -> int | None:
    """None: there is no such object."""
    try:
        return (await objects.head(where)).size
    except ObjectNotFoundError:
        return None


# Writing.


async def write(
    call: Call,
    where: ObjectPath,
    content: AsyncIterator[bytes],
    *,
    size: int | None,
    digest: Digest | None = None,
    create: bool = False,
) -> Written:
    """Make an object of what comes; `size`: of it, if it is known. Raises Forbidden, Invalid, TooBusy,
    ObjectStoreError, and whatever `content` does. There is nothing of it then."""
    call.authorise(CONTROL_WRITE, "putObject")
    await claim(call, where)
    with Intake(await allowed(call), call.storage.usage, call.project_id, digest) as intake:
        intake.announce(size)
        return await stored(call, where, intake, content, create=create)


async def stored(
    call: Call, where: ObjectPath, intake: Intake, content: AsyncIterator[bytes], *, create: bool
) -> Written:
    """As `write`, for whom it is clear that it may be done."""
    before = await size_of(call.objects, where)
    if create and before is not None:
        raise ObjectExistsError(f"{where} is there already")
    try:
        info = await call.objects.write(where, intake.pieces(content), create=create)
    except Exception:
        if intake.broken is not None:  # a store may put it in its own words
            raise intake.broken from None
        raise
    call.storage.usage.moved(where.bucket, info.size - (before or 0))
    return Written(info, intake.digest)


async def allowed(call: Call) -> Allowance:
    """How much the project may still upload now."""
    async with call.ctx.store.read() as r:
        quotas = await limits.quotas(call.ctx, r, call.project_id)
        names = await r.buckets(call.project_id)
    used = await call.storage.usage.bytes(names)
    mine = [one for one in await call.storage.staging.all() if one.project_id == call.project_id]
    staged = sum(one.size for one in mine if one.done is None)
    return Allowance(quotas.object_max_bytes, quotas.objects_max_bytes, used + staged, call.storage.spare_bytes)


async def delete(call: Call, where: ObjectPath) -> None:
    """One that is not there is deleted already. Raises Forbidden, Invalid, ObjectStoreError."""
    call.authorise(CONTROL_WRITE, "deleteObject")
    async with call.ctx.store.read() as r:
        await may_read_bucket(call.ctx, r, call.project_id, where.bucket, "bucket")
    before = await size_of(call.objects, where)
    if before is not None:
        await call.objects.delete(where)
        call.storage.usage.moved(where.bucket, -before)


SIGNED_MAX_S = 7 * 24 * 3600
"""What S3 allows."""


async def sign(call: Call, where: ObjectPath, method: Method, expires_s: int) -> str:
    """A URL at the store itself. Raises Forbidden; Invalid where the store has no such thing."""
    if not 1 <= expires_s <= SIGNED_MAX_S:
        raise Invalid(Violation("expires_s", f"is {expires_s}, must be 1 to {SIGNED_MAX_S}"))
    if method == "GET":
        await readable(call, where, "signObject")
    else:
        call.authorise(CONTROL_WRITE, "signObject")
        await claim(call, where)
    url = await call.objects.sign(where, method, expires_s)
    if url is None:
        text = f"bucket {shown(where.bucket)} is kept where URLs cannot be signed: read and write through this API"
        raise Invalid(Violation("action", text))
    return url
