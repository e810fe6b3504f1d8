"""What is particular to a command: its port, its door, how it ends. Over real processes."""

import asyncio
import json
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.test_rights import PYTHON, mountable
from tests.worlds.commands import SERVER
from tests.worlds.engines import CommandEngineWorld, all_in, spec

from modelyard.core import metrics
from modelyard.domain.health import Check, Health
from modelyard.domain.process import ProcessState
from modelyard.domain.program import Program
from modelyard.domain.resources import Resources
from modelyard.engines.base import InstanceSpec
from modelyard.engines.launch import LaunchOptions
from modelyard.processes.isolation import RANGES, Isolation, Users
from modelyard_runtime.door import ports

READY, EXITED = ProcessState.READY, ProcessState.EXITED
QUICK = Check(path="/up", period_s=0.05, timeout_s=2, delay_s=0, failures=3)


class World(CommandEngineWorld):
    """Runs `command_server.py` by the shell, as a package would."""

    def made(self, spec: InstanceSpec) -> InstanceSpec:
        return spec


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "data")
    shutil.copy(SERVER, made.package / "model" / "serve.py")
    await made.open()
    yield made
    await made.close()


def serving(
    how: str = "serve", cmd: tuple[str, ...] = ("/bin/sh", "-c", "python serve.py"), **more: object
) -> InstanceSpec:
    made = replace(spec(), envs=(("HOW", how),), program=Program(command=cmd), health=Health(QUICK, QUICK, QUICK))
    return replace(made, **more)  # type: ignore[arg-type]


async def about(world: World) -> dict[str, object]:
    with await world.caller() as connection:
        said = await asyncio.to_thread(answer, connection)
    return json.loads(said.partition(b"\r\n\r\n")[2])  # type: ignore[no-any-return]


