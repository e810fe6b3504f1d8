"""A change, and a call, as traces of a whole server: its control plane is killed, a real receiver gets it all."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
from examples.demo.stage import Stage, until
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from tests.worlds import server
from tests.worlds.traces import Received, orphans, spans_of

from modelyard.client import Credentials

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CALLED = "a" * 32
CANARIES = {"env": "canary-env-5577", "header": "canary-header-99", "query": "canary-query-31"}
SCRIPT = """
import os, time
from model_service import trace
from model_service.model_service import SingleNodeService

class Tells(SingleNodeService):
    def __init__(self, model_name, model_path):
        time.sleep(float(os.environ.get("SLOW", "0")))
        print(os.environ.get("KEY"), flush=True)

    def _inference(self, data):
        if data.get("fail"):
            raise RuntimeError("unlucky: " + os.environ.get("KEY", ""))
        return trace.headers()
"""
ANY = {"Content-type": "application/json", "data": {"type": "object"}}
CONFIG = {
    "model_type": "Custom",
    "model_algorithm": "tells",
    "runtime": "python3.11",
    "apis": [{"url": "/", "method": "post", "request": ANY, "response": ANY}],
}


class Receiver(trace_service_pb2_grpc.TraceServiceServicer):
    """On a thread of its own, since the tests block."""

    def __init__(self) -> None:
        self.came: list[Received] = []
        self.headers: list[str] = []
        self._server = grpc.server(ThreadPoolExecutor(2))
        trace_service_pb2_grpc.add_TraceServiceServicer_to_server(self, self._server)
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def Export(self, request: Any, context: Any) -> Any:
        self.headers += [str(value) for key, value in context.invocation_metadata() if key == "authorization"]
        self.came += spans_of(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    def stop(self) -> None:
        self._server.stop(None)

    def of(self, trace_id: str) -> list[Received]:
        return [one for one in self.came if one.trace == trace_id]


@dataclass
class World:
    stage: Stage
    receiver: Receiver
    http: httpx.Client
    project: str
    service_id: str
    model_id: str

    def put(self, trace_id: str, **envs: str) -> httpx.Response:
        entry = {"model_id": self.model_id, "weight": 100, "specification": "modelarts.vm.cpu.2u"}
        config = [{**entry, "instance_count": 1, "envs": envs, "secret_envs": ["KEY"]}]
        return self.http.put(
            f"/v1/{self.project}/services/{self.service_id}",
            json={"config": config},
            headers={"traceparent": f"00-{trace_id}-{CALLER}-01", "tracestate": "v=1"},
        )

    @property
    def instances(self) -> int:
        """How many processes were started and have not ended, ready or not."""
        homes = (state.parent for state in (self.stage.data_dir / "instances").glob("*/state.json"))
        return sum(not (home / "exit.json").exists() for home in homes)

    def runs(self, revision: int) -> bool:
        told = self.http.get(f"/v1/{self.project}/services/{self.service_id}").json()
        return bool(told["status"] == "running" and told.get("revision", revision) == revision)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    receiver = Receiver()
    given = {
        "MODELYARD_OTLP_TRACES_ENDPOINT": f"http://127.0.0.1:{receiver.port}",
        "MODELYARD_OTLP_TRACES_HEADERS": f"authorization=Bearer%20{CANARIES['header']}",
        "MODELYARD_TRACE_REQUESTS": "0.000001",
    }
    with pytest.MonkeyPatch.context() as patch, Stage() as stage:
        for name, value in given.items():
            patch.setenv(name, value)
        stage.up()
        credentials = Credentials.from_data_dir(stage.data_dir)
        with stage.client() as yard, httpx.Client(base_url=credentials.auth_url.removesuffix("/v3")) as http:
            http.headers["X-Auth-Token"] = _token(credentials)
            package = server.script_package(tmp_path_factory.mktemp("tells"), SCRIPT, CONFIG)
            service = server.deployed(stage, yard, "tells", package)
            model_id = service.config[0].model_id
            yield World(stage, receiver, http, credentials.project_id, service.service_id, model_id)
    receiver.stop()


def _token(given: Credentials) -> str:
    user = {"name": given.username, "domain": {"name": "modelyard"}, "password": given.password}
    auth = {"identity": {"methods": ["password"], "password": {"user": user}}}
    scope = {"scope": {"project": {"id": given.project_id}}}
    return httpx.post(f"{given.auth_url}/auth/tokens", json={"auth": {**auth, **scope}}).headers["X-Subject-Token"]


def test_a_change_is_one_trace_though_the_control_plane_is_killed(world: World) -> None:
    answer = world.put(TRACE, SLOW="3", KEY=CANARIES["env"])
    assert answer.status_code == 200, answer.text
    named = answer.headers["traceresponse"].split("-")
    assert named[1] == TRACE
    until(lambda: world.instances == 2, 60, "the new instance to load")
    world.stage.end_control_plane(signal.SIGKILL)
    world.stage.up()
    until(lambda: world.runs(2), 60, "the service to run")
    received = world.receiver

    def whole() -> bool:
        came = received.of(TRACE)
        return {"update service", "stop instance"} <= {one.name for one in came} and not orphans(came, {CALLER})

    until(whole, 60, "a whole tree of spans")
    spans = received.of(TRACE)
    by_name = {one.name: one for one in spans}
    request = by_name["PUT /v1/{project_id}/services/{service_id}"]
    change, start = by_name["update service"], by_name["start instance"]
    assert (request.parent, request.id) == (CALLER, named[2])
    assert request.attributes["modelyard.request.id"] == answer.headers["X-Request-Id"]
    assert (change.parent, start.parent) == (request.id, change.id)
    assert change.attributes["modelyard.result"] == "success"
    assert start.span.end_time_unix_nano - start.span.start_time_unix_nano > 2_900_000_000
    assert change.span.end_time_unix_nano >= start.span.end_time_unix_nano
    assert {"admission", "pass", "route", "drain instance", "stop instance"} <= by_name.keys()
    assert {one.span.trace_state for one in spans} == {"v=1"}
    assert received.headers[0] == f"Bearer {CANARIES['header']}"


def test_a_call_is_a_span_whose_context_the_model_sees(world: World) -> None:
    gateway = f"http://127.0.0.1:{world.stage.ports[1]}/v1/infers/{world.service_id}"
    headers = {**world.http.headers, "traceparent": f"00-{CALLED}-{CALLER}-01", "tracestate": "v=2"}
    with httpx.Client(
        headers={name: headers[name] for name in ("x-auth-token", "traceparent", "tracestate")}
    ) as http:
        seen = http.post(f"{gateway}?password={CANARIES['query']}", json={}).json()
        failed = http.post(gateway, json={"fail": True})
    assert failed.status_code == 500
    until(lambda: len(world.receiver.of(CALLED)) == 2, 30, "the spans of the calls")
    first, second = world.receiver.of(CALLED)
    assert seen == {"traceparent": f"00-{CALLED}-{first.id}-01", "tracestate": "v=2"}
    assert (first.name, first.parent) == ("POST /v1/infers", CALLER)
    assert first.resource["service.name"] == "modelyard-gateway"
    assert first.attributes["modelyard.service.id"] == world.service_id
    assert second.span.status.code == 2
    assert second.attributes["modelyard.reference"] == failed.headers["x-modelyard-reference"]
    lines = f"/v1/{world.project}/services/{world.service_id}/logs/lines"

    def found() -> list[Any]:
        answer = world.http.get(lines, params={"grep": CALLED})
        assert answer.status_code == 200, answer.text
        return list(answer.json()["lines"])

    until(found, 30, "the line that names the trace")


def test_how_the_export_stands_is_told(world: World) -> None:
    told = world.http.get(f"/v1/{world.project}/modelyard/status").json()
    assert "spans sent" in str(told)
    page = world.http.get("/metrics").raise_for_status().text.splitlines()
    sent = next(line for line in page if line.startswith('modelyard_trace_export_spans_total{outcome="sent"}'))
    assert float(sent.split()[1]) > 0
    assert "modelyard_trace_export_away 0" in page


def test_no_span_has_a_secret(world: World) -> None:
    everything = str([one.span for one in world.receiver.came])
    assert "update service" in everything
    for name, canary in {**CANARIES, "token": world.http.headers["X-Auth-Token"]}.items():
        assert canary not in everything, name


def test_where_nothing_is_traced_no_message_of_opentelemetry_is_imported() -> None:
    code = (
        "import sys, modelyard.main, modelyard.composition, modelyard.api.app\n"
        "known = ('opentelemetry.proto', 'modelyard.otlp.messages', 'modelyard.traces.otlp')\n"
        "print([m for m in sys.modules if m.startswith(known)])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
    imported = (Path(__file__).parents[2] / "src").rglob("*.py")
    at_the_top = [path for path in imported if "\nfrom opentelemetry" in path.read_text()]
    assert at_the_top == []
