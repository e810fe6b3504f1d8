"""Pools on a whole server: packages in containers of a real engine, and services that move between pools."""

import csv
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.demo.stage import BUCKET, Stage, until
from tests.docker import DockerServer
from tests.e2e.test_image_models import SERVER, called, containers, gone
from tests.worlds import server as whole

from modelyard.client import ApiError, Client, Variant

pytestmark = pytest.mark.e2e
SCRIPT = """
import os
from model_service.model_service import SingleNodeService

class Model(SingleNodeService):
    def _preprocess(self, data):
        return data
    def _inference(self, data):
        if "look" in data:
            return {"version": "VERSION", "user": os.getuid(), "root": sorted(os.listdir("/")),
                    "there": os.path.exists(data["look"]), "pid": os.getpid()}
        return {"version": "VERSION", "double": 2 * data.get("n", 0)}
"""
ROWS = 40


@pytest.fixture(scope="module")
def engine(docker_of_session: DockerServer) -> DockerServer:
    docker_of_session.start()
    return docker_of_session


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    yield from whole.stage()


yard = pytest.fixture(whole.yard, scope="module")


@pytest.fixture(scope="module", autouse=True)
def _pools(stage: Stage, yard: Client, engine: DockerServer) -> None:
    project = json.loads((stage.data_dir / "credentials.json").read_text())["project_id"]
    yard.admin.create_pool("boxes", project, engine="container", endpoint=f"unix://{engine.socket}")
    yard.admin.create_pool("here", project)


@pytest.fixture(autouse=True)
def _running(yard: Client, engine: DockerServer) -> Iterator[None]:
    engine.start()
    until(lambda: status(yard, "boxes") == "running", 20, "the pool to run")
    yield
    engine.start()


