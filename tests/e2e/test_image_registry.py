"""Images of a registry, with a real Docker engine that pulls them: what a name means and when, who may have it,
and a registry that is away."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.demo.stage import Stage, until
from tests.docker import DockerServer, rootfs
from tests.worlds import server as whole
from tests.worlds.registry import Registry

from modelyard.client import Client, OperationFailed, Variant

pytestmark = pytest.mark.e2e
SERVER = Path(whole.__file__).with_name("image_server.py")
LOGIN = "bob:s3cret:word"


@pytest.fixture(scope="module")
def files() -> bytes:
    return rootfs({f"app/{SERVER.name}": SERVER.read_bytes()})


@pytest.fixture(scope="module")
def registry(docker_of_session: DockerServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    docker_of_session.start()
    made = Registry(tmp_path_factory.mktemp("registry"), docker_of_session.namespace)
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file with what registries are told."""
    return tmp_path_factory.mktemp("login") / "config.json"


@pytest.fixture(scope="module")
def stage(docker_of_session: DockerServer, registry: Registry, known: Path) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MODELYARD_CONTAINER_ENGINE", f"unix://{docker_of_session.socket}")
        patch.setenv("MODELYARD_REGISTRY_CREDENTIALS", str(known))
        yield from whole.stage()


yard = pytest.fixture(whole.yard, scope="module")


def pushed(registry: Registry, files: bytes, image: str, version: str, tag: str = "latest") -> str:
    config = {"Cmd": ["python", "-I", "-S", f"/app/{SERVER.name}"], "Env": [f"VERSION={version}"]}
    return registry.push(image, tag, files, config)


def answer(yard: Client, service_id: str) -> Any:
    return yard.predict(yard.services.get(service_id), {})


def texts(yard: Client, service_id: str) -> list[str]:
    return [event.event_info for event in yard.services.events(service_id)]


def test_what_a_tag_means_is_kept_and_pulled_again_where_it_is_gone(
    yard: Client, docker: DockerServer, registry: Registry, files: bytes
) -> None:
    digest = pushed(registry, files, "team/tagged", "1")
    name = f"{registry.name}/team/tagged:latest"
    model = yard.models.wait(yard.models.publish("tagged", "1.0.0", name, "Image"))
    assert json.loads(model.raw["config"])["image"] == f"{registry.name}/team/tagged@{digest}"
    pushed(registry, files, "team/tagged", "2")
    docker.docker.ask("DELETE", f"/images/{registry.name}/team/tagged@{digest}", query={"force": "1"}, limit_s=60)
    service_id = yard.services.create("tagged", [Variant(model_id=model.model_id)])
    yard.services.wait(service_id)
    assert answer(yard, service_id)["version"] == "1"
    told = texts(yard, service_id)
    assert "[tagged 1.0.0] pulling model image" in told
    assert "[tagged 1.0.0] pull image success" in told
    second = yard.models.wait(yard.models.publish("tagged", "2.0.0", name, "Image"))
    yard.services.configure(service_id, [Variant(model_id=second.model_id)])
    yard.services.wait(service_id)
    assert answer(yard, service_id)["version"] == "2"
    yard.services.delete(service_id)
    yard.services.wait_gone(service_id)


def test_an_image_that_is_not_there(yard: Client, registry: Registry) -> None:
    model_id = yard.models.publish("none", "1.0.0", f"{registry.name}/no/such:1", "Image")
    with pytest.raises(OperationFailed, match=rf"is not at {registry.name}"):
        yard.models.wait(model_id)


def test_credentials(stage: Stage, yard: Client, registry: Registry, files: bytes, known: Path) -> None:
    pushed(registry, files, "secret/iris", "7")
    name = f"{registry.name}/secret/iris:latest"
    registry.demand(LOGIN)
    try:
        for wrong in ({}, {registry.name: {"auth": base64.b64encode(b"bob:wrong").decode()}}):
            known.write_text(json.dumps({"auths": wrong}))
            model_id = yard.models.publish("secret", "1.0.0", name, "Image")
            with pytest.raises(OperationFailed, match=r"credentials are missing or wrong"):
                yard.models.wait(model_id)
        known.write_text(
            json.dumps({"auths": {registry.name: {"auth": base64.b64encode(LOGIN.encode()).decode()}}})
        )
        model_id = yard.models.wait(yard.models.publish("secret", "1.0.0", name, "Image")).model_id
        service_id = yard.services.create("secret", [Variant(model_id=model_id)])
        yard.services.wait(service_id)
        assert answer(yard, service_id)["version"] == "7"
    finally:
        registry.demand("")
    words = LOGIN.partition(":")[2].encode(), base64.b64encode(LOGIN.encode())
    for path in stage.data_dir.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(word in content for word in words), path


def test_a_project_has_a_login_of_its_own(
    stage: Stage, yard: Client, registry: Registry, files: bytes, known: Path
) -> None:
    pushed(registry, files, "own/iris", "9")
    name = f"{registry.name}/own/iris:latest"
    registry.demand("alice:canary-of-a-registry")
    known.unlink(missing_ok=True)
    try:
        yard.registries.save(registry.name, "alice", "wrong")
        model_id = yard.models.publish("own", "1.0.0", name, "Image")
        with pytest.raises(OperationFailed, match=r"credentials are missing or wrong"):
            yard.models.wait(model_id)
        yard.registries.save(registry.name, "alice", "canary-of-a-registry")
        yard.models.wait(yard.models.publish("own", "1.0.0", name, "Image"))
        assert [one["user"] for one in yard.registries.list()] == ["alice"]
        yard.registries.delete(registry.name)
    finally:
        registry.demand("")
    for path in stage.data_dir.rglob("*"):
        if path.is_file():
            assert b"canary-of-a-registry" not in path.read_bytes(), path


def test_a_registry_that_is_away_is_waited_for(yard: Client, registry: Registry, files: bytes) -> None:
    pushed(registry, files, "away/iris", "8")
    registry.stop()
    try:
        model_id = yard.models.publish("away", "1.0.0", f"{registry.name}/away/iris:latest", "Image")

        def told() -> bool:
            return f"waiting for the registry {registry.name}" in str(yard.models.get(model_id).raw)

        until(told, 20, "it to be told")
    finally:
        registry.start()
    yard.models.wait(model_id)
