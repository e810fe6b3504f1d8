"""What instances write and what the gateway tells of calls, collected by a real server: over failures, restarts of
the control plane, and the death of instances."""

import signal
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import Stage, until
from tests.worlds.server import deployed, script_package

from modelyard.client import Client, OperationFailed

pytestmark = pytest.mark.e2e

SCRIPT = """
import os
from model_service.python_model_service import XgSklServingBaseService

print("loaded with", os.environ["KEY"], flush=True)


class Fails(XgSklServingBaseService):
    def _preprocess(self, data):
        return data

    def _postprocess(self, data):
        return data

    def _inference(self, data):
        print("asked for", data.get("n"), flush=True)
        if "fail" in data:
            raise ValueError("no such thing")
        return data
"""
CONFIG = {"model_type": "Custom", "model_algorithm": "x", "apis": []}


class Logs:
    """The lines of one service, asked for over the API."""

    def __init__(self, yard: Client, service_id: str) -> None:
        self.yard = yard
        self.path = f"/services/{service_id}/logs/lines"

    def lines(self, **query: str) -> list[Any]:
        found = self.yard.session.call("GET", self.path, params=query)["lines"]
        assert isinstance(found, list)
        return found

    def contents(self, **query: str) -> list[str]:
        return [line["text"] for line in self.lines(**query)]


def test_a_references_trace_is_found_over_restarts(stage: Stage, yard: Client, tmp_path: Path) -> None:
    package = script_package(tmp_path / "fails", SCRIPT, CONFIG)
    variant = {"envs": {"KEY": "a-key"}}
    service = deployed(stage, yard, "fails", package, **variant)
    logs = Logs(yard, service.service_id)
    until(lambda: "loaded with a-key" in logs.contents(), 20, "the first line")

    stage.end_control_plane(signal.SIGKILL)
    headers = {"X-Auth-Token": yard.session.token()}
    answer = httpx.post(service.access_address, json={"fail": 1, "n": 1}, headers=headers)
    assert answer.status_code == 500
    reference = answer.json()["error_msg"].rstrip(".").split()[-1]
    stage.up()

    until(lambda: logs.contents(reference=reference), 20, "the trace")
    trace = logs.contents(reference=reference)
    assert reference in trace[0]
    assert trace[1] == "Traceback (most recent call last):"
    assert trace[-1] == "ValueError: no such thing"
    everything = logs.contents()
    assert everything.count("loaded with a-key") == 1
    assert everything.count("asked for 1") == 1


def test_calls_stand_beside_output(stage: Stage, yard: Client, tmp_path: Path) -> None:
    package = script_package(tmp_path / "fails", SCRIPT, CONFIG)
    service = deployed(stage, yard, "calls", package, envs={"KEY": "a-key"})
    logs = Logs(yard, service.service_id)
    body = {"additional_properties": {"access_log": {"mode": "errors"}}}
    yard.session.call("PUT", f"/services/{service.service_id}", body=body)
    headers = {"X-Auth-Token": yard.session.token()}

    def failed() -> list[str]:
        httpx.post(service.access_address, json={"fail": 1}, headers={**headers, "X-Request-Id": "call-number-1"})
        return logs.contents(instance="gateway")

    until(failed, 20, "a call in the log")
    call = logs.lines(instance="gateway")[0]
    assert "POST / 500 in " in call["text"]
    assert "request call-number-1" in call["text"]

    def trace() -> list[str]:
        return logs.contents(reference=call["reference"])

    until(lambda: "ValueError: no such thing" in trace(), 20, "what the model wrote of it")
    assert call["text"] in trace()


def test_last_words_of_a_model_that_never_started(stage: Stage, yard: Client, tmp_path: Path) -> None:
    package = script_package(tmp_path / "breaks", SCRIPT, CONFIG)
    with pytest.raises(OperationFailed):
        deployed(stage, yard, "breaks", package)
    (service,) = [one for one in yard.services.list() if one.service_name == "breaks"]
    logs = Logs(yard, service.service_id)
    until(lambda: any("KeyError" in one for one in logs.contents()), 20, "its last words")
    until(lambda: not [*(stage.data_dir / "outputs").glob("*")], 20, "what was collected to go")
