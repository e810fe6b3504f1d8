"""A real model behind a real gateway is called, and who watches sees it."""

import json
import re
import signal
from pathlib import Path

import httpx
import pytest
from examples.demo.stage import Stage, until
from prometheus_client.parser import text_string_to_metric_families
from tests.worlds import server

from modelyard.client import Client, Credentials, Service

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

ECHO = Path(__file__).parents[2] / "examples" / "echo"
CALLS = 7


def deployed(stage: Stage, client: Client) -> Service:
    return server.deployed(stage, client, "echo", server.ECHO, instance_count=2)


def samples(page: str) -> dict[tuple[str, str], float]:
    """(name, labels) → value; every line is one that the format allows, and none is there twice."""
    found = {}
    for line in page.splitlines():
        if not line.startswith(("# HELP ", "# TYPE ")):
            parts = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? ([0-9.e+-]+)", line)
            assert parts is not None, line
            assert (parts[1], parts[2] or "") not in found
            found[parts[1], parts[2] or ""] = float(parts[3])
    return found


def total(found: dict[tuple[str, str], float], name: str, label: str = "") -> float:
    return sum(value for (one, labels), value in found.items() if one == name and label in labels)


def test_calls_are_counted(stage: Stage) -> None:
    with stage.client() as client:
        service = deployed(stage, client)
        headers = {"X-Auth-Token": client.session.token()}
        for _ in range(CALLS):
            assert httpx.post(service.access_address, json={"a": 1}, headers=headers).status_code == 200
        own = Credentials.from_data_dir(stage.data_dir)
        project_id = json.loads((stage.data_dir / "credentials.json").read_text())["project_id"]
        api = own.auth_url.removesuffix("/v3")
        paths = (f"/v1/{project_id}/services/{service.service_id}/metrics", "/metrics")

        def read(path: str) -> dict[tuple[str, str], float]:
            answer = httpx.get(api + path, headers=headers)
            assert answer.status_code == 200, answer.text
            return samples(answer.text)

        for path in paths:
            found = read(path)
            assert total(found, "modelyard_instance_up", f'service_id="{service.service_id}"') == 2
            assert total(found, "modelyard_requests_total") == CALLS
            assert total(found, "modelyard_answers_total", 'status="2xx"') == CALLS
            assert total(found, "modelyard_request_seconds_count") == CALLS
            assert total(found, "modelyard_request_seconds_bucket", 'le="+Inf"') == CALLS
            assert total(found, "modelyard_in_flight") == 0
            assert total(found, "process_resident_memory_bytes", 'model_name="echo",model_version="1.0.0"') > 0
            assert total(found, "modelyard_instances", 'phase="ready"') == 2
        assert read("/metrics")["modelyard_gateway_connected", ""] == 1
        until(lambda: total(read(paths[0]), "modelyard_invocations_total") == CALLS, 60, "the gateway's count")


def counters(page: str) -> dict[tuple[str, str], float]:
    """What only grows, of the gateway and of instances: counters, and all of a histogram."""
    ours = ("modelyard_invocations", "modelyard_gateway_request", "modelyard_requests", "modelyard_answers")
    return {
        (sample.name, json.dumps(sample.labels, sort_keys=True)): sample.value
        for family in text_string_to_metric_families(page)
        if family.type in {"counter", "histogram"}
        for sample in family.samples
        if sample.name.startswith((*ours, "modelyard_request_seconds", "modelyard_queue_seconds"))
    }


def test_nothing_is_less_after_a_time_without_a_control_plane(stage: Stage) -> None:
    with stage.client() as client:
        service = deployed(stage, client)
        headers = {"X-Auth-Token": client.session.token()}

        def call(times: int) -> None:
            for _ in range(times):
                assert httpx.post(service.access_address, json={"a": 1}, headers=headers).status_code == 200

        def read() -> dict[tuple[str, str], float]:
            answer = httpx.get(f"http://127.0.0.1:{stage.ports[0]}/metrics", headers=headers)
            assert answer.status_code == 200, answer.text
            return counters(answer.text)

        def counted(found: dict[tuple[str, str], float]) -> tuple[float, ...]:
            names = ("modelyard_invocations_total", "modelyard_gateway_request_seconds_count")
            return tuple(sum(v for (name, _), v in found.items() if name == one) for one in names)

        call(CALLS)
        until(lambda: counted(read()) == (CALLS, CALLS), 30, "all calls to be counted")
        before = read()
        stage.end_control_plane(signal.SIGKILL)
        call(CALLS)  # the gateway and the instances go on, and count
        stage.up()
        first = read()
        assert before.keys() <= first.keys()
        assert {key: (old, first[key]) for key, old in before.items() if first[key] < old} == {}
        until(lambda: counted(read()) == (2 * CALLS, 2 * CALLS), 30, "what came meanwhile to be counted")
