"""Startup, readiness and liveness of real processes: who is ready, who hangs, and what a command may do."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.engines import ProcessEngineWorld, all_in, spec

from modelyard.domain.health import READINESS, Check, Health
from modelyard.domain.process import ProcessState
from modelyard.engines.base import InstanceSpec, Observed
from modelyard.engines.launch import instance_spec
from modelyard.processes import supervise

READY, STARTING, EXITED = ProcessState.READY, ProcessState.STARTING, ProcessState.EXITED
QUICK = Check(period_s=0.02, timeout_s=0.2, delay_s=0, failures=3)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ProcessEngineWorld]:
    made = ProcessEngineWorld(tmp_path / "data")
    await made.open()
    yield made
    await made.close()


def asked(how: str, **changes: Check | float) -> InstanceSpec:
    return spec(how=how, health=replace(Health(QUICK, QUICK, QUICK), **changes))  # type: ignore[arg-type]


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def hung(seen: tuple[Observed, ...]) -> bool:
    return len(seen) == 1 and seen[0].process.hung


async def test_a_process_that_stops_answering_hangs_until_it_goes_on(world: ProcessEngineWorld) -> None:
    await world.start(asked("serve"))
    (seen,) = await world.until(all_in(READY))
    assert (seen.process.hung, seen.process.patience_ms) == (False, 60)
    world.told.clear()
    os.kill(await world.pid(), signal.SIGSTOP)
    await world.until(lambda seen: hung(seen) and seen[0].process.state is STARTING)
    assert "service-1" in world.told
    os.kill(await world.pid(), signal.SIGCONT)
    await world.until(lambda seen: not hung(seen) and seen[0].process.state is READY)


async def test_a_health_check_that_blocks_is_found(world: ProcessEngineWorld) -> None:
    await world.start(asked("hang"))
    await world.until(hung)


async def test_ready_and_hung_are_different_questions(world: ProcessEngineWorld) -> None:
    await world.start(asked("files", startup=replace(QUICK, path="/up"), readiness=replace(QUICK, path="/up")))
    work = world.directory().path / "work"
    await until(work.exists)
    (work / "up").touch()
    (seen,) = await world.until(hung)  # nobody made work/health
    assert seen.process.state is READY
    (work / "health").touch()
    await world.until(lambda seen: not hung(seen) and seen[0].process.state is READY)
    (work / "up").unlink()
    (seen,) = await world.until(all_in(STARTING))
    assert not seen.process.hung


async def test_ready_is_seen_at_once_and_only_after_startup(world: ProcessEngineWorld) -> None:
    slow = Check(path="/begun", period_s=1000, delay_s=1000)
    await world.start(asked("files", startup=slow))
    work = world.directory().path / "work"
    await until(work.exists)
    (work / "health").touch()
    await until(lambda: (work / "asked").exists() and (work / "asked").read_text().count("begun") >= 3)
    (seen,) = (await world.engine.list()).instances
    assert seen.process.state is STARTING
    assert "health" not in (work / "asked").read_text().split()
    (work / "begun").touch()
    began = time.monotonic()
    await world.until(all_in(READY))
    assert time.monotonic() - began < 10  # not its period, not its delay


async def test_failures_in_the_initial_delay_do_not_count(world: ProcessEngineWorld) -> None:
    early = replace(QUICK, path="/live", delay_s=1000)
    await world.start(asked("files", liveness=early))
    work = world.directory().path / "work"
    await until(work.exists)
    (work / "health").touch()
    await world.until(all_in(READY))
    await until(lambda: (work / "asked").read_text().count("live") >= 2 * QUICK.failures)
    assert not hung((await world.engine.list()).instances)


async def test_requests_that_never_end_are_found_behind_a_healthy_server(world: ProcessEngineWorld) -> None:
    await world.start(asked("busy", stalled_s=0.1))
    (seen,) = await world.until(hung)
    assert (seen.process.state, seen.process.in_flight) == (READY, 1)


class TestCommands:
    async def test_a_command_in_its_directory_and_environment_decides(self, world: ProcessEngineWorld) -> None:
        script = '[ "$STUB" = serve ] && [ "$HOME" = "$PWD" ] && [ -z "$MODELYARD_SOCKET_FD" ] && [ -e ok ]'
        check = replace(QUICK, command=("/bin/sh", "-c", script), timeout_s=10)
        await world.start(asked("serve", startup=check, readiness=check))
        work = world.directory().path / "work"
        await until(work.exists)
        assert [o.process.state for o in (await world.engine.list()).instances] == [STARTING]
        (work / "ok").touch()
        await world.until(all_in(READY))
        world.engine.poll_fast("i-1")
        await world.until(lambda seen: seen[0].process.in_flight == 0)  # traffic is counted all the same
        (work / "ok").unlink()
        await world.until(all_in(STARTING))

    async def test_it_is_killed_when_its_time_is_over_and_blocks_nobody(self, world: ProcessEngineWorld) -> None:
        await world.start(asked("serve"))
        await world.until(all_in(READY))
        command = ("/bin/sh", "-c", "echo $$ > pid; sleep 1000")
        file = world.directory().path / "work" / "pid"
        waiting = asyncio.create_task(supervise.enter(world.directory(), command, 0.3))
        await until(lambda: file.exists() and file.read_text().endswith("\n"))  # we go on meanwhile
        assert await waiting is None
        pid = int(file.read_text())
        await until(lambda: not Path(f"/proc/{pid}").exists())

    async def test_it_is_killed_when_nobody_waits_any_more(self, world: ProcessEngineWorld) -> None:
        await world.start(asked("serve"))
        await world.until(all_in(READY))
        command = ("/bin/sh", "-c", "sleep 1000 & echo $$ > pid; wait")
        file = world.directory().path / "work" / "pid"
        waiting = asyncio.create_task(supervise.enter(world.directory(), command, 1000))
        await until(lambda: file.exists() and file.read_text().endswith("\n"))
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await until(lambda: not Path(f"/proc/{int(file.read_text())}").exists())

    @pytest.mark.parametrize(
        ("command", "status"),
        [(("/bin/sh", "-c", "exit 7"), 7), (("no-such-command",), 127), (("/bin/sh", "-c", "kill -9 $$"), -9)],
    )
    async def test_its_end_is_told(self, world: ProcessEngineWorld, command: tuple[str, ...], status: int) -> None:
        await world.start(asked("serve"))
        await world.until(all_in(READY))
        assert await supervise.enter(world.directory(), command, 20) == status


async def test_what_an_older_release_wrote_down_is_understood(world: ProcessEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    await world.abandon()
    path = world.directory().path / "spec.json"
    values = json.loads(path.read_text())
    values["label"]["health"] = {"path": "/health", "timeout_s": 1.0}
    path.write_text(json.dumps(values))
    await world.successor()
    assert [o.process.state for o in await world.until(all_in(READY))] == [READY]
    written = world.directory().spec()
    assert written is not None
    assert instance_spec(written.label).health.readiness == READINESS
