"""An object store behind the S3 API: every bucket of one endpoint (obstore's S3Store, path style).

What the endpoint forbids is refused at once and for good, in a sentence that says who refused what; what may pass
(no connection, an error of its server) is tried again a few times, further and further apart, and then the store
is unavailable. Content of more than a part (`PART`) is sent in parts, as many as obstore may hold.

`create` is the endpoint's own condition (If-None-Match) for content of one part. For larger content, and at an
endpoint that says that it has no such condition, the object is looked for before it is written, and once more
before its last part: somebody may come between. A store that takes the condition and ignores it overwrites; some
(Swift) let two creators through that come at the same moment. So those of this process go one after the other.

S3 knows keys that no path here has (`a//b`, `a/./b`): a list that meets one refuses. An empty object `a/`, as
consoles make for a folder, is not one of ours and left out.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from weakref import WeakValueDictionary

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    InvalidPathError,
    NotSupportedError,
    PermissionDeniedError,
    PreconditionError,
    UnauthenticatedError,
)
from obstore.store import S3Store

from modelyard.domain.endpoints import Endpoint
from modelyard.objects import tree
from modelyard.objects.base import (
    Content,
    Method,
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.paths import ObjectPath

PART = 16 * 1024 * 1024
PARTS_AT_ONCE = 3
PIECE = 1 << 20
STORES = 256
"""Buckets whose connections are kept."""
TRIES = 4
RETRY_FOR = timedelta(seconds=10)
SILENCE = timedelta(seconds=60)
WHOLE = timedelta(hours=24)
"""How long one answer may take altogether."""
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w{1,80})</Code>")
_REASONS = {
    "connection refused": "the connection is refused",
    "dns error": "its name is not known",
    "certificate": "its certificate is not trusted",
    "timed out": "it does not answer in time",
    "timeout": "it does not answer in time",
}


class S3Objects:
    """Every bucket at `endpoint`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._stores: dict[str, S3Store] = {}
        self._creating: WeakValueDictionary[ObjectPath, asyncio.Lock] = WeakValueDictionary()

    async def list(self, path: ObjectPath, *, after: str = "") -> AsyncGenerator[ObjectInfo, None]:
        prefix = f"{path.key}/" if path.key else ""
        store, last = self._store(path), ""
        try:
            with self._told(path, "listed"):
                async for page in store.list(path.key or None, offset=_start(prefix + after) if after else None):
                    for meta in page:
                        key = meta["path"].removeprefix(prefix)
                        if key <= after:
                            continue
                        if not meta["size"] and (key <= last or not await self._there(path / key)):
                            continue  # a folder
                        if key <= last:
                            raise ObjectRefusedError(f"{path}: {self._endpoint.url} lists keys in no order")
                        last = key
                        yield ObjectInfo(key, meta["size"], meta["e_tag"] or "")
        except ObjectNotFoundError:
            return  # no such bucket

    async def head(self, path: ObjectPath) -> ObjectInfo:
        if not path.key:
            raise ObjectNotFoundError(f"{path} does not exist: it is a bucket")
        with self._told(path, "read"):
            meta = await self._store(path).head_async(path.key)
        return ObjectInfo("", meta["size"], meta["e_tag"] or "")

    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        if length == 0 or not path.key:
            info = await self.head(path)
            if version and info.version != version:
                raise ObjectChangedError(f"{path} is another object by now")
            return
        options: obstore.GetOptions = {"if_match": version} if version else {}
        if length is not None:
            options["range"] = (offset, offset + length)
        elif offset:
            options["range"] = {"offset": offset}
        try:
            with self._told(path, "read"):
                found = await self._store(path).get_async(path.key, options=options)
                async for piece in found.stream(min_chunk_size=PIECE):
                    yield bytes(piece)
        except _NothingThereError:
            return

    async def write(self, path: ObjectPath, content: Content, *, create: bool = False) -> ObjectInfo:
        if not path.key:
            raise ObjectRefusedError(f"{path} names a bucket, not an object in it")
        try:
            tree.named(path.key)
        except tree.RefusedFileError as error:
            raise ObjectRefusedError(f"{path}: {error}") from error
        if not create:
            return await self._write(path, content, create=False)
        async with self._creating.setdefault(path, asyncio.Lock()):
            return await self._write(path, content, create=True)

    async def _write(self, path: ObjectPath, content: Content, *, create: bool) -> ObjectInfo:
        if isinstance(content, bytes):
            return await self._put(path, content, create=create)
        pieces = aiter(content)
        begin, ended = await _up_to_a_part(pieces)
        if ended:
            return await self._put(path, begin, create=create)
        return await self._put_in_parts(path, begin, pieces, create=create)

    async def delete(self, path: ObjectPath) -> None:
        if not path.key:
            return
        try:
            with self._told(path, "deleted"):
                await self._store(path).delete_async(path.key)
        except ObjectNotFoundError:
            return

    async def obstacle(self, path: ObjectPath) -> str:
        return ""

    async def sign(self, path: ObjectPath, method: Method, expires_s: int) -> str | None:
        with self._told(path, "signed"):
            return await obstore.sign_async(self._store(path), method, path.key, timedelta(seconds=expires_s))

    async def _put(self, path: ObjectPath, content: bytes, *, create: bool) -> ObjectInfo:
        store = self._store(path)
        with self._told(path, "written"):
            try:
                put = await store.put_async(
                    path.key, content, mode="create" if create else "overwrite", use_multipart=False
                )
            except NotSupportedError:
                if await self._there(path):
                    raise ObjectExistsError(f"{path} is there already") from None
                put = await store.put_async(path.key, content, use_multipart=False)
        return await self._info(path, len(content), put["e_tag"])

    async def _put_in_parts(
        self, path: ObjectPath, begin: bytes, pieces: AsyncIterator[bytes], *, create: bool
    ) -> ObjectInfo:
        size = 0
        own: list[BaseException] = []

        async def checked() -> AsyncIterator[bytes]:
            nonlocal size
            try:
                if create:
                    await self._free(path)
                size = len(begin)
                yield begin
                async for piece in pieces:
                    size += len(piece)
                    yield piece
                if create:
                    await self._free(path)
            except Exception as error:
                own.append(error)  # whatever obstore makes of it, it is not the endpoint's
                raise

        try:
            with self._told(path, "written"):
                put = await self._store(path).put_async(
                    path.key, checked(), use_multipart=True, chunk_size=PART, max_concurrency=PARTS_AT_ONCE
                )
        except Exception:
            if own:
                raise own[0] from None
            raise
        return await self._info(path, size, put["e_tag"])

    async def _free(self, path: ObjectPath) -> None:
        if await self._there(path):
            raise ObjectExistsError(f"{path} is there already")

    async def _there(self, path: ObjectPath) -> bool:
        try:
            await self.head(path)
        except ObjectNotFoundError:
            return False
        return True

    async def _info(self, path: ObjectPath, size: int, version: str | None) -> ObjectInfo:
        return ObjectInfo("", size, version) if version else await self.head(path)

    def _store(self, path: ObjectPath) -> S3Store:
        store = self._stores.pop(path.bucket, None)
        if store is None:
            if len(self._stores) >= STORES:
                del self._stores[next(iter(self._stores))]
            store = _store(self._endpoint, path.bucket)
        self._stores[path.bucket] = store
        return store

    @contextmanager
    def _told(self, path: ObjectPath, done: str) -> Iterator[None]:
        """What obstore says becomes what the port says. `done`: what cannot be."""
        try:
            yield
        except ObjectStoreError:
            raise
        except (BaseError, FileNotFoundError, ValueError) as error:
            raise self._translated(error, path, done) from None  # the original shows what was sent

    def _translated(self, error: Exception, path: ObjectPath, done: str) -> ObjectStoreError:
        text = str(error)
        said = _STATUS.search(text)
        status, code = int(said[1]) if said else 0, _CODE.search(text)
        why = code[1] if code else str(status)
        where = self._endpoint.url
        match error:
            case AlreadyExistsError():
                return ObjectExistsError(f"{path} is there already")
            case PreconditionError():
                return ObjectChangedError(f"{path} is another object by now")
            case InvalidPathError() | ValueError():
                return ObjectRefusedError(f"{path} cannot be {done}: {text.splitlines()[0]}")
        if status == 416:
            return _NothingThereError(f"{path} ends before")
        if isinstance(error, FileNotFoundError) or status == 404:
            if done == "written":
                return ObjectRefusedError(f"{path} cannot be written: {where} has no bucket {path.bucket!r}")
            return ObjectNotFoundError(f"{path} does not exist")
        if isinstance(error, PermissionDeniedError | UnauthenticatedError) or status in {401, 403}:
            said_no = "does not let us do that" if why == "AccessDenied" else "refused our credentials"
            return ObjectRefusedError(f"{path} cannot be {done}: {where} {said_no} ({why})")
        if 300 <= status < 500 and status not in {408, 409, 425, 429}:
            return ObjectRefusedError(f"{path} cannot be {done}: {where} refuses it ({why})")
        if status:
            return ObjectStoreUnavailableError(f"{path} cannot be {done}: {where} answers {why}")
        lower = text.lower()
        reason = next((ours for theirs, ours in _REASONS.items() if theirs in lower), "the connection broke")
        return ObjectStoreUnavailableError(f"{path} cannot be {done}: {where} cannot be reached: {reason}")


