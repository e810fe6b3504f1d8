"""A copy that broke off is gone on with: never a byte of another version, never what a machine may have lost."""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest

from modelyard.artifacts import remainder
from modelyard.artifacts.copying import Copying
from modelyard.objects.base import ObjectStoreUnavailableError
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import ObjectPath

SOURCE = ObjectPath("models", "m/model")
CONTENT = {"config.json": b"{}", "a/weights.bin": b"0123456789" * 1000, "b.bin": b"abc", "empty": b""}


class Breaking(MemoryObjects):
    """Notes what is read; breaks off in `breaks_in`, after 4,000 bytes, as often as it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.breaks_in = ""
        self.read_from: dict[str, list[int]] = {}

    async def read(
        self, path: ObjectPath, *, offset: int = 0, length: int | None = None, version: str = ""
    ) -> AsyncGenerator[bytes, None]:
        self.read_from.setdefault(path.name, []).append(offset)
        async for piece in super().read(path, offset=offset, length=length, version=version):
            if path.name == self.breaks_in:
                if offset < 4000:
                    yield piece[: 4000 - offset]
                raise ObjectStoreUnavailableError("gone")
            yield piece


@pytest.fixture
async def objects() -> Breaking:
    store = Breaking()
    for name, content in CONTENT.items():
        await store.write(SOURCE / name, content)
    return store


@pytest.fixture
async def broken(objects: Breaking, tmp_path: Path) -> AsyncIterator[Path]:
    """The place of a copy that broke off in the middle of the weights, after which whoever copied was killed."""
    objects.breaks_in = "weights.bin"
    with pytest.raises(ObjectStoreUnavailableError):
        await copy(objects, tmp_path)
    assert (tmp_path / "p/model/a/weights.bin").stat().st_size == 4000
    objects.breaks_in = ""
    objects.read_from.clear()
    yield tmp_path


async def copy(objects: MemoryObjects, root: Path) -> None:
    await Copying(objects).copy("/models/m", "Custom", root / "p/model")


def there(root: Path) -> dict[str, bytes]:
    home = root / "p/model"
    return {str(path.relative_to(home)): path.read_bytes() for path in home.rglob("*") if path.is_file()}


async def test_the_next_one_goes_on(objects: Breaking, broken: Path) -> None:
    await copy(objects, broken)
    assert there(broken) == CONTENT
    assert objects.read_from == {"weights.bin": [4000], "config.json": [0], "b.bin": [0], "empty": [0]}
    objects.read_from.clear()
    await copy(objects, broken)
    assert there(broken) == CONTENT
    assert "weights.bin" not in objects.read_from, "what is whole is not read again"


async def test_another_version_is_copied_anew(objects: Breaking, broken: Path) -> None:
    await objects.write(SOURCE / "a/weights.bin", CONTENT["a/weights.bin"][::-1])
    await copy(objects, broken)
    assert there(broken) == {**CONTENT, "a/weights.bin": CONTENT["a/weights.bin"][::-1]}
    assert objects.read_from["weights.bin"] == [0]


async def test_after_the_machine_went_down_all_is_copied_anew(
    objects: Breaking, broken: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (broken / "p/model/a/weights.bin").write_bytes(bytes(4000))  # the size was on the disk, the content was not
    (broken / "boot").write_text("another")
    monkeypatch.setattr(remainder.Remainder.__init__, "__defaults__", (broken / "boot",))
    await copy(objects, broken)
    assert there(broken) == CONTENT
    assert objects.read_from["weights.bin"] == [0]


async def test_what_judging_replaced_and_what_went_from_the_source(objects: Breaking, broken: Path) -> None:
    home = broken / "p/model"
    (home / "config.json").write_bytes(b"{}")  # as long as the one in the store
    (home / "old/deep").mkdir(parents=True)
    (home / "old/deep/x").write_bytes(b"not of this package any more")
    (home / "b.bin").mkdir()
    (home / "link").symlink_to("/etc/hostname")
    await copy(objects, broken)
    assert there(broken) == CONTENT
    assert "config.json" in objects.read_from


@pytest.mark.parametrize("record", [b"", b"{", b'"boot"\n["a/weights.bin", 10000', b"[]\n", None])
async def test_a_record_that_says_nothing(objects: Breaking, broken: Path, record: bytes | None) -> None:
    path = broken / "p" / remainder.RECORD
    path.unlink() if record is None else path.write_bytes(record)
    await copy(objects, broken)
    assert there(broken) == CONTENT
    assert objects.read_from["weights.bin"] == [0]


async def test_a_file_that_was_noted_but_not_begun(objects: Breaking, broken: Path) -> None:
    """Killed between the note and the first byte, over an older version's beginning."""
    changed = await objects.write(SOURCE / "a/weights.bin", CONTENT["a/weights.bin"][::-1])
    left = remainder.Remainder(broken / "p/model")
    infos = [info async for info in objects.list(SOURCE)]
    left.clear(infos)
    left.begin(next(info for info in infos if info.version == changed.version))
    left.close()
    await copy(objects, broken)
    assert there(broken)["a/weights.bin"] == CONTENT["a/weights.bin"][::-1]
