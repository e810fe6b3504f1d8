"""A batch task is stopped, goes on, waits, fails and is removed."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from tests.worlds.batch_run import JOB, DiedError, RunWorld, Script, Session, numbers, parts_are_objects, run_world

from modelyard.batch import assembly, pacing
from modelyard.batch.parts import Parts
from modelyard.core.batch import results
from modelyard.domain.batch import Dialect, Format, Output, SplitState, TaskState, Threshold
from modelyard.objects.base import ObjectRefusedError, ObjectStoreUnavailableError


def done(world: RunWorld, rows: int) -> Callable[[], Awaitable[bool]]:
    async def there() -> bool:
        counts = (await world.stored()).counts
        return counts.rows_done + counts.rows_failed >= rows

    return there


async def set_state(world: RunWorld, state: TaskState) -> None:
    async with world.store.write() as w:
        task = await w.task("t1")
        assert task is not None
        await w.save_task(replace(task, state=state, error=""))


async def halted(world: RunWorld) -> None:
    """As the loop does it; time passes meanwhile."""
    await set_state(world, TaskState.STOPPED)
    halting = asyncio.create_task(world.runner.halt("t1"))
    while not halting.done():
        world.clock.advance(world.clock.now + 100)
        await asyncio.sleep(0.001)
    halting.result()


class Slowly:
    """A row at a time, until it is told to abandon what it has: then with what is ready. `some`: five are."""

    def __init__(self) -> None:
        self.some = asyncio.Event()

    async def __call__(self, session: Session, asked: dict[str, Any]) -> None:
        start = asked["start"]
        content = await session.read(start, asked["end"])
        lines: list[bytes] = []
        for line in content.splitlines(keepends=True)[:-1]:
            await asyncio.sleep(0.001)
            if await session._gives_up():
                break
            lines.append(b'{"v":%d}' % int(line))
            start += len(line)
            if len(lines) == 5:
                self.some.set()
        while not await session._gives_up():  # noqa: ASYNC110 - it is told, or the connection ends
            await asyncio.sleep(0.001)
        session.publish(lines, (asked["source"], start))
        session.say(b"E", {"abandoned": session.abandoned})


async def test_a_stop_keeps_what_is_ready_and_a_start_goes_on_there(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=200, split_rows=100) as world:
        slowly = Slowly()
        worker = await world.worker("w1", Script(talk=slowly))
        world.run()
        await asyncio.wait_for(slowly.some.wait(), 20)
        await halted(world)
        counts = (await world.stored()).counts
        assert 0 < counts.rows_done < 100
        assert all(split.state is not SplitState.LEASED for split in await world.splits())
        assert all(split.deaths == 0 for split in await world.splits())
        await set_state(world, TaskState.ACTIVE)
        worker.script.talk = None
        await world.until(world.over)
        await world.check()
        assert sum(worker.predicted.values()) == 200 - counts.rows_done


async def test_a_worker_that_is_stuck_does_not_hold_a_stop_up(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=10, split_rows=10) as world:
        await world.worker("w1", Script(hangs_at={3: 9}, every=2))
        await world.until(done(world, 2))
        before = world.clock.now
        await halted(world)
        assert world.clock.now - before < 5_000
        assert world.killed == []
        assert {split.state for split in await world.splits()} == {SplitState.PUBLISHED, SplitState.PENDING}
        assert all(split.deaths == 0 for split in await world.splits())


async def test_a_worker_that_is_to_leave_hands_over_and_others_go_on(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=300, split_rows=150) as world:
        slowly = Slowly()
        leaving = await world.worker("w1", Script(talk=slowly))
        world.run()
        await asyncio.wait_for(slowly.some.wait(), 20)
        other = await world.worker("w2")
        del world.workers["w1"]
        await world.until(world.over)
        await world.check()
        assert sum(other.predicted.values()) < 300
        assert leaving.connections == 1
        await leaving.die()


async def test_full_buckets_are_waited_for_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts_are_objects(monkeypatch)  # what lies in the ledger takes no room

    class Full:
        why = "the project's buckets hold 9 bytes and may hold 9 (quota objects_max_bytes)"
        sizes: ClassVar[list[int]] = []

        async def lacking(self, project_id: str, bucket: str) -> str:
            assert (project_id, bucket) == ("p1", "out")
            return self.why

        def moved(self, bucket: str, size: int) -> None:
            assert bucket == "out"
            self.sizes.append(size)

    full = Full()
    async with run_world(tmp_path, room=full) as world:
        await world.worker("w1")

        async def waits() -> bool:
            return bool((await world.stored()).waiting)

        await world.until(waits)
        task = await world.stored()
        assert (task.waiting, task.counts.rows_done) == (f"waiting for room for results: {full.why}", 0)
        assert full.sizes == []
        full.why = ""
        await world.until(world.over)
        await world.check()
        assert sum(full.sizes) > 0


async def test_without_workers_it_waits_for_some(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        until = world.clock.now + 10_000

        async def later() -> bool:
            return world.clock.now > until

        await world.until(later, step_ms=500)
        assert (await world.stored()).at_work
        await world.worker("w1")
        await world.until(world.over)
        await world.check()


async def test_splits_that_are_planned_later_are_taken_too(tmp_path: Path) -> None:
    job = replace(JOB, source="obs://in/")
    async with run_world(tmp_path, rows=0, job=job) as world:
        for n in range(3):
            path = tmp_path / "objects" / "in" / f"{n}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(numbers(100, 100 * n))
        await world.worker("w1")
        await world.until(world.over)
        task = await world.stored()
        assert (task.state, task.planned, task.counts.sources, task.counts.rows_done) == (
            TaskState.FINISHED,
            True,
            3,
            300,
        ), task.error
        for n in range(3):
            assert await world.results(f"{n}.csv") == [{"v": v} for v in range(100 * n, 100 * n + 100)]


async def test_an_input_that_is_not_there_fails_the_task(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=0, job=replace(JOB, source="obs://nothing/here/")) as world:
        await world.until(world.over)
        task = await world.stored()
        assert task.state is TaskState.FAILED
        assert task.error
        assert world.nudges == ["svc"]


async def test_a_task_takes_its_threshold_from_all_rows(tmp_path: Path, monkeypatch: Any) -> None:
    parts_are_objects(monkeypatch)
    job = replace(JOB, error_threshold=Threshold(share=0.2))
    async with run_world(tmp_path, rows=40, job=job) as world:
        await world.worker("w1", Script(fails_at=frozenset(range(10, 20))))
        await world.until(world.over)
        task = await world.stored()
        assert task.state is TaskState.FAILED
        assert "more than error_threshold.share 0.2 allows" in task.error
        assert all(split.state is not SplitState.LEASED for split in await world.splits())
        names = await world.names()
        assert names
        assert all(".parts/" in name for name in names)


async def test_the_first_row_and_the_end_are_told(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=4, split_rows=1) as world:
        await world.worker("w1")
        await world.until(done(world, 1))
        assert world.nudges == ["svc"]
        await world.until(world.over)
        assert world.nudges == ["svc", "svc"]


async def test_an_object_store_that_is_away_is_waited_for_visibly(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:
        write = world.objects.write

        async def away(*args: Any, **options: Any) -> Any:
            raise ObjectStoreUnavailableError("no space left on device")

        world.objects.write = away
        await world.worker("w1")

        async def waits() -> bool:
            return bool((await world.stored()).waiting)

        await world.until(waits)
        assert (await world.stored()).waiting == "waiting for the object store: no space left on device"
        later = world.clock.now + 600_000

        async def much_later() -> bool:
            return world.clock.now > later

        await world.until(much_later, step_ms=2_000)
        assert (await world.stored()).at_work
        world.objects.write = write
        await world.until(world.over)
        await world.check()
        assert world.killed == []
        assert (await world.stored()).waiting == ""


async def test_a_destination_that_may_not_be_written_fails_the_task(tmp_path: Path) -> None:
    async with run_world(tmp_path) as world:

        async def refused(*args: Any, **options: Any) -> Any:
            raise ObjectRefusedError("access denied")

        world.objects.write = refused
        await world.worker("w1")
        await world.until(world.over)
        task = await world.stored()
        assert (task.state, task.error) == (TaskState.FAILED, "results cannot be written: access denied")
        assert world.killed == []


@pytest.mark.parametrize("error", [ObjectRefusedError("access denied"), ZeroDivisionError("a bug")])
async def test_what_goes_wrong_with_the_last_results_is_noticed(tmp_path: Path, error: Exception) -> None:
    """When no worker has anything more to tell."""
    async with run_world(tmp_path, rows=3) as world:

        async def broken(*args: Any, **options: Any) -> Any:
            raise error

        world.objects.write = broken
        await world.worker("w1")

        async def noticed() -> bool:
            task = await world.stored()
            return str(error) in task.error + task.waiting

        await world.until(noticed)


async def test_the_results_of_a_worker_that_is_gone_are_written_when_they_can_be(tmp_path: Path) -> None:
    async def tells_and_ends(session: Session, asked: dict[str, Any]) -> None:
        await session.split(asked)
        await session.writer.drain()
        raise DiedError

    async with run_world(tmp_path, rows=3) as world:
        write, until_ms = world.objects.write, world.clock.now + 30_000

        async def later(*args: Any, **options: Any) -> Any:
            if world.clock.now < until_ms:
                raise ObjectStoreUnavailableError("nobody answers")
            return await write(*args, **options)

        world.objects.write = later
        await world.worker("w1", Script(talk=tells_and_ends))
        await world.until(world.over, step_ms=200, script=Script())
        await world.check()
        assert sum(worker.predicted.total() for worker in world.workers.values()) == 3


async def test_what_nobody_foresaw_is_tried_again_from_the_ledger(tmp_path: Path, monkeypatch: Any) -> None:
    parts_are_objects(monkeypatch)
    async with run_world(tmp_path) as world:
        write, broken = Parts.write, [True]

        async def breaks(self: Parts, name: str, told: Any) -> Any:
            if broken:
                raise ZeroDivisionError("a bug")
            return await write(self, name, told)

        monkeypatch.setattr(Parts, "write", breaks)
        await world.worker("w1")

        async def waits() -> bool:
            return bool((await world.stored()).waiting)

        await world.until(waits)
        assert (await world.stored()).waiting == "tried again after an error: ZeroDivisionError: a bug"
        broken.clear()
        await world.until(world.over)
        await world.check()


async def test_orphans_go_when_a_task_is_taken_up_and_others_stay(tmp_path: Path, monkeypatch: Any) -> None:
    parts_are_objects(monkeypatch)
    async with run_world(tmp_path) as world:
        await world.worker("w1")
        await world.until(done(world, 5))
        await world.runner.close()
        parts = tmp_path / "objects" / "out" / "to" / "infer-result-t1.parts"
        (parts / "0-0-99").write_bytes(b"orphan")
        world.begin()
        known = {split.part.rpartition("/")[2] for split in await world.splits() if split.part}
        for worker in world.workers.values():
            await worker.die()
        world.workers.clear()
        world.run()

        async def swept() -> bool:
            return not (parts / "0-0-99").exists()

        await world.until(swept)
        assert {path.name for path in parts.iterdir()} >= known
        await world.worker("w2")
        await world.until(world.over)
        await world.check()


async def test_a_task_that_is_discarded_leaves_results_and_no_parts(tmp_path: Path, monkeypatch: Any) -> None:
    parts_are_objects(monkeypatch)
    async with run_world(tmp_path) as world:
        await world.worker("w1")
        await world.until(done(world, 5))
        await halted(world)
        assert await world.names()
        await world.runner.discard(world.task, world.job)
        await world.runner.discard(world.task, world.job)
        assert await world.names() == []


@pytest.mark.parametrize("cut", range(0, 40, 3))
async def test_assembling_may_be_cut_off_anywhere(tmp_path: Path, cut: int) -> None:
    async with run_world(tmp_path) as world:
        await world.worker("w1", Script(fails_at=frozenset({4})))

        async def assembling() -> bool:
            return (await world.stored()).state is not TaskState.ACTIVE

        await world.until(assembling)
        for _ in range(cut):
            await asyncio.sleep(0.0005)
        await world.runner.close()
        world.begin()
        await world.until(world.over)
        await world.check({4: "odd one"})


async def test_many_files_have_several_manifests(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(assembly, "MANIFEST_LINES", 3)
    assert results.MANIFEST_LINES == 10_000
    job = replace(JOB, format=Format.FILE)
    async with run_world(tmp_path, rows=0, job=job) as world:
        await world.plan({f"{n}.txt": b"%d" % n for n in range(7)}, 3)
        await world.worker("w1")
        await world.until(world.over)
        names = [name for name in await world.names() if name.endswith(".manifest")]
        assert names == ["infer-result-t1.manifest", "infer-result-t1_1.manifest", "infer-result-t1_2.manifest"]
        lines = b"".join([await world.read(name) for name in names]).splitlines()
        assert [json.loads(line)["source"] for line in lines] == [f"obs://in/{n}.txt" for n in range(7)]


async def test_files_without_rows_have_an_empty_result(tmp_path: Path) -> None:
    async with run_world(tmp_path, rows=0) as world:
        await world.plan({"empty.csv": b"", "rows.csv": numbers(2)}, 5)
        await world.worker("w1")
        await world.until(world.over)
        assert await world.read("infer-result/empty.csv_result.txt") == b""
        assert len((await world.read("infer-result-t1.manifest")).splitlines()) == 2


async def test_a_file_that_a_worker_cannot_have_is_a_row_that_fails(tmp_path: Path) -> None:
    job = replace(JOB, format=Format.FILE)
    async with run_world(tmp_path, rows=0, job=job) as world:
        await world.plan({f"{n}.txt": b"%d" % n for n in range(4)}, 4)
        (tmp_path / "objects" / "in" / "2.txt").unlink()
        await world.worker("w1")
        await world.until(world.over)
        lines = [json.loads(line) for line in (await world.read("infer-result-t1.manifest")).splitlines()]
        assert lines[2] == {
            "source": "obs://in/2.txt",
            "result": "FAILED",
            "error_message": "obs://in/2.txt does not exist",
        }
        assert [line["result"] for line in lines].count("SUCCESSFUL") == 3
        assert (await world.stored()).counts.rows_failed == 1


async def test_a_worker_that_gives_up_files_fails_all_that_it_had(tmp_path: Path) -> None:
    job = replace(JOB, format=Format.FILE)

    async def gives_up(session: Session, asked: dict[str, Any]) -> None:
        session.say(b"F", {"error": "the model has no /"})

    async with run_world(tmp_path, rows=0, job=job) as world:
        await world.plan({f"{n}.txt": b"%d" % n for n in range(4)}, 4)
        await world.worker("w1", Script(talk=gives_up))
        await world.until(world.over)
        counts = (await world.stored()).counts
        assert (counts.rows_failed, counts.sources_failed) == (4, 0)
        assert world.killed == []


async def test_a_header_and_an_encoding_are_told_with_every_split(tmp_path: Path) -> None:
    job = replace(JOB, csv=Dialect(header=True, delimiter=";"))
    asked_for: list[tuple[Any, ...]] = []

    async def notes(session: Session, asked: dict[str, Any]) -> None:
        asked_for.append((asked["start"], asked["header"], asked["job"]["csv"]["encoding"]))
        session.publish([b"1"] * asked["rows"], None)
        session.say(b"E", {"abandoned": False})

    async with run_world(tmp_path, rows=0, job=job) as world:
        path = tmp_path / "objects" / "in" / "rows.csv"
        path.parent.mkdir(parents=True)
        rows = "".join(f"{n};x\r\n" for n in range(100))
        path.write_bytes(f'größe;"a\nb"\r\n{rows}'.encode("utf-16"))
        await world.worker("w1", Script(talk=notes))
        await world.until(world.over)
        assert (await world.stored()).counts.rows_done == 100
        assert len(asked_for) > 1
        assert {(tuple(header), encoding) for _, header, encoding in asked_for} == {
            (("größe", "a\nb"), "utf-16-le"),
        }


async def test_the_end_of_a_poison_row_is_found_by_ourselves(tmp_path: Path) -> None:
    """Quoted line ends, two bytes for a character: the row behind it begins where it begins."""
    asked_for: list[tuple[int, int]] = []

    async def dies(session: Session, asked: dict[str, Any]) -> None:
        asked_for.append((asked["start"], asked["rows"]))
        if asked["start"] == 0:
            await session.worker.die()
            return
        session.publish([b"1"] * asked["rows"], None)
        session.say(b"E", {"abandoned": False})

    async with run_world(tmp_path, rows=0) as world:
        path = tmp_path / "objects" / "in" / "rows.csv"
        path.parent.mkdir(parents=True)
        path.write_bytes(('"a\n\nb",1\n' + "2\n" * 200).encode("utf-16"))
        await world.worker("w1", Script(talk=dies))
        await world.until(world.over)
        counts = (await world.stored()).counts
        assert (counts.rows_done, counts.rows_failed) == (200, 1), (await world.stored(), asked_for)
        behind = dict(asked_for)[2 + 2 * len('"a\n\nb",1\n')]
        assert behind == dict(asked_for)[0] - 1 > 0


async def test_pace_says_how_fast_it_goes_and_how_long_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pacing, "SETTLED_MS", 0)
    async with run_world(tmp_path, rows=1000, split_rows=10) as world:
        assert world.runner.pace("t1").rows_per_s == 0
        await world.worker("w1")
        await world.until(done(world, 300))
        pace = world.runner.pace("t1")
        assert pace.rows_per_s > 0
        assert pace.left_s is not None
        assert pace.left_s > 0


async def test_results_as_parquet(tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    async with run_world(tmp_path, job=replace(JOB, output=Output.PARQUET)) as world:
        await world.worker("w1", Script(fails_at=frozenset({3})))
        await world.until(world.over)
        name = tmp_path / "objects" / "out" / "to" / "infer-result" / "rows.csv_result.txt"
        rows = pq.read_table(name).to_pylist()
        assert [row["row"] for row in rows] == [*range(20)]
        assert rows[3] == {"row": 3, "result": "FAILED", "answer": None, "error_message": "odd one"}
