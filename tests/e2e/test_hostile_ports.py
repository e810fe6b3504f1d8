"""A model that wants the gateway's and the API's port, while Envoy dies and while no control plane runs."""

import json
import os
import signal
import socket
from pathlib import Path

import pytest
from examples.demo.stage import Stage, until
from tests import squatter
from tests.worlds import server

from modelyard.client import Client, Service
from modelyard.processes.directory import SOCKET, ProcessDir
from modelyard.processes.keepers import living
from modelyard.processes.ports import KEEPERS, PortHeldError, claim

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="PORTS AGAINST MODELS NOT TESTED: only root may change user"),
]

SCRIPT = """
import threading
import squatter
from model_service.model_service import SingleNodeService

class Squatting(SingleNodeService):
    def __init__(self, model_name, model_path):
        super().__init__(model_name, model_path)
        self.rounds = 0
        self.taken = []

    def squat(self, ports):
        while True:
            for port in ports:
                self.taken += squatter.got(port)
            self.rounds += 1

    def keep(self, ports):
        self.kept = []
        while True:
            for port in ports:
                for address, *how in squatter.attempts():
                    try:
                        self.kept.append(squatter.take(port, address, *how))
                    except OSError:
                        continue
                    print("kept", address, port, flush=True)

    def _inference(self, data):
        if data.get("keep"):
            threading.Thread(target=self.keep, args=(data["keep"],), daemon=True).start()
        if data.get("ports"):
            threading.Thread(target=self.squat, args=(data["ports"],), daemon=True).start()
        return {"rounds": self.rounds, "taken": self.taken[:5]}
"""


def deploy(stage: Stage, yard: Client, tmp_path: Path) -> Service:
    config = {"model_type": "Custom", "model_algorithm": "squatting", "apis": [{"url": "/", "method": "post"}]}
    package = server.script_package(tmp_path / "squatting", SCRIPT, config)
    (package / "model" / "squatter.py").write_text(Path(squatter.__file__).read_text())
    return server.deployed(stage, yard, "squatting", package)


def envoy(stage: Stage) -> int:
    for state in sorted((stage.data_dir / "gateway").glob("envoy-*/state.json")):
        return int(json.loads(state.read_text())["pid"])
    raise AssertionError("no Envoy")


def test_a_model_never_gets_a_port_of_ours(stage: Stage, tmp_path: Path) -> None:
    with stage.client() as yard:
        assert str(yard.status()["limits"]["ports"]).startswith("enforced")
        service = deploy(stage, yard, tmp_path)
        yard.predict(service, {"ports": stage.ports})

        def report() -> int:
            answer = yard.predict(service, {})
            assert isinstance(answer, dict)
            assert answer["taken"] == []
            return int(answer["rounds"])

        def tried_on(rounds: int) -> None:
            until(lambda: report() > rounds + 2, 60, "the model to try on")

        tried_on(0)
        for _ in range(3):
            before, rounds = envoy(stage), report()
            os.kill(before, signal.SIGKILL)
            until(lambda: _answers(yard, service), 60, "the gateway to be back")
            tried_on(rounds)
        for how in (signal.SIGKILL, signal.SIGTERM):
            rounds = report()
            stage.end_control_plane(how)
            tried_on(rounds)
            stage.up()
            tried_on(report())
    stage.end_control_plane(signal.SIGKILL)
    os.kill(envoy(stage), signal.SIGKILL)
    for port in stage.ports:  # nobody listens, and nobody can
        with pytest.raises(PortHeldError):
            claim(port)
    stage.up()
    with stage.client() as yard:
        until(lambda: _answers(yard, service), 60, "the gateway to be back")
        assert report() > 0
    stage.down()
    for port in stage.ports:
        for one in claim(port)[1]:
            one.close()


def test_a_model_that_was_quicker_while_nobody_held_a_port_is_ended(stage: Stage, tmp_path: Path) -> None:
    keepers = stage.data_dir / "ports"
    with stage.client() as yard:
        service = deploy(stage, yard, tmp_path)
        yard.predict(service, {"keep": stage.ports})
        (instance,) = (stage.data_dir / "instances").iterdir()
        killed = {one.pid for one in living(keepers)}
        for pid in killed:  # while a control plane is there, nobody gets anything
            os.kill(pid, signal.SIGKILL)
        until(lambda: _holding(keepers, killed) == KEEPERS, 60, "the keepers to be back")
        assert "kept" not in ProcessDir(instance).log_tail(100)
    stage.end_control_plane(signal.SIGKILL)
    os.kill(living(keepers)[0].pid, signal.SIGKILL)
    os.kill(envoy(stage), signal.SIGKILL)
    until(lambda: len(living(keepers)) == 1, 60, "one keeper to be gone")
    assert "kept" not in ProcessDir(instance).log_tail(100)
    os.kill(living(keepers)[0].pid, signal.SIGKILL)
    until(lambda: "kept" in ProcessDir(instance).log_tail(100), 60, "the model to have a port")
    stage.up()
    with stage.client() as yard:
        until(lambda: _answers(yard, service), 60, "the next instance to answer")
        told = [event.event_info for event in yard.services.events(service.service_id)]
        assert [text for text in told if "a port of this server" in text], told
    for port in stage.ports:
        with pytest.raises(PortHeldError):
            claim(port)


def _holding(keepers: Path, killed: set[int]) -> int:
    """How many others hold every port by now: one that has just begun is alive before it has any."""
    return sum(one.pid not in killed and _nothing_missing(one.directory) for one in living(keepers))


def _nothing_missing(directory: Path) -> bool:
    here = os.open(directory, os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as question:
            question.connect(f"/proc/self/fd/{here}/{SOCKET}")
            return question.makefile("rb").read() == b"{}"
    except OSError:
        return False
    finally:
        os.close(here)


def _answers(yard: Client, service: Service) -> bool:
    from modelyard.client import ClientError

    try:
        return bool(yard.predict(service, {}))
    except ClientError:
        return False
