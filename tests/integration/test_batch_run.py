"""A batch task from its ledger to its results, whatever its workers do."""

from pathlib import Path

from tests.worlds.batch_run import Script, run_world


async def test_every_row_has_its_line_and_the_manifest_is_there(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await world.worker("w1")
        await world.until(world.over)
        await world.check()
        assert await world.names() == ["infer-result-t1.manifest", "infer-result/rows.csv_result.txt"]
        line = b'{"source":"obs://in/rows.csv","result":"SUCCESSFUL",'
        place = b'"inference-loc":"obs://out/to/infer-result/rows.csv_result.txt"}\n'
        assert await world.read("infer-result-t1.manifest") == line + place
        assert world.nudges == ["svc", "svc"]


async def test_two_workers_share_the_splits(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=60) as world:
        first, second = await world.worker("w1"), await world.worker("w2")
        await world.until(world.over)
        await world.check()
        assert first.predicted
        assert second.predicted
        assert not first.predicted.keys() & second.predicted.keys()


async def test_a_row_at_which_workers_die_fails_and_costs_no_other(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        await world.worker("w1", Script(dies_at={7: 9}))
        await world.until(world.over)
        await world.check({7: "the worker died: killed by signal 9 (out of memory)"})
        assert world.workers["w1"].script.dies_at[7] == 6
