"""Applications, their codes, and the services they are bound to, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world

APPS = "/v1/p1/app-auth/apps"


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def created(world: ApiWorld, name: str = "shop") -> tuple[str, str]:
    """(id of an application, its code)."""
    answer = await world.call("POST", APPS, {"name": name}, user="member")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()["app_id"], answer.json()["app_codes"][0]["app_code"]


async def codes(world: ApiWorld) -> dict[str, Any]:
    """What the gateway would be told."""
    async with world.store.read() as r:
        return {key: sorted(one.code for one in found) for key, found in (await r.codes_of_services()).items()}


async def test_a_code_from_creation_to_deletion(world: ApiWorld) -> None:
    service_id = await world.service()
    app_id, first = await created(world)
    assert (len(first), await codes(world)) == (64, {})
    bound = await world.call("POST", f"/v1/p1/services/{service_id}/app-auth-api", {"apps": [{"app_id": app_id}]})
    assert [one["app_id"] for one in bound.json()["apps"]] == [app_id]
    assert await codes(world) == {service_id: [first]}
    second = (await world.call("POST", f"{APPS}/{app_id}/app-code")).json()["app_code"]
    assert await codes(world) == {service_id: sorted([first, second])}
    assert (await world.call("DELETE", f"{APPS}/{app_id}/app-code/{first}")).status_code == 200
    assert (await world.call("DELETE", f"{APPS}/{app_id}/app-code/{first}")).status_code == 404
    assert await codes(world) == {service_id: [second]}
    auths = (await world.call("GET", f"/v1/p1/services/{service_id}/api-auths", user="reader")).json()
    assert (auths["auths"][0]["app_id"], second in str(auths)) == (app_id, False)
    path = f"/v1/p1/services/{service_id}/app-auth-api/{app_id}"
    assert (await world.call("DELETE", path)).status_code == 200
    assert (await world.call("DELETE", path)).status_code == 404
    assert await codes(world) == {}
    assert {kind for kind, _ in world.nudges} == {"access"}


async def test_deleting_an_application_ends_its_codes(world: ApiWorld) -> None:
    service_id = await world.service()
    app_id, _ = await created(world)
    await world.call("POST", f"/v1/p1/services/{service_id}/app-auth-api", {"apps": [{"app_id": app_id}]})
    assert (await world.call("DELETE", f"{APPS}/{app_id}")).status_code == 200
    assert await codes(world) == {}
    assert (await world.call("GET", APPS)).json()["total_count"] == 0


async def test_who_may_do_what(world: ApiWorld) -> None:
    app_id, code = await created(world)
    read = await world.call("GET", APPS, user="reader")
    assert (read.status_code, read.json()["apps"][0]["app_codes"], code in read.text) == (200, [], False)
    assert (await world.call("GET", APPS, user="invoker")).status_code == 403
    for method, path in (("POST", f"{APPS}/{app_id}/app-code"), ("DELETE", f"{APPS}/{app_id}")):
        assert (await world.call(method, path, user="reader")).status_code == 403


async def test_what_is_refused(world: ApiWorld) -> None:
    service_id = await world.service()
    app_id, code = await created(world)
    bind = f"/v1/p1/services/{service_id}/app-auth-api"
    for body, status in (
        ({"apps": []}, 400),
        ({}, 400),
        ({"apps": [{}]}, 400),
        ({"apps": [{"app_id": app_id}, {"app_id": "none"}]}, 404),
    ):
        assert (await world.call("POST", bind, body)).status_code == status, body
    assert await codes(world) == {}
    assert (await world.call("POST", APPS, {"name": "shop"})).status_code == 409
    assert (await world.call("POST", APPS, {"name": ""})).status_code == 400
    assert (await world.call("POST", f"{APPS}/none/app-code")).status_code == 404
    for _ in range(4):
        assert (await world.call("POST", f"{APPS}/{app_id}/app-code")).status_code == 200
    assert (await world.call("POST", f"{APPS}/{app_id}/app-code")).status_code == 400
    missing = await world.call("DELETE", f"{APPS}/{app_id}/app-code/{'0' * 64}")
    assert (missing.status_code, code in missing.text, "0" * 64 in missing.text) == (404, False, False)


async def test_an_application_of_another_project(world: ApiWorld) -> None:
    service_id = await world.service()
    foreign = await world.call("POST", "/v1/p2/app-auth/apps", {"name": "shop"}, user="other", project=SECOND)
    app_id = foreign.json()["app_id"]
    bind = f"/v1/p1/services/{service_id}/app-auth-api"
    assert (await world.call("POST", bind, {"apps": [{"app_id": app_id}]})).status_code == 404
    mine = f"/v1/p2/services/{service_id}/app-auth-api"
    own = await world.call("POST", mine, {"apps": [{"app_id": app_id}]}, user="other", project=SECOND)
    assert own.status_code == 404
    assert (await world.call("DELETE", f"{APPS}/{app_id}")).status_code == 404
