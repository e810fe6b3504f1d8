"""Batch services through the API: what is admitted, stored, echoed, changed, tried."""

import itertools
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.worlds.api import SECOND, ApiWorld, api_world, entry

from modelyard.domain.batch import Counts, Fields, Format, Items, Job, Leaf, LeafType, Task, TaskState, Threshold
from modelyard.domain.capacity import PoolEntry
from modelyard.domain.service import Desired, RolloutKind, RolloutState, ServiceStatus
from modelyard.objects.base import ObjectInfo, ObjectRefusedError
from modelyard.objects.local import LocalObjects
from modelyard.objects.memory import MemoryObjects
from modelyard.objects.paths import ObjectPath
from modelyard.operations.context import BatchPorts
from modelyard.operations.object_usage import Usage
from modelyard.operations.results_room import ResultsRoom

SERVICES = "/v1/p1/services"
MODEL = "m-iris-1.0.0"
SCHEMA = {
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {
                "req_data": {
                    "type": "array",
                    "items": [
                        {"type": "object", "properties": {f"input_{n}": {"type": "number"} for n in range(1, 5)}}
                    ],
                }
            },
        }
    },
}
IRIS = {"apis": [{"url": "/", "method": "post", "request": {"Content-type": "application/json", "data": SCHEMA}}]}
INPUTS = {f"input_{n}": {"type": "number", "index": n - 1} for n in range(1, 5)}
RULE = {
    "type": "object",
    "properties": {
        "data": {
            "type": "object",
            "properties": {"req_data": {"type": "array", "items": [{"type": "object", "properties": INPUTS}]}},
        }
    },
}
"""The example of the vendor's page."""
LEAVES = Fields(tuple((f"input_{n}", Leaf(LeafType.NUMBER, n - 1)) for n in range(1, 5)))
MAPPED = Fields((("data", Fields((("req_data", Items((LEAVES,))),))),))
JOB = Job("https://b.obs.example.com/in/", "obs://b/out/", "/", Format.CSV, mapping=MAPPED)


def batch(**more: Any) -> dict[str, Any]:
    fields = {
        "model_id": MODEL,
        "specification": "modelarts.vm.cpu.2u",
        "instance_count": 1,
        "src_path": "https://b.obs.example.com/in/",
        "dest_path": "obs://b/out/",
        "req_uri": "/",
        "mapping_type": "csv",
        "mapping_rule": RULE,
    }
    return {key: value for key, value in {**fields, **more}.items() if value is not None}


def body(*entries: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"service_name": "nightly", "infer_type": "batch", "config": [*entries] or [batch()], **more}


@pytest.fixture
async def world() -> AsyncIterator[ApiWorld]:
    async with api_world() as made:
        await made.model(name="iris", config=IRIS)
        yield made


@pytest.fixture
async def objects(world: ApiWorld) -> MemoryObjects:
    """The object store that the API of this world asks, with one input."""
    made = MemoryObjects()
    await made.write(ObjectPath("b", "in/iris.csv"), b"5.1,3.5,1.4,0.2\n")
    await made.write(ObjectPath("theirs", "in/a.csv"), b"1\n")
    asks(world, objects=made)
    async with world.store.write() as w:
        await w.claim_bucket("theirs", SECOND.id)
    return made


def asks(world: ApiWorld, **ports: Any) -> None:
    context = replace(world.deps.context, batch=BatchPorts(**ports))
    world.app.state.deps = replace(world.deps, context=context)


async def created(world: ApiWorld, sent: dict[str, Any] | None = None, status: ServiceStatus | None = None) -> str:
    answer = await world.call("POST", SERVICES, sent or body())
    assert answer.status_code == 200, answer.text
    service_id = str(answer.json()["service_id"])
    if status is not None:
        await world.brought(service_id, status)
    return service_id


async def job_of(world: ApiWorld, service_id: str) -> Job | None:
    (variant,) = (await world.stored(service_id))[1].variants
    return variant.job


