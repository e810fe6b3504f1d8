"""The process engine with the real model server, under a control plane that is really killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.worlds.engines import ProcessEngineWorld, all_in, spec

from modelyard.domain.process import ProcessState
from modelyard.engines.base import InstanceSpec, Resources
from modelyard.engines.launch import LaunchOptions

pytestmark = pytest.mark.e2e

ECHO = Path(__file__).parents[2] / "examples" / "echo"
CONTROL_PLANE = """
import asyncio, sys
from pathlib import Path
from modelyard.engines.launch import LaunchOptions
from modelyard.engines.process import ProcessEngine
from tests.worlds.engines import STUB, spec

async def main():
    data_dir = Path(sys.argv[1])
    options = LaunchOptions(command=lambda _: (sys.executable, "-I", "-S", str(STUB)))
    engine = ProcessEngine(data_dir, lambda _: data_dir, options=options)
    await engine.open()
    for number in range(1, 100):
        print(number, flush=True)
        await engine.start(spec(number))

asyncio.run(main())
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ProcessEngineWorld]:
    made = ProcessEngineWorld(tmp_path / "data")
    await made.open()
    yield made
    await made.close()


async def test_whatever_a_killed_control_plane_had_begun_is_found_again(world: ProcessEngineWorld) -> None:
    await world.abandon()
    environment = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    command = [sys.executable, "-c", CONTROL_PLANE, str(world.data_dir)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ECHO.parents[1]) as victim:  # noqa: ASYNC220
        assert victim.stdout is not None
        begun = 0
        while begun < 5:
            begun = int(await asyncio.to_thread(victim.stdout.readline))
        victim.send_signal(signal.SIGKILL)
    await world.successor()
    settled = {ProcessState.READY, ProcessState.EXITED}
    seen = await world.until(lambda all_: all(o.process.state in settled for o in all_))
    ready = {o.instance_id for o in seen if o.process.state is ProcessState.READY}
    assert {f"i-{number}" for number in range(1, 5)} <= ready
    assert {o.process.exit for o in seen if o.process.state is ProcessState.EXITED} <= {"was never started"}
    for observed in seen:  # asked again, as a loop would: nobody is started twice
        await world.engine.start(spec(int(observed.instance_id.removeprefix("i-"))))
    assert {o.instance_id: o.process.started_ms for o in seen} == {
        o.instance_id: o.process.started_ms for o in (await world.engine.list()).instances
    }


async def test_the_model_server_serves_and_is_adopted(tmp_path: Path) -> None:
    world = ProcessEngineWorld(tmp_path / "data", LaunchOptions())
    world.package = ECHO
    await world.open()
    try:
        instance = InstanceSpec(
            "i-1", "s", 1, 1, "t", "digest", "echo", "1.0.0", resources=Resources(cpu=2, memory_mib=2048, pids=200)
        )
        await world.start(instance)
        (seen,) = await world.until(all_in(ProcessState.READY))
        assert (seen.process.in_flight, seen.process.exit) == (0, "")
        assert seen.process.quiet_since_ms is not None
        reader, writer = await asyncio.open_unix_connection(world.directory().path / "s.sock")
        writer.write(
            b"POST / HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n"
            b"connection: close\r\n\r\n" + b'{"a": 12}'
        )
        assert b"200 OK" in await reader.readline()
        writer.close()
        world.engine.poll_fast("i-1")
        before = seen.process.quiet_since_ms
        (seen,) = await world.until(lambda all_: all_[0].process.quiet_since_ms not in {None, before})
        await world.successor()
        assert [o.process.state for o in (await world.engine.list()).instances] == [ProcessState.READY]
        await world.engine.stop("i-1", 10)
        (seen,) = await world.until(all_in(ProcessState.EXITED))
        assert seen.process.exit == "exited with status 0"
    finally:
        await world.close()
