"""Spawning, waiting and removing for any owner; real processes, each gone within milliseconds."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelyard.processes import supervise
from modelyard.processes.directory import ProcessDir, Spec, State


def shell(script: str, **changes: object) -> Spec:
    return Spec(("/bin/sh", "-c", script), env=(("PATH", "/usr/bin:/bin"),), **changes)  # type: ignore[arg-type]


async def ended(directory: ProcessDir) -> str:
    return str((await asyncio.wait_for(supervise.wait(directory), 20)).exit)


@pytest.fixture
def directory(tmp_path: Path) -> ProcessDir:
    return ProcessDir(tmp_path / "p")


async def test_one_directory_runs_one_child_ever(directory: ProcessDir) -> None:
    script = shell("echo born >>../born")
    assert [supervise.spawn(directory, script) for _ in range(3)] == [True, False, False]
    assert await ended(directory) == "exited with status 0"
    assert supervise.spawn(directory, script) is False
    assert (directory.path / "born").read_text() == "born\n"


async def test_another_working_directory_and_no_socket(directory: ProcessDir, tmp_path: Path) -> None:
    supervise.spawn(directory, shell("pwd; ls /proc/self/fd", cwd=str(tmp_path)))
    await ended(directory)
    assert directory.log_tail(9).splitlines()[:4] == [str(tmp_path), "0", "1", "2"]
    assert not (directory.path / "work").exists()
    assert not (directory.path / "s.sock").exists()


async def test_what_cannot_be_started_says_why(directory: ProcessDir, tmp_path: Path) -> None:
    supervise.spawn(directory, shell("true", cwd=str(tmp_path / "nowhere")))
    assert await ended(directory) == "exited with status 127"
    assert "nowhere" in directory.log_tail(3)


async def test_the_grace_of_the_spec_serves_a_plain_sigterm(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell("trap '' TERM; echo up; while :; do sleep 0.05; done", grace_s=0.05))
    async with asyncio.timeout(20):
        while directory.log_tail(1) != "up":  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    supervise.resume_stop(directory)
    assert await ended(directory) == "killed by signal 9"


async def test_remove_leaves_a_running_one_alone(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell("exec sleep 1000"))
    assert supervise.remove(directory) is False
    assert directory.sight().state is State.RUNNING
    supervise.stop(directory, 0)
    await ended(directory)
    assert supervise.remove(directory) is True
    assert supervise.remove(directory) is True


async def test_no_zombie_is_left(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell("true"))
    await ended(directory)
    supervisor = directory.sight().supervisor
    assert supervisor is not None
    assert not Path(f"/proc/{supervisor[0]}").exists()


async def test_a_pid_that_is_somebody_elses_is_never_signalled(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell("exec sleep 1000"))
    async with asyncio.timeout(20):
        while (sight := directory.sight()).supervisor is None:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    state = directory.path / "state.json"
    text = state.read_text()
    pid = sight.supervisor[0]
    bystander = subprocess.Popen(["/bin/sleep", "1000"])  # noqa: ASYNC220
    state.write_text(text.replace(f'"shim":{pid}', f'"shim":{bystander.pid}'))
    supervise.resume_stop(directory)
    assert bystander.poll() is None
    state.write_text(text)
    bystander.kill()
    bystander.wait()
    supervise.stop(directory, 0)
    await ended(directory)


async def test_a_full_disk_at_birth_costs_the_child_nothing(directory: ProcessDir) -> None:
    obstacle = directory.path / "state.json.new"
    obstacle.mkdir(parents=True)  # nothing can be written there, as on a full disk
    supervise.spawn(directory, shell("echo up; exec sleep 1000"))
    async with asyncio.timeout(20):
        while directory.log_tail(1) != "up":  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    assert (directory.sight().state, directory.sight().pid) == (State.RUNNING, None)
    obstacle.rmdir()
    async with asyncio.timeout(20):
        while directory.sight().pid is None:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    supervise.stop(directory, 5)
    assert await ended(directory) == "killed by signal 15"


async def test_a_child_that_could_not_be_written_down_can_be_stopped(directory: ProcessDir) -> None:
    (directory.path / "state.json.new").mkdir(parents=True)
    supervise.spawn(directory, shell("echo up; exec sleep 1000"))
    async with asyncio.timeout(20):
        while directory.log_tail(1) != "up":  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    supervise.stop(directory, 5)
    assert await ended(directory) == "killed by signal 15"


async def test_cancelling_a_wait_leaves_it_running(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell("exec sleep 1000"))
    waiting = asyncio.create_task(supervise.wait(directory))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert directory.sight().state is State.RUNNING
    supervise.stop(directory, 0)
    await ended(directory)


def test_the_shim_loads_no_heavy_module(tmp_path: Path) -> None:
    """Each instance pays for it: `enum` or `re` alone would double its start."""
    code = f"import sys; sys.path.insert(0, {str(supervise.SHIM.parent)!r}); import shim; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    heavy = {"re", "enum", "json", "ctypes", "socket", "signal", "subprocess", "typing", "modelyard"}
    assert heavy & set(loaded.stdout.split()) == set()
    assert os.access(supervise.SHIM, os.R_OK)


async def running(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell("echo up; exec sleep 1000"))
    async with asyncio.timeout(20):
        while directory.log_tail(1) != "up" or directory.sight().supervisor is None:  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@pytest.mark.parametrize("content", ["", "[]", '{"pid": -1, "shim": -1}', "\x00"])
async def test_one_whose_record_is_damaged_is_found_by_its_lock(directory: ProcessDir, content: str) -> None:
    await running(directory)
    (directory.path / "state.json").write_text(content)
    assert directory.sight().supervisor is None
    supervise.stop(directory, 5)
    assert await ended(directory) == "killed by signal 15"


async def test_one_whose_lock_was_removed_is_not_taken_for_dead(directory: ProcessDir) -> None:
    await running(directory)
    (directory.path / "lock").unlink()
    assert directory.sight().state is State.RUNNING
    assert supervise.remove(directory) is False
    supervise.stop(directory, 5)
    assert await ended(directory) == "killed by signal 15"
    assert supervise.remove(directory) is True


@pytest.mark.parametrize(
    "content", ["", "[]", "null", '{"grace_s": "soon"}', '{"grace_s": 1e999}', '{"grace_s": -1}']
)
async def test_a_stop_that_cannot_be_read_has_the_grace_of_the_spec(directory: ProcessDir, content: str) -> None:
    spec = shell("trap '' TERM; echo up; while :; do sleep 0.05; done", grace_s=0.05)
    supervise.spawn(directory, spec)
    async with asyncio.timeout(20):
        while directory.log_tail(1) != "up":  # noqa: ASYNC110
            await asyncio.sleep(0.002)
    (directory.path / "stop.json").write_text(content)
    supervise.resume_stop(directory)
    assert await ended(directory) == "killed by signal 9"


async def test_a_session_of_another_boot_is_somebody_elses(directory: ProcessDir) -> None:
    """After a power cut the number of the child's session may be anybody's."""
    bystander = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)  # noqa: ASYNC220
    directory.path.mkdir()
    directory.write_spec(shell("true"), 5)
    state = {"pid": bystander.pid, "pid_started": 1, "shim": bystander.pid, "shim_started": 1, "boot": "another"}
    (directory.path / "state.json").write_text(json.dumps(state))
    supervise.sweep(directory)
    assert supervise.remove(directory)
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()


async def up(directory: ProcessDir) -> None:
    async with asyncio.timeout(20):
        while "up" not in directory.log_tail(9).splitlines():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


async def test_what_a_stopped_child_started_has_the_rest_of_its_grace(
    directory: ProcessDir, tmp_path: Path
) -> None:
    """The child ends at once; what it started takes its time, and is told to end as well."""
    os.mkfifo(tmp_path / "gate")
    slow = f"trap 'read go <{tmp_path}/gate; echo done >{tmp_path}/done; exit 0' TERM; echo up; "
    slow += "while :; do sleep 0.01; done"
    supervise.spawn(directory, shell(f'sh -c "{slow}" & trap "exit 0" TERM; wait'))
    await up(directory)
    supervise.stop(directory, 60)
    async with asyncio.timeout(20):
        gate = await asyncio.to_thread(os.open, tmp_path / "gate", os.O_WRONLY)
    os.write(gate, b"go\n")
    os.close(gate)
    assert await ended(directory) == "exited with status 0"
    assert (tmp_path / "done").read_text() == "done\n"


async def test_a_grace_ends_for_what_a_stopped_child_started_too(directory: ProcessDir) -> None:
    stubborn = "trap '' TERM; echo up; while :; do sleep 0.01; done"
    supervise.spawn(directory, shell(f'sh -c "{stubborn}" & trap "exit 0" TERM; wait'))
    await up(directory)
    supervise.stop(directory, 0.1)
    assert await ended(directory) == "exited with status 0"


async def test_a_crash_is_over_at_once_whatever_it_left(directory: ProcessDir) -> None:
    stubborn = "trap '' TERM; echo up; while :; do sleep 0.01; done"
    supervise.spawn(directory, shell(f'sh -c "{stubborn}" & while :; do sleep 0.01; done'))
    await up(directory)
    pid = directory.sight().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert await ended(directory) == "killed by signal 9"


async def test_a_grace_of_nothing(directory: ProcessDir) -> None:
    supervise.spawn(directory, shell("trap '' TERM; echo up; while :; do sleep 0.01; done"))
    await up(directory)
    supervise.stop(directory, 0)
    assert await ended(directory) == "killed by signal 9"
