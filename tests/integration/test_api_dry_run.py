"""`?dry_run=true`: the plan is what would happen, nothing does."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.conformance import conforms
from tests.worlds.api import ApiWorld, api_world, entry

from modelyard.api.schemas.plans import Plan
from modelyard.cli.service_file import ServiceFile
from modelyard.domain.instance import Instance, Phase
from modelyard.domain.record import Changes
from modelyard.domain.service import ServiceStatus

pytestmark = pytest.mark.asyncio
NAME = "digits-service"
EXAMPLES = Path(__file__).parents[2] / "examples" / "services"
OLD = f"m-{NAME}-1.0.0"


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


async def running(world: ApiWorld, status: ServiceStatus = ServiceStatus.RUNNING) -> str:
    """A service whose one instance serves."""
    service_id = await world.service(status)
    service, revision, _ = await world.stored(service_id)
    (variant,) = revision.variants
    instance = Instance("i1", service_id, variant.track, 1, variant.template.hash, Phase.READY, 1, 1, 1)
    async with world.store.write() as w:
        assert await w.apply(service_id, Changes(service.version, instances=(instance,)))
    return service_id


async def plan(world: ApiWorld, service_id: str, body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The answer; what is stored before and after is the same."""
    before = await world.stored(service_id), await everything(world, service_id)
    answer = await world.call("PUT", f"/v1/p1/services/{service_id}?dry_run=true", body, **more)
    assert answer.status_code == 200, answer.text
    assert (await world.stored(service_id), await everything(world, service_id)) == before
    assert world.nudges == []
    conforms(answer, Plan)
    shown: dict[str, Any] = answer.json()
    return shown


async def everything(world: ApiWorld, service_id: str) -> list[Any]:
    answers = [await world.call("GET", f"/v1/p1/services/{service_id}/{what}") for what in ("events", "logs")]
    return [answer.json() for answer in answers]


async def test_another_model_starts_one_beside_the_old_and_then_stops_it(world: ApiWorld) -> None:
    service_id, new = await running(world), await world.model("2.0.0", NAME)
    shown = await plan(world, service_id, {"config": [entry(new)]})
    assert shown["changes"] is True
    (track,) = shown["instances"]
    assert (track["starts"], track["stops"], track["stays"]) == (1, 1, 0)
    assert shown["room"] == {
        "instances_now": 1,
        "instances_at_most": 2,
        "instances_after": 1,
        "surge": 1,
        "surge_resources": {"cpu": 2.0, "memory_mb": 8192},
    }
    (difference,) = shown["config"]
    assert difference["fields"]["model"] == {"before": f"{NAME}/1.0.0", "after": f"{NAME}/2.0.0"}
    answering = [[m["model_version"] for t in step["tracks"] for m in t["models"]] for step in shown["traffic"]]
    assert [answering[0], sorted(answering[1]), answering[2]] == [["1.0.0"], ["1.0.0", "2.0.0"], ["2.0.0"]]
    assert shown["complete"] is True


async def test_a_canary_keeps_what_runs(world: ApiWorld) -> None:
    service_id, new = await running(world), await world.model("2.0.0", NAME)
    shown = await plan(world, service_id, {"config": [entry(OLD, weight=90), entry(new, weight=10)]})
    assert [(t["starts"], t["stops"], t["stays"]) for t in shown["instances"]] == [(0, 0, 1), (1, 0, 0)]
    weights = [{t["track"]: t["weight"] for t in step["tracks"]} for step in shown["traffic"]]
    assert weights == [{1: 100}, {1: 90, 2: 10}]
    assert [one["change"] for one in shown["config"]] == ["changed", "added"]
    assert shown["config"][0]["fields"] == {"weight": {"before": 100, "after": 90}}


async def test_the_same_config_changes_nothing(world: ApiWorld) -> None:
    shown = await plan(world, await running(world), {"config": [entry(OLD)]})
    assert (shown["changes"], shown["config"][0]["change"], shown["config"][0]["fields"]) == (False, "same", {})
    assert shown["room"]["surge"] == 0


