"""A whole Modelyard and a model that would do harm: what it can reach, and what happens when it hangs."""

import os
import signal
from pathlib import Path

import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server

from modelyard.client import Client, Service

pytestmark = pytest.mark.e2e

SCRIPT = """
import os
from model_service.model_service import SingleNodeService

class Nosy(SingleNodeService):
    def _inference(self, data):
        found = {"uid": os.getuid(), "pid": os.getpid()}
        for path in data["read"]:
            try:
                found[path] = os.listdir(path) if os.path.isdir(path) else open(path).read(10)
            except OSError as error:
                found[path] = type(error).__name__
        return found
"""
CONFIG = {
    "model_type": "Custom",
    "model_algorithm": "nosy",
    "apis": [{"url": "/", "method": "post"}],
    "health": {
        "period_seconds": "1",
        "timeout_seconds": "1",
        "initial_delay_seconds": 0,
        "failure_threshold": "2",
    },
}


def deploy(stage: Stage, yard: Client, tmp_path: Path) -> Service:
    return server.deployed(stage, yard, "nosy", server.script_package(tmp_path / "nosy", SCRIPT, CONFIG))


@pytest.mark.skipif(os.geteuid() != 0, reason="RIGHTS OF MODEL CODE NOT TESTED: only root may change user")
def test_a_deployed_model_reaches_nothing_of_the_server(stage: Stage, tmp_path: Path) -> None:
    data = stage.data_dir
    secret = [data / "credentials.json", data / "modelyard.db", data / "keys", data / "gateway", data / "objects"]
    with stage.client() as yard:
        limits = yard.status()["limits"]
        if not str(limits["files"]).startswith("enforced"):
            pytest.skip(f"RIGHTS OF MODEL CODE NOT TESTED: files are {limits['files']}")
        service = deploy(stage, yard, tmp_path)
        found = yard.predict(service, {"read": [*map(str, secret), str(data), str(data / "instances")]})
        assert isinstance(found, dict)
        assert found.pop("uid") != os.getuid()
        (own,) = stage.instances()
        assert found.pop("pid") == stage.instances()[own]
        assert found.pop(str(data / "instances")) == [own]
        assert sorted(found.pop(str(data))) == ["instances", "packages"]
        assert found == dict.fromkeys(map(str, secret), "FileNotFoundError")
        assert yard.status()["instances"] == {"ready": 1}


def test_a_model_that_hangs_is_replaced(stage: Stage, tmp_path: Path) -> None:
    with stage.client() as yard:
        service = deploy(stage, yard, tmp_path)
        ((first, pid),) = stage.instances().items()
        os.kill(pid, signal.SIGSTOP)
        until(lambda: set(stage.instances()) - {first}, 60, "another instance")
        answer = yard.predict(service, {"read": []})
        assert isinstance(answer, dict)
        assert answer["pid"] != pid
        until(lambda: yard.services.get(service.service_id).status == "running", 60, "a service that is whole")