def refused(answer: httpx.Response, code: str, *fields: str, status: int = 400) -> list[str]:
    """The texts of a refusal that blames exactly these fields."""
    assert (answer.status_code, answer.json()["error_code"]) == (status, f"ModelArts.{code}"), answer.text
    details = answer.json()["details"]
    assert [d["field"] for d in details] == list(fields)
    return [d["error_msg"] for d in details]


async def test_the_example_of_the_page_is_admitted_and_echoed(world: ApiWorld) -> None:
    service_id = await created(world)
    assert await job_of(world, service_id) == JOB
    service, _, (rollout,) = await world.stored(service_id)
    assert (service.infer_type, service.status, rollout.kind) == ("batch", "deploying", RolloutKind.DEPLOY)
    answer = (await world.call("GET", f"{SERVICES}/{service_id}")).json()
    (shown,) = answer["config"]
    assert answer["infer_type"] == "batch"
    assert [*shown][:8] == [*batch()]
    assert {name: shown[name] for name in batch()} == batch()
    listed = (await world.call("GET", f"{SERVICES}?infer_type=batch")).json()
    assert [one["service_id"] for one in listed["services"]] == [service_id]


async def test_a_rule_as_text_is_echoed_as_an_object(world: ApiWorld) -> None:
    """Clients of the command line send it so."""
    service_id = await created(world, body(batch(mapping_rule=json.dumps(RULE), instance_count="2", weight="100")))
    assert await job_of(world, service_id) == JOB
    (shown,) = (await world.call("GET", f"{SERVICES}/{service_id}")).json()["config"]
    assert (shown["mapping_rule"], shown["instance_count"], shown["weight"]) == (RULE, 2, 100)


async def test_only_the_index_has_to_be_said(world: ApiWorld) -> None:
    leaves = {name: {"index": str(leaf["index"])} for name, leaf in INPUTS.items()}
    rule = {"properties": {"data": {"properties": {"req_data": {"items": {"properties": leaves}}}}}}
    assert await job_of(world, await created(world, body(batch(mapping_rule=rule)))) == JOB


async def test_every_option_is_kept(world: ApiWorld) -> None:
    options = {
        "csv_header": True,
        "csv_delimiter": ";",
        "csv_encoding": "cp1252",
        "output_format": "txt",
        "error_threshold": {"share": "0.5"},
        "row_timeout_seconds": 2,
        "max_row_bytes": "1000",
        "termination_grace_period_seconds": 5,
    }
    service_id = await created(world, body(batch(additional_properties=options)))
    job = await job_of(world, service_id)
    assert job is not None
    assert (job.csv.header, job.csv.delimiter, job.csv.encoding) == (True, ";", "cp1252")
    assert (job.error_threshold, job.row_timeout_s, job.max_row_bytes) == (Threshold(share=0.5), 2.0, 1000)
    (shown,) = (await world.call("GET", f"{SERVICES}/{service_id}")).json()["config"]
    expected = {**options, "error_threshold": {"share": 0.5}, "max_row_bytes": 1000}
    assert shown["additional_properties"] == expected


AT = "config[0].additional_properties"
TYPES: dict[str, tuple[dict[str, Any], str]] = {
    "header": ({"csv_header": "yes"}, f"{AT}.csv_header"),
    "delimiter": ({"csv_delimiter": 3}, f"{AT}.csv_delimiter"),
    "threshold": ({"error_threshold": 0.5}, f"{AT}.error_threshold"),
    "share": ({"error_threshold": {"share": "half"}}, f"{AT}.error_threshold.share"),
    "count": ({"error_threshold": {"count": 1.5}}, f"{AT}.error_threshold.count"),
    "timeout": ({"row_timeout_seconds": "soon"}, f"{AT}.row_timeout_seconds"),
    "rows": ({"max_row_bytes": True}, f"{AT}.max_row_bytes"),
    "output": ({"output_format": "xml"}, f"{AT}.output_format"),
    "exchange": ({"max_surge": 1}, f"{AT}.max_surge"),
}


@pytest.mark.parametrize(("options", "field"), TYPES.values(), ids=TYPES.keys())
async def test_options_of_another_type_are_refused(world: ApiWorld, options: dict[str, Any], field: str) -> None:
    refused(await world.call("POST", SERVICES, body(batch(additional_properties=options))), "0104", field)


