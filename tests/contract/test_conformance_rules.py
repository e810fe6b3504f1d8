"""Contract §1, rule by rule, and the answers of §2's calls, call by call. The row is in the test's id."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.contract.conformance import arrays, conforms, error
from tests.worlds.api import SECOND, ApiWorld, api_world, entry

from modelyard.api.app import bare_app
from modelyard.api.schemas import answers
from modelyard.api.schemas.answer import Answer
from modelyard.api.schemas.examples import EXAMPLES
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.model import ModelStatus
from modelyard.domain.service import Event, EventType, ServiceStatus
from modelyard.engines.base import Usage

S = ServiceStatus
SERVICES = "/v1/p1/services"
MODEL = "m-digits-service-1.0.0"


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        yield made


LISTS = {
    "services": (SERVICES, answers.ServicePage, "services"),
    "events": (f"{SERVICES}/ID/events", answers.EventPage, "events"),
    "logs": (f"{SERVICES}/ID/logs", answers.UpdateRecords, "logs"),
    "monitor": (f"{SERVICES}/ID/monitor", answers.MonitorShown, "monitors"),
    "specifications": (f"{SERVICES}/specifications", answers.SpecificationPage, "specifications"),
    "clusters": ("/v1/p1/clusters", answers.ClusterPage, "clusters"),
    "models": ("/v1/p1/models", answers.ModelPage, "models"),
    "runtimes": ("/v1/p1/models/ai-engine-runtimes", answers.RuntimePage, "engine_runtimes"),
}


@pytest.mark.parametrize(("path", "model", "array"), LISTS.values(), ids=[f"s1.7-{name}" for name in LISTS])
async def test_a_list_has_one_array_and_strict_types(
    world: ApiWorld, path: str, model: type[answers.Answer], array: str
) -> None:
    service_id = await world.service()
    async with world.store.write() as w:
        await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 5, {"nodes": ["n1"]}))
        await w.add_events([Event(service_id, EventType.ABNORMAL, "it ended", world.clock())])
    body = conforms(await world.call("GET", path.replace("ID", service_id)), model)
    assert arrays(body) == [array]
    assert len(body[array]) > 0
    if "total_count" in body:
        assert body["count"] == len(body[array])


RULES: dict[str, tuple[str, str, Any, int, str]] = {
    "s1.2-error-names-field-value-bound": ("PUT", "ID", {"config": [entry(MODEL, instance_count=9)]}, 400, "3522"),
    "s1.3-numeric-strings": ("PUT", "ID", {"config": [entry(MODEL, weight="100")]}, 200, ""),
    "s1.3-a-boolean-is-no-number": ("PUT", "ID", {"config": [entry(MODEL, weight=True)]}, 400, "0104"),
    "s1.3-a-number-is-no-boolean": ("PUT", "ID", {"additional_properties": {"websocket_upgrade": 1}}, 400, "0104"),
    "s1.5-unknown-key": ("PUT", "ID", {"colour": 1}, 200, ""),
    "s1.5-known-but-later": ("PUT", "ID?dry_run=maybe", {"description": "x"}, 400, "0104"),
    "s1.6-unknown-id": ("GET", "nope", None, 404, "3502"),
    "s1.6-a-name-used-as-id": ("GET", "digits-service", None, 404, "3502"),
}


@pytest.mark.parametrize(("method", "path", "body", "status", "code"), RULES.values(), ids=RULES.keys())
async def test_rule(world: ApiWorld, method: str, path: str, body: Any, status: int, code: str) -> None:
    service_id = await world.service()
    answer = await world.call(method, f"{SERVICES}/{path.replace('ID', service_id)}", body)
    if status == 200:
        assert answer.status_code == 200, answer.text
    else:
        error(answer, status, code)


async def test_rule_1_2_the_message_names_field_value_and_bound(world: ApiWorld) -> None:
    service_id = await world.service()
    body = {"config": [entry(MODEL, instance_count=9)]}
    message = error(await world.call("PUT", f"{SERVICES}/{service_id}", body), 400, "3522")["message"]
    assert all(part in message for part in ("config[0].instance_count", "9", "5"))


async def test_rule_1_4_config_keeps_order_values_and_what_is_unset(world: ApiWorld) -> None:
    model = await world.model()
    sent = {"weight": 100, "envs": {"B": "2", "A": "1"}, "model_id": model, "instance_count": 1}
    sent |= {"specification": "modelarts.vm.cpu.2u", "deploy_timeout_in_seconds": None}
    body = {"service_name": "s", "infer_type": "real-time", "config": [sent]}
    created = conforms(await world.call("POST", SERVICES, body), answers.CreatedService)
    detail = conforms(await world.call("GET", f"{SERVICES}/{created['service_id']}"), answers.ServiceDetail)
    (shown,) = detail["config"]
    assert list(shown)[:5] == ["weight", "envs", "model_id", "instance_count", "specification"]
    assert list(shown["envs"].items()) == [("B", "2"), ("A", "1")]
    assert "deploy_timeout_in_seconds" not in shown


async def test_rule_1_7_offset_is_a_page_index(world: ApiWorld) -> None:
    for n in range(3):
        await world.service(name=f"s{n}")
    answer = await world.call("GET", f"{SERVICES}?offset=1&limit=2&sort_by=service_name&order=asc")
    body = conforms(answer, answers.ServicePage)
    assert ([s["service_name"] for s in body["services"]], body["total_count"]) == (["s2"], 3)


async def test_rule_1_9_deploying_is_stored_before_the_reply(world: ApiWorld) -> None:
    service_id = await world.service()
    await world.call("PUT", f"{SERVICES}/{service_id}", {"config": [entry(MODEL, instance_count=2)]})
    detail = conforms(await world.call("GET", f"{SERVICES}/{service_id}"), answers.ServiceDetail)
    assert (detail["status"], detail["progress"]) == ("deploying", 0)


async def test_rule_1_10_percent_encoded_segments_are_decoded(world: ApiWorld) -> None:
    service_id = await world.service()
    encoded = service_id.replace("-", "%2D")
    conforms(await world.call("GET", f"{SERVICES}/{encoded}"), answers.ServiceDetail)


@pytest.mark.parametrize("status", [s for s in S if s is not S.FINISHED], ids=lambda s: f"s2-status-{s}")
async def test_detail_in_every_status(world: ApiWorld, status: ServiceStatus) -> None:
    service_id = await world.service(status)
    detail = conforms(await world.call("GET", f"{SERVICES}/{service_id}"), answers.ServiceDetail)
    assert detail["status"] == status
    assert ("progress" in detail) == (status in {S.DEPLOYING, S.WAITING, S.PENDING})


async def test_get_services_filters(world: ApiWorld) -> None:
    first, second = await world.service(name="one"), await world.service(S.STOPPED, name="two")
    found = {
        f"service_id={first}": [first],
        "service_name=TW": [second],
        "model_id=m-one-1.0.0": [first],
        "workspace_id=0": [second, first],
        "workspace_id=9": [],
        "infer_type=batch": [],
        "status=stopped": [second],
        "tags=a": [],
        "order=asc": [first, second],
        "sort_by=transition_at": [second, first],
    }
    for query, ids in found.items():
        body = conforms(await world.call("GET", f"{SERVICES}?{query}"), answers.ServicePage)
        assert [s["service_id"] for s in body["services"]] == ids, query
        assert body["total_count"] == len(ids)


async def test_get_events_filters(world: ApiWorld) -> None:
    service_id = await world.service()
    async with world.store.write() as w:
        await w.add_events([Event(service_id, EventType.ABNORMAL, "it ended", 5)])
    path = f"{SERVICES}/{service_id}/events"
    for query, texts in {
        "event_type=abnormal": ["it ended"],
        "event_info=DEPLOY": ["start to deploy service"],
        "end_time=5": ["it ended"],
        "start_time=6&limit=1": ["start to deploy service"],
        "sort_by=occur_time&order=asc&limit=1": ["it ended"],
    }.items():
        body = conforms(await world.call("GET", f"{path}?{query}"), answers.EventPage)
        assert [e["event_info"] for e in body["events"]] == texts, query


async def test_get_monitor_shows_what_the_instances_use(world: ApiWorld) -> None:
    async def usage(_: str) -> dict[str, Usage]:
        return {"i-1": Usage(0.25, 100.5), "i-2": Usage(0.5, 100)}

    service_id = await world.service()
    context = replace(world.deps.context, usage=usage, requests_per_minute=lambda _: 42)
    world.app.state.deps = replace(world.deps, context=context)
    await world.instances(service_id, "i-1", "i-2")
    body = conforms(await world.call("GET", f"{SERVICES}/{service_id}/monitor"), answers.MonitorShown)
    (one,) = body["monitors"]
    assert (one["cpu_core_usage"], one["cpu_core_total"]) == (0.75, 2)
    assert (one["cpu_memory_usage"], one["cpu_memory_total"]) == (200.5, 8192)
    assert (one["model_running_instance_count"], one["model_instance_count"]) == (2, 1)
    assert (one["invocation_times"], body["req_count_per_min"]) == (0, 42)


async def test_get_specifications(world: ApiWorld) -> None:
    body = conforms(await world.call("GET", f"{SERVICES}/specifications"), answers.SpecificationPage)
    shown = {s["specification"]: s for s in body["specifications"]}
    assert shown["modelarts.vm.cpu.2u"]["is_open"]
    assert not shown["modelarts.vm.gpu.p4"]["is_open"]
    assert {"modelarts.vm.ai1.a310", "modelarts.vm.gpu.pnt004", "modelarts.vm.ai1.snt3"} <= shown.keys()
    mine = await world.call("GET", f"{SERVICES}/specifications?is_personal_cluster=true&limit=1&offset=0")
    names = [s["specification"] for s in conforms(mine, answers.SpecificationPage)["specifications"]]
    assert names == ["modelarts.vm.cpu.2u", "custom"]


async def test_get_clusters(world: ApiWorld) -> None:
    async with world.store.write() as w:
        for n, (name, status) in enumerate((("lab", "running"), ("Attic", "abnormal"))):
            await w.save_pool(PoolEntry(f"pool-{n}", "p1", name, status, n, {"nodes": ["n1", "n2"]}))
        await w.save_pool(PoolEntry("theirs", "p2", "theirs", "running", 9))
    for query, names in {
        "": ["Attic", "lab"],
        "order=asc": ["lab", "Attic"],
        "sort_by=cluster_name&order=asc": ["Attic", "lab"],
        "cluster_name=att": ["Attic"],
        "status=running": ["lab"],
        "limit=1&offset=1": ["lab"],
    }.items():
        body = conforms(await world.call("GET", f"/v1/p1/clusters?{query}"), answers.ClusterPage)
        assert [c["cluster_name"] for c in body["clusters"]] == names, query
    assert (body["clusters"][0]["nodes"]["count"], body["total_count"]) == (2, 2)


async def test_put_property(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}/property"

    def change(value: Any, model: str = MODEL) -> dict[str, Any]:
        return {"changed_property": "instance_count", "configs": [{"model_id": model, "changed_value": value}]}

    error(await world.call("PUT", path, change("1")), 400, "0104")
    error(await world.call("PUT", path, change("x")), 400, "0104")
    error(await world.call("PUT", path, change("2", "other")), 400, "3529")
    error(await world.call("PUT", path, change("6")), 400, "3522")
    error(await world.call("PUT", path, {**change("2"), "changed_property": "weight"}), 400, "0104")
    done = conforms(await world.call("PUT", path, change("2")), answers.UpdatedService)
    service, revision, rollouts = await world.stored(service_id)
    assert (revision.variants[0].instance_count, service.revision) == (2, 2)
    assert rollouts[0].started_ms == done["update_time"]
    error(await world.call("PUT", path, change("3")), 400, "3519")


async def test_patch(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}"

    def replaced(where: str, value: Any, op: str = "replace") -> list[dict[str, Any]]:
        return [{"op": op, "path": where, "value": value}]

    for bad in (
        replaced("/config/0/instance_count", "2", "add"),
        replaced("/description", "x"),
        replaced("/config/0", {}),
        replaced("/config/9/weight", 1),
        replaced("/config/0/nope/deep", 1),
        replaced("/config/0/nope", 1),
        replaced("/config/0/envs/A", "1"),
        replaced("/config/00/weight", 100),
        replaced("/config/-/weight", 100),
        replaced("/config/+0/weight", 100),
        replaced("/config/0/weigh~t", 100),
        replaced("/config/0/weight~", 100),
        replaced("config/0/weight", 100),
        replaced("/config/0/weight/", 100),
        replaced("", []),
        [{"op": "replace", "path": "/config/0/weight"}],
        [],
        {},
        [7],
    ):
        error(await world.call("PATCH", path, bad), 400, "0104")
    done = await world.call("PATCH", path, replaced("/config/0/instance_count", "2"))
    assert "update_time" in conforms(done, answers.UpdatedService)
    assert (await world.stored(service_id))[1].variants[0].instance_count == 2
    error(await world.call("PATCH", path, replaced("/config/0/instance_count", "3")), 400, "3519")
    await world.brought(service_id, S.RUNNING)
    await world.call("PATCH", path, replaced("/config/0/envs", {"A": "1", "B/~": "1"}))
    await world.brought(service_id, S.RUNNING)
    conforms(await world.call("PATCH", path, replaced("/config/0/envs/B~1~0", "2")), answers.UpdatedService)
    assert dict((await world.stored(service_id))[1].variants[0].template.envs) == {"A": "1", "B/~": "2"}
    await world.brought(service_id, S.RUNNING)
    conforms(await world.call("PATCH", path, replaced("/config/0/envs/A", "2")), answers.UpdatedService)
    assert dict((await world.stored(service_id))[1].variants[0].template.envs) == {"A": "2", "B/~": "2"}


async def test_put_nodes_is_refused_until_there_are_any(world: ApiWorld) -> None:
    service_id = await world.service()
    path = f"{SERVICES}/{service_id}/nodes/n-1/status"
    assert "edge" in error(await world.call("PUT", path, {"status": "stopped"}), 400, "0104")["message"]
    error(await world.call("PUT", path, {"status": "odd"}), 400, "0104")
    error(await world.call("PUT", path.replace(service_id, "nope"), {"status": "running"}), 404, "3502")


async def test_delete_several(world: ApiWorld) -> None:
    one, two = await world.service(name="a"), await world.service(name="b")
    assert conforms(await world.call("DELETE", f"{SERVICES}/{one},{two}"), answers.Done) == {}


async def test_models_delete_and_cascade(world: ApiWorld) -> None:
    service_id = await world.service()
    await world.model("2.0.0", "digits-service")
    used = conforms(await world.call("DELETE", f"/v1/p1/models/{MODEL}"), answers.DeletedModels)
    assert used["delete_success_list"] == []
    assert used["delete_failed_list"][0]["error_code"] == "ModelArts.3009"
    both = conforms(await world.call("DELETE", f"/v1/p1/models/{MODEL}?cascade=true"), answers.DeletedModels)
    assert both["delete_success_list"] == ["m-digits-service-2.0.0"]
    assert [one["model_id"] for one in both["delete_failed_list"]] == [MODEL]
    assert service_id


@pytest.mark.parametrize("status", list(ModelStatus), ids=lambda s: f"s3-model_status-{s}")
async def test_model_detail(world: ApiWorld, status: ModelStatus) -> None:
    model_id = await world.model(status=status, config={"apis": [{"url": "/"}], "metrics": {"f1": 1}})
    shown = conforms(await world.call("GET", f"/v1/p1/models/{model_id}"), answers.ModelShown)
    assert shown["model_status"] == status
    assert isinstance(shown["apis"], str)
    assert isinstance(shown["model_metrics"], str)


async def test_buckets_belong_to_projects(world: ApiWorld) -> None:
    def asked(bucket: str) -> dict[str, str]:
        name = {"model_name": "m", "model_version": "0.0.1", "model_type": "Scikit_Learn"}
        return {**name, "source_location": f"obs://{bucket}/m"}

    async with world.store.write() as w:
        await w.claim_bucket("theirs", "p2")
    error(await world.call("POST", "/v1/p1/models", asked("theirs")), 403, "4310")
    theirs: dict[str, Any] = {"user": "other", "project": SECOND}
    error(await world.call("POST", "/v1/p2/models", asked("unclaimed"), **theirs), 403, "4310")
    conforms(await world.call("POST", "/v1/p2/models", asked("theirs"), **theirs), answers.CreatedModel)
    conforms(await world.call("POST", "/v1/p1/models", asked("unclaimed")), answers.CreatedModel)


@pytest.mark.parametrize("model", EXAMPLES, ids=lambda model: model.__name__)
def test_every_example_conforms(model: type[Answer]) -> None:
    TypeAdapter(model).validate_json(json.dumps(EXAMPLES[model]))


def test_openapi_documents_every_success_and_error() -> None:
    document = bare_app("1").openapi()
    seen = set()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not {"services", "models", "clusters"} & set(operation["tags"]):
                continue
            seen |= set(operation["tags"])
            success = operation["responses"]["200"]["content"]["application/json"]
            assert set(success["schema"]) <= {"$ref", "anyOf"}, (method, path)
            assert "example" in success, (method, path)
            assert {"400", "401", "403", "404", "413", "500", "503"} <= operation["responses"].keys()
    assert seen >= {"services", "models", "clusters"}
