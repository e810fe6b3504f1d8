"""What a project is known by to registries of images, over HTTP; and which login goes with a pull."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.worlds.api import FIRST, SECOND, ApiWorld, api_world

from modelyard.control.registries import RegistryLogins
from modelyard.engines.containers.credentials import NoCredentials, header

REGISTRIES = "/v1/p1/registries"
HOST = "registry.example.com:5000"
LOGIN = {"user": "robot", "password": "s3cret-pass-word"}


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


def opened(said: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(said))


async def test_from_its_first_word_to_its_last(world: ApiWorld) -> None:
    saved = await world.call("PUT", f"{REGISTRIES}/Registry.Example.com:5000", LOGIN, user="member")
    assert saved.status_code == 200, saved.text
    changed_at = saved.json()["changed_at"]
    assert 0 < changed_at < world.clock()
    assert saved.json() == {"registry": HOST, "user": "robot", "changed_at": changed_at}
    listed = (await world.call("GET", REGISTRIES)).json()
    assert listed == {"total_count": 1, "count": 1, "registries": [saved.json()]}
    logins = RegistryLogins(world.store, NoCredentials())
    assert opened(await logins.of_project("p1", HOST)) == {
        "username": "robot",
        "password": "s3cret-pass-word",
        "serveraddress": HOST,
    }
    assert await logins.of_project("p2", HOST) == ""
    assert await logins.of_project("p1", "docker.io") == ""
    assert (await world.call("DELETE", f"{REGISTRIES}/{HOST}")).json() == {}
    assert (await world.call("DELETE", f"{REGISTRIES}/{HOST}")).status_code == 404
    assert await logins.of_project("p1", HOST) == ""


async def test_a_service_has_the_login_of_its_project(world: ApiWorld) -> None:
    service_id = await world.service()
    await world.call("PUT", f"{REGISTRIES}/{HOST}", LOGIN)
    logins = RegistryLogins(world.store, NoCredentials())
    assert opened(await logins.of_service(service_id, HOST))["username"] == "robot"
    assert await logins.of_service("unknown", HOST) == ""


async def test_what_the_installation_knows_serves_who_says_nothing(world: ApiWorld) -> None:
    class Known(NoCredentials):
        def header(self, registry: str) -> str:
            return header("everybody", "x", registry)

    await world.call("PUT", f"{REGISTRIES}/{HOST}", LOGIN)
    logins = RegistryLogins(world.store, Known())
    assert opened(await logins.of_project("p1", HOST))["username"] == "robot"
    assert opened(await logins.of_project("p2", HOST))["username"] == "everybody"


async def test_readers_and_neighbours_see_nothing(world: ApiWorld) -> None:
    await world.call("PUT", f"{REGISTRIES}/{HOST}", LOGIN)
    for user, project in (("reader", FIRST), ("other", SECOND)):
        for method, path in (
            ("GET", REGISTRIES),
            ("PUT", f"{REGISTRIES}/{HOST}"),
            ("DELETE", f"{REGISTRIES}/{HOST}"),
        ):
            body = LOGIN if method == "PUT" else None
            answer = await world.call(method, path, body, user=user, project=project)
            assert answer.status_code == 403, (user, method)


@pytest.mark.parametrize(
    ("registry", "body", "field"),
    [
        ("-x", LOGIN, "registry"),
        ("a b", LOGIN, "registry"),
        (HOST, {"user": "robot"}, "password"),
        (HOST, {"password": "x"}, "user"),
        (HOST, {"user": "a:b", "password": "x"}, "user"),
        (HOST, {"user": "a", "password": "x\ny"}, "password"),
        (HOST, {"user": "a", "password": "x" * 9000}, "password"),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(
    world: ApiWorld, registry: str, body: dict[str, str], field: str
) -> None:
    answer = await world.call("PUT", f"{REGISTRIES}/{registry}", body)
    assert answer.status_code == 400
    assert field in {detail["field"] for detail in answer.json()["details"]}
    assert "x" * 100 not in answer.text
    assert (await world.call("GET", REGISTRIES)).json()["count"] == 0


async def test_a_project_has_not_more_than_so_many(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.operations.registries.MOST_LOGINS", 1)
    assert (await world.call("PUT", f"{REGISTRIES}/one", LOGIN)).status_code == 200
    assert (await world.call("PUT", f"{REGISTRIES}/one", LOGIN)).status_code == 200
    assert (await world.call("PUT", f"{REGISTRIES}/two", LOGIN)).status_code == 400
