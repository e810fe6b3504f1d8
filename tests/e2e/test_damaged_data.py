"""What a model leaves on disk, and what a disk loses, stops neither `up` nor `down`."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
from examples.demo.stage import Stage, modelyard, until
from tests.worlds import server

from modelyard.client import Client, ClientError, Service

pytestmark = pytest.mark.e2e

HOSTILE = """
import os
from model_service.pytorch_model_service import PTServingBaseService


class Service(PTServingBaseService):
    def __init__(self, *_):
        here = os.open(".", os.O_RDONLY)
        for _ in range(6500):
            os.mkdir("d", dir_fd=here)
            below = os.open("d", os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        os.mkfifo("pipe")
        os.symlink("/etc", "link")
        os.mkdir(b"\\xff")
        os.chmod(b"\\xff", 0)

    def _inference(self, data):
        return {"pid": os.getpid()}
"""


def answers(yard: Client, service: Service) -> bool:
    try:
        return bool(yard.predict(service, {"x": 1}) == {"x": 1})
    except ClientError:
        return False


def down(stage: Stage) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        modelyard("down", "--data-dir", stage.data_dir), check=False, capture_output=True, text=True, timeout=60
    )


def test_what_a_model_leaves_is_removed_and_stops_nobody(stage: Stage, yard: Client, tmp_path: Path) -> None:
    config = {"model_type": "Custom", "model_algorithm": "x"}
    package = server.script_package(tmp_path / "package", HOSTILE, config)
    server.deployed(stage, yard, "hostile", package)
    stage.end_control_plane(signal.SIGKILL)
    assert down(stage).returncode == 0
    assert list((stage.data_dir / "instances").iterdir()) == []
    stage.up()


@pytest.mark.parametrize("name", ["state.json", "spec.json", "stop.json", "exit.json"])
def test_a_damaged_record_of_an_instance_stops_neither_up_nor_down(stage: Stage, yard: Client, name: str) -> None:
    service = server.deployed(stage, yard, "echo", server.ECHO)
    stage.end_control_plane(signal.SIGKILL)
    (instance,) = (stage.data_dir / "instances").iterdir()
    (instance / name).write_bytes(b"")
    stage.up()
    until(lambda: answers(yard, service), 60, "the service to answer")
    stage.end_control_plane(signal.SIGKILL)
    for instance in (stage.data_dir / "instances").iterdir():
        (instance / name).write_bytes(b"[]")
    assert down(stage).returncode == 0
    assert list((stage.data_dir / "instances").iterdir()) == []


@pytest.mark.parametrize("name", ["keys/token.pem", "keys/store.key", "credentials.json", "modelyard.db"])
def test_a_damaged_file_of_ours_is_named(stage: Stage, name: str) -> None:
    stage.end_control_plane(signal.SIGKILL)
    down(stage)
    os.truncate(stage.data_dir / name, 0)
    for wal in stage.data_dir.glob("modelyard.db-*"):
        wal.unlink()
    again = subprocess.run(
        modelyard("up", "--data-dir", stage.data_dir, "--port", "0"),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert again.returncode == 1
    assert Path(name).name in again.stderr
    assert "restore it" in again.stderr
    assert "Traceback" not in again.stderr


@pytest.mark.parametrize("content", [b"", b"[]"])
def test_a_damaged_record_of_a_keeper_of_ports_stops_no_start(stage: Stage, content: bytes) -> None:
    stage.end_control_plane(signal.SIGKILL)
    for keeper in (stage.data_dir / "ports").iterdir():
        (keeper / "spec.json").write_bytes(content)
    stage.up()
    with stage.client() as yard:
        assert yard.status()
    assert down(stage).returncode == 0
    assert list((stage.data_dir / "ports").iterdir()) == []
