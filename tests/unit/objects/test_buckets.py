"""Which store a bucket is in, and that only configured hosts are asked for what somebody presigned."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from modelyard.domain.endpoints import Endpoint
from modelyard.objects import buckets as module
from modelyard.objects.base import ObjectRefusedError, ObjectStoreUnavailableError
from modelyard.objects.buckets import Buckets
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import ObjectPath, Presigned
from modelyard.objects.presigned import PresignedObjects

ONE = Endpoint("https://one.example", "ak", "secret")
TWO = Endpoint("https://two.example", "ak", "secret")
SIGNED = "X-Amz-Signature=SECRET"


class World:
    """Every endpoint's buckets are in a memory of its own; `asked` are the requests for presigned URLs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 0.0
        self.loads = 0
        self.away = False
        self.endpoints: dict[str, Endpoint] = {}
        self.memories: dict[Endpoint | None, MemoryObjects] = {None: MemoryObjects()}
        self.asked: list[str] = []
        monkeypatch.setattr(module, "S3Objects", lambda e: self.memories.setdefault(e, MemoryObjects()))

    async def load(self) -> dict[str, Endpoint]:
        self.loads += 1
        if self.away:
            raise ObjectStoreUnavailableError("the database is away")
        return dict(self.endpoints)

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))

        async def content() -> AsyncIterator[bytes]:
            yield b"signed"

        return httpx.Response(200, content=content(), headers={"ETag": '"v"', "Content-Length": "6"})

    def buckets(self, default: Endpoint | None = None) -> Buckets:
        presigned = PresignedObjects(httpx.MockTransport(self.answer))
        return Buckets(self.memories[None], self.load, default, presigned=presigned, clock_s=lambda: self.now_s)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


async def test_a_bucket_is_where_the_administrator_says(world: World) -> None:
    objects = world.buckets()
    path = ObjectPath("b", "k")
    await objects.write(path, b"here")
    world.endpoints["b"] = ONE
    await objects.write(path, b"still here")
    world.now_s += module.FRESH_S
    await objects.write(path, b"one")
    world.endpoints["b"] = TWO
    world.now_s += module.FRESH_S
    await objects.write(path, b"two")
    assert [world.memories[e].content("b/k") for e in (None, ONE, TWO)] == [b"still here", b"one", b"two"]
    assert [info.key async for info in objects.list(ObjectPath("b"))] == ["k"]
    assert b"".join([piece async for piece in objects.read(path)]) == b"two"
    assert (await objects.head(path)).size == 3
    await objects.delete(path)
    assert world.memories[TWO].keys("b") == []
    assert world.loads == 3
    world.endpoints["b"] = ONE
    objects.moved()
    assert (await objects.head(path)).size == 3
    assert world.loads == 4


async def test_the_default_has_what_nobody_placed(world: World) -> None:
    world.endpoints["b"] = ONE
    objects = world.buckets(TWO)
    await objects.write(ObjectPath("a", "k"), b"x")
    await objects.write(ObjectPath("b", "k"), b"x")
    assert (world.memories[TWO].keys("a"), world.memories[ONE].keys("b"), world.memories[None].keys("a")) == (
        ["k"],
        ["k"],
        [],
    )


async def test_who_cannot_look_up_does_not_guess(world: World) -> None:
    objects = world.buckets()
    world.away = True
    with pytest.raises(ObjectStoreUnavailableError):
        await objects.write(ObjectPath("b", "k"), b"x")
    world.away = False
    await objects.write(ObjectPath("b", "k"), b"x")


async def test_only_configured_hosts_are_asked(world: World) -> None:
    world.endpoints["b"] = ONE
    objects = world.buckets(TWO)
    for url in (f"https://b.one.example/k?{SIGNED}", f"https://two.example/b/k?{SIGNED}"):
        place = await objects.locate(url)
        assert isinstance(place, Presigned)
        assert (await objects.head(place)).size == 6
        assert b"".join([piece async for piece in objects.read(place)]) == b"signed"
        assert set(world.asked) == {url}
        world.asked.clear()
    for url in (f"https://b.evil.example/k?{SIGNED}", f"http://169.254.169.254/b/k?{SIGNED}"):
        assert await objects.locate(url) == ObjectPath("b", "k")


async def test_what_was_located_before_a_change_is_asked_no_more(world: World) -> None:
    world.endpoints["b"] = ONE
    objects = world.buckets()
    place = await objects.locate(f"https://b.one.example/k?{SIGNED}")
    world.endpoints.clear()
    world.now_s += module.FRESH_S
    for forged in (place, Presigned(f"https://b.evil.example/k?{SIGNED}", ObjectPath("b", "k"))):
        with pytest.raises(ObjectRefusedError) as refused:
            await objects.head(forged)
        with pytest.raises(ObjectRefusedError):
            [piece async for piece in objects.read(forged)]
        assert "SECRET" not in str(refused.value)
    assert world.asked == []


async def test_files_of_this_machine_are_no_endpoint(tmp_path: Path, world: World) -> None:
    with pytest.raises(ValueError, match="must begin with"):
        await world.buckets().locate(f"file://{tmp_path}")
