"""ETag and If-Match, Idempotency-Key, revisions and going back to one: extensions that nobody needs to know."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.contract.conformance import conforms
from tests.worlds.api import SECOND, ApiWorld, api_world, entry

from modelyard.api.schemas.plans import RevisionPage
from modelyard.domain.service import RolloutState, ServiceStatus
from modelyard.store.base import StoreUnavailableError
from modelyard.store.sql.store import SqlWriting

pytestmark = pytest.mark.asyncio
NAME = "digits-service"
OLD = f"m-{NAME}-1.0.0"
STALE = '"0.0"'


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def etag(world: ApiWorld, service_id: str) -> str:
    return str((await world.call("GET", f"/v1/p1/services/{service_id}")).headers["ETag"])


async def test_every_change_is_another_etag_and_its_answer_has_it(world: ApiWorld) -> None:
    service_id = await world.service()
    first = await etag(world, service_id)
    assert await etag(world, service_id) == first
    changed = await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": "x"})
    assert changed.headers["ETag"] == await etag(world, service_id) != first
    same = await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": "x"})
    assert same.headers["ETag"] == changed.headers["ETag"]


async def test_a_created_service_has_the_etag_that_its_detail_has(world: ApiWorld) -> None:
    body = {"service_name": "s", "infer_type": "real-time", "config": [entry(await world.model())]}
    made = await world.call("POST", "/v1/p1/services", body)
    assert made.headers["ETag"] == await etag(world, made.json()["service_id"])


async def test_an_update_that_was_taken_back_makes_the_etag_stale(world: ApiWorld) -> None:
    """The config is another one again, though nobody asked for it."""
    service_id = await world.service()
    seen = (await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(OLD)]})).headers["ETag"]
    async with world.store.write() as w:
        service = await w.service("p1", service_id)
        assert service is not None
        await w.save_service(replace(service, revision=1))
    assert await etag(world, service_id) != seen


MATCHES = {
    "the same": ("{}", 200),
    "weak": ("W/{}", 200),
    "one of several": ('"9.9", {}', 200),
    "any": ("*", 200),
    "stale": (STALE, 412),
    "weak and stale": (f"W/{STALE}", 412),
    "several stale": (f'{STALE}, "9.9"', 412),
    "not quoted": ("1", 412),
    "empty": ("", 412),
}
CHANGES: dict[str, tuple[str, str, Any]] = {
    "PUT": ("PUT", "", {"description": "x"}),
    "PATCH": ("PATCH", "", [{"op": "replace", "path": "/config/0/instance_count", "value": 2}]),
    "property": (
        "PUT",
        "/property",
        {"changed_property": "instance_count", "configs": [{"model_id": OLD, "changed_value": "2"}]},
    ),
    "rollback": ("POST", "/revisions/1/rollback", None),
    "DELETE": ("DELETE", "", None),
}


@pytest.mark.parametrize("how", MATCHES)
@pytest.mark.parametrize("change", CHANGES)
async def test_if_match(world: ApiWorld, change: str, how: str) -> None:
    (method, path, body), (header, status) = CHANGES[change], MATCHES[how]
    service_id = await world.service()
    before = await world.stored(service_id)
    match = header.format(await etag(world, service_id))
    answer = await world.call(method, f"/v1/p1/services/{service_id}{path}", body, headers={"If-Match": match})
    assert answer.status_code == status, answer.text
    if status == 412:
        assert answer.json()["error_code"] == "ModelArts.0104"
        assert "has changed since you read it" in answer.json()["message"]
        assert await world.stored(service_id) == before


async def test_of_two_who_saw_the_same_one_wins(world: ApiWorld) -> None:
    service_id = await world.service()
    seen = {"If-Match": await etag(world, service_id)}
    answers = await asyncio.gather(
        *(
            world.call("PUT", f"/v1/p1/services/{service_id}", {"description": f"d{i}"}, headers=seen)
            for i in range(4)
        )
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]


async def test_a_key_makes_a_service_once(world: ApiWorld) -> None:
    body = {"service_name": "s", "infer_type": "real-time", "config": [entry(await world.model())]}
    key = {"Idempotency-Key": "k-1"}
    answers = await asyncio.gather(*(world.call("POST", "/v1/p1/services", body, headers=key) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len({answer.headers["ETag"] for answer in answers}) == 1
    assert sorted(answer.headers.get("Idempotent-Replayed", "") for answer in answers) == ["", *["true"] * 4]
    assert (await world.call("GET", "/v1/p1/services")).json()["count"] == 1


async def test_a_key_updates_once_even_when_the_service_went_on(world: ApiWorld) -> None:
    service_id = await world.service()
    path, body, key = f"/v1/p1/services/{service_id}", {"config": [entry(OLD)]}, {"Idempotency-Key": "k"}
    first = await world.call("PUT", path, body, headers={**key, "If-Match": await etag(world, service_id)})
    assert (await world.stored(service_id))[0].revision == 2
    again = await world.call("PUT", path, body, headers={**key, "If-Match": STALE})
    assert (again.status_code, again.json()) == (200, first.json())
    assert (await world.stored(service_id))[0].revision == 2


async def test_another_request_under_the_same_key_is_refused(world: ApiWorld) -> None:
    service_id = await world.service()
    path, key = f"/v1/p1/services/{service_id}", {"Idempotency-Key": "k"}
    assert (await world.call("PUT", path, {"description": "a"}, headers=key)).status_code == 200
    for answer in (
        await world.call("PUT", path, {"description": "b"}, headers=key),
        await world.call("PUT", path, {"description": "a"}, headers=key, user="member"),
        await world.call("POST", f"{path}/revisions/1/rollback", headers=key),
    ):
        assert (answer.status_code, answer.json()["error_code"]) == (409, "ModelArts.0104")
    assert (await world.stored(service_id))[0].description == "a"


async def test_a_refused_request_keeps_its_key_free(world: ApiWorld) -> None:
    service_id = await world.service()
    path, key = f"/v1/p1/services/{service_id}", {"Idempotency-Key": "k"}
    assert (await world.call("PUT", path, {"description": "a<b"}, headers=key)).status_code == 400
    assert (await world.call("PUT", path, {"description": "ab"}, headers=key)).status_code == 200


async def test_a_key_is_forgotten_after_a_day(world: ApiWorld) -> None:
    service_id = await world.service()
    path, key = f"/v1/p1/services/{service_id}", {"Idempotency-Key": "k"}
    await world.call("PUT", path, {"description": "a"}, headers=key)
    world.now += 24 * 3600 * 1000 + 1000
    answer = await world.call("PUT", path, {"description": "b"}, headers=key)
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)


async def test_an_answer_that_cannot_be_kept_leaves_nothing_done(
    world: ApiWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer and the change are one transaction."""

    async def lost(*_: object) -> None:
        raise StoreUnavailableError("the disk is full")

    service_id = await world.service()
    before = await world.stored(service_id)
    path, key = f"/v1/p1/services/{service_id}", {"Idempotency-Key": "k"}
    with monkeypatch.context() as broken:
        broken.setattr(SqlWriting, "save_answer", lost)
        assert (await world.call("PUT", path, {"config": [entry(OLD)]}, headers=key)).status_code == 503
    assert await world.stored(service_id) == before
    assert world.nudges == []
    answer = await world.call("PUT", path, {"config": [entry(OLD)]}, headers=key)
    assert (answer.status_code, "Idempotent-Replayed" in answer.headers) == (200, False)


