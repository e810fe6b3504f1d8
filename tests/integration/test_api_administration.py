"""Administration over HTTP: users, projects, roles, keys, and what projects may use."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.worlds.api import FIRST, PASSWORD, ApiWorld, api_world, entry

from modelyard.domain.identity import SYSTEM, Role, User


class Root:
    """Calls of the installation's administrator, who has no role in any project."""

    def __init__(self, world: ApiWorld) -> None:
        self.world = world

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        headers = {"X-Auth-Token": self.world.token("root", None)}
        return await self.world.client.request(method, path, headers=headers, json=body, **more)


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        async with made.store.write() as w:
            await w.save_user(User("u-root", "root", "d1", "-"))
            await w.grant("u-root", SYSTEM, Role.ADMIN)
        yield made


@pytest.fixture
def root(world: ApiWorld) -> Root:
    return Root(world)


async def log_in(world: ApiWorld, name: str, password: str = PASSWORD, **scope: Any) -> httpx.Response:
    identity = {"methods": ["password"], "password": {"user": {"name": name, "password": password}}}
    return await world.client.post("/v3/auth/tokens", json={"auth": {"identity": identity, **scope}})


async def listed(world: ApiWorld, token: str, project: str = "p1") -> int:
    answer = await world.client.get(f"/v1/{project}/services", headers={"X-Auth-Token": token})
    return answer.status_code


async def test_a_user_from_creation_to_deletion(world: ApiWorld, root: Root) -> None:
    made = await root("POST", "/v3/users", {"user": {"name": "bob", "password": "battery staple"}})
    assert made.status_code == 201, made.text
    user = made.json()["user"]
    assert (user["name"], user["enabled"], "password" in made.text.replace("password_expires_at", "")) == (
        "bob",
        True,
        False,
    )
    assert [u["id"] for u in (await root("GET", "/v3/users?name=bob")).json()["users"]] == [user["id"]]
    assert (await log_in(world, "bob", "battery staple")).json()["token"].get("project") is None
    granted = await root("PUT", f"/v3/projects/p1/users/{user['id']}/roles/reader")
    assert (granted.status_code, granted.content) == (204, b"")
    token = (await log_in(world, "bob", "battery staple")).headers["X-Subject-Token"]
    assert await listed(world, token) == 200
    assert (await root("DELETE", f"/v3/users/{user['id']}")).status_code == 204
    assert await listed(world, token) == 401
    assert (await log_in(world, "bob", "battery staple")).status_code == 401
    assert (await root("GET", f"/v3/users/{user['id']}")).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        pytest.param("PATCH", "/v3/users/u-reader", {"user": {"enabled": False}}, id="disabled"),
        pytest.param("PATCH", "/v3/users/u-reader", {"user": {"password": "something else"}}, id="new password"),
        pytest.param("DELETE", "/v3/users/u-reader", None, id="deleted"),
        pytest.param("DELETE", "/v3/projects/p1/users/u-reader/roles/reader", None, id="role revoked"),
        pytest.param("PATCH", "/v3/projects/p1", {"project": {"enabled": False}}, id="project disabled"),
    ],
)
async def test_what_takes_access_away_ends_tokens(
    world: ApiWorld, root: Root, method: str, path: str, body: Any
) -> None:
    token = world.token("reader")
    assert await listed(world, token) == 200
    world.nudges.clear()
    assert (await root(method, path, body)).is_success
    assert await listed(world, token) == 401
    assert [kind for kind, _ in world.nudges] == ["access"]
    async with world.store.read() as r:
        assert (await r.revocations()).users["u-reader"] >= world.now - 5


async def test_a_login_in_the_second_of_a_withdrawal_is_good(world: ApiWorld, root: Root) -> None:
    await root("PATCH", "/v3/users/u-reader", {"user": {"password": "something else"}})
    answer = await log_in(world, "reader", "something else")
    assert answer.status_code == 201
    assert await listed(world, answer.headers["X-Subject-Token"]) == 200


