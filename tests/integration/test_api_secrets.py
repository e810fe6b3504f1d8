"""Secrets of a project over HTTP, and the services that have them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import FIRST, SECOND, ApiWorld, api_world, entry

from modelyard.core.secrets import masker
from modelyard.domain.secrets import SecretFile
from modelyard.domain.service import ServiceStatus

SECRETS, SERVICES = "/v1/p1/secrets", "/v1/p1/services"
VALUE = "s3cret-Value/+"
KEY = [{"secretId": "key", "mouthPath": "/run/secrets/key"}]


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        context = replace(made.deps.context, mountable=True, occupied=("/opt/venv",))
        made.app.state.deps = replace(made.deps, context=context)
        yield made


async def saved(world: ApiWorld, name: str = "key", value: str = VALUE) -> Any:
    answer = await world.call("PUT", f"{SECRETS}/{name}", {"value": value})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def created(world: ApiWorld, **more: object) -> str:
    body = {"service_name": "s", "infer_type": "real-time", "config": [entry(await world.model())], **more}
    answer = await world.call("POST", SERVICES, body)
    assert answer.status_code == 200, answer.text
    service_id = str(answer.json()["service_id"])
    await world.brought(service_id, ServiceStatus.RUNNING)
    return service_id


async def files(world: ApiWorld, service_id: str) -> list[tuple[str, int, str, str]]:
    _, revision, _ = await world.stored(service_id)
    (variant,) = revision.variants
    return [(one.name, one.version, one.path, one.value.reveal()) for one in variant.template.secrets]


async def put(world: ApiWorld, service_id: str, body: dict[str, Any]) -> Any:
    answer = await world.call("PUT", f"{SERVICES}/{service_id}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def fields(answer: Any) -> list[str]:
    assert answer.status_code == 400, answer.text
    return [detail["field"] for detail in answer.json()["details"]]


async def test_from_its_first_word_to_its_last(world: ApiWorld) -> None:
    first = await saved(world)
    assert first == {"secret_id": "key", "version": 1, "changed_at": first["changed_at"]}
    assert await saved(world) == first
    second = await saved(world, value="another one")
    assert (second["version"], second["changed_at"] > first["changed_at"]) == (2, True)
    listed = await world.call("GET", SECRETS)
    assert listed.json() == {"total_count": 1, "count": 1, "secrets": [{**second, "services": []}]}
    assert (await world.call("DELETE", f"{SECRETS}/key")).json() == {}
    assert (await world.call("DELETE", f"{SECRETS}/key")).status_code == 404
    assert (await world.call("GET", SECRETS)).json()["secrets"] == []


async def test_a_service_has_what_it_asked_for_and_nobody_is_told(world: ApiWorld) -> None:
    await saved(world)
    service_id = await created(world, service_secrets=KEY)
    assert await files(world, service_id) == [("key", 1, "/run/secrets/key", VALUE)]
    at = f"{SERVICES}/{service_id}"
    shown = await world.call("GET", at)
    assert shown.json()["service_secrets"] == [{**KEY[0], "version": 1}]
    for path in (at, f"{at}/logs", f"{at}/revisions", f"{at}/revisions/1", f"{at}/events", SERVICES, SECRETS):
        assert VALUE not in (await world.call("GET", path)).text
    _, revision, _ = await world.stored(service_id)
    assert masker([revision]).text(f"it is {VALUE}!") == "it is ***!"
    assert (await world.call("GET", SECRETS)).json()["secrets"][0]["services"] == ["s"]


async def test_what_is_sent_back_changes_nothing(world: ApiWorld) -> None:
    await saved(world)
    service_id = await created(world, service_secrets=KEY)
    shown = (await world.call("GET", f"{SERVICES}/{service_id}")).json()["service_secrets"]
    assert await put(world, service_id, {"service_secrets": shown}) == {}
    assert await put(world, service_id, {"description": "x"}) == {}
    assert (await world.stored(service_id))[0].revision == 1


async def test_another_value_reaches_it_with_its_next_change(world: ApiWorld) -> None:
    await saved(world)
    service_id = await created(world, service_secrets=KEY)
    before = (await world.stored(service_id))[1].variants[0]
    await saved(world, value="another one")
    assert await files(world, service_id) == [("key", 1, "/run/secrets/key", VALUE)]
    plan = await world.call("PUT", f"{SERVICES}/{service_id}?dry_run=true", {"service_secrets": KEY})
    assert plan.json()["config"][0]["fields"] == {
        "service_secrets.key": {
            "before": "version 1 at /run/secrets/key",
            "after": "version 2 at /run/secrets/key",
        }
    }
    assert "update_time" in await put(world, service_id, {"service_secrets": KEY})
    after = (await world.stored(service_id))[1].variants[0]
    assert after.template.hash != before.template.hash
    assert replace(after, template=before.template) == before
    assert await files(world, service_id) == [("key", 2, "/run/secrets/key", "another one")]
    await world.brought(service_id, ServiceStatus.RUNNING)
    await saved(world, value="a third one")
    await put(world, service_id, {"config": [dict(after.raw)]})
    assert await files(world, service_id) == [("key", 3, "/run/secrets/key", "a third one")]


async def test_they_are_taken_away_and_replaced(world: ApiWorld) -> None:
    await saved(world)
    await saved(world, "other", "of another")
    service_id = await created(world, service_secrets=KEY)
    await put(world, service_id, {"service_secrets": [{"secretId": "other", "mouthPath": "//home/./x"}]})
    assert await files(world, service_id) == [("other", 1, "/home/x", "of another")]
    await world.brought(service_id, ServiceStatus.RUNNING)
    await put(world, service_id, {"service_secrets": []})
    assert await files(world, service_id) == []
    assert "service_secrets" not in (await world.call("GET", f"{SERVICES}/{service_id}")).json()


async def test_a_stopped_service_keeps_them_for_its_next_start(world: ApiWorld) -> None:
    await saved(world)
    service_id = await created(world)
    await put(world, service_id, {"status": "stopped"})
    await world.brought(service_id, ServiceStatus.STOPPED)
    assert await put(world, service_id, {"service_secrets": KEY}) == {}
    assert await files(world, service_id) == [("key", 1, "/run/secrets/key", VALUE)]
    start = await world.call("PUT", f"{SERVICES}/{service_id}", {"status": "running", "service_secrets": []})
    assert fields(start) == ["service_secrets"]
    await put(world, service_id, {"status": "running", "service_secrets": KEY})


async def test_going_back_finds_the_secrets_as_they_were(world: ApiWorld) -> None:
    """Also one whose value was changed since, and where they were taken away."""
    await saved(world)
    service_id = await created(world, service_secrets=KEY)
    await saved(world, value="another value")
    answer = await world.call("PUT", f"{SERVICES}/{service_id}", {"service_secrets": []})
    assert answer.status_code == 200, answer.text
    await world.brought(service_id, ServiceStatus.RUNNING)
    assert await files(world, service_id) == []
    answer = await world.call("POST", f"{SERVICES}/{service_id}/revisions/1/rollback")
    assert answer.status_code == 200, answer.text
    await world.brought(service_id, ServiceStatus.RUNNING)
    assert await files(world, service_id) == [("key", 1, "/run/secrets/key", VALUE)]


async def test_a_value_of_another_type_is_not_told_back(world: ApiWorld) -> None:
    answer = await world.call("PUT", f"{SECRETS}/key", {"value": 48151623})
    assert answer.status_code == 400
    assert "48151623" not in answer.text


async def test_one_in_use_is_not_deleted(world: ApiWorld) -> None:
    await saved(world)
    service_id = await created(world, service_secrets=KEY)
    refused = await world.call("DELETE", f"{SECRETS}/key")
    assert (refused.status_code, "service s" in refused.json()["error_msg"]) == (400, True)
    await put(world, service_id, {"service_secrets": []})
    await world.brought(service_id, ServiceStatus.RUNNING)
    assert (await world.call("DELETE", f"{SECRETS}/key")).status_code == 200


WRONG: dict[str, tuple[list[dict[str, Any]], list[str]]] = {
    "unknown": ([{"secretId": "none", "mouthPath": "/run/x"}], ["service_secrets[0].secretId"]),
    "of another project": ([{"secretId": "theirs", "mouthPath": "/run/x"}], ["service_secrets[0].secretId"]),
    "no path": ([{"secretId": "key"}], ["service_secrets[0].mouthPath"]),
    "no secret": ([{"mouthPath": "/run/x"}], ["service_secrets[0].secretId"]),
    "relative": ([{"secretId": "key", "mouthPath": "run/x"}], ["service_secrets[0].mouthPath"]),
    "dots": ([{"secretId": "key", "mouthPath": "/run/../etc/x"}], ["service_secrets[0].mouthPath"]),
    "the root": ([{"secretId": "key", "mouthPath": "/"}], ["service_secrets[0].mouthPath"]),
    "a directory": ([{"secretId": "key", "mouthPath": "/run/x/"}], ["service_secrets[0].mouthPath"]),
    "in a system directory": ([{"secretId": "key", "mouthPath": "//etc/x"}], ["service_secrets[0].mouthPath"]),
    "what instances need": ([{"secretId": "key", "mouthPath": "/opt/venv/x"}], ["service_secrets[0].mouthPath"]),
    "twice": ([*KEY, *KEY], ["service_secrets[1].mouthPath"]),
    "in another": (
        [*KEY, {"secretId": "key", "mouthPath": "/run/secrets/key/x"}],
        ["service_secrets[1].mouthPath"],
    ),
    "too many": (
        [{"secretId": "key", "mouthPath": f"/run/{n}"} for n in range(17)],
        ["service_secrets"],
    ),
}


@pytest.mark.parametrize(("asked", "wrong"), WRONG.values(), ids=WRONG)
async def test_bad_requests_are_named_and_change_nothing(
    world: ApiWorld, asked: list[dict[str, Any]], wrong: list[str]
) -> None:
    await saved(world)
    theirs = await world.call("PUT", "/v1/p2/secrets/theirs", {"value": VALUE}, user="other", project=SECOND)
    assert theirs.status_code == 200
    service_id = await created(world)
    assert fields(await world.call("PUT", f"{SERVICES}/{service_id}", {"service_secrets": asked})) == wrong
    body = {"service_name": "t", "infer_type": "real-time", "service_secrets": asked}
    sent = {**body, "config": [entry(await world.model("2.0.0"))]}
    assert fields(await world.call("POST", SERVICES, sent)) == wrong
    assert (await world.stored(service_id))[0].revision == 1


async def test_where_instances_have_no_view_only_images_have_secrets(world: ApiWorld) -> None:
    context = replace(world.deps.context, mountable=False, unmountable="only root may")
    world.app.state.deps = replace(world.deps, context=context)
    await saved(world)
    service_id = await created(world)
    refused = await world.call("PUT", f"{SERVICES}/{service_id}", {"service_secrets": KEY})
    assert fields(refused) == ["service_secrets[0]"]
    assert "only root may" in refused.text


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("-x", {"value": VALUE}, "name"),
        ("a b", {"value": VALUE}, "name"),
        ("x" * 65, {"value": VALUE}, "name"),
        ("key", {}, "value"),
        ("key", {"value": "abc"}, "value"),
        ("key", {"value": "x" * 32769}, "value"),
    ],
)
async def test_bad_secrets_are_named_and_change_nothing(
    world: ApiWorld, name: str, body: dict[str, str], field: str
) -> None:
    answer = await world.call("PUT", f"{SECRETS}/{name}", body)
    assert fields(answer) == [field]
    assert "x" * 100 not in answer.text
    assert (await world.call("GET", SECRETS)).json()["count"] == 0


async def test_readers_and_neighbours_see_nothing(world: ApiWorld) -> None:
    await saved(world)
    for user, project in (("reader", FIRST), ("invoker", FIRST), ("other", SECOND)):
        for method, path in (("GET", SECRETS), ("PUT", f"{SECRETS}/key"), ("DELETE", f"{SECRETS}/key")):
            body = {"value": VALUE} if method == "PUT" else None
            answer = await world.call(method, path, body, user=user, project=project)
            assert answer.status_code == 403, (user, method)


async def test_a_project_has_not_more_than_so_many(world: ApiWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelyard.operations.secrets.MOST_SECRETS", 1)
    await saved(world, "one")
    await saved(world, "one", "again")
    assert fields(await world.call("PUT", f"{SECRETS}/two", {"value": VALUE})) == ["name"]


def test_where_a_secret_lies_and_its_version_make_another_template() -> None:
    from modelyard.domain.revision import Template

    plain = Template("m", "d", "s")
    made = {
        replace(plain, secrets=(SecretFile(name, version, path),)).hash
        for name, version, path in (("a", 1, "/a"), ("a", 2, "/a"), ("a", 1, "/b"), ("b", 1, "/a"))
    }
    assert len({*made, plain.hash}) == 5