class _NothingThereError(ObjectStoreError):
    """The object ends before what was asked for."""


async def _up_to_a_part(pieces: AsyncIterator[bytes]) -> tuple[bytes, bool]:
    """What comes first, at least a part of it or everything, and whether that is all."""
    begin = bytearray()
    async for piece in pieces:
        begin += piece
        if len(begin) > PART:
            return bytes(begin), False
    return bytes(begin), True


def _start(after: str) -> str | None:
    """A key that obstore takes, at or before `after`: what a list may begin behind."""
    whole = []
    for segment in after.split("/"):
        if segment in {"", ".", ".."}:
            break
        whole.append(segment)
    return "/".join(whole) or None


def _store(endpoint: Endpoint, bucket: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=endpoint.url,
        region=endpoint.region,
        access_key_id=endpoint.access_key,
        secret_access_key=endpoint.secret_key,
        virtual_hosted_style_request=False,
        disable_bulk_delete=True,
        client_options={
            "allow_http": endpoint.url.startswith("http://"),
            "connect_timeout": timedelta(seconds=5),
            "read_timeout": SILENCE,
            "timeout": WHOLE,
            "user_agent": "modelyard",
        },
        retry_config={
            "max_retries": TRIES - 1,
            "retry_timeout": RETRY_FOR,
            "backoff": {
                "init_backoff": timedelta(milliseconds=100),
                "max_backoff": timedelta(seconds=3),
                "base": 3,
            },
        },
    )
