"""Whatever dies, and whenever: each row of the input has one outcome, in its place.

A walk is a seed: how the input is cut, how workers misbehave, when the control plane is killed (its tasks are
cancelled at whatever they wait for) and a fresh one goes on, and when the stores are away.
"""

import asyncio
import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.worlds.batch_faults import Faults, FaultyObjects, FaultyStore
from tests.worlds.batch_run import JOB, STEP_MS, RunWorld, Script, parts_are_objects, run_world

from modelyard.batch.parts import Parts
from modelyard.domain.batch import Format, SplitState, TaskState

SEEDS = 25


def script(chance: random.Random, rows: int) -> Script:
    poison = {chance.randrange(rows): chance.randint(1, 6) for _ in range(chance.randint(0, 2))}
    hangs = {chance.randrange(rows): 1} if chance.random() < 0.2 else {}
    fails = frozenset(chance.sample(range(rows), chance.randint(0, min(rows, 5))))
    after = chance.randint(0, 12) if chance.random() < 0.4 else None
    return Script(
        every=chance.randint(1, 9),
        dies_at=poison,
        fails_at=fails,
        hangs_at=hangs,
        after=after,
        torn=chance.random() < 0.5,
        piece=chance.choice((3, 1 << 20)),
    )


async def walk(world: RunWorld, chance: random.Random) -> None:
    """Until the task is over."""
    faults = Faults(chance, chance.choice((0, 0.02, 0.1)))
    real = world.objects
    world.objects = FaultyObjects(real, faults)
    store, world.store = world.store, FaultyStore(world.store, faults)  # type: ignore[assignment]
    world.begin()
    kills = chance.randint(0, 4)
    numbers = 0
    for step in range(10_000):
        async with store.read() as r:
            task = await r.task("t1")
        assert task is not None
        if not task.at_work:
            break
        alive = [worker for worker in world.workers.values() if not worker.exit]
        if len(alive) < 2 and chance.random() < 0.2:
            numbers += 1
            calm = step > 4_000  # it comes to an end
            await world.worker(f"w{numbers}", Script() if calm else script(chance, world.rows))
        if kills and chance.random() < 0.02:
            kills -= 1
            await world.runner.close()
            world.begin()
        world.run()
        world.clock.advance(world.clock.now + STEP_MS)
        for _ in range(chance.randint(1, 20)):
            await asyncio.sleep(0)
        await asyncio.sleep(0.0002)
    world.store, world.objects = store, real


async def check(world: RunWorld) -> None:
    task = await world.stored()
    assert task.state is TaskState.FINISHED, task
    failed = 0
    results = await world.results()
    assert len(results) == world.rows
    for n, result in enumerate(results):
        if result != {"v": n}:
            assert result.get("result") == "FAILED"
            failed += 1
    counts = task.counts
    assert (counts.rows, counts.rows_done, counts.rows_failed) == (world.rows, world.rows - failed, failed)
    splits = await world.splits()
    assert [split.first_row for split in splits] == [0, *_ends(splits)][:-1]
    assert all(split.state is SplitState.PUBLISHED for split in splits)
    names = await world.names()
    expected = ["infer-result-t1.manifest", "infer-result/rows.csv_result.txt"]
    assert sorted(names) == sorted(expected + ["infer-result-t1_failed.jsonl"] * bool(failed))
    if failed:
        lines = (await world.read("infer-result-t1_failed.jsonl")).splitlines()
        rows = [json.loads(line)["row"] for line in lines]
        assert rows == [n for n, result in enumerate(results) if result != {"v": n}]


def _ends(splits: Any) -> list[int]:
    return [split.first_row + split.rows for split in splits]


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_each_row_has_one_outcome(tmp_path: Path, monkeypatch: Any, seed: int) -> None:
    if seed % 2:
        parts_are_objects(monkeypatch)
    chance = random.Random(seed)
    async with run_world(tmp_path, rows=chance.randint(1, 60), split_rows=chance.randint(1, 20)) as world:
        await walk(world, chance)
        await check(world)