def answer(connection: socket.socket) -> bytes:
    connection.settimeout(20)
    connection.sendall(b"GET /about HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    said = b""
    while more := connection.recv(65536):
        said += more
    return said


async def test_requests_are_counted_and_health_questions_are_not(world: World) -> None:
    await world.start(serving())
    (seen,) = await world.until(all_in(READY))
    assert seen.process.in_flight == 0
    world.engine.poll_fast("i-1")
    with await world.caller():
        await world.until(lambda seen: seen[0].process.in_flight == 1)
    (seen,) = await world.until(lambda seen: seen[0].process.in_flight == 0)
    assert seen.process.quiet_since_ms is not None


async def test_what_is_open_is_all_that_a_command_counts(world: World) -> None:
    """It must not pass for one that hangs: nobody but its door counts anything."""
    await world.start(serving())
    await world.until(all_in(READY))
    told = await world.engine.metrics("i-1", 1.0)
    assert told is not None
    assert metrics.told(told, 'instance="i-1"') == {
        "modelyard_in_flight": ['modelyard_in_flight{instance="i-1"} 0']
    }


async def test_health_questions_leave_room_for_who_has_one_connection_at_a_time(world: World) -> None:
    await world.start(serving("alone"))
    await world.until(all_in(READY))
    for _ in range(3):
        assert (await about(world))["pid"]
    (seen,) = (await world.engine.list()).instances
    assert seen.process.state is READY


async def test_a_successor_finds_it_ready_with_who_is_inside(world: World) -> None:
    await world.start(serving())
    await world.until(all_in(READY))
    with await world.caller():
        before = await world.pid()
        await world.successor()
        world.engine.poll_fast("i-1")
        await world.until(lambda seen: seen[0].process.in_flight == 1)
        assert await world.pid() == before


async def test_two_have_two_ports(world: World) -> None:
    await world.start(serving())
    await world.start(serving(instance_id="i-2"))
    await world.until(all_in(READY, 2))
    ports = {dict(world.directory(name).spec().env)["PORT"] for name in ("i-1", "i-2")}  # type: ignore[union-attr]
    assert len(ports) == 2


@pytest.mark.parametrize(
    ("cmd", "exit_text", "said"),
    [
        (("/bin/sh", "-c", "exit 7"), "exited with status 7", ""),
        (("/bin/sh", "-c", "kill -9 $$"), "killed by signal 9", ""),
        (("/bin/sh", "-c", "kill -TERM $$"), "killed by signal 15", ""),
        (("/bin/sh", "-c", "true"), "exited with status 0", "it must stay in the foreground"),
        (("no-such",), "exited with status 127", "cmd: there is no program 'no-such' in the package, nor in PATH"),
        (("./serve.py",), "exited with status 126", "cmd: './serve.py' cannot be run: Permission denied"),
    ],
)
async def test_it_ends_as_its_command_does(world: World, cmd: tuple[str, ...], exit_text: str, said: str) -> None:
    (world.package / "model" / "serve.py").chmod(0o444)
    await world.start(serving(cmd=cmd))
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == exit_text
    assert said in await world.engine.log_tail("i-1", 5)


async def test_what_it_left_in_the_background_ends_with_it(world: World) -> None:
    await world.start(serving(cmd=("/bin/sh", "-c", "sleep 1000 & echo $! ; exec python serve.py")))
    await world.until(all_in(READY))
    left = int((await world.engine.log_tail("i-1", 5)).split()[0])
    await world.engine.stop("i-1", 20)
    await world.until(all_in(EXITED))
    with pytest.raises(ProcessLookupError):
        os.kill(left, 0)


async def test_what_a_shell_left_serving_finishes_its_answer(world: World) -> None:
    """The shell ends with SIGTERM at once; the server behind it goes on with what is inside, within the grace."""
    await world.start(serving("deaf", cmd=("/bin/sh", "-c", "python serve.py; true")))
    await world.until(all_in(READY))
    with await world.caller() as connection:
        connection.settimeout(20)
        connection.sendall(b"GET /stream HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        said = await asyncio.to_thread(connection.recv, 65536)
        await world.engine.stop("i-1", 3)
        while more := await asyncio.to_thread(connection.recv, 65536):
            said += more
    assert said.endswith(b"data: 9\n\n\r\n0\r\n\r\n")
    await world.until(all_in(EXITED))


async def test_a_kill_of_its_door_ends_it(world: World) -> None:
    await world.start(serving())
    await world.until(all_in(READY))
    inner = await about(world)
    os.kill(await world.pid(), signal.SIGKILL)
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "killed by signal 9"
    with pytest.raises(ProcessLookupError):
        os.kill(int(str(inner["pid"])), 0)


async def test_one_that_a_signal_stopped_is_seen_though_its_door_goes_on(world: World) -> None:
    await world.start(serving(cmd=("python", "serve.py")))
    await world.until(all_in(READY))
    inner = int(str((await about(world))["pid"]))
    os.kill(inner, signal.SIGSTOP)
    await world.until(lambda seen: seen[0].process.frozen)
    os.kill(inner, signal.SIGCONT)
    await world.until(lambda seen: not seen[0].process.frozen)


async def test_a_deaf_one_has_its_grace_and_no_more(world: World) -> None:
    await world.start(serving("deaf", cmd=("python", "serve.py")))
    await world.until(all_in(READY))
    await world.engine.stop("i-1", 0.3)
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "killed by signal 9"


async def test_want_of_memory_is_told_as_the_cause(world: World) -> None:
    if not world.engine.enforced()["memory"].startswith("enforced"):
        pytest.skip("MEMORY OF COMMANDS NOT TESTED: there are no control groups here")
    await world.start(serving(cmd=("python", "serve.py"), resources=Resources(memory_mib=96)))
    await world.until(all_in(READY))
    with await world.caller() as connection:
        connection.sendall(b"GET /eat HTTP/1.1\r\nhost: x\r\n\r\n")
        (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "killed by signal 9 (out of memory)"


async def test_an_exec_question_finds_the_same_environment(world: World) -> None:
    asks = 'test -n "$PORT" && test "$PWD" != "$MODEL_DIR" && test -f "$MODEL_DIR/serve.py"'
    check = Check(command=("/bin/sh", "-c", asks), period_s=0.2, timeout_s=10, failures=3)
    await world.start(serving(health=Health(check, check, check)))
    await world.until(all_in(READY))


async def test_a_link_to_another_socket_is_not_asked(world: World) -> None:
    """It may put what it likes where its door listens."""
    await world.start(serving())
    await world.until(all_in(READY))
    work = world.directory().path / "work"
    (work / "other").mkdir()
    (work / "probe.sock").rename(work / "other" / "probe.sock")
    (work / "probe.sock").symlink_to(work / "other" / "probe.sock")
    await world.successor()
    await world.until(lambda seen: seen[0].process.state is not READY)


async def test_apart_from_all_others_it_is_nobody_on_the_port_of_its_model(tmp_path: Path) -> None:
    """Own user, own view, own network."""
    if os.geteuid() != 0:
        pytest.skip("RIGHTS OF COMMANDS NOT TESTED: only root may run instances as another user")
    mountable()
    isolation = Isolation(Users(*RANGES[0]), views=True, ipc=True, network=True)
    made = World(tmp_path / "data", LaunchOptions(python=PYTHON, isolation=isolation))
    for path in (made.package, made.package / "model"):
        path.chmod(0o755)
    shutil.copy(SERVER, made.package / "model" / "serve.py")
    (made.package / "model" / "serve.py").chmod(0o555)
    await made.open()
    try:
        program = Program(command=(PYTHON, "serve.py"), port=9123)
        await made.start(serving("own", program=program, instance_id="i-2"))
        await made.until(all_in(READY))
        await made.start(serving(program=program))
        await made.until(all_in(READY, 2))
        seen = await about(made)
        assert int(str(seen["user"])) >= RANGES[0][0]
        env = seen["env"]
        assert isinstance(env, dict)
        assert env["PORT"] == "9123"
        owners = {owner for _, _, owner, _ in ports._listeners()}
        assert int(str(seen["user"])) not in owners, "nobody of this machine can reach it"
    finally:
        await made.close()
