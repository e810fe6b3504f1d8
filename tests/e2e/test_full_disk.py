"""A whole Modelyard on a small disk of its own, and a model that fills it."""

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server

from modelyard.client import Client, Service

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="A FULL DISK IS NOT TESTED: only root may mount a small one"),
]

SCRIPT = """
import os, threading
from model_service.model_service import SingleNodeService

class Filling(SingleNodeService):
    def fill(self, hidden):
        flags = os.O_RDWR | (os.O_TMPFILE if hidden else os.O_CREAT)
        file = os.open("." if hidden else "big", flags, 0o600)
        while True:
            try:
                os.write(file, b"x" * 65536)
            except OSError:
                pass

    def _inference(self, data):
        if "fill" in data:
            threading.Thread(target=self.fill, args=(data["fill"] == "hidden",), daemon=True).start()
        return {"pid": os.getpid()}
"""
CONFIG = {"model_type": "Custom", "model_algorithm": "filling", "apis": [{"url": "/", "method": "post"}]}


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    monkeypatch.setenv("MODELYARD_DISK_RESERVE_MIB", "16")
    with Stage() as made:
        made.data_dir.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=96m,mode=0700", "modelyard-test", made.data_dir],
            check=False,
            capture_output=True,
            text=True,
        )
        if mounted.returncode:
            pytest.skip(f"A FULL DISK IS NOT TESTED: {mounted.stderr}")
        try:
            yield made
        finally:
            made.down()
            subprocess.run(["umount", "-l", made.data_dir], check=True)


def deploy(stage: Stage, yard: Client, tmp_path: Path, name: str) -> Service:
    return server.deployed(stage, yard, name, server.script_package(tmp_path / name, SCRIPT, CONFIG))


def events(yard: Client, service: Service) -> str:
    return " ".join(str(event) for event in yard.services.events(service.service_id))


def free(stage: Stage) -> int:
    found = os.statvfs(stage.data_dir)
    return found.f_bavail * found.f_frsize


@pytest.mark.parametrize("how", ["plain", "hidden"])
def test_what_writes_too_much_ends_and_its_service_says_why(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Also when its file has no name."""
    monkeypatch.setenv("MODELYARD_INSTANCE_DISK_MIB", "20")
    stage.up()
    with stage.client() as yard:
        assert str(yard.status()["limits"]["disk"]).startswith("enforced (20 MiB each")
        service = deploy(stage, yard, tmp_path, "filling")
        yard.predict(service, {"fill": how})
        until(lambda: "more than the 20 MiB that an instance may" in events(yard, service), 60, "the event")
        until(lambda: free(stage) > 40 << 20, 60, "what it wrote to be gone")


def test_a_model_that_fills_the_disk_ends_and_everything_goes_on(stage: Stage, tmp_path: Path) -> None:
    stage.up()
    with stage.client() as yard:
        innocent = deploy(stage, yard, tmp_path, "innocent")
        service = deploy(stage, yard, tmp_path, "filling")
        yard.predict(service, {"fill": "plain"})
        until(lambda: "disk is full, and this instance wrote most" in events(yard, service), 60, "the event")
        until(lambda: free(stage) > 40 << 20, 60, "what it wrote to be gone")
        assert "wrote most" not in events(yard, innocent)
        assert yard.predict(innocent, {})
        assert service.service_id in stage.log.read_text()


def test_a_start_on_a_disk_that_a_model_keeps_full(stage: Stage, tmp_path: Path) -> None:
    stage.up()
    with stage.client() as yard:
        service = deploy(stage, yard, tmp_path, "filling")
        stage.end_control_plane(signal.SIGKILL)
        yard.predict(service, {"fill": "plain"})
    until(lambda: free(stage) == 0, 60, "a full disk")
    stage.up()
    with stage.client() as yard:
        until(lambda: "disk is full, and this instance wrote most" in events(yard, service), 60, "the event")


def test_a_full_disk_that_is_nobodys_lets_one_in_and_lets_one_clear_up(stage: Stage, tmp_path: Path) -> None:
    """Start, log in, look, stop, delete."""
    stage.up()
    with stage.client() as yard:
        until(lambda: yard.status()["disk"]["reserve"] == "kept", 60, "the reserve")
        services = [deploy(stage, yard, tmp_path, name) for name in ("one", "two")]
    stage.end_control_plane(signal.SIGTERM)
    with (stage.data_dir / "stranger").open("wb") as file:
        until(lambda: not _written(file.fileno()), 60, "a full disk")
    stage.up()
    with stage.client() as yard:
        assert yard.predict(services[0], {})
        until(lambda: free(stage) < 16 << 20 and yard.health().get("status") == "ok", 60, "health")
        with (stage.data_dir / "stranger").open("ab") as file:  # and whoever it is takes the reserve, too
            os.posix_fallocate(file.fileno(), file.tell(), max(free(stage) - (1 << 20), 1))
        until(lambda: yard.health().get("disk") == "full", 60, "the disk to be told")
        assert str(yard.status()["disk"]["state"]).startswith("full")
        yard.services.stop(services[0].service_id)
        until(lambda: yard.services.get(services[0].service_id).status == "stopped", 60, "the service to stop")
        for service in services:
            yard.services.delete(service.service_id)
        until(lambda: yard.services.list() == [] and not stage.instances(), 60, "everything to be gone")
    (stage.data_dir / "stranger").unlink()
    with stage.client() as yard:
        until(lambda: yard.status()["disk"]["reserve"] == "kept", 60, "the reserve to be back")
        assert "disk" not in yard.health()


def _written(descriptor: int) -> int:
    try:
        return os.write(descriptor, b"x" * 65536)
    except OSError:
        return 0
