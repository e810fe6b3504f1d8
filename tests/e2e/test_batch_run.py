"""A batch task with workers that are real processes, from a CSV file to its results."""

import asyncio
import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.batch_run import JOB, RunWorld, run_world
from tests.worlds.model_server import Instance, package

from modelyard.batch.run import TaskRunner
from modelyard.batch.runner import BatchWorker
from modelyard.control.clock import SteadyClock
from modelyard.domain.batch import Format, Items, Leaf, LeafType, TaskState

pytestmark = pytest.mark.e2e

SCRIPT = """
    import time
    class Doubles(SingleNodeService):
        def _inference(self, data):
            if data[0] == 777:
                os.kill(os.getpid(), 9)
            return {"v": 2 * data[0]}
"""


class RealWorkers:
    """As many as there should be, one more for each that ended."""

    def __init__(self, world: RunWorld, directory: Path, count: int) -> None:
        self.world = world
        self.directory = directory
        self.count = count
        self.made: dict[str, Instance] = {}
        self.package = package(directory / "model", SCRIPT, model_type="Custom", apis=[])

    async def exit_of(self, name: str) -> str:
        code = self.made[name].process.poll()
        if code is None:
            return ""
        return f"killed by signal {-code}" if code < 0 else f"exited with status {code}"

    async def kill(self, name: str) -> None:
        self.made[name].process.kill()

    async def ready(self) -> list[BatchWorker]:
        alive = [name for name, made in self.made.items() if made.process.poll() is None]
        for _ in range(self.count - len(alive)):
            name = f"w{len(self.made)}"
            home = self.directory / name
            home.mkdir()
            made = Instance(home, self.package, MODELYARD_BATCH="1", MODELYARD_METRICS_SOCKET=str(home / "m"))
            self.made[name] = made
            await asyncio.to_thread(made.until_ready)
            alive.append(name)
        return [BatchWorker(name, f"unix:{name}/s") for name in alive]

    async def until_over(self) -> None:
        async with asyncio.timeout(60):
            while (await self.world.stored()).at_work:
                self.world.runner.run(self.world.task, self.world.job, "p1", await self.ready())
                await asyncio.sleep(0.02)

    def end(self) -> None:
        for made in self.made.values():
            made.process.send_signal(signal.SIGKILL)
            made.process.communicate()


async def test_real_workers_predict_every_row_and_the_one_that_kills_them_fails(tmp_path: Path) -> None:
    job = replace(JOB, source="obs://in/", mapping=Items((Leaf(LeafType.INTEGER, 0),)), row_timeout_s=30)
    rows = 3000
    async with run_world(tmp_path, rows=0, job=job) as world:
        path = tmp_path / "objects" / "in" / "sub" / "rows.csv"
        path.parent.mkdir(parents=True)
        path.write_text("".join(f"{n}\n" if n != 1234 else "x\n" for n in range(rows)))
        workers = RealWorkers(world, tmp_path, 2)
        world.runner = TaskRunner(
            world.store,
            world.objects,
            SteadyClock(0),
            world.nudges.append,
            exit_of=workers.exit_of,
            kill=workers.kill,
            data_dir=tmp_path,
        )
        try:
            await workers.until_over()
        finally:
            await world.runner.close()
            workers.end()
        task = await world.stored()
        assert (task.state, task.error) == (TaskState.FINISHED, "")
        assert (task.counts.rows, task.counts.rows_failed) == (rows, 2)
        results = await world.results("sub/rows.csv")
        assert len(results) == rows
        for n, result in enumerate(results):
            if n not in {777, 1234}:
                assert result == {"v": 2 * n}
        assert results[777] == {"result": "FAILED", "error_message": "the worker died: killed by signal 9"}
        assert results[1234]["result"] == "FAILED"
        assert "column" in results[1234]["error_message"]
        assert not [name for name in await world.names() if ".parts/" in name]


async def test_real_workers_predict_files(tmp_path: Path) -> None:
    job = replace(JOB, source="obs://in/", format=Format.FILE)
    script = """
    class Sizes(SingleNodeService):
        def _inference(self, data):
            return {"v": data if isinstance(data, (int, float, str, list, dict)) else str(type(data))}
    """
    async with run_world(tmp_path, rows=0, job=job) as world:
        for n in range(40):
            path = tmp_path / "objects" / "in" / f"{n:02}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"n": n}))
        workers = RealWorkers(world, tmp_path, 1)
        package(workers.package, script, model_type="Custom", apis=[])
        world.runner = TaskRunner(
            world.store,
            world.objects,
            SteadyClock(0),
            world.nudges.append,
            exit_of=workers.exit_of,
            kill=workers.kill,
            data_dir=tmp_path,
        )
        try:
            await workers.until_over()
        finally:
            await world.runner.close()
            workers.end()
        task = await world.stored()
        assert (task.state, task.counts.rows, task.counts.rows_failed) == (TaskState.FINISHED, 40, 0), task.error
        for n in range(40):
            (result,) = await world.results(f"{n:02}.json")
            assert result == {"v": {"n": n}}