@pytest.mark.parametrize("rule", ["{", '{"a": 1, "a": 2}', "[1]", 7, "null"])
async def test_a_rule_that_is_no_object(world: ApiWorld, rule: Any) -> None:
    refused(await world.call("POST", SERVICES, body(batch(mapping_rule=rule))), "0104", "config[0].mapping_rule")


async def test_options_of_a_batch_are_none_of_a_real_time_service(world: ApiWorld) -> None:
    sent = entry(MODEL, additional_properties={"csv_header": False}, src_path="obs://b/in")
    answer = await world.call("POST", SERVICES, {"service_name": "s", "infer_type": "real-time", "config": [sent]})
    refused(answer, "0104", "config[0].src_path", f"{AT}.csv_header")


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"schedule": [{"type": "stop", "time_unit": "HOURS", "duration": 1}]}, "schedule"),
        ({"load_balancer_policy": "ROUND_ROBIN"}, "load_balancer_policy"),
        ({"additional_properties": {"websocket_upgrade": True}}, "additional_properties.websocket_upgrade"),
        (
            {"additional_properties": {"traffic_limit": {"num": 1, "unit": "DAY"}}},
            "additional_properties.traffic_limit",
        ),
        (
            {"additional_properties": {"request_limit": {"timeout_seconds": 1}}},
            "additional_properties.request_limit",
        ),
    ],
)
async def test_what_has_a_meaning_for_callers_only(world: ApiWorld, more: dict[str, Any], field: str) -> None:
    refused(await world.call("POST", SERVICES, body(**more)), "0104", field)
    path = f"{SERVICES}/{await created(world, status=ServiceStatus.RUNNING)}"
    refused(await world.call("PUT", path, more), "0104", field)


async def test_what_says_nothing_is_no_mistake(world: ApiWorld) -> None:
    nothing = {"websocket_upgrade": False, "traffic_limit": {}, "request_limit": {}}
    await created(world, body(additional_properties=nothing, schedule=[]))


async def test_one_entry(world: ApiWorld) -> None:
    await world.model("2.0.0", name="iris", config=IRIS)
    two = body(batch(), batch(model_id="m-iris-2.0.0"))
    (text,) = refused(await world.call("POST", SERVICES, two), "0104", "config")
    assert text == "has 2 entries, a batch service has exactly one"


async def test_paths_are_looked_at(world: ApiWorld, objects: MemoryObjects) -> None:
    await created(world)
    for path in ("obs://b/in", "/b/in/iris.csv", "s3://b", "obs://b/"):
        sent = {**body(batch(src_path=path)), "service_name": path.replace("/", "-")}
        await created(world, sent)
    cases = {
        "obs://b/nothing/": ("3551", "there is nothing at 'obs://b/nothing/'", 400),
        "obs://b/in/iris": ("3551", "there is nothing at", 400),
        "obs://never-seen/x": ("3551", "there is nothing at", 400),
        "ftp://b/in": ("3572", "must begin with obs://", 400),
        "obs://b/../x": ("3572", "segments are not allowed", 400),
        "obs://theirs/in/a.csv": ("4310", "bucket 'theirs' is not one of this project", 403),
    }
    for path, (code, said, status) in cases.items():
        answer = await world.call("POST", SERVICES, body(batch(src_path=path), service_name="x"))
        (text,) = refused(answer, code, "config[0].src_path", status=status)
        assert said in text
    answer = await world.call("POST", SERVICES, body(batch(dest_path="obs://theirs/out"), service_name="x"))
    refused(answer, "4310", "config[0].dest_path", status=403)


