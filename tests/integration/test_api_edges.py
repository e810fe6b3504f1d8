"""The edges of the API: bodies nobody should send, errors of the framework, identity, health, OpenAPI."""

import hashlib
import hmac
import json
import logging
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.worlds.api import FIRST, PASSWORD, ApiWorld, api_world

from modelyard.domain.errors import Forbidden, Unauthenticated
from modelyard.domain.identity import Role
from modelyard.iam import passwords, signature
from modelyard.iam.signature import ALGORITHM
from modelyard.operations.accounts import change_own_password
from modelyard.operations.identity import Identity, Login, authenticate_signed, log_in
from modelyard.operations.scopes import Named


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


DEEP = b'{"a":' * 50 + b"1" + b"}" * 50
VERY_DEEP = b"[" * 200_000
BODIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "0104"),
    "no-json": (b"{", 400, "0104"),
    "array": (b"[]", 400, "0104"),
    "no-utf8": (b'{"description": "\xff"}', 400, "0104"),
    "surrogate": (b'{"description": "\\ud800"}', 400, "0104"),
    "nul": (b'{"description": "\\u0000"}', 400, "0104"),
    "nul-key": (b'{"a\\u0000": 1}', 400, "0104"),
    "nan": (b'{"priority": NaN}', 400, "0104"),
    "infinite": (b'{"priority": 1e999}', 400, "0104"),
    "digits": (b'{"priority": ' + b"9" * 5000 + b"}", 400, "0104"),
    "deep": (DEEP, 400, "0104"),
    "very-deep": (VERY_DEEP, 400, "0104"),
    "large": (b'{"a": "' + b"x" * (4 * 1024 * 1024) + b'"}', 413, "4104"),
}


@pytest.mark.parametrize(("body", "status", "code"), BODIES.values(), ids=BODIES.keys())
async def test_a_body_that_nobody_should_send(world: ApiWorld, body: bytes, status: int, code: str) -> None:
    answer = await world.call("PUT", "/v1/p1/services/x", body)
    error = answer.json()
    assert (answer.status_code, error["error_code"]) == (status, f"ModelArts.{code}"), error
    assert error["error_msg"]
    assert answer.headers["x-request-id"]


async def test_errors_of_the_framework_have_the_one_shape(world: ApiWorld) -> None:
    for method, path, status in (("GET", "/nowhere", 404), ("PATCH", "/v1/p1/services", 405)):
        answer = await world.call(method, path)
        assert answer.status_code == status
        assert set(answer.json()) == {"error_code", "error_msg", "message"}
        assert answer.headers["x-openstack-request-id"]


async def test_a_method_that_is_not_known_is_told_all_that_are(world: ApiWorld) -> None:
    answer = await world.call("PATCH", "/v1/p1/services")
    assert answer.headers["allow"] == "GET, HEAD, POST"
    assert (await world.call("POST", "/v1/p1/services/x")).headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"


async def test_a_fault_of_ours_is_500_with_its_trace_in_the_log_only(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret reason")

    monkeypatch.setattr("modelyard.api.convert.services", broken)
    with caplog.at_level(logging.ERROR):
        answer = await world.call("GET", "/v1/p1/services")
    assert (answer.status_code, answer.json()["error_code"]) == (500, "ModelArts.0010")
    assert answer.headers["x-request-id"] in answer.text
    assert "secret" not in answer.text
    assert "the secret reason" in caplog.text


async def test_tokens_are_asked_for_before_anything_else(world: ApiWorld) -> None:
    path = "/v1/p1/services/x"
    expired = world.token()
    answer = await world.client.put(path, content=b"{")
    assert (answer.status_code, answer.json()["error_code"]) == (401, "ModelArts.0201")
    answer = await world.client.put(path, content=b"{", headers={"X-Auth-Token": "rubbish"})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "ModelArts.0203")
    world.now += 25 * 3600 * 1000
    answer = await world.client.put(path, content=b"{", headers={"X-Auth-Token": expired})
    assert (answer.status_code, answer.json()["error_code"]) == (401, "ModelArts.0202")


async def test_a_role_that_was_revoked_counts_no_longer(world: ApiWorld) -> None:
    assert (await world.call("GET", "/v1/p1/services", user="reader")).status_code == 200
    async with world.store.write() as w:
        await w.revoke("u-reader", "p1", Role.READER)
    answer = await world.call("GET", "/v1/p1/services", user="reader")
    assert (answer.status_code, answer.json()["error_code"]) == (403, "ModelArts.0108")


