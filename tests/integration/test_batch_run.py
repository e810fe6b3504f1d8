"""A batch task from its ledger to its results, whatever its workers do."""

from pathlib import Path

from tests.worlds.batch_run import RunWorld, Script, run_world

from modelyard.core.masking import Masker


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


async def small_files(world: RunWorld, count: int) -> None:
    world.rows = count
    await world.plan({f"{n:03}.csv": b"%d\n" % n for n in range(count)}, 5)


async def check_small_files(world: RunWorld, failed: dict[int, str] | None = None) -> None:
    for n in range(world.rows):
        (line,) = await world.results(f"{n:03}.csv")
        assert line == ({"v": n} if n not in (failed or {}) else {"result": "FAILED", "error_message": failed[n]})
    counts = (await world.stored()).counts
    assert (counts.rows, counts.rows_failed, counts.splits) == (world.rows, len(failed or {}), world.rows)


async def test_small_sources_are_given_out_and_published_together(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=0) as world:
        await small_files(world, 100)
        worker = await world.worker("w1")
        await world.until(world.over)
        await check_small_files(world)
        assert max(len(each) for each in worker.bundles) >= 16
        assert not [each for each in (await world.names()) if ".parts/" in each]


async def test_a_worker_of_an_earlier_release_has_one_at_a_time(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=0) as world:
        await small_files(world, 20)
        worker = await world.worker("w1", Script(bundles=False))
        await world.until(world.over)
        await check_small_files(world)
        assert worker.bundles == []
        assert len(worker.given) == 20


async def test_a_row_of_a_bundle_at_which_workers_die_is_found(tmp_path: Path) -> None:
    """Each of the splits that the worker had goes alone from then on."""
    async with run_world(tmp_path, rows=0) as world:
        await small_files(world, 60)
        await world.worker("w1", Script(every=1, dies_at={33: 9}))
        await world.until(world.over)
        await check_small_files(world, {33: "the worker died: killed by signal 9 (out of memory)"})
        assert world.workers["w1"].script.dies_at[33] == 7
        assert any(33 in each for each in world.workers["w1"].bundles)


async def test_a_secret_in_the_cause_of_a_row_of_a_bundle_is_hidden_and_answers_are_not(tmp_path: Path) -> None:
    """The first row of a bundle, one inside, and the last; the model's own answers are left as they are."""
    failing = {0: "odd ***, ***!", 33: "odd ***, ***!", 59: "odd ***, ***!"}
    async with run_world(tmp_path, rows=0) as world:
        world.masker = Masker.of(["canary"])
        await small_files(world, 60)
        await world.worker("w1", Script(fails_at=frozenset(failing), cause="odd canary, canary!"))
        await world.until(world.over)
        await check_small_files(world, failing)
        assert any(33 in each for each in world.workers["w1"].bundles)


async def test_a_source_of_a_bundle_that_is_gone_fails_alone(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=0) as world:
        await small_files(world, 30)
        (tmp_path / "objects" / "in" / "020.csv").unlink()
        await world.worker("w1")
        await world.until(world.over)
        counts = (await world.stored()).counts
        assert (counts.sources_failed, counts.rows_done, counts.rows_failed) == (1, 29, 0)