async def test_an_object_where_results_need_a_folder_is_told_before_they_are_written(
    world: ApiWorld, tmp_path: Path
) -> None:
    directory = LocalObjects(tmp_path)
    for key in ("in/a.csv", "taken"):
        await directory.write(ObjectPath("b", key), b"1,2,3,4")
    asks(world, objects=directory)
    service_id = await created(world, status=ServiceStatus.RUNNING)
    for path in ("obs://b/taken/", "/b/taken/deeper/"):
        sent = body(batch(dest_path=path), service_name="x")
        for answer in (
            await world.call("POST", SERVICES, sent),
            await world.call("POST", f"{SERVICES}?dry_run=true", sent),
            await world.call("PUT", f"{SERVICES}/{service_id}", {"config": [batch(dest_path=path)]}),
        ):
            (text,) = refused(answer, "3572", "config[0].dest_path")
            assert text == "obs://b/taken is an object itself, so there can be none below it"
    for path in ("obs://b/in/", "obs://b/in/out/"):  # beside the input, and within it: no result is ever an input
        name = path.replace("/", "-").replace(":", "")
        await created(world, body(batch(dest_path=path)) | {"service_name": name})


async def test_a_project_whose_buckets_are_full_begins_no_job_in_them(
    world: ApiWorld, objects: MemoryObjects
) -> None:
    usage = Usage(objects)
    room = ResultsRoom(lambda: world.deps.context, usage, itertools.count().__next__)
    asks(world, objects=objects, lacking=room.lacking)
    await created(world)
    await objects.write(ObjectPath("mine", "x"), b"x" * 100)
    async with world.store.write() as w:
        await w.claim_bucket("mine", "p1")
        await w.save_quota("p1", "objects_max_bytes", 100)
    sent = body(batch(dest_path="obs://mine/out/"), service_name="x")
    (text,) = refused(await world.call("POST", SERVICES, sent), "0118", "config[0].dest_path")
    assert text == "the project's buckets hold 100 bytes and may hold 100 (quota objects_max_bytes)"
    await created(world, body(batch(), service_name="elsewhere"))  # in a bucket that nobody claimed
    room.moved("mine", -1)
    await created(world, sent)
    await usage.close()


async def test_a_name_that_is_taken_says_how_to_go_on(world: ApiWorld) -> None:
    await created(world)
    answer = await world.call("POST", SERVICES, body())
    assert answer.status_code == 409
    assert "(modelyard batch resume nightly), or choose another name." in answer.json()["error_msg"]


async def test_nothing_is_asked_about_buckets_of_others(world: ApiWorld, objects: MemoryObjects) -> None:
    asked: list[ObjectPath] = []

    class Noting(MemoryObjects):
        async def head(self, path: ObjectPath) -> ObjectInfo:
            asked.append(path)
            return ObjectInfo("", 1)

    asks(world, objects=Noting())
    await world.call("POST", SERVICES, body(batch(src_path="obs://theirs/in/a.csv")))
    await world.call("POST", SERVICES, body(), user="reader")
    sent = {"service_name": "s", "infer_type": "real-time", "config": [entry(MODEL, src_path="obs://b/in")]}
    await world.call("POST", SERVICES, sent)
    assert asked == []
    await created(world)
    assert asked == [ObjectPath("b", "in")]


async def test_a_store_that_refuses(world: ApiWorld) -> None:
    class Denying(MemoryObjects):
        async def head(self, path: ObjectPath) -> ObjectInfo:
            raise ObjectRefusedError(f"{path}: the secret is wrong")

    asks(world, objects=Denying())
    (text,) = refused(await world.call("POST", SERVICES, body()), "4310", "config[0].src_path", status=403)
    assert "the secret is wrong" in text


async def test_a_store_that_is_away_is_waited_for_by_the_task(world: ApiWorld, objects: MemoryObjects) -> None:
    objects.away = True
    await created(world)


async def test_every_change_looks(world: ApiWorld, objects: MemoryObjects) -> None:
    service_id = await created(world, status=ServiceStatus.RUNNING)
    path = f"{SERVICES}/{service_id}"
    before = await world.stored(service_id)
    nothing = "obs://b/nothing"
    refused(await world.call("PUT", path, {"config": [batch(src_path=nothing)]}), "3551", "config[0].src_path")
    patch = [{"op": "replace", "path": "/config/0/src_path", "value": nothing}]
    refused(await world.call("PATCH", path, patch), "3551", "config[0].src_path")
    dry = await world.call("PUT", f"{path}?dry_run=true", {"config": [batch(src_path=nothing)]})
    refused(dry, "3551", "config[0].src_path")
    await objects.delete(ObjectPath("b", "in/iris.csv"))
    refused(await world.call("POST", f"{path}/revisions/1/rollback"), "3551", "config[0].src_path")
    assert await world.stored(service_id) == before


