"""A server from outside: what `modelyard up` leaves behind however it ends, and what `down` does about it."""

import signal
import socket
import stat
import subprocess
from pathlib import Path

import httpx
import pytest
from examples.demo.stage import Stage, modelyard, until
from tests.worlds import server

from modelyard.client import Client, Credentials
from modelyard.client.waiting import Patience

pytestmark = pytest.mark.e2e


def processes_of(stage: Stage) -> list[str]:
    """Command lines of every process that names the stage's directory."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(stage.root) in line:
            found.append(line)
    return found


def test_a_started_server_answers_and_keeps_its_secrets_private(stage: Stage) -> None:
    given = Credentials.from_data_dir(stage.data_dir)
    assert httpx.get(given.auth_url.removesuffix("/v3") + "/healthz").status_code == 200
    assert stat.S_IMODE(stage.data_dir.stat().st_mode) == 0o700
    assert stat.S_IMODE((stage.data_dir / "credentials.json").stat().st_mode) == 0o600
    assert given.password not in stage.log.read_text()

    printed = subprocess.run(
        modelyard("env", "--data-dir", stage.data_dir), check=True, capture_output=True, text=True
    ).stdout
    said = subprocess.run(
        ["bash", "-c", 'eval "$0"; env -0', printed],
        check=True,
        capture_output=True,
        text=True,
        env={"PATH": "/bin"},
    ).stdout
    exported = dict(line.split("=", 1) for line in said.split("\0") if line.startswith("OS_"))
    with Client(Credentials.from_environment(exported)) as yard:
        assert yard.services.list() == []


def test_a_second_server_on_the_same_data_is_refused(stage: Stage) -> None:
    second = subprocess.run(
        modelyard("up", "--data-dir", stage.data_dir, "--port", 0, "--gateway-port", 0),
        check=False,
        capture_output=True,
        text=True,
    )
    assert second.returncode == 3
    assert "already runs" in second.stderr
    with stage.client() as yard:
        assert yard.health()["status"] == "ok"


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = subprocess.run(
            modelyard("up", "--data-dir", tmp_path / "data", "--port", port, "--gateway-port", 0),
            check=False,
            capture_output=True,
            text=True,
        )
    assert refused.returncode == 1
    assert str(port) in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_service_answers_without_a_control_plane_and_is_adopted_by_the_next(stage: Stage) -> None:
    with stage.client() as yard:
        service = server.deployed(stage, yard, "echo", server.ECHO)
        before = stage.instances()
        assert len(before) == 1

        for how in (signal.SIGKILL, signal.SIGTERM):
            stage.end_control_plane(how)
            assert yard.predict(service, {"hello": how.name}) == {"hello": how.name}
            stage.up()
            until(lambda: yard.services.get(service.service_id).status == "running", 60, "the service to run")
            assert stage.instances() == before
            assert yard.predict(service, {"hello": "again"}) == {"hello": "again"}


def test_ctrl_c_ends_everything_and_the_data_starts_again(stage: Stage) -> None:
    with stage.client() as yard:
        service = server.deployed(stage, yard, "echo", server.ECHO)
    assert stage.end_control_plane(signal.SIGINT) == 0
    assert processes_of(stage) == []

    stage.up()
    with stage.client() as yard:
        assert yard.services.wait(service.service_id, patience=Patience(60)).status == "running"
        assert yard.predict(service, {"n": 1}) == {"n": 1}


def test_down_ends_what_a_killed_server_left(stage: Stage) -> None:
    with stage.client() as yard:
        server.deployed(stage, yard, "echo", server.ECHO)
    stage.end_control_plane(signal.SIGKILL)
    assert processes_of(stage) != []
    ended = subprocess.run(
        modelyard("down", "--data-dir", stage.data_dir), check=False, capture_output=True, text=True
    )
    assert ended.returncode == 0, ended.stderr
    until(lambda: processes_of(stage) == [], 10, "every process to end")


def test_down_of_nothing_says_so(tmp_path: Path) -> None:
    nothing = subprocess.run(
        modelyard("down", "--data-dir", tmp_path / "none"), check=False, capture_output=True, text=True
    )
    assert nothing.returncode == 1
    assert str(tmp_path / "none") in nothing.stderr
    assert not (tmp_path / "none").exists()
