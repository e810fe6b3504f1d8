"""A volume and a secret through a whole Modelyard: data outlives every instance, updates under load fail nothing,
and the value of the secret is nowhere."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from examples.demo.stage import Stage, until
from tests.worlds import server
from tests.worlds.callers import Callers

from modelyard.client import Client, ClientError, Service, Variant

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(os.geteuid() != 0, reason="VOLUMES NOT TESTED: only root can make views"),
]
OWNER = 54_322
FIRST, SECOND = "canary-of-the-first-version", "canary-of-the-second-version"
SCRIPT = """
import os
from model_service.model_service import SingleNodeService

DATA = "/srv/data/calls"


class Remembering(SingleNodeService):
    def _inference(self, data):
        with open(DATA, "a") as file:
            file.write("called" + chr(10))
        with open("/run/secrets/key") as file:
            key = file.read()
        print("the key is", key, flush=True)
        return {"lines": sum(1 for _ in open(DATA)), "key": len(key), "version": VERSION}
"""
SCHEMA = {"type": "object"}
CONFIG = {
    "model_type": "Custom",
    "model_algorithm": "remembering",
    "runtime": "python3.11",
    "apis": [
        {
            "url": "/",
            "method": "post",
            "request": {"Content-type": "application/json", "data": SCHEMA},
            "response": {"Content-type": "application/json", "data": {"type": "object"}},
        }
    ],
}
SECRETS = [{"secretId": "key", "mouthPath": "/run/secrets/key"}]


@pytest.fixture(scope="module")
def allowed() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="modelyard-volumes-") as name:
        yield Path(name).resolve()


@pytest.fixture(scope="module")
def stage(allowed: Path) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch, Stage() as started:
        patch.setenv("MODELYARD_VOLUME_DIRS", str(allowed))
        started.up()
        yield started


yard = pytest.fixture(server.yard, scope="module")


@pytest.fixture(scope="module")
def service(stage: Stage, yard: Client, allowed: Path, tmp_path_factory: pytest.TempPathFactory) -> Service:
    (allowed / "data").mkdir(0o700)
    os.chown(allowed / "data", OWNER, OWNER)
    yard.secrets.save("key", FIRST)
    model_id = published(stage, yard, tmp_path_factory.mktemp("one"), "1.0.0")
    return yard.services.wait(
        yard.services.create("remembering", [variant(model_id, allowed)], service_secrets=SECRETS)
    )


def published(stage: Stage, yard: Client, folder: Path, version: str) -> str:
    package = server.script_package(folder / "package", f"VERSION = {version!r}\n" + SCRIPT, CONFIG)
    return server.published(stage, yard, "remembering", package, version)


def variant(model_id: str, allowed: Path, source: str = "data", **volume: Any) -> Variant:
    volume = {"mount_path": "/srv/data", "source_address": str(allowed / source), **volume}
    return Variant(
        model_id=model_id, instance_count=2, more={"additional_properties": {"persistent_volumes": [volume]}}
    )


def test_a_change_of_model_and_of_secret_under_load_fails_nothing_and_loses_nothing(
    stage: Stage, yard: Client, service: Service, allowed: Path, tmp_path: Path
) -> None:
    second = published(stage, yard, tmp_path, "2.0.0")
    assert yard.predict(service, {"n": 1})["key"] == len(FIRST)
    with Callers(service.access_address, yard.session.token()) as callers:
        callers.some()
        yard.secrets.save("key", SECOND)
        yard.services.put(service.service_id, config=[variant(second, allowed).request()])
        yard.services.wait(service.service_id)
        callers.some()
    assert not callers.failed
    assert set(callers.answers) == {"1.0.0", "2.0.0"}
    answer = yard.predict(service, {"n": 4})
    assert answer["key"] == len(SECOND)
    assert answer["lines"] == sum(callers.answers.values()) + 2
    told = (allowed / "data" / "calls").stat()
    assert (told.st_uid, told.st_gid) == (OWNER, OWNER)


def test_the_value_is_nowhere(stage: Stage, yard: Client, service: Service) -> None:
    yard.predict(service, {"n": 5})
    until(lambda: "the key is ***" in _lines(yard, service), 30, "lines")
    shown = _lines(yard, service) + str(yard.services.events(service.service_id))
    assert "canary-of" not in shown
    assert "canary-of" not in subprocess.run(["ps", "axeww"], check=True, capture_output=True, text=True).stdout
    for path in stage.data_dir.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert b"canary-of" not in path.read_bytes() or path.name.startswith("log"), path


def _lines(yard: Client, service: Service) -> str:
    return str(yard.services.newest_logs(service.service_id, count=2000))


def test_what_cannot_be_mounted_is_refused_and_nobody_notices(
    yard: Client, service: Service, allowed: Path
) -> None:
    model_id = yard.services.get(service.service_id).config[0].model_id
    (allowed / "of-root").mkdir(0o755)
    (allowed / "link").symlink_to("/etc")
    for source, mount, why in (
        ("none", "/srv/data", "no directory of the host"),
        ("link", "/srv/data", "not below a directory that the administrator allowed"),
        ("../../etc", "/srv/data", "absolute path without"),
        ("of-root", "/srv/data", "give it to a user"),
        ("data", "/usr/lib/x", "system directory"),
        ("data", "/tmp/x", "instances need that"),
    ):
        with pytest.raises(ClientError, match=why):
            yard.services.put(
                service.service_id, config=[variant(model_id, allowed, source, mount_path=mount).request()]
            )
    assert yard.predict(service, {"n": 6})["version"] == "2.0.0"


def test_read_only_is_read_only_for_the_service_that_asked(
    stage: Stage, yard: Client, service: Service, allowed: Path
) -> None:
    model_id = yard.services.get(service.service_id).config[0].model_id
    other = yard.services.wait(
        yard.services.create("reading", [variant(model_id, allowed, read_only=True)], service_secrets=SECRETS)
    )
    with pytest.raises(ClientError):
        yard.predict(other, {"n": 7})
    until(lambda: "Read-only file system" in _lines(yard, other), 30, "the cause")
    assert yard.predict(service, {"n": 8})["version"] == "2.0.0"
    with pytest.raises(ClientError, match=r"in use: take it from service .*re"):
        yard.secrets.delete("key")
    yard.services.delete(other.service_id)
