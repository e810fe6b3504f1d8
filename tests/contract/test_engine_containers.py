"""What is true of containers alone: whose they are, what they may do, and what an engine that is away changes."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from tests.docker import IMAGE, DockerServer
from tests.worlds.engines import ContainerEngineWorld, all_in, spec

from modelyard.domain.devices import Grant, Kind
from modelyard.domain.health import Check, Health
from modelyard.domain.process import ProcessState
from modelyard.domain.program import Program
from modelyard.domain.resources import Resources
from modelyard.engines import devices, tracked
from modelyard.engines.base import FetchingError, StartRefusedError, WaitingError
from modelyard.engines.containers.containers import Containers
from modelyard.engines.containers.several import ContainerEngines
from modelyard.engines.containers.shape import INSTALLATION, ContainerOptions
from modelyard_runtime.door.docker import Docker, RefusedError

READY, STOPPING, EXITED = ProcessState.READY, ProcessState.STOPPING, ProcessState.EXITED


@pytest.fixture
async def world(docker: DockerServer, tmp_path: Path) -> AsyncIterator[ContainerEngineWorld]:
    made = ContainerEngineWorld(tmp_path / "data", docker)
    await made.open()
    yield made
    docker.start()
    await made.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(holds):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def stranger(docker: DockerServer, installation: str) -> str:
    body = {"Image": IMAGE, "Labels": {INSTALLATION: installation}}
    made = docker.docker.ask("POST", "/containers/create", body=body).json()
    assert isinstance(made, dict)
    return str(made["Id"])


def there(docker: DockerServer, container_id: str) -> bool:
    try:
        docker.docker.ask("GET", f"/containers/{container_id}/json")
    except RefusedError:
        return False
    return True


async def test_a_container_without_a_door_is_removed_and_nobody_elses(
    world: ContainerEngineWorld, docker: DockerServer
) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    ours, others = stranger(docker, world.how.installation), stranger(docker, "another")
    await world.successor()
    await until(lambda: not there(docker, ours))
    assert there(docker, others)
    docker.docker.ask("DELETE", f"/containers/{others}")
    assert [o.process.state for o in (await world.engine.list()).instances] == [READY]
    assert world.inspected()["State"]["Running"]


async def test_a_door_that_is_killed_takes_its_container_with_it(world: ContainerEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    os.kill(await world.pid(), signal.SIGKILL)
    await world.until(all_in(EXITED))
    await until(lambda: not world.inspected())


async def test_cards_are_not_free_before_the_container_is_gone(
    world: ContainerEngineWorld, docker: DockerServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its door is killed while the engine is away, and whoever comes next finds it like that."""
    monkeypatch.setattr(devices, "SHARED_NPU_NODES", ())
    monkeypatch.setattr(tracked, "AGAIN_S", 0.05)
    await world.start(spec(devices=(Grant(Kind.NPU, 0, node="/dev/null"),)))
    await world.until(all_in(READY))
    docker.kill()
    os.kill(await world.pid(), signal.SIGKILL)
    await world.until(all_in(STOPPING))
    await world.engine.remove("i-1")
    await world.successor()
    assert [o.process.state for o in (await world.engine.list()).instances] == [STOPPING]
    docker.start()
    (seen,) = await world.until(all_in(EXITED))
    assert "killed by signal 9" in seen.process.exit
    assert not world.inspected()
    await world.successor()
    assert [o.process.state for o in (await world.engine.list()).instances] == [EXITED]


async def test_want_of_memory_is_told(world: ContainerEngineWorld) -> None:
    await world.start(spec(how="oom", resources=Resources(memory_mib=64)))
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "killed by signal 9 (out of memory)"
    assert not world.inspected()


async def test_an_engine_that_is_away_changes_nothing_for_who_runs(
    world: ContainerEngineWorld, docker: DockerServer
) -> None:
    """Nor does a command that cannot be run inside meanwhile."""
    inside = Check(command=("test", "-d", "/app"), period_s=0.1, timeout_s=5, failures=2)
    await world.start(spec(health=Health(inside, inside, inside)))
    await world.until(all_in(READY))
    docker.kill()
    with pytest.raises(WaitingError, match="away"):
        await world.start(spec(2))
    await asyncio.sleep(1)
    assert [o.process.state for o in (await world.engine.list()).instances] == [READY]
    docker.start()
    assert world.inspected()["State"]["Running"]


