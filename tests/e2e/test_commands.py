"""Models that bring a server of their own, through a whole Modelyard: the API, Envoy, the door, the command."""

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from examples.demo.stage import BUCKET, Stage, until
from tests.worlds import commands, server
from websockets.sync.client import connect

from modelyard.client import Client, ClientError, Service, Variant
from modelyard.client.waiting import Patience
from modelyard.processes.directory import children

pytestmark = pytest.mark.e2e
stage = pytest.fixture(server.stage, scope="module")
yard = pytest.fixture(server.yard, scope="module")


def published(stage: Stage, yard: Client, name: str, package: Path, version: str = "1.0.0") -> str:
    return server.published(stage, yard, name, package, version)


def variant(model_id: str, how: str = "serve", *, grace_s: int = 30, **more: Any) -> Variant:
    return Variant(
        model_id=model_id,
        envs={"HOW": how, **more.pop("envs", {})},
        more={"additional_properties": {"termination_grace_period_seconds": grace_s}, **more.pop("more", {})},
        **more,
    )


@pytest.fixture(scope="module")
def model_id(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> str:
    return published(stage, yard, "own", commands.package(tmp_path_factory.mktemp("own") / "own"))


@pytest.fixture(scope="module")
def service(yard: Client, model_id: str) -> Service:
    return yard.services.wait(yard.services.create("own", [variant(model_id)]))


def called(yard: Client) -> httpx.Client:
    return httpx.Client(headers={"X-Auth-Token": yard.session.token()}, trust_env=False, timeout=30)


def failed(yard: Client, name: str, one: Variant) -> str:
    """Why a service of it cannot be deployed."""
    service_id = yard.services.create(name, [one])
    until(lambda: yard.services.get(service_id).status == "failed", 60, "the service to fail")
    why = yard.services.get(service_id).error_msg or ""
    yard.services.delete(service_id)
    return why


def test_a_command_serves_whatever_paths_it_has(yard: Client, service: Service) -> None:
    assert yard.predict(service, {"a": 1})["body"] == {"a": 1}
    with called(yard) as client:
        answer = client.post(f"{service.access_address}/v1/any/path?x=1", json=[2])
        assert answer.json() == {"path": "/v1/any/path?x=1", "body": [2], "version": "1.0.0"}
        assert client.get(f"{service.access_address}/nowhere").status_code == 404


def test_it_finds_its_port_and_its_package_and_is_nobody(yard: Client, service: Service) -> None:
    with called(yard) as client:
        about = client.get(f"{service.access_address}/about").json()
    env = about["env"]
    assert about["own"] > 1000, "it works in its package's directory"
    assert env["HOST"] == "127.0.0.1"
    assert 20_000 <= int(env["PORT"]) < 30_000
    assert env["MODEL_DIR"].endswith("/model")
    assert env["HOW"] == "serve"
    assert not {"MODELYARD_SOCKET_FD", "MODELYARD_PORT_SHARED"} & set(env)
    if os.geteuid() == 0:
        assert about["user"] > 1000


def test_events_come_one_by_one(yard: Client, service: Service) -> None:
    with called(yard) as client, client.stream("GET", f"{service.access_address}/stream") as answer:
        pieces = [piece for piece in answer.iter_text() if piece]
    assert "".join(pieces) == "".join(f"data: {n}\n\n" for n in range(10))
    assert len(pieces) > 3


def test_a_change_cuts_no_stream_and_fails_nothing_and_does_not_wait_for_idle_connections(
    stage: Stage, yard: Client, tmp_path: Path
) -> None:
    first = published(stage, yard, "changing", commands.package(tmp_path / "a"))
    second = published(stage, yard, "changing", commands.package(tmp_path / "b"), "2.0.0")
    slow = {"envs": {"PAUSE_S": "0.3"}}
    service = yard.services.wait(yard.services.create("changing", [variant(first, instance_count=2, **slow)]))
    over, failures, versions = threading.Event(), [], set()

    def load() -> None:
        with called(yard) as client:
            while not over.is_set():
                answer = client.post(service.access_address, json={})
                if answer.status_code != 200:
                    failures.append(answer.text)
                else:
                    versions.add(answer.json()["version"])

    def stream() -> None:
        with called(yard) as client, client.stream("GET", f"{service.access_address}/stream") as answer:
            if "".join(answer.iter_text()) != "".join(f"data: {n}\n\n" for n in range(10)):
                failures.append("a stream was cut")

    callers = [threading.Thread(target=load) for _ in range(4)] + [
        threading.Thread(target=stream) for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    until(lambda: "1.0.0" in versions, 20, "the first answer")
    yard.services.put(service.service_id, config=[variant(second, instance_count=2, **slow).request()])
    yard.services.wait(service.service_id)
    until(lambda: len(stage.instances()) >= 2 and "2.0.0" in versions, 30, "the second version")
    began = time.monotonic()

    def old() -> list[str]:
        return [i for i in _instances_of(stage, service.service_id) if '"1.0.0"' in _spec(stage, i)]

    until(lambda: not old(), 20, "the old instances to end")
    assert time.monotonic() - began < 15, "half of the patience: nobody waits for idle connections"
    over.set()
    for caller in callers:
        caller.join(30)
    assert failures == []
    assert versions == {"1.0.0", "2.0.0"}
    yard.services.delete(service.service_id)


def test_a_killed_program_and_a_killed_door_fail_nothing(stage: Stage, yard: Client, model_id: str) -> None:
    service = yard.services.wait(yard.services.create("killed", [variant(model_id, instance_count=2)]))
    over, failures, answered = threading.Event(), [], []

    def load() -> None:
        with called(yard) as client:
            while not over.is_set():
                answer = client.post(service.access_address, json={})
                (answered if answer.status_code == 200 else failures).append(answer.text)

    callers = [threading.Thread(target=load) for _ in range(4)]
    for caller in callers:
        caller.start()
    for inner in (True, False):
        until(lambda: len(_ready_of(stage, service.service_id)) == 2, 60, "both to be ready")
        before = len(answered)
        until(lambda: len(answered) > before + 50, 20, "load on both")  # noqa: B023
        name, door = next(iter(_ready_of(stage, service.service_id).items()))
        os.kill(children(door)[0] if inner else door, signal.SIGKILL)
        until(lambda: name not in _ready_of(stage, service.service_id), 20, "its end")  # noqa: B023
    until(lambda: len(_ready_of(stage, service.service_id)) == 2, 60, "both to be ready again")
    over.set()
    for caller in callers:
        caller.join(30)
    assert failures == []
    yard.services.delete(service.service_id)


def _ready_of(stage: Stage, service_id: str) -> dict[str, int]:
    """The doors of its instances that are ready."""
    return {name: pid for name, pid in stage.instances().items() if service_id in _spec(stage, name)}


def _instances_of(stage: Stage, service_id: str) -> list[str]:
    return [
        p.parent.name for p in (stage.data_dir / "instances").glob("*/spec.json") if service_id in p.read_text()
    ]


def _spec(stage: Stage, instance_id: str) -> str:
    try:
        return (stage.data_dir / "instances" / instance_id / "spec.json").read_text()
    except FileNotFoundError:
        return ""


def test_one_that_opens_its_port_late_is_waited_for(yard: Client, model_id: str) -> None:
    service = yard.services.wait(yard.services.create("late", [variant(model_id, "late")]))
    assert yard.predict(service, {})["body"] == {}
    yard.services.delete(service.service_id)


def test_one_that_listens_on_a_socket_of_its_own(yard: Client, model_id: str) -> None:
    service = yard.services.wait(yard.services.create("socket", [variant(model_id, "own")]))
    assert yard.predict(service, {"x": 2})["body"] == {"x": 2}
    yard.services.delete(service.service_id)


def test_what_goes_wrong_is_told_as_it_is(stage: Stage, yard: Client, model_id: str, tmp_path: Path) -> None:
    why = failed(yard, "exits", variant(model_id, "exit"))
    assert "exited with status 4" in why
    assert "there is no such model" in why
    why = failed(yard, "background", variant(model_id, "background"))
    assert "it must stay in the foreground" in why
    nowhere = published(stage, yard, "nowhere", commands.package(tmp_path / "n", ["no-such-program", "-x"]))
    why = failed(yard, "nowhere", variant(nowhere))
    assert "cmd: there is no program 'no-such-program' in the package, nor in PATH" in why


def test_one_that_never_opens_its_port_says_so(yard: Client, model_id: str) -> None:
    why = failed(yard, "never", variant(model_id, "never", more={"deploy_timeout_in_seconds": 12}))
    assert "was not ready within 12 s" in why
    assert "the command does not listen on the port that it was handed" in why


def test_one_that_is_deaf_is_killed_after_its_grace(stage: Stage, yard: Client, model_id: str) -> None:
    service = yard.services.wait(yard.services.create("deaf", [variant(model_id, "deaf", grace_s=1)]))
    yard.services.stop(service.service_id)
    until(lambda: not _instances_of(stage, service.service_id), 20, "its end")
    yard.services.delete(service.service_id)


def test_what_cannot_be_is_refused_by_field(stage: Stage, yard: Client, tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="cmd"):
        yard.models.publish("long", "1.0.0", "/models/x", "Custom", cmd="x" * 9000)
    package = commands.package(tmp_path / "both")
    (package / "model" / "customize_service.py").write_text("import model_service\n")
    with pytest.raises(ClientError, match="served by its command or by its script"):
        published(stage, yard, "both", package)
    assert json.loads((package / "model" / "config.json").read_text())["cmd"]


@pytest.mark.parametrize("how", ["late", "own"])
def test_a_batch_service_asks_it_row_by_row(stage: Stage, yard: Client, tmp_path: Path, how: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    request = {"Content-type": "application/json", "data": schema}
    api = {"url": "/rows", "method": "post", "request": request, "response": request}
    model_id = published(stage, yard, f"rows-{how}", commands.package(tmp_path / "rows", apis=[api]))
    home = stage.data_dir / "objects" / BUCKET / f"batch-{how}"
    (home / "in").mkdir(parents=True)
    (home / "in" / "numbers.csv").write_text("".join(f"{n}\n" for n in range(100)))
    entry = {
        "model_id": model_id,
        "specification": "modelarts.vm.cpu.2u",
        "instance_count": 1,
        "src_path": f"obs://{BUCKET}/batch-{how}/in/",
        "dest_path": f"obs://{BUCKET}/batch-{how}/out/",
        "req_uri": "/rows",
        "mapping_type": "csv",
        "mapping_rule": {"type": "object", "properties": {"n": {"type": "integer", "index": 0}}},
        "envs": {"HOW": how},
    }
    service_id = yard.batch.create(f"rows-{how}", entry)
    ended = yard.services.wait_ended(service_id, patience=Patience(100))
    assert ended.status == "finished", ended.raw
    (result,) = (home / "out" / "infer-result").rglob("*_result.txt")
    lines = [json.loads(line) for line in result.read_text().splitlines()]
    assert [line["body"] for line in lines] == [{"n": n} for n in range(100)]
    assert {line["path"] for line in lines} == {"/rows"}


WEBSOCKET = """
import os
from websockets.http11 import Response
from websockets.sync.server import serve

def up(connection, request):
    if request.path == "/up":
        return connection.respond(200, "")

def turn(connection):
    for message in connection:
        connection.send(message[::-1])

serve(turn, os.environ["HOST"], int(os.environ["PORT"]), process_request=up).serve_forever()
"""


def test_a_websocket_through_a_command(stage: Stage, yard: Client, tmp_path: Path) -> None:
    package = commands.package(tmp_path / "ws")
    (package / "model" / "serve.py").write_text(WEBSOCKET)
    entry = variant(published(stage, yard, "ws", package), grace_s=1)
    settings = {"websocket_upgrade": True}
    service = yard.services.wait(yard.services.create("ws", [entry], additional_properties=settings))
    address = service.access_address.replace("http", "ws", 1)
    headers = {"X-Auth-Token": yard.session.token()}
    with connect(address, additional_headers=headers, proxy=None, close_timeout=20) as connection:
        for text in ("abc", "x" * 100_000 + "y"):
            connection.send(text)
            assert connection.recv(timeout=20) == text[::-1]
    yard.services.delete(service.service_id)
