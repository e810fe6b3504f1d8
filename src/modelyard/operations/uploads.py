"""Use cases about objects that come in parts: begin, go on from where it broke off, end.

    begin       how large it is, and perhaps its digest: who begins the same object again, as after a crash, is
                given the upload that there is, and goes on
    append      the next part, from the offset that is known to be there
    complete    what is there becomes the object, if it is all of it and comes to its digest
    abandon

The parts lie on the server's disk (`objects.staging`), count against the project's quota with the size of the
whole, and go when nobody touches them for a day.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from modelyard.domain.errors import Conflict, Invalid, NotFound, Violation
from modelyard.domain.identity import CONTROL_WRITE
from modelyard.domain.objects import Digest, Upload
from modelyard.objects.base import ObjectExistsError, ObjectInfo
from modelyard.objects.paths import ObjectPath
from modelyard.objects.staging import UploadAtWorkError
from modelyard.operations import acting
from modelyard.operations.object_intake import QUOTA, Allowance, Intake, WrongDigest
from modelyard.operations.objects import Call, Written, allowed, claim, size_of, stored

MOST = 200
"""Uploads of a project that are not whole."""
HUGE = 2**63


class WrongOffset(Conflict):
    """The part does not begin where the upload ends: at `offset`."""

    def __init__(self, text: str, offset: int) -> None:
        super().__init__(text, code="0104")
        self.offset = offset


async def begin(
    call: Call, where: ObjectPath, *, size: int, digest: Digest | None = None, create: bool = False
) -> Upload:
    """Raises Forbidden, Invalid, ObjectTooLarge, TooBusy, ObjectStoreError."""
    call.authorise(CONTROL_WRITE, "putObject")
    await claim(call, where)
    known = await call.storage.staging.all()
    mine = [one for one in known if one.project_id == call.project_id and one.done is None]
    for one in mine:
        same = (one.bucket, one.key, one.size, one.digest) == (where.bucket, where.key, size, digest)
        if digest is not None and same and one.create == create:
            return one
    if len(mine) >= MOST:
        text = f"the project has {MOST} uploads that are not whole: complete some, or delete them"
        raise Invalid(Violation("", text, QUOTA))
    if create and await size_of(call.objects, where) is not None:
        raise ObjectExistsError(f"{where} is there already")
    allowance = await allowed(call)
    allowance.hold(size, call.storage.usage.arriving(call.project_id))
    return await call.storage.staging.add(
        Upload("", call.project_id, where.bucket, where.key, size, 0, 0, digest=digest, create=create)
    )


async def find(call: Call, where: ObjectPath, upload_id: str) -> Upload:
    """How far it is. Raises Forbidden, NotFound."""
    call.authorise(CONTROL_WRITE, "putObject")
    upload = await call.storage.staging.one(upload_id)
    place = (call.project_id, where.bucket, where.key)
    if upload is None or (upload.project_id, upload.bucket, upload.key) != place:
        raise NotFound("upload", upload_id)
    return upload


async def append(
    call: Call,
    where: ObjectPath,
    upload_id: str,
    offset: int,
    content: AsyncIterator[bytes],
    *,
    digest: Digest | None = None,
) -> Upload:
    """Raises Forbidden, NotFound, WrongOffset, Invalid, TooBusy, ObjectStoreError, and what `content` does: what
    came until then stays, but of a part that does not come to its digest."""
    async with _working(call, where, upload_id) as upload:
        if upload.done is not None:
            raise WrongOffset("the upload is complete", upload.size)
        if upload.offset != offset:
            raise WrongOffset(f"offset is {offset}, the upload goes on at {upload.offset}", upload.offset)
        with Intake(_free(call), call.storage.usage, "", digest) as intake:
            acting.unchanged()
            try:
                return await call.storage.staging.append(upload, _within(upload, intake.pieces(content)))
            except WrongDigest:
                await call.storage.staging.cut(upload)
                raise


async def complete(call: Call, where: ObjectPath, upload_id: str, digest: Digest | None = None) -> Written:
    """The same again for one that is complete. One that does not come to its digest is gone. Raises Forbidden,
    NotFound, WrongOffset, Invalid, ObjectStoreError."""
    async with _working(call, where, upload_id) as upload:
        if upload.done is not None:
            version, came_to = upload.done
            return Written(ObjectInfo("", upload.size, version), came_to)
        if upload.digest is not None and digest is not None and digest != upload.digest:
            raise Invalid(Violation("digest", "is another than when the upload began"))
        if upload.offset != upload.size:
            raise WrongOffset(f"the upload has {upload.offset} of its {upload.size} bytes", upload.offset)
        await claim(call, where)
        with Intake(_free(call), call.storage.usage, "", upload.digest or digest) as intake:
            content = call.storage.staging.content(upload)
            try:
                written = await stored(call, where, intake, content, create=upload.create)
            except WrongDigest:
                await call.storage.staging.remove(upload_id)
                raise
        await call.storage.staging.finish(replace(upload, done=(written.info.version, written.digest)))
        return written


async def abandon(call: Call, where: ObjectPath, upload_id: str) -> None:
    """Raises Forbidden, NotFound, WrongOffset while a part of it is taken."""
    async with _working(call, where, upload_id):
        await call.storage.staging.remove(upload_id)


@asynccontextmanager
async def _working(call: Call, where: ObjectPath, upload_id: str) -> AsyncIterator[Upload]:
    """The upload, which nobody else changes meanwhile. Raises Forbidden, NotFound, WrongOffset."""
    offset = (await find(call, where, upload_id)).offset
    try:
        with call.storage.staging.working(upload_id):
            yield await find(call, where, upload_id)
    except UploadAtWorkError:
        raise WrongOffset("the upload is at work: ask how far it is, later", offset) from None


def _free(call: Call) -> Allowance:
    """Of what counts already, as a whole, since its upload began."""
    return Allowance(HUGE, HUGE, 0, call.storage.spare_bytes)


async def _within(upload: Upload, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """No more than was announced."""
    offset = upload.offset
    async for piece in content:
        offset += len(piece)
        if offset > upload.size:
            raise Invalid(Violation("", f"the upload was begun with {upload.size} bytes, and more come"))
        yield piece