async def test_a_description_has_no_rollout(world: ApiWorld) -> None:
    shown = await plan(world, await running(world), {"description": "new"})
    assert shown["service"] == {"description": {"before": "", "after": "new"}}
    assert [(t["starts"], t["stops"], t["stays"]) for t in shown["instances"]] == [(0, 0, 1)]


async def test_a_stop_stops_everything(world: ApiWorld) -> None:
    shown = await plan(world, await running(world), {"status": "stopped"})
    assert [(t["starts"], t["stops"], t["stays"]) for t in shown["instances"]] == [(0, 1, 0)]
    assert shown["room"]["instances_after"] == 0
    assert shown["service"]["status"] == {"before": "running", "after": "stopped"}


async def test_a_stopped_service_starts(world: ApiWorld) -> None:
    shown = await plan(world, await world.service(ServiceStatus.STOPPED), {"status": "running"})
    assert [(t["starts"], t["stops"], t["stays"]) for t in shown["instances"]] == [(1, 0, 0)]


async def test_creating_is_planned_too(world: ApiWorld) -> None:
    body = {
        "service_name": "s",
        "infer_type": "real-time",
        "config": [entry(await world.model(), instance_count=3)],
    }
    answer = await world.call("POST", "/v1/p1/services?dry_run=true", body)
    assert answer.status_code == 200, answer.text
    conforms(answer, Plan)
    shown = answer.json()
    assert (shown["creates"], shown["changes"], shown["room"]["instances_at_most"]) == (True, True, 3)
    assert [(t["starts"], t["stops"], t["stays"]) for t in shown["instances"]] == [(3, 0, 0)]
    assert (await world.call("GET", "/v1/p1/services")).json()["count"] == 0
    assert (await world.call("POST", "/v1/p1/services?dry_run=false", body)).status_code == 200
    taken = await world.call("POST", "/v1/p1/services?dry_run=true", body)
    assert (taken.status_code, taken.json()["error_code"]) == (409, "ModelArts.3503")


async def test_all_errors_come_at_once_as_they_would(world: ApiWorld) -> None:
    service_id = await running(world)
    body = {"description": "a<b", "config": [entry("nope"), entry(OLD, weight=7, instance_count=99)]}
    tried = await world.call("PUT", f"/v1/p1/services/{service_id}?dry_run=true", body)
    made = await world.call("PUT", f"/v1/p1/services/{service_id}", body)
    assert tried.json() == made.json()
    assert len(tried.json()["details"]) >= 3


async def test_patch_and_property_are_planned(world: ApiWorld) -> None:
    service_id = await running(world)
    patch = [{"op": "replace", "path": "/config/0/instance_count", "value": 2}]
    resize = {"changed_property": "instance_count", "configs": [{"model_id": OLD, "changed_value": "2"}]}
    for method, path, body in (("PATCH", "", patch), ("PUT", "/property", resize)):
        answer = await world.call(method, f"/v1/p1/services/{service_id}{path}?dry_run=true", body)
        assert [(t["starts"], t["stays"]) for t in answer.json()["instances"]] == [(1, 1)]
    assert (await world.stored(service_id))[0].version == 1


async def test_deleting_cannot_be_tried(world: ApiWorld) -> None:
    service_id = await running(world)
    answer = await world.call("DELETE", f"/v1/p1/services/{service_id}?dry_run=true")
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "dry_run")
    assert (await world.call("GET", f"/v1/p1/services/{service_id}")).status_code == 200


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.name)
async def test_the_service_files_of_the_docs_are_accepted(world: ApiWorld, path: Path) -> None:
    for version in ("1.0.0", "2.0.0"):
        await world.model(version, "iris")
    body = ServiceFile.read(path).wanted(lambda key: f"m-{key.replace('/', '-')}")
    for dry_run in ("true", "false"):
        answer = await world.call("POST", f"/v1/p1/services?dry_run={dry_run}", body)
        assert answer.status_code == 200, answer.text
    assert "X-Modelyard-Ignored" not in answer.headers
    await world.brought(answer.json()["service_id"], ServiceStatus.RUNNING)
    again = await plan(world, answer.json()["service_id"], ServiceFile.change(body))
    assert again["changes"] is False