async def test_parquet_needs_what_the_server_has(world: ApiWorld) -> None:
    sent = body(batch(mapping_type="parquet", mapping_rule=None))
    (text,) = refused(await world.call("POST", SERVICES, sent), "0104", "config[0].mapping_type")
    assert "modelyard[parquet]" in text
    asks(world, parquet=True)
    await created(world, sent)


async def test_the_quotas_of_batch_services(world: ApiWorld) -> None:
    async with world.store.write() as w:
        await w.save_quota("p1", "batch_services", 1)
        await w.save_quota("p1", "instances_per_model", 2)
    await created(world)
    answer = await world.call("POST", SERVICES, body(service_name="more"))
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ModelArts.3520")
    service_id = (await world.call("GET", SERVICES)).json()["services"][0]["service_id"]
    await world.brought(service_id, ServiceStatus.RUNNING)
    answer = await world.call("PUT", f"{SERVICES}/{service_id}", {"config": [batch(instance_count=3)]})
    refused(answer, "3522", "config[0].instance_count")


@pytest.mark.parametrize("ended", [ServiceStatus.FINISHED, ServiceStatus.FAILED])
async def test_a_batch_that_ended_takes_no_room(world: ApiWorld, ended: ServiceStatus) -> None:
    async with world.store.write() as w:
        await w.save_pool(PoolEntry("pool-1", "p1", "lab", "running", 1, {"cpu": 2}))
    service_id = await created(world, body(batch(pool_name="lab")), ServiceStatus.RUNNING)
    another = body(batch(pool_name="lab"), service_name="another")
    (text,) = refused(await world.call("POST", SERVICES, another), "0104", "config")
    assert "does not fit into the pool 'lab'" in text
    await world.brought(service_id, ended)
    await created(world, another)


@pytest.mark.parametrize("ended", [ServiceStatus.FINISHED, ServiceStatus.FAILED])
async def test_a_batch_that_ended_takes_nothing_of_the_totals(world: ApiWorld, ended: ServiceStatus) -> None:
    service_id = await created(world, status=ServiceStatus.RUNNING)
    async with world.store.write() as w:
        await w.save_quota("p1", "total_cpu", 2)
    another = body(service_name="another")
    refused(await world.call("POST", SERVICES, another), "0118", "config")
    await world.brought(service_id, ended)
    other = await created(world, another)
    again = await world.call("PUT", f"{SERVICES}/{service_id}", {"status": "running"})
    refused(again, "0118", "status")
    await world.call("DELETE", f"{SERVICES}/{other}")
    assert (await world.call("PUT", f"{SERVICES}/{service_id}", {"status": "running"})).status_code == 200


# ── changes ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_running_batch_takes_another_config(world: ApiWorld) -> None:
    service_id = await created(world, status=ServiceStatus.RUNNING)
    answer = await world.call("PUT", f"{SERVICES}/{service_id}", {"config": [batch(dest_path="obs://b/other")]})
    assert answer.status_code == 200
    service, revision, rollouts = await world.stored(service_id)
    assert answer.json()["update_time"] == rollouts[0].started_ms
    assert (service.status, revision.number, revision.variants[0].job.destination) == (
        "deploying",
        2,
        "obs://b/other",
    )
    assert (rollouts[0].kind, rollouts[0].target) == (RolloutKind.UPDATE, 2)


FINISHED: dict[str, tuple[dict[str, Any], RolloutKind | None, int, str]] = {
    "config": ({"config": [batch(dest_path="obs://b/other")]}, RolloutKind.UPDATE, 2, "deploying"),
    "running": ({"status": "running"}, RolloutKind.START, 1, "deploying"),
    "both": ({"status": "running", "config": [batch()]}, RolloutKind.START, 2, "deploying"),
    "kept": ({"status": "stopped", "config": [batch(dest_path="obs://b/other")]}, None, 2, "finished"),
    "description": ({"description": "x"}, None, 1, "finished"),
}


