"""Objects in a directory: what is listed and read, and that no link leads out."""

from pathlib import Path

import pytest

from modelyard.objects.base import ObjectNotFoundError, ObjectRefusedError
from modelyard.objects.local import LocalObjects
from modelyard.objects.paths import ObjectPath


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "objects"


@pytest.fixture
def objects(root: Path) -> LocalObjects:
    return LocalObjects(root)


async def content(objects: LocalObjects, path: ObjectPath) -> bytes:
    return b"".join([piece async for piece in objects.read(path)])


async def test_list_and_read(objects: LocalObjects, root: Path) -> None:
    for name, text in {"a/z": "1", "a/b/ü x#": "22", "ab": "3"}.items():
        path = root / "bucket" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = await objects.list(ObjectPath("bucket", "a"))
    assert [(info.key, info.size) for info in found] == [("b/ü x#", 2), ("z", 1)]
    assert all(info.version for info in found)
    (root / "bucket/a/z").write_text("changed")
    assert (await objects.list(ObjectPath("bucket", "a")))[1].version != found[1].version
    assert len(await objects.list(ObjectPath("bucket"))) == 3
    assert await objects.list(ObjectPath("bucket", "a/z")) == ()
    assert await objects.list(ObjectPath("nobody")) == ()
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
        await objects.list(ObjectPath("one"))
