"""The object store port, over every store: lists, reads, whole writes, conditions, deletions."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelyard.objects.base import (
    ObjectChangedError,
    ObjectExistsError,
    ObjectInfo,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStore,
)
from modelyard.objects.local import LocalObjects
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import ObjectPath

KEYS = ["a", "a b/ü#?%2F+&=;:@,~'\"", "a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "ab", "b", "日本", "😀"]
"""In the order of their code points; as a tree of directories they have another. `a` is also a prefix in S3."""
TREE = [key for key in KEYS if key != "a"]


@pytest.fixture(params=["local", "memory", "s3"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ObjectStore, ObjectPath]:
    """(a store, an empty bucket of it)."""
    match request.param:
        case "local":
            return LocalObjects(tmp_path / "objects"), ObjectPath("bucket")
        case "s3":
            s3 = request.getfixturevalue("s3")
            return s3.objects(), ObjectPath(s3.bucket())
        case _:
            return MemoryObjects(), ObjectPath("bucket")


@pytest.fixture
def objects(store: tuple[ObjectStore, ObjectPath]) -> ObjectStore:
    return store[0]


@pytest.fixture
def bucket(store: tuple[ObjectStore, ObjectPath]) -> ObjectPath:
    return store[1]


async def listed(objects: ObjectStore, path: ObjectPath, after: str = "") -> list[str]:
    return [info.key async for info in objects.list(path, after=after)]


async def content(objects: ObjectStore, path: ObjectPath, **which: int | str) -> bytes:
    return b"".join([piece async for piece in objects.read(path, **which)])  # type: ignore[arg-type]


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


async def test_keys_come_in_order_from_anywhere_on(objects: ObjectStore, bucket: ObjectPath) -> None:
    for key in reversed(TREE):
        await objects.write(bucket / key, key.encode())
    assert sorted(TREE) == TREE
    assert await listed(objects, bucket) == TREE
    for n, key in enumerate(TREE):
        assert await listed(objects, bucket, after=key) == TREE[n + 1 :]
    assert await listed(objects, bucket, after="a/") == TREE[TREE.index("a/b") :]
    assert await listed(objects, bucket, after="a/bb") == TREE[TREE.index("a/c/d") :]
    assert await listed(objects, bucket / "a") == ["b", "b-c", "c/d"]
    assert await listed(objects, bucket / "a", after="b") == ["b-c", "c/d"]
    assert await listed(objects, bucket / "a/b") == []
    assert await listed(objects, bucket / "none") == []
    assert await listed(objects, ObjectPath("nobody")) == []
    for key in TREE:
        assert await content(objects, bucket / key) == key.encode()


async def test_head_says_what_the_list_says(objects: ObjectStore, bucket: ObjectPath) -> None:
    written = await objects.write(bucket / "a/b", b"12345")
    assert (written.key, written.size, bool(written.version)) == ("", 5, True)
    assert await objects.head(bucket / "a/b") == written
    assert [info async for info in objects.list(bucket)] == [ObjectInfo("a/b", 5, written.version)]
    for path in (bucket / "a", bucket / "a/b/c", bucket, ObjectPath("nobody", "a")):
        with pytest.raises(ObjectNotFoundError):
            await objects.head(path)


@pytest.mark.parametrize(
    ("which", "wanted"),
    [
        ({}, b"0123456789"),
        ({"offset": 4}, b"456789"),
        ({"offset": 4, "length": 3}, b"456"),
        ({"length": 1}, b"0"),
        ({"offset": 8, "length": 9}, b"89"),
        ({"offset": 3, "length": 0}, b""),
        ({"offset": 10}, b""),
        ({"offset": 99, "length": 5}, b""),
    ],
)
async def test_ranges(objects: ObjectStore, bucket: ObjectPath, which: dict[str, int], wanted: bytes) -> None:
    info = await objects.write(bucket / "a", b"0123456789")
    assert await content(objects, bucket / "a", **which) == wanted
    assert await content(objects, bucket / "a", version=info.version, **which) == wanted


async def test_an_empty_object(objects: ObjectStore, bucket: ObjectPath) -> None:
    info = await objects.write(bucket / "empty", b"")
    assert info.size == 0
    assert await content(objects, bucket / "empty") == b""
    assert await content(objects, bucket / "empty", offset=1, version=info.version) == b""
    assert await listed(objects, bucket) == ["empty"]


async def test_a_version_is_of_one_content(objects: ObjectStore, bucket: ObjectPath) -> None:
    first = await objects.write(bucket / "a", b"first")
    second = await objects.write(bucket / "a", b"other")
    assert first.version != second.version
    assert await content(objects, bucket / "a", version=second.version) == b"other"
    for which in ({}, {"offset": 2}, {"offset": 1, "length": 2}):
        with pytest.raises(ObjectChangedError):
            await content(objects, bucket / "a", version=first.version, **which)
    with pytest.raises(ObjectNotFoundError):
        await content(objects, bucket / "b", version=first.version)


async def test_large_content_goes_in_and_out_in_pieces(objects: ObjectStore, bucket: ObjectPath) -> None:
    given = [bytes([n]) * 1_000_003 for n in range(12)]
    info = await objects.write(bucket / "large", pieces(*given))
    assert info.size == sum(map(len, given))
    got = [piece async for piece in objects.read(bucket / "large")]
    assert b"".join(got) == b"".join(given)
    assert len(got) > 1
    assert await content(objects, bucket / "large", offset=info.size - 3) == given[-1][-3:]


@pytest.mark.parametrize("before", [0, 12])
async def test_what_breaks_off_is_not_there(objects: ObjectStore, bucket: ObjectPath, before: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(before):
            yield b"x" * 1_000_000
            assert await listed(objects, bucket) == ["old"]
        raise ConnectionResetError

    await objects.write(bucket / "old", b"old")
    for key in ("new", "old"):
        with pytest.raises(ConnectionResetError):
            await objects.write(bucket / key, broken())
    assert await listed(objects, bucket) == ["old"]
    assert await content(objects, bucket / "old") == b"old"


async def test_of_several_creators_one_creates(objects: ObjectStore, bucket: ObjectPath) -> None:
    async def created(n: int) -> bool:
        try:
            await objects.write(bucket / "one", f"{n}".encode() * 5, create=True)
        except ObjectExistsError:
            return False
        return True

    outcomes = await asyncio.gather(*(created(n) for n in range(8)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert await content(objects, bucket / "one") == f"{outcomes.index(True)}".encode() * 5
    with pytest.raises(ObjectExistsError):
        await objects.write(bucket / "one", pieces(b"x" * 6_000_000, b"y" * 6_000_000), create=True)
    await objects.delete(bucket / "one")
    await objects.write(bucket / "one", pieces(b"again"), create=True)
    assert await content(objects, bucket / "one") == b"again"


async def test_what_is_deleted_is_gone(objects: ObjectStore, bucket: ObjectPath) -> None:
    for key in ("a/b/c", "a/d"):
        await objects.write(bucket / key, b"x")
    for path in (bucket / "a/b/c", bucket / "a/b/c", bucket / "a", bucket / "none", ObjectPath("nobody", "a")):
        await objects.delete(path)
    assert await listed(objects, bucket) == ["a/d"]
    await objects.write(bucket / "a/b", b"now an object")
    assert await listed(objects, bucket) == ["a/b", "a/d"]


async def test_deleting_and_writing_side_by_side(objects: ObjectStore, bucket: ObjectPath) -> None:
    async def busy(n: int) -> None:
        for _ in range(8):
            await objects.write(bucket / f"a/b/{n}", b"x")
            await objects.delete(bucket / f"a/b/{n}")

    await asyncio.gather(*map(busy, range(4)))
    assert await listed(objects, bucket) == []


async def test_no_bucket_is_written(objects: ObjectStore, bucket: ObjectPath) -> None:
    with pytest.raises(ObjectRefusedError):
        await objects.write(bucket, b"x")
    await objects.delete(bucket)


@pytest.mark.parametrize(
    "key", ["a\nb", "a\\b", "x" * 1025, "\udce9"], ids=["new line", "backslash", "long", "text"]
)
async def test_keys_that_no_object_may_have(objects: ObjectStore, bucket: ObjectPath, key: str) -> None:
    with pytest.raises(ObjectRefusedError):
        await objects.write(bucket / key, b"x")
