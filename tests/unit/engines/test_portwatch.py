"""Instances that have a port of ours: real processes, ports that the kernel chose."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from modelyard.engines.diskwatch import explained
from modelyard.engines.portwatch import evict
from modelyard.processes import supervise
from modelyard.processes.directory import ProcessDir, Spec, State

ROOT = pytest.mark.skipif(
    os.geteuid() != 0, reason="SOCKETS OF OTHERS NOT TESTED: only root may be another user, and take its sockets"
)
PYTHON = "/usr/bin/python3"  # the one of this environment may lie where another user cannot go
STRANGER = 1_900_000_000
LISTEN = "s.listen()"
FORK = "os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0)"
WAYS = {
    "listens": f"s = taken(); {LISTEN}",
    "has only bound it": "s = taken()",
    "has bound it in IPv6": "s = taken('::1')",
    "gave it to a child": f"s = taken(); {LISTEN}; os.fork() and (s.close(), time.sleep(600))",
    "gave it to a daemon": f"s = taken(); os.fork() and time.sleep(600); {FORK}",
    "hides it in a message": (
        f"s = taken(); {LISTEN}; a, b = socket.socketpair(); socket.send_fds(a, [b'x'], [s.fileno()]); s.close()"
    ),
}
SCRIPT = """
import os, socket, time
def taken(address="127.0.0.2"):
    s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    s.bind((address, 0))
    print(s.getsockname()[1], flush=True)
    return s
"""


class Instances:
    def __init__(self, home: Path) -> None:
        self.home = home

    async def start(self, name: str, code: str) -> int:
        """Run it as a stranger; the port that it took."""
        directory = ProcessDir(self.home / name)
        self.home.chmod(0o711)
        text = f"{SCRIPT}\n{code}\nos.write(1, b'.\\n')\ntime.sleep(600)"
        supervise.spawn(directory, Spec((PYTHON, "-I", "-c", text), user=(STRANGER, STRANGER), cwd="/"))
        while "." not in (log := directory.log_tail(9)):
            assert directory.sight().state is State.RUNNING, log
            await asyncio.sleep(0.005)
        return int(log.split()[0])


@pytest.fixture
async def instances(tmp_path: Path) -> AsyncIterator[Instances]:
    made = Instances(tmp_path / "instances")
    made.home.mkdir()
    yield made
    for path in made.home.iterdir():
        supervise.stop(ProcessDir(path), 0)
        await supervise.wait(ProcessDir(path))


@ROOT
@pytest.mark.parametrize("way", WAYS)
async def test_who_has_a_port_of_ours_is_ended_with_the_reason(instances: Instances, way: str) -> None:
    port = await instances.start("bad", WAYS[way])
    other = await instances.start("other", WAYS["listens"]) if "message" not in way else 0
    assert evict(instances.home, {port}) == ["bad"]
    bad = ProcessDir(instances.home / "bad")
    assert bad.sight().state is State.EXITED
    assert explained(bad).startswith("took ")
    assert explained(bad).endswith(f":{port}, a port of this server")
    assert evict(instances.home, {port}) == []
    assert not other or ProcessDir(instances.home / "other").sight().state is State.RUNNING


@ROOT
async def test_others_are_not_looked_at(instances: Instances, tmp_path: Path) -> None:
    """Another server's instances, and those that hold ports of their own."""
    port = await instances.start("one", WAYS["listens"])
    assert evict(tmp_path / "of another", {port}) == []
    assert evict(instances.home, {1}) == []
    assert ProcessDir(instances.home / "one").sight().state is State.RUNNING