@pytest.fixture(scope="module")
def models(stage: Stage, yard: Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    found = {}
    for version in ("1", "2"):
        place = tmp_path_factory.mktemp("package") / version
        script = SCRIPT.replace("VERSION", version)
        package = whole.script_package(place, script, {"model_type": "Custom"})
        found[version] = whole.published(stage, yard, "counted", package, f"{version}.0.0")
    return found


def status(yard: Client, name: str) -> str:
    return next(str(pool["status"]) for pool in yard.pools() if pool["pool_name"] == name)


def entry(model_id: str, pool: str, **variant: Any) -> Variant:
    return Variant(model_id=model_id, more={"pool_name": pool}, **variant)


def deployed(yard: Client, name: str, one: Variant) -> str:
    service_id = yard.services.create(name, [one])
    yard.services.wait(service_id)
    return service_id


def test_a_package_in_a_container_sees_what_a_process_would_and_no_more(
    stage: Stage, yard: Client, engine: DockerServer, models: dict[str, str]
) -> None:
    service_id = deployed(yard, "looks", entry(models["1"], "boxes"))
    (one,) = containers(engine, service_id)
    secret = str(stage.data_dir / "credentials.json")
    seen = yard.predict(yard.services.get(service_id), {"look": secret})
    assert seen["user"] != 0
    assert not seen["there"]
    assert "work" in seen["root"]
    said = engine.docker.ask("GET", f"/containers/{one['Id']}/json").json()
    assert isinstance(said, dict)
    host = said["HostConfig"]
    assert (host["CapDrop"], host["CapAdd"] or [], host["Privileged"]) == (["ALL"], [], False)
    assert host["Memory"] > 0
    gone(yard, engine, service_id)


def test_a_service_moves_between_pools_and_back_under_load(
    stage: Stage, yard: Client, engine: DockerServer, models: dict[str, str]
) -> None:
    service_id = deployed(yard, "moves", entry(models["1"], "here", instance_count=2))
    assert containers(engine, service_id) == []
    with called(yard, service_id) as callers:
        callers.some()
        for pool, kept in (("boxes", 2), ("here", 0)):
            yard.services.configure(service_id, [entry(models["1"], pool, instance_count=2)])
            yard.services.wait(service_id)
            callers.some()
            until(lambda kept=kept: len(containers(engine, service_id)) == kept, 30, "the containers")
    assert not callers.failed
    gone(yard, engine, service_id)


def test_the_promises_hold_in_containers(
    stage: Stage, yard: Client, engine: DockerServer, models: dict[str, str]
) -> None:
    """Upgrade, weights, scale, and the kill of an instance, of the control plane and of the engine."""
    first, second = (entry(models[version], "boxes") for version in ("1", "2"))
    service_id = deployed(yard, "promises", entry(models["1"], "boxes"))
    with called(yard, service_id) as callers:
        callers.some()
        yard.services.configure(service_id, [second])
        yard.services.wait(service_id)
        callers.some()
        assert callers.answers["2"]
        halves = [entry(models[v], "boxes", weight=50, instance_count=2) for v in ("1", "2")]
        yard.services.configure(service_id, halves)
        yard.services.wait(service_id)
        callers.some(100)
        assert len(containers(engine, service_id)) == 4
        one = containers(engine, service_id)[0]["Id"]
        said = engine.docker.ask("GET", f"/containers/{one}/json").json()
        assert isinstance(said, dict)
        os.kill(said["State"]["Pid"], signal.SIGKILL)
        until(lambda: one not in {c["Id"] for c in containers(engine, service_id)}, 30, "it to be removed")
        until(lambda: len(containers(engine, service_id)) == 4, 30, "another one")
        until(lambda: yard.services.get(service_id).status == "running", 30, "the service to run")
        before = {c["Id"] for c in containers(engine, service_id)}
        stage.end_control_plane(signal.SIGKILL)
        callers.some()
        engine.kill()
        callers.some(200)
        stage.up()
        engine.start()
        until(lambda: yard.services.get(service_id).status == "running", 30, "the service to run")
        until(lambda: status(yard, "boxes") == "running", 20, "the pool to run")
        callers.some(100)
        assert {c["Id"] for c in containers(engine, service_id)} == before
        yard.services.configure(service_id, [first])
        yard.services.wait(service_id)
        callers.some()
    assert not callers.failed
    gone(yard, engine, service_id)


def test_variants_of_one_service_are_in_different_pools(
    yard: Client, engine: DockerServer, models: dict[str, str]
) -> None:
    entries = [
        entry(models["1"], "boxes", weight=50),
        entry(models["2"], "here", weight=50),
    ]
    service_id = yard.services.create("both", entries)
    yard.services.wait(service_id)
    with called(yard, service_id) as callers:
        callers.some(200)
    assert not callers.failed
    assert set(callers.answers) == {"1", "2"}
    assert len(containers(engine, service_id)) == 1
    gone(yard, engine, service_id)


def test_a_pool_whose_engine_is_away_takes_nothing_new_and_stops_nobody(
    yard: Client, engine: DockerServer, models: dict[str, str]
) -> None:
    service_id, other = (
        deployed(yard, name, entry(models["1"], pool)) for name, pool in (("inside", "boxes"), ("beside", "here"))
    )
    with called(yard, service_id) as callers:
        engine.kill()
        until(lambda: status(yard, "boxes") == "abnormal", 20, "the pool to be abnormal")
        with pytest.raises(ApiError, match="away") as refused:
            yard.services.create("late", [entry(models["1"], "boxes")])
        assert "pool_name" in str(refused.value)
        yard.services.configure(other, [entry(models["2"], "here")])
        yard.services.wait(other)
        callers.some()
        engine.start()
        until(lambda: status(yard, "boxes") == "running", 20, "the pool to run")
        yard.services.configure(service_id, [entry(models["2"], "boxes")])
        yard.services.wait(service_id)
        callers.some()
    assert not callers.failed
    for one in (service_id, other):
        gone(yard, engine, one)


def test_a_batch_task_runs_in_containers(
    stage: Stage, yard: Client, engine: DockerServer, models: dict[str, str]
) -> None:
    home = stage.data_dir / "objects" / BUCKET / "pool-rows"
    home.mkdir(parents=True)
    with (home / "numbers.csv").open("w", newline="") as file:
        csv.writer(file).writerows([n] for n in range(ROWS))
    rule = {"type": "object", "properties": {"n": {"type": "integer", "index": 0}}}
    entry: dict[str, Any] = {
        "model_id": models["1"],
        "specification": "modelarts.vm.cpu.2u",
        "instance_count": 1,
        "pool_name": "boxes",
        "src_path": f"obs://{BUCKET}/pool-rows/",
        "dest_path": f"obs://{BUCKET}/pool-out/",
        "req_uri": "/",
        "mapping_type": "csv",
        "mapping_rule": rule,
    }
    service_id = yard.batch.create("rows", entry)
    ended = ("finished", "failed", "concerning", "stopped")
    until(lambda: yard.services.get(service_id).status in ended, 60, "the task to end")
    assert yard.services.get(service_id).status == "finished", yard.services.events(service_id)
    (result,) = (stage.data_dir / "objects" / BUCKET / "pool-out").glob("infer-result/*_result.txt")
    assert [json.loads(line)["double"] for line in result.read_text().splitlines()] == [2 * n for n in range(ROWS)]
    gone(yard, engine, service_id)


def test_a_command_of_a_package_runs_in_a_container(
    stage: Stage, yard: Client, engine: DockerServer, tmp_path: Path
) -> None:
    place = tmp_path / "model"
    place.mkdir()
    (place / "serve.py").write_text(COMMAND)
    (place / "config.json").write_text(json.dumps({"model_type": "Custom", "cmd": "python3 serve.py"}))
    model_id = whole.published(stage, yard, "command", tmp_path)
    service_id = deployed(yard, "command", entry(model_id, "boxes"))
    assert yard.predict(yard.services.get(service_id), {})["version"] == "command"
    began = time.monotonic()
    gone(yard, engine, service_id)
    assert time.monotonic() - began < 20  # it ends at its signal, though it is nobody's init


def test_an_image_needs_no_engine_but_that_of_its_pool(yard: Client, engine: DockerServer) -> None:
    engine.make_image("server:1", SERVER, changes=["ENV VERSION=image"])
    model_id = yard.models.wait(yard.models.publish("pooled", "1.0.0", "server:1", "Image")).model_id
    with pytest.raises(ApiError, match="is an image"):
        yard.services.create("image", [entry(model_id, "here")])
    service_id = deployed(yard, "image", entry(model_id, "boxes"))
    assert yard.predict(yard.services.get(service_id), {})["version"] == "image"
    gone(yard, engine, service_id)


COMMAND = """
import http.server, json, os

class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("content-length") or 0))
        said = json.dumps({"version": "command"}).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
    do_POST = do_GET

http.server.ThreadingHTTPServer((os.environ["HOST"], int(os.environ["PORT"])), Answers).serve_forever()
"""