async def test_it_is_told_to_end_while_the_engine_is_away(
    world: ContainerEngineWorld, docker: DockerServer
) -> None:
    await world.start(spec(1))
    await world.start(spec(2, how="stuck"))
    await world.until(all_in(READY, 2))
    docker.kill()
    for instance_id in ("i-1", "i-2"):
        await world.engine.stop(instance_id, 0.5)
    await asyncio.sleep(1)
    docker.start()
    ended = {o.instance_id: o.process.exit for o in await world.until(all_in(EXITED, 2))}
    assert ended == {"i-1": "exited with status 0", "i-2": "killed by signal 9"}
    await until(lambda: not world.inspected("i-1") and not world.inspected("i-2"))


async def test_an_image_that_cannot_be_had(world: ContainerEngineWorld) -> None:
    gone = Program(image="sha256:" + "0" * 64)
    with pytest.raises(FetchingError):
        await world.start(spec(program=gone))
    async with asyncio.timeout(20):
        while True:
            try:
                await world.start(spec(program=gone))
            except FetchingError:
                await asyncio.sleep(0.02)
            except StartRefusedError as refused:
                assert "not here any more" in str(refused)
                break
    assert (await world.engine.list()).instances == ()


async def test_a_program_that_is_not_there_says_so(world: ContainerEngineWorld) -> None:
    await world.start(spec(program=Program(image=IMAGE, command=("/no/such/program",))))
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "exited with status 127"
    assert "/no/such/program" in await world.engine.log_tail("i-1", 5)


@pytest.mark.parametrize(
    ("options", "uid", "capable", "interfaces"),
    [({}, 0, True, 2), ({"user": "1000:1000"}, 1000, False, 2), ({"alone": True}, 0, True, 1)],
    ids=["as the image says", "a user of the administrator", "alone"],
)
async def test_what_it_may_do(
    docker: DockerServer,
    tmp_path: Path,
    options: dict[str, object],
    uid: int,
    capable: bool,
    interfaces: int,
) -> None:
    world = ContainerEngineWorld(tmp_path / "data", docker, **options)
    assert isinstance(world.how, ContainerOptions)
    await world.open()
    try:
        await world.start(spec(resources=Resources(cpu=1, memory_mib=64, pids=50, open_files=256)))
        await world.until(all_in(READY))
        pid = world.inspected()["State"]["Pid"]
        said = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert int(said["Uid"].split()[0]) == uid
        assert bool(int(said["CapEff"], 16)) is capable
        assert int(said["CapBnd"], 16) & (1 << 21) == 0  # CAP_SYS_ADMIN
        assert int(said["NoNewPrivs"]) == 1
        assert int(said["Seccomp"]) == 2
        lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
        assert len([line for line in lines if line.split(":")[0].strip() in {"lo", "eth0"}]) == interfaces
        limits = Path(f"/proc/{pid}/limits").read_text()
        assert any(line.startswith("Max open files") and "256" in line for line in limits.splitlines())
    finally:
        await world.close()


async def test_what_it_writes_into_its_own_file_system_is_counted(world: ContainerEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    words = "import os; os.posix_fallocate(os.open('/tmp/much', os.O_CREAT | os.O_RDWR), 0, 5_000_000)"
    assert await world.containers.run("i-1", ("python", "-I", "-S", "-c", words), 20) == 0
    assert world.containers._written()["i-1"] >= 5_000_000


async def test_nothing_that_an_image_asks_for_runs_beside_its_door(
    world: ContainerEngineWorld, tmp_path: Path
) -> None:
    """Where the engine was taken out of the settings while it runs."""
    mark = tmp_path / "mark"
    inside = Check(
        command=("/bin/sh", "-c", f"echo > {mark}; test -d /app"), period_s=0.1, timeout_s=5, failures=2
    )
    await world.start(spec(health=Health(inside, inside, inside)))
    await world.until(all_in(READY))
    await world.abandon()
    world.engine = world._engine()
    world.engine._containers = ContainerEngines(lambda path: Containers(Docker(path), world.how))
    await world.open()
    await asyncio.sleep(1)
    assert [o.process.state for o in (await world.engine.list()).instances] == [READY]
    assert not mark.exists()


async def test_what_runs_is_told_to_people(world: ContainerEngineWorld, docker: DockerServer) -> None:
    await world.containers.look(lambda: ())
    assert world.engine.enforced()["containers"].startswith("Docker ")
    docker.kill()
    await world.containers.look(lambda: ())
    assert world.engine.enforced()["containers"].startswith("away: ")
