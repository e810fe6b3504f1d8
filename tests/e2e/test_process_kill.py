"""A control plane killed with SIGKILL at any of its steps leaves a directory that says what is true.

The steps are the system calls of `spawn` and `stop`: the victim, a process of its own, is killed before and
after each of them in turn, until it gets through. Then a successor looks, and tries again.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.processes import supervise
from modelyard.processes.directory import ProcessDir, Sight, Spec, State

pytestmark = pytest.mark.e2e

VICTIM = """
import os, signal, sys
from pathlib import Path
from modelyard.processes import supervise
from modelyard.processes.directory import ProcessDir, Spec

path, act, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])

def mortal(function):
    def call(*args, **kwargs):
        global steps
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*args, **kwargs)
        steps -= 1
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return call

for module, names in ((os, ("mkdir", "open", "fsync", "replace", "posix_spawn", "close")),
                      (signal, ("pidfd_send_signal",)), (supervise.fcntl, ("flock",))):
    for name in names:
        setattr(module, name, mortal(getattr(module, name)))
directory = ProcessDir(Path(path))
if act == "spawn":
    supervise.spawn(directory, Spec(("/bin/sh", "-c", "echo born >>../born; exec sleep 1000"), listen=True))
else:
    supervise.stop(directory, 1000)
"""


def victims(path: Path, act: str) -> Iterator[tuple[ProcessDir, int]]:
    """A directory for each step, after the victim was killed there; the last one got through."""
    environment = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    for steps in range(1, 100):
        directory = ProcessDir(path / str(steps))
        if act == "stop":
            supervise.spawn(
                directory, Spec(("/bin/sh", "-c", "echo born >>../born; exec sleep 1000"), listen=True)
            )
        command = [sys.executable, "-c", VICTIM, str(directory.path), act, str(steps)]
        code = subprocess.run(command, check=False, env=environment).returncode
        assert code in {0, -9}
        yield directory, code
        if code == 0:
            return
    raise AssertionError("it never gets through")


def born(directory: ProcessDir) -> str:
    """A line for each child there ever was."""
    path = directory.path / "born"
    return path.read_text() if path.exists() else ""


async def settled(directory: ProcessDir) -> Sight:
    """What it comes to: running for good, or ended."""
    async with asyncio.timeout(20):
        while (sight := directory.sight()).state is State.RUNNING and not born(directory):  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        return sight


async def put_away(directory: ProcessDir) -> None:
    supervise.stop(directory, 0)
    await asyncio.wait_for(supervise.wait(directory), 20)
    assert supervise.remove(directory)
    assert not directory.path.exists()


async def test_killed_at_any_step_of_a_spawn(tmp_path: Path) -> None:
    seen: dict[str, int] = {}
    for directory, _ in victims(tmp_path, "spawn"):
        sight = await settled(directory)
        what = str(sight.exit) if sight.exit else sight.state.value
        seen[what] = seen.get(what, 0) + 1
        spawned = supervise.spawn(directory, Spec(("/bin/sh", "-c", "echo born >>../born; exec sleep 1000")))
        assert spawned is (sight.state is State.ABSENT)
        again = await settled(directory)
        if again.state is State.RUNNING:
            assert born(directory) == "born\n"  # one child, ever
        else:
            assert str(again.exit) == "was never started"
            assert born(directory) == ""
        await put_away(directory)
    assert seen.keys() == {"absent", "was never started", "running"}


async def test_killed_at_any_step_of_a_stop(tmp_path: Path) -> None:
    stopped = []
    for directory, code in victims(tmp_path, "stop"):
        asked = (directory.path / "stop.json").exists()
        if asked:
            supervise.resume_stop(directory)
            sight = await asyncio.wait_for(supervise.wait(directory), 20)
            assert str(sight.exit) in {
                "killed by signal 15",
                "could not be started: stopped before it was started",
            }
        else:
            assert code == -9
            assert (await settled(directory)).state is State.RUNNING
        stopped.append(asked)
        await put_away(directory)
    assert stopped[0] is False
    assert stopped[-1] is True
    assert stopped == sorted(stopped)  # once asked, always asked
