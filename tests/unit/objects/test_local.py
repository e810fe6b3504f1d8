"""Objects in a directory: what of the disk is one, that no link leads out, that nothing is there by halves."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelyard.objects import tree
from modelyard.objects.base import (
    ObjectChangedError,
    ObjectNotFoundError,
    ObjectRefusedError,
    ObjectStoreUnavailableError,
)
from modelyard.objects.local import WRITING, LocalObjects
from modelyard.objects.paths import ObjectPath


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def objects(root: Path) -> LocalObjects:
    return LocalObjects(root)


async def content(objects: LocalObjects, path: ObjectPath) -> bytes:
    return b"".join([piece async for piece in objects.read(path)])


async def keys(objects: LocalObjects, path: ObjectPath, after: str = "") -> list[str]:
    return [info.key async for info in objects.list(path, after=after)]


async def test_list_and_read(objects: LocalObjects, root: Path) -> None:
    for name, text in {"a/z": "1", "a/b/ü x#": "22", "ab": "3"}.items():
        path = root / "bucket" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = [info async for info in objects.list(ObjectPath("bucket", "a"))]
    assert [(info.key, info.size) for info in found] == [("b/ü x#", 2), ("z", 1)]
    assert all(info.version for info in found)
    (root / "bucket/a/z").write_text("changed")
    assert (await objects.head(ObjectPath("bucket", "a/z"))).version != found[1].version
    assert await content(objects, ObjectPath("bucket", "a/b/ü x#")) == b"22"
    with pytest.raises(ObjectNotFoundError):
        await content(objects, ObjectPath("bucket", "nope"))


async def test_links_out_of_the_bucket_are_refused(objects: LocalObjects, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (root / "one").mkdir()
    (root / "two").mkdir()
    (root / "two/theirs").write_text("theirs")
    (root / "one/file").symlink_to(tmp_path / "outside/secret")
    (root / "one/dir").symlink_to(tmp_path / "outside")
    (root / "one/other").symlink_to(root / "two/theirs")
    (root / "stolen").symlink_to(tmp_path / "outside")
    for path in (
        ObjectPath("one", "file"),
        ObjectPath("one", "dir/secret"),
        ObjectPath("one", "other"),
        ObjectPath("stolen", "secret"),
        ObjectPath("one", "../two/theirs"),
    ):
        with pytest.raises(ObjectRefusedError):
            await content(objects, path)
        with pytest.raises(ObjectRefusedError):
            await objects.head(path)
    with pytest.raises(ObjectRefusedError):
        await keys(objects, ObjectPath("one"))


async def test_nothing_is_written_or_deleted_outside(objects: LocalObjects, root: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").write_text("secret")
    (root / "one").mkdir()
    (root / "one/dir").symlink_to(tmp_path / "outside")
    (root / "stolen").symlink_to(tmp_path / "outside")
    for path in (
        ObjectPath("one", "dir/secret"),
        ObjectPath("one", "dir/new/deep"),
        ObjectPath("stolen", "secret"),
        ObjectPath("one", "../two/new"),
        ObjectPath("..", "new"),
        ObjectPath("one", f"{WRITING}/x"),
        ObjectPath("one", WRITING),
    ):
        with pytest.raises(ObjectRefusedError):
            await objects.write(path, b"x")
    for path in (ObjectPath("one", "dir/secret"), ObjectPath("stolen", "secret")):
        with pytest.raises(ObjectRefusedError):
            await objects.delete(path)
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["secret"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["objects", "outside"]


async def test_a_link_is_replaced_and_removed_itself(objects: LocalObjects, root: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    (root / "one").mkdir()
    for name in ("a", "b"):
        (root / "one" / name).symlink_to(tmp_path / "secret")
    await objects.write(ObjectPath("one", "a"), b"mine")
    await objects.delete(ObjectPath("one", "b"))
    assert (tmp_path / "secret").read_text() == "secret"
    assert await keys(objects, ObjectPath("one")) == ["a"]
    assert await content(objects, ObjectPath("one", "a")) == b"mine"


async def test_an_object_and_what_is_below_it_exclude_each_other(objects: LocalObjects) -> None:
    await objects.write(ObjectPath("one", "a"), b"x")
    with pytest.raises(ObjectRefusedError, match="is an object itself"):
        await objects.write(ObjectPath("one", "a/b"), b"x")
    await objects.write(ObjectPath("one", "b/c"), b"x")
    with pytest.raises(ObjectRefusedError, match="there are objects below it"):
        await objects.write(ObjectPath("one", "b"), b"x")
    await objects.delete(ObjectPath("one", "b"))
    assert await keys(objects, ObjectPath("one")) == ["a", "b/c"]


async def test_what_is_in_the_way_of_objects_is_known_before_they_are_written(objects: LocalObjects) -> None:
    await objects.write(ObjectPath("bucket", "a/b"), b"")
    for key in ("a/b", "a/b/c", "a/b/c/d"):
        told = await objects.obstacle(ObjectPath("bucket", key))
        assert told == "obs://bucket/a/b is an object itself, so there can be none below it"
    for key in ("", "a", "a/c", "x/y"):
        assert await objects.obstacle(ObjectPath("bucket", key)) == ""
    assert await objects.obstacle(ObjectPath("none", "a")) == ""


async def test_directories_come_and_go_with_objects(objects: LocalObjects, root: Path) -> None:
    await objects.write(ObjectPath("one", "a/b/c"), b"x")
    assert [oct((root / name).stat().st_mode & 0o777) for name in ("one", "one/a", "one/a/b/c")] == [
        "0o700",
        "0o700",
        "0o600",
    ]
    await objects.delete(ObjectPath("one", "a/b/c"))
    assert [path.name for path in (root / "one").iterdir()] == [WRITING]


async def test_what_a_kill_left_is_not_seen_and_swept(objects: LocalObjects, root: Path) -> None:
    async def killed() -> AsyncIterator[bytes]:
        yield b"half"
        (left,) = (root / "one" / WRITING).iterdir()
        os.link(left, left.with_name("left"))
        assert await keys(objects, ObjectPath("one")) == []
        assert await keys(objects, ObjectPath("one", WRITING[:5])) == []
        yield b"whole"

    await objects.write(ObjectPath("one", "a"), killed())
    assert [path.name for path in (root / "one" / WRITING).iterdir()] == ["left"]
    objects.sweep()
    assert [path.name for path in (root / "one").iterdir()] == ["a"]


async def test_a_file_that_changes_under_its_reader(objects: LocalObjects, root: Path) -> None:
    await objects.write(ObjectPath("one", "a"), b"x" * 3_000_000)
    with pytest.raises(ObjectChangedError):
        async for _ in objects.read(ObjectPath("one", "a")):
            with (root / "one/a").open("r+b") as file:
                file.write(b"changed")
    pieces = 0
    async for piece in objects.read(ObjectPath("one", "a"), offset=7):  # another in its place: the old one is read
        assert set(piece) == {ord("x")}
        pieces += 1
        await objects.write(ObjectPath("one", "a"), b"new")
    assert pieces == 3


async def test_a_directory_of_many_is_read_in_pages(
    objects: LocalObjects, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "PAGE", 7)
    wanted = []
    for n in range(50):
        for key in (f"d/{n}", f"d/{n}-x", f"d/{n}x/y"):
            (root / "one" / key).parent.mkdir(parents=True, exist_ok=True)
            (root / "one" / key).touch()
            wanted.append(key)
    assert await keys(objects, ObjectPath("one")) == sorted(wanted)
    assert await keys(objects, ObjectPath("one"), after="d/3-x") == [
        key for key in sorted(wanted) if key > "d/3-x"
    ]


async def test_a_disk_that_is_away(objects: LocalObjects, root: Path) -> None:
    root.rmdir()
    with pytest.raises(ObjectStoreUnavailableError):
        await keys(objects, ObjectPath("one"))
    with pytest.raises(ObjectStoreUnavailableError):
        await objects.write(ObjectPath("one", "a"), b"x")
    assert not root.exists()


async def test_nothing_stays_of_what_a_small_object_was_written_as(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    objects = LocalObjects(tmp_path)
    for create in (True, False):
        await objects.write(ObjectPath("b", f"small-{create}"), b"few", create=create)
    assert [*(tmp_path / "b" / WRITING).iterdir()] == []
