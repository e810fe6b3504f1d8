"""A worker has the next split before one is over: it waits for nothing, and what goes wrong is of the first."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.batch_run import RunWorld, Script, ScriptedWorker, run_world

from modelyard.batch import dispatch, talk
from modelyard.domain.batch import Split, SplitState

DIED = "the worker died: killed by signal 9 (out of memory)"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every split is over so soon that the next one is prepared meanwhile."""
    monkeypatch.setattr(dispatch, "FLUSH_S", 3600)


def looks_ahead(**more: Any) -> Script:
    return Script(bundles=False, waits=True, **more)


async def leased(world: RunWorld) -> list[Split]:
    return [split for split in await world.splits() if split.state is SplitState.LEASED]


@asynccontextmanager
async def with_two_splits(path: Path) -> AsyncIterator[tuple[RunWorld, ScriptedWorker]]:
    """A worker that has read a split, stands still at its last row (19), and has read the next one too."""
    async with run_world(path, rows=40) as world:
        worker = await world.worker("w1", looks_ahead(hangs_at={19: 1}))

        async def both() -> bool:
            known = [len(session.content) for session in worker._sessions]
            return known == [1] and 18 in worker.predicted and len(await leased(world)) == 2

        await world.until(both, step_ms=1)
        yield world, worker


async def test_rows_are_read_before_it_is_their_turn_and_have_one_outcome(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=60) as world:
        worker = await world.worker("w1", looks_ahead())
        await world.until(world.over)
        await world.check()
        assert worker.read_ahead >= 1
        assert set(worker.predicted.values()) == {1}


async def test_a_worker_of_an_earlier_release_has_one_at_a_time(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=60) as world:
        worker = await world.worker("w1", looks_ahead(ahead=False))
        await world.until(world.over)
        await world.check()
        assert worker.read_ahead == 0


async def test_what_waits_is_no_splits_of_rows_that_were_tried_before(tmp_path: Path) -> None:
    """Carefully, a row at a time, it has nothing else."""
    async with run_world(tmp_path, rows=10, split_rows=5) as world:
        worker = await world.worker("w1", looks_ahead(dies_at={2: 9}))
        await world.until(world.over)
        await world.check({2: DIED})
        for each in world.workers.values():
            assert not (each.read_ahead and any(careful for _, row, careful in each.given if row < 5)), each.given
        assert worker.exit


async def test_a_death_is_of_the_split_that_is_predicted(tmp_path: Path) -> None:
    async with with_two_splits(tmp_path) as (world, worker):
        await worker.die()
        await world.until(world.over)
        await world.check()
        careful = [row for each in world.workers.values() for _, row, careful in each.given if careful]
        assert careful == [19]  # what was left of the first


async def test_a_row_that_kills_fails_alone_although_another_split_waits(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=60) as world:
        await world.worker("w1", looks_ahead(dies_at={22: 9}))
        await world.until(world.over)
        await world.check({22: DIED})
        given = [row for each in world.workers.values() for _, row, careful in each.given if careful]
        assert all(20 <= row < 25 for row in given), given


async def test_what_waited_is_given_back_before_it_is_known_how_the_worker_ended(tmp_path: Path) -> None:
    async with with_two_splits(tmp_path) as (world, worker):
        began_ms = world.clock.now
        worker._writers[0].transport.abort()

        async def one() -> bool:
            return [split.first_row for split in await leased(world)] == [19]

        await world.until(one, step_ms=1)
        assert world.clock.now - began_ms < dispatch.EXIT_WAIT_MS
        await world.until(world.over)
        await world.check()


async def test_a_worker_that_is_too_slow_is_so_with_its_own_rows(tmp_path: Path) -> None:
    """That it was given bytes of the next split gives it no more time, and the next one is nobody's fault."""
    async with with_two_splits(tmp_path) as (world, _):
        began_ms = world.clock.now
        await world.until(_killed(world), step_ms=100)
        assert world.clock.now - began_ms <= 5_000 + talk.MARGIN_MS + 1_000
        await world.until(world.over, step_ms=100)
        await world.check()
        careful = [row for each in world.workers.values() for _, row, careful in each.given if careful]
        assert careful == [19]  # what was left of the first


def _killed(world: RunWorld) -> Any:
    async def killed() -> bool:
        return bool(world.killed)

    return killed


async def test_the_time_of_a_split_begins_with_its_turn(tmp_path: Path) -> None:
    """The one before took its own time, nearly all that a row may have."""
    async with with_two_splits(tmp_path) as (world, worker):
        began_ms = world.clock.now

        async def nearly() -> bool:
            return world.clock.now - began_ms > 14_000

        await world.until(nearly, step_ms=100)
        session = worker._sessions[0]
        session.publish([b'{"v":19}'], None)
        session.say(b"E", {"abandoned": False})  # the next one has had its rows for 14 s by now
        await world.until(nearly, step_ms=100)
        for _ in range(30):
            world.run()
            world.clock.advance(world.clock.now + 100)
            await asyncio.sleep(0.0005)
        assert not world.killed


async def test_a_stop_gives_both_back(tmp_path: Path) -> None:
    async with with_two_splits(tmp_path) as (world, worker):
        halting = asyncio.create_task(world.runner.halt("t1"))
        while not halting.done():
            world.clock.advance(world.clock.now + 100)
            await asyncio.sleep(0.001)
        halting.result()
        assert await leased(world) == []
        assert not any(split.deaths for split in await world.splits())
        await worker.die("exited with status 0")
        await world.until(world.over)
        await world.check()


async def test_a_split_that_became_void_takes_the_one_that_waits_with_it_to_another_connection(
    tmp_path: Path,
) -> None:
    async with with_two_splits(tmp_path) as (world, worker):
        run = world.runner._runs["t1"]
        first = min(run._work.leases._held, key=lambda lease: lease.leased.first_row)
        first.void = True
        next(iter(run._active.values())).dispatcher._stir.set()
        async with world.store.write() as w:
            assert first.rest is not None
            await w.release("t1", first.rest.source, first.rest.start, first.rest.attempt)
        worker.script.hangs_at.clear()
        session = worker._sessions[0]

        async def abandoned() -> bool:
            return session.abandoned

        await world.until(abandoned, step_ms=1)
        session.say(b"E", {"abandoned": True})
        await world.until(world.over)
        await world.check()
        assert worker.connections == 2
