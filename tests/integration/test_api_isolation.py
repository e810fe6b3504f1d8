"""A second project with its own user sees and calls nothing of the first: every call that OpenAPI names.

Each operation is called twice by the admin of the second project, with the example of its body and the ids of the
first project's things: on the first project's path (refused, whatever else is wrong), and on its own (unknown).
"""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world

from modelyard.store.models import ModelQuery
from modelyard.store.services import EventQuery, ServiceQuery

METHODS = ("get", "post", "put", "patch", "delete")
WITHOUT_END = "/v1/{project_id}/services/watch"
"""What is answered until the caller goes: its own tests tell that a project sees its own services alone."""
OPEN = {"/", "/v3", "/healthz", "/v3/auth/tokens", WITHOUT_END}
"""What has no project: versions, health, and logging in."""


LISTS = (
    "/v1/{project_id}/services",
    "/v1/{project_id}/models",
    "/v1/{project_id}/app-auth/apps",
    "/v1/{project_id}/clusters",
)


class Neighbour:
    """The admin of the second project, and the names of what the first one has."""

    def __init__(self, world: ApiWorld, ids: dict[str, str], secrets: tuple[str, ...]) -> None:
        self.world = world
        self.ids = ids
        self.secrets = secrets

    async def call(self, method: str, path: str, operation: dict[str, Any], project_id: str) -> httpx.Response:
        values = {**self.ids, "project_id": project_id}
        url = re.sub(r"\{(\w+)\}", lambda match: values.get(match[1], "1"), path)
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("example")
        return await self.world.call(method.upper(), url, self._named(body), user="other", project=SECOND)

    def _named(self, body: Any) -> Any:
        """The example with the first project's ids wherever it has ids."""
        if isinstance(body, dict):
            return {key: self.ids.get(key) or self._named(value) for key, value in body.items()}
        if isinstance(body, list):
            return [self._named(one) for one in body]
        return body


@pytest.fixture
async def neighbour() -> AsyncIterator[Neighbour]:
    async with api_world() as world:
        service_id = await world.service(name="victim-service")
        app = (await world.call("POST", "/v1/p1/app-auth/apps", {"name": "victim-app"})).json()
        app_id, code = app["app_id"], app["app_codes"][0]["app_code"]
        bind = f"/v1/p1/services/{service_id}/app-auth-api"
        assert (await world.call("POST", bind, {"apps": [{"app_id": app_id}]})).status_code == 200
        key = (await world.call("POST", "/v3.0/OS-CREDENTIAL/credentials", {"credential": {}})).json()[
            "credential"
        ]
        async with world.store.write() as w:
            await w.claim_bucket("victim-bucket", "p1")
        ids = {
            **{"service_id": service_id, "service_ids": service_id, "model_id": "m-victim-service-1.0.0"},
            **{"app_id": app_id, "app_code": code, "access_key": key["access"], "bucket": "victim-bucket"},
            **{"user_id": "u-admin", "role_id": "admin", "domain_id": "d1", "flavor": "modelarts.vm.cpu.2u"},
        }
        yield Neighbour(world, ids, (service_id, "victim", app_id, code, key["access"], key["secret"]))


async def everything(world: ApiWorld) -> str:
    """What the first project has, as one text."""
    async with world.store.read() as r:
        found: list[Any] = [
            await r.project("p1"),
            await r.services("p1", ServiceQuery()),
            await r.models("p1", ModelQuery()),
            await r.users(),
            await r.grants(project_id="p1"),
            await r.grants(project_id="system"),
            [(one, await r.app_codes(one.id), await r.bound_services(one.id)) for one in await r.apps("p1")],
            [(user.id, await r.access_keys(user.id)) for user in await r.users()],
            await r.buckets(),
            await r.quotas("p1"),
            await r.flavors(),
            await r.pools("p1"),
            await r.revocations(),
        ]
        for record in await r.records():
            if record.service.project_id == "p1":
                found += [record, await r.events(record.service.id, EventQuery())]
    return "\n".join(map(repr, found))