async def test_a_role_revoked_and_granted_again_needs_a_new_login(world: ApiWorld, root: Root) -> None:
    path, old = "/v3/projects/p1/users/u-reader/roles/reader", world.token("reader")
    await root("DELETE", path)
    assert (await root("DELETE", path)).status_code == 404
    await root("PUT", path)
    assert await listed(world, old) == 401
    assert await listed(world, (await log_in(world, "reader")).headers["X-Subject-Token"]) == 200


async def test_one_token_is_revoked_and_others_stay(world: ApiWorld) -> None:
    one, other = world.token("reader"), world.token("reader")
    headers = {"X-Auth-Token": one, "X-Subject-Token": one}
    assert (await world.client.delete("/v3/auth/tokens", headers=headers)).status_code == 204
    assert (await listed(world, one), await listed(world, other)) == (401, 200)
    foreign = {"X-Auth-Token": other, "X-Subject-Token": world.token("member")}
    assert (await world.client.delete("/v3/auth/tokens", headers=foreign)).status_code == 403
    rubbish = {"X-Auth-Token": other, "X-Subject-Token": "x"}
    assert (await world.client.delete("/v3/auth/tokens", headers=rubbish)).status_code == 404


async def test_the_own_password(world: ApiWorld) -> None:
    body = {"user": {"original_password": PASSWORD, "password": "something else"}}
    wrong = {"user": {"original_password": "no", "password": "something else"}}
    path = "/v3/users/u-reader/password"
    assert (await world.call("POST", path, wrong, user="reader")).status_code == 403
    assert (await world.call("POST", path, body, user="member")).status_code == 404
    assert (await world.call("POST", path, body, user="reader")).status_code == 204
    assert (await log_in(world, "reader")).status_code == 401
    assert (await log_in(world, "reader", "something else")).status_code == 201


async def test_the_last_administrator_stays(world: ApiWorld, root: Root) -> None:
    role = "/v3/system/users/u-root/roles/admin"
    for method, path, body in (
        ("DELETE", "/v3/users/u-root", None),
        ("PATCH", "/v3/users/u-root", {"user": {"enabled": False}}),
        ("DELETE", role, None),
    ):
        assert (await root(method, path, body)).status_code == 400, path
    assert (await root("PUT", "/v3/system/users/u-admin/roles/admin")).status_code == 204
    assert (await root("DELETE", role)).status_code == 204
    assert (await root("GET", "/v3/users/u-admin")).status_code == 401


@pytest.mark.parametrize("user", ["admin", "member", "invoker"])
async def test_a_projects_admin_administers_nothing(world: ApiWorld, user: str) -> None:
    for method, path, body in (
        ("POST", "/v3/users", {"user": {"name": "x", "password": "12345678"}}),
        ("PATCH", "/v3/users/u-other", {"user": {"enabled": False}}),
        ("PATCH", f"/v3/users/u-{user}", {"user": {"enabled": True}}),
        ("DELETE", "/v3/users/u-other", None),
        ("POST", "/v3/projects", {"project": {"name": "x"}}),
        ("PATCH", "/v3/projects/p1", {"project": {"enabled": False}}),
        ("PUT", "/v3/projects/p2/users/u-admin/roles/admin", None),
        ("PUT", f"/v3/system/users/u-{user}/roles/admin", None),
        ("DELETE", "/v3/projects/p1/users/u-reader/roles/reader", None),
        ("GET", "/v3/role_assignments?user.id=u-other", None),
        ("GET", "/v3.0/OS-CREDENTIAL/credentials?user_id=u-other", None),
        ("GET", "/v1/modelyard/admin/projects/p1/quotas", None),
        ("PUT", "/v1/modelyard/admin/projects/p1/quotas", {"quotas": {"real_time_services": 9}}),
        ("GET", "/v1/modelyard/admin/flavors", None),
        ("PATCH", "/v1/modelyard/admin/flavors/modelarts.vm.gpu.p4", {"open": True}),
        ("GET", "/v1/modelyard/admin/pools", None),
        ("PUT", "/v1/modelyard/admin/buckets/b", {"project_id": "p1"}),
    ):
        assert (await world.call(method, path, body, user=user)).status_code == 403, path
    assert (await world.call("GET", "/v3/users", user=user)).json()["users"][0]["id"] == f"u-{user}"
    assert (await world.call("GET", "/v3/users/u-other", user=user)).status_code == 404


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param({"user": {"name": "x", "password": "short"}}, "user.password", id="short password"),
        pytest.param({"user": {"name": "x"}}, "user.password", id="no password"),
        pytest.param({"user": {"name": " ", "password": "12345678"}}, "user.name", id="blank name"),
        pytest.param({"user": {"password": "12345678"}}, "user.name", id="no name"),
        pytest.param({"user": {"name": "x", "password": "12345678", "domain_id": "none"}}, "none", id="domain"),
        pytest.param({}, "user", id="empty"),
    ],
)
async def test_users_that_cannot_be(root: Root, body: Any, text: str) -> None:
    answer = await root("POST", "/v3/users", body)
    assert answer.status_code == 400
    assert text in answer.json()["error_msg"]
    assert "12345678" not in answer.text