async def reopened(world: RunWorld) -> bool:
    await world.runner.close()  # one control plane at a time
    async with world.store.write() as w:
        rows = await w.reopen_failed("t1")
        task = await w.task("t1")
        assert task is not None
        world.task = replace(task, state=TaskState.ACTIVE, finished_ms=None)
        await w.save_task(world.task)
    for worker in world.workers.values():
        await worker.die()
    world.workers.clear()
    return rows > 0


@pytest.mark.parametrize("seed", range(200, 200 + SEEDS // 3))
async def test_each_row_that_is_tried_again_has_one_outcome(tmp_path: Path, monkeypatch: Any, seed: int) -> None:
    if seed % 2:
        parts_are_objects(monkeypatch)
    chance = random.Random(seed)
    async with run_world(tmp_path, rows=chance.randint(5, 60), split_rows=chance.randint(1, 20)) as world:
        await world.worker("w0", Script(fails_at=frozenset(chance.sample(range(world.rows), 5))))
        await world.until(world.over)
        for _ in range(2):
            if await reopened(world):
                await walk(world, chance)
                await check(world)


@pytest.mark.parametrize("seed", range(100, 100 + SEEDS // 3))
async def test_each_file_has_one_outcome(tmp_path: Path, monkeypatch: Any, seed: int) -> None:
    if seed % 2:
        parts_are_objects(monkeypatch)
    chance = random.Random(seed)
    async with run_world(tmp_path, rows=0, job=replace(JOB, format=Format.FILE)) as world:
        world.rows = chance.randint(1, 40)
        await world.plan({f"{n:02}": b"%d" % n for n in range(world.rows)}, chance.randint(1, 20))
        await walk(world, chance)
        task = await world.stored()
        assert task.state is TaskState.FINISHED, task
        lines = [json.loads(line) for line in (await world.read("infer-result-t1.manifest")).splitlines()]
        failed = [n for n, line in enumerate(lines) if line["result"] == "FAILED"]
        assert [line["source"] for line in lines] == [f"obs://in/{n:02}" for n in range(world.rows)]
        for n in sorted({*range(world.rows)} - {*failed}):
            assert await world.results(f"{n:02}") == [{"v": n}]
        counts = task.counts
        assert (counts.rows_done, counts.rows_failed) == (world.rows - len(failed), len(failed))
        more = ["infer-result-t1.manifest"] + ["infer-result-t1_failed.jsonl"] * bool(failed)
        results = [f"infer-result/{n:02}_result.txt" for n in range(world.rows) if n not in failed]
        assert sorted(await world.names()) == sorted(more + results)


@contextmanager
def spoiled(monkeypatch: Any, spoil: Any, in_ledger: bool) -> Iterator[None]:
    """The first part of several rows is written otherwise than it was told."""
    write, small = Parts.write, Parts.small
    done: list[bool] = []

    def other(told: Any) -> Any:
        if done or told.rows == 1:
            return told
        done.append(True)
        return replace(told, lines=b"".join(spoil(told.lines.splitlines(keepends=True))))

    if in_ledger:
        monkeypatch.setattr(Parts, "small", lambda _, name, told: small(name, other(told)))
    else:
        parts_are_objects(monkeypatch)
        monkeypatch.setattr(Parts, "write", lambda self, name, told: write(self, name, other(told)))
    yield
    assert done


@pytest.mark.parametrize("in_ledger", [True, False])
@pytest.mark.parametrize("spoil", [lambda ls: ls[1:], lambda ls: [*ls, ls[-1]], lambda ls: [*ls[:-1], ls[0]]])
async def test_it_sees_a_row_that_is_lost_doubled_or_another(
    tmp_path: Path, monkeypatch: Any, spoil: Any, in_ledger: bool
) -> None:
    async with run_world(tmp_path) as world:
        with spoiled(monkeypatch, spoil, in_ledger):
            await world.worker("w1")
            await world.until(world.over)
        with pytest.raises(AssertionError):
            await check(world)
