"""One damaged file of one instance never stops the engine: not its start, not its end, not the other instances."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.worlds.engines import ProcessEngineWorld, spec

from modelyard.domain.process import ProcessState
from modelyard.engines.base import UNKNOWN, NoRoomError, Observed

READY, STOPPING, EXITED = ProcessState.READY, ProcessState.STOPPING, ProcessState.EXITED

Damage = Callable[[Path], None]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ProcessEngineWorld]:
    made = ProcessEngineWorld(tmp_path / "data")
    await made.open()
    yield made
    await made.close()


def holding(content: bytes) -> Damage:
    def act(path: Path) -> None:
        path.write_bytes(content)

    return act


def replaced(by: Damage) -> Damage:
    def act(path: Path) -> None:
        path.unlink(missing_ok=True)
        by(path)

    return act


def huge(path: Path) -> None:
    path.touch()
    os.truncate(path, 1 << 40)


DAMAGES = {
    "empty": holding(b""),
    "a list": holding(b"[]"),
    "null": holding(b"null"),
    "an empty object": holding(b"{}"),
    "negative numbers": holding(b'{"format": 1, "pid": -1, "pid_started": 0, "shim": -1, "shim_started": 0}'),
    "other types": holding(b'{"format": "1", "pid": "self", "status": [], "grace_s": {}, "error": 7}'),
    "truncated": lambda path: os.truncate(path, path.stat().st_size // 2) if path.exists() else path.touch(),
    "binary": holding(bytes(range(256))),
    "deep": holding(b'{"a":' * 100_000),
    "gone": lambda path: path.unlink(missing_ok=True),
    "a pipe": replaced(os.mkfifo),
    "a directory": replaced(Path.mkdir),
    "a link": replaced(lambda path: path.symlink_to("/dev/zero")),
    "1 TiB": replaced(huge),
}
RECORDS = ["spec.json", "state.json", "stop.json", "exit.json", "lock", "ready", "log"]


def of(seen: tuple[Observed, ...], instance_id: str) -> Observed | None:
    return next((o for o in seen if o.instance_id == instance_id), None)


async def ended_and_removed(world: ProcessEngineWorld, instance_id: str) -> None:
    """What the loop does with an instance of no service, and `down` with every one."""
    if of((await world.engine.list()).instances, instance_id) is not None:
        await world.engine.stop(instance_id, 5)
        await world.until(lambda seen: (one := of(seen, instance_id)) is None or one.process.state is EXITED)
        await world.engine.remove(instance_id)
    assert of((await world.engine.list()).instances, instance_id) is None
    assert not world.directory(instance_id).path.exists()


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_dead_one_has_ended_and_can_be_started_again(
    world: ProcessEngineWorld, name: str, damage: Damage
) -> None:
    await world.start(spec(1, how="crash"))
    await world.start(spec(2))
    await world.until(lambda seen: {o.process.state for o in seen} == {EXITED, READY})
    await world.abandon()
    damage(world.directory("i-1").path / name)
    await world.successor()
    seen = (await world.engine.list()).instances
    dead, other = of(seen, "i-1"), of(seen, "i-2")
    assert dead is None or (dead.process.state is EXITED and dead.process.exit)
    assert other is not None
    assert other.service_id == "service-1"
    await world.engine.log_tail("i-1", 5)
    await ended_and_removed(world, "i-1")
    await world.start(spec(1))
    await world.until(lambda seen: (o := of(seen, "i-1")) is not None and o.process.state is READY)


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
async def test_a_living_one_can_be_ended(world: ProcessEngineWorld, name: str, damage: Damage) -> None:
    """By its lock where its pid is not known; whoever's pid is in the record is left alone."""
    await world.start(spec(1))
    await world.until(lambda seen: {o.process.state for o in seen} == {READY})
    pid = await world.pid()
    await world.abandon()
    damage(world.directory("i-1").path / name)
    await world.successor()
    await asyncio.wait_for(ended_and_removed(world, "i-1"), 20)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_nobody_knows_whose_a_living_one_without_a_spec_is(world: ProcessEngineWorld) -> None:
    await world.start(spec(1))
    await world.until(lambda seen: {o.process.state for o in seen} == {READY})
    await world.abandon()
    (world.directory("i-1").path / "spec.json").write_bytes(b"")
    await world.successor()
    (seen,) = (await world.engine.list()).instances
    assert (seen.service_id, seen.process.state is EXITED) == (UNKNOWN, False)
    with pytest.raises(NoRoomError, match="not ended yet"):
        await world.engine.start(spec(1))
    await world.engine.stop("i-1", 5)
    await world.until(lambda seen: seen[0].process.state is EXITED)
    await world.engine.start(spec(1))
    await world.until(lambda seen: {(o.service_id, o.process.state) for o in seen} == {("service-1", READY)})


async def test_a_living_one_whose_state_is_damaged_goes_on(world: ProcessEngineWorld) -> None:
    await world.start(spec(1))
    await world.until(lambda seen: {o.process.state for o in seen} == {READY})
    await world.abandon()
    (world.directory("i-1").path / "state.json").write_bytes(b"")
    await world.successor()
    (seen,) = (await world.engine.list()).instances
    assert (seen.service_id, seen.process.state) == ("service-1", READY)


async def test_what_lies_among_the_instances_and_is_none(world: ProcessEngineWorld) -> None:
    await world.abandon()
    root = world.data_dir / "instances"
    (root / "file").touch()
    (root / "link").symlink_to("/etc")
    (root / "odd name").mkdir()
    (root / ".gone-1").mkdir()
    await world.successor()
    assert (await world.engine.list()).instances == ()
    assert Path("/etc/passwd").exists()


async def test_a_work_directory_of_any_depth_goes(world: ProcessEngineWorld) -> None:
    await world.start(spec(1))
    await world.until(lambda seen: {o.process.state for o in seen} == {READY})
    here = os.open(world.directory("i-1").path / "work", os.O_RDONLY)
    for _ in range(6500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    os.kill(await world.pid(), signal.SIGKILL)
    await world.until(lambda seen: {o.process.state for o in seen} == {EXITED})
    await ended_and_removed(world, "i-1")
    assert list((world.data_dir / "instances").iterdir()) == []
