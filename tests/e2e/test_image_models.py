"""Models that are images, on a whole server with a real Docker engine: of every kind, under load, and when parts
of it are killed."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.demo.stage import Stage, modelyard, until
from tests.docker import DockerServer
from tests.worlds import server as whole
from tests.worlds.callers import Callers
from websockets.sync.client import connect

from modelyard.client import ApiError, Client, OperationFailed, Variant

pytestmark = pytest.mark.e2e
SERVER = Path(whole.__file__).with_name("image_server.py")
SCRIPT = """
from model_service.model_service import SingleNodeService

class Model(SingleNodeService):
    def _inference(self, data):
        return {"version": "script"}
"""
FIRST, SECOND = "server:1", "server:2"


@pytest.fixture(scope="module")
def images(docker_of_session: DockerServer) -> DockerServer:
    docker_of_session.start()
    for version, name in (("1", FIRST), ("2", SECOND)):
        docker_of_session.make_image(name, SERVER, changes=[f"ENV VERSION={version}"])
    return docker_of_session


@pytest.fixture(scope="module")
def stage(images: DockerServer) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELYARD_CONTAINER_ENGINE", f"unix://{images.socket}")
        yield from whole.stage()


yard = pytest.fixture(whole.yard, scope="module")


@pytest.fixture(autouse=True)
def _running(images: DockerServer) -> Iterator[None]:
    images.start()
    yield
    images.start()


def published(yard: Client, name: str, image: str, version: str = "1.0.0", **optional: Any) -> str:
    return yard.models.wait(yard.models.publish(name, version, image, "Image", **optional)).model_id


def deployed(yard: Client, name: str, model_id: str, **variant: Any) -> str:
    service_id = yard.services.create(name, [Variant(model_id=model_id, **variant)])
    yard.services.wait(service_id)
    return service_id


def called(yard: Client, service_id: str) -> Callers:
    service = yard.services.get(service_id)
    return Callers(service.access_address, yard.session.token())


def containers(images: DockerServer, service_id: str = "") -> list[dict[str, Any]]:
    said = images.docker.ask("GET", "/containers/json", query={"all": "1"}).json()
    assert isinstance(said, list)
    return [c for c in said if not service_id or c["Labels"].get("modelyard.service") == service_id]


def gone(yard: Client, images: DockerServer, service_id: str) -> None:
    yard.services.delete(service_id)
    yard.services.wait_gone(service_id)
    assert containers(images, service_id) == []


def test_an_image_is_published_by_what_its_name_means_now_and_serves(yard: Client, images: DockerServer) -> None:
    model_id = published(yard, "plain", FIRST)
    service_id = deployed(yard, "plain", model_id)
    answer = yard.predict(yard.services.get(service_id), {"x": 1})
    assert answer == {"version": "1", "path": "/", "model": "plain"}
    (one,) = containers(images, service_id)
    seen = images.docker.ask("GET", f"/containers/{one['Id']}/json").json()
    assert isinstance(seen, dict)
    host = seen["HostConfig"]
    assert seen["Image"].startswith("sha256:")
    assert (host["Privileged"], host["CapDrop"], host["RestartPolicy"]["Name"]) == (False, ["ALL"], "no")
    assert host["MemorySwap"] == host["Memory"] > 0
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    gone(yard, images, service_id)


def test_an_upgrade_to_another_image_under_load_fails_no_request(yard: Client, images: DockerServer) -> None:
    first, second = published(yard, "up", FIRST), published(yard, "up", SECOND, "2.0.0")
    service_id = deployed(yard, "up", first, instance_count=2)
    with called(yard, service_id) as callers:
        callers.some()
        yard.services.configure(service_id, [Variant(model_id=second, instance_count=2)])
        yard.services.wait(service_id)
        callers.some()
    assert not callers.failed
    assert callers.answers["1"]
    assert callers.answers["2"]
    gone(yard, images, service_id)


def test_a_service_moves_from_processes_to_containers_and_back_under_load(
    stage: Stage, yard: Client, images: DockerServer, tmp_path: Path
) -> None:
    package = whole.script_package(tmp_path / "script", SCRIPT, {"model_type": "Custom"})
    script, image = whole.published(stage, yard, "moves", package), published(yard, "moves", FIRST, "2.0.0")
    service_id = deployed(yard, "moves", script)
    with called(yard, service_id) as callers:
        callers.some()
        for model_id in (image, script):
            yard.services.configure(service_id, [Variant(model_id=model_id)])
            yard.services.wait(service_id)
            callers.some()
        yard.services.configure(
            service_id, [Variant(model_id=script, weight=50), Variant(model_id=image, weight=50)]
        )
        yard.services.wait(service_id)
        callers.some(100)
    assert not callers.failed
    assert callers.answers["script"]
    assert callers.answers["1"]
    gone(yard, images, service_id)


def test_a_killed_control_plane_finds_its_containers_again(
    stage: Stage, yard: Client, images: DockerServer
) -> None:
    service_id = deployed(yard, "found", published(yard, "found", FIRST))
    before = {c["Id"] for c in containers(images, service_id)}
    with called(yard, service_id) as callers:
        callers.some()
        stage.end_control_plane(signal.SIGKILL)
        callers.some()
        stage.up()
        until(lambda: yard.services.get(service_id).status == "running", 20, "the service to run")
        callers.some()
    assert not callers.failed
    assert {c["Id"] for c in containers(images, service_id)} == before
    gone(yard, images, service_id)


def test_a_killed_engine_takes_no_container_with_it(yard: Client, images: DockerServer) -> None:
    service_id = deployed(yard, "engine", published(yard, "engine", FIRST), instance_count=2)
    before = {c["Id"] for c in containers(images, service_id)}
    with called(yard, service_id) as callers:
        callers.some()
        images.kill()
        callers.some(500)
        images.start()
        callers.some(100)
    assert not callers.failed
    assert {c["Id"] for c in containers(images, service_id)} == before
    gone(yard, images, service_id)


def test_who_waits_for_an_engine_that_is_away_is_told(yard: Client, images: DockerServer) -> None:
    model_id = published(yard, "away", FIRST)
    service_id = deployed(yard, "away", model_id)
    images.kill()
    try:
        with called(yard, service_id) as callers:
            yard.services.configure(service_id, [Variant(model_id=model_id, instance_count=2)])
            until(lambda: yard.services.get(service_id).status == "pending", 20, "the service to wait")
            told = [event.event_info for event in yard.services.events(service_id)]
            assert any(text.startswith("the service waits: the container engine is away") for text in told)
            callers.some()
        assert not callers.failed
    finally:
        images.start()
    yard.services.wait(service_id)
    assert len(containers(images, service_id)) == 2
    images.kill()  # its end is the doors' matter
    yard.services.stop(service_id)
    until(lambda: yard.services.get(service_id).status == "stopped", 30, "the service to stop")
    images.start()
    until(lambda: not containers(images, service_id), 40, "the containers to be removed")
    yard.services.delete(service_id)


@pytest.mark.parametrize("what", ["container", "door"])
def test_a_killed_instance_is_replaced(stage: Stage, yard: Client, images: DockerServer, what: str) -> None:
    service_id = deployed(yard, f"killed-{what}", published(yard, f"killed-{what}", FIRST), instance_count=2)
    with called(yard, service_id) as callers:
        callers.some()
        one = containers(images, service_id)[0]
        if what == "container":
            seen = images.docker.ask("GET", f"/containers/{one['Id']}/json").json()
            assert isinstance(seen, dict)
            os.kill(seen["State"]["Pid"], signal.SIGKILL)
        else:
            os.kill(stage.instances()[one["Labels"]["modelyard.instance"]], signal.SIGKILL)
        until(lambda: one["Id"] not in {c["Id"] for c in containers(images, service_id)}, 20, "it to be removed")
        until(lambda: len(containers(images, service_id)) == 2, 20, "another one")
        callers.some()
    assert not callers.failed
    gone(yard, images, service_id)


def test_one_that_ignores_its_signal_is_killed_when_its_grace_is_over(yard: Client, images: DockerServer) -> None:
    service_id = deployed(
        yard,
        "deaf",
        published(yard, "deaf", FIRST),
        envs={"HOW": "deaf"},
        additional_properties={"termination_grace_period_seconds": 1},
    )
    began = time.monotonic()
    yard.services.stop(service_id)
    until(lambda: yard.services.get(service_id).status == "stopped", 20, "the service to stop")
    assert time.monotonic() - began > 1
    assert containers(images, service_id) == []
    yard.services.delete(service_id)


def test_one_that_opens_its_port_late_is_waited_for(yard: Client, images: DockerServer) -> None:
    service_id = deployed(yard, "late", published(yard, "late", FIRST), envs={"HOW": "late"})
    assert yard.predict(yard.services.get(service_id), {})["version"] == "1"
    gone(yard, images, service_id)


def test_one_that_never_opens_its_port_fails_and_leaves_the_old_one(yard: Client, images: DockerServer) -> None:
    model_id = published(yard, "never", FIRST)
    service_id = deployed(yard, "never", model_id)
    with called(yard, service_id) as callers:
        never = Variant(model_id=model_id, envs={"HOW": "never"}, deploy_timeout_in_seconds=3)
        updated = yard.services.configure(service_id, [never])
        assert updated is not None
        with pytest.raises(OperationFailed, match="was not ready within 3 s"):
            yard.services.wait_update(service_id, updated)
        callers.some()
    assert not callers.failed
    gone(yard, images, service_id)


def test_one_that_runs_out_of_memory_is_told_and_replaced(yard: Client, images: DockerServer) -> None:
    yard.admin.create_flavor("small", cpu=0.5, memory_mib=64, open=True)
    service_id = deployed(yard, "greedy", published(yard, "greedy", FIRST), specification="small")
    service = yard.services.get(service_id)
    with pytest.raises(ApiError):
        yard.predict(service, {}, path="/hog")
    until(
        lambda: any("out of memory" in e.event_info for e in yard.services.events(service_id)), 20, "it to be told"
    )
    until(lambda: yard.services.get(service_id).status == "running", 30, "another one")
    gone(yard, images, service_id)


def test_what_one_left_behind_ends_with_it(yard: Client, images: DockerServer) -> None:
    service_id = deployed(yard, "forks", published(yard, "forks", FIRST), envs={"HOW": "forks"})
    gone(yard, images, service_id)


def test_another_port_and_health_by_a_command(yard: Client, images: DockerServer) -> None:
    health = {"check_method": "EXEC", "command": "test -d /app", "period_seconds": 1, "timeout_seconds": 5}
    model_id = published(yard, "port", FIRST, port=9000, health=health)
    service_id = deployed(yard, "port", model_id, envs={"LISTEN": "9000"})
    assert yard.predict(yard.services.get(service_id), {})["version"] == "1"
    gone(yard, images, service_id)


def test_a_command_of_its_own(yard: Client, images: DockerServer) -> None:
    cmd = ["/bin/sh", "-c", "VERSION=3 exec python -I -S /app/image_server.py"]
    service_id = deployed(yard, "cmd", published(yard, "cmd", FIRST, cmd=cmd))
    assert yard.predict(yard.services.get(service_id), {})["version"] == "3"
    gone(yard, images, service_id)


def test_a_registry_that_is_away_is_waited_for(yard: Client) -> None:
    model_id = yard.models.publish("missing", "1.0.0", "127.0.0.1:9/no/such:1", "Image")

    def told() -> bool:
        model = yard.models.get(model_id)
        return model.model_status == "publishing" and "waiting for the registry 127.0.0.1:9" in str(model.raw)

    until(told, 20, "it to be told")
    yard.models.delete(model_id)


def test_an_image_that_is_nowhere_is_refused(yard: Client) -> None:
    model_id = yard.models.publish("nowhere", "1.0.0", "sha256:" + "0" * 64, "Image")
    with pytest.raises(OperationFailed, match="not here any more"):
        yard.models.wait(model_id)


def test_an_image_is_published_and_deployed_from_the_command_line(
    stage: Stage, yard: Client, images: DockerServer
) -> None:
    publish = ("models", "publish", "cli", "1.0.0", FIRST, "--type", "Image")
    for words in (publish, ("services", "create", "cli", "--model", "cli/1.0.0")):
        ran = subprocess.run(
            modelyard(*words, "--data-dir", stage.data_dir), check=False, capture_output=True, text=True
        )
        assert ran.returncode == 0, ran.stderr
    service = next(one for one in yard.services.list() if one.service_name == "cli")
    assert yard.predict(service, {})["version"] == "1"
    gone(yard, images, service.service_id)


def test_names_that_name_no_image(yard: Client) -> None:
    with pytest.raises(ApiError, match="must be the name of an image"):
        yard.models.publish("bad", "1.0.0", "server:1", "Image", swr_location="no image at all")


def test_the_package_directory_may_name_it(
    stage: Stage, yard: Client, images: DockerServer, tmp_path: Path
) -> None:
    home = tmp_path / "model"
    home.mkdir()
    (home / "config.json").write_text('{"model_type": "Image", "swr_location": "server:2", "apis": []}')
    (home / "weights.txt").write_text("17")
    location = stage.put_object("named", tmp_path)
    model_id = yard.models.wait(yard.models.publish("named", "1.0.0", location)).model_id
    service_id = deployed(yard, "named", model_id)
    assert yard.predict(yard.services.get(service_id), {})["version"] == "2"
    found = yard.predict(yard.services.get(service_id), {}, path="/file/weights.txt")
    assert found["content"] == "17"
    gone(yard, images, service_id)


def test_a_websocket_through_an_image(yard: Client, images: DockerServer) -> None:
    settings = {"websocket_upgrade": True}
    one = Variant(model_id=published(yard, "socket", FIRST))
    service = yard.services.wait(yard.services.create("socket", [one], additional_properties=settings))
    address = service.access_address.replace("http", "ws", 1) + "/ws"
    headers = {"X-Auth-Token": yard.session.token()}
    with connect(address, additional_headers=headers, proxy=None) as connection:
        for word in ("hello", "world"):
            connection.send(word)
            assert connection.recv(timeout=20) == word
    gone(yard, images, service.service_id)


def test_nothing_is_left(stage: Stage, yard: Client, images: DockerServer) -> None:
    for service in yard.services.list():
        yard.services.delete(service.service_id)
        yard.services.wait_gone(service.service_id)
    assert containers(images) == []
    assert not stage.instances()
