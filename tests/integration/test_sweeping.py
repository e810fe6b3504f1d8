"""Snapshots and environments that nothing uses go after a while; what is used, or was just touched, stays."""

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from modelyard.artifacts.environments import Environments
from modelyard.artifacts.shelf import Shelf
from modelyard.artifacts.sweeping import GRACE_S, Sweeper, Unused, superfluous
from modelyard.artifacts.uv import Installer
from modelyard.processes.holding import Holding

HOUR = 3600.0


@pytest.mark.parametrize(
    ("keep", "gone"),
    [
        pytest.param(0, "abc", id="nothing-stays"),
        pytest.param(10, "ab", id="oldest-first"),
        pytest.param(18, "", id="all-within-the-bound"),
        pytest.param(12, "a", id="just-enough"),
    ],
)
def test_what_is_superfluous(keep: int, gone: str) -> None:
    now_s = 10 * HOUR
    unused = [
        Unused(Path(name), now_s - age * HOUR, 6) for name, age in (("b", 2), ("a", 3), ("c", 1), ("new", 0.5))
    ]
    assert superfluous(unused, keep, now_s) == tuple(Path(name) for name in gone)


class Yard:
    def __init__(self, root: Path) -> None:
        self.packages = root / "packages"
        self.environments = Environments(root / "environments", Installer())
        self.used: set[str] = set()
        self.running: set[Path] = set()
        self.asked: Callable[[], None] = lambda: None
        self.now_s = 1_000_000.0
        self.sweeper = Sweeper(
            Shelf(self.packages), self.environments.shelf, self._used, lambda: self.running, lambda: self.now_s
        )

    async def _used(self) -> set[str]:
        self.asked()
        return self.used

    def put(self, digest: str, *packages: str) -> tuple[Path, Path]:
        """A snapshot and its environment, long untouched."""
        config = {"dependencies": [{"packages": [{"package_name": name} for name in packages]}]}
        snapshot = self.packages / digest
        (snapshot / "model").mkdir(parents=True)
        (snapshot / "model/config.json").write_text(json.dumps(config))
        environment = self.environments.shelf.root / self.environments.name(packages)
        environment.mkdir(parents=True)
        for path in (snapshot, environment):
            os.utime(path, (0, 0))
        return snapshot, environment


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


async def test_what_a_deleted_model_left_goes_after_the_grace(yard: Yard) -> None:
    gone, gone_environment = yard.put("a" * 64, "x")
    kept, kept_environment = yard.put("b" * 64, "y")
    yard.used = {kept.name}
    assert await yard.sweeper.sweep() == ()
    yard.now_s += GRACE_S
    assert set(await yard.sweeper.sweep()) == {gone.name, gone_environment.name}
    assert (gone.exists(), gone_environment.exists()) == (False, False)
    assert kept.is_dir()
    assert kept_environment.is_dir()
    assert [p.name for p in yard.packages.iterdir()] == [kept.name]


async def test_what_a_process_reads_stays_until_it_ended(yard: Yard) -> None:
    snapshot, environment = yard.put("a" * 64, "x")
    yard.running = {snapshot, environment / "site"}
    for _ in range(3):
        yard.now_s += GRACE_S
        assert await yard.sweeper.sweep() == ()
    yard.running = set()
    yard.now_s += GRACE_S
    assert await yard.sweeper.sweep() == ()
    yard.now_s += GRACE_S
    assert len(await yard.sweeper.sweep()) == 2


async def test_what_somebody_just_came_to_use_stays(yard: Yard) -> None:
    snapshot, _ = yard.put("a" * 64)
    await yard.sweeper.sweep()
    yard.now_s += GRACE_S
    os.utime(snapshot, (yard.now_s, yard.now_s))
    assert snapshot.name not in await yard.sweeper.sweep()
    assert snapshot.is_dir()


async def test_what_is_published_during_a_sweep_stays(yard: Yard) -> None:
    """The first removal takes a while; a model comes that needs the next."""
    first, _ = yard.put("a" * 64)
    await yard.sweeper.sweep()
    yard.now_s += 1
    snapshot, environment = yard.put("b" * 64, "y")
    await yard.sweeper.sweep()
    yard.now_s += GRACE_S

    def published() -> None:
        if not first.exists():
            yard.used = {snapshot.name}

    yard.asked = published
    assert await yard.sweeper.sweep() == (first.name, yard.environments.name(()))
    assert snapshot.is_dir()
    assert environment.is_dir()
    yard.asked, yard.used = lambda: None, set()
    assert await yard.sweeper.sweep() == (), "its grace begins anew"


async def test_what_is_started_during_a_sweep_stays(yard: Yard) -> None:
    first, _ = yard.put("a" * 64)
    await yard.sweeper.sweep()
    yard.now_s += 1
    snapshot, environment = yard.put("b" * 64, "y")
    await yard.sweeper.sweep()
    yard.now_s += GRACE_S

    def started() -> None:
        if not first.exists():
            yard.running = {snapshot, environment / "site"}

    yard.asked = started
    assert first.name in await yard.sweeper.sweep()
    assert snapshot.is_dir()
    assert environment.is_dir()


async def test_nothing_is_removed_while_a_backup_reads(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    holding = Holding(tmp_path)
    yard.sweeper = Sweeper(
        *(Shelf(yard.packages), yard.environments.shelf, yard._used, lambda: yard.running, lambda: yard.now_s),
        removing=holding.removing,
    )
    snapshot, _ = yard.put("old")
    await yard.sweeper.sweep()
    yard.now_s += GRACE_S
    with holding.kept():
        assert await yard.sweeper.sweep() == ()
        assert all(one.held for one in await yard.sweeper.clean(_nobody_publishes))
        assert snapshot.is_dir()
    assert "old" in await yard.sweeper.sweep()
    assert not snapshot.exists()


@asynccontextmanager
async def _nobody_publishes() -> AsyncIterator[bool]:
    yield True
