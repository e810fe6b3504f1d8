"""A machine that lost power: everything of an installation is gone at once, and its files lie as they lay."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server

from modelyard.client.waiting import Patience

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def everything(stage: Stage) -> set[int]:
    """Every process that names the data directory, and what those started."""
    parents, named = {}, set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
            parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(stage.root).encode() in line:
            named.add(int(entry.name))
    found = set(named)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def power_cut(stage: Stage) -> None:
    for _ in range(3):  # whoever starts another while we look
        for pid in everything(stage):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
    stage.end_control_plane(signal.SIGKILL)
    until(lambda: not everything(stage), 20, "every process to be gone")


def reused(stage: Stage, pid: int) -> None:
    """After a boot numbers begin anew: every one on record is now a stranger's."""
    for record in stage.data_dir.glob("*/*/state.json"):
        birth = json.loads(record.read_text())
        birth |= {"pid": pid, "shim": pid, "boot": "another"}
        record.write_text(json.dumps(birth))
    (stage.data_dir / "control.lock").write_text(str(pid))
    holder = json.loads((stage.data_dir / "control.json").read_text())
    (stage.data_dir / "control.json").write_text(json.dumps({**holder, "pid": pid}))
    clock = json.loads((stage.data_dir / "clock.json").read_text())
    (stage.data_dir / "clock.json").write_text(json.dumps({**clock, "boot": "another"}))


def test_everything_comes_back_as_it_was_and_strangers_are_let_alone(stage: Stage) -> None:
    with stage.client() as yard:
        running = server.deployed(stage, yard, "running", server.ECHO)
        stopped = server.deployed(stage, yard, "stopped", server.ECHO)
        yard.services.stop(stopped.service_id)
        until(lambda: yard.services.get(stopped.service_id).status == "stopped", 60, "the service to stop")
    before = stage.instances()
    power_cut(stage)
    assert (stage.data_dir / "gateway" / "xds.sock").is_socket()  # stale ones
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        reused(stage, stranger.pid)
        stage.up()
        with stage.client() as yard:
            again = yard.services.wait(running.service_id, patience=Patience(60))
            assert again.status == "running"
            assert yard.predict(again, {"n": 1}) == {"n": 1}
            assert yard.services.get(stopped.service_id).status == "stopped"
            assert stage.instances().keys() - before.keys(), "another instance"
        assert stranger.poll() is None, "a process of somebody else was ended"
        stranger.communicate(b"\n")
    assert "Traceback" not in stage.log.read_text()
