"""Environment variables that are secrets: stored as they are, shown as `***`, and kept when they come back so."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.domain.service import ServiceStatus

pytestmark = pytest.mark.asyncio
SECRET = "s3cret-Value/+"
ENVS = {"KEY": SECRET, "MODE": "a"}


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def created(world: ApiWorld, **more: object) -> tuple[str, dict[str, Any]]:
    sent = entry(await world.model(), **{"envs": ENVS, "secret_envs": ["KEY"], **more})
    body = {"service_name": "s", "infer_type": "real-time", "config": [sent]}
    answer = await world.call("POST", "/v1/p1/services", body)
    assert answer.status_code == 200, answer.text
    service_id = str(answer.json()["service_id"])
    await world.brought(service_id, ServiceStatus.RUNNING)
    return service_id, sent


async def stored_envs(world: ApiWorld, service_id: str) -> dict[str, str]:
    _, revision, _ = await world.stored(service_id)
    (variant,) = revision.variants
    assert variant.raw["envs"] == dict(variant.template.envs)
    return dict(variant.template.envs)


async def test_no_answer_shows_the_value_and_the_model_gets_it(world: ApiWorld) -> None:
    service_id, sent = await created(world)
    assert await stored_envs(world, service_id) == ENVS
    at = f"/v1/p1/services/{service_id}"
    for path in (at, f"{at}/logs", f"{at}/revisions", f"{at}/revisions/1", f"{at}/events", "/v1/p1/services"):
        text = (await world.call("GET", path)).text
        assert SECRET not in text
    (shown,) = (await world.call("GET", at)).json()["config"]
    assert shown["envs"] == {"KEY": "***", "MODE": "a"}
    assert shown["secret_envs"] == ["KEY"]
    plan = await world.call(
        "PUT", f"{at}?dry_run=true", {"config": [{**sent, "envs": {"KEY": "another-one", "MODE": "a"}}]}
    )
    assert plan.json()["config"][0]["fields"]["envs.KEY"] == {"before": "***", "after": "***"}


async def test_an_answer_that_is_sent_back_changes_nothing(world: ApiWorld) -> None:
    service_id, _ = await created(world)
    at = f"/v1/p1/services/{service_id}"
    shown = (await world.call("GET", at)).json()["config"]
    assert (await world.call("PUT", f"{at}?dry_run=true", {"config": shown})).json()["changes"] is False
    newer = {**shown[0], "model_id": await world.model("2.0.0")}
    assert (await world.call("PUT", at, {"config": [newer]})).status_code == 200
    assert await stored_envs(world, service_id) == ENVS


async def test_a_part_that_is_replaced_leaves_the_secret(world: ApiWorld) -> None:
    service_id, _ = await created(world)
    at = f"/v1/p1/services/{service_id}"
    patch = [{"op": "replace", "path": "/config/0/envs/MODE", "value": "b"}]
    assert (await world.call("PATCH", at, patch)).status_code == 200
    assert await stored_envs(world, service_id) == {"KEY": SECRET, "MODE": "b"}


BROKEN: dict[str, tuple[dict[str, object], str]] = {
    "no such variable": ({"secret_envs": ["NONE"]}, "config[0].secret_envs[0]"),
    "nothing is stored": ({"envs": {"KEY": "***"}}, "config[0].envs.KEY"),
    "too short": ({"envs": {"KEY": "abc"}}, "config[0].envs.KEY"),
    "no list": ({"secret_envs": "KEY"}, "config[0].secret_envs"),
    "no text": ({"envs": {"KEY": 12345678901}}, "config[0].envs.KEY"),
}


@pytest.mark.parametrize(("wrong", "field"), BROKEN.values(), ids=BROKEN)
async def test_what_is_refused(world: ApiWorld, wrong: dict[str, object], field: str) -> None:
    sent = entry(await world.model(), **{"envs": ENVS, "secret_envs": ["KEY"], **wrong})
    body = {"service_name": "s", "infer_type": "real-time", "config": [sent]}
    answer = await world.call("POST", "/v1/p1/services", body)
    assert answer.status_code == 400
    assert field in answer.json()["error_msg"]
    assert SECRET not in answer.text
    assert "12345678901" not in answer.text


async def test_a_secret_cannot_become_known_by_leaving_it_out_of_the_list(world: ApiWorld) -> None:
    service_id, _ = await created(world)
    at = f"/v1/p1/services/{service_id}"
    (shown,) = (await world.call("GET", at)).json()["config"]
    answer = await world.call("PUT", at, {"config": [{**shown, "secret_envs": []}]})
    assert answer.status_code == 400
    assert "secret_envs" in answer.json()["error_msg"]
    assert await stored_envs(world, service_id) == ENVS
