"""An S3 store, over a real server: who is refused and how it is said, outages, and what only S3 has."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from tests.worlds import s3_names
from tests.worlds.s3 import S3Server

from modelyard.domain.endpoints import Endpoint
from modelyard.objects import s3 as module
from modelyard.objects.base import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.buckets import Buckets
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import ObjectPath, Presigned
from modelyard.objects.s3 import S3Objects


async def content(objects: S3Objects, path: ObjectPath) -> bytes:
    return b"".join([piece async for piece in objects.read(path)])


async def every_call(objects: S3Objects, path: ObjectPath) -> AsyncIterator[tuple[str, Exception]]:
    """What each of the port's calls raises."""
    calls = {
        "listed": lambda: _all(objects, path.above),
        "head": lambda: objects.head(path),
        "read": lambda: content(objects, path),
        "written": lambda: objects.write(path, b"x"),
        "created": lambda: objects.write(path, b"x", create=True),
        "parts": lambda: objects.write(path, _large()),
        "deleted": lambda: objects.delete(path),
    }
    for name, call in calls.items():
        with pytest.raises(Exception) as raised:
            await call()
        yield name, raised.value


async def _all(objects: S3Objects, path: ObjectPath) -> list[str]:
    return [info.key async for info in objects.list(path)]


async def _large() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"x" * (module.PART // 2 + 1)


@pytest.mark.parametrize(("who", "told"), [("impostor", "refused our credentials"), ("reader", "AccessDenied")])
async def test_who_is_refused_is_told_by_whom(
    s3: S3Server, who: str, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    path = ObjectPath(s3.bucket(), "a/b")
    await s3.objects().write(path, b"content")
    endpoint: Endpoint = getattr(s3, who)
    async for call, error in every_call(S3Objects(endpoint), path):
        assert isinstance(error, ObjectRefusedError), (call, error)
        if call not in {"head", "parts"}:  # an answer to HEAD has no body; to parts, Swift says of no bucket
            assert told in str(error), call
        assert s3.url in str(error)
        assert endpoint.secret_key not in f"{error} {error!r} {caplog.text}"
    assert endpoint.secret_key not in repr(endpoint)


async def test_nobody_there_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    objects = S3Objects(Endpoint(url, "ak", "the-secret"))
    async for call, error in every_call(objects, ObjectPath("bucket", "a/b")):
        assert isinstance(error, ObjectStoreUnavailableError), (call, error)
        assert f"{url} cannot be reached: the connection is refused" in str(error)
        assert "the-secret" not in f"{error!r}{error.__cause__!r}"


async def test_a_bucket_that_is_not_there(s3: S3Server) -> None:
    objects, path = s3.objects(), ObjectPath("no-such-bucket", "a")
    assert await _all(objects, path.above) == []
    await objects.delete(path)
    for call in (objects.head(path), content(objects, path)):
        with pytest.raises(ObjectNotFoundError):
            await call
    for create in (False, True):
        with pytest.raises(ObjectRefusedError, match="has no bucket 'no-such-bucket'"):
            await objects.write(path, b"x", create=create)


async def test_a_server_that_dies_in_mid_read(s3: S3Server) -> None:
    """obstore itself goes on where the connection broke, if the server is back in time; else whoever reads does,
    from what came, at the same version."""
    objects, path = s3.objects(), ObjectPath(s3.bucket(), "large")
    given = b"".join(bytes([n]) * 1_000_000 for n in range(40))
    info = await objects.write(path, given)
    got = bytearray()
    breaks = 0
    while len(got) < len(given):
        try:
            async for piece in objects.read(path, offset=len(got), version=info.version):
                got += piece
                if not breaks:
                    s3.kill()
                    breaks += 1
        except ObjectStoreUnavailableError:
            breaks += 1
            s3.running()
    assert breaks > 1
    assert bytes(got) == given


async def test_a_server_that_dies_in_mid_write(s3: S3Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TRIES", 2)
    objects, path = s3.objects(), ObjectPath(s3.bucket(), "large")

    async def pieces() -> AsyncIterator[bytes]:
        for n in range(8):
            yield bytes([n]) * module.PART
            if n == 3:
                await asyncio.to_thread(s3.kill)

    with pytest.raises(ObjectStoreUnavailableError):
        await objects.write(path, pieces())
    s3.running()
    assert await _all(s3.objects(), path.above) == []


async def test_large_content_and_the_condition(s3: S3Server) -> None:
    objects, bucket = s3.objects(), ObjectPath(s3.bucket())
    info = await objects.write(bucket / "large", _large(), create=True)
    assert info == await objects.head(bucket / "large")
    assert info.size == 3 * (module.PART // 2 + 1)

    async def overtaken() -> AsyncIterator[bytes]:
        async for piece in _large():
            yield piece
        await objects.write(bucket / "late", b"first")

    for path, pieces in ((bucket / "large", _large()), (bucket / "late", overtaken())):
        with pytest.raises(ObjectExistsError):
            await objects.write(path, pieces, create=True)
    assert await content(objects, bucket / "late") == b"first"


async def test_what_breaks_off_leaves_no_parts(s3: S3Server) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * module.PART
        raise FileNotFoundError("of the caller")

    objects, bucket = s3.objects(), ObjectPath(s3.bucket())
    with pytest.raises(FileNotFoundError, match="of the caller"):
        await objects.write(bucket / "a", broken())
    assert await _all(objects, bucket) == []
    assert "<Upload>" not in s3.call("GET", f"/{bucket.bucket}?uploads=").text


async def test_keys_that_directories_cannot_have(s3: S3Server) -> None:
    objects, bucket = s3.objects(), ObjectPath(s3.bucket())
    for key in ("a", "a-", "a/b", "a0"):
        await objects.write(bucket / key, b"x")
    await objects.write(bucket / "empty", b"")
    for folder in ("a/", "a/c/", "empty/"):
        assert s3.call("PUT", f"/{bucket.bucket}/{folder}").status_code == 200
    assert await _all(objects, bucket) == ["a", "a-", "a/b", "a0", "empty"]
    assert await _all(objects, bucket / "a") == ["b"]
    assert s3.call("PUT", f"/{bucket.bucket}/b//c").status_code == 200
    with pytest.raises(ObjectRefusedError, match="empty path segment"):
        await _all(objects, bucket)
    assert await _all(objects, bucket / "a") == ["b"]


async def test_lists_of_more_than_a_page(s3: S3Server) -> None:
    """The server's pages have 20 keys."""
    objects, bucket = s3.objects(), ObjectPath(s3.bucket())
    for n in range(50):
        await objects.write(bucket / f"d/{n}", b"x")
    wanted = sorted(str(n) for n in range(50))
    assert await _all(objects, bucket / "d") == wanted
    behind = [info.key async for info in objects.list(bucket / "d", after="3")]
    assert behind == [key for key in wanted if key > "3"]


async def test_signed_urls(s3: S3Server) -> None:
    objects, path = s3.objects(), ObjectPath(s3.bucket(), "a/ü b")
    put = await objects.sign(path, "PUT", 60)
    get = await objects.sign(path, "GET", 60)
    assert put is not None
    assert get is not None
    assert s3_names.ADMIN_SECRET not in put
    async with httpx.AsyncClient() as client:
        assert (await client.put(put, content=b"by url")).status_code == 200
        assert (await client.get(get)).content == b"by url"
        assert (await client.put(get, content=b"not this")).status_code == 403


async def test_what_somebody_presigned(s3: S3Server) -> None:
    async def load() -> dict[str, Endpoint]:
        return {}

    bucket = ObjectPath(s3.bucket())
    objects = Buckets(MemoryObjects(), load, s3.admin)
    info = await objects.write(bucket / "a/ü b", b"0123456789")
    await objects.write(bucket / "empty", b"")
    url = await objects.sign(bucket / "a/ü b", "GET", 60)
    assert url is not None
    place = await objects.locate(url)
    assert isinstance(place, Presigned)
    assert place.path == bucket / "a/ü b"
    assert await objects.head(place) == info
    assert (
        b"".join([piece async for piece in objects.read(place, offset=3, length=4, version=info.version)])
        == b"3456"
    )
    assert b"".join([piece async for piece in objects.read(place, offset=10)]) == b""
    await objects.write(bucket / "a/ü b", b"other")
    with pytest.raises(ObjectChangedError):
        [piece async for piece in objects.read(place, version=info.version)]
    empty = await objects.locate(await objects.sign(bucket / "empty", "GET", 60) or "")
    assert await objects.head(empty) == await objects.head(bucket / "empty")
    with pytest.raises(ObjectRefusedError, match="its signature is refused"):
        await objects.head(await objects.locate(f"{url}0"))
    await objects.delete(bucket / "a/ü b")
    with pytest.raises(ObjectNotFoundError):
        await objects.head(place)
    await objects.close()