@pytest.mark.parametrize("key", ["x" * 256, "a\tb", "é"])
async def test_a_key_that_is_none(world: ApiWorld, key: str) -> None:
    service_id = await world.service()
    headers = {"Idempotency-Key": key.encode()}
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "Idempotency-Key")


async def test_a_dry_run_takes_no_key(world: ApiWorld) -> None:
    service_id = await world.service()
    path, key = f"/v1/p1/services/{service_id}", {"Idempotency-Key": "k"}
    assert (await world.call("PUT", f"{path}?dry_run=true", {"description": "a"}, headers=key)).status_code == 200
    assert (await world.call("PUT", path, {"description": "b"}, headers=key)).status_code == 200


async def revised(world: ApiWorld) -> str:
    """Three revisions: the first ran, the second failed, the third is stored for the next start."""
    service_id = await world.service()
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(OLD, instance_count="2")]})
    async with world.store.write() as w:
        (rollout, *_) = await w.rollouts(service_id)
        failed = replace(rollout, state=RolloutState.FAIL, cause="it broke", ended_ms=world.now)
        await w.save_rollout(failed)
        service = await w.service("p1", service_id)
        assert service is not None
        await w.save_service(replace(service, revision=1, status=ServiceStatus.RUNNING))
    await world.brought(service_id, ServiceStatus.STOPPED)
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(OLD, envs={"A": "1"})]})
    return service_id