async def test_a_taken_name(root: Root) -> None:
    body = {"user": {"name": "reader", "password": "12345678"}}
    assert (await root("POST", "/v3/users", body)).status_code == 409
    assert (await root("POST", "/v3/projects", {"project": {"name": "default"}})).status_code == 409
    assert (await root("PATCH", "/v3/users/u-member", {"user": {"name": "reader"}})).status_code == 409
    assert (await root("PATCH", "/v3/users/u-member", {"user": {"domain_id": "d2"}})).status_code == 400
    assert (await root("PATCH", "/v3/projects/p1", {"project": {"domain_id": "d2"}})).status_code == 400


async def test_the_same_name_in_two_domains(world: ApiWorld, root: Root) -> None:
    """Which one logs in, the domain says; without it nobody does."""
    async with world.store.write() as w:
        reader = await w.user("u-reader")
        assert reader is not None
        await w.save_user(User("u-twin", "reader", "d2", reader.password_hash))

    async def who(domain: Any) -> Any:
        user = {"name": "reader", "password": PASSWORD, **domain}
        body = {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}}}
        answer = await world.client.post("/v3/auth/tokens", json=body)
        return answer.json()["token"]["user"]["id"] if answer.status_code == 201 else answer.status_code

    assert await who({"domain": {"id": "d2"}}) == "u-twin"
    assert await who({"domain": {"id": "d1"}}) == "u-reader"
    assert await who({"domain": {"id": "d3"}}) == 401
    assert await who({}) == 401
    del root


async def test_access_keys(world: ApiWorld, root: Root) -> None:
    path = "/v3.0/OS-CREDENTIAL/credentials"
    made = (await world.call("POST", path, {"credential": {"description": "x"}}, user="reader")).json()[
        "credential"
    ]
    assert (len(made["access"]), len(made["secret"]), made["user_id"], made["project_id"]) == (
        20,
        40,
        "u-reader",
        "p1",
    )
    found = (await world.call("GET", path, user="reader")).json()["credentials"]
    assert [(one["access"], "secret" in one) for one in found] == [(made["access"], False)]
    assert (await world.call("DELETE", f"{path}/{made['access']}", user="member")).status_code == 404
    other = {"credential": {"user_id": "u-other", "project_id": "p2"}}
    assert (await world.call("POST", path, other, user="reader")).status_code == 403
    assert (await root("POST", path, other)).status_code == 201
    assert (
        await root("POST", path, {"credential": {"user_id": "u-other", "project_id": "p1"}})
    ).status_code == 403
    assert (await world.call("DELETE", f"{path}/{made['access']}", user="reader")).status_code == 204
    assert (await world.call("GET", path, user="reader")).json()["credentials"] == []


