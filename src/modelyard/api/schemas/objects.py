"""Objects on the wire. An extension: the contract knows object paths, and no calls about them."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema

from modelyard.api.schemas.answer import Answer, Maybe, answer
from modelyard.api.schemas.wire import Integer, Wire

MOST = 10_000

Limit = Annotated[
    Annotated[Integer, Field(ge=1, le=MOST), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST})]
    | None,
    Field(description="entries of a page. Default 1000."),
]
Bytes = Annotated[
    Integer, Field(ge=0, le=2**53), WithJsonSchema({"type": "integer", "minimum": 0, "maximum": 2**53})
]
Id = Annotated[str | None, Field(description="an upload in parts: about it, and not about the object")]


class ObjectList(Wire):
    """Query of GET /objects/{bucket}."""

    prefix: Annotated[str | None, Field(description="only keys that begin so")] = None
    delimiter: Annotated[
        str | None, Field(max_length=1, description="keys with it behind the prefix are one entry; mostly `/`")
    ] = None
    after: Annotated[str | None, Field(description="only keys behind this one: `next` of the page before")] = None
    limit: Limit = None


class ObjectQuery(Wire):
    """Query of GET and DELETE /objects/{bucket}/{key}."""

    upload: Id = None


class PartQuery(Wire):
    """Query of PUT /objects/{bucket}/{key}."""

    upload: Id = None
    offset: Annotated[Bytes | None, Field(description="where the part begins: how far the upload is")] = None


class ObjectAction(Wire):
    """Query of POST /objects/{bucket}/{key}."""

    action: Annotated[
        Literal["upload", "complete", "sign"] | None, Field(description="mandatory: what the call is for")
    ] = None
    upload: Id = None


class ObjectActionBody(Wire):
    """POST /objects/{bucket}/{key}: a field of another action than the one asked for is refused."""

    size: Annotated[Bytes | None, Field(description="`upload`, mandatory: bytes of the whole object")] = None
    digest: Annotated[
        str | None,
        Field(description="`upload`, `complete`: what the object must come to, `sha-256=:BASE64:` (RFC 9530)"),
    ] = None
    create: Annotated[bool | None, Field(description="`upload`: only where no object is")] = None
    method: Annotated[
        Literal["GET", "PUT"] | None, Field(description="`sign`: what the URL is for. Default GET.")
    ] = None
    expires_s: Annotated[
        Integer | None, Field(description="`sign`: how long it is good, 1 to 604800. Default 3600.")
    ] = None


UPLOAD: dict[str, Any] = {
    "size": 104857600,
    "digest": "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
}
BODIES = (ObjectActionBody,)
FIELDS: dict[str, Sequence[str]] = {
    "upload": ("size", "digest", "create"),
    "complete": ("digest",),
    "sign": ("method", "expires_s"),
}


@answer
class BucketShown(Answer):
    bucket: str


@answer
class BucketPage(Answer):
    total_count: int
    count: int
    buckets: list[BucketShown]


@answer
class ObjectShown(Answer):
    """An object; one without a size stands for all whose keys begin with its own."""

    key: str
    size: Maybe[int] = None
    etag: Maybe[str] = None


@answer
class ObjectPage(Answer):
    """How many there are in all is not known: nobody counts them. `next` is there if `truncated`."""

    count: int
    truncated: bool
    next: Maybe[str] = None
    objects: list[ObjectShown]


@answer
class StoredObject(Answer):
    """`digest` as in `Content-Digest` (RFC 9530), always of sha-256."""

    bucket: str
    key: str
    size: int
    etag: Maybe[str] = None
    digest: str


@answer
class UploadShown(Answer):
    """`offset`: so many of its `size` bytes are there to stay. `complete`: it became the object."""

    upload_id: str
    bucket: str
    key: str
    size: int
    offset: int
    digest: Maybe[str] = None
    complete: bool
    expires_at: int


@answer
class SignedUrl(Answer):
    """Whoever has it may do it, without a token, until it expires."""

    url: str
    method: str
    expires_at: int


_DIGEST = "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
_PLACE = {"bucket": "models", "key": "digits/model/model.onnx"}
EXAMPLES: dict[type[Answer], dict[str, Any]] = {
    BucketPage: {"total_count": 1, "count": 1, "buckets": [{"bucket": "models"}]},
    ObjectPage: {
        "count": 2,
        "truncated": True,
        "next": "digits/model/config.json",
        "objects": [{"key": "digits/data/"}, {"key": "digits/model/config.json", "size": 412, "etag": '"9b2f"'}],
    },
    StoredObject: {**_PLACE, "size": 104857600, "etag": '"7c01"', "digest": _DIGEST},
    UploadShown: {
        **{"upload_id": "0f4d2c6e8a1b3d5f7092b4d6f8a0c2e4", **_PLACE},
        **{"size": 104857600, "offset": 73400320, "digest": _DIGEST},
        **{"complete": False, "expires_at": 1700086400000},
    },
    SignedUrl: {
        "url": "https://models.s3.example.com/digits/model/model.onnx?X-Amz-Signature=…",
        "method": "GET",
        "expires_at": 1700003600000,
    },
}
