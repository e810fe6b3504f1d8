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

BUCKET = ObjectPath("bucket")
KEYS = ["a", "a b/ü#?%2F+&=;:@,~'\"", "a-b", "a.b", "a/b", "a/b-c", "a/c/d", "a0", "ab", "b", "日本", "😀"]
"""In the order of their code points; as a tree of directories they have another. `a` is also a prefix in S3."""
TREE = [key for key in KEYS if key != "a"]


@pytest.fixture(params=["local", "memory"])
async def objects(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    match request.param:
        case "local":
            yield LocalObjects(tmp_path / "objects")
        case _:
            yield MemoryObjects()


async def listed(objects: ObjectStore, path: ObjectPath, after: str = "") -> list[str]:
    return [info.key async for info in objects.list(path, after=after)]


async def content(objects: ObjectStore, path: ObjectPath, **which: int | str) -> bytes:
    return b"".join([piece async for piece in objects.read(path, **which)])  # type: ignore[arg-type]


async def pieces(*given: bytes) -> AsyncIterator[bytes]:
    for piece in given:
        yield piece


async def test_keys_come_in_order_from_anywhere_on(objects: ObjectStore) -> None:
    for key in reversed(TREE):
        await objects.write(BUCKET / key, key.encode())
    assert sorted(TREE) == TREE
    assert await listed(objects, BUCKET) == TREE
    for n, key in enumerate(TREE):
        assert await listed(objects, BUCKET, after=key) == TREE[n + 1 :]
    assert await listed(objects, BUCKET, after="a/") == TREE[TREE.index("a/b") :]
    assert await listed(objects, BUCKET, after="a/bb") == TREE[TREE.index("a/c/d") :]
    assert await listed(objects, BUCKET / "a") == ["b", "b-c", "c/d"]
    assert await listed(objects, BUCKET / "a", after="b") == ["b-c", "c/d"]
    assert await listed(objects, BUCKET / "a/b") == []
    assert await listed(objects, BUCKET / "none") == []
    assert await listed(objects, ObjectPath("nobody")) == []
    for key in TREE:
        assert await content(objects, BUCKET / key) == key.encode()


async def test_head_says_what_the_list_says(objects: ObjectStore) -> None:
    written = await objects.write(BUCKET / "a/b", b"12345")
    assert (written.key, written.size, bool(written.version)) == ("", 5, True)
    assert await objects.head(BUCKET / "a/b") == written
    assert [info async for info in objects.list(BUCKET)] == [ObjectInfo("a/b", 5, written.version)]
    for path in (BUCKET / "a", BUCKET / "a/b/c", BUCKET, ObjectPath("nobody", "a")):
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
async def test_ranges(objects: ObjectStore, which: dict[str, int], wanted: bytes) -> None:
    info = await objects.write(BUCKET / "a", b"0123456789")
    assert await content(objects, BUCKET / "a", **which) == wanted
    assert await content(objects, BUCKET / "a", version=info.version, **which) == wanted


async def test_an_empty_object(objects: ObjectStore) -> None:
    info = await objects.write(BUCKET / "empty", b"")
    assert info.size == 0
    assert await content(objects, BUCKET / "empty") == b""
    assert await content(objects, BUCKET / "empty", offset=1, version=info.version) == b""
    assert await listed(objects, BUCKET) == ["empty"]


async def test_a_version_is_of_one_content(objects: ObjectStore) -> None:
    first = await objects.write(BUCKET / "a", b"first")
    second = await objects.write(BUCKET / "a", b"other")
    assert first.version != second.version
    assert await content(objects, BUCKET / "a", version=second.version) == b"other"
    for which in ({}, {"offset": 2}, {"offset": 1, "length": 2}):
        with pytest.raises(ObjectChangedError):
            await content(objects, BUCKET / "a", version=first.version, **which)
    with pytest.raises(ObjectNotFoundError):
        await content(objects, BUCKET / "b", version=first.version)


async def test_large_content_goes_in_and_out_in_pieces(objects: ObjectStore) -> None:
    given = [bytes([n]) * 1_000_003 for n in range(12)]
    info = await objects.write(BUCKET / "large", pieces(*given))
    assert info.size == sum(map(len, given))
    got = [piece async for piece in objects.read(BUCKET / "large")]
    assert b"".join(got) == b"".join(given)
    assert len(got) > 1
    assert await content(objects, BUCKET / "large", offset=info.size - 3) == given[-1][-3:]


@pytest.mark.parametrize("before", [0, 12])
async def test_what_breaks_off_is_not_there(objects: ObjectStore, before: int) -> None:
    async def broken() -> AsyncIterator[bytes]:
        for _ in range(before):
            yield b"x" * 1_000_000
            assert await listed(objects, BUCKET) == ["old"]
        raise ConnectionResetError

    await objects.write(BUCKET / "old", b"old")
    for key in ("new", "old"):
        with pytest.raises(ConnectionResetError):
            await objects.write(BUCKET / key, broken())
    assert await listed(objects, BUCKET) == ["old"]
    assert await content(objects, BUCKET / "old") == b"old"


async def test_of_several_creators_one_creates(objects: ObjectStore) -> None:
    async def created(n: int) -> bool:
        try:
            await objects.write(BUCKET / "one", f"{n}".encode() * 5, create=True)
        except ObjectExistsError:
            return False
        return True

    outcomes = await asyncio.gather(*(created(n) for n in range(8)))
    assert sorted(outcomes) == [False] * 7 + [True]
    assert await content(objects, BUCKET / "one") == f"{outcomes.index(True)}".encode() * 5
    with pytest.raises(ObjectExistsError):
        await objects.write(BUCKET / "one", pieces(b"x" * 6_000_000, b"y" * 6_000_000), create=True)
    await objects.delete(BUCKET / "one")
    await objects.write(BUCKET / "one", pieces(b"again"), create=True)
    assert await content(objects, BUCKET / "one") == b"again"


async def test_what_is_deleted_is_gone(objects: ObjectStore) -> None:
    for key in ("a/b/c", "a/d"):
        await objects.write(BUCKET / key, b"x")
    for path in (BUCKET / "a/b/c", BUCKET / "a/b/c", BUCKET / "a", BUCKET / "none", ObjectPath("nobody", "a")):
        await objects.delete(path)
    assert await listed(objects, BUCKET) == ["a/d"]
    await objects.write(BUCKET / "a/b", b"now an object")
    assert await listed(objects, BUCKET) == ["a/b", "a/d"]


async def test_deleting_and_writing_side_by_side(objects: ObjectStore) -> None:
    async def busy(n: int) -> None:
        for _ in range(20):
            await objects.write(BUCKET / f"a/b/{n}", b"x")
            await objects.delete(BUCKET / f"a/b/{n}")

    await asyncio.gather(*map(busy, range(4)))
    assert await listed(objects, BUCKET) == []


async def test_no_bucket_is_written(objects: ObjectStore) -> None:
    with pytest.raises(ObjectRefusedError):
        await objects.write(BUCKET, b"x")
    await objects.delete(BUCKET)


@pytest.mark.parametrize(
    "key", ["a\nb", "a\\b", "x" * 1025, "\udce9"], ids=["new line", "backslash", "long", "text"]
)
async def test_keys_that_no_object_may_have(objects: ObjectStore, key: str) -> None:
    with pytest.raises(ObjectRefusedError):
        await objects.write(BUCKET / key, b"x")
