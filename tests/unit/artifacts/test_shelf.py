"""What lies on a shelf is whole; what is not finished is removed, by whoever built it or at the next start."""

import os
from pathlib import Path

import pytest

from modelyard.artifacts.shelf import PARTIAL, Shelf


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


async def test_what_was_built_gets_its_name(shelf: Shelf) -> None:
    async with shelf.building() as partial:
        assert not partial.exists()
        partial.mkdir()
        assert (shelf.all(), shelf.has("a")) == ([], False)
        assert shelf.put(partial, "a") == shelf.root / "a"
    assert (shelf.all(), shelf.has("a"), list(shelf.root.iterdir())) == ([shelf.root / "a"], True, shelf.all())


async def test_what_fails_half_way_leaves_nothing(shelf: Shelf) -> None:
    with pytest.raises(ZeroDivisionError):
        async with shelf.building() as partial:
            (partial / "half").mkdir(parents=True)
            raise ZeroDivisionError
    assert list(shelf.root.iterdir()) == []


async def test_the_first_of_two_equal_ones_stays_and_is_in_use_again(shelf: Shelf) -> None:
    for content in ("first", "second"):
        async with shelf.building() as partial:
            partial.mkdir()
            (partial / "x").write_text(content)
            shelf.put(partial, "a")
            if content == "first":
                os.utime(shelf.root / "a", (0, 0))
    assert (shelf.root / "a/x").read_text() == "first"
    assert (shelf.root / "a").stat().st_mtime > 0
    assert list(shelf.root.iterdir()) == [shelf.root / "a"]


async def test_one_that_another_process_put_there_meanwhile_is_taken(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with shelf.building() as partial:
        partial.mkdir()
        (shelf.root / "a/x").mkdir(parents=True)
        monkeypatch.setattr(shelf, "take", lambda _: None)  # looked before it was there
        assert shelf.put(partial, "a") == shelf.root / "a"
        with pytest.raises(FileNotFoundError):
            shelf.put(shelf.aside(), "b")
    assert shelf.all() == [shelf.root / "a"]


def test_what_a_crash_left_is_swept(shelf: Shelf) -> None:
    shelf.sweep()
    (shelf.root / "a").mkdir(parents=True)
    (shelf.root / f"{PARTIAL}x/y").mkdir(parents=True)
    shelf.sweep()
    assert list(shelf.root.iterdir()) == shelf.all() == [shelf.root / "a"]


def test_nothing_is_made_by_looking(shelf: Shelf) -> None:
    assert (shelf.all(), shelf.has("a"), shelf.take("a"), shelf.root.exists()) == ([], False, None, False)