async def operations(world: ApiWorld) -> list[tuple[str, str, dict[str, Any]]]:
    document = (await world.client.get("/openapi.json")).json()
    return [
        (method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if method in METHODS
    ]


async def test_the_first_projects_paths_are_closed(neighbour: Neighbour) -> None:
    before = await everything(neighbour.world)
    seen = 0
    for method, path, operation in await operations(neighbour.world):
        if "/{project_id}" not in path:
            continue
        answer = await neighbour.call(method, path, operation, "p1")
        allowed = {403} if path.startswith("/v1/{project_id}") else {403, 404}
        assert answer.status_code in allowed, f"{method} {path}: {answer.status_code} {answer.text}"
        if path.startswith("/v1/{project_id}"):
            assert answer.json()["error_code"] == "ModelArts.0210", f"{method} {path}"
        seen += 1
    assert seen > 20
    assert await everything(neighbour.world) == before


async def test_the_first_projects_things_are_unknown_elsewhere(neighbour: Neighbour) -> None:
    before = await everything(neighbour.world)
    closed = [one for one in await operations(neighbour.world) if one[1] not in OPEN]
    assert len(closed) > 60
    for method, path, operation in closed:
        answer = await neighbour.call(method, path, operation, "p2")
        assert answer.status_code < 500, f"{method} {path}: {answer.text}"
        named = set(re.findall(r"\{(\w+)\}", path)) & {
            "service_id",
            "service_ids",
            "model_id",
            "app_id",
            "access_key",
        }
        if named:
            assert answer.status_code in {403, 404}, f"{method} {path}: {answer.status_code} {answer.text}"
        if path.startswith("/v1/modelyard") or path == "/metrics":
            assert answer.status_code == 403, f"{method} {path}: {answer.status_code}"
        if path == "/v1/{project_id}/audit":  # it names what was asked for, to those who asked
            assert {row["user_name"] for row in answer.json()["audit"]} == {"other"}
            continue
        leaked = [s for s in neighbour.secrets if s in answer.text and not _echoed(s, answer)]
        assert not leaked, f"{method} {path} tells {leaked}: {answer.text}"
    assert await everything(neighbour.world) == before


def _echoed(secret: str, answer: httpx.Response) -> bool:
    """A refusal may repeat what the caller wrote."""
    return answer.status_code in {400, 403, 404} and secret in f"{answer.request.url} {answer.request.content!r}"


async def test_lists_are_empty(neighbour: Neighbour) -> None:
    lists = [path for method, path, _ in await operations(neighbour.world) if method == "get" and path in LISTS]
    assert sorted(lists) == sorted(LISTS)
    for path in LISTS:
        answer = (await neighbour.call("get", path, {}, "p2")).json()
        assert answer["total_count"] == 0, json.dumps(answer)


async def test_a_signature_is_for_its_project(neighbour: Neighbour) -> None:
    """The key of a user with roles in both projects opens the one that it was made for."""
    world = neighbour.world
    async with world.store.write() as w:
        for role in await w.roles("u-other", "p2"):
            await w.grant("u-other", "p1", role)
    made = await world.call(
        "POST", "/v3.0/OS-CREDENTIAL/credentials", {"credential": {}}, user="other", project=SECOND
    )
    assert made.json()["credential"]["project_id"] == "p2"
    answer = await world.call("GET", "/v1/p1/services", user="other", project=SECOND)
    assert (answer.status_code, answer.json()["error_code"]) == (403, "ModelArts.0210")


async def test_a_bucket_of_the_first_project_is_closed(neighbour: Neighbour) -> None:
    body = {"model_name": "thief", "model_version": "1.0.0", "model_type": "Custom"}
    location = {"source_location": "obs://victim-bucket/digits"}
    answer = await neighbour.world.call(
        "POST", "/v1/p2/models", {**body, **location}, user="other", project=SECOND
    )
    assert (answer.status_code, answer.json()["error_code"]) == (403, "ModelArts.4310")
    mine = await neighbour.world.call("POST", "/v1/p1/models", {**body, **location})
    assert mine.status_code == 200, mine.text
