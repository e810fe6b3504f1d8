"""Trying again under a name: what failed before it came to be gives the name back, everything else keeps it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.domain.model import ModelStatus
from modelyard.domain.service import Desired, RolloutState, ServiceStatus

PATH = "/v1/p1/services"
BODY = {"service_name": "again", "infer_type": "real-time", "config": [entry("m-digits-1.0.0")]}
MODEL = {
    **{"model_name": "digits", "model_version": "1.0.0", "model_type": "Scikit_Learn"},
    "source_location": "obs://models/digits",
}


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def ended(world: ApiWorld, service_id: str, **more: Any) -> None:
    """The first deployment is over, and failed unless `more` says otherwise."""
    async with world.store.write() as w:
        service = await w.service(None, service_id)
        assert service is not None
        for rollout in await w.rollouts(service_id):
            await w.save_rollout(replace(rollout, state=RolloutState.FAIL, cause="crashed", ended_ms=world.now))
        failed: dict[str, Any] = {"status": ServiceStatus.FAILED, "failed": True, "error": "crashed", **more}
        await w.save_service(replace(service, **failed))


async def created(world: ApiWorld) -> str:
    await world.model()
    return str((await world.call("POST", PATH, BODY)).json()["service_id"])


async def test_a_service_whose_first_deployment_failed_is_created_again(world: ApiWorld) -> None:
    first = await created(world)
    await ended(world, first)
    world.nudges.clear()
    plan = (await world.call("POST", f"{PATH}?dry_run=true", BODY)).json()
    assert (plan["creates"], (await world.call("GET", f"{PATH}/{first}")).status_code) == (True, 200)
    second = (await world.call("POST", PATH, BODY)).json()["service_id"]
    assert second != first
    assert (await world.call("GET", f"{PATH}/{first}")).status_code == 404
    assert (await world.call("GET", PATH)).json()["total_count"] == 1
    assert {("service", first), ("service", second)} <= set(world.nudges)


async def test_the_last_one_that_a_quota_allows_is_created_again(world: ApiWorld) -> None:
    async with world.store.write() as w:
        await w.save_quota("p1", "real_time_services", 1)
    await ended(world, await created(world))
    assert (await world.call("POST", PATH, BODY)).status_code == 200
    assert (await world.call("POST", PATH, {**BODY, "service_name": "other"})).json()[
        "error_code"
    ] == "ModelArts.3520"


async def test_a_request_that_is_refused_replaces_nothing(world: ApiWorld) -> None:
    first = await created(world)
    await ended(world, first)
    assert (await world.call("POST", PATH, {**BODY, "config": []})).status_code == 400
    assert (await world.call("GET", f"{PATH}/{first}")).json()["status"] == "failed"


KEPT: dict[str, dict[str, Any]] = {
    "running": {"status": ServiceStatus.RUNNING, "failed": False, "stable": 1},
    "failed after it ran": {"stable": 1},
    "deploying": {"status": ServiceStatus.DEPLOYING, "failed": False},
    "stopped": {"status": ServiceStatus.STOPPED, "desired": Desired.STOPPED, "failed": False},
}


@pytest.mark.parametrize("more", KEPT.values(), ids=KEPT.keys())
async def test_any_other_service_keeps_its_name_and_the_refusal_says_how_to_change_it(
    world: ApiWorld, more: dict[str, Any]
) -> None:
    first = await created(world)
    await ended(world, first, **more)
    answer = await world.call("POST", PATH, BODY)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "ModelArts.3503")
    assert f"PUT {PATH}/{first} (modelyard services update again)" in answer.json()["error_msg"]
    assert (await world.call("GET", f"{PATH}/{first}")).status_code == 200


async def test_one_that_is_being_deleted_is_waited_for(world: ApiWorld) -> None:
    first = await created(world)
    await world.call("DELETE", f"{PATH}/{first}")
    assert "It is being deleted" in (await world.call("POST", PATH, BODY)).json()["error_msg"]


async def test_nobody_replaces_what_they_may_not_delete(world: ApiWorld) -> None:
    first = await created(world)
    await ended(world, first)
    assert (await world.call("POST", PATH, BODY, user="member")).status_code == 409
    assert (await world.call("GET", f"{PATH}/{first}")).status_code == 200


async def test_of_two_who_create_again_at_once_one_does(world: ApiWorld) -> None:
    await ended(world, await created(world))
    answers = await asyncio.gather(*(world.call("POST", PATH, BODY) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]


async def test_a_version_that_failed_is_published_again(world: ApiWorld) -> None:
    first = await world.model(status=ModelStatus.FAILED, error="no model file")
    answers = await asyncio.gather(*(world.call("POST", "/v1/p1/models", MODEL) for _ in range(4)))
    assert sorted(a.status_code for a in answers) == [200, 409, 409, 409]
    second = next(a.json()["model_id"] for a in answers if a.status_code == 200)
    assert {a.json()["error_msg"].split(". ")[1] for a in answers if a.status_code == 409} == {
        "It is being published: wait until that is done."
    }
    assert (await world.call("GET", f"/v1/p1/models/{second}")).json()["model_status"] == "publishing"
    assert (await world.call("GET", f"/v1/p1/models/{first}")).status_code == 404
    assert (await world.call("GET", "/v1/p1/models")).json()["total_count"] == 1


async def test_a_published_version_keeps_its_name(world: ApiWorld) -> None:
    first = await world.model()
    answer = await world.call("POST", "/v1/p1/models", MODEL)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "ModelArts.3002")
    assert "Publish another version, or delete this one first." in answer.json()["error_msg"]
    assert (await world.call("GET", f"/v1/p1/models/{first}")).status_code == 200


async def test_another_projects_failed_version_is_not_touched(world: ApiWorld) -> None:
    theirs = await world.model(project="p2", status=ModelStatus.FAILED)
    assert (await world.call("POST", "/v1/p1/models", MODEL)).status_code == 200
    async with world.store.read() as r:
        assert await r.model("p2", theirs) is not None
