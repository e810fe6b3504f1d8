"""Objects: `/v1/{project_id}/objects`. An extension; what streams, and in which bounds, is in `api.transfers`."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from modelyard.api import ranges, transfers
from modelyard.api.digests import digest, written
from modelyard.api.documents import ERRORS, asks, takes
from modelyard.api.envelope import BrokenOff
from modelyard.api.requests import Caller, ContextDep, Everything, StreamingCaller, body, query
from modelyard.api.schemas import objects as wire
from modelyard.api.schemas.answer import body_of
from modelyard.api.schemas.answers import Done
from modelyard.api.schemas.wire import Parsed
from modelyard.domain.errors import Invalid, Stale, Violation
from modelyard.domain.identity import CONTROL_READ, CONTROL_WRITE
from modelyard.domain.objects import Digest, Entry, Listing, Upload
from modelyard.objects.base import ObjectInfo, ObjectStore, ObjectStoreError
from modelyard.objects.paths import ObjectPath
from modelyard.objects.staging import KEEP_S
from modelyard.operations import objects, uploads
from modelyard.operations.objects import Call, Written

router = APIRouter(prefix="/v1/{project_id}/objects", tags=["objects"], responses=ERRORS)
KEY = "/{bucket}/{key:path}"
BINARY: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}


def _call(ctx: ContextDep, deps: Everything, caller: Caller, project_id: str) -> Call:
    """Raises Forbidden for who has nothing to do here: before anything of the request is looked at."""
    call = Call(ctx, deps.storage, caller, project_id)
    call.authorise(CONTROL_READ, "useObjects")
    return call


def _streaming_call(ctx: ContextDep, deps: Everything, caller: StreamingCaller, project_id: str) -> Call:
    return _call(ctx, deps, caller, project_id)


def _where(bucket: str, key: str) -> ObjectPath:
    return objects.path(bucket, key)


Asked = Annotated[Call, Depends(_call)]
AskedStreaming = Annotated[Call, Depends(_streaming_call)]
Where = Annotated[ObjectPath, Depends(_where)]


def _headers(*names: str) -> list[dict[str, Any]]:
    return [{"name": one, "in": "header", "required": False, "schema": {"type": "string"}} for one in names]


# Buckets.


@router.get("", summary="List buckets")
async def buckets(call: Asked) -> wire.BucketPage:
    """Those that the project claimed. Those that nobody claimed are the first project's, and not listed."""
    shown = [wire.BucketShown(bucket=name) for name in await objects.buckets(call)]
    return wire.BucketPage(total_count=len(shown), count=len(shown), buckets=shown)


@router.put("/{bucket}", summary="Make a bucket")
async def make_bucket(call: Asked, bucket: str) -> Done:
    """The project has it from now on, or had it already. Refused (403 `4310`) where another project has it, or
    nobody does and there is something in it. Writing an object does the same."""
    await objects.make_bucket(call, bucket)
    return Done()


@router.delete("/{bucket}", summary="Remove an empty bucket")
async def remove_bucket(call: Asked, bucket: str) -> Done:
    """Nobody has it afterwards."""
    await objects.remove_bucket(call, bucket)
    return Done()


@router.get("/{bucket}", summary="List objects", openapi_extra=asks(wire.ObjectList))
async def index(
    call: Asked, bucket: str, asked: Annotated[wire.ObjectList, Depends(query(wire.ObjectList))]
) -> wire.ObjectPage:
    """In the order of their keys, a page at a time; also what nobody uploaded through this API."""
    listing = Listing(asked.prefix or "", asked.delimiter or "", asked.after or "", asked.limit or 1000)
    page = await objects.listing(call, bucket, listing)
    shown = [_entry(one) for one in page.entries]
    return wire.ObjectPage(count=len(shown), truncated=bool(page.next), next=page.next or None, objects=shown)


# Objects.