async def test_quotas_hold_for_what_comes(world: ApiWorld, root: Root) -> None:
    path = "/v1/modelyard/admin/projects/p1/quotas"
    assert (await root("GET", path)).json()["quotas"]["real_time_services"] == 20
    changed = await root("PUT", path, {"quotas": {"instances_per_model": 1, "real_time_services": "2"}})
    assert (changed.json()["quotas"]["instances_per_model"], changed.json()["quotas"]["batch_services"]) == (
        1,
        1000,
    )
    service_id = await world.service()
    model_id = "m-digits-service-1.0.0"
    answer = await world.call(
        "PUT", f"/v1/p1/services/{service_id}", {"config": [entry(model_id, instance_count=2)]}
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ModelArts.3522")
    other = (await root("GET", "/v1/modelyard/admin/projects/p2/quotas")).json()["quotas"]
    assert other["instances_per_model"] == 5
    for bad in ({"nonsense": 1}, {"batch_services": -1}, {"batch_services": "x"}):
        assert (await root("PUT", path, {"quotas": bad})).status_code == 400
    assert (await root("PUT", "/v1/modelyard/admin/projects/none/quotas", {"quotas": {}})).status_code == 404


async def test_flavors_are_opened_per_project(world: ApiWorld, root: Root) -> None:
    flavors = "/v1/modelyard/admin/flavors"
    made = await root("POST", flavors, {"name": "lab.big", "cpu": 0.5, "memory_mib": 512})
    assert (made.status_code, made.json()["open"]) == (200, False), made.text
    model_id = await world.model()

    async def deploy(name: str) -> int:
        config = [entry(model_id, specification="lab.big")]
        body = {"service_name": name, "infer_type": "real-time", "config": config}
        return (await world.call("POST", "/v1/p1/services", body)).status_code

    assert await deploy("one") == 400
    await root("PATCH", f"{flavors}/lab.big", {"open_projects": ["p2"]})
    assert await deploy("two") == 400
    await root("PATCH", f"{flavors}/lab.big", {"open_projects": ["p1"], "close_projects": ["p2"]})
    assert await deploy("three") == 200
    assert (await root("DELETE", f"{flavors}/lab.big")).status_code == 400
    shown = {one["name"]: one for one in (await root("GET", flavors)).json()["flavors"]}
    assert shown["lab.big"]["projects"] == ["p1"]
    assert shown["modelarts.vm.gpu.p4"]["open"] is False
    assert (await root("PATCH", f"{flavors}/modelarts.vm.gpu.p4", {"open": True})).json()["memory_mib"] == 32768
    assert (await root("PATCH", f"{flavors}/modelarts.vm.cpu.2u", {"open": False})).json()["open"] is False
    assert (await root("DELETE", f"{flavors}/modelarts.vm.gpu.p4")).status_code == 400
    assert (await root("POST", flavors, {"name": "lab.big", "cpu": 1, "memory_mib": 1})).status_code == 409
    assert (await root("POST", flavors, {"name": "x"})).status_code == 400
    assert (await root("PATCH", f"{flavors}/none", {"open": True})).status_code == 404
    assert (await root("PATCH", f"{flavors}/lab.big", {"open_projects": ["none"]})).status_code == 404


async def test_pools_and_buckets(root: Root) -> None:
    pools, buckets = "/v1/modelyard/admin/pools", "/v1/modelyard/admin/buckets"
    made = (await root("POST", pools, {"project_id": "p1", "name": "lab", "nodes": ["n1"]})).json()
    assert (made["status"], made["nodes"]) == ("running", ["n1"])
    path = f"{pools}/{made['pool_id']}"
    assert (await root("PATCH", path, {"status": "abnormal"})).json()["status"] == "abnormal"
    assert (await root("PATCH", path, {"status": "odd"})).status_code == 400
    assert (await root("PATCH", path, {"project_id": "p2"})).status_code == 400
    sick = await root("POST", pools, {"project_id": "p2", "name": "sick", "status": "abnormal"})
    assert (sick.json()["status"], sick.json()["project_id"]) == ("abnormal", "p2")
    assert (await root("POST", pools, {"project_id": "p1", "name": "lab"})).status_code == 409
    assert (await root("POST", pools, {"project_id": "none", "name": "x"})).status_code == 404
    assert [one["name"] for one in (await root("GET", f"{pools}?project_id=p2")).json()["pools"]] == ["sick"]
    assert (await root("DELETE", path)).status_code == 200
    assert (await root("DELETE", path)).status_code == 404
    assert (await root("PUT", f"{buckets}/b", {"project_id": "p1"})).status_code == 200
    assert (await root("PUT", f"{buckets}/b", {"project_id": "p2"})).status_code == 409
    assert (await root("GET", buckets)).json()["buckets"] == [{"bucket": "b", "project_id": "p1"}]
    assert (await root("DELETE", f"{buckets}/b")).status_code == 200
    assert (await root("DELETE", f"{buckets}/b")).status_code == 404


S3 = {"endpoint": "https://s3.example.com:9000/", "access_key": "AK", "secret_key": "the-secret"}


async def test_where_a_bucket_is(world: ApiWorld, root: Root) -> None:
    buckets = "/v1/modelyard/admin/buckets"
    place = {"endpoint": "https://s3.example.com:9000", "region": "us-east-1", "access_key": "AK"}
    claim = {"project_id": "p1"}

    async def listed() -> Any:
        answer = await root("GET", buckets)
        assert "the-secret" not in answer.text
        return answer.json()["buckets"]

    assert (await root("PUT", f"{buckets}/b", {**claim, **S3})).json() == {}
    assert await listed() == [{"bucket": "b", **claim, **place}]
    async with world.store.read() as r:
        assert (await r.endpoints())["b"].secret_key == "the-secret"
    assert (await root("PUT", f"{buckets}/b", claim)).status_code == 200
    assert (await root("PUT", f"{buckets}/b", {"project_id": "p2", **S3})).status_code == 409
    assert await listed() == [{"bucket": "b", **claim, **place}], "what is not said stays"
    assert (await root("PUT", f"{buckets}/b", {**claim, **S3, "region": "r-7"})).status_code == 200
    assert await listed() == [{"bucket": "b", **claim, **place, "region": "r-7"}]
    assert (await root("PUT", f"{buckets}/b", {**claim, "endpoint": ""})).status_code == 200
    assert await listed() == [{"bucket": "b", **claim}]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"endpoint": "s3.example.com"}, "endpoint"),
        ({"endpoint": "https://s3.example.com/path"}, "endpoint"),
        ({"endpoint": "https://user:the-secret@s3.example.com"}, "endpoint"),
        ({"endpoint": "https://s3.example.com:x"}, "endpoint"),
        ({"endpoint": "ftp://s3.example.com"}, "endpoint"),
        ({"endpoint": ""}, "access_key"),
        ({"secret_key": ""}, "secret_key"),
        ({"secret_key": "the-secret\n"}, "secret_key"),
        ({"access_key": None}, "access_key"),
        ({"region": "a b"}, "region"),
    ],
)
async def test_a_place_that_is_none(root: Root, change: dict[str, Any], field: str) -> None:
    answer = await root("PUT", "/v1/modelyard/admin/buckets/b", {"project_id": "p1", **S3, **change})
    assert (answer.status_code, "the-secret" in answer.text) == (400, False), answer.text
    assert field in {detail["field"] for detail in answer.json()["details"]}
    assert (await root("GET", "/v1/modelyard/admin/buckets")).json()["buckets"] == []


