"""Rows that failed are tried again alone, and take their places in the results."""

import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.worlds.batch_run import JOB, RunWorld, Script, numbers, parts_are_objects, run_world

from modelyard.batch import retried
from modelyard.batch.assembly import Assembly
from modelyard.batch.retrying import Retries
from modelyard.batch.work import GivenUpError
from modelyard.domain.batch import Format, Output, TaskState, Threshold

ODD = frozenset({1, 7, 8, 19})


async def reopen(world: RunWorld) -> None:
    await world.runner.close()  # one control plane at a time
    async with world.store.write() as w:
        assert await w.reopen_failed("t1")
        task = await w.task("t1")
        assert task is not None
        world.task = replace(task, state=TaskState.ACTIVE, error="", finished_ms=None)
        await w.save_task(world.task)
    for worker in world.workers.values():
        await worker.die()
    world.workers.clear()
    world.begin()


async def first_round(world: RunWorld, script: Script | None = None) -> None:
    await world.worker("w1", script or Script(fails_at=ODD))
    await world.until(world.over)


async def test_only_the_rows_that_failed_are_predicted_again(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await first_round(world)
        await world.check(dict.fromkeys(ODD, "odd one"))
        await reopen(world)
        again = await world.worker("w2", Script(fails_at=frozenset({8})))
        await world.until(world.over)
        await world.check({8: "odd one"})
        assert again.predicted == dict.fromkeys(ODD, 1)
        (line,) = (await world.read("infer-result-t1_failed.jsonl")).splitlines()
        assert json.loads(line)["row"] == 8
        await reopen(world)
        await world.worker("w3")
        await world.until(world.over)
        await world.check()
        assert await world.names() == ["infer-result-t1.manifest", "infer-result/rows.csv_result.txt"]


async def test_files_that_failed_are_predicted_again(tmp_path: Path) -> None:
    job = replace(JOB, format=Format.FILE)
    async with run_world(tmp_path, rows=0, job=job) as world:
        await world.plan({f"{n}.txt": b"%d" % n for n in range(7)}, 3)
        await first_round(world, Script(fails_at=frozenset({1, 5}), every=2))
        assert await world.names() == [
            "infer-result-t1.manifest",
            "infer-result-t1_failed.jsonl",
            *(f"infer-result/{n}.txt_result.txt" for n in (0, 2, 3, 4, 6)),
        ]
        lines = [json.loads(line) for line in (await world.read("infer-result-t1.manifest")).splitlines()]
        assert lines[1] == {"source": "obs://in/1.txt", "result": "FAILED", "error_message": "odd one"}
        assert lines[2]["inference-loc"] == "obs://out/to/infer-result/2.txt_result.txt"
        await reopen(world)
        again = await world.worker("w2")
        await world.until(world.over)
        assert again.predicted == {1: 1, 5: 1}
        assert await world.names() == [
            "infer-result-t1.manifest",
            *(f"infer-result/{n}.txt_result.txt" for n in range(7)),
        ]
        for n in range(7):
            assert await world.results(f"{n}.txt") == [{"v": n}]


async def test_a_task_that_was_never_assembled_takes_the_former_lines_from_its_parts(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await world.worker("w1", Script(fails_at=ODD))

        async def predicted() -> bool:
            return (await world.stored()).counts.splits_done >= 3

        await world.until(predicted)
        await world.runner.halt("t1")
        async with world.store.write() as w:
            task = await w.task("t1")
            assert task is not None
            await w.save_task(replace(task, state=TaskState.STOPPED))
        await reopen(world)
        await world.worker("w2")
        await world.until(world.over)
        await world.check()


@pytest.mark.parametrize("what", ["gone", "spoiled"])
async def test_a_part_that_somebody_removed_fails_the_task_at_once(
    tmp_path: Path, monkeypatch: Any, what: str
) -> None:
    parts_are_objects(monkeypatch)
    job = replace(JOB, error_threshold=Threshold(count=0))
    async with run_world(tmp_path, rows=5, job=job) as world:
        await first_round(world)
        parts = [*(tmp_path / "objects" / "out" / "to" / "infer-result-t1.parts").iterdir()]
        assert parts  # one, or a few where the rows took their time
        for part in parts:
            part.unlink() if what == "gone" else part.write_bytes(part.read_bytes()[:-3])
        await reopen(world)
        await world.worker("w2")
        await world.until(world.over)
        task = await world.stored()
        assert task.state is TaskState.FAILED
        assert "give the service another dest_path" in task.error


@pytest.mark.parametrize("what", ["infer-result/rows.csv_result.txt", "infer-result-t1_failed.jsonl"])
@pytest.mark.parametrize("how", ["changed", "gone"])
async def test_results_that_somebody_changed_are_left_alone(tmp_path: Path, what: str, how: str) -> None:
    async with run_world(tmp_path) as world:
        await first_round(world)
        await reopen(world)
        path = tmp_path / "objects" / "out" / "to" / what
        if how == "gone":
            path.unlink()
        else:
            path.write_bytes(b"mine\n")
        await world.worker("w2")
        await world.until(world.over)
        task = await world.stored()
        assert task.state is TaskState.FAILED
        assert "give the service another dest_path" in task.error
        if how == "changed":
            assert path.read_bytes() == b"mine\n"


async def test_a_row_at_which_workers_die_again_fails_with_the_cause(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await first_round(world)
        await reopen(world)
        await world.worker("w2", Script(dies_at={7: 9}))
        await world.until(world.over)
        await world.check({7: "the worker died: killed by signal 9 (out of memory)"})
        assert world.workers["w2"].script.dies_at[7] >= 6


async def test_an_input_that_is_gone_costs_no_row_that_was_done(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await first_round(world)
        await reopen(world)
        (tmp_path / "objects" / "in" / "rows.csv").unlink()
        await world.worker("w2")
        await world.until(world.over)
        await world.check(dict.fromkeys(ODD, "obs://in/rows.csv does not exist"))


@pytest.mark.parametrize("steps", range(0, 60, 4))
async def test_a_retry_may_be_cut_off_anywhere(tmp_path: Path, steps: int) -> None:
    async with run_world(tmp_path) as world:
        await first_round(world)
        await reopen(world)
        await world.worker("w2", Script(fails_at=frozenset({19})))
        for at in range(100_000):
            if await world.over():
                break
            world.run()
            world.clock.advance(world.clock.now + 20)
            for _ in range(steps):
                await asyncio.sleep(0)
            if at % 5 == 4 and at < 60:
                await world.runner.close()
                world.begin()
            await asyncio.sleep(0.0005)
        await world.check({19: "odd one"})


async def test_a_task_that_fails_in_a_retry_keeps_no_file_open(tmp_path: Path, monkeypatch: Any) -> None:
    spools: list[Any] = []

    def made(**how: Any) -> Any:
        spools.append(tempfile.TemporaryFile(**how))  # noqa: SIM115 - that is the question
        return spools[-1]

    async def refused(*_: object) -> None:
        raise GivenUpError("results cannot be written: no")

    async with run_world(tmp_path) as world:
        await first_round(world)
        await reopen(world)
        monkeypatch.setattr(retried, "tempfile", SimpleNamespace(TemporaryFile=made))
        monkeypatch.setattr(Retries, "write", refused)
        await world.worker("w2")
        await world.until(world.over)
        assert (await world.stored()).state is TaskState.FAILED
        assert spools
        assert all(one.closed for one in spools)


async def test_what_is_cut_off_after_the_new_results_are_noted_is_done_again(
    tmp_path: Path, monkeypatch: Any
) -> None:
    async with run_world(tmp_path) as world:
        await first_round(world)
        await reopen(world)

        stopped: list[bool] = []

        async def stop(self: Assembly) -> None:
            stopped.append(True)
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr(Assembly, "_write_failed", stop)
            await world.worker("w2")

            async def there() -> bool:
                return bool(stopped)

            await world.until(there)
            await world.runner.close()
        world.begin()
        await world.until(world.over)
        await world.check()


async def test_results_as_parquet_are_tried_again_too(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    async with run_world(tmp_path, job=replace(JOB, output=Output.PARQUET), rows=0) as world:
        await world.plan({"rows.csv": numbers(20)}, 5)
        await first_round(world)
        name = tmp_path / "objects" / "out" / "to" / "infer-result" / "rows.csv_result.txt"
        table = pq.read_table(name).to_pylist()
        assert table[7] == {"row": 7, "result": "FAILED", "answer": None, "error_message": "odd one"}
        assert table[6] == {"row": 6, "result": "SUCCESSFUL", "answer": '{"v": 6}', "error_message": None}
        await reopen(world)
        await world.worker("w2")
        await world.until(world.over)
        assert [json.loads(row["answer"])["v"] for row in pq.read_table(name).to_pylist()] == [*range(20)]