@router.get(
    KEY,
    summary="Read an object",
    response_model=None,
    responses={
        200: {"description": "The object.", "content": BINARY},
        206: {"description": "The part of it that `Range` asks for.", "content": BINARY},
        304: {"description": "It is the one that `If-None-Match` names."},
        416: {"description": "It has no byte in the range."},
    },
    openapi_extra={
        "parameters": [
            *asks(wire.ObjectQuery)["parameters"],
            *_headers("Range", "If-Range", "If-Match", "If-None-Match"),
        ]
    },
)
async def read(
    call: Asked,
    where: Where,
    deps: Everything,
    request: Request,
    asked: Annotated[wire.ObjectQuery, Depends(query(wire.ObjectQuery))],
) -> Response:
    """All of it, or one range of bytes. With `upload`: how far that upload is, as JSON and in `Upload-Offset`."""
    if asked.upload:
        return _progress(await uploads.find(call, where, asked.upload))
    info = await objects.look(call, where)
    tag = ranges.etag(info.version)
    if (wanted := request.headers.getlist("if-match")) and not ranges.fits(wanted, tag):
        raise Stale("If-Match names another object than the one that is there.")
    told = {"ETag": tag} if tag else {}
    if (known := request.headers.getlist("if-none-match")) and ranges.fits(known, tag):
        return Response(status_code=304, headers=told)
    part = None
    if request.headers.get("if-range", tag) == tag:
        part = ranges.part(request.headers.get("range", ""), info.size)
    offset, length = (0, info.size) if part is None else (part.offset, part.length)
    if part is not None:
        told["Content-Range"] = f"bytes {offset}-{offset + length - 1}/{info.size}"
    told |= {
        "Accept-Ranges": "bytes",
        "Content-Length": str(length),
        "Content-Type": "application/octet-stream",
        "X-Content-Type-Options": "nosniff",
    }
    status = 200 if part is None else 206
    if request.scope["state"]["method"] == "HEAD":
        return Response(status_code=status, headers=told)
    request.scope["state"]["ends"].append(deps.downloads.taken(call.project_id))
    content = _content(call.objects, where, info, ranges.Part(offset, length))
    return StreamingResponse(content, status_code=status, headers=told)


@router.put(
    KEY,
    summary="Write an object",
    response_model=wire.StoredObject | wire.UploadShown,
    responses={
        408: {"description": "It did not come in time."},
        409: {
            "description": "The part does not begin where the upload ends: `Upload-Offset` tells where that is."
        },
    },
    openapi_extra={
        "parameters": [*asks(wire.PartQuery)["parameters"], *_headers("Content-Digest", "If-None-Match")],
        "requestBody": {"required": True, "content": BINARY},
    },
)
async def write(
    call: AskedStreaming,
    where: Where,
    deps: Everything,
    request: Request,
    asked: Annotated[wire.PartQuery, Depends(query(wire.PartQuery))],
) -> Response:
    """The body is the object: it is there, whole, when this is answered, and nothing of it before. It is held to
    a `Content-Digest` (RFC 9530, sha-256 or sha-512); the answer tells the sha-256 of what came.
    `If-None-Match: *`: only where no object is. A body that is signed with an access key has at most 4 MiB, or is
    `UNSIGNED-PAYLOAD`. With `upload` and `offset`: a part of that upload; what comes of one that breaks off stays.
    """
    call.authorise(CONTROL_WRITE, "putObject")
    claimed, create = _conditions(request)
    if (asked.upload is None) != (asked.offset is None):
        raise Invalid(Violation("offset" if asked.upload else "upload", "is mandatory with the other"))
    with deps.uploads.one(call.project_id):
        content = transfers.content(request, deps.pace)
        if asked.upload is not None and asked.offset is not None:
            if create:
                raise Invalid(Violation("If-None-Match", "is said when an upload begins: `create`"))
            return _progress(
                await uploads.append(call, where, asked.upload, asked.offset, content, digest=claimed)
            )
        length = request.headers.get("content-length", "")
        size = int(length) if length.isdecimal() else None
        made = _stored(where, await objects.write(call, where, content, size=size, digest=claimed, create=create))
        return JSONResponse(body_of(made), headers={"ETag": made.etag} if made.etag else {})


@router.delete(KEY, summary="Delete an object", openapi_extra=asks(wire.ObjectQuery))
async def delete(
    call: Asked,
    where: Where,
    request: Request,
    asked: Annotated[wire.ObjectQuery, Depends(query(wire.ObjectQuery))],
) -> Done:
    """One that is not there is deleted already. With `upload`: give up that upload."""
    _unheld(request, "If-Match", "If-None-Match")
    if asked.upload:
        await uploads.abandon(call, where, asked.upload)
    else:
        await objects.delete(call, where)
    return Done()