@pytest.mark.parametrize(("sent", "kind", "revision", "status"), FINISHED.values(), ids=FINISHED.keys())
async def test_what_a_finished_batch_does(
    world: ApiWorld, sent: dict[str, Any], kind: RolloutKind | None, revision: int, status: str
) -> None:
    service_id = await created(world, status=ServiceStatus.FINISHED)
    answer = await world.call("PUT", f"{SERVICES}/{service_id}", sent)
    assert answer.status_code == 200, answer.text
    service, _, rollouts = await world.stored(service_id)
    assert (service.status, service.revision, service.desired) == (status, revision, Desired.RUNNING)
    assert (rollouts[0].kind if rollouts[0].state is RolloutState.RUNNING else None) == kind


async def test_a_finished_batch_is_not_stopped(world: ApiWorld) -> None:
    service_id = await created(world, status=ServiceStatus.FINISHED)
    answer = await world.call("PUT", f"{SERVICES}/{service_id}", {"status": "stopped"})
    refused(answer, "3519", "status")


async def test_workers_are_counted_by_put_and_patch_and_not_as_a_property(world: ApiWorld) -> None:
    service_id = await created(world, status=ServiceStatus.RUNNING)
    path = f"{SERVICES}/{service_id}"
    counts = {"changed_property": "instance_count", "configs": [{"model_id": MODEL, "changed_value": "2"}]}
    answer = await world.call("PUT", f"{path}/property", counts)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "ModelArts.3519")
    patch = [{"op": "replace", "path": "/config/0/instance_count", "value": "2"}]
    assert (await world.call("PATCH", path, patch)).status_code == 200
    assert (await world.stored(service_id))[1].variants[0].instance_count == 2
    assert await job_of(world, service_id) == JOB


async def test_conditions_hold_as_for_any_service(world: ApiWorld) -> None:
    sent = body()
    first = await world.call("POST", SERVICES, sent, headers={"Idempotency-Key": "k"})
    again = await world.call("POST", SERVICES, sent, headers={"Idempotency-Key": "k"})
    assert (again.json(), again.headers["idempotent-replayed"]) == (first.json(), "true")
    service_id = str(first.json()["service_id"])
    await world.brought(service_id, ServiceStatus.RUNNING)
    path = f"{SERVICES}/{service_id}"
    answer = await world.call("PUT", path, {"config": [batch()]}, headers={"If-Match": '"9.9"'})
    assert answer.status_code == 412
    assert (await world.call("PUT", path, {"config": [batch(dest_path="obs://b/other")]})).status_code == 200
    await world.brought(service_id, ServiceStatus.RUNNING)
    assert (await world.call("POST", f"{path}/revisions/1/rollback")).status_code == 200
    assert await job_of(world, service_id) == JOB
    numbers = [one["number"] for one in (await world.call("GET", f"{path}/revisions")).json()["revisions"]]
    assert numbers == [3, 2, 1]


# ── dry runs ────────────────────────────────────────────────────────────────────────────────────────────────────


NONE = Counts()


async def with_task(world: ApiWorld, status: ServiceStatus, state: TaskState, counts: Counts = NONE) -> str:
    service_id = await created(world, status=status)
    async with world.store.write() as w:
        rollout = (await w.rollouts(service_id))[0]
        await w.add_task(Task("t-1", service_id, 1, 1, rollout.id, 1, state=state, counts=counts))
    if state is TaskState.ACTIVE:
        await world.instances(service_id, "i-1")
    return service_id


async def planned(world: ApiWorld, service_id: str, sent: dict[str, Any]) -> dict[str, Any]:
    before = await world.stored(service_id)
    answer = await world.call("PUT", f"{SERVICES}/{service_id}?dry_run=true", sent)
    assert answer.status_code == 200, answer.text
    assert await world.stored(service_id) == before
    plan: dict[str, Any] = answer.json()
    assert (plan["traffic"], plan["complete"]) == ([], True)
    return plan