async def test_a_token_that_was_revoked_is_invalid(world: ApiWorld) -> None:
    token = {"X-Auth-Token": world.token()}
    assert (await world.client.get("/v1/p1/services", headers=token)).status_code == 200
    async with world.store.write() as w:
        await w.revoke_tokens("u-admin", world.now)
    answer = await world.client.get("/v1/p1/services", headers=token)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "ModelArts.0203")
    world.now += 2000
    assert (await world.call("GET", "/v1/p1/services")).status_code == 200


def login_body(user: str = "admin", password: str = PASSWORD, scope: object = None) -> dict[str, object]:
    who = {"name": user, "password": password, "domain": {"name": "Default"}}
    auth: dict[str, object] = {"identity": {"methods": ["password"], "password": {"user": who}}}
    return {"auth": {**auth, **({"scope": scope} if scope else {})}}


async def test_log_in_with_a_password(world: ApiWorld) -> None:
    answer = await world.client.post("/v3/auth/tokens", json=login_body(scope={"project": {"name": "default"}}))
    assert answer.status_code == 201
    token = answer.json()["token"]
    assert (token["project"]["id"], token["user"]["name"], token["methods"]) == ("p1", "admin", ["password"])
    assert [role["name"] for role in token["roles"]] == ["admin"]
    urls = {entry["type"]: entry["endpoints"][0]["url"] for entry in token["catalog"]}
    assert urls == {"modelartsv1": "http://api:8000/v1/p1", "identity": "http://api:8000/v3"}
    headers = {"X-Auth-Token": answer.headers["X-Subject-Token"]}
    assert (await world.client.get("/v1/p1/services", headers=headers)).status_code == 200
    same = {**headers, "X-Subject-Token": headers["X-Auth-Token"]}
    validated = await world.client.get("/v3/auth/tokens?nocatalog", headers=same)
    assert validated.status_code == 200
    assert "catalog" not in validated.json()["token"]
    assert (await world.client.head("/v3/auth/tokens", headers=same)).status_code == 200
    wrong = await world.client.get("/v3/auth/tokens", headers={**headers, "X-Subject-Token": "x"})
    assert wrong.status_code == 404


