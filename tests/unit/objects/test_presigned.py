"""Reading what somebody presigned: sizes, ranges, versions, faults, and servers that do not keep to the rules."""

import logging
from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from modelyard.objects import presigned as module
from modelyard.objects.base import (
    ObjectChangedError,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.paths import ObjectPath, Presigned
from modelyard.objects.presigned import PresignedObjects

URL = "https://one.example/b/a%20k?X-Amz-Expires=9&X-Amz-Signature=SECRET"
PLACE = Presigned(URL, ObjectPath("b", "a k"))
CONTENT = b"0123456789"


def answered(status: int, content: bytes, **headers: str) -> httpx.Response:
    async def streamed() -> AsyncIterator[bytes]:
        yield content

    length = {"Content-Length": str(len(content)), "ETag": '"v1"'}
    return httpx.Response(status, content=streamed(), headers={**length, **headers})


def ranged(request: httpx.Request) -> httpx.Response:
    """As S3 answers."""
    assert (str(request.url), request.method) == (URL, "GET")
    if request.headers.get("if-match", '"v1"') != '"v1"':
        return httpx.Response(412)
    wanted = request.headers.get("range")
    if wanted is None:
        return answered(200, CONTENT)
    first, _, last = wanted.removeprefix("bytes=").partition("-")
    part = CONTENT[int(first) : int(last) + 1 if last else None]
    if not part:
        return httpx.Response(416)
    told = f"bytes {first}-{int(first) + len(part) - 1}/{len(CONTENT)}"
    return answered(206, part, **{"Content-Range": told})


def plain(request: httpx.Request) -> httpx.Response:
    """Knows no ranges and no conditions."""
    return answered(200, CONTENT)


def reading(answer: Callable[[httpx.Request], httpx.Response]) -> PresignedObjects:
    return PresignedObjects(httpx.MockTransport(answer))


async def content(objects: PresignedObjects, **which: int | str) -> bytes:
    return b"".join([piece async for piece in objects.read(PLACE, **which)])  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAUSE_S", 0)


@pytest.mark.parametrize("answer", [ranged, plain])
async def test_sizes_ranges_and_versions(answer: Callable[[httpx.Request], httpx.Response]) -> None:
    objects = reading(answer)
    info = await objects.head(PLACE)
    assert (info.key, info.size, info.version) == ("", 10, '"v1"')
    assert await content(objects) == CONTENT
    assert await content(objects, offset=7, version='"v1"') == b"789"
    assert await content(objects, offset=3, length=4) == b"3456"
    assert await content(objects, offset=8, length=40) == b"89"
    assert await content(objects, offset=10) == b""
    assert await content(objects, offset=3, length=0) == b""
    for which in ({}, {"offset": 3}, {"length": 0}):
        with pytest.raises(ObjectChangedError):
            await content(objects, version='"v0"', **which)


async def test_an_empty_object() -> None:
    def empty(request: httpx.Request) -> httpx.Response:
        if "range" in request.headers:
            return answered(416, b"no", ETag="", **{"Content-Range": "bytes */0"})
        return answered(200, b"", ETag='"e"')

    info = await reading(empty).head(PLACE)
    assert (info.size, info.version) == (0, '"e"')
    assert await content(reading(empty)) == b""


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, ObjectRefusedError),
        (403, ObjectRefusedError),
        (404, ObjectNotFoundError),
        (301, ObjectRefusedError),
        (302, ObjectRefusedError),
        (405, ObjectRefusedError),
        (412, ObjectChangedError),
        (429, ObjectStoreUnavailableError),
        (503, ObjectStoreUnavailableError),
    ],
)
async def test_refusals(status: int, error: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(status, headers={"Location": "http://169.254.169.254/SECRET"})

    for call in (reading(answer).head(PLACE), content(reading(answer))):
        with pytest.raises(error) as raised:
            await call
        assert str(raised.value).startswith("https://one.example/b/a%20k ")
        assert "SECRET" not in f"{raised.value!r}{caplog.text}"
    assert set(asked) == {URL}
    assert len(asked) == (2 * module.TRIES if error is ObjectStoreUnavailableError else 2)


async def test_what_passes_is_tried_again() -> None:
    faults = [httpx.ConnectError("SECRET"), httpx.ReadTimeout("SECRET")]

    def answer(request: httpx.Request) -> httpx.Response:
        if faults:
            raise faults.pop()
        return ranged(request)

    assert await content(reading(answer)) == CONTENT

    def never(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError(f"no route to {request.url}")

    with pytest.raises(ObjectStoreUnavailableError, match="cannot be reached") as raised:
        await content(reading(never))
    assert "SECRET" not in str(raised.value)
    assert raised.value.__cause__ is None


async def test_another_part_than_was_asked_for() -> None:
    def other(request: httpx.Request) -> httpx.Response:
        return answered(206, b"0", **{"Content-Range": "bytes 0-0/10"})

    with pytest.raises(ObjectRefusedError, match="another part"):
        await content(reading(other), offset=3)