PATHS = {"src_path": "https://b.obs.example.com/in/", "dest_path": "obs://b/out/"}
OTHER = {**PATHS, "dest_path": "obs://b/other"}
RUN, ACTIVE = ServiceStatus.RUNNING, TaskState.ACTIVE
DONE, STOPPED, FAILED = ServiceStatus.FINISHED, ServiceStatus.STOPPED, ServiceStatus.FAILED
Plans = dict[str, tuple[ServiceStatus, TaskState, dict[str, Any], dict[str, Any], tuple[int, int, int]]]
PLANS: Plans = {
    "another config": (
        *(RUN, ACTIVE, {"config": [batch(dest_path="obs://b/other")]}),
        *({"does": "begins", "supersedes": "t-1", "workers": 1, **OTHER}, (0, 0, 1)),
    ),
    "another model's workers": (
        *(RUN, ACTIVE, {"config": [batch(envs={"A": "b"})]}),
        *({"does": "begins", "supersedes": "t-1", "workers": 1, **PATHS}, (1, 1, 0)),
    ),
    "more workers": (
        *(RUN, ACTIVE, {"config": [batch(instance_count=3)]}),
        *({"does": "continues", "task_id": "t-1", "workers": 3, **PATHS}, (2, 0, 1)),
    ),
    "stopped": (
        *(RUN, ACTIVE, {"status": "stopped"}),
        *({"does": "stops", "task_id": "t-1", "workers": 0, **PATHS}, (0, 1, 0)),
    ),
    "a word": (
        *(RUN, ACTIVE, {"description": "x"}),
        *({"does": "continues", "task_id": "t-1", "workers": 1, **PATHS}, (0, 0, 1)),
    ),
    "started again": (
        *(STOPPED, TaskState.STOPPED, {"status": "running"}),
        *({"does": "resumes", "task_id": "t-1", "workers": 1, **PATHS}, (1, 0, 0)),
    ),
    "run again": (
        *(DONE, TaskState.FINISHED, {"status": "running"}),
        *({"does": "begins", "workers": 1, **PATHS}, (1, 0, 0)),
    ),
    "run again with its config": (
        *(DONE, TaskState.FINISHED, {"status": "running", "config": [batch()]}),
        *({"does": "begins", "workers": 1, **PATHS}, (1, 0, 0)),
    ),
    "the same config": (
        *(DONE, TaskState.FINISHED, {"config": [batch()]}),
        *({"does": "nothing", "task_id": "t-1", "workers": 0, **PATHS}, (0, 0, 0)),
    ),
}


@pytest.mark.parametrize(("status", "state", "sent", "task", "moves"), PLANS.values(), ids=PLANS.keys())
async def test_what_a_change_would_do(
    world: ApiWorld,
    status: ServiceStatus,
    state: TaskState,
    sent: dict[str, Any],
    task: dict[str, Any],
    moves: tuple[int, int, int],
) -> None:
    plan = await planned(world, await with_task(world, status, state), sent)
    assert plan["task"] == task
    assert [(t["starts"], t["stops"], t["stays"]) for t in plan["instances"]] == [moves]


async def test_what_trying_failed_rows_again_would_do(world: ApiWorld) -> None:
    service_id = await with_task(world, DONE, TaskState.FINISHED, Counts(rows=3, rows_failed=2))
    answer = await world.call("POST", f"{SERVICES}/{service_id}/tasks/t-1/retry-failed?dry_run=true")
    assert answer.status_code == 200, answer.text
    assert answer.json()["task"] == {"does": "resumes", "task_id": "t-1", "workers": 1, **PATHS}


async def test_what_creating_would_do(world: ApiWorld) -> None:
    answer = (await world.call("POST", f"{SERVICES}?dry_run=true", body(batch(instance_count=2)))).json()
    assert (answer["creates"], answer["task"]) == (True, {"does": "begins", "workers": 2, **PATHS})
    assert (answer["room"]["instances_at_most"], answer["room"]["surge_resources"]["cpu"]) == (2, 4.0)
    assert (await world.call("GET", SERVICES)).json()["count"] == 0
