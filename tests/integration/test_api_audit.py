"""The audit, through the API: what has a row, what it says, and that no route can forget it."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import PASSWORD, SECOND, ApiWorld, api_world, entry

from modelyard.core.audit import Flood, FloodBounds
from modelyard.domain.audit import AuditQuery, AuditRow, Outcome
from modelyard.operations.audit import Audit
from modelyard.store.base import StoreUnavailableError


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


@asynccontextmanager
async def bounded(world: ApiWorld, rows: int, bounds: FloodBounds) -> AsyncIterator[Audit]:
    audit = Audit(world.store, world.clock, rows=rows, flood=Flood(bounds))
    deps = world.deps
    world.app.state.deps = replace(deps, audit=audit)
    yield audit
    await audit.close()


async def rows(world: ApiWorld, **asked: Any) -> list[AuditRow]:
    """Oldest first."""
    async with world.store.read() as r:
        return list((await r.audit(AuditQuery(oldest_first=True, **asked)))[1])


async def test_a_change_has_one_row_that_tells_who_what_when_from_where(world: ApiWorld) -> None:
    service_id = await world.service()
    answer = await world.call(
        "PUT",
        f"/v1/p1/services/{service_id}",
        {"description": "canary-1", "additional_properties": {"traffic_limit": {"num": 3, "unit": "SECOND"}}},
        headers={"User-Agent": "tool/1.0 " + "x" * 200},
    )
    assert answer.status_code == 200, answer.text
    *_, row = await rows(world)
    assert replace(row, at_ms=0, number=0) == AuditRow(
        at_ms=0,
        action="PUT /v1/{project_id}/services/{service_id}",
        outcome=Outcome.DONE,
        status=200,
        project_id="p1",
        user_id="u-admin",
        user_name="admin",
        means=row.means,
        resource=f"services/{service_id}",
        name="digits-service",
        address="127.0.0.1",
        agent=row.agent,
        reference=answer.headers["X-Request-Id"],
        fields=("description", "additional_properties.traffic_limit"),
        lane="p1",
    )
    assert row.means == "token"
    assert len(row.agent) == 100
    assert row.agent.startswith("tool/1.0 x")
    assert len([one for one in await rows(world) if one.reference == row.reference]) == 1


async def test_what_is_made_is_named_with_its_id(world: ApiWorld) -> None:
    service_id = await world.service()
    user = (await world.call("POST", "/v1/p1/app-auth/apps", {"name": "shop"})).json()
    made = {row.resource: row.name for row in await rows(world)}
    assert made[f"services/{service_id}"] == "digits-service"
    assert made[f"app-auth/apps/{user['app_id']}"] == "shop"


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PUT", "/v1/p1/services/gone", {"description": "x"}, 404),
        ("POST", "/v1/p1/services", {"service_name": "a b", "config": []}, 400),
        ("POST", "/v1/p1/services", b"{", 400),
        ("DELETE", "/v1/p2/services/x", None, 403),
        ("POST", "/v1/p1/nothing", {}, 404),
        ("DELETE", "/v1/p1/clusters", None, 405),
    ],
)
async def test_what_was_refused_has_a_row_with_the_code(
    world: ApiWorld, method: str, path: str, body: Any, status: int
) -> None:
    answer = await world.call(method, path, body)
    assert answer.status_code == status
    (row,) = await rows(world)
    assert (row.outcome, row.status) == (Outcome.REFUSED, status)
    assert f"ModelArts.{row.error_code}" == answer.json()["error_code"]
    assert row.reference == answer.headers["X-Request-Id"]


async def test_reads_have_none_but_those_of_secrets(world: ApiWorld) -> None:
    service_id = await world.service()
    app = (await world.call("POST", "/v1/p1/app-auth/apps", {"name": "shop"})).json()
    before = len(await rows(world))
    for path in ("services", f"services/{service_id}", "clusters", "modelyard/status", "objects", "audit"):
        assert (await world.call("GET", f"/v1/p1/{path}")).status_code == 200
    plan = await world.call("PUT", f"/v1/p1/services/{service_id}?dry_run=true", {"description": "x"})
    assert plan.status_code == 200
    assert len(await rows(world)) == before, "a dry run changes nothing either"
    for path in ("app-auth/apps", f"app-auth/apps/{app['app_id']}"):
        assert (await world.call("GET", f"/v1/p1/{path}")).status_code == 200
    assert [row.action for row in await rows(world)][before:] == [
        "GET /v1/{project_id}/app-auth/apps",
        "GET /v1/{project_id}/app-auth/apps/{app_id}",
    ]


async def test_reading_codes_pushes_out_nothing_that_was_changed(world: ApiWorld) -> None:
    await world.call("POST", "/v1/p1/app-auth/apps", {"name": "shop"})
    before = len(await rows(world))
    for path in ("app-auth/apps", "app-auth/apps?name=none"):
        assert (await world.call("GET", f"/v1/p1/{path}", user="reader")).status_code == 200
    assert (await world.call("GET", "/v1/p1/app-auth/apps?name=none")).status_code == 200
    assert len(await rows(world)) == before, "no code was shown"
    assert (await world.call("GET", "/v1/p1/app-auth/apps")).status_code == 200
    assert [row.lane for row in await rows(world)] == ["p1", "p1 reads"]


async def test_a_refused_dry_run_has_a_row(world: ApiWorld) -> None:
    """Who tries what they may change learns as much from a dry run."""
    service_id = await world.service()
    path = f"/v1/p1/services/{service_id}?dry_run=true"
    assert (await world.call("PUT", path, {"description": "x"}, user="reader")).status_code == 403
    assert (await world.call("POST", "/v1/modelyard/admin/clean?dry_run=true")).status_code == 403
    told = [(row.user_name, str(row.outcome), row.status) for row in await rows(world)]
    assert told[1:] == [("reader", "refused", 403), ("admin", "refused", 403)]


def login(name: str, password: str) -> dict[str, Any]:
    user = {"name": name, "password": password, "domain": {"name": "Default"}}
    scope = {"project": {"name": "default", "domain": {"name": "Default"}}}
    return {"auth": {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}}


async def test_logins_and_refused_logins(world: ApiWorld) -> None:
    assert (await world.client.post("/v3/auth/tokens", json=login("member", PASSWORD))).status_code == 201
    assert (await world.client.post("/v3/auth/tokens", json=login("member", "canary-2"))).status_code == 401
    good, bad = await rows(world, action="/v3/auth/tokens")
    assert (good.outcome, good.user_id, good.user_name, good.project_id) == ("done", "u-member", "member", "p1")
    assert (good.means, good.status, good.lane) == ("password", 201, "p1 logins")
    assert (bad.outcome, bad.user_id, bad.user_name, bad.error_code) == ("refused", "", "member", "4122")
    assert bad.lane == "unknown callers"
    assert "canary-2" not in repr(await rows(world))


async def test_a_refused_signature_has_a_row_whatever_the_method(world: ApiWorld) -> None:
    signed = "SDK-HMAC-SHA256 Access=AKNOBODY, SignedHeaders=host;x-sdk-date, Signature=" + "0" * 64
    headers = {"Authorization": signed, "X-Sdk-Date": "20231114T221320Z"}
    answer = await world.client.get("/v1/p1/services", headers=headers)
    assert answer.status_code in {401, 403}
    (row,) = await rows(world)
    assert (row.user_name, row.error_code, row.user_id) == ("access key AKNOBODY", "0206", "")
    assert (await world.client.get("/v1/p1/services", headers={"X-Auth-Token": "no"})).status_code == 401
    assert len(await rows(world)) == 1, "a token that ran out, of who polls, is none"


async def test_objects_are_told_of_before_they_are_written_and_after(world: ApiWorld) -> None:
    assert (await world.call("PUT", "/v1/p1/objects/data", None)).status_code == 200
    assert (await world.call("PUT", "/v1/p1/objects/data/a/b.bin", b"canary-3")).status_code == 200
    assert (await world.call("DELETE", "/v1/p1/objects/data/a/b.bin")).status_code == 200
    told = [(row.action[:6], row.resource, str(row.outcome)) for row in await rows(world)]
    where = "objects/data/a/b.bin"
    assert told == [
        ("PUT /v", "objects/data", "done"),
        ("PUT /v", where, "begun"),
        ("PUT /v", where, "done"),
        ("DELETE", where, "begun"),
        ("DELETE", where, "done"),
    ]
    references = [row.reference for row in await rows(world)]
    assert references[1] == references[2] != references[3]


async def test_the_first_object_of_a_new_bucket_is_told_of_before_it_is_written(world: ApiWorld) -> None:
    assert (await world.call("PUT", "/v1/p1/objects/fresh/k", b"1")).status_code == 200
    assert [str(row.outcome) for row in await rows(world)] == ["done", "begun", "done"], "the bucket, the object"


async def test_parts_of_an_upload_are_no_changes_but_its_beginning_and_end_are(world: ApiWorld) -> None:
    await world.call("PUT", "/v1/p1/objects/data")
    path = "/v1/p1/objects/data/big"
    begun = (await world.call("POST", f"{path}?action=upload", {"size": 4})).json()
    for offset in (0, 2):
        part = await world.call("PUT", f"{path}?upload={begun['upload_id']}&offset={offset}", b"ab")
        assert part.status_code == 200
    wrong = await world.call("PUT", f"{path}?upload={begun['upload_id']}&offset=1", b"ab")
    assert wrong.status_code == 409
    assert (await world.call("POST", f"{path}?action=complete&upload={begun['upload_id']}", {})).status_code == 200
    told = [(row.action.split()[0], str(row.outcome)) for row in await rows(world, resource="big")]
    assert told == [("POST", "done"), ("PUT", "refused"), ("POST", "begun"), ("POST", "done")]


async def test_codes_in_a_path_are_not_kept(world: ApiWorld) -> None:
    app = (await world.call("POST", "/v1/p1/app-auth/apps", {"name": "shop"})).json()
    code = app["app_codes"][0]["app_code"]
    await world.call("DELETE", f"/v1/p1/app-auth/apps/{app['app_id']}/app-code/{code}")
    await world.call("DELETE", f"/v1/p1/app-auth/apps/{app['app_id']}/app-code/{code}/more")
    said = await rows(world)
    assert said[1].resource == f"app-auth/apps/{app['app_id']}/app-code/***"
    assert code not in repr(said)


async def test_no_value_that_was_sent_is_in_a_row(world: ApiWorld) -> None:
    canary = "CANARY-7f3e"
    model = await world.model()
    config = [entry(model, envs={"KEY": canary})]
    sent = {"service_name": "s", "infer_type": "real-time", "config": config, "description": canary}
    assert (await world.call("POST", "/v1/p1/services?x=" + canary, sent)).status_code == 200
    await world.call("POST", "/v3/users", {"user": {"name": "x", "password": canary}})
    await world.call("PUT", "/v1/p1/objects/" + "data/k", canary.encode())
    await world.call("POST", "/v1/p1/services", {"service_name": canary + "!", "config": canary})
    assert canary not in repr(await rows(world))


# One place.


def calls(world: ApiWorld) -> Iterator[tuple[str, str]]:
    for path, methods in world.app.openapi()["paths"].items():
        for method in methods:
            yield method.upper(), path


async def test_every_route_that_may_change_something_is_audited_refused_or_not(world: ApiWorld) -> None:
    """Whatever comes of it. A route that is added tomorrow is in this list tomorrow."""
    silent = []
    async with bounded(world, 10_000, FloodBounds(singly=10_000)):
        for method, path in calls(world):
            if method == "GET":
                continue
            for place in ("p1", "p2") if "{project_id}" in path else ("p1",):
                filled = path.replace("{project_id}", place)
                for name in ("{key}", "{bucket}"):
                    filled = filled.replace(name, "thing")
                filled = "/".join("x" if part.startswith("{") else part for part in filled.split("/"))
                answer = await world.call(method, filled, {})
                told = [row for row in await rows(world) if row.reference == answer.headers["X-Request-Id"]]
                if not told or told[-1].status != answer.status_code or told[-1].action != f"{method} {path}":
                    silent.append((method, path, answer.status_code, told))
    assert not silent


async def test_a_change_without_its_row_is_not_answered_and_not_made(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row cannot be written: nothing of the change is there, in the store or in the object store."""
    service_id = await world.service()
    await world.call("PUT", "/v1/p1/objects/data")
    await world.call("POST", "/v1/p1/app-auth/apps", {"name": "shop"})
    from modelyard.store.sql.audit import AuditWriting

    async def full(self: object, rows: object) -> None:
        raise StoreUnavailableError("disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(AuditWriting, "add_audit", full)
        changed = await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": "new"})
        written = await world.call("PUT", "/v1/p1/objects/data/key", b"1")
        refused = await world.call("PUT", "/v1/p1/services/gone", {"description": "new"})
        shown = await world.call("GET", "/v1/p1/app-auth/apps")
    assert [changed.status_code, written.status_code, refused.status_code] == [503, 503, 404]
    assert shown.status_code == 503, "no secret without its row either"
    assert (await world.stored(service_id))[0].description == ""
    assert (await world.call("GET", "/v1/p1/objects/data/key")).status_code == 404


async def test_a_success_that_cannot_be_recorded_is_answered_as_a_fault(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The object was written, its second row was not: who called is told to look."""
    await world.call("PUT", "/v1/p1/objects/data")
    audit = world.deps.audit
    assert audit is not None
    real = audit.record

    async def record(row: AuditRow) -> None:
        if row.outcome is Outcome.DONE:
            raise StoreUnavailableError("away")
        await real(row)

    monkeypatch.setattr(audit, "record", record)
    answer = await world.call("PUT", "/v1/p1/objects/data/key", b"1")
    assert answer.status_code == 503
    assert "could not be recorded" in answer.json()["error_msg"]
    assert [str(row.outcome) for row in await rows(world, resource="key")] == ["begun"]


async def test_a_fault_of_ours_has_a_row(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    from modelyard.operations.services import delete

    monkeypatch.setattr(delete, "load_record", None)
    answer = await world.call("DELETE", "/v1/p1/services/x")
    assert answer.status_code == 500
    (row,) = await rows(world)
    assert (row.outcome, row.status, row.error_code) == ("failed", 500, "0010")


# Floods.


async def test_nobody_pushes_real_rows_out(world: ApiWorld) -> None:
    """A thousand refused requests by nobody, and by a user, leave the row of the change where it is."""
    service_id = await world.service()
    async with bounded(world, 10, FloodBounds(kinds=3, callers=5, singly=2)) as audit:
        for number in range(1000):
            name = "x" * (number % 50)
            await world.client.post("/v3/auth/tokens", json={"auth": name})
            await world.client.put(f"/v1/p1/services/{number}", json={})
            await world.call("PUT", f"/v1/p1/services/{number}", {"description": "x"}, user="member")
        await audit.flush()
        await audit.trim()
    left = await rows(world)
    assert [row.resource for row in left if row.outcome == "done"] == [f"services/{service_id}"]
    assert len(left) < 20
    assert sum(row.times for row in left) >= 2900, "and those that are gone were counted"
    async with world.store.read() as r:
        assert all(count <= 10 for count in (await r.audit_lanes()).values())


async def test_what_is_too_old_is_cut(world: ApiWorld) -> None:
    await world.service()
    world.now += 181 * 24 * 3600 * 1000
    await world.service(name="other")
    audit = world.deps.audit
    assert audit is not None
    await audit.trim()
    assert all(row.at_ms > world.now - 180 * 24 * 3600 * 1000 for row in await rows(world))
    async with world.store.read() as r:
        assert [cut.lane for cut in await r.audit_cuts()] == ["p1"]


# Reading.


async def test_admins_read_their_project_and_administrators_all(world: ApiWorld) -> None:
    await world.service()
    await world.call("PUT", "/v1/p1/services/x", {"description": "x"}, user="other", project=SECOND)
    await world.client.put("/v1/p1/services/x", json={})
    mine = (await world.call("GET", "/v1/p1/audit")).json()
    assert {row["user_name"] for row in mine["audit"]} == {"admin"}
    assert mine["total_count"] == mine["count"] == 1
    theirs = (await world.call("GET", "/v1/p2/audit", user="other", project=SECOND)).json()
    assert [row["user_name"] for row in theirs["audit"]] == ["other"], "tried elsewhere, told at home"
    for user in ("member", "reader", "invoker"):
        assert (await world.call("GET", "/v1/p1/audit", user=user)).status_code == 403
    assert (await world.call("GET", "/v1/modelyard/admin/audit")).status_code == 403


async def test_filters_and_pages(world: ApiWorld) -> None:
    first = await world.service()
    await world.service(name="other")
    await world.call("PUT", "/v1/p1/services/gone", {"description": "x"}, user="member")

    async def found(**asked: Any) -> list[int]:
        answer = await world.call("GET", "/v1/p1/audit", params=asked)
        assert answer.status_code == 200, answer.text
        return [row["number"] for row in answer.json()["audit"]]

    assert await found() == [3, 2, 1]
    assert await found(user="member") == [3]
    assert await found(user="u-admin") == [2, 1]
    assert await found(action="put") == [3]
    assert await found(resource=first) == [1]
    assert await found(resource="OTHER") == [2]
    assert await found(outcome="refused") == [3]
    assert await found(after=1, order="asc") == [2, 3]
    assert await found(limit=1, offset=1) == [2]
    times = [row["occur_time"] for row in (await world.call("GET", "/v1/p1/audit")).json()["audit"]]
    assert await found(since=times[1], until=times[1]) == [2]
    wrong = await world.call("GET", "/v1/p1/audit", params={"outcome": "odd"})
    assert wrong.status_code == 400
    assert json.dumps(wrong.json()).count("outcome")


async def test_logins_may_be_left_out(world: ApiWorld) -> None:
    await world.service()
    assert (await world.client.post("/v3/auth/tokens", json=login("member", PASSWORD))).status_code == 201

    async def told(**asked: str) -> list[str]:
        audit = (await world.call("GET", "/v1/p1/audit", params=asked)).json()["audit"]
        return [row["action"] for row in audit]

    assert "POST /v3/auth/tokens" in await told()
    assert await told(logins="true") == await told()
    assert await told(logins="false") == [one for one in await told() if one != "POST /v3/auth/tokens"]