async def test_revisions_are_listed_newest_first_with_what_became_of_them(world: ApiWorld) -> None:
    service_id = await revised(world)
    listed = await world.call("GET", f"/v1/p1/services/{service_id}/revisions")
    conforms(listed, RevisionPage)
    answer = listed.json()
    assert (answer["total_count"], answer["count"]) == (3, 3)
    shown = [(r["number"], r["state"], r["stable"]) for r in answer["revisions"]]
    assert shown == [(3, "current", False), (2, "failed", False), (1, "stable", True)]
    assert answer["revisions"][1]["error_msg"] == "it broke"
    assert answer["revisions"][1]["config"] == [entry(OLD, instance_count=2)]
    page = (await world.call("GET", f"/v1/p1/services/{service_id}/revisions?offset=1&limit=1")).json()
    assert [r["number"] for r in page["revisions"]] == [2]
    one = (await world.call("GET", f"/v1/p1/services/{service_id}/revisions/2")).json()
    assert one == page["revisions"][0]


@pytest.mark.parametrize("number", ["0", "9", "x", "-1", "1" * 30])
async def test_a_revision_that_is_not_there(world: ApiWorld, number: str) -> None:
    service_id = await world.service()
    for method, path in (("GET", ""), ("POST", "/rollback")):
        answer = await world.call(method, f"/v1/p1/services/{service_id}/revisions/{number}{path}")
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ModelArts.0104")


async def test_going_back_is_a_new_revision_and_a_rollout(world: ApiWorld) -> None:
    service_id = await world.service()
    newer = await world.model("2.0.0", NAME)
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(newer)]})
    path = f"/v1/p1/services/{service_id}/revisions/1/rollback"
    busy = await world.call("POST", path)
    assert (busy.status_code, busy.json()["error_code"]) == (400, "ModelArts.3519")
    await world.brought(service_id, ServiceStatus.RUNNING)
    planned = await world.call("POST", f"{path}?dry_run=true")
    assert planned.json()["config"][0]["fields"]["model"]["after"] == f"{NAME}/1.0.0"
    answer = await world.call("POST", path)
    assert set(answer.json()) == {"update_time", "resource_ids"}
    service, revision, rollouts = await world.stored(service_id)
    assert (service.revision, revision.variants[0].model_id) == (3, OLD)
    assert (rollouts[0].target, rollouts[0].base) == (3, 2)


async def test_going_back_to_what_is_in_use_makes_no_revision(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"/v1/p1/services/{service_id}/revisions/1/rollback"
    await world.brought(service_id, ServiceStatus.RUNNING)
    before = await world.stored(service_id)
    assert (await world.call("POST", path)).json() == {}
    assert await world.stored(service_id) == before
    await world.brought(service_id, ServiceStatus.STOPPED)
    assert (await world.call("POST", path)).json() == {}
    assert (await world.stored(service_id))[0].revision == 1
    await world.brought(service_id, ServiceStatus.FAILED)
    assert "update_time" in (await world.call("POST", path)).json()


async def test_a_model_that_was_deleted_is_named(world: ApiWorld) -> None:
    service_id = await world.service()
    newer = await world.model("2.0.0", NAME)
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(newer)]})
    await world.brought(service_id, ServiceStatus.RUNNING)
    assert (await world.call("DELETE", f"/v1/p1/models/{OLD}")).json()["delete_failed_list"] == []
    answer = await world.call("POST", f"/v1/p1/services/{service_id}/revisions/1/rollback")
    assert (answer.status_code, answer.json()["error_code"]) == (404, "ModelArts.3507")
    assert OLD in answer.json()["message"]


async def test_another_project_sees_no_revision(world: ApiWorld) -> None:
    service_id = await world.service()
    for method, path in (("GET", ""), ("GET", "/1"), ("POST", "/1/rollback")):
        url = f"/v1/p2/services/{service_id}/revisions{path}"
        answer = await world.call(method, url, user="other", project=SECOND)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ModelArts.3502")
    reader = await world.call("POST", f"/v1/p1/services/{service_id}/revisions/1/rollback", user="reader")
    assert reader.status_code == 403
