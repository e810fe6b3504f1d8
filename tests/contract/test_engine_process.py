"""What the process engine promises beyond the port: isolation, limits, and truth whoever was killed."""

import asyncio
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.worlds.engines import STUB, ProcessEngineWorld, all_in, spec

from modelyard.domain.devices import Grant, Kind
from modelyard.domain.health import READINESS, Health
from modelyard.domain.process import ProcessState
from modelyard.engines import devices, process
from modelyard.engines.base import Resources, StartRefusedError
from modelyard.engines.launch import LaunchOptions
from modelyard.processes import limits, supervise
from modelyard.processes.directory import ProcessDir, Sight, Spec
from modelyard.processes.isolation import Isolation, Users

READY, EXITED = ProcessState.READY, ProcessState.EXITED


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[ProcessEngineWorld]:
    made = ProcessEngineWorld(tmp_path / "data")
    await made.open()
    yield made
    await made.close()


async def until(done: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not done():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_the_environment_is_built_from_nothing(
    world: ProcessEngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODELYARD_ADMIN_PASSWORD", "hunter2")
    ours = ("MODELYARD_SOCKET_FD", "99"), ("CUDA_VISIBLE_DEVICES", "0")
    envs = (("STUB", "serve"), ("OMP_NUM_THREADS", "7"), *ours, ("THRESHOLD", "0.5"))
    await world.start(replace(spec(), envs=envs, resources=Resources(cpu=1.5)))
    await world.until(all_in(READY))
    raw = Path(f"/proc/{await world.pid()}/environ").read_text().rstrip("\0")
    found = dict(entry.split("=", 1) for entry in raw.split("\0"))
    work = world.directory().path / "work"
    assert found.pop("PATH").split(":")[1:] == ["/usr/local/bin", "/usr/bin", "/bin"]
    found.pop("PYTHONPATH", None)
    assert found == {
        "HOME": str(work),
        "TMPDIR": str(work / "tmp"),
        "USER": "model",
        "LOGNAME": "model",
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": "7",
        "OPENBLAS_NUM_THREADS": "2",
        "MKL_NUM_THREADS": "2",
        "NUMEXPR_NUM_THREADS": "2",
        "MODELYARD_SOCKET_FD": "3",
        "MODELYARD_MODEL_DIR": str(world.package),
        "MODELYARD_MODEL_NAME": "iris",
        "MODELYARD_MODEL_VERSION": "1.0.0",
        "MODELYARD_METRICS_SOCKET": "metrics.sock",
        "CUDA_VISIBLE_DEVICES": "",
        "NVIDIA_VISIBLE_DEVICES": "",
        "ASCEND_VISIBLE_DEVICES": "",
        "ASCEND_RT_VISIBLE_DEVICES": "",
        "STUB": "serve",
        "THRESHOLD": "0.5",
    }


async def test_only_its_own_descriptors_directory_and_session(world: ProcessEngineWorld) -> None:
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)  # what a careless parent lets slip
    await world.start(spec())
    await world.until(all_in(READY))
    pid = await world.pid()
    os.close(writer)
    os.set_blocking(reader, False)
    assert os.read(reader, 1) == b""  # nobody else has it
    os.close(reader)
    assert Path(f"/proc/{pid}/cwd").resolve() == world.directory().path / "work"
    assert os.getsid(pid) == pid
    assert "NoNewPrivs:\t1" in Path(f"/proc/{pid}/status").read_text()


async def test_nobody_else_may_read_its_files_or_reach_its_socket(world: ProcessEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    path = world.directory().path
    modes = {entry.name: stat.S_IMODE(entry.lstat().st_mode) for entry in [path, *path.iterdir()]}
    assert modes["s.sock"] == 0o600
    assert {name: mode for name, mode in modes.items() if mode & 0o077} == {}


async def test_a_dead_instance_refuses_at_once(world: ProcessEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    os.kill(await world.pid(), signal.SIGKILL)
    await world.until(all_in(EXITED))
    with socket.socket(socket.AF_UNIX) as client, pytest.raises(ConnectionRefusedError):
        client.connect(str(world.directory().path / "s.sock"))


async def test_watchers_hear_of_a_death_at_once(world: ProcessEngineWorld) -> None:
    seldom = replace(READINESS, period_s=3600)  # so that no question to it finds out
    await world.start(spec(health=Health(readiness=seldom, liveness=seldom)))
    await world.until(all_in(READY))
    pid = await world.pid()
    world.changed.clear()
    world.told.clear()
    os.kill(pid, signal.SIGKILL)
    await asyncio.wait_for(world.changed.wait(), 30)
    assert [o.process.state for o in (await world.engine.list()).instances] == [EXITED]


async def test_news_of_a_death_survive_trouble_of_our_own(
    world: ProcessEngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, failures = supervise.wait, []

    async def wait(directory: ProcessDir) -> Sight:
        if not failures:
            failures.append(directory)
            raise OSError(24, "Too many open files")
        return await real(directory)

    monkeypatch.setattr(supervise, "wait", wait)
    monkeypatch.setattr(process, "TROUBLE_INTERVAL_S", 0.01)
    await world.start(spec(how="crash"))
    (seen,) = await world.until(all_in(EXITED))
    assert (seen.process.exit, len(failures)) == ("exited with status 3", 1)


async def test_a_package_that_is_not_there_is_refused(world: ProcessEngineWorld) -> None:
    world.package.rmdir()
    with pytest.raises(StartRefusedError, match="digest"):
        await world.start(spec())
    with pytest.raises(StartRefusedError, match="cannot name"):
        await world.start(replace(spec(), instance_id="../escape"))
    assert (await world.engine.list()).instances == ()


async def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    world = ProcessEngineWorld(tmp_path / "data", LaunchOptions(command=lambda _: ("/no/such/python",)))
    await world.open()
    await world.start(spec())
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "exited with status 127"
    assert "cannot start /no/such/python" in await world.engine.log_tail("i-1", 5)
    await world.close()


async def test_a_fault_while_starting_leaves_nothing_that_nobody_follows(
    world: ProcessEngineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("embedded null byte")

    with monkeypatch.context() as patch, pytest.raises(ValueError, match="null byte"):
        patch.setattr(supervise, "spawn", broken)
        await world.start(spec())
    assert (await world.engine.list()).instances == ()
    await world.start(spec())
    await world.until(all_in(READY))


async def test_killed_between_writing_down_and_spawning(world: ProcessEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    label = world.directory().spec()
    assert label is not None
    await world.abandon()
    half = world.directory("i-2")
    half.path.mkdir()
    half.write_spec(Spec(label.argv, label={**label.label, "instance_id": "i-2"}), 5)
    world.directory("i-3").path.mkdir()  # killed even before
    await world.successor()
    seen = {o.instance_id: (o.process.state, o.process.exit) for o in (await world.engine.list()).instances}
    assert seen == {"i-1": (READY, ""), "i-2": (EXITED, "was never started")}
    assert not world.directory("i-3").path.exists()


async def test_killed_between_writing_down_a_stop_and_its_signal(world: ProcessEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    await world.abandon()
    world.directory().write_stop(10)
    await world.successor()
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "exited with status 0"


async def test_a_killed_supervisor_takes_its_child_along(world: ProcessEngineWorld) -> None:
    await world.start(spec(how="fork"))
    await world.until(all_in(READY))
    pid, supervisor = await world.pid(), world.directory().sight().supervisor
    assert supervisor is not None
    os.kill(supervisor[0], signal.SIGKILL)
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "its supervisor was killed"
    await until(lambda: not alive(pid))


async def test_nothing_outlives_the_child(world: ProcessEngineWorld) -> None:
    await world.start(spec(how="fork"))
    await world.until(all_in(READY))
    note = world.directory().path / "work" / "grandchild"
    await until(lambda: note.exists() and note.read_text() != "")
    grandchild = int(note.read_text())
    assert alive(grandchild)
    await world.engine.stop("i-1", 10)
    await world.until(all_in(EXITED))
    assert not alive(grandchild)


async def test_a_chatty_model_cannot_fill_the_disk(tmp_path: Path) -> None:
    command = (sys.executable, "-I", "-S", str(STUB))
    options = LaunchOptions(command=lambda _: command, log_bytes=100_000, log_kept_bytes=200_000)
    world = ProcessEngineWorld(tmp_path / "data", options)
    await world.open()
    await world.start(spec(how="flood"))
    await world.until(all_in(READY))
    await world.engine.stop("i-1", 10)
    await world.until(all_in(EXITED))
    sizes = [path.stat().st_size for path in world.directory().path.glob("log*")]
    assert sum(sizes) <= 200_000
    assert max(sizes) <= 100_000
    tail = (await world.engine.log_tail("i-1", 1500)).splitlines()
    assert [int(line[:7]) for line in tail] == list(range(3000 - len(tail), 3000))
    await world.close()


async def test_any_length_of_path_and_any_letters(tmp_path: Path) -> None:
    world = ProcessEngineWorld(tmp_path / ("d" * 100) / ("ü" * 100))
    await world.open()
    await world.start(spec())
    await world.until(all_in(READY))
    await world.close()


async def test_a_server_that_closes_idle_connections_stays_ready(world: ProcessEngineWorld) -> None:
    await world.start(spec(how="drop"))
    await world.until(all_in(READY))
    world.engine.poll_fast("i-1")
    (first,) = (await world.engine.list()).instances
    world.told.clear()
    asked = world.directory().path / "work" / "asked"
    before = asked.stat().st_size
    await until(lambda: asked.stat().st_size > before + 3 * len("health\n"))
    (seen,) = (await world.engine.list()).instances
    assert (seen.process.state, seen.process.quiet_since_ms, world.told) == (
        READY,
        first.process.quiet_since_ms,
        [],
    )


async def test_an_adopted_instance_that_is_slow_to_answer_is_still_ready(world: ProcessEngineWorld) -> None:
    await world.start(spec(how="hang"))
    await world.until(all_in(READY))
    await world.successor()
    assert [o.process.state for o in (await world.engine.list()).instances] == [READY]


async def test_an_unknown_format_that_runs_is_not_overlooked(world: ProcessEngineWorld) -> None:
    await world.start(spec())
    await world.until(all_in(READY))
    await world.abandon()
    path = world.directory().path / "spec.json"
    text = path.read_text()
    path.write_text(text.replace('"format": 1', '"format": 999'))
    with pytest.raises(Exception, match="format 999"):
        await world.successor()
    path.write_text(text)
    await world.successor()


def enforced(name: str, tmp_path: Path) -> Callable[[], None]:
    how = limits.detect(tmp_path).describe()[name]
    if not how.startswith("enforced"):
        pytest.skip(f"LIMIT NOT TESTED: {name} is {how}")
    return lambda: None


async def test_out_of_memory_is_named(world: ProcessEngineWorld, tmp_path: Path) -> None:
    enforced("memory", tmp_path)
    await world.start(replace(spec(how="oom"), resources=Resources(memory_mib=64)))
    (seen,) = await world.until(all_in(EXITED))
    assert seen.process.exit == "killed by signal 9 (out of memory)"


async def test_a_worker_of_a_batch_service_yields_to_callers(world: ProcessEngineWorld, tmp_path: Path) -> None:
    enforced("cpu", tmp_path)
    await world.start(replace(spec(), batch=True))
    await world.until(all_in(READY))
    made = world.directory().spec()
    assert isinstance(made, Spec)
    assert Path(made.plan.weight).read_text().strip() in {"256", "25"}


async def test_limits_hold_and_leave_with_the_instance(world: ProcessEngineWorld, tmp_path: Path) -> None:
    enforced("cpu", tmp_path)
    await world.start(replace(spec(), resources=Resources(cpu=0.5, memory_mib=256, pids=40, open_files=123)))
    await world.until(all_in(READY))
    made = world.directory().spec()
    assert isinstance(made, Spec)
    groups = [Path(group.path) for group in made.plan.groups]
    pid = await world.pid()
    assert all(str(pid) in (group / "cgroup.procs").read_text().split() for group in groups)
    assert world.directory().sight().unenforced == ""
    assert Path(made.plan.weight).read_text().strip() in {"1024", "100"}  # no longer that of loading
    assert "Max open files            123                  123" in Path(f"/proc/{pid}/limits").read_text()
    await world.engine.stop("i-1", 10)
    await world.until(all_in(EXITED))
    await world.engine.remove("i-1")
    assert not any(group.exists() for group in groups)


async def test_without_control_groups_it_says_so_and_loads_with_less_priority(tmp_path: Path) -> None:
    world = ProcessEngineWorld(tmp_path / "data", limited=False)
    await world.open()
    assert world.engine.enforced()["memory"] == "not enforced: the test wants it"
    await world.start(replace(spec(how="never"), resources=Resources(cpu=1, memory_mib=64)))
    expected = os.getpriority(os.PRIO_PROCESS, 0) + (6 if os.geteuid() == 0 else 0)
    await until(lambda: world.directory().log_tail(1) == "stub: never")
    assert os.getpriority(os.PRIO_PROCESS, await world.pid()) == expected
    await world.start(spec(2))
    await world.until(lambda seen: seen[1].process.state is READY)
    assert os.getpriority(os.PRIO_PROCESS, await world.pid("i-2")) == 0
    await world.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="UNPRIVILEGED INSTANCES NOT TESTED: only root may change user")
async def test_an_instance_may_run_as_another_user(tmp_path: Path) -> None:
    command = ("/bin/sh", "-c", "id -u; id -G; touch mine; ls ..; exit 0")
    world = ProcessEngineWorld(
        tmp_path / "data",
        LaunchOptions(command=lambda _: command, isolation=Isolation(Users(65534, 65534, 65533))),
    )
    await world.open()
    await world.start(spec())
    await world.until(all_in(EXITED))
    lines = (await world.engine.log_tail("i-1", 9)).splitlines()
    assert lines[:2] == ["65534", "65533"]
    assert "ermission denied" in lines[2]
    assert (world.directory().path / "work" / "mine").stat().st_uid == 65534
    await world.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="DENIED DEVICES NOT TESTED: only root may make a view")
async def test_an_instance_opens_only_the_cards_that_it_was_granted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """/dev/zero stands for another's card, /dev/full for one that a group may open."""
    monkeypatch.setattr(devices, "denied", lambda _: ("/dev/zero", "/dev/taken-out-meanwhile"))
    monkeypatch.setattr(devices, "groups", lambda *_: (4321,))
    command = (
        "/bin/sh",
        "-c",
        "head -c 1 /dev/zero | wc -c; echo 1 > /dev/zero; head -c 1 /dev/full | wc -c; id -G",
    )
    options = LaunchOptions(command=lambda _: command, isolation=Isolation(Users(65534, 65534, 65533), views=True))
    world = ProcessEngineWorld(tmp_path / "data", options)
    await world.open()
    await world.start(spec(devices=(Grant(Kind.GPU, 1, 0.5, "GPU-1"),)))
    await world.until(all_in(EXITED))
    told = await world.engine.log_tail("i-1", 9)
    assert sorted(told.splitlines()[-2:]) == ["1", "65533 4321"], told
    assert told.count("ermission denied") == 2
    await world.close()
