"""Services over HTTP: what is stored afterwards, and what is answered."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world, entry

from modelyard.domain.service import Desired, RolloutKind, RolloutState, ServiceStatus

pytestmark = pytest.mark.asyncio
S = ServiceStatus


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def test_create_stores_what_is_wanted_and_says_deploying_at_once(world: ApiWorld) -> None:
    model = await world.model()
    sent = entry(model, weight="100", envs={"A": "1"}, additional_properties={"max_surge": "0.5"})
    body = {"service_name": "s", "infer_type": "real-time", "config": [sent]}
    answer = await world.call("POST", "/v1/p1/services", body)
    assert answer.status_code == 200
    assert set(answer.json()) == {"service_id", "resource_ids"}
    service_id = answer.json()["service_id"]
    service, revision, rollouts = await world.stored(service_id)
    assert (service.desired, service.status, service.revision) == (Desired.RUNNING, S.DEPLOYING, 1)
    (variant,) = revision.variants
    assert (variant.track, variant.weight, variant.budget.max_surge) == (1, 100, 0.5)
    assert [(r.kind, r.target, r.base) for r in rollouts] == [(RolloutKind.DEPLOY, 1, None)]
    assert world.nudges == [("service", service_id)]
    detail = (await world.call("GET", f"/v1/p1/services/{service_id}")).json()
    assert detail["status"] == "deploying"
    assert detail["progress"] == 0
    assert detail["access_address"] == f"http://gateway:8080/v1/infers/{service_id}"
    (shown,) = detail["config"]
    assert {**sent, "weight": 100, "additional_properties": {"max_surge": 0.5}}.items() <= shown.items()
    assert list(shown)[: len(sent)] == list(sent)
    assert (shown["model_name"], shown["model_version"], shown["status"]) == ("digits", "1.0.0", "deploying")
    assert None not in detail.values()


def seed_example(model: str) -> dict[str, Any]:
    config = {"model_id": model, "weight": "100", "specification": "modelarts.vm.cpu.2u", "instance_count": 1}
    return {"description": "", "status": "running", "config": [config]}


async def test_the_seed_example_updates_a_running_service(world: ApiWorld) -> None:
    service_id, model = await world.service(), await world.model("2.0.0", "digits-service")
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", seed_example(model))
    assert answer.status_code == 200
    assert set(answer.json()) == {"update_time", "resource_ids"}
    service, revision, rollouts = await world.stored(service_id)
    assert (service.revision, service.version, service.status) == (2, 2, S.DEPLOYING)
    assert [(v.model_id, v.track) for v in revision.variants] == [(model, 1)]
    assert (rollouts[0].kind, rollouts[0].target, rollouts[0].base) == (RolloutKind.UPDATE, 2, 1)
    assert rollouts[0].started_ms == answer.json()["update_time"]
    assert world.nudges == [("service", service_id)]


async def test_the_seed_example_starts_a_stopped_service(world: ApiWorld) -> None:
    service_id, model = await world.service(S.STOPPED), await world.model("2.0.0", "digits-service")
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", seed_example(model))
    assert (answer.status_code, answer.json()) == (200, {})
    service, _, rollouts = await world.stored(service_id)
    assert (service.desired, service.revision, service.status) == (Desired.RUNNING, 1, S.DEPLOYING)
    assert (rollouts[0].kind, rollouts[0].target, rollouts[0].base) == (RolloutKind.START, 1, None)
    events = (await world.call("GET", f"/v1/p1/services/{service_id}/events")).json()
    assert any("config ignored" in event["event_info"] for event in events["events"])


async def test_stop_cancels_the_rollout(world: ApiWorld) -> None:
    service_id = await world.service(S.DEPLOYING)
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"status": "stopped"})
    assert (answer.status_code, answer.json()) == (200, {})
    service, _, rollouts = await world.stored(service_id)
    assert (service.desired, service.status, service.version) == (Desired.STOPPED, S.STOPPING, 2)
    assert [(r.state, r.cause) for r in rollouts] == [(RolloutState.CANCELLED, "the service was stopped")]


async def test_a_stopped_service_keeps_a_config_for_its_next_start(world: ApiWorld) -> None:
    service_id = await world.service(S.STOPPED)
    config = [entry("m-digits-service-1.0.0", instance_count=3)]
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": config})
    assert (answer.status_code, answer.json()) == (200, {})
    service, revision, rollouts = await world.stored(service_id)
    assert (service.status, service.desired, service.revision, service.stable) == (
        S.STOPPED,
        Desired.STOPPED,
        2,
        1,
    )
    assert revision.variants[0].instance_count == 3
    assert len(rollouts) == 1
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"status": "running"})
    _, _, rollouts = await world.stored(service_id)
    assert (rollouts[0].kind, rollouts[0].target, rollouts[0].base) == (RolloutKind.START, 2, 1)


async def test_a_description_alone_is_no_rollout(world: ApiWorld) -> None:
    service_id = await world.service(S.DEPLOYING)
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": "new"})
    assert (answer.status_code, answer.json()) == (200, {})
    service, _, rollouts = await world.stored(service_id)
    assert (service.description, service.version, service.revision, len(rollouts)) == ("new", 2, 1, 1)
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": ""})
    assert (await world.stored(service_id))[0].description == ""
    before = await world.stored(service_id)
    assert (await world.call("PUT", f"/v1/p1/services/{service_id}", {})).json() == {}
    assert await world.stored(service_id) == before


MODEL = "m-digits-service-1.0.0"
VOLUME = {"host_path": "/x", "mount_path": "/y"}
BAD_FIELDS: dict[str, tuple[dict[str, Any], str, int, str]] = {
    "description-long": ({"description": "x" * 101}, "description", 400, "0104"),
    "description-char": ({"description": "a<b"}, "description", 400, "0104"),
    "description-type": ({"description": 5}, "description", 400, "0104"),
    "status-word": ({"status": "paused"}, "status", 400, "0104"),
    "config-empty": ({"config": []}, "config", 400, "0104"),
    "config-type": ({"config": {}}, "config", 400, "0104"),
    "entry-type": ({"config": [7]}, "config[0]", 400, "0104"),
    "model-missing": ({"config": [{**entry(MODEL), "model_id": None}]}, "config[0].model_id", 400, "0104"),
    "model-unknown": ({"config": [entry("nope")]}, "config[0].model_id", 404, "3507"),
    "weight-range": ({"config": [entry(MODEL, weight=101)]}, "config[0].weight", 400, "0104"),
    "weight-text": ({"config": [entry(MODEL, weight="many")]}, "config[0].weight", 400, "0104"),
    "weight-bool": ({"config": [entry(MODEL, weight=True)]}, "config[0].weight", 400, "0104"),
    "weight-sum": ({"config": [entry(MODEL, weight=99)]}, "config", 400, "0104"),
    "weight-missing": ({"config": [entry(MODEL, weight=None)]}, "config[0].weight", 400, "0104"),
    "same-version": ({"config": [entry(MODEL, weight=50)] * 2}, "config[1].model_id", 400, "3516"),
    "specification": ({"config": [entry(MODEL, specification="x")]}, "config[0].specification", 400, "0104"),
    "instances-zero": ({"config": [entry(MODEL, instance_count=0)]}, "config[0].instance_count", 400, "0104"),
    "instances-quota": ({"config": [entry(MODEL, instance_count=6)]}, "config[0].instance_count", 400, "3522"),
    "instances-float": ({"config": [entry(MODEL, instance_count=1.5)]}, "config[0].instance_count", 400, "0104"),
    "instances-huge": ({"config": [entry(MODEL, instance_count=10**30)]}, "config[0].instance_count", 400, "0104"),
    "envs-type": ({"config": [entry(MODEL, envs={"A": 1})]}, "config[0].envs.A", 400, "0104"),
    "envs-name": ({"config": [entry(MODEL, envs={"A=B": "1"})]}, "config[0].envs", 400, "0104"),
    "timeout": (
        {"config": [entry(MODEL, deploy_timeout_in_seconds=0)]},
        "config[0].deploy_timeout_in_seconds",
        400,
        "0104",
    ),
    "surge": (
        {"config": [entry(MODEL, additional_properties={"max_surge": 0})]},
        "config[0].additional_properties.max_surge",
        400,
        "0104",
    ),
    "unavailable": (
        {"config": [entry(MODEL, additional_properties={"x": {"max_unavailable": 1.5}})]},
        "config[0].additional_properties.max_unavailable",
        400,
        "0104",
    ),
    "grace": (
        {"config": [entry(MODEL, additional_properties={"termination_grace_period_seconds": -1})]},
        "config[0].additional_properties.termination_grace_period_seconds",
        400,
        "0104",
    ),
    "schedule": ({"description": "x", "schedule": [{"type": "stop"}]}, "schedule[0].duration", 400, "0104"),
    "of-edge": ({"config": [entry(MODEL, nodes=["n"])]}, "config[0].nodes", 400, "0104"),
    "log-volume": (
        {"config": [entry(MODEL, additional_properties={"log_volume": [VOLUME]})]},
        "config[0].additional_properties.log_volume[0]",
        400,
        "0104",
    ),
}


@pytest.mark.parametrize(("body", "field", "status", "code"), BAD_FIELDS.values(), ids=BAD_FIELDS.keys())
async def test_a_bad_field_is_named_and_changes_nothing(
    world: ApiWorld, body: dict[str, Any], field: str, status: int, code: str
) -> None:
    service_id = await world.service()
    before = await world.stored(service_id)
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"description": "other", **body})
    error = answer.json()
    assert (answer.status_code, error["error_code"]) == (status, f"ModelArts.{code}"), error
    assert field in [detail["field"] for detail in error["details"]], error
    assert field in error["error_msg"]
    assert error["message"] == error["error_msg"]
    assert answer.headers["x-request-id"] in answer.headers["x-openstack-request-id"]
    assert await world.stored(service_id) == before
    assert world.nudges == []


async def test_every_error_is_in_one_answer_and_none_twice(world: ApiWorld) -> None:
    service_id = await world.service()
    body = {
        "description": "<",
        "status": 1,
        "schedule": [1],
        "config": [{"model_id": 1, "weight": "x"}, entry("nope", instance_count=99)],
    }
    error = (await world.call("PUT", f"/v1/p1/services/{service_id}", body)).json()
    assert sorted(detail["field"] for detail in error["details"]) == [
        "config[0].instance_count",
        "config[0].model_id",
        "config[0].specification",
        "config[0].weight",
        "config[1].instance_count",
        "config[1].model_id",
        "description",
        "schedule[0]",
        "status",
    ]


async def test_unknown_keys_are_ignored_and_named(world: ApiWorld) -> None:
    service_id = await world.service()
    body = {"description": "d", "färbe": 1, "config": [entry(MODEL, colour="blue")]}
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}?verbose=1", body)
    assert answer.status_code == 200
    named = set(answer.headers["x-modelyard-ignored"].split(", "))
    assert named == {"verbose", "f%C3%A4rbe", "config[0].colour"}
    assert "colour" not in (await world.stored(service_id))[1].variants[0].raw


async def test_who_may_do_what(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"/v1/p1/services/{service_id}"

    async def code(method: str, user: str, body: Any = None, **more: Any) -> tuple[int, str]:
        answer = await world.call(method, path, body, user=user, **more)
        return answer.status_code, str(answer.json().get("error_code", ""))

    before = await world.stored(service_id)
    change = {"description": "x"}
    assert await code("PUT", "reader", change) == (403, "ModelArts.0108")
    assert await code("PUT", "invoker", change) == (403, "ModelArts.0108")
    assert await code("GET", "invoker") == (403, "ModelArts.0108")
    assert await code("GET", "reader") == (200, "")
    assert await code("PUT", "other", change, project=SECOND) == (403, "ModelArts.0210")
    assert await code("PUT", "member", change) == (400, "ModelArts.3540")
    assert await code("DELETE", "member") == (400, "ModelArts.3540")
    assert await world.stored(service_id) == before
    theirs = await world.call("GET", f"/v1/p2/services/{service_id}", user="other", project=SECOND)
    assert (theirs.status_code, theirs.json()["error_code"]) == (404, "ModelArts.3502")


async def test_unknown_services_are_404(world: ApiWorld) -> None:
    for method, path, body in (
        ("GET", "nope", None),
        ("PUT", "nope", {"description": "x"}),
        ("DELETE", "nope", None),
        ("GET", "nope/events", None),
        ("GET", "nope/logs", None),
        ("GET", "%00", None),
    ):
        answer = await world.call(method, f"/v1/p1/services/{path}", body)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ModelArts.3502"), (method, path)


async def test_a_taken_name_is_409(world: ApiWorld) -> None:
    await world.service()
    body = {"service_name": "digits-service", "infer_type": "real-time", "config": [entry(MODEL)]}
    answer = await world.call("POST", "/v1/p1/services", body)
    assert (answer.status_code, answer.json()["error_code"]) == (409, "ModelArts.3503")


async def test_create_names_every_bad_field(world: ApiWorld) -> None:
    body = {"service_name": "", "infer_type": "edge", "workspace_id": 7, "description": ">", "vpc_id": "v"}
    error = (await world.call("POST", "/v1/p1/services", body)).json()
    assert {d["field"] for d in error["details"]} == {
        "service_name",
        "infer_type",
        "workspace_id",
        "description",
        "vpc_id",
        "config",
    }
    async with world.store.read() as r:
        assert await r.service_ids() == []


async def test_the_quota_of_services(world: ApiWorld) -> None:
    for n in range(20):
        await world.service(name=f"s{n}")
    body = {"service_name": "one-more", "infer_type": "real-time", "config": [entry("m-s0-1.0.0")]}
    answer = await world.call("POST", "/v1/p1/services", body)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ModelArts.3520")


async def test_delete_is_all_or_nothing_and_ends_in_deleting(world: ApiWorld) -> None:
    one, two = await world.service(name="a"), await world.service(S.DEPLOYING, name="b")
    before = await world.stored(one)
    assert (await world.call("DELETE", f"/v1/p1/services/{one},nope")).status_code == 404
    assert await world.stored(one) == before
    answer = await world.call("DELETE", f"/v1/p1/services/{one},{two}")
    assert (answer.status_code, answer.json()) == (200, {})
    for service_id in (one, two):
        service, _, rollouts = await world.stored(service_id)
        assert (service.desired, service.status) == (Desired.DELETED, S.DELETING)
        assert not any(r.active for r in rollouts)
    assert world.nudges == [("service", one), ("service", two)]
    refused = await world.call("PUT", f"/v1/p1/services/{one}", {"description": "x"})
    assert (refused.status_code, refused.json()["error_code"]) == (400, "ModelArts.3519")


async def test_lists_have_pages_by_index(world: ApiWorld) -> None:
    ids = [await world.service(name=f"s{n}") for n in range(5)]
    answer = (await world.call("GET", "/v1/p1/services?offset=1&limit=2&sort_by=service_name&order=asc")).json()
    assert (answer["total_count"], answer["count"]) == (5, 2)
    assert [s["service_id"] for s in answer["services"]] == ids[2:4]
    assert "config" not in answer["services"][0]
    assert [key for key, value in answer.items() if isinstance(value, list)] == ["services"]
    nul = await world.call("GET", "/v1/p1/services?service_name=%00")
    assert (nul.status_code, nul.json()["details"][0]["field"]) == (400, "service_name")
    bad = await world.call("GET", "/v1/p1/services?offset=-1&limit=x&order=up")
    assert {d["field"] for d in bad.json()["details"]} == {"offset", "limit", "order"}


async def test_update_records(world: ApiWorld) -> None:
    service_id = await world.service()
    done = await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(MODEL, instance_count=2)]})
    when = done.json()["update_time"]
    answer = (await world.call("GET", f"/v1/p1/services/{service_id}/logs?update_time={when}")).json()
    (record,) = answer["logs"]
    assert (record["update_time"], record["result"], record["config"][0]["instance_count"]) == (when, "RUNNING", 2)
    everything = (await world.call("GET", f"/v1/p1/services/{service_id}/logs")).json()
    assert [r["result"] for r in everything["logs"]] == ["RUNNING", "SUCCESS"]


async def test_of_two_configs_at_once_one_is_accepted(world: ApiWorld) -> None:
    service_id = await world.service()
    puts = [
        world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(MODEL, instance_count=n)]})
        for n in (1, 2, 3, 4)
    ]
    answers = await asyncio.gather(*puts)
    assert sorted(answer.status_code for answer in answers) == [200, 400, 400, 400]
    assert {a.json()["error_code"] for a in answers if a.status_code == 400} == {"ModelArts.3519"}
    service, _, rollouts = await world.stored(service_id)
    assert (service.revision, service.version, sum(r.active for r in rollouts)) == (2, 2, 1)


async def test_stopping_a_rollback_leaves_the_revision_that_worked(world: ApiWorld) -> None:
    service_id = await world.service()
    await world.call("PUT", f"/v1/p1/services/{service_id}", {"config": [entry(MODEL, instance_count=2)]})
    _, _, rollouts = await world.stored(service_id)
    async with world.store.write() as w:
        await w.save_rollout(replace(rollouts[0], state=RolloutState.ROLLING_BACK, cause="it crashed"))
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"status": "stopped"})
    assert answer.status_code == 200
    service, _, rollouts = await world.stored(service_id)
    assert (service.desired, service.revision) == (Desired.STOPPED, 1)
    assert (rollouts[0].state, rollouts[0].cause) == (RolloutState.FAIL, "it crashed")


async def test_a_config_takes_the_place_of_a_rollout_that_waits_for_room(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"/v1/p1/services/{service_id}"
    await world.call("PUT", path, {"config": [entry(MODEL, instance_count=5)]})
    await world.brought(service_id, S.WAITING)
    assert (await world.call("PUT", path, {"config": [entry(MODEL, instance_count=2)]})).status_code == 200
    service, _, rollouts = await world.stored(service_id)
    assert (service.revision, service.status) == (3, S.DEPLOYING)
    assert [(r.target, r.base, r.state) for r in rollouts] == [
        (3, 1, RolloutState.RUNNING),
        (2, 1, RolloutState.CANCELLED),
        (1, None, RolloutState.SUCCESS),
    ]


async def test_a_config_that_says_nothing_beside_other_fields_is_none(world: ApiWorld) -> None:
    """As `openstack ma service update NAME --description …` sends it."""
    service_id = await world.service()
    path = f"/v1/p1/services/{service_id}"
    answer = await world.call("PUT", path, {"config": [{}], "description": "new"})
    assert (answer.status_code, answer.json()) == (200, {})
    service, _, _ = await world.stored(service_id)
    assert (service.description, service.revision, service.status) == ("new", 1, S.RUNNING)
    alone = await world.call("PUT", path, {"config": [{}]})
    assert (alone.status_code, alone.json()["details"][0]["field"]) == (400, "config[0].model_id")


BESIDE: dict[str, dict[str, Any]] = {
    "description": {"description": "x"},
    "schedule": {"schedule": [{"type": "stop", "time_unit": "DAYS", "duration": 1}]},
    "no schedule": {"schedule": []},
    "properties": {"additional_properties": {"traffic_limit": {"num": 1, "unit": "DAY"}}},
    "load balancer": {"load_balancer_policy": "SOURCE_IP"},
    "no secrets": {"service_secrets": []},
}
ALONE: dict[str, dict[str, Any]] = {"nothing": {}, "null": {"description": None}, "unknown": {"colour": "red"}}


@pytest.mark.parametrize("status", [ServiceStatus.RUNNING, ServiceStatus.CONCERNING, ServiceStatus.STOPPED])
@pytest.mark.parametrize("more", [*BESIDE.values(), *ALONE.values()], ids=[*BESIDE, *ALONE])
async def test_the_present_status_is_refused_only_alone(
    world: ApiWorld, status: ServiceStatus, more: dict[str, Any]
) -> None:
    service_id = await world.service(status)
    same = "stopped" if status is ServiceStatus.STOPPED else "running"
    before = await world.stored(service_id)
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}", {"status": same, **more})
    if more in ALONE.values():
        assert (answer.status_code, answer.json()["error_code"]) == (400, "ModelArts.3519")
        assert await world.stored(service_id) == before
        return
    assert (answer.status_code, answer.json()) == (200, {})
    after = await world.stored(service_id)
    assert (after[0].status, after[1], after[2]) == (before[0].status, before[1], before[2])
    shown = (await world.call("GET", f"/v1/p1/services/{service_id}")).json()
    for name, value in more.items():
        assert shown.get(name, []) == value


async def test_what_an_earlier_release_kept_stands_in_nobodys_way(world: ApiWorld) -> None:
    kept = {
        "smn_notification": {"topic_urn": "urn:smn:r:p:t", "events": [1]},
        "log_report_channels": [{"type": "LTS", "configuration": {}}],
        "wrapper": {"websocket_upgrade": True},
        "large": "x" * 20_000,
    }
    service_id = await world.service(ServiceStatus.STOPPED)
    async with world.store.write() as w:
        service = await w.service(None, service_id)
        assert service is not None
        await w.save_service(replace(service, attributes={"additional_properties": kept}))
    path = f"/v1/p1/services/{service_id}"
    same = {"smn_notification": kept["smn_notification"]}
    off = {"smn_notification": {}, "log_report_channels": [], "wrapper": None, "large": None}
    for body in ({"status": "running"}, {"description": "x"}, {"additional_properties": same}):
        assert (await world.call("PUT", path, body)).status_code == 200
    assert (await world.call("GET", path)).json()["additional_properties"] == kept
    assert (await world.call("PUT", path, {"additional_properties": off})).status_code == 200
    now = (await world.call("GET", path)).json()["additional_properties"]
    assert now == {"smn_notification": {}, "log_report_channels": []}
