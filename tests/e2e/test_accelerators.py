"""Cards through a whole Modelyard: a tool that tells of one, real processes that say what they were given."""

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import Stage, until
from tests.worlds import commands, server

from modelyard.client import Client, ClientError, Variant

pytestmark = pytest.mark.e2e
TOOL = """#!/bin/sh
echo '0, GPU-5e1c0ffe, 8000, 6000, 80, Card of a test'
"""
NONE = {"CUDA_VISIBLE_DEVICES": "", "NVIDIA_VISIBLE_DEVICES": "", "ASCEND_VISIBLE_DEVICES": ""}
HALF = {
    "CUDA_VISIBLE_DEVICES": "GPU-5e1c0ffe",
    "NVIDIA_VISIBLE_DEVICES": "GPU-5e1c0ffe",
    "MODELYARD_GPU_SHARE": "0.5",
    "ASCEND_VISIBLE_DEVICES": "",
}


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text(TOOL)
    (tools / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MODELYARD_NPUS", "none")
    yield from server.stage()


@pytest.fixture
def yard(stage: Stage) -> Iterator[Client]:
    yield from server.yard(stage)


def variant(model_id: str, specification: str, **more: Any) -> Variant:
    return Variant(model_id=model_id, specification=specification, **more)


def told(yard: Client, address: str, names: Any) -> dict[str, str]:
    with httpx.Client(headers={"X-Auth-Token": yard.session.token()}, trust_env=False, timeout=30) as client:
        env = client.get(f"{address}/about").json()["env"]
    return {name: env[name] for name in names}


def used(stage: Stage, yard: Client, service_id: str) -> list[dict[str, Any]]:
    project = json.loads((stage.data_dir / "credentials.json").read_text())["project_id"]
    url = f"http://127.0.0.1:{stage.ports[0]}/v1/{project}/services/{service_id}/monitor"
    answer = httpx.get(url, headers={"X-Auth-Token": yard.session.token()}, trust_env=False, timeout=30)
    return list(answer.json()["monitors"])


def test_halves_of_a_card_change_under_load_and_the_next_waits_for_one(
    stage: Stage, yard: Client, tmp_path: Path
) -> None:
    size = {"cpu": 0.2, "memory_mib": 128, "open": True}
    yard.admin.create_flavor("half", category="GPU", accelerators=0.5, **size)
    yard.admin.create_flavor("none", **size)
    with pytest.raises(ClientError, match="it takes 2 GPU, of which there are 1"):
        yard.admin.create_flavor("two", category="GPU", accelerators=2, **size)
    first = server.published(stage, yard, "own", commands.package(tmp_path / "a"))
    second = server.published(stage, yard, "own", commands.package(tmp_path / "b"), "2.0.0")
    plain = yard.services.wait(yard.services.create("plain", [variant(first, "none")]))
    one = {"max_surge": 1, "max_unavailable": 1}
    halves = variant(first, "half", instance_count=2, more={"additional_properties": one})
    service = yard.services.wait(yard.services.create("halves", [halves]))
    assert plain.access_address
    assert service.access_address
    assert told(yard, plain.access_address, NONE) == NONE
    assert told(yard, service.access_address, HALF) == HALF
    waits = yard.services.create("waits", [variant(first, "half")])
    until(lambda: yard.services.get(waits).status == "pending", 30, "the third half to wait")

    over, failures, versions = threading.Event(), [], set()
    address, token = service.access_address, yard.session.token()

    def load() -> None:
        with httpx.Client(headers={"X-Auth-Token": token}, trust_env=False, timeout=30) as client:
            while not over.is_set():
                answer = client.post(address, json={})
                if answer.status_code != 200:
                    failures.append(answer.text)
                else:
                    versions.add(answer.json()["version"])

    callers = [threading.Thread(target=load) for _ in range(4)]
    for caller in callers:
        caller.start()
    until(lambda: "1.0.0" in versions, 20, "the first answer")
    yard.services.delete(waits)
    changed = variant(second, "half", instance_count=2, more={"additional_properties": one})
    yard.services.put(service.service_id, config=[changed.request()])
    stage.end_control_plane(signal.SIGKILL)
    stage.up()
    yard.services.wait(service.service_id)
    until(lambda: "2.0.0" in versions, 20, "the second version")
    over.set()
    for caller in callers:
        caller.join(30)
    assert failures == []
    assert versions == {"1.0.0", "2.0.0"}
    assert told(yard, service.access_address, HALF) == HALF
    (seen,) = used(stage, yard, service.service_id)
    assert (seen["gpu_usage"], seen["gpu_total"]) == (0.8, 1)
    assert (seen["gpu_memory_usage"], seen["gpu_memory_total"]) == (6000, 8000)

    again = yard.services.create("waits", [variant(first, "half")])
    until(lambda: yard.services.get(again).status == "pending", 30, "it to wait for a half")
    yard.services.delete(service.service_id)
    yard.services.wait(again)
