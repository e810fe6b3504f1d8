"""Cleaning: what nothing uses goes at once; what is in use, or may just be coming into use, never does."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from tests.contract import store_samples as a

from modelyard.artifacts.shelf import Shelf
from modelyard.artifacts.sweeping import GRACE_S, Sweeper, digests_in_use
from modelyard.control.cleaning import Cleaning
from modelyard.domain.model import ModelStatus
from modelyard.objects.staging import Staging
from modelyard.operations import disk_use
from modelyard.processes.holding import Holding
from modelyard.store.sql import SqlStore

NOW_S = 2_000_000_000.0


@dataclass
class World:
    """A data directory with a store in memory beside it."""

    folder: Path
    store: SqlStore
    running: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        used = lambda: digests_in_use(self.store)  # noqa: E731
        packages, environments = Shelf(self.folder / "packages"), Shelf(self.folder / "environments")

        def running() -> Collection[Path]:
            return self.running

        sweeper = Sweeper(packages, environments, used, running, lambda: NOW_S)
        staging = Staging(self.folder / "uploads", lambda: int(NOW_S * 1000))
        self.cleaning = Cleaning(self.folder, self.store, sweeper, staging, lambda: int(NOW_S * 1000))

    def package(self, digest: str, *, age_s: float = 0) -> Path:
        path = self.folder / "packages" / digest
        path.mkdir(parents=True)
        (path / "file").write_bytes(b"x" * 1000)
        os.utime(path, (NOW_S - age_s, NOW_S - age_s))
        return path

    async def model(self, model_id: str, digest: str, status: ModelStatus = ModelStatus.PUBLISHED) -> None:
        async with self.store.write() as w:
            await w.add_model(replace(a.MODEL, id=model_id, version=model_id, digest=digest, status=status))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = SqlStore.memory()
    await store.open()
    yield World(tmp_path, store)
    await store.close()


async def test_what_nothing_uses_goes_at_once_and_the_dry_run_said_so(world: World) -> None:
    used, young, old = world.package("used"), world.package("young"), world.package("old", age_s=2 * GRACE_S)
    held = world.package("held", age_s=2 * GRACE_S)
    world.running.add(held / "model")
    await world.model("m1", "used")
    would = {one.name for one in await world.cleaning.unneeded()}
    gone = await world.cleaning.clean()
    assert would == {one.name for one in gone} == {"young", "old"}
    assert all(one.size_bytes >= 1000 for one in gone)
    assert [path.exists() for path in (used, held, young, old)] == [True, True, False, False]
    assert await world.cleaning.clean() == []


async def test_while_something_is_published_what_is_young_stays(world: World) -> None:
    """It may be what that publication has just built, or found there."""
    world.package("young")
    world.package("old", age_s=2 * GRACE_S)
    await world.model("m1", "", ModelStatus.PUBLISHING)
    assert {one.name for one in await world.cleaning.unneeded()} == {"old"}
    assert {one.name for one in await world.cleaning.clean()} == {"old"}
    assert (world.folder / "packages" / "young").is_dir()


@pytest.mark.parametrize("seed", range(20))
async def test_publications_that_begin_and_end_meanwhile_lose_nothing(world: World, seed: int) -> None:
    """As the publisher does: a row, then what it finds or builds on the shelf, then the digest."""
    chance = random.Random(seed)
    shelf = Shelf(world.folder / "packages")
    for number in range(4):
        world.package(f"d{number}")

    async def published(number: int) -> None:
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
        await world.model(f"m{number}", "", ModelStatus.PUBLISHING)
        digest = f"d{number % 4}"
        if shelf.take(digest) is None:
            async with shelf.building() as partial:
                partial.mkdir()
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
                shelf.put(partial, digest)
        os.utime(shelf.root / digest, (NOW_S, NOW_S))
        for _ in range(chance.randrange(6)):
            await asyncio.sleep(0)
        async with world.store.write() as w:
            model = await w.model("p1", f"m{number}")
            assert model is not None
            await w.save_model(replace(model, digest=digest, status=ModelStatus.PUBLISHED))
        assert shelf.has(digest)

    async def cleaned() -> None:
        for _ in range(3):
            await world.cleaning.clean()

    await asyncio.gather(*(published(number) for number in range(6)), cleaned())
    assert {path.name for path in shelf.all()} == {"d0", "d1", "d2", "d3"}


async def test_what_a_backup_may_be_reading_stays_and_is_told(world: World) -> None:
    holding = Holding(world.folder)
    world.cleaning.sweeper._removing = holding.removing
    paths = [world.package("d1"), world.package("d2")]
    copy = world.folder / "modelyard.db.before-0001"
    copy.write_bytes(b"x")
    os.utime(copy, (1, 1))
    (world.folder / "modelyard.db.before-0002").write_bytes(b"x")
    with holding.kept():
        told = await world.cleaning.clean()
    assert {(one.name, one.held) for one in told} == {("d1", True), ("d2", True), (copy.name, False)}
    assert all(path.is_dir() for path in paths)
    assert {(one.name, one.held) for one in await world.cleaning.clean()} == {("d1", False), ("d2", False)}


async def test_a_crash_between_moving_aside_and_removing_leaves_no_half(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.package("gone")
    from modelyard.artifacts import sweeping

    def killed(path: Path) -> str:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(sweeping.trees, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            await world.cleaning.sweeper.clean(world.cleaning.alone)
    assert not (world.folder / "packages" / "gone").exists()
    Shelf(world.folder / "packages").sweep()
    assert list((world.folder / "packages").iterdir()) == []


async def test_of_copies_of_the_database_the_newest_stays(world: World) -> None:
    for number, name in enumerate(("0001", "0004", "0005")):
        path = world.folder / f"modelyard.db.before-{name}"
        path.write_bytes(b"x" * 5000)
        os.utime(path, (number, number))
    assert [one.name for one in await world.cleaning.clean()] == [
        "modelyard.db.before-0001",
        "modelyard.db.before-0004",
    ]
    assert (world.folder / "modelyard.db.before-0005").exists()


async def test_a_copy_that_broke_off_is_not_the_newest_one(world: World) -> None:
    for number, name in enumerate(("0004", "0005.part")):
        path = world.folder / f"modelyard.db.before-{name}"
        path.write_bytes(b"x" * 5000)
        os.utime(path, (number, number))
    assert await world.cleaning.clean() == []
    assert (world.folder / "modelyard.db.before-0004").exists()


async def test_those_who_clean_and_sweep_at_once_share_what_there_is(world: World) -> None:
    for number in range(20):
        world.package(f"d{number}", age_s=2 * GRACE_S)
    for number in range(3):
        path = world.folder / f"modelyard.db.before-{number}"
        path.write_bytes(b"x")
        os.utime(path, (number, number))
    cleaning = world.cleaning
    one, _, other, _ = await asyncio.gather(
        cleaning.clean(), cleaning.sweeper.sweep(), cleaning.clean(), cleaning.unneeded()
    )
    names = [each.name for each in (*one, *other)]
    assert len(names) == len(set(names)), "nothing is told twice"
    assert not any((world.folder / "packages").iterdir())


async def test_what_is_in_use_is_read_once_however_much_is_not(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database takes no other change meanwhile."""
    from modelyard.artifacts import sweeping

    world.package("used")
    await world.model("m1", "used")
    for number in range(5):
        world.package(f"d{number}", age_s=2 * GRACE_S)
    read: list[Path] = []
    monkeypatch.setattr(sweeping, "wanted_by", read.append)
    assert len(await world.cleaning.clean()) == 5
    assert [path.name for path in read] == ["used"]


def test_the_disk_by_what_uses_it(tmp_path: Path) -> None:
    for name in ("modelyard.db", "modelyard.db-wal", "modelyard.db.before-0004", "clock.json", "reserve"):
        (tmp_path / name).write_bytes(b"x" * 4096)
    for name in ("outputs", "log"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "log").write_bytes(b"x" * 9000)
    (tmp_path / "packages" / "d").mkdir(parents=True)
    (tmp_path / "packages" / "d" / "f").write_bytes(b"x" * 9000)
    found = disk_use.measure(tmp_path)
    assert min(found[name] for name in ("packages", "outputs", "log")) >= 9000
    assert found["database"] == 2 * found["backups"] == 2 * found["reserve"] == 2 * found["other"] > 0
    assert found["objects"] == 0