async def test_keystone_reading(world: ApiWorld, root: Root) -> None:
    versions = await world.client.get("/")
    assert (versions.status_code, versions.json()["versions"]["values"][0]["id"]) == (300, "v3.14")
    catalog = (await world.call("GET", "/v3/auth/catalog")).json()["catalog"]
    assert {one["type"] for one in catalog} == {"modelartsv1", "identity"}
    assert [one["id"] for one in (await root("GET", "/v3/roles?name=reader")).json()["roles"]] == ["reader"]
    assert (await root("GET", "/v3/roles/nonsense")).status_code == 404
    found = (await root("GET", "/v3/role_assignments?user.id=u-root")).json()["role_assignments"]
    assert [one["scope"] for one in found] == [{"system": {"all": True}}]
    named = (await root("GET", "/v3/role_assignments?user.id=u-other&include_names=1")).json()["role_assignments"]
    assert [(one["user"]["name"], one["scope"]["project"]["name"]) for one in named] == [("other", "second")]
    mine = (await world.call("GET", "/v3/role_assignments", user="reader")).json()["role_assignments"]
    assert [(one["user"]["id"], one["scope"]["project"]["id"]) for one in mine] == [("u-reader", FIRST.id)]
    assert {one["id"] for one in (await root("GET", "/v3/projects")).json()["projects"]} == {"p1", "p2"}
    assert (await root("GET", "/v3/domains/d1")).json()["domain"]["name"] == "Default"
    assert (await root("GET", "/v3/domains?name=none")).json()["domains"] == []