async def test_log_in_with_a_token_keeps_its_end(world: ApiWorld) -> None:
    first = await world.client.post("/v3/auth/tokens", json=login_body(scope="unscoped"))
    assert "project" not in first.json()["token"]
    world.now += 3600 * 1000
    identity = {"methods": ["token"], "token": {"id": first.headers["X-Subject-Token"]}}
    body = {"auth": {"identity": identity, "scope": {"project": {"id": "p1"}}}}
    second = await world.client.post("/v3/auth/tokens?nocatalog", json=body)
    assert second.status_code == 201
    assert second.json()["token"]["methods"] == ["password", "token"]
    assert second.json()["token"]["expires_at"] == first.json()["token"]["expires_at"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(login_body(password="wrong"), 401, id="wrong-password"),
        pytest.param(login_body(user="nobody"), 401, id="unknown-user"),
        pytest.param(login_body(scope={"project": {"id": "p2"}}), 403, id="project-without-a-role"),
        pytest.param({"auth": {"identity": {"methods": ["magic"]}}}, 400, id="unknown-method"),
        pytest.param({"auth": {"identity": {"methods": ["password"]}}}, 400, id="no-password"),
        pytest.param({}, 400, id="empty"),
    ],
)
async def test_a_login_that_fails(world: ApiWorld, body: dict[str, object], status: int) -> None:
    answer = await world.client.post("/v3/auth/tokens", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["code"] == status
    assert answer.json()["error_code"].startswith("ModelArts.")


async def test_projects_and_domains(world: ApiWorld) -> None:
    for path in ("/v3/projects?name=default", "/v3/auth/projects"):
        answer = (await world.call("GET", path)).json()
        assert [project["id"] for project in answer["projects"]] == ["p1"]
    assert (await world.call("GET", "/v3/projects/p1")).json()["project"]["name"] == "default"
    assert (await world.call("GET", "/v3/projects/p2")).status_code == 404
    domains = (await world.call("GET", "/v3/auth/domains")).json()["domains"]
    assert [domain["id"] for domain in domains] == ["d1"]
    version = (await world.client.get("/v3/")).json()["version"]
    assert version["links"] == [{"rel": "self", "href": "http://api:8000/v3/"}]


async def test_too_many_logins_are_told_to_come_again(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "MOST_WAITING", 0)
    user = {"name": "admin", "domain": {"name": "modelyard"}, "password": PASSWORD}
    identity = {"methods": ["password"], "password": {"user": user}}
    got = await world.client.post("/v3/auth/tokens", json={"auth": {"identity": identity}})
    assert (got.status_code, got.json()["error_code"]) == (503, "ModelArts.0010")
    assert got.json()["error"]["message"] == "Too many logins at a time. Try again in some seconds."


async def test_guesses_delay_the_account_that_is_guessed_and_nobody_else(world: ApiWorld) -> None:
    """However the account is named, and whoever else logs in from there."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    identity = replace(world.deps.identity, sleep=sleep)
    named = (
        Named(name="admin"),
        Named(id="u-admin"),
        Named(name="admin", domain="Default"),
        Named("u-admin", "x"),
    )
    for number in range(200):
        with pytest.raises(Unauthenticated, match="Incorrect username or password"):
            await log_in(identity, Login(user=named[number % 4], password="no", address="10.0.0.1"))
    assert waited[:6] == [0.25, 0.5, 1, 2, 4, 5]
    assert len(waited) == 195
    waited.clear()
    await log_in(identity, Login(user=Named(name="member"), password=PASSWORD, address="10.0.0.1"))
    await log_in(identity, Login(user=Named(name="admin"), password=PASSWORD, address="10.0.0.2"))
    assert waited == []


async def test_a_present_password_is_guessed_as_slowly_as_at_a_login(world: ApiWorld) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    identity = replace(world.deps.identity, sleep=sleep)
    who = world.key.read(world.token(), world.now).principal
    for _ in range(7):
        with pytest.raises(Forbidden):
            await change_own_password(
                world.deps.context, who, identity, "no", "correct battery staple", address="10.0.0.1"
            )
    assert waited == [0.25, 0.5]


async def test_a_signed_request(world: ApiWorld) -> None:
    async with world.store.write() as w:
        await w.save_access_key("AK", "u-admin", "p1", "SK")
    date = datetime.fromtimestamp(world.now // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    body = json.dumps({"description": "x"}).encode()

    def headers(secret: str) -> dict[str, str]:
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"PUT\n/v1/p1/services/nope/\n\nx-sdk-date:{date}\n\nx-sdk-date\n{digest}"
        text = f"{ALGORITHM}\n{date}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        authorization = f"{ALGORITHM} Access=AK, SignedHeaders=x-sdk-date, Signature={signature}"
        return {"X-Sdk-Date": date, "Authorization": authorization}

    right = await world.client.put("/v1/p1/services/nope", content=body, headers=headers("SK"))
    assert (right.status_code, right.json()["error_code"]) == (404, "ModelArts.3502")
    wrong = await world.client.put("/v1/p1/services/nope", content=body, headers=headers("no"))
    assert (wrong.status_code, wrong.json()["error_code"]) == (403, "ModelArts.0206")
    tampered = await world.client.put("/v1/p1/services/nope", content=b"{}", headers=headers("SK"))
    assert tampered.status_code == 403


@pytest.mark.parametrize(("size", "aside"), [(256 * 1024, False), (256 * 1024 + 1, True)])
async def test_a_large_signed_body_is_hashed_aside(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch, size: int, aside: bool
) -> None:
    async with world.store.write() as w:
        await w.save_access_key("AK", "u-admin", "p1", "SK")
    threads: list[threading.Thread] = []
    check = signature.check

    def noted(*args: Any) -> None:
        threads.append(threading.current_thread())
        check(*args)

    monkeypatch.setattr(signature, "check", noted)
    identity = Identity(world.store, world.clock, world.key)
    date = datetime.fromtimestamp(world.now // 1000, UTC).strftime("%Y%m%dT%H%M%SZ")
    request = signature.SignedRequest("POST", "/", "", [(b"x-sdk-date", date.encode())], bytes(size))
    authorization = f"{ALGORITHM} Access=AK, SignedHeaders=x-sdk-date, Signature={'0' * 64}"
    with pytest.raises(Forbidden):
        await authenticate_signed(identity, request, authorization)
    assert [thread is not threading.current_thread() for thread in threads] == [aside]


async def test_health_and_openapi_need_no_token(world: ApiWorld) -> None:
    assert (await world.client.get("/healthz")).json()["status"] == "ok"
    document = (await world.client.get("/openapi.json")).json()
    assert "put" in document["paths"]["/v1/{project_id}/services/{service_id}"]
    schemas = document["components"]["schemas"]
    text = json.dumps(document)
    assert {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]} <= schemas.keys()
    assert (await world.client.get("/docs")).status_code == 200
    assert FIRST.id not in text