@router.post(
    KEY,
    summary="Upload in parts, or sign a URL",
    openapi_extra={**takes(wire.ObjectActionBody, wire.UPLOAD), **asks(wire.ObjectAction)},
)
async def act(
    call: Asked,
    where: Where,
    deps: Everything,
    asked: Annotated[wire.ObjectAction, Depends(query(wire.ObjectAction))],
    sent: Annotated[Parsed[wire.ObjectActionBody], Depends(body(wire.ObjectActionBody))],
) -> wire.UploadShown | wire.StoredObject | wire.SignedUrl:
    """`action=upload` begins an upload in parts; with a `digest`, it gives the one of the same object that is not
    whole yet, if there is one. `action=complete&upload=ID` makes it the object. An upload that nobody touches for
    a day is gone. `action=sign` answers a URL at the object store itself, where that can (S3 can)."""
    given = _fields(asked, sent)
    claimed = digest([given.digest] if given.digest else [], "digest")
    match asked.action:
        case "complete":
            with deps.uploads.one(call.project_id):
                return _stored(where, await uploads.complete(call, where, asked.upload or "", claimed))
        case "sign":
            method, expires_s = given.method or "GET", 3600 if given.expires_s is None else given.expires_s
            url = await objects.sign(call, where, method, expires_s)
            return wire.SignedUrl(url=url, method=method, expires_at=call.ctx.clock() + expires_s * 1000)
        case _:
            if given.size is None:
                raise Invalid(Violation("size", "is mandatory"))
            create = bool(given.create)
            return _upload(await uploads.begin(call, where, size=given.size, digest=claimed, create=create))


def _fields(asked: wire.ObjectAction, sent: Parsed[wire.ObjectActionBody]) -> wire.ObjectActionBody:
    """The body of this action; raises Invalid."""
    if asked.action is None:
        raise Invalid(Violation("action", f"is mandatory: {', '.join(wire.FIELDS)}"), *sent.violations)
    violations = list(sent.violations)
    if (asked.upload is None) == (asked.action == "complete"):
        text = "is mandatory with action=complete" if asked.upload is None else f"says nothing to {asked.action}"
        violations.append(Violation("upload", text))
    given = [name for name in wire.ObjectActionBody.model_fields if getattr(sent.value, name) is not None]
    strange = [name for name in given if name not in wire.FIELDS[asked.action]]
    violations += [Violation(name, f"says nothing to action={asked.action}") for name in strange]
    if violations:
        raise Invalid(*violations)
    return sent.value


def _conditions(request: Request) -> tuple[Digest | None, bool]:
    """(what it must come to, whether only where no object is)"""
    fields = ("Content-Digest", "Repr-Digest")
    said = [one for field in fields if (one := digest(request.headers.getlist(field), field))]
    if len(said) > 1 and said[0] != said[1]:
        raise Invalid(Violation("Repr-Digest", "is another than Content-Digest"))
    _unheld(request, "If-Match")
    if request.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}:
        raise Invalid(Violation("Content-Encoding", "is not kept: send the object as it is to be read"))
    unless = request.headers.getlist("if-none-match")
    if unless and unless != ["*"]:
        raise Invalid(Violation("If-None-Match", "can be held to for * alone: only where no object is"))
    return said[0] if said else None, bool(unless)


def _unheld(request: Request, *names: str) -> None:
    """Refuse a condition that the object store cannot hold to, rather than drop it."""
    if wrong := [
        Violation(one, "the object store cannot hold to it here") for one in names if one in request.headers
    ]:
        raise Invalid(*wrong)


async def _content(
    store: ObjectStore, where: ObjectPath, info: ObjectInfo, part: ranges.Part
) -> AsyncIterator[bytes]:
    """Raises BrokenOff: by then it is too late for another answer."""
    if not part.length:
        return
    reading = store.read(where, offset=part.offset, length=part.length, version=info.version)
    try:
        async with aclosing(reading) as pieces:
            async for piece in pieces:
                yield piece
    except ObjectStoreError as error:
        raise BrokenOff(str(error)) from error


def _entry(one: Entry) -> wire.ObjectShown:
    return wire.ObjectShown(key=one.key, size=one.size, etag=ranges.etag(one.version) or None)


def _stored(where: ObjectPath, made: Written) -> wire.StoredObject:
    return wire.StoredObject(
        bucket=where.bucket,
        key=where.key,
        size=made.info.size,
        etag=ranges.etag(made.info.version) or None,
        digest=written(made.digest),
    )


def _progress(upload: Upload) -> Response:
    return JSONResponse(body_of(_upload(upload)), headers={"Upload-Offset": str(upload.offset)})


def _upload(upload: Upload) -> wire.UploadShown:
    return wire.UploadShown(
        upload_id=upload.id,
        bucket=upload.bucket,
        key=upload.key,
        size=upload.size,
        offset=upload.offset,
        digest=written(upload.digest) if upload.digest else None,
        complete=upload.done is not None,
        expires_at=upload.touched_ms + KEEP_S * 1000,
    )
